/*
 * The backend on io_uring(7): its life cycle, the submission queue, waiting, and the end of a ring.
 * io_uring_prepare.c fills in the queue's entries, io_uring_results.c sorts the kernel's results,
 * io_uring_send.c makes sends in batches.
 */
#include "backend/io_uring.h"

#include "backend/io_uring_prepare.h"
#include "backend/io_uring_ring.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

/* Returns a free entry of the submission queue, submitting a full queue first. NULL: the kernel
 * takes no more for now. */
static struct io_uring_sqe *get_entry(struct eddyi_uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (sqe || eddyi_sys_uring_submit(&u->ring) < 0)
        return sqe;
    return io_uring_get_sqe(&u->ring);
}

static bool arm_waker(struct eddyi_uring *u)
{
    struct io_uring_sqe *sqe = u->waker_armed ? NULL : get_entry(u);

    if (!sqe)
        return u->waker_armed;
    if (u->waker_once)
        io_uring_prep_poll_add(sqe, u->wakefd, POLLIN);
    else
        io_uring_prep_poll_multishot(sqe, u->wakefd, POLLIN);
    io_uring_sqe_set_data64(sqe, EDDYI_WAKER);
    u->waker_armed = true;
    return true;
}

/* Prepares an operation. COOP_TASKRUN came with kernel 5.19, as did the flags that are set here. */
static void prepare(struct eddyi_uring *u, struct io_uring_sqe *sqe, struct eddyi_op *op)
{
    if (op->state & EDDYI_POLLING) {
        eddyi_uring_prepare_poll(sqe, op);
        return;
    }
    eddyi_uring_prepare(sqe, op);
    if (!(u->ring.flags & IORING_SETUP_COOP_TASKRUN))
        return;
    /* The kernel need not repeat a try that has just failed; with MSG_DONTWAIT it would not try at
     * all. */
    if ((op->tried || op->waits) && !(op->state & EDDYI_POLLED))
        eddyi_uring_poll_first(sqe, op);
    if (op->kind == EDDYI_OP_ACCEPT && op->accept.multishot)
        sqe->ioprio |= IORING_ACCEPT_MULTISHOT;
}

/*
 * Returns true if a thread of the pool must perform the operation. The kernel acts as the thread's
 * present identity, which may differ from that at submission.
 */
static bool is_for_pool(const struct eddyi_op *op, struct eddyi_identity *now, bool *known)
{
    if (op->state & EDDYI_POLLING || !eddyi_op_looks_at_names(op))
        return false;
    if (!*known)
        *now = eddyi_sys_identity();
    *known = true;
    return !eddyi_is_same_identity(*now, op->caller);
}

static void move_to_pool(struct eddyi_uring *u, struct eddyi_op *op)
{
    int rc;

    eddyi_list_remove(&op->link);
    rc = eddyi_uring_give_to_pool(u, op);
    if (rc < 0)
        eddyi_uring_finish(u, op, rc);
}

/* Writes everything that the kernel must know into the queue. Returns false if the queue did not
 * take all of it. */
static bool fill_queue(struct eddyi_uring *u)
{
    struct eddyi_identity now;
    struct io_uring_sqe *sqe;
    bool known = false;

    if (!arm_waker(u))
        return false;
    while (!eddyi_list_empty(&u->to_cancel)) {
        struct eddyi_op *op = eddyi_uring_op(u->to_cancel.next);

        sqe = get_entry(u);
        if (!sqe)
            return false;
        io_uring_prep_cancel64(sqe, (uintptr_t)op, 0);
        io_uring_sqe_set_data64(sqe, EDDYI_CANCEL_REQUEST);
        eddyi_uring_move(op, EDDYI_IN_KERNEL, &u->in_kernel);
    }
    while (!eddyi_list_empty(&u->to_submit)) {
        struct eddyi_op *op = eddyi_uring_op(u->to_submit.next);

        if (is_for_pool(op, &now, &known)) {
            move_to_pool(u, op);
            continue;
        }
        sqe = get_entry(u);
        if (!sqe)
            return false;
        prepare(u, sqe, op);
        io_uring_sqe_set_data64(sqe, (uintptr_t)op);
        op->in_kernel = true;
        eddyi_uring_move(op, EDDYI_IN_KERNEL, &u->in_kernel);
    }
    return true;
}

/* Waits for a result, @timeout nanoseconds at most (< 0: without limit). */
static int block(struct eddyi_uring *u, int64_t timeout)
{
    int rc;

    eddyi_backend_before_wait(&u->backend);
    rc = eddyi_sys_uring_wait(&u->ring, timeout);
    eddyi_backend_after_wait(&u->backend);
    return rc;
}

