/*
 * The virtual clock: time that moves only when it is waited for, and then at once.
 *
 * It starts at 0. A wait with a limit moves it by that much; a wait without one would last for ever, since
 * no event can come from anywhere but other threads, and is a deadlock.
 */
#include "backend/backend.h"

#include "base/sys.h"

#include <stdatomic.h>

struct virtual_clock {
    struct eddyi_backend backend;
    int64_t now;
    atomic_bool woken;
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
    *ret = &v->backend;
    return 0;
}

static void virtual_close(struct eddyi_backend *b)
{
    eddyi_free(of(b));
}

static int virtual_submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    return -EOPNOTSUPP;
}

static void virtual_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
}

static int virtual_wait(struct eddyi_backend *b, int64_t timeout)
{
    struct virtual_clock *v = of(b);

    if (atomic_exchange(&v->woken, false) || timeout == 0)
        return 0;
    if (timeout < 0)
        return -EDEADLK;
    v->now = timeout < INT64_MAX - v->now ? v->now + timeout : INT64_MAX;
    return 0;
}

static void virtual_wake(struct eddyi_backend *b)
{
    atomic_store(&of(b)->woken, true);
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
    .wake = virtual_wake,
    .now = virtual_now,
};
