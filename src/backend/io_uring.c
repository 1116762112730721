/*
 * The backend on io_uring(7): operations go to the kernel in one batch per turn, in the call that also waits.
 *
 * submit() and cancel() only link the operation into a list. The next wait() writes the lists into the submission
 * queue, enters the kernel once, and takes the results out. So an operation is in exactly one list:
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
 * A completion names its operation by address. The address may be in use for another operation soon after,
 * but what still asks to cancel the earlier one is ahead of the later one in the submission queue, and
 * finds nothing.
 *
 * The ring may have one thread only (SINGLE_ISSUER; that is what lets completions be gathered in the waiting call, DEFER_TASKRUN, 17 %
 * less work per message). A loop may be made in one thread and run in another, so the ring is made disabled
 * and enabled by the first wait(); when yet another thread comes (EEXIST), it gets a ring of its own.
 */
#include "backend/backend.h"
#include "backend/io_uring_prepare.h"
#include "backend/io_uring_ring.h"
#include "backend/pool.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* user_data of what is no operation; those are addresses. */
enum { CANCEL_REQUEST = 0, WAKER = 1 };

/* op->state, and a flag beside it: the kernel polls on behalf of the operation, which is then submitted again. */
enum { TO_SUBMIT, IN_KERNEL, DONE, IN_POOL, STATE = 3, POLLING = 4 };

/* What a wait that cannot be had now is put off for, in nanoseconds. */
enum { BREATHER = 1000000 };

struct uring {
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
    uint64_t opcodes;       /* bit n: the kernel knows operation n */
    struct eddyi_pool pool; /* for those it does not know, and for what it has no operation */
};

static struct uring *of(struct eddyi_backend *b)
{
    return eddyi_container(b, struct uring, backend);
}

static struct eddyi_op *op_of(struct eddyi_list *l)
{
    return eddyi_container(l, struct eddyi_op, link);
}

static int open_ring(struct uring *u, char *reason, size_t reason_size)
{
    int rc = eddyi_ring_make(&u->ring, &u->disabled);

    if (rc < 0)
        return eddyi_ring_refused(rc, "io_uring_setup", reason, reason_size);
    rc = eddyi_ring_check(&u->ring, &u->opcodes, reason, reason_size);
    if (rc < 0)
        eddyi_sys_uring_exit(&u->ring);
    return rc;
}

static int uring_open(struct eddyi_backend **ret, char *reason, size_t reason_size)
{
    struct uring *u = eddyi_zalloc(sizeof *u);
    int rc;

    if (!u)
        return -ENOMEM;
    u->backend.ops = &eddyi_backend_io_uring;
    u->pid = eddyi_sys_pid();
    eddyi_list_init(&u->to_submit);
    eddyi_list_init(&u->to_cancel);
    eddyi_list_init(&u->in_kernel);
    eddyi_list_init(&u->done);
    eddyi_pool_init(&u->pool, &u->backend);

    rc = u->wakefd = eddyi_sys_eventfd();
    if (rc < 0) {
        eddyi_pool_fini(&u->pool);
        eddyi_free(u);
        snprintf(reason, reason_size, "eventfd: %s", strerror(-rc));
        return rc;
    }
    rc = open_ring(u, reason, reason_size);
    if (rc < 0) {
        eddyi_pool_fini(&u->pool);
        eddyi_sys_close(u->wakefd);
        eddyi_free(u);
        return rc;
    }
    *ret = &u->backend;
    return 0;
}

static void uring_close(struct eddyi_backend *b)
{
    struct uring *u = of(b);

    eddyi_pool_fini(&u->pool);
    /* In a forked child the ring is not mapped; by now something else may be where it was. */
    if (u->pid != eddyi_sys_pid())
        eddyi_sys_close(u->ring.ring_fd);
    else if (!u->gone)
        eddyi_sys_uring_exit(&u->ring);
    eddyi_sys_close(u->wakefd);
    eddyi_free(u);
}

/* Operations on their way in. */

static int give_to_pool(struct uring *u, struct eddyi_op *op)
{
    op->state = IN_POOL;
    op->lent = false;
    return eddyi_pool_submit(&u->pool, op);
}

static bool is_native(const struct uring *u, const struct eddyi_op *op)
{
    int opcode = eddyi_uring_opcode(op);

    return opcode >= 0 && u->opcodes >> opcode & 1;
}

/* Into a pipe nobody reads from, the kernel would write with a SIGPIPE: it polls, and the call is made here. */
static bool is_written_by_hand(const struct eddyi_op *op)
{
    return op->kind == EDDYI_OP_WRITE && op->rw.offset < 0 && eddyi_sys_pollable(op->fd) == 0;
}

