/*
 * Submission: the queue of one turn.
 */
#include "backend/io_uring.h"
#include "backend/io_uring_prepare.h"

#include <poll.h>

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

bool eddyi_uring_fill_queue(struct eddyi_uring *u)
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
