/*
 * Concurrent futures: a result, and the watchers to tell of it.
 *
 *   PENDING ---begin---> RUNNING ---finish---> ENDING ---> FINISHED    status, value, exception
 *      |                                       ^  |
 *      '------------finish, cancel-------------'  '------> CANCELLED
 *
 * The thread that ends a future claims it first, by one atomic step to ENDING. Then it writes the
 * outcome, once; readers need no lock when the state says that the outcome is there. Watchers,
 * callbacks and sleeping threads are on lists that a mutex guards. A thread that ends a future must
 * hold a reference. Locks are taken in this order: the mutex of a concurrent future, of an
 * executor, of a loop.
 *
 * A private future is known only to its executor and to one wrapper (wrap.c). These two need no
 * mutex; they meet in one word, @sole_watcher:
 *
 *   the watcher ---unwatch---> NULL      it will not be told
 *        |
 *        '---------tell------> TELLING   it is being told, and then it may be gone, and the future
 *                                |       with it: nothing changes any more
 *                                '-----> UNTOLD, if it could not be told
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

/* An internal watcher that is told of the end; lies in its owner's storage. */
struct eddyi_watcher {
    struct eddyi_list link;
    /*
     * Tells @w that the future is done. Called in the thread that ended the future, with the mutex
     * locked: it may post to a loop, and nothing more. If @reference is true, the watcher also
     * takes over a reference to the future. Returns false if the watcher could not be told; then it
     * has taken nothing.
     */
    bool (*done)(struct eddyi_watcher *w, bool reference);
};

struct eddyi_concurrent_ops {
    /* Called after a cancellation, with the mutex locked: the result is not wanted. NULL: no
     * action. */
    void (*cancelled)(eddy_concurrent_future *cf);
    /* Called when the last reference is gone: calls eddyi_concurrent_fini() and frees @cf. */
    void (*destroy)(eddy_concurrent_future *cf);
};

struct eddy_concurrent_future {
    atomic_uint refs;
    atomic_int state;
    int status;
    atomic_bool value_taken; /* the value has an owner */
    bool private;            /* see above; set before the future is shared */
    void *value;
    eddy_exception *exception; /* owned; NULL if the status says everything */
    /* the watcher of a private future, which has no list of watchers */
    _Atomic(struct eddyi_watcher *) sole_watcher;
    struct eddyi_list watchers;
    /* the user's callbacks, in the order of their registration */
    struct concurrent_callback *callbacks, **last_callback;
    /* the loop that must turn for the future to end, not to be dereferenced; NULL: none */
    const eddy_loop *loop;
    unsigned fork_number; /* like that of a loop */
    const struct eddyi_concurrent_ops *ops;
};

void eddyi_concurrent_init(eddy_concurrent_future *cf, const struct eddyi_concurrent_ops *ops);
void eddyi_concurrent_fini(eddy_concurrent_future *cf);

/* Lock and unlock the mutex of @cf, which other futures share: no thread locks those of two futures
 * at the same time. */
void eddyi_concurrent_lock(eddy_concurrent_future *cf);
void eddyi_concurrent_unlock(eddy_concurrent_future *cf);

/* Sleeps until @cf may be done; the mutex is unlocked meanwhile. @deadline is of CLOCK_MONOTONIC;
 * NULL: none. Returns 0 or a positive errno. */
int eddyi_concurrent_sleep(eddy_concurrent_future *cf, const struct timespec *deadline);

static inline bool eddyi_concurrent_done(const eddy_concurrent_future *cf)
{
    return atomic_load_explicit(&cf->state, memory_order_acquire) >= EDDYI_CF_FINISHED;
}

/* Moves @cf from PENDING to RUNNING. Returns false if it was cancelled; then the cancelling thread
 * no longer uses it. */
bool eddyi_concurrent_begin(eddy_concurrent_future *cf);

/*
 * Ends @cf with an outcome. Takes ownership of the reference to @e (NULL is allowed). Returns false
 * if @cf has ended already. finish() and finish_cancelled() are the owner's and work in any state;
 * cancel() works only in PENDING.
 */
bool eddyi_concurrent_finish(eddy_concurrent_future *cf, int status, void *value,
                             eddy_exception *e);

/* Finishes a future that this thread began, and drops a reference to it. */
void eddyi_concurrent_finish_begun(eddy_concurrent_future *cf, int status, void *value,
                                   eddy_exception *e);
bool eddyi_concurrent_finish_cancelled(eddy_concurrent_future *cf, eddy_exception *e);
bool eddyi_concurrent_cancel(eddy_concurrent_future *cf);

/* Waits until @cf is done, as eddy_concurrent_future_result() does, but returns 0 whatever the
 * outcome. */
int eddyi_concurrent_wait(eddy_concurrent_future *cf, double timeout);

/*
 * watch() adds a watcher, or tells it at once; the watcher of a private future is added before that
 * future is shared. unwatch() removes one; it returns false if the watcher was told or, with a
 * private future, is being told. wait_untold() waits for the end of a telling that is known to
 * fail.
 */
void eddyi_concurrent_watch(eddy_concurrent_future *cf, struct eddyi_watcher *w);
bool eddyi_concurrent_unwatch(eddy_concurrent_future *cf, struct eddyi_watcher *w);
void eddyi_concurrent_wait_untold(eddy_concurrent_future *cf);

/* Returns the status of a future that is done, and sets *ret_value and *ret_exception. The caller
 * owns *ret_exception. */
int eddyi_concurrent_outcome(eddy_concurrent_future *cf, void **ret_value,
                             eddy_exception **ret_exception);

/* Notes that the value of @cf has an owner. */
void eddyi_concurrent_take(eddy_concurrent_future *cf);

/* Returns 0, or raises EDDY_EFORKED. */
int eddyi_concurrent_check(const eddy_concurrent_future *cf);

/* Implements eddy_wrap_future(), for any loop of this thread. */
eddy_future *eddyi_wrap_future(eddy_loop *loop, eddy_concurrent_future *cf);

/* Returns the future that @f wraps, or NULL if @f is another kind of future. */
eddy_concurrent_future *eddyi_wrapped_source(const eddy_future *f);

#endif
