/*
 * Threads for blocking work: operations on files that the kernel cannot do otherwise, and arbitrary
 * calls.
 *
 * Each backend has a pool of its own, so that closing a loop ends its threads, and a forked child
 * inherits no state of other loops to repair. A thread is started when an operation finds none
 * idle, at most four, and leaves when it has been idle for a second. An operation that no thread
 * has begun can be withdrawn; one that has begun is waited for.
 *
 * All functions must be called in the loop's thread.
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
    bool started; /* only for the loop's thread: the thread has to be joined */
    bool left;    /* guarded by the mutex: the thread takes no more operations */
};

struct eddyi_pool {
    struct eddyi_backend *backend; /* woken when an operation is done */
    long pid;                      /* a forked child has the struct, but not the threads */
    /* only for the loop's thread: operations taken and not given back */
    unsigned n_outstanding;
    atomic_bool any_done; /* tells without the mutex whether @done is empty */

    pthread_mutex_t mutex; /* guards the fields that follow */
    pthread_cond_t work;   /* threads sleep here */
    pthread_cond_t news;   /* eddyi_pool_settle() sleeps here */
    struct eddyi_list queue, done;
    unsigned n_queued, n_idle;
    bool closing;
    struct eddyi_pool_thread threads[EDDYI_POOL_THREADS];
};

void eddyi_pool_init(struct eddyi_pool *p, struct eddyi_backend *b);
/* Ends the pool, when no operation is outstanding. Waits for the threads to leave. */
void eddyi_pool_fini(struct eddyi_pool *p);

/* Submits @op, whose caller was noted. Returns 0, or -errno if there is no thread to run it; then
 * it was not taken. */
int eddyi_pool_submit(struct eddyi_pool *p, struct eddyi_op *op);

/* Removes @op from the queue. Returns false if a thread has begun it, or it is done. */
bool eddyi_pool_withdraw(struct eddyi_pool *p, struct eddyi_op *op);

/* Moves the finished operations, with their results, to the end of @to. */
EDDYI_DIRECT void eddyi_pool_take(struct eddyi_pool *p, struct eddyi_list *to);

/* Takes operations as eddyi_pool_take() does, after all outstanding ones have ended; for a backend
 * that cannot wait. */
void eddyi_pool_settle(struct eddyi_pool *p, struct eddyi_list *to);

/* Called in a child of fork(), where the threads do not exist. */
void eddyi_pool_forked(struct eddyi_pool *p);

/* Makes the call of an operation, here and now, with the identity of its submitter. */
int64_t eddyi_op_perform(const struct eddyi_op *op);

#endif