static bool any_of_files(const struct eddyi_list *list)
{
    EDDYI_LIST_EACH(l, list) {
        const struct eddyi_op *op = eddyi_uring_op(l);

        if (!(op->state & EDDYI_POLLING) &&
            (eddyi_op_is_of_files(op) || eddyi_uring_cannot_be_polled(op)))
            return true;
    }
    return false;
}

/*
 * Waits for the results of operations on files. The kernel performs them in threads of its own,
 * whether or not the results are taken: a new ring would have them done again, and a descriptor
 * that was opened would leak.
 */
static void uring_leave(struct eddyi_backend *b)
{
    struct eddyi_uring *u = eddyi_uring_of(b);
    int rc = 0;

    while (!u->ring_given_up && rc >= 0 && !eddyi_any_withheld() &&
           (any_of_files(&u->in_kernel) || any_of_files(&u->to_cancel))) {
        rc = io_uring_cq_ready(&u->ring) > 0 ? 0 : block(u, -1);
        if (rc == -EINTR || rc == -EAGAIN || rc == -EBUSY)
            rc = 0;
        eddyi_uring_take_results(u);
    }
}

/*
 * Replaces the ring, which belongs to another thread, by one of this thread. The results of the old
 * ring count; its waiting operations are submitted again. Nothing is lost: without its thread the
 * kernel only notes that a descriptor is ready, and makes no call; operations on files ended before
 * that thread left.
 */
static int move_here(struct eddyi_uring *u)
{
    struct io_uring ring;
    struct eddyi_list *l;
    bool disabled;
    int rc = eddyi_ring_make(&ring, &disabled);

    if (rc < 0)
        return rc;
    eddyi_uring_take_results(u);
    eddyi_sys_uring_exit(&u->ring);
    u->ring = ring;
    u->disabled = disabled;
    u->waker_armed = false;

    eddyi_list_move_all(&u->in_kernel, &u->to_cancel);
    while ((l = eddyi_list_pop(&u->in_kernel)))
        eddyi_uring_take_result(u, eddyi_uring_op(l), -ECANCELED);
    return 0;
}

/*
 * Ends every operation with @rc, after waiting has failed repeatedly: no result could ever be
 * delivered. Exiting the ring alone would make the kernel release the memory as well, but only some
 * time later.
 */
static void give_up(struct eddyi_uring *u, int rc)
{
    struct eddyi_list *l;

    if (!u->ring_given_up) {
        eddyi_sys_uring_cancel_all(&u->ring);
        eddyi_uring_take_results(u);
        eddyi_sys_uring_exit(&u->ring);
    }
    u->ring_given_up = true;
    u->waker_armed = false;

    eddyi_list_move_all(&u->in_kernel, &u->to_cancel);
    eddyi_list_move_all(&u->in_kernel, &u->to_submit);
    while ((l = eddyi_list_pop(&u->in_kernel))) {
        eddyi_uring_op(l)->in_kernel = false;
        eddyi_uring_finish(u, eddyi_uring_op(l), rc);
    }
    eddyi_pool_settle(&u->pool, &u->done);
}

/* The delay, in nanoseconds, of a wait that is impossible now. */
enum { RETRY_DELAY = 1000000 };

/*
 * A system call of the ring runs some twenty pieces of the kernel's work, unless it waits for more
 * (Linux 6.13). LOOKS: the most calls to have it release a file; LOOKS_IN_A_TURN: the most calls to
 * take results, 10 000 of them.
 */
enum { LOOKS = 64, LOOKS_IN_A_TURN = 512 };

static int open_ring(struct eddyi_uring *u, char *reason, size_t reason_size)
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
    struct eddyi_uring *u = eddyi_zalloc(sizeof *u);
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
    struct eddyi_uring *u = eddyi_uring_of(b);

    eddyi_pool_fini(&u->pool);
    /* In a forked child the ring is not mapped; other memory may be in its place by now. */
    if (u->pid != eddyi_sys_pid())
        eddyi_sys_close(u->ring.ring_fd);
    else if (!u->ring_given_up)
        eddyi_sys_uring_exit(&u->ring);
    eddyi_sys_close(u->wakefd);
    eddyi_free(u->arrivals);
    eddyi_free(u);
}

/* Submission. */

static bool is_native(const struct eddyi_uring *u, const struct eddyi_op *op)
{
    int opcode = eddyi_uring_opcode(op);

    return opcode >= 0 && u->opcodes >> opcode & 1;
}

