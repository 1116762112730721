/*
 * Futures inside: state, result, and who is told.
 *
 *   PENDING --set_result, set_exception--> FINISHED   status, value, exception
 *           --cancel---------------------> CANCELLED  exception, cancel_message
 *
 * Whoever wants to know puts a hook on the list; the end of the future queues each hook's ready
 * item, in order. A kind of future that cancels or dies in its own way (task, gather, …) has its
 * own ops.
 */
#ifndef EDDYI_FUTURE_H
#define EDDYI_FUTURE_H

#include "base/assert.h"
#include "base/direct.h"
#include "base/list.h"
#include "eddy/future.h"
#include "loop/loop.h"
#include "task/awaitable.h"

enum eddyi_future_state { EDDYI_PENDING, EDDYI_FINISHED, EDDYI_CANCELLED };

/*
 * Of a kind of future that is cancelled by cancelling others, and ends when they have: a request on
 * its way through it. See cancel.c.
 */
struct eddyi_branching {
    eddy_future *from; /* where the request came from; NULL: it began here */
    size_t next;       /* the next that is to be cancelled */
    bool under_way;
    bool accepted;  /* by one of the others */
    bool requested; /* at some time it was */
};

struct eddyi_future_ops {
    const char *noun; /* for messages: "Future", "Task" */
    /* Ends it early, with @message (may be NULL); false if it was done. NULL: it is a task, or
     * branches. */
    bool (*cancel)(eddy_future *f, const eddy_exception *message);
    /* NULL: it does not. Else what is noted of a request, and *ret, the next of the others; NULL:
     * there are no more. */
    struct eddyi_branching *(*branch)(eddy_future *f, eddy_future **ret);
    /* The last reference is gone: frees it, after eddyi_future_fini(). */
    void (*destroy)(eddy_future *f);
};

struct eddy_future {
    struct eddy_awaitable base;
    enum eddyi_future_state state : 8;
    bool unretrieved; /* failed, and nobody has asked yet (rule 36) */
    bool value_taken; /* somebody was given the value */
    unsigned refs;
    int status;
    void *value;
    eddy_exception
        *exception; /* of a failure. CANCELLED: handed to the first who asks, then NULL (rule 33) */
    eddy_exception *
        /* CANCELLED: for all who ask later. On a pending task: of the latest request */
        cancel_message;
    eddy_loop *loop; /* owned */
    struct eddyi_list hooks;
    const struct eddyi_future_ops *ops;
};

/*
 * Of a future that holds a reference to itself until others have ended: in loop->tasks.pending
 * meanwhile. close() has it let go: the loop closes.
 */
struct eddyi_pending {
    struct eddyi_list link;
    void (*close)(struct eddyi_pending *p);
};

/* One who is to be told. Removing it also takes back what is queued already. */
struct eddyi_hook {
    struct eddyi_list link;
    struct eddyi_ready *ready; /* queued when the future is done */
    /* the future, if it is to be kept alive until the item has run; else NULL */
    eddy_future *keep;
    /* the task that waits by it, or the future others wait for; NULL: a callback */
    eddy_future *waiter;
};

static inline void eddyi_future_init(eddy_future *f, eddy_loop *loop,
                                     const struct eddyi_future_ops *ops)
{
    *f = (eddy_future){.base = {.kind = EDDYI_FUTURE}, .refs = 1, .ops = ops};
    f->loop = eddyi_loop_hold(loop);
    eddyi_list_init(&f->hooks);
}

void eddyi_future_fini_slow(eddy_future *f); /* Slow path of eddyi_future_fini(). */

static inline void eddyi_future_fini(eddy_future *f)
{
    if (f->unretrieved || f->exception || f->cancel_message || !eddyi_list_empty(&f->hooks))
        eddyi_future_fini_slow(f);
    eddyi_loop_release(f->loop);
}

