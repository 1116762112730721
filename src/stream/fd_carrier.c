/*
 * The carriers on descriptors: sockets and pipes.
 *
 * Each direction has one operation, which is with the backend while somebody waits in that
 * direction. On a socket, waiting to read is the receiving itself, right into the user's buffer,
 * and files go out as operations of their own; everything else waits until the descriptor is ready.
 *
 * A read that came out short has emptied the descriptor. The next one is not tried then, but waited
 * for: that saves the call that would find nothing (290 ns), and lets others have their turn.
 */
#include "stream/fd_carrier.h"

#include "base/sys.h"
#include "base/unguarded.h"
#include "stream/socket_info.h"

#include <poll.h>

/* A call came to @n. One in vain, after a poll that said otherwise, has the next poll wait for a
 * while. */
static void tried(struct eddyi_io_op *o, bool *woken, long n)
{
    if (n != -EAGAIN)
        o->in_vain = 0;
    else if (*woken)
        o->in_vain++;
    *woken = false;
}

/* Not inlined: most calls of fd_read() find that there is nothing, and have nothing to save for
 * that. */
EDDYI_UNGUARDED __attribute__((noinline)) static ssize_t read_now(struct eddyi_fd_carrier *c,
                                                                  void *buf, size_t size)
{
    long n;

    n = c->is_socket ? eddyi_sys_recv(c->fd_in, buf, size)
                     : eddyi_sys_ready_readv(c->fd_in, &(struct iovec){buf, size}, 1);
    /* Nobody has the other side of a pseudo-terminal any more. */
    if (n == -EIO && !c->is_socket && eddyi_sys_is_device(c->fd_in))
        n = 0;
    c->emptied = n == -EAGAIN || (n > 0 && (size_t)n < size);
    tried(&c->in, &c->woken_in, n);
    return n;
}

static ssize_t fd_read(eddy_carrier *base, void *buf, size_t size)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    return c->emptied ? -EAGAIN : read_now(c, buf, size);
}

static inline ssize_t write_now(struct eddyi_fd_carrier *c, const struct iovec *iov, int n)
{
    return c->is_socket ? eddyi_sys_sendv(c->fd_out, iov, n)
                        : eddyi_sys_ready_writev(c->fd_out, iov, n);
}

EDDY_COLD static ssize_t write_after_wait(struct eddyi_fd_carrier *c, const struct iovec *iov,
                                          int n)
{
    ssize_t written = write_now(c, iov, n);

    tried(&c->out, &c->woken_out, written);
    return written;
}

/* Where no poll preceded the call, there is nothing to note of its result. */
static ssize_t fd_write(eddy_carrier *base, const struct iovec *iov, int n)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    return c->woken_out || c->out.in_vain > 0 ? write_after_wait(c, iov, n) : write_now(c, iov, n);
}

void eddyi_fd_carrier_in_done(struct eddyi_io_op *o)
{
    struct eddyi_fd_carrier *c = eddyi_container(o, struct eddyi_fd_carrier, in);
    int64_t n = o->op.result;

    if (c->closing) {
        eddyi_fd_carrier_end_if_free(c);
        return;
    }
    c->woken_in = o->op.kind == EDDYI_OP_POLL && n > 0;
    if (c->woken_in)
        n = -EAGAIN;
    else
        c->emptied = n > 0 && (size_t)n < o->op.io.size;
    c->base.on_readable(&c->base, (ssize_t)n);
}

void eddyi_fd_carrier_out_done(struct eddyi_io_op *o)
{
    struct eddyi_fd_carrier *c = eddyi_container(o, struct eddyi_fd_carrier, out);
    bool file = o->op.kind == EDDYI_OP_SENDFILE;

    if (file)
        tried(o, &c->woken_out, o->op.result);
    else
        c->woken_out = o->op.result > 0;
    if (file)
        c->base.on_file_sent(&c->base, (ssize_t)o->op.result);
    if (c->closing)
        eddyi_fd_carrier_end_if_free(c);
    else if (!file)
        c->base.on_writable(&c->base);
}

