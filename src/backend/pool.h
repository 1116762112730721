/*
 * Threads for what blocks: operations on files where the kernel has no other way, and arbitrary
 * calls.
 *
 * Each backend has a pool of its own, so that closing a loop ends its threads, and a forked child
 * inherits no state of other loops to repair. Threads are started as operations find none idle,
 * four at most, and leave when they have been idle for a second. An operation that no thread has
 * begun can be withdrawn; one that was begun is waited for.
 *
 * All functions are for the loop's thread.
 */
#ifndef EDDYI_POOL_H
#define EDDYI_POOL_H

#include "backend/backend.h"
#include "base/direct.h"

#include <pthread.h>
#include <stdatomic.h>

enum { EDDYI_POOL_THREADS = 4 };

struct eddyi_pool_thread {
    struct eddyi_pool *pool;
    pthread_t thread;
    bool started; /* the loop's thread's own: it has to be joined some time */
    bool left;    /* guarded by the mutex: it takes no more operations */
};

struct eddyi_pool {
    struct eddyi_backend *backend; /* is woken when something is done */
    long pid;                      /* a forked child has the struct, but not the threads */
    /* operations taken and not given back; the loop's thread's own */
    unsigned n_outstanding;
    atomic_bool any_done; /* a look at done without the mutex */

    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t work;   /* threads sleep here */
    pthread_cond_t news;   /* eddyi_pool_settle() sleeps here */
    struct eddyi_list queue, done;
    unsigned n_queued, n_idle;
    bool closing;
    struct eddyi_pool_thread threads[EDDYI_POOL_THREADS];
};

void eddyi_pool_init(struct eddyi_pool *p, struct eddyi_backend *b);
/* nothing is outstanding; waits for the threads to leave */
void eddyi_pool_fini(struct eddyi_pool *p);

/* 0, or -errno if there is no thread to run it: then it was not taken. Its caller has been
 * noted. */
int eddyi_pool_submit(struct eddyi_pool *p, struct eddyi_op *op);

/* Takes it out of the queue. False: a thread has begun it, or it is done. */
bool eddyi_pool_withdraw(struct eddyi_pool *p, struct eddyi_op *op);

/* Moves what is done, with its result, to the end of @to. */
EDDYI_DIRECT void eddyi_pool_take(struct eddyi_pool *p, struct eddyi_list *to);

/* The same after all that is outstanding has ended; for when the backend cannot wait. */
void eddyi_pool_settle(struct eddyi_pool *p, struct eddyi_list *to);

/* In a child of fork(): nothing will be done by threads that are not here. */
void eddyi_pool_forked(struct eddyi_pool *p);

/* Makes the call that an operation stands for, here and now, as whoever submitted it. */
int64_t eddyi_op_perform(const struct eddyi_op *op);

#endif
