/*
 * Results: final ones, operations that have to wait and be tried again, and results of no
 * operation.
 */
#include "backend/io_uring.h"
#include "backend/io_uring_prepare.h"

/* Returns true if the operation has to wait: kernels before about 5.15 do not wait on non-blocking
 * sockets, and a connection may be under way already. */
static bool has_to_wait(const struct eddyi_op *op, int result)
{
    if (op->kind == EDDYI_OP_CONNECT)
        return result == -EINPROGRESS || result == -EALREADY;
    return result == -EAGAIN && op->kind != EDDYI_OP_POLL && !eddyi_op_is_of_files(op);
}

bool eddyi_uring_cannot_be_polled(const struct eddyi_op *op)
{
    bool transfer = op->kind == EDDYI_OP_READ || op->kind == EDDYI_OP_WRITE;

    return transfer && op->rw.offset >= 0;
}

/* Ends an operation with its result. */
static void end(struct eddyi_uring *u, struct eddyi_op *op, int64_t result)
{
    if (result >= 0)
        eddyi_uring_wrote(op, (size_t)result);
    eddyi_uring_finish(u, op, result);
}

static void submit_polling(struct eddyi_uring *u, struct eddyi_op *op)
{
    op->state |= EDDYI_POLLING;
    eddyi_uring_move(op, EDDYI_TO_SUBMIT, &u->to_submit);
}

static void end_in_vain(struct eddyi_uring *u, struct eddyi_op *op)
{
    op->in_vain = true;
    eddyi_uring_finish(u, op, -EAGAIN);
}

static int64_t call(const struct eddyi_op *op)
{
    if (op->kind == EDDYI_OP_SEND)
        return eddyi_sys_send(op->fd, op->io.buf, op->io.size);
    if (op->kind == EDDYI_OP_SENDMSG)
        return eddyi_sys_sendmsg(op->fd, op->message.msg, op->message.flags);
    if (op->kind == EDDYI_OP_READ)
        return eddyi_sys_ready_readv(op->fd, op->rw.iov, op->rw.n);
    return eddyi_sys_ready_writev(op->fd, op->rw.iov, op->rw.n);
}

static void call_by_hand(struct eddyi_uring *u, struct eddyi_op *op)
{
    int64_t n = call(op);

    if (n == -EAGAIN)
        end_in_vain(u, op);
    else
        eddyi_uring_finish(u, op, n);
}

static void wait_for_it(struct eddyi_uring *u, struct eddyi_op *op)
{
    int rc;

    if (!eddyi_uring_cannot_be_polled(op)) {
        submit_polling(u, op);
        return;
    }
    eddyi_list_remove(&op->link);
    rc = eddyi_uring_give_to_pool(u, op);
    if (rc < 0)
        eddyi_uring_finish(u, op, rc);
}

void eddyi_uring_take_result(struct eddyi_uring *u, struct eddyi_op *op, int result)
{
    bool interrupted = result == -ECANCELED || result == -EINTR;
    bool polled = op->state & EDDYI_POLLING && result >= 0;

    op->in_kernel = false;
    if (op->cancelled && (interrupted || polled || has_to_wait(op, result))) {
        eddyi_uring_finish(u, op, -ECANCELED);
        return;
    }
    /* Cancelled, but not by this loop: the thread that submitted it has ended. */
    if (polled && op->state & EDDYI_BY_HAND) {
        call_by_hand(u, op);
    } else if (interrupted && op->state & EDDYI_BY_HAND) {
        submit_polling(u, op);
    } else if (interrupted || polled) {
        op->state &= ~(unsigned)EDDYI_POLLING;
        if (polled)
            op->state |= EDDYI_POLLED;
        eddyi_uring_move(op, EDDYI_TO_SUBMIT, &u->to_submit);
    } else if (has_to_wait(op, result) && op->state & EDDYI_POLLED &&
               op->kind != EDDYI_OP_CONNECT) {
        end_in_vain(u, op);
    } else if (has_to_wait(op, result)) {
        wait_for_it(u, op);
    } else {
        end(u, op, result);
    }
}

/*
 * Handles a wake-up. The waker is not read while it is polled in multishot mode: each write is an
 * event of its own, and its counter cannot overflow in a lifetime. A poll that ended is armed
 * again, and then the counter has to be 0.
 */
static void take_wake(struct eddyi_uring *u, const struct io_uring_cqe *cqe)
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

/* Keeps the result of a multishot operation. If memory is short, its connection is closed, as the
 * kernel does when it is short of memory. */
static void keep_arrival(struct eddyi_uring *u, struct eddyi_op *op, int result)
{
    if (u->n_arrivals == u->arrivals_size) {
        size_t n = u->arrivals_size ? 2 * u->arrivals_size : 64;
        struct eddyi_arrival *grown = eddyi_realloc(u->arrivals, n * sizeof *grown);

        if (!grown) {
            if (result >= 0)
                eddyi_uring_drop(op, result);
            return;
        }
        u->arrivals = grown;
        u->arrivals_size = n;
    }
    u->arrivals[u->n_arrivals++] = (struct eddyi_arrival){op, result};
}

void eddyi_uring_take_results(struct eddyi_uring *u)
{
    struct io_uring_cqe *cqe;
    struct eddyi_op *withheld;
    unsigned head, n = 0;
    int withheld_result;

    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        uint64_t data = io_uring_cqe_get_data64(cqe);

        n++;
        if (data == EDDYI_WAKER) {
            take_wake(u, cqe);
        } else if (data & EDDYI_SEND) {
            ((struct eddyi_send *)(uintptr_t)(data - EDDYI_SEND))->result =
                eddyi_sys_uring_result(cqe);
        } else if (data != EDDYI_CANCEL_REQUEST) {
            /* The result of a request to cancel does not matter: that of the operation says
             * everything. */
            struct eddyi_op *op = (struct eddyi_op *)(uintptr_t)data;
            int result = eddyi_sys_uring_result(cqe);

            if (result < 0 && cqe->res >= 0 && !(op->state & EDDYI_POLLING))
                eddyi_uring_drop(op, cqe->res);
            if (cqe->flags & IORING_CQE_F_MORE)
                keep_arrival(u, op, result);
            else if (!eddyi_withhold(op, result))
                eddyi_uring_take_result(u, op, result);
        }
    }
    io_uring_cq_advance(&u->ring, n);
    withheld = eddyi_withheld_take(&withheld_result);
    if (withheld)
        eddyi_uring_take_result(u, withheld, withheld_result);
}