static int adopt(struct eddyi_fd_carrier *c, int fd)
{
    bool *adopted = fd == c->fd_in ? &c->adopted_in : &c->adopted_out;
    int rc = *adopted ? 0 : eddyi_io_adopt(c->io, fd);

    *adopted = rc == 0;
    return rc;
}

static int fd_wait_readable(eddy_carrier *base, void *buf, size_t size)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);
    int fd = c->fd_in >= 0 ? c->fd_in : c->fd_out; /* of a write end: until the read end is gone */
    int rc = adopt(c, fd);

    if (rc < 0)
        return rc;
    c->emptied = false;
    c->in.op.fd = fd;
    if (c->is_socket && buf) {
        c->in.op.kind = EDDYI_OP_RECV;
        c->in.op.io.buf = buf;
        c->in.op.io.size = size;
        c->in.op.waits = true;
    } else {
        c->in.op.kind = EDDYI_OP_POLL;
        c->in.op.events = POLLIN;
    }
    return eddyi_io_submit(c->io, &c->in);
}

static void fd_cancel_readable(eddy_carrier *base)
{
    eddyi_io_cancel(&eddyi_fd_carrier_of(base)->in);
}

static int fd_wait_writable(eddy_carrier *base)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);
    int rc = adopt(c, c->fd_out);

    if (rc < 0)
        return rc;
    c->out.op.kind = EDDYI_OP_POLL;
    c->out.op.fd = c->fd_out;
    c->out.op.events = POLLOUT;
    return eddyi_io_submit(c->io, &c->out);
}

/* The write end of a pipe is closed. One that stands alone is still watched, and goes with the
 * carrier. */
static int fd_write_eof(eddy_carrier *base)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    if (c->is_socket)
        return eddyi_sys_shutdown_write(c->fd_out);
    if (c->in.io && c->in.op.fd == c->fd_out)
        return -EOPNOTSUPP;
    eddyi_io_release(&c->claim_out);
    eddyi_fd_carrier_close_fd(c, c->fd_out);
    c->fd_out = -1;
    return 0;
}

static ssize_t fd_get_extra_info(eddy_carrier *base, const char *name, void *ret, size_t size)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    return eddyi_socket_info(c->fd_in >= 0 ? c->fd_in : c->fd_out, c->is_socket, name, ret, size);
}

static int socket_send_file(eddy_carrier *base, int fd, off_t offset, size_t count)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    c->out.op.kind = EDDYI_OP_SENDFILE;
    c->out.op.fd = c->fd_out;
    c->out.op.sendfile.file = fd;
    c->out.op.sendfile.offset = offset;
    c->out.op.sendfile.size = count;
    return eddyi_io_submit(c->io, &c->out);
}

static void socket_cancel_file(eddy_carrier *base)
{
    eddyi_io_cancel(&eddyi_fd_carrier_of(base)->out);
}

static void socket_reset(eddy_carrier *base)
{
    (void)eddyi_sys_reset_at_close(eddyi_fd_carrier_of(base)->fd_out);
}

const eddy_carrier_ops eddyi_socket_carrier_ops = {
    .name = "socket",
    .read = fd_read,
    .write = fd_write,
    .wait_readable = fd_wait_readable,
    .cancel_readable = fd_cancel_readable,
    .wait_writable = fd_wait_writable,
    .write_eof = fd_write_eof,
    .close = eddyi_fd_carrier_close,
    .free = eddyi_fd_carrier_free,
    .get_extra_info = fd_get_extra_info,
    .send_file = socket_send_file,
    .cancel_file = socket_cancel_file,
    .reset = socket_reset,
};

const eddy_carrier_ops eddyi_pipe_carrier_ops = {
    .name = "pipe",
    .read = fd_read,
    .write = fd_write,
    .wait_readable = fd_wait_readable,
    .cancel_readable = fd_cancel_readable,
    .wait_writable = fd_wait_writable,
    .write_eof = fd_write_eof,
    .close = eddyi_fd_carrier_close,
    .free = eddyi_fd_carrier_free,
    .get_extra_info = fd_get_extra_info,
};