/*
 * How a transfer is made:
 *
 * - By hand, on pipes, terminals and the like: the kernel polls, and the call is made here. Into a
 *   pipe without readers the kernel would write with a SIGPIPE; from a terminal that another reader
 *   has emptied, it would wait in the loop's thread (Linux 6.18), and with it all others.
 * - By hand, for a datagram: one that has to wait again, because others have filled the queue
 *   meanwhile, is sent empty, since the kernel goes on after the bytes that it took before (Linux
 *   6.18).
 * - By a thread, at a file's own position: a transfer that ends early (a full disk, a limit, a bad
 *   page) reports the bytes but leaves the position where it was (Linux 6.18), so that the next one
 *   would go to the same place; nor does the ring wait for others that use the position. read(2)
 *   and write(2) do both.
 */
enum way { BY_RING, BY_HAND, BY_THREAD };

static enum way way_of(const struct eddyi_op *op)
{
    bool transfer = op->kind == EDDYI_OP_READ || op->kind == EDDYI_OP_WRITE;
    int rc = transfer && op->rw.offset < 0 ? eddyi_sys_pollable(op->fd) : -EBADF;
    bool datagram = op->kind == EDDYI_OP_SEND &&
                    eddyi_sys_get_option(op->fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM;

    if (rc == -EPERM)
        return BY_THREAD;
    if (datagram || op->kind == EDDYI_OP_SENDMSG || rc == 0)
        return BY_HAND;
    return BY_RING;
}

static int uring_submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct eddyi_uring *u = eddyi_uring_of(b);
    enum way way = way_of(op);

    op->cancelled = op->in_kernel = false;
    eddyi_op_note_caller(op);
    if (way == BY_THREAD || (way == BY_RING && !is_native(u, op)))
        return eddyi_uring_give_to_pool(u, op);
    if (op->fd < 0 && !eddyi_op_is_of_files(op))
        return -EBADF;
    /* The kernel would call a file ready; epoll refuses it, and so does this. A descriptor on which
     * a call would have blocked is no file. */
    if (op->kind == EDDYI_OP_POLL && !op->tried && !op->waits) {
        int rc = eddyi_sys_watchable(op->fd);

        if (rc < 0)
            return rc;
    }
    op->state = EDDYI_TO_SUBMIT | (way == BY_HAND ? EDDYI_POLLING | EDDYI_BY_HAND : 0);
    eddyi_list_append(&u->to_submit, &op->link);
    return 0;
}

static void uring_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct eddyi_uring *u = eddyi_uring_of(b);

    if (op->cancelled || (op->state & EDDYI_STATE) == EDDYI_DONE)
        return;
    if ((op->state & EDDYI_STATE) == EDDYI_IN_POOL) {
        if (eddyi_pool_withdraw(&u->pool, op))
            eddyi_uring_finish(u, op, -ECANCELED);
        return;
    }
    op->cancelled = true;
    if ((op->state & EDDYI_STATE) == EDDYI_TO_SUBMIT)
        eddyi_uring_finish(u, op, -ECANCELED);
    else
        eddyi_uring_move(op, EDDYI_IN_KERNEL, &u->to_cancel);
}

/*
 * Cancels an operation until the kernel has released its file, which stays open while the kernel
 * waits for it. One look may not be enough (LOOKS).
 */
static void uring_withdraw(struct eddyi_backend *b, struct eddyi_op *op)
{
    struct eddyi_uring *u = eddyi_uring_of(b);
    int rc = u->pid == eddyi_sys_pid() ? 0 : -ECHILD;

    uring_cancel(b, op);
    for (int i = 0; rc >= 0 && i < LOOKS && (op->state & EDDYI_STATE) == EDDYI_IN_KERNEL; i++) {
        rc = fill_queue(u) ? eddyi_sys_uring_look(&u->ring) : -EBUSY;
        if (rc >= 0)
            eddyi_uring_take_results(u);
    }
}

/* Waiting and delivery. */

/* Delivers the results of multishot operations. The last result of an operation may already be
 * behind these. */
static void deliver_arrivals(struct eddyi_uring *u)
{
    for (size_t i = 0; i < u->n_arrivals; i++) {
        struct eddyi_op *op = u->arrivals[i].op;
        bool over = (op->state & EDDYI_STATE) == EDDYI_DONE;
        int64_t last = op->result;

        op->result = u->arrivals[i].result;
        op->more = true;
        op->complete(op);
        op->more = false;
        if (over) /* if it ended only now, it was withdrawn, and has its result */
            op->result = last;
    }
    u->n_arrivals = 0;
}

/* Completes the operations that are done by now; those done meanwhile wait for the next time. */
static void deliver(struct eddyi_uring *u)
{
    struct eddyi_list batch;
    struct eddyi_list *l;

    deliver_arrivals(u);
    eddyi_list_init(&batch);
    eddyi_list_move_all(&batch, &u->done);
    while ((l = eddyi_list_pop(&batch)))
        eddyi_uring_op(l)->complete(eddyi_uring_op(l));
}

