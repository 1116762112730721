#include "task/wait.h"

#include "base/exception.h"
#include "base/log.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"
#include "task/wait_graph.h"

#include <stdio.h>

/* Asks the wait to end early on behalf of a cancellation. */
static bool cancel_wait(struct eddyi_wait *w, const eddy_exception *message)
{
    const eddy_exception *before = w->message;

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

bool eddyi_wait_cancel(struct eddyi_wait *w, const eddy_exception *message)
{
    return !w->over && cancel_wait(w, message);
}

/* A cancellation that is due already goes to the wait at once; it stays due if the wait cannot be
 * ended. */
static void cancel_due(eddy_task *t, struct eddyi_wait *w)
{
    eddy_loop *loop = t->future.loop;

    if (eddyi_wait_cancel(w, t->future.cancel_message)) {
        t->must_cancel = false;
    } else if (loop->tasks.cancel_circled) {
        loop->tasks.cancel_circled = false;
        eddyi_report_circle(t);
    }
}

void eddyi_wait_park_cancelled(struct eddyi_wait *w)
{
    eddy_task *t = w->task;

    if (t->future.loop->closed) {
        eddyi_close_wait(w);
        return;
    }
    t->wait = w;
    w->since = t->future.loop->schedule.clock;
    cancel_due(t, w);
    eddyi_task_suspend(t);
    t->wait = NULL;
}

/* A lock, queue or event was used from another thread: says so, and at least leaves the loop
 * whole. */
void eddyi_wait_over_elsewhere(struct eddyi_wait *w)
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

/* One -ECANCELED answers every request made so far (rule 63). */
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
