/*
 * Cancellation: a request travels along what the task waits for, to where something can end early.
 *
 * Where tasks wait for each other in a circle there is no such place. CPython then raises RecursionError out of every call on
 * the request's way; here the loop's flag cancel_circled says so to each of them, and eddyi_cancel() turns it into an
 * error for whoever asked. The tasks stay as they are, until their loop closes.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"
#include "task/wait.h"

bool eddyi_task_take_cancel_due(eddy_task *t)
{
    t->must_cancel = false;
    eddyi_error_set(&t->error, -ECANCELED, eddy_exception_ref(t->future.cancel_message));
    return true;
}

/* There is nothing that could end early: the next step does. */
static bool cancel_at_next_step(eddy_task *t, const eddy_exception *message)
{
    eddy_exception *old = t->future.cancel_message;

    t->must_cancel = true;
    t->future.cancel_message = eddy_exception_ref(message);
    eddy_exception_unref(old);
    return true;
}

/* The task that @t waits for directly, NULL if it waits for something else. */
static eddy_task *awaited_task(const eddy_task *t)
{
    if (!t->wait || !eddyi_wait_is_await(t->wait) || eddyi_future_done(t->wait->future))
        return NULL;
    return eddy_future_as_task(t->wait->future);
}

/* The request came back to where it has been: nothing can end early. The flag stops it on its whole way back. */
static bool come_full_circle(eddy_task *t)
{
    t->future.loop->cancel_circled = true;
    return false;
}

/*
 * A chain of tasks each of which awaits the next is walked in a loop, not by recursion: it may be longer than any
 * stack. Recursion is left for what branches, such as gather.
 */
bool eddyi_task_cancel(eddy_task *first, const eddy_exception *message)
{
    eddy_loop *loop = first->future.loop;
    eddy_task *last = first, *next;
    bool accepted = true;

    first->future.unretrieved = false;
    if (eddyi_future_done(&first->future))
        return false;
    if (first->visited)
        return come_full_circle(first);
    for (;; last = next) {
        last->future.unretrieved = false;
        last->cancelling++;
        last->visited = true;
        next = awaited_task(last);
        if (!next || next->visited)
            break;
    }
    if (next)
        accepted = come_full_circle(last);
    else if (!last->wait || !eddyi_wait_cancel(last->wait, message))
        accepted = loop->cancel_circled ? false : cancel_at_next_step(last, message);

    for (eddy_task *t = first; t != last; t = awaited_task(t))
        t->visited = false;
    last->visited = false;
    return accepted;
}

int eddyi_cancel(eddy_future *f, const eddy_exception *message)
{
    bool accepted = eddyi_future_cancel(f, message);

    if (!f->loop->cancel_circled)
        return accepted;
    f->loop->cancel_circled = false;
    return eddy_raise(EDDY_EMISUSE, "cannot be cancelled: tasks wait for each other in a circle");
}

void eddyi_report_circle(eddy_task *t)
{
    eddy_exception_context context = {
        .message = "A task cannot be cancelled, because it waits for itself",
        .exception = eddy_error(),
        .task = t,
        .future = &t->future,
        .where = t->where,
    };

    eddy_loop_call_exception_handler(t->future.loop, &context);
}

bool eddy_task_cancel(eddy_task *t, const char *msg)
{
    return eddy_future_cancel(&t->future, msg);
}
