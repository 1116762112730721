/*
 * Futures: state, result, and hooks.
 *
 *   PENDING --set_result, set_exception--> FINISHED   status, value, exception
 *           --cancel---------------------> CANCELLED  exception, cancel_message
 *
 * To learn of the end of a future, a waiter puts a hook on its list; the end of the future queues
 * the ready item of each hook, in order. A kind of future with its own way to cancel or to be freed
 * (task, gather, …) has its own ops.
 */
#ifndef EDDYI_FUTURE_H
#define EDDYI_FUTURE_H

#include "base/assert.h"
#include "base/direct.h"
#include "base/list.h"
#include "eddy/future.h"
#include "loop/loop.h"
#include "task/awaitable.h"

struct eddyi_error;

enum eddyi_future_state { EDDYI_PENDING, EDDYI_FINISHED, EDDYI_CANCELLED };

/* A request on its way through a future that is cancelled by cancelling others, and ends when they
 * have ended. See cancel.c. */
struct eddyi_branching {
    eddy_future *from; /* the future that the request came from; NULL: it began here */
    size_t next;       /* index of the next future to cancel */
    bool under_way;
    bool accepted;  /* by one of the other futures */
    bool requested; /* a request was accepted at some time */
};

struct eddyi_future_ops {
    const char *noun; /* for messages: "Future", "Task" */
    /* Ends the future early, with @message (may be NULL). Returns false if it was done. NULL for a
     * task, and for a kind with `branch`. */
    bool (*cancel)(eddy_future *f, const eddy_exception *message);
    /* Returns the request on its way through the future, and in *ret the next of the futures to be
     * cancelled, or NULL if there are no more. NULL: the kind does not branch. */
    struct eddyi_branching *(*branch)(eddy_future *f, eddy_future **ret);
    /* Frees the future, after eddyi_future_fini(). Called when the last reference is dropped. */
    void (*destroy)(eddy_future *f);
};

struct eddy_future {
    struct eddy_awaitable base;
    enum eddyi_future_state state : 8;
    bool unretrieved; /* it failed, and its outcome was not retrieved (rule 36) */
    bool value_taken; /* the value was given to a caller */
    unsigned refs;
    int status;
    void *value;
    union {
        /* of a failure. CANCELLED: given to the first caller, then NULL (rule 33) */
        eddy_exception *exception;
        /* of a pending task that is visited: where the request to cancel it came from; NULL: it
         * began here */
        eddy_future *cancelled_from;
    };
    /* CANCELLED: for all later callers. Pending task: of the latest request */
    eddy_exception *cancel_message;
    eddy_loop *loop; /* owned */
    struct eddyi_list hooks;
    const struct eddyi_future_ops *ops;
};

/* Part of a future that holds a reference to itself until others have ended, and is in
 * loop->tasks.pending until then. close() makes it drop the reference when the loop closes. */
struct eddyi_pending {
    struct eddyi_list link;
    void (*close)(struct eddyi_pending *p);
};

/* A ready item that is queued when a future is done. Removing the hook also takes back a queued
 * item. */
struct eddyi_hook {
    struct eddyi_list link;
    struct eddyi_ready *ready; /* queued when the future is done */
    /* the future, if it is kept alive until the item has run; else NULL */
    eddy_future *keep;
    /* the task that waits, or the future for which others wait; NULL: a callback */
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

/* Drops a reference as eddy_future_unref() does, without a call; @f is not NULL. */
static inline void eddyi_future_unref(eddy_future *f)
{
    EDDYI_ASSERT(!eddyi_loop_elsewhere(f->loop));
    if (f->refs > 1)
        f->refs--;
    else
        eddyi_future_unref_last(f);
}

/*
 * Drops @f, a reference of a future that is itself being freed, without recursion: see
 * eddy_awaitable_drop(). A task owns no other future.
 */
static inline void eddyi_future_release(eddy_future *f)
{
    if (f->base.kind == EDDYI_TASK)
        eddyi_future_unref(f);
    else
        eddy_awaitable_drop(&f->base);
}

/* Reports the failure of @f, which was never retrieved. */
void eddyi_future_report_unretrieved(eddy_future *f);

/* The instruction that called for the making of @f; NULL: not known. */
const void *eddyi_future_caller(const eddy_future *f);

static inline bool eddyi_future_done(const eddy_future *f)
{
    return f->state != EDDYI_PENDING;
}

/* Ends a pending future and queues its hooks; takes ownership of @e, which may be NULL. */
EDDYI_DIRECT void eddyi_future_finish(eddy_future *f, int status, void *value, eddy_exception *e);

/* Ends the future of a task that has returned @rc: an error, whose exception is taken out of
 * @error, or the success of a task that was cancelled after its last suspension. */
void eddyi_future_finish_failed(eddy_future *f, int rc, struct eddyi_error *error);

/* Cancels @f in the way of its kind; borrows @message, which may be NULL. Returns 1 if it accepted,
 * 0 if it was done; raises EDDY_EMISUSE, and cancels nothing, if it waits for itself. */
int eddyi_future_cancel(eddy_future *f, const eddy_exception *message);

/* Cancels a plain future, at once. */
bool eddyi_future_cancel_plain(eddy_future *f, const eddy_exception *message);

/* Returns the value of a future that is done and has not failed, for a caller that keeps it. */
static inline void *eddyi_future_take(eddy_future *f)
{
    f->value_taken = true;
    return f->value;
}

/*
 * Returns the outcome of a future that is done: its status, and also *ret_value and *ret_exception.
 * The caller owns *ret_exception, which may be NULL. The message of a CancelledError is given out
 * as CPython does.
 */
int eddyi_future_retrieve(eddy_future *f, void **ret_value, eddy_exception **ret_exception);

/* Raises the error of a future that failed or was cancelled, and returns its status. */
int eddyi_future_raise(eddy_future *f);

/* Returns status and value of a future that is done, or raises its error. */
static inline int eddyi_future_retrieve_raise(eddy_future *f, void **ret_value)
{
    if (f->status < 0)
        return eddyi_future_raise(f);
    if (ret_value)
        *ret_value = eddyi_future_take(f);
    return f->status;
}

/* Adds @hook to a pending future. hook->waiter may be set afterwards, for reports; it must live as
 * long as the hook. Removing a hook is harmless if it is on no list. */
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

/* Empties a future's list of hooks, and frees the users' done-callbacks on it. */
void eddyi_done_callbacks_drop(struct eddyi_list *hooks);

/* Empties a queue of a closing loop: frees users' done-callbacks, and runs eddy's own items so that
 * they release their objects. */
void eddyi_done_callbacks_drop_queued(struct eddyi_list *list);

static inline eddy_future *eddyi_future_of(eddy_awaitable *x)
{
    return (eddy_future *)(void *)x;
}

#endif
