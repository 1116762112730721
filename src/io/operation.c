/*
 * Operations with a callback, which the ready queue calls. An operation frees itself: it exists
 * from its beginning until just before that call.
 */
#include "eddy/operation.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "io/io.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

struct eddy_operation {
    struct eddyi_io_op o;
    struct eddyi_io_claim claim;
    struct eddyi_ready ready; /* calls done */
    eddy_loop *loop;
    eddy_operation_fn *done;
    void *arg;
    struct iovec iov;
    char copy[]; /* of an address, or of paths */
};

static void call(struct eddyi_ready *r)
{
    eddy_operation *op = eddyi_container(r, eddy_operation, ready);
    eddy_operation_fn *done = op->done;
    void *arg = op->arg;
    int64_t result = op->o.op.result;

    eddyi_cleaned_up = r; /* a C++ exception may leave the program's function */
    eddyi_free(op);
    done(arg, result);
}

static void completed(struct eddyi_io_op *o)
{
    eddy_operation *op = eddyi_container(o, eddy_operation, o);

    eddyi_io_release(&op->claim);
    if (o->op.kind == EDDYI_OP_OPEN && o->op.result >= 0 && !(o->op.file.flags & O_NONBLOCK))
        eddyi_sys_block_on_file((int)o->op.result);
    eddyi_loop_ready(op->loop, &op->ready);
}

/* Creates an operation with room for @n bytes in its copy. Raises an error and returns NULL. */
static eddy_operation *new_operation(eddy_loop *loop, enum eddyi_op_kind kind, int fd, size_t n,
                                     eddy_operation_fn *done, void *arg)
{
    eddy_operation *op;

    if (eddyi_loop_check(loop) < 0)
        return NULL;
    if (!done) {
        eddy_raise(-EINVAL, "an operation needs a callback");
        return NULL;
    }
    op = eddyi_zalloc(sizeof *op + n);
    if (!op) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    op->o.op.kind = kind;
    op->o.op.fd = fd;
    op->o.done = completed;
    op->loop = loop;
    op->done = done;
    op->arg = arg;
    eddyi_ready_init(&op->ready, call);
    return op;
}

/* Returns the code of the error that new_operation() has raised. */
static int raised(void)
{
    return eddy_exception_code(eddy_error());
}

/* Begins @op, or frees it and raises @rc or another error. */
static int begin_or_fail(eddy_operation *op, struct eddyi_io *io, int rc, eddy_operation **ret_op)
{
    int fd = op->o.op.fd;

    if (rc == 0)
        rc = eddyi_io_submit(io, &op->o);
    if (rc < 0) {
        eddyi_io_release(&op->claim);
        eddyi_free(op);
        return eddy_raise(rc, "an operation on descriptor %d", fd);
    }
    if (ret_op)
        *ret_op = op;
    return 0;
}

/* Begins an operation that has no direction: on a file, or at an offset. */
static int begin_shared(eddy_operation *op, eddy_operation **ret_op)
{
    struct eddyi_io *io = eddyi_io_of(op->loop);

    return begin_or_fail(op, io, io ? 0 : -ENOMEM, ret_op);
}

static int begin(eddy_operation *op, enum eddyi_direction direction, eddy_operation **ret_op)
{
    struct eddyi_io *io = eddyi_io_of(op->loop);
    int fd = op->o.op.fd;
    int rc = !io ? -ENOMEM : fd < 0 ? -EBADF : eddyi_io_claimed(io, fd, direction) ? -EBUSY : 0;

    if (rc == 0)
        rc = eddyi_io_claim(io, &op->claim, fd, direction);
    return begin_or_fail(op, io, rc, ret_op);
}

void eddy_operation_cancel(eddy_operation *op)
{
    if (eddyi_loop_forked(op->loop))
        return;
    if (op->claim.io)
        eddyi_io_withdraw(&op->o);
    else
        eddyi_io_cancel(&op->o);
    eddyi_io_release(&op->claim);
}

static int bad_buffer(size_t size)
{
    return eddy_raise(-EINVAL, "not a buffer of %zu bytes", size);
}

static bool is_bad_buffer(const void *buf, size_t size)
{
    return (!buf && size > 0) || size > (size_t)SSIZE_MAX;
}

static int transfer(eddy_loop *loop, enum eddyi_op_kind kind, int fd, const void *buf, size_t size,
                    eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op;

    if (is_bad_buffer(buf, size))
        return bad_buffer(size);
    op = new_operation(loop, kind, fd, 0, done, arg);
    if (!op)
        return raised();
    op->o.op.io.buf = (void *)(uintptr_t)buf;
    op->o.op.io.size = size;
    return begin(op, kind == EDDYI_OP_RECV ? EDDYI_READS : EDDYI_WRITES, ret_op);
}