static int uring_submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct uring *u = of(b);
    bool by_hand = is_written_by_hand(op);

    op->cancelled = op->lent = false;
    if (!by_hand && !is_native(u, op))
        return give_to_pool(u, op);
    if (op->fd < 0 && !eddyi_op_is_of_files(op))
        return -EBADF;
    /* The kernel would call a file ready; epoll refuses it, and so does this. */
    if (op->kind == EDDYI_OP_POLL) {
        int rc = eddyi_sys_pollable(op->fd);

        if (rc < 0)
            return rc;
    }
    op->state = TO_SUBMIT | (by_hand ? POLLING : 0);
    eddyi_list_append(&u->to_submit, &op->link);
    return 0;
}

static void move(struct eddyi_op *op, unsigned state, struct eddyi_list *to)
{
    eddyi_list_remove(&op->link);
    eddyi_list_append(to, &op->link);
    op->state = (op->state & POLLING) | state;
}

static void finish(struct uring *u, struct eddyi_op *op, int64_t result)
{
    op->result = result;
    move(op, DONE, &u->done);
}

static void uring_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct uring *u = of(b);

    if (op->cancelled || (op->state & STATE) == DONE)
        return;
    if ((op->state & STATE) == IN_POOL) {
        if (eddyi_pool_withdraw(&u->pool, op))
            finish(u, op, -ECANCELED);
        return;
    }
    op->cancelled = true;
    if ((op->state & STATE) == TO_SUBMIT)
        finish(u, op, -ECANCELED);
    else
        move(op, IN_KERNEL, &u->to_cancel);
}

/* A free entry of the submission queue; a full one is submitted first. NULL: the kernel takes no more for now. */
static struct io_uring_sqe *get_entry(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (sqe || eddyi_sys_uring_submit(&u->ring) < 0)
        return sqe;
    return io_uring_get_sqe(&u->ring);
}

static bool arm_waker(struct uring *u)
{
    struct io_uring_sqe *sqe = u->waker_armed ? NULL : get_entry(u);

    if (!sqe)
        return u->waker_armed;
    if (u->waker_once)
        io_uring_prep_poll_add(sqe, u->wakefd, POLLIN);
    else
        io_uring_prep_poll_multishot(sqe, u->wakefd, POLLIN);
    io_uring_sqe_set_data64(sqe, WAKER);
    u->waker_armed = true;
    return true;
}

/* The kernel need not try what has just been tried. COOP_TASKRUN came with the flag that says so (5.19). */
static void prepare(struct uring *u, struct io_uring_sqe *sqe, struct eddyi_op *op)
{
    if (op->state & POLLING) {
        eddyi_uring_prepare_poll(sqe, op);
        return;
    }
    eddyi_uring_prepare(sqe, op);
    if ((op->tried || op->waits) && u->ring.flags & IORING_SETUP_COOP_TASKRUN)
        eddyi_uring_poll_first(sqe, op);
}

/* Writes all that is to be told to the kernel into the queue. False if it did not take everything. */
static bool fill_queue(struct uring *u)
{
    struct io_uring_sqe *sqe;

    if (!arm_waker(u))
        return false;
    while (!eddyi_list_empty(&u->to_cancel)) {
        struct eddyi_op *op = op_of(u->to_cancel.next);

        sqe = get_entry(u);
        if (!sqe)
            return false;
        io_uring_prep_cancel64(sqe, (uintptr_t)op, 0);
        io_uring_sqe_set_data64(sqe, CANCEL_REQUEST);
        move(op, IN_KERNEL, &u->in_kernel);
    }
    while (!eddyi_list_empty(&u->to_submit)) {
        struct eddyi_op *op = op_of(u->to_submit.next);

        sqe = get_entry(u);
        if (!sqe)
            return false;
        prepare(u, sqe, op);
        io_uring_sqe_set_data64(sqe, (uintptr_t)op);
        op->lent = true;
        move(op, IN_KERNEL, &u->in_kernel);
    }
    return true;
}

/* Results on their way out. */

/* Kernels before 5.15 or so do not wait on non-blocking sockets; and a connection may be under way already. */
static bool has_to_wait(const struct eddyi_op *op, int result)
{
    if (op->kind == EDDYI_OP_CONNECT)
        return result == -EINPROGRESS || result == -EALREADY;
    return result == -EAGAIN && op->kind != EDDYI_OP_POLL && !eddyi_op_is_of_files(op);
}

/* A file that does not say when it is ready: the kernel gives up on non-blocking ones of some file systems. */
static bool cannot_be_polled(const struct eddyi_op *op)
{
    bool transfer = op->kind == EDDYI_OP_READ || op->kind == EDDYI_OP_WRITE;

    return transfer && (op->rw.offset >= 0 || eddyi_sys_pollable(op->fd) == -EPERM);
}

