#include "task/wait.h"

#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"

#include <stdio.h>

int eddyi_wait_init(struct eddyi_wait *w, bool (*cancel)(struct eddyi_wait *w))
{
    eddy_task *t = eddyi_task_here();

    *w = (struct eddyi_wait){.cancel = cancel, .task = t};
    return t ? 0 : EDDY_ENOTASK;
}

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

/* A cancellation that is due already goes to the wait at once; it stays due if the wait cannot be ended. */
static void cancel_due(eddy_task *t, struct eddyi_wait *w)
{
    eddy_loop *loop = t->future.loop;

    if (eddyi_wait_cancel(w, t->future.cancel_message)) {
        t->must_cancel = false;
    } else if (loop->cancel_circled) {
        loop->cancel_circled = false;
        eddyi_report_circle(t);
    }
}

void eddyi_wait_park(struct eddyi_wait *w)
{
    eddy_task *t = w->task;

    if (t->future.loop->closed) {
        eddyi_close_wait(w);
        return;
    }
    t->wait = w;
    w->since = t->future.loop->clock;
    if (t->must_cancel)
        cancel_due(t, w);
    eddyi_task_suspend(t);
    t->wait = NULL;
}

/* A lock, queue or event was used from another thread: says so, and at least leaves the loop whole. */
static void wake_from_elsewhere(eddy_task *t)
{
    fprintf(stderr,
            "eddy: a thread that does not run its loop wakes task %llu '%s', which waits for %s; only "
            "eddy_loop_call_soon_threadsafe() may do that\n",
            (unsigned long long)t->number, t->name ? t->name : "",
            t->wait && t->wait->what ? t->wait->what : "an event");
    eddyi_loop_post(t->future.loop, &t->ready);
}

void eddyi_wait_over(struct eddyi_wait *w)
{
    eddyi_must_hold(!w->over, "a wait is over twice");
    w->over = true;
    if (eddyi_loop_elsewhere(w->task->future.loop))
        wake_from_elsewhere(w->task);
    else
        eddyi_loop_ready(w->task->future.loop, &w->task->ready);
}

static int raise_cancelled(struct eddyi_wait *w)
{
    eddyi_error_set(&w->task->error, -ECANCELED, (eddy_exception *)w->message);
    w->message = NULL;
    return -ECANCELED;
}

int eddyi_wait_finish(struct eddyi_wait *w)
{
    if (w->cancelled) {
        /* One -ECANCELED answers every request made so far (rule 63). */
        w->task->must_cancel = false;
        return raise_cancelled(w);
    }
    return eddyi_task_take_cancel(w->task) ? -ECANCELED : 0;
}

int64_t eddyi_wait_finish_with(struct eddyi_wait *w, int64_t result)
{
    eddy_task *t = w->task;

    if (!w->cancelled)
        return result;
    if (result < 0) {
        t->must_cancel = false;
        return raise_cancelled(w);
    }
    eddy_exception_unref(t->future.cancel_message);
    t->future.cancel_message = (eddy_exception *)w->message;
    w->message = NULL;
    t->must_cancel = true;
    return result;
}
