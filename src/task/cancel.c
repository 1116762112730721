/*
 * Cancellation: a request travels along what the task waits for, to where something can end early.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "task/task.h"

bool eddyi_task_take_cancel(eddy_task *t)
{
    if (!t->must_cancel)
        return false;
    t->must_cancel = false;
    eddyi_error_set(&t->error, -ECANCELED, eddy_exception_ref(t->future.cancel_message));
    return true;
}

int eddyi_task_yield(eddy_task *t)
{
    if (t->future.loop->closed) {
        eddyi_close_yield(t);
    } else {
        eddyi_loop_ready(t->future.loop, &t->ready);
        eddyi_task_suspend(t);
    }
    return eddyi_task_take_cancel(t) ? -ECANCELED : 0;
}

/* There is nothing that could end early: the next step does. */
static void cancel_at_next_step(eddy_task *t, const eddy_exception *message)
{
    eddy_exception *old = t->future.cancel_message;

    t->must_cancel = true;
    t->future.cancel_message = eddy_exception_ref(message);
    eddy_exception_unref(old);
}

/* The task that @t waits for directly, NULL if it waits for something else. */
static eddy_task *awaited_task(const eddy_task *t)
{
    if (!t->wait || !eddyi_wait_is_await(t->wait) || eddyi_future_done(t->wait->future))
        return NULL;
    return eddy_future_as_task(t->wait->future);
}

/* The request came back to a task that it went through, by way of a gather: the task waits for itself. */
static void come_full_circle(eddy_task *t)
{
    if (t->wait && !t->wait->over && eddyi_wait_is_await(t->wait))
        eddyi_await_break(t->wait);
}

/*
 * A chain of tasks each of which awaits the next is walked in a loop, not by recursion: it may be longer than any
 * stack. Where it bites its own tail nothing could ever end, so the last wait is broken off.
 */
bool eddyi_task_cancel(eddy_task *first, const eddy_exception *message)
{
    eddy_task *last = first, *next;

    first->future.unretrieved = false;
    if (eddyi_future_done(&first->future))
        return false;
    if (first->visited) {
        come_full_circle(first);
        return true;
    }
    for (;; last = next) {
        last->future.unretrieved = false;
        last->cancelling++;
        last->visited = true;
        next = awaited_task(last);
        if (!next || next->visited)
            break;
    }
    if (next)
        eddyi_await_break(last->wait);
    else if (!last->wait || !eddyi_wait_cancel(last->wait, message))
        cancel_at_next_step(last, message);

    for (eddy_task *t = first; t != last; t = awaited_task(t))
        t->visited = false;
    last->visited = false;
    return true;
}

bool eddy_task_cancel(eddy_task *t, const char *msg)
{
    return eddy_future_cancel(&t->future, msg);
}