int eddy_operation_recv(eddy_loop *loop, int fd, void *buf, size_t size, eddy_operation_fn *done,
                        void *arg, eddy_operation **ret_op)
{
    return transfer(loop, EDDYI_OP_RECV, fd, buf, size, done, arg, ret_op);
}

int eddy_operation_send(eddy_loop *loop, int fd, const void *buf, size_t size,
                        eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    return transfer(loop, EDDYI_OP_SEND, fd, buf, size, done, arg, ret_op);
}

static int message(eddy_loop *loop, enum eddyi_op_kind kind, int fd, const struct msghdr *msg,
                   int flags, eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op;

    if (!msg)
        return eddy_raise(-EINVAL, "there is no message");
    op = new_operation(loop, kind, fd, 0, done, arg);
    if (!op)
        return raised();
    op->o.op.message.msg = (struct msghdr *)(uintptr_t)msg;
    op->o.op.message.flags = flags;
    return begin(op, kind == EDDYI_OP_RECVMSG ? EDDYI_READS : EDDYI_WRITES, ret_op);
}

int eddy_operation_recvmsg(eddy_loop *loop, int fd, struct msghdr *msg, int flags,
                           eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    return message(loop, EDDYI_OP_RECVMSG, fd, msg, flags, done, arg, ret_op);
}

int eddy_operation_sendmsg(eddy_loop *loop, int fd, const struct msghdr *msg, int flags,
                           eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    return message(loop, EDDYI_OP_SENDMSG, fd, msg, flags, done, arg, ret_op);
}

int eddy_operation_accept(eddy_loop *loop, int fd, struct sockaddr *addr, socklen_t *addrlen,
                          eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op = new_operation(loop, EDDYI_OP_ACCEPT, fd, 0, done, arg);

    if (!op)
        return raised();
    op->o.op.accept.addr = addr;
    op->o.op.accept.addrlen = addrlen;
    return begin(op, EDDYI_READS, ret_op);
}

int eddy_operation_connect(eddy_loop *loop, int fd, const struct sockaddr *addr, socklen_t addrlen,
                           eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op;

    if (!addr || addrlen > sizeof(struct sockaddr_storage))
        return eddy_raise(-EINVAL, "no address has %u bytes", (unsigned)addrlen);
    op = new_operation(loop, EDDYI_OP_CONNECT, fd, addrlen, done, arg);
    if (!op)
        return raised();
    memcpy(op->copy, addr, addrlen);
    op->o.op.connect.addr = (const struct sockaddr *)(const void *)op->copy;
    op->o.op.connect.addrlen = addrlen;
    return begin(op, EDDYI_WRITES, ret_op);
}

int eddy_operation_poll(eddy_loop *loop, int fd, int events, eddy_operation_fn *done, void *arg,
                        eddy_operation **ret_op)
{
    eddy_operation *op = new_operation(loop, EDDYI_OP_POLL, fd, 0, done, arg);

    if (!op)
        return raised();
    op->o.op.events = (unsigned)events;
    return begin(op, events & POLLOUT ? EDDYI_WRITES : EDDYI_READS, ret_op);
}

/* Transfers with an offset may overlap; those at the file's position may not. */
static int read_or_write(eddy_loop *loop, enum eddyi_op_kind kind, int fd, const void *buf,
                         size_t size, int64_t offset, eddy_operation_fn *done, void *arg,
                         eddy_operation **ret_op)
{
    eddy_operation *op;

    if (is_bad_buffer(buf, size))
        return bad_buffer(size);
    op = new_operation(loop, kind, fd, 0, done, arg);
    if (!op)
        return raised();
    op->iov = (struct iovec){(void *)(uintptr_t)buf, size};
    op->o.op.rw.iov = &op->iov;
    op->o.op.rw.n = 1;
    op->o.op.rw.offset = offset < 0 ? -1 : offset;
    if (offset < 0)
        return begin(op, kind == EDDYI_OP_READ ? EDDYI_READS : EDDYI_WRITES, ret_op);
    return begin_shared(op, ret_op);
}

int eddy_operation_read(eddy_loop *loop, int fd, void *buf, size_t size, int64_t offset,
                        eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    return read_or_write(loop, EDDYI_OP_READ, fd, buf, size, offset, done, arg, ret_op);
}

int eddy_operation_write(eddy_loop *loop, int fd, const void *buf, size_t size, int64_t offset,
                         eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    return read_or_write(loop, EDDYI_OP_WRITE, fd, buf, size, offset, done, arg, ret_op);
}

