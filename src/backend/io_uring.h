/*
 * The backend on io_uring(7), inside: operations go to the kernel in one batch per turn, in the
 * call that also waits.
 *
 * submit() and cancel() only link the operation into a list. The next wait() writes the lists into
 * the submission queue, enters the kernel once, and takes the results out. So an operation is in
 * exactly one list:
 *
 *     submit() -> to_submit -> in_kernel -> done -> complete()
 *                     |         ^     |       ^
 *                     |         |   cancel()  |
 *                     |         |     v       |
 *                     |         +- to_cancel -+      (may end by itself before it is cancelled)
 *                     +-- cancel() -----------+      (the kernel never hears of it)
 *
 * What the kernel has no operation for goes to the pool of threads instead, and from there to done.
 *
 * A completion names its operation by address. The address may be in use for another operation soon
 * after, but what still asks to cancel the earlier one is ahead of the later one in the submission
 * queue, and finds nothing.
 *
 * The ring may have one thread only (SINGLE_ISSUER; that is what lets completions be gathered in
 * the waiting call, DEFER_TASKRUN, 17 % less work per message). A loop may be made in one thread
 * and run in another, so the ring is made disabled and enabled by the first wait(); when yet
 * another thread comes (EEXIST), it gets a ring of its own.
 */
#ifndef EDDYI_IO_URING_H
#define EDDYI_IO_URING_H

#include "backend/backend.h"
#include "backend/pool.h"
#include "base/sys_uring.h"

/* user_data of what is no operation; those are addresses. */
enum { EDDYI_CANCEL_REQUEST = 0, EDDYI_WAKER = 1 };

/*
 * op->state, and flags beside it: the kernel polls on behalf of the operation, which is then
 * submitted again; it has done so, and said that the call can be made; and that is made here.
 */
enum {
    EDDYI_TO_SUBMIT,
    EDDYI_IN_KERNEL,
    EDDYI_DONE,
    EDDYI_IN_POOL,
    EDDYI_STATE = 3,
    EDDYI_POLLING = 4,
    EDDYI_POLLED = 8,
    EDDYI_BY_HAND = 16
};

/* One of the results of a multishot operation, to be delivered. */
struct eddyi_arrival {
    struct eddyi_op *op;
    int result;
};

struct eddyi_uring {
    struct eddyi_backend backend;
    struct io_uring ring;
    bool disabled;        /* until a thread has waited */
    bool gone;            /* the ring was given up; the next wait makes another */
    bool failed;          /* the latest wait failed for good */
    bool short_of_memory; /* the kernel was, in the present wait; or of room for results */
    int wakefd;
    bool waker_armed;
    bool waker_once; /* the kernel has no multishot poll (before 5.13) */
    long pid;        /* a forked child must not touch the ring */
    struct eddyi_list to_submit, to_cancel, in_kernel, done;
    struct eddyi_arrival *arrivals; /* delivered before what is done */
    size_t n_arrivals, arrivals_size;
    uint64_t opcodes;       /* bit n: the kernel knows operation n */
    struct eddyi_pool pool; /* for those it does not know, and for what it has no operation */
};

static inline struct eddyi_uring *eddyi_uring_of(struct eddyi_backend *b)
{
    return eddyi_container(b, struct eddyi_uring, backend);
}

static inline struct eddyi_op *eddyi_uring_op(struct eddyi_list *l)
{
    return eddyi_container(l, struct eddyi_op, link);
}

static inline void eddyi_uring_move(struct eddyi_op *op, unsigned state, struct eddyi_list *to)
{
    eddyi_list_remove(&op->link);
    eddyi_list_append(to, &op->link);
    op->state = (op->state & ~(unsigned)EDDYI_STATE) | state;
}

/* Sets an operation down for delivery. */
static inline void eddyi_uring_finish(struct eddyi_uring *u, struct eddyi_op *op, int64_t result)
{
    op->result = result;
    eddyi_uring_move(op, EDDYI_DONE, &u->done);
}

static inline int eddyi_uring_give_to_pool(struct eddyi_uring *u, struct eddyi_op *op)
{
    op->state = EDDYI_IN_POOL;
    op->lent = false;
    return eddyi_pool_submit(&u->pool, op);
}

/* Writes all that is to be told to the kernel into the queue (io_uring_queue.c). False if it did
 * not take everything. */
bool eddyi_uring_fill_queue(struct eddyi_uring *u);

/* Takes out what the kernel has for us; and deals with one such result (io_uring_results.c). */
void eddyi_uring_take_results(struct eddyi_uring *u);
void eddyi_uring_take_result(struct eddyi_uring *u, struct eddyi_op *op, int result);

/* A file that does not say when it is ready: the kernel gives up on non-blocking ones of some file
 * systems. */
bool eddyi_uring_cannot_be_polled(const struct eddyi_op *op);

/* When the ring cannot be used any more (io_uring_leave.c). The first is the backend's leave(). */
void eddyi_uring_leave(struct eddyi_backend *b);
/* with a ring of this thread's; 0 or -errno */
int eddyi_uring_move_here(struct eddyi_uring *u);
void eddyi_uring_give_up(struct eddyi_uring *u, int rc); /* every operation ends with that error */

#endif
