/*
 * Operations on files as plain calls, for the threads of the pool.
 */
#include "backend/pool.h"
#include "base/sys.h"

static int64_t perform(const struct eddyi_op *op)
{
    switch (op->kind) {
    case EDDYI_OP_READ:
        return eddyi_sys_preadv(op->fd, op->rw.iov, op->rw.n, op->rw.offset);
    case EDDYI_OP_WRITE:
        return eddyi_sys_pwritev(op->fd, op->rw.iov, op->rw.n, op->rw.offset);
    case EDDYI_OP_OPEN:
        return eddyi_sys_openat(op->fd, op->file.path, op->file.flags, op->file.mode);
    case EDDYI_OP_CLOSE:
        return eddyi_sys_close_file(op->fd);
    case EDDYI_OP_STAT:
        return eddyi_sys_statx(op->fd, op->stat.path, op->stat.flags, op->stat.ret);
    case EDDYI_OP_FSYNC:
        return eddyi_sys_fsync(op->fd, op->fsync.data_only);
    case EDDYI_OP_RENAME:
        return eddyi_sys_renameat(op->fd, op->rename.from, op->rename.to);
    case EDDYI_OP_UNLINK:
        return eddyi_sys_unlinkat(op->fd, op->file.path, op->file.flags);
    case EDDYI_OP_MKDIR:
        return eddyi_sys_mkdirat(op->fd, op->file.path, op->file.mode);
    case EDDYI_OP_SENDFILE:
        return eddyi_sys_sendfile(op->fd, op->sendfile.file, op->sendfile.offset,
                                  op->sendfile.size);
    case EDDYI_OP_CALL:
        return op->call.fn(op->call.arg);
    default: /* operations that wait for readiness do not come here */
        return -EINVAL;
    }
}

int64_t eddyi_op_perform(const struct eddyi_op *op)
{
    int rc = eddyi_op_looks_at_names(op) ? eddyi_sys_become(op->caller) : 0;

    return rc < 0 ? rc : perform(op);
}
