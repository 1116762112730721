/*
 * Rings that cannot be used any more: the loop moves to another thread, or the kernel does not let
 * it wait.
 */
#include "backend/io_uring.h"
#include "backend/io_uring_ring.h"

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
void eddyi_uring_leave(struct eddyi_backend *b)
{
    struct eddyi_uring *u = eddyi_uring_of(b);
    int rc = 0;

    while (!u->ring_given_up && rc >= 0 && !eddyi_any_withheld() &&
           (any_of_files(&u->in_kernel) || any_of_files(&u->to_cancel))) {
        rc = io_uring_cq_ready(&u->ring) > 0 ? 0 : eddyi_sys_uring_wait(&u->ring, -1);
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
int eddyi_uring_move_here(struct eddyi_uring *u)
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
void eddyi_uring_give_up(struct eddyi_uring *u, int rc)
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
