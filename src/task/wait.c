#include "task/wait.h"

#include "base/exception.h"
#include "base/log.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"
#include "task/wait_graph.h"

#include <stdio.h>

bool eddyi_wait_cancel(struct eddyi_wait *w, const eddy_exception *message)
{
    const eddy_exception *before = w->message;

    if (w->over)
        return false;
    w->message = eddy_exception_ref(message);
    if (!w->cancel(w)) {
        eddy_exception_unref(w->message);
        w->message = before;
        return false;
    }
    eddy_exception_unref(before);
    w->cancelled = true;
    return true;
}

void eddyi_wait_park_slow(struct eddyi_wait *w)
{
    eddy_task *t = w->task;

    if (t->future.loop->closed) {
        eddyi_close_wait(w);
        return;
    }
    t->wait = w;
    w->since = t->future.loop->schedule.clock;
    /* A pending cancellation ends the wait at once; it stays pending if the wait cannot end. */
    if (eddyi_wait_cancel(w, t->future.cancel_message))
        t->must_cancel = false;
    eddyi_task_suspend(t);
    t->wait = NULL;
}

/* Slow path of eddyi_wait_over(): a lock, queue or event was used from another thread. Reports it,
 * and posts the task so that the loop stays consistent. */
void eddyi_wait_over_slow(struct eddyi_wait *w)
{
    eddy_task *t = w->task;
    char name[100];

    eddyi_task_print_name(t, name, sizeof name);
    eddyi_log(EDDY_LOG_WARNING,
              "a thread that does not run its loop wakes task '%s', which waits for %s; only "
              "eddy_loop_call_soon_threadsafe() may do that",
              name, t->wait && t->wait->what ? t->wait->what : "an event");
    eddyi_loop_post(t->future.loop, &t->ready);
}

/* Raises -ECANCELED, once for all requests made so far (rule 63). */
int eddyi_wait_raise_cancelled(struct eddyi_wait *w)
{
    w->task->must_cancel = false;
    w->task->future.loop->tasks.cancel_round++;
    eddyi_error_set(&w->task->error, -ECANCELED, (eddy_exception *)w->message);
    w->message = NULL;
    return -ECANCELED;
}

EDDYI_DIRECT int64_t eddyi_wait_finish_with(struct eddyi_wait *w, int64_t result)
{
    eddy_task *t = w->task;

    if (!w->cancelled)
        return result;
    if (result < 0)
        return eddyi_wait_raise_cancelled(w);
    eddy_exception_unref(t->future.cancel_message);
    t->future.cancel_message = (eddy_exception *)w->message;
    w->message = NULL;
    t->must_cancel = true;
    return result;
}
