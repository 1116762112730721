/*
 * Concurrent futures inside: a result, and who is told.
 *
 *   PENDING ---begin---> RUNNING ---finish---> ENDING ---> FINISHED    status, value, exception
 *      |                                       ^  |
 *      '------------finish, cancel-------------'  '------> CANCELLED
 *
 * Who ends one claims it first: brings it to ENDING, by one atomic step. The outcome is then
 * written, once, and is read without a lock when the state says that it is there. Those who want to
 * know are on lists, which a mutex guards. A thread that ends one must hold a reference. Locks are
 * taken in this order: the mutex of a concurrent future, that of an executor, that of a loop.
 *
 * Of a private one only its executor and one wrapper (wrap.c) know. They need no mutex, but meet in
 * one word, @only:
 *
 *   the watcher ---unwatch---> NULL it will not be told '---------tell-------> TELLING it is being
 *       told, and then may be gone, and the future with it: nothing changes any more '----->
 *       UNTOLD, if it could not be told
 */
#ifndef EDDYI_CONCURRENT_H
#define EDDYI_CONCURRENT_H

#include "base/list.h"
#include "eddy/error.h"
#include "eddy/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum eddyi_concurrent_state {
    EDDYI_CF_PENDING,
    EDDYI_CF_RUNNING,
    EDDYI_CF_ENDING,
    EDDYI_CF_FINISHED,
    EDDYI_CF_CANCELLED
};

/* One of eddy's own that is to be told; in the storage of whoever wants to know. */
struct eddyi_watcher {
    struct eddyi_list link;
    /*
     * It is done. In the thread that ended it, and with the mutex held: may post to a loop, and
     * nothing more. With @reference the watcher gets a reference to the future besides. False: it
     * could not be told, and has got nothing.
     */
    bool (*done)(struct eddyi_watcher *w, bool reference);
};

struct eddyi_concurrent_ops {
    /* It was cancelled, so nobody wants the result. With the mutex held. NULL: nothing to be
     * done. */
    void (*cancelled)(eddy_concurrent_future *cf);
    /* The last reference is gone: frees it, after eddyi_concurrent_fini(). */
    void (*destroy)(eddy_concurrent_future *cf);
};

struct eddy_concurrent_future {
    atomic_uint refs;
    atomic_int state;
    int status;
    atomic_bool value_taken; /* somebody was given the value */
    bool private;            /* see above; set before it is shared */
    void *value;
    eddy_exception *exception;            /* owned, NULL if the status is all there is */
    _Atomic(struct eddyi_watcher *) only; /* of a private one, which has no list of watchers */
    struct eddyi_list watchers;
    /* users', in the order they were added */
    struct concurrent_callback *callbacks, **last_callback;
    /* whose turns it needs to get done, not to be dereferenced; NULL: none */
    const eddy_loop *loop;
    unsigned fork_number; /* as a loop's */
    const struct eddyi_concurrent_ops *ops;
};

void eddyi_concurrent_init(eddy_concurrent_future *cf, const struct eddyi_concurrent_ops *ops);
void eddyi_concurrent_fini(eddy_concurrent_future *cf);

/* The mutex of a future, which others may share with it: no thread has those of two at the same
 * time. */
void eddyi_concurrent_lock(eddy_concurrent_future *cf);
void eddyi_concurrent_unlock(eddy_concurrent_future *cf);

/* Sleeps until it may be done; gives the mutex up meanwhile. @deadline of CLOCK_MONOTONIC, NULL:
 * none. 0 or an errno. */
int eddyi_concurrent_sleep(eddy_concurrent_future *cf, const struct timespec *deadline);

static inline bool eddyi_concurrent_done(const eddy_concurrent_future *cf)
{
    return atomic_load_explicit(&cf->state, memory_order_acquire) >= EDDYI_CF_FINISHED;
}

/* From PENDING to RUNNING; false if it was cancelled, and whoever did that is finished with it. */
bool eddyi_concurrent_begin(eddy_concurrent_future *cf);

/*
 * End it, if it has not ended, and tell everybody; else false. Take over the reference to @e, which
 * may be NULL. The first two for its owner, from any state; the last from PENDING alone.
 */
bool eddyi_concurrent_finish(eddy_concurrent_future *cf, int status, void *value,
                             eddy_exception *e);

/* Finishes one that this thread began, and gives up a reference to it. */
void eddyi_concurrent_finish_begun(eddy_concurrent_future *cf, int status, void *value,
                                   eddy_exception *e);
bool eddyi_concurrent_finish_cancelled(eddy_concurrent_future *cf, eddy_exception *e);
bool eddyi_concurrent_cancel(eddy_concurrent_future *cf);

/* Waits until it is done; as eddy_concurrent_future_result(), but 0 whatever the outcome. */
int eddyi_concurrent_wait(eddy_concurrent_future *cf, double timeout);

/*
 * Adds a watcher, or tells it at once; the one of a private future is added before that is shared.
 * Removes one: false if it was told, or, of a private future, is just being told. When it is known
 * that telling it will come to nothing, the last waits for that.
 */
void eddyi_concurrent_watch(eddy_concurrent_future *cf, struct eddyi_watcher *w);
bool eddyi_concurrent_unwatch(eddy_concurrent_future *cf, struct eddyi_watcher *w);
void eddyi_concurrent_wait_untold(eddy_concurrent_future *cf);

/* The outcome of one that is done: its status; value and exception (owned by the caller)
 * besides. */
int eddyi_concurrent_outcome(eddy_concurrent_future *cf, void **ret_value,
                             eddy_exception **ret_exception);

/* Notes that somebody has its value. */
void eddyi_concurrent_take(eddy_concurrent_future *cf);

/* 0, or EDDY_EFORKED as a raised error. */
int eddyi_concurrent_check(const eddy_concurrent_future *cf);

/* eddy_wrap_future() on any loop of this thread. */
eddy_future *eddyi_wrap_future(eddy_loop *loop, eddy_concurrent_future *cf);

/* What a wrapped future wraps; NULL if it is another kind of future. */
eddy_concurrent_future *eddyi_wrapped_source(const eddy_future *f);

#endif