/* Slow path of eddyi_future_unref(): the reference is the last. */
EDDYI_DIRECT void eddyi_future_unref_last(eddy_future *f);

/* eddy_future_unref() of one that is not NULL, without a call. */
static inline void eddyi_future_unref(eddy_future *f)
{
    EDDYI_ASSERT(!eddyi_loop_elsewhere(f->loop));
    if (f->refs > 1)
        f->refs--;
    else
        eddyi_future_unref_last(f);
}

/*
 * The same on behalf of a future that is being freed itself: not by recursion, see
 * eddy_awaitable_drop(). A task owns no other future.
 */
static inline void eddyi_future_release(eddy_future *f)
{
    if (f->base.kind == EDDYI_TASK)
        eddyi_future_unref(f);
    else
        eddy_awaitable_drop(&f->base);
}

static inline bool eddyi_future_done(const eddy_future *f)
{
    return f->state != EDDYI_PENDING;
}

/* Ends a pending future and queues its hooks; takes over the reference to @e (may be NULL). */
EDDYI_DIRECT void eddyi_future_finish(eddy_future *f, int status, void *value, eddy_exception *e);
void eddyi_future_finish_cancelled(eddy_future *f, eddy_exception *e, eddy_exception *message);

/*
 * Cancels @f as its kind does; borrows @message, which may be NULL. Returns 1 if it accepted, 0 if
 * it was done; raises EDDY_EMISUSE if it waits for itself, so that nothing was cancelled.
 */
int eddyi_future_cancel(eddy_future *f, const eddy_exception *message);

/* The plain future's cancel: it is cancelled at once. */
bool eddyi_future_cancel_plain(eddy_future *f, const eddy_exception *message);

/* Its value, for somebody who will have it; of a future that is done and did not fail. */
static inline void *eddyi_future_take(eddy_future *f)
{
    f->value_taken = true;
    return f->value;
}

/*
 * The outcome of a future that is done: its status; value and exception (may be NULL, the caller
 * owns a reference) besides. A CancelledError's message is handed out as CPython does.
 */
int eddyi_future_retrieve(eddy_future *f, void **ret_value, eddy_exception **ret_exception);

/* The status of one that failed or was cancelled; what it failed with is raised as the caller's
 * error. */
int eddyi_future_raise(eddy_future *f);

/* The outcome, of whichever kind: status and value, or raised. */
static inline int eddyi_future_retrieve_raise(eddy_future *f, void **ret_value)
{
    if (f->status < 0)
        return eddyi_future_raise(f);
    if (ret_value)
        *ret_value = eddyi_future_take(f);
    return f->status;
}

/*
 * Adds the hook of a pending future. Removing is harmless if it is on none. Who waits may then be
 * noted in it, for reports; what is noted must live as long as the hook.
 */
static inline void eddyi_future_hook(eddy_future *f, struct eddyi_hook *hook,
                                     struct eddyi_ready *ready)
{
    hook->ready = ready;
    hook->keep = NULL;
    hook->waiter = NULL;
    eddyi_list_append(&f->hooks, &hook->link);
}

static inline void eddyi_hook_init(struct eddyi_hook *hook)
{
    eddyi_list_init(&hook->link);
}

static inline void eddyi_hook_remove(struct eddyi_hook *hook)
{
    eddyi_list_remove(&hook->link);
}

/* The message of a cancellation as an exception; NULL if there is none, or no memory for it. */
eddy_exception *eddyi_cancel_message(const char *msg);

/* Empties a future's list of hooks; the users' done-callbacks on it are freed. */
void eddyi_done_callbacks_drop(struct eddyi_list *hooks);

/* Empties a queue of a closing loop: users' done-callbacks are freed, eddy's own items run, to let
 * go of things. */
void eddyi_done_callbacks_drop_queued(struct eddyi_list *list);

static inline eddy_future *eddyi_future_of(eddy_awaitable *x)
{
    return (eddy_future *)(void *)x;
}

#endif
