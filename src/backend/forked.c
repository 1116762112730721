/*
 * A backend in a child of fork(): only the clock is left. Everything else belongs to the parent,
 * which must not notice what the child does with its copy.
 */
#include "backend/backend.h"

#include "base/sys.h"
#include "eddy/error.h"

static void close_nothing(struct eddyi_backend *b)
{
}

static int submit(struct eddyi_backend *b, struct eddyi_op *op)
{
    return EDDY_EFORKED;
}

static void forked_cancel(struct eddyi_backend *b, struct eddyi_op *op)
{
}

static int adopt(struct eddyi_backend *b, int fd)
{
    return EDDY_EFORKED;
}

static void forget(struct eddyi_backend *b, int fd)
{
}

static int wait(struct eddyi_backend *b, int64_t timeout)
{
    return EDDY_EFORKED;
}

static void wake(struct eddyi_backend *b)
{
}

static int64_t now(struct eddyi_backend *b)
{
    return eddyi_sys_now();
}

static const struct eddyi_backend_ops forked = {
    .name = "forked",
    .close = close_nothing,
    .submit = submit,
    .cancel = forked_cancel,
    .adopt = adopt,
    .forget = forget,
    .wait = wait,
    .wake = wake,
    .now = now,
};

void eddyi_backend_after_fork(struct eddyi_backend *b)
{
    if (b->ops->forked)
        b->ops->forked(b);
    b->ops = &forked;
}
