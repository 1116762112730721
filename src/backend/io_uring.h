/*
 * The backend on io_uring(7), internal: operations go to the kernel in one batch per turn, in the
 * call that also waits.
 *
 * submit() and cancel() only link the operation into a list. The next wait() writes the lists into
 * the submission queue, enters the kernel once, and takes the results. So an operation is in
 * exactly one list:
 *
 *     submit() -> to_submit -> in_kernel -> done -> complete()
 *                     |         ^     |       ^
 *                     |         |   cancel()  |
 *                     |         |     v       |
 *                     |         +- to_cancel -+      (may end by itself before it is cancelled)
 *                     +-- cancel() -----------+      (the kernel never hears of it)
 *
 * An operation that the kernel does not have goes to the pool of threads instead, and from there to
 * done.
 *
 * A completion names its operation by address. Another operation may soon have the same address,
 * but the request to cancel the earlier one precedes the later one in the submission queue, and
 * finds nothing.
 *
 * Only one thread may use the ring (SINGLE_ISSUER, which allows DEFER_TASKRUN: completions are
 * gathered in the waiting call, 17 % less work per message). A loop may be made in one thread and
 * run in another, so the ring is made disabled, and the first wait() enables it; when yet another
 * thread comes (EEXIST), it gets a ring of its own.
 */
#ifndef EDDYI_IO_URING_H
#define EDDYI_IO_URING_H

#include "backend/backend.h"
#include "backend/pool.h"
#include "base/sys_uring.h"

/* Values of user_data other than the addresses of operations. EDDYI_SEND is added to the address of
 * a struct eddyi_send. */
enum { EDDYI_CANCEL_REQUEST = 0, EDDYI_WAKER = 1, EDDYI_SEND = 2 };

/*
 * op->state and its flags. POLLING: the kernel polls on behalf of the operation, which is then
 * submitted again. POLLED: it has polled, and the call can be made. BY_HAND: the call is made here.
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

/* One result of a multishot operation, to be delivered. */
struct eddyi_arrival {
    struct eddyi_op *op;
    int result;
};

struct eddyi_uring {
    struct eddyi_backend backend;
    struct io_uring ring;
    bool disabled;      /* until a thread has waited */
    bool ring_given_up; /* the ring was given up; the next wait makes another */
    bool wait_failed;   /* the latest wait failed for good */
    /* the kernel was short of memory, or of room for results, in the present wait */
    bool short_of_memory;
    int wakefd;
    bool waker_armed;
    bool waker_once; /* the kernel has no multishot poll (before 5.13) */
    long pid;        /* a forked child must not touch the ring */
    struct eddyi_list to_submit, to_cancel, in_kernel, done;
    struct eddyi_arrival *arrivals; /* delivered before @done */
    size_t n_arrivals, arrivals_size;
    uint64_t opcodes;       /* bit n: the kernel knows operation n */
    struct eddyi_pool pool; /* for operations that the kernel does not know, or does not have */
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

/* Queues an operation for delivery. */
static inline void eddyi_uring_finish(struct eddyi_uring *u, struct eddyi_op *op, int64_t result)
{
    op->result = result;
    eddyi_uring_move(op, EDDYI_DONE, &u->done);
}

static inline int eddyi_uring_give_to_pool(struct eddyi_uring *u, struct eddyi_op *op)
{
    op->state = EDDYI_IN_POOL;
    op->in_kernel = false;
    return eddyi_pool_submit(&u->pool, op);
}

/* send_batch() (io_uring_send.c). */
void eddyi_uring_send_batch(struct eddyi_backend *b, struct eddyi_send *sends, size_t n);

/* Take the kernel's results, and process one of them (io_uring_results.c). */
void eddyi_uring_take_results(struct eddyi_uring *u);
void eddyi_uring_take_result(struct eddyi_uring *u, struct eddyi_op *op, int result);

/* Returns true for a file that does not signal readiness: the kernel gives up on non-blocking files
 * of some file systems. */
bool eddyi_uring_cannot_be_polled(const struct eddyi_op *op);

#endif
