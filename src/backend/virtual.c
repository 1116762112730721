/*
 * The virtual clock: time that moves only when it is waited for, and then at once.
 *
 * It starts at 0. A wait with a limit moves it by that much. A wait without a limit would last for
 * ever, since no event can come except from other threads; it is a deadlock. When a completion is
 * known to be on its way from another thread, the loop waits for that in real time, and virtual
 * time stands still. So it does for operations on files, which take no time.
 */
#include "backend/backend.h"

#include "backend/pool.h"
#include "base/sys.h"

#include <stdatomic.h>

struct virtual_clock {
    struct eddyi_backend backend;
    int64_t now;
    atomic_uint woken; /* 0 or 1; a futex for wait_for_wake */
    struct eddyi_pool pool;
    struct eddyi_list done;
};

static struct virtual_clock *of(struct eddyi_backend *b)
{
    return eddyi_container(b, struct virtual_clock, backend);
}

static int virtual_open(struct eddyi_backend **ret, char *reason, size_t reason_size)
{
    struct virtual_clock *v = eddyi_zalloc(sizeof *v);

    if (!v)
        return -ENOMEM;
    v->backend.ops = &eddyi_backend_virtual;
    eddyi_list_init(&v->done);
    eddyi_pool_init(&v->pool, &v->backend);
    *ret = &v->backend;
    return 0;
}

static void virtual_close(struct eddyi_backend *b)
{
    eddyi_pool_fini(&of(b)->pool);
    eddyi_free(of(b));
}

static int virtual_submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    bool transfer = op->kind == EDDYI_OP_READ || op->kind == EDDYI_OP_WRITE;
    int rc = transfer ? eddyi_sys_pollable(op->fd) : 0;

    op->in_kernel = false;
    eddyi_op_note_caller(op);
    /* A pipe could make the thread, and with it time, stand still for ever. */
    if (eddyi_op_is_of_files(op) || rc == -EPERM)
        return eddyi_pool_submit(&of(b)->pool, op);
    return rc < 0 ? rc : -EOPNOTSUPP;
}

static void virtual_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
    if (!eddyi_pool_withdraw(&of(b)->pool, op))
        return;
    op->result = -ECANCELED;
    eddyi_list_append(&of(b)->done, &op->link);
}

/* Completes the operations that are done by now; those done meanwhile wait for the next time.
 * Returns true if there were any. */
static bool deliver(struct virtual_clock *v)
{
    struct eddyi_list batch, *l;
    bool any;

    eddyi_list_init(&batch);
    eddyi_pool_take(&v->pool, &v->done);
    eddyi_list_move_all(&batch, &v->done);
    any = !eddyi_list_empty(&batch);
    while ((l = eddyi_list_pop(&batch))) {
        struct eddyi_op *op = eddyi_container(l, struct eddyi_op, link);

        op->complete(op);
    }
    return any;
}

static void sleep_until_woken(struct virtual_clock *v)
{
    /* Only once: the cause of the interruption may have left work for the loop. */
    if (!atomic_exchange(&v->woken, 0)) {
        eddyi_backend_before_wait(&v->backend);
        eddyi_sys_futex_wait(&v->woken, 0);
        eddyi_backend_after_wait(&v->backend);
        atomic_store(&v->woken, 0);
    }
}

static int virtual_wait_for_wake(struct eddyi_backend *b)
{
    struct virtual_clock *v = of(b);

    if (!deliver(v)) {
        sleep_until_woken(v);
        deliver(v);
    }
    return 0;
}

static int virtual_wait(struct eddyi_backend *b, int64_t timeout)
{
    struct virtual_clock *v = of(b);

    if (deliver(v))
        return 0;
    if (v->pool.n_outstanding > 0 && timeout != 0)
        return virtual_wait_for_wake(b);
    if (atomic_exchange(&v->woken, 0) || timeout == 0)
        return 0;
    if (timeout < 0)
        return -EDEADLK;
    v->now = timeout < INT64_MAX - v->now ? v->now + timeout : INT64_MAX;
    return 0;
}

static void virtual_wake(struct eddyi_backend *b)
{
    struct virtual_clock *v = of(b);

    if (!atomic_exchange(&v->woken, 1))
        eddyi_sys_futex_wake(&v->woken);
}

static int64_t virtual_now(struct eddyi_backend *b)
{
    return of(b)->now;
}

const struct eddyi_backend_ops eddyi_backend_virtual = {
    .name = "virtual",
    .open = virtual_open,
    .close = virtual_close,
    .submit = virtual_submit,
    .cancel = virtual_cancel,
    .wait = virtual_wait,
    .wait_for_wake = virtual_wait_for_wake,
    .wake = virtual_wake,
    .now = virtual_now,
};