/* Returns true if the kernel keeps results back until the next system call. */
static bool has_more(const struct eddyi_uring *u)
{
    return IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

/* Enters the kernel once, or not at all if there is nothing to gain. */
static int enter(struct eddyi_uring *u, int64_t timeout)
{
    if (timeout != 0)
        return block(u, timeout);
    if (io_uring_sq_ready(&u->ring) == 0 && !has_more(u))
        return 0;
    return eddyi_sys_uring_look(&u->ring);
}

/*
 * Takes results until the kernel has no more. With twenty per turn, the last of a thousand busy
 * connections would wait for fifty turns, each made long by the others.
 */
static int take_all_results(struct eddyi_uring *u, int rc)
{
    eddyi_uring_take_results(u);
    for (int i = 0; rc >= 0 && i < LOOKS_IN_A_TURN && has_more(u); i++) {
        rc = eddyi_sys_uring_look(&u->ring);
        eddyi_uring_take_results(u);
    }
    return rc;
}

/* Ensures that there is a ring that this thread may wait with. */
static int have_ring(struct eddyi_uring *u)
{
    int rc = 0;

    if (u->ring_given_up)
        rc = eddyi_ring_make(&u->ring, &u->disabled);
    if (rc == 0)
        u->ring_given_up = false;
    if (rc == 0 && u->disabled)
        rc = eddyi_sys_uring_enable(&u->ring);
    if (rc == 0)
        u->disabled = false;
    return rc;
}

/* Sleeps for a while, since the kernel is short of memory, but not beyond @timeout nanoseconds. */
static void nap(struct eddyi_uring *u, int64_t timeout)
{
    eddyi_backend_before_wait(&u->backend);
    eddyi_sys_nap(u->wakefd, timeout < 0 || timeout > RETRY_DELAY ? RETRY_DELAY : timeout);
    eddyi_backend_after_wait(&u->backend);
}

/* Submits everything and waits for the first result. Returns 0 or -errno. */
static int exchange(struct eddyi_uring *u, int64_t timeout)
{
    bool all_told = fill_queue(u);
    bool at_hand = !all_told || atomic_load(&u->pool.any_done) || !eddyi_list_empty(&u->done) ||
                   u->n_arrivals > 0 || io_uring_cq_ready(&u->ring) > 0;
    int rc = enter(u, at_hand ? 0 : timeout);

    if (rc == -EEXIST)
        rc = move_here(u);
    u->short_of_memory = false;
    rc = take_all_results(u, rc);
    if (rc == -EAGAIN || rc == -EBUSY) {
        u->short_of_memory = true;
        rc = 0;
    }
    eddyi_pool_take(&u->pool, &u->done);
    if (u->short_of_memory && timeout != 0 && eddyi_list_empty(&u->done))
        nap(u, timeout);
    /* EINTR: a signal handler may have left work for the loop. */
    return rc == -ETIME || rc == -EINTR || rc > 0 ? 0 : rc;
}

static int uring_wait(struct eddyi_backend *b, int64_t timeout)
{
    struct eddyi_uring *u = eddyi_uring_of(b);
    int rc = have_ring(u);

    if (rc == 0)
        rc = exchange(u, timeout);
    if (rc < 0 && u->wait_failed)
        give_up(u, rc);
    u->wait_failed = rc < 0;
    deliver(u);
    return rc;
}

static void uring_wake(struct eddyi_backend *b)
{
    eddyi_sys_eventfd_signal(eddyi_uring_of(b)->wakefd);
}

static int64_t uring_now(struct eddyi_backend *b)
{
    return eddyi_sys_now();
}

/*
 * Closes the descriptors in a forked child, where the ring is not mapped. A call under way, if a
 * signal handler forked, reads the ring once more and finds it empty.
 */
static void uring_forked(struct eddyi_backend *b)
{
    struct eddyi_uring *u = eddyi_uring_of(b);

    if (!u->ring_given_up) {
        eddyi_sys_uring_blank(&u->ring);
        eddyi_sys_close(u->ring.ring_fd);
        u->ring.ring_fd = u->ring.enter_ring_fd = -1;
    }
    eddyi_sys_close(u->wakefd);
    u->wakefd = -1;
    eddyi_pool_forked(&u->pool);
}

const struct eddyi_backend_ops eddyi_backend_io_uring = {
    .name = "io_uring",
    .open = uring_open,
    .close = uring_close,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .withdraw = uring_withdraw,
    .send_batch = eddyi_uring_send_batch,
    .wait = uring_wait,
    .leave = uring_leave,
    .wake = uring_wake,
    .now = uring_now,
    .forked = uring_forked,
};