/* Creates an operation on @path, which is copied. Raises an error and returns NULL. */
static eddy_operation *new_with_path(eddy_loop *loop, enum eddyi_op_kind kind, int dir,
                                     const char *path, size_t more, eddy_operation_fn *done,
                                     void *arg)
{
    eddy_operation *op;

    if (!path) {
        eddy_raise(-EINVAL, "there is no path");
        return NULL;
    }
    op = new_operation(loop, kind, dir, strlen(path) + 1 + more, done, arg);
    if (op)
        memcpy(op->copy, path, strlen(path) + 1);
    return op;
}

static int with_path(eddy_loop *loop, enum eddyi_op_kind kind, const char *path, int flags,
                     mode_t mode, eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op = new_with_path(loop, kind, AT_FDCWD, path, 0, done, arg);

    if (!op)
        return raised();
    op->o.op.file.path = op->copy;
    op->o.op.file.flags = flags;
    op->o.op.file.mode = mode;
    return begin_shared(op, ret_op);
}

int eddy_operation_open(eddy_loop *loop, const char *path, int flags, mode_t mode,
                        eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    return with_path(loop, EDDYI_OP_OPEN, path, flags, mode, done, arg, ret_op);
}

int eddy_operation_unlink(eddy_loop *loop, const char *path, int flags, eddy_operation_fn *done,
                          void *arg, eddy_operation **ret_op)
{
    return with_path(loop, EDDYI_OP_UNLINK, path, flags, 0, done, arg, ret_op);
}

int eddy_operation_mkdir(eddy_loop *loop, const char *path, mode_t mode, eddy_operation_fn *done,
                         void *arg, eddy_operation **ret_op)
{
    return with_path(loop, EDDYI_OP_MKDIR, path, 0, mode, done, arg, ret_op);
}

int eddy_operation_rename(eddy_loop *loop, const char *from, const char *to,
                          eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op = to ? new_with_path(loop, EDDYI_OP_RENAME, AT_FDCWD, from, strlen(to) + 1,
                                            done, arg)
                            : NULL;

    if (!op)
        return to ? raised() : eddy_raise(-EINVAL, "there is no new path");
    op->o.op.rename.from = op->copy;
    op->o.op.rename.to = strcpy(op->copy + strlen(from) + 1, to);
    return begin_shared(op, ret_op);
}

int eddy_operation_stat(eddy_loop *loop, int dir, const char *path, int flags, struct statx *ret,
                        eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op;

    if (!ret)
        return eddy_raise(-EINVAL, "there is no place for the result");
    op = new_with_path(loop, EDDYI_OP_STAT, dir, path, 0, done, arg);
    if (!op)
        return raised();
    op->o.op.stat.path = op->copy;
    op->o.op.stat.flags = flags;
    op->o.op.stat.ret = ret;
    return begin_shared(op, ret_op);
}

int eddy_operation_close(eddy_loop *loop, int fd, eddy_operation_fn *done, void *arg,
                         eddy_operation **ret_op)
{
    eddy_operation *op = new_operation(loop, EDDYI_OP_CLOSE, fd, 0, done, arg);

    return op ? begin_shared(op, ret_op) : raised();
}

int eddy_operation_fsync(eddy_loop *loop, int fd, bool data_only, eddy_operation_fn *done,
                         void *arg, eddy_operation **ret_op)
{
    eddy_operation *op = new_operation(loop, EDDYI_OP_FSYNC, fd, 0, done, arg);

    if (!op)
        return raised();
    op->o.op.fsync.data_only = data_only;
    return begin_shared(op, ret_op);
}

int eddy_operation_sendfile(eddy_loop *loop, int fd, int file, int64_t offset, size_t count,
                            eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op;

    if (offset < 0)
        return eddy_raise(-EINVAL, "sendfile: the offset is negative");
    op = new_operation(loop, EDDYI_OP_SENDFILE, fd, 0, done, arg);
    if (!op)
        return raised();
    op->o.op.sendfile.file = file;
    op->o.op.sendfile.offset = offset;
    op->o.op.sendfile.size = count;
    return begin(op, EDDYI_WRITES, ret_op);
}

int eddy_operation_call(eddy_loop *loop, int64_t (*fn)(void *arg), void *fn_arg,
                        eddy_operation_fn *done, void *arg, eddy_operation **ret_op)
{
    eddy_operation *op;

    if (!fn)
        return eddy_raise(-EINVAL, "there is no function to call");
    op = new_operation(loop, EDDYI_OP_CALL, -1, 0, done, arg);
    if (!op)
        return raised();
    op->o.op.call.fn = fn;
    op->o.op.call.arg = fn_arg;
    return begin_shared(op, ret_op);
}
