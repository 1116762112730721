/*
 * Concurrent futures inside: a result behind a mutex, and who is told.
 *
 *   PENDING ---begin---> RUNNING ---finish---> FINISHED   status, value, exception
 *      |                                          ^
 *      |-----------------finish-------------------'
 *      '---cancel---> CANCELLED
 *
 * State and outcome change once, with the mutex held, and are then read without it. A thread that ends one must hold a
 * reference. Locks are taken in this order: the mutex of a concurrent future, that of an executor, that of a loop.
 */
#ifndef EDDYI_CONCURRENT_H
#define EDDYI_CONCURRENT_H

#include "base/list.h"
#include "eddy/error.h"
#include "eddy/threads.h"

#include <pthread.h>
#include <stdatomic.h>

enum eddyi_concurrent_state { EDDYI_CF_PENDING, EDDYI_CF_RUNNING, EDDYI_CF_FINISHED, EDDYI_CF_CANCELLED };

/* One of eddy's own that is to be told; in the storage of whoever wants to know. */
struct eddyi_watcher {
    struct eddyi_list link;
    /* It is done. In the thread that ended it and with the mutex held: may post to a loop, and nothing more. */
    void (*done)(struct eddyi_watcher *w);
};

struct eddyi_concurrent_ops {
    /* It was cancelled, so nobody wants the result. With the mutex held. NULL: nothing to be done. */
    void (*cancelled)(eddy_concurrent_future *cf);
    /* The last reference is gone: frees it, after eddyi_concurrent_fini(). */
    void (*destroy)(eddy_concurrent_future *cf);
};

struct eddy_concurrent_future {
    atomic_uint refs;
    atomic_int state;
    atomic_bool value_taken; /* somebody was given the value */
    int status;
    void *value;
    eddy_exception *exception; /* owned, NULL if the status is all there is */
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    struct eddyi_list watchers;
    struct concurrent_callback *callbacks, **last_callback; /* users', in the order they were added */
    const eddy_loop *loop; /* whose turns it needs to get done, not to be dereferenced; NULL: none */
    unsigned fork_number;  /* as a loop's */
    const struct eddyi_concurrent_ops *ops;
};

void eddyi_concurrent_init(eddy_concurrent_future *cf, const struct eddyi_concurrent_ops *ops);
void eddyi_concurrent_fini(eddy_concurrent_future *cf);

static inline bool eddyi_concurrent_done(const eddy_concurrent_future *cf)
{
    return atomic_load_explicit(&cf->state, memory_order_acquire) >= EDDYI_CF_FINISHED;
}

/* From PENDING to RUNNING; false if it was cancelled. */
bool eddyi_concurrent_begin(eddy_concurrent_future *cf);

/*
 * End it, if it has not ended, and tell everybody; else false. Take over the reference to @e, which may be NULL. The first two for its
 * owner, from any state; the last from PENDING alone.
 */
bool eddyi_concurrent_finish(eddy_concurrent_future *cf, int status, void *value, eddy_exception *e);
bool eddyi_concurrent_finish_cancelled(eddy_concurrent_future *cf, eddy_exception *e);
bool eddyi_concurrent_cancel(eddy_concurrent_future *cf);

/* Waits until it is done; as eddy_concurrent_future_result(), but 0 whatever the outcome. */
int eddyi_concurrent_wait(eddy_concurrent_future *cf, double timeout);

/* Adds a watcher, or tells it at once. Removes one: false if it was told. */
void eddyi_concurrent_watch(eddy_concurrent_future *cf, struct eddyi_watcher *w);
bool eddyi_concurrent_unwatch(eddy_concurrent_future *cf, struct eddyi_watcher *w);

/* The outcome of one that is done: its status; value and exception (owned by the caller) besides. */
int eddyi_concurrent_outcome(eddy_concurrent_future *cf, void **ret_value, eddy_exception **ret_exception);

/* Notes that somebody has its value. */
void eddyi_concurrent_take(eddy_concurrent_future *cf);

/* 0, or EDDY_EFORKED as a raised error. */
int eddyi_concurrent_check(const eddy_concurrent_future *cf);

/* eddy_wrap_future() on any loop of this thread. */
eddy_future *eddyi_wrap_future(eddy_loop *loop, eddy_concurrent_future *cf);

/* What a wrapped future wraps; NULL if it is another kind of future. */
eddy_concurrent_future *eddyi_wrapped_source(const eddy_future *f);

#endif