/* An operation that has its result. */
static void end(struct uring *u, struct eddyi_op *op, int64_t result)
{
    if (result >= 0)
        eddyi_uring_wrote(op, (size_t)result);
    finish(u, op, result);
}

static void submit_polling(struct uring *u, struct eddyi_op *op)
{
    op->state |= POLLING;
    move(op, TO_SUBMIT, &u->to_submit);
}

static void write_by_hand(struct uring *u, struct eddyi_op *op)
{
    int64_t n = eddyi_sys_ready_writev(op->fd, op->rw.iov, op->rw.n);

    if (n == -EAGAIN)
        submit_polling(u, op);
    else
        finish(u, op, n);
}

static void wait_for_it(struct uring *u, struct eddyi_op *op)
{
    int rc;

    if (!cannot_be_polled(op)) {
        submit_polling(u, op);
        return;
    }
    eddyi_list_remove(&op->link);
    rc = give_to_pool(u, op);
    if (rc < 0)
        finish(u, op, rc);
}

static void take_result(struct uring *u, struct eddyi_op *op, int result)
{
    bool interrupted = result == -ECANCELED || result == -EINTR;
    bool polled = op->state & POLLING && result >= 0;

    op->lent = false;
    if (op->cancelled && (interrupted || polled || has_to_wait(op, result))) {
        finish(u, op, -ECANCELED);
        return;
    }
    /* Cancelled, but not by us: the thread that submitted it has ended. */
    if (polled && op->kind == EDDYI_OP_WRITE) {
        write_by_hand(u, op);
    } else if (interrupted && op->kind == EDDYI_OP_WRITE && op->state & POLLING) {
        submit_polling(u, op);
    } else if (interrupted || polled) {
        op->state &= ~(unsigned)POLLING;
        move(op, TO_SUBMIT, &u->to_submit);
    } else if (has_to_wait(op, result)) {
        wait_for_it(u, op);
    } else {
        end(u, op, result);
    }
}

/*
 * The waker is not read while it is polled in multishot mode: each write is an event of its own, and the counter cannot overflow
 * in a lifetime. A poll that ends is armed again, and then the counter has to be 0.
 */
static void take_wake(struct uring *u, const struct io_uring_cqe *cqe)
{
    if (cqe->flags & IORING_CQE_F_MORE)
        return;
    u->waker_armed = false;
    if (cqe->res == -EINVAL)
        u->waker_once = true;
    else if (cqe->res < 0 && cqe->res != -ECANCELED)
        u->short_of_memory = true;
    eddyi_sys_eventfd_drain(u->wakefd);
}

static void take_results(struct uring *u)
{
    struct io_uring_cqe *cqe;
    struct eddyi_op *held;
    unsigned head, n = 0;
    int held_result;

    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        uint64_t data = io_uring_cqe_get_data64(cqe);

        n++;
        if (data == WAKER) {
            take_wake(u, cqe);
        } else if (data != CANCEL_REQUEST) {
            /* What became of a request to cancel does not matter: the operation itself will say. */
            struct eddyi_op *op = (struct eddyi_op *)(uintptr_t)data;
            int result = eddyi_sys_uring_result(cqe);

            if (result < 0 && cqe->res >= 0 && !(op->state & POLLING))
                eddyi_uring_drop(op, cqe->res);
            if (!eddyi_held_keep(op, result))
                take_result(u, op, result);
        }
    }
    io_uring_cq_advance(&u->ring, n);
    held = eddyi_held_take(&held_result);
    if (held)
        take_result(u, held, held_result);
}

/* Completes what is done by now; what is done meanwhile waits for the next time. */
static void deliver(struct uring *u)
{
    struct eddyi_list batch;
    struct eddyi_list *l;

    eddyi_list_init(&batch);
    eddyi_list_move_all(&batch, &u->done);
    while ((l = eddyi_list_pop(&batch)))
        op_of(l)->complete(op_of(l));
}

static bool any_of_files(const struct eddyi_list *list)
{
    EDDYI_LIST_EACH(l, list) {
        const struct eddyi_op *op = op_of(l);

        if (!(op->state & POLLING) && (eddyi_op_is_of_files(op) || cannot_be_polled(op)))
            return true;
    }
    return false;
}

/*
 * What the kernel does with files it does in threads of its own, whether or not anybody asks for the result: a ring that replaces this one
 * would have it done again, and a descriptor that was opened would be nobody's. So those results are waited for.
 */
static void uring_leave(struct eddyi_backend *b)
{
    struct uring *u = of(b);
    int rc = 0;

    while (!u->gone && rc >= 0 && !eddyi_held_any() &&
           (any_of_files(&u->in_kernel) || any_of_files(&u->to_cancel))) {
        rc = io_uring_cq_ready(&u->ring) > 0 ? 0 : eddyi_sys_uring_wait(&u->ring, -1);
        if (rc == -EINTR || rc == -EAGAIN || rc == -EBUSY)
            rc = 0;
        take_results(u);
    }
}

