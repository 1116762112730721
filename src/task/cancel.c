/*
 * Cancellation: a request travels along the chain of waits to a wait that can end early.
 *
 * A task that awaits a future passes the request on to the future; a gather passes it on to each of
 * its children. The chain may be longer than any stack, so a loop walks it: each task and gather on
 * it records where the request came from.
 *
 * If tasks wait for each other in a cycle, no wait can end. CPython then raises RecursionError out
 * of every call on the request's way; here the loop's flag cancel_circled tells each of them, and
 * eddyi_future_cancel() turns it into an error for the caller. The tasks stay as they are until
 * their loop closes.
 *
 * A program that cancels all tasks of a long chain, one by one, sends the last task as many
 * requests. While no future has ended since, the later requests change nothing but counts; so they
 * are passed on through a limited number of tasks only. A circle is remembered for the same time.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"
#include "task/wait.h"

/* A request is passed on through at most this number of successive tasks that were asked before. */
enum { MAX_REPEATED = 100 };

struct request {
    const eddy_exception *message; /* borrowed; may be NULL */
    eddy_future *at;               /* the innermost future that it has passed through; NULL: none */
    unsigned repeated;             /* successive tasks that were asked before in this round */
    bool accepted;                 /* by the future that was asked last */
};

bool eddyi_task_take_cancel_slow(eddy_task *t)
{
    t->future.loop->tasks.cancel_round++;
    t->must_cancel = false;
    eddyi_error_set(&t->error, -ECANCELED, eddy_exception_ref(t->future.cancel_message));
    return true;
}

/* Lets the next step of @t end with the cancellation: no wait of it can end early. */
static bool cancel_at_next_step(eddy_task *t, const eddy_exception *message)
{
    eddy_exception *old = t->future.cancel_message;

    t->must_cancel = true;
    t->future.cancel_message = eddy_exception_ref(message);
    eddy_exception_unref(old);
    return true;
}

/* Handles a request that came back to a place it has been to: no wait can end early. The flag stops
 * the request on its whole way back. */
static void request_circled(struct request *r, eddy_loop *loop)
{
    loop->tasks.cancel_circled = true;
    r->accepted = false;
}

/* Returns the future that @t awaits, to which it passes a request on; NULL if it waits for
 * something else. */
static eddy_future *awaited_by(const eddy_task *t)
{
    return t->wait && !t->wait->over && eddyi_wait_is_await(t->wait) ? t->wait->future : NULL;
}

/* Returns whether a request that arrives at @t need not go further. */
static bool was_asked(struct request *r, eddy_task *t)
{
    if (t->asked == t->future.loop->tasks.cancel_round)
        return ++r->repeated > MAX_REPEATED;
    r->repeated = 0;
    t->asked = t->future.loop->tasks.cancel_round;
    t->circled = false;
    return false;
}

/* Handles the arrival at @t. Returns the future to which the request goes on, or NULL if it was
 * answered. */
static eddy_future *request_arrives_at_task(struct request *r, eddy_task *t)
{
    eddy_future *next;

    t->future.unretrieved = false;
    if (eddyi_future_done(&t->future)) {
        r->accepted = false;
        return NULL;
    }
    if (!t->visited)
        t->cancelling++;
    if (t->visited || (t->circled && t->asked == t->future.loop->tasks.cancel_round)) {
        request_circled(r, t->future.loop);
        return NULL;
    }
    next = awaited_by(t);
    if (!next) {
        r->accepted = (t->wait && eddyi_wait_cancel(t->wait, r->message)) ||
                      cancel_at_next_step(t, r->message);
        return NULL;
    }
    if (was_asked(r, t)) {
        r->accepted = true;
        return NULL;
    }
    t->visited = true;
    t->future.cancelled_from = r->at;
    r->at = &t->future;
    return next;
}

/* Handles the arrival at a gather or its kind, whose branches are asked on the way back. */
static void request_arrives_at_branching(struct request *r, eddy_future *f)
{
    eddy_future *first;
    struct eddyi_branching *b = f->ops->branch(f, &first);

    r->accepted = false;
    if (eddyi_future_done(f))
        return;
    if (b->under_way) {
        request_circled(r, f->loop);
        return;
    }
    *b = (struct eddyi_branching){.from = r->at, .under_way = true, .requested = b->requested};
    r->at = eddy_future_ref(f);
}

static eddy_future *request_arrives(struct request *r, eddy_future *f)
{
    if (f->base.kind == EDDYI_TASK)
        return request_arrives_at_task(r, eddyi_task_of(f));
    if (f->ops->branch)
        request_arrives_at_branching(r, f);
    else
        r->accepted = f->ops->cancel(f, r->message);
    return NULL;
}

/* Handles the answer of the future that @t awaits. */
static void request_leaves_task(struct request *r, eddy_task *t)
{
    if (t->future.loop->tasks.cancel_circled) {
        r->accepted = false;
        t->circled = true;
    } else if (!r->accepted) {
        r->accepted = cancel_at_next_step(t, r->message);
    }
    t->visited = false;
    r->at = t->future.cancelled_from;
    t->future.exception = NULL;
}

/* Handles the answer of a branch of @f. Returns the next branch, or NULL if all have answered. */
static eddy_future *request_leaves_branch(struct request *r, eddy_future *f)
{
    eddy_future *next;
    struct eddyi_branching *b = f->ops->branch(f, &next);

    b->accepted |= r->accepted;
    if (next && !f->loop->tasks.cancel_circled) {
        b->next++;
        return next;
    }
    r->accepted = b->accepted && !f->loop->tasks.cancel_circled;
    b->requested |= r->accepted;
    b->under_way = false;
    r->at = b->from;
    eddy_future_unref(f);
    return NULL;
}

static eddy_future *request_returns(struct request *r)
{
    if (r->at->ops->branch)
        return request_leaves_branch(r, r->at);
    request_leaves_task(r, eddyi_task_of(r->at));
    return NULL;
}

int eddyi_future_cancel(eddy_future *f, const eddy_exception *message)
{
    struct request r = {.message = message};
    eddy_future *next = f;

    do
        next = next ? request_arrives(&r, next) : request_returns(&r);
    while (next || r.at);
    if (!f->loop->tasks.cancel_circled)
        return r.accepted;
    f->loop->tasks.cancel_circled = false;
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

/* Makes the exception of a cancellation message; NULL if there is no message, or memory is
 * short. */
static eddy_exception *cancel_message_of(const char *msg)
{
    return msg ? eddy_exception_new(-ECANCELED, "%s", msg) : NULL;
}

bool eddy_future_cancel(eddy_future *f, const char *msg)
{
    eddy_exception *message;
    bool accepted;

    if (!f) {
        eddy_raise(-ENOMEM, NULL);
        return false;
    }
    if (eddyi_is_gone(&f->base))
        return false;
    if (eddyi_loop_elsewhere(f->loop) && eddyi_loop_check(f->loop) < 0)
        return false;
    message = eddyi_future_done(f) ? NULL : cancel_message_of(msg);
    accepted = eddyi_future_cancel(f, message) > 0;
    eddy_exception_unref(message);
    return accepted;
}

bool eddy_task_cancel(eddy_task *t, const char *msg)
{
    return eddy_future_cancel(eddy_task_future(t), msg);
}