/*
 * Replaces the ring, which belongs to another thread, by one for this thread. What the old one has as results counts; what it
 * was still waiting for is submitted again. Nothing gets lost: without its thread the kernel only notes that a
 * descriptor is ready, and makes no call; operations on files ended before that one left.
 */
static int move_here(struct uring *u)
{
    struct io_uring ring;
    struct eddyi_list *l;
    bool disabled;
    int rc = eddyi_ring_make(&ring, &disabled);

    if (rc < 0)
        return rc;
    take_results(u);
    eddyi_sys_uring_exit(&u->ring);
    u->ring = ring;
    u->disabled = disabled;
    u->waker_armed = false;

    eddyi_list_move_all(&u->in_kernel, &u->to_cancel);
    while ((l = eddyi_list_pop(&u->in_kernel)))
        take_result(u, op_of(l), -ECANCELED);
    return 0;
}

/*
 * Waiting has failed and failed again: ends every operation with that error, since nobody could ever be told of its
 * result. Exiting alone would have the kernel let go of their memory too, but only some time later.
 */
static void give_up(struct uring *u, int rc)
{
    struct eddyi_list *l;

    if (!u->gone) {
        eddyi_sys_uring_cancel_all(&u->ring);
        take_results(u);
        eddyi_sys_uring_exit(&u->ring);
    }
    u->gone = true;
    u->waker_armed = false;

    eddyi_list_move_all(&u->in_kernel, &u->to_cancel);
    eddyi_list_move_all(&u->in_kernel, &u->to_submit);
    while ((l = eddyi_list_pop(&u->in_kernel))) {
        op_of(l)->lent = false;
        finish(u, op_of(l), rc);
    }
    eddyi_pool_settle(&u->pool, &u->done);
}

/* Enters the kernel, once, and not at all if there is nothing to be had from it. */
static int enter(struct uring *u, int64_t timeout)
{
    unsigned flags = IO_URING_READ_ONCE(*u->ring.sq.kflags);

    if (timeout != 0)
        return eddyi_sys_uring_wait(&u->ring, timeout);
    if (io_uring_sq_ready(&u->ring) == 0 && !(flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)))
        return 0;
    return eddyi_sys_uring_look(&u->ring);
}

/* Has a ring that this thread may wait with. */
static int have_ring(struct uring *u)
{
    int rc = 0;

    if (u->gone)
        rc = eddyi_ring_make(&u->ring, &u->disabled);
    if (rc == 0)
        u->gone = false;
    if (rc == 0 && u->disabled)
        rc = eddyi_sys_uring_enable(&u->ring);
    if (rc == 0)
        u->disabled = false;
    return rc;
}

/* Tells the kernel everything and waits for the first result. 0, or -errno. */
static int exchange(struct uring *u, int64_t timeout)
{
    bool all_told = fill_queue(u);
    bool at_hand = !all_told || atomic_load(&u->pool.any_done) || !eddyi_list_empty(&u->done) ||
                   io_uring_cq_ready(&u->ring) > 0;
    int rc = enter(u, at_hand ? 0 : timeout);

    if (rc == -EEXIST)
        rc = move_here(u);
    u->short_of_memory = rc == -EAGAIN || rc == -EBUSY;
    if (u->short_of_memory)
        rc = 0;
    take_results(u);
    eddyi_pool_take(&u->pool, &u->done);
    if (u->short_of_memory && timeout != 0 && eddyi_list_empty(&u->done))
        eddyi_sys_nap(u->wakefd, timeout < 0 || timeout > BREATHER ? BREATHER : timeout);
    /* EINTR: a signal handler may have left something for the loop to look at. */
    return rc == -ETIME || rc == -EINTR || rc > 0 ? 0 : rc;
}

static int uring_wait(struct eddyi_backend *b, int64_t timeout)
{
    struct uring *u = of(b);
    int rc = have_ring(u);

    if (rc == 0)
        rc = exchange(u, timeout);
    if (rc < 0 && u->failed)
        give_up(u, rc);
    u->failed = rc < 0;
    deliver(u);
    return rc;
}

static void uring_wake(struct eddyi_backend *b)
{
    eddyi_sys_eventfd_signal(of(b)->wakefd);
}

static int64_t uring_now(struct eddyi_backend *b)
{
    return eddyi_sys_now();
}

const struct eddyi_backend_ops eddyi_backend_io_uring = {
    .name = "io_uring",
    .open = uring_open,
    .close = uring_close,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .wait = uring_wait,
    .leave = uring_leave,
    .wake = uring_wake,
    .now = uring_now,
};
