/*
 * The carriers on descriptors: sockets and pipes.
 *
 * Each direction has one operation, which is with the backend while the user waits in that
 * direction. On a socket, waiting to read is the receiving itself, right into the user's buffer,
 * and files are sent by operations of their own; everything else waits until the descriptor is
 * ready.
 *
 * A short read has drained the descriptor. The next read is not tried but waited for: that saves a
 * call that would find nothing (290 ns), and lets others have their turn.
 */
#include "carrier/fd.h"

#include "base/assert.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "carrier/socket_info.h"
#include "eddy/error.h"
#include "io/io.h"
#include "loop/loop.h"

#include <poll.h>

struct fd_carrier {
    eddy_carrier base;
    struct eddyi_io *io;
    struct eddyi_io_op in, out;
    struct eddyi_io_claim claim_in, claim_out;
    struct eddyi_ready closed; /* ends the carrier if no operation is with the backend */
    int fd_in, fd_out;         /* -1: not this direction; equal for a socket */
    bool is_socket;
    bool emptied; /* the latest read was short */
    /* the latest poll has reported readiness, and no call was tried yet */
    bool woken_in, woken_out;
    /* the backend knows the descriptor as adopted: from the first wait on */
    bool adopted_in, adopted_out;
    /* the descriptor was blocking and is made so again, for others that have the open file */
    bool was_blocking_in, was_blocking_out;
    bool borrowed; /* the descriptors stay open at its end */
    bool closing;
};

static inline struct fd_carrier *of(eddy_carrier *c)
{
    return eddyi_container(c, struct fd_carrier, base);
}

/* The end: the descriptors are closed when the backend has released them. */

static void give_flag_back(struct fd_carrier *c, int fd)
{
    bool *was_blocking = fd == c->fd_in ? &c->was_blocking_in : &c->was_blocking_out;

    if (fd >= 0 && *was_blocking)
        eddyi_sys_set_blocking(fd);
    *was_blocking = false;
}

/* Closes a descriptor. The backend, if it still exists, forgets it first; the loop's table of
 * descriptors may be freed earlier than the carrier. */
static void close_fd(struct fd_carrier *c, int fd)
{
    struct eddyi_backend *b = c->base.loop->drained ? NULL : c->base.loop->backend;

    if (b && b->ops->forget)
        b->ops->forget(b, fd);
    give_flag_back(c, fd);
    if (!c->borrowed)
        eddyi_sys_close(fd);
}

static void close_all(struct fd_carrier *c)
{
    eddyi_io_release(&c->claim_in);
    eddyi_io_release(&c->claim_out);
    if (c->fd_in >= 0)
        close_fd(c, c->fd_in);
    if (c->fd_out >= 0 && c->fd_out != c->fd_in)
        close_fd(c, c->fd_out);
    c->fd_in = c->fd_out = -1;
}

/* Ends the carrier, when the backend has released everything. */
static void end(struct fd_carrier *c)
{
    EDDYI_ASSERT(c->closing && !c->in.io && !c->out.io);
    close_all(c);
    c->base.on_closed(&c->base, 0);
}

static void end_if_free(struct fd_carrier *c)
{
    if (!c->in.io && !c->out.io)
        end(c);
}

static void on_closed(struct eddyi_ready *r)
{
    end(eddyi_container(r, struct fd_carrier, closed));
}

static void fd_close(eddy_carrier *base, bool abort)
{
    struct fd_carrier *c = of(base);

    if (c->closing)
        return;
    c->closing = true;
    if (c->in.io)
        eddyi_io_cancel(&c->in);
    if (c->out.io)
        eddyi_io_cancel(&c->out);
    if (c->in.io || c->out.io)
        return;
    if (c->base.loop->closed)
        end(c);
    else
        eddyi_loop_ready(c->base.loop, &c->closed);
}

static void fd_free(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);

    EDDYI_ASSERT(!c->in.io && !c->out.io);
    close_all(c);
    eddyi_free(c);
}

/* Reading and writing. */

/* Notes the result @n of a call. A call in vain, after a poll that reported readiness, makes the
 * next poll back off. */
static void tried(struct eddyi_io_op *o, bool *woken, long n)
{
    if (n != -EAGAIN)
        o->in_vain = 0;
    else if (*woken)
        o->in_vain++;
    *woken = false;
}

/* Reads now. Not inlined: most calls of fd_read() find no bytes, and need not save registers for
 * it. */
EDDYI_UNGUARDED __attribute__((noinline)) static ssize_t read_now(struct fd_carrier *c, void *buf,
                                                                  size_t size)
{
    long n;

    n = c->is_socket ? eddyi_sys_recv(c->fd_in, buf, size)
                     : eddyi_sys_ready_readv(c->fd_in, &(struct iovec){buf, size}, 1);
    /* The other side of a pseudo-terminal is closed. */
    if (n == -EIO && !c->is_socket && eddyi_sys_is_device(c->fd_in))
        n = 0;
    c->emptied = n == -EAGAIN || (n > 0 && (size_t)n < size);
    tried(&c->in, &c->woken_in, n);
    return n;
}

static ssize_t fd_read(eddy_carrier *base, void *buf, size_t size)
{
    struct fd_carrier *c = of(base);

    return c->emptied ? -EAGAIN : read_now(c, buf, size);
}

static inline ssize_t write_now(struct fd_carrier *c, const struct iovec *iov, int n)
{
    return c->is_socket ? eddyi_sys_sendv(c->fd_out, iov, n)
                        : eddyi_sys_ready_writev(c->fd_out, iov, n);
}

EDDY_COLD static ssize_t write_after_wait(struct fd_carrier *c, const struct iovec *iov, int n)
{
    ssize_t written = write_now(c, iov, n);

    tried(&c->out, &c->woken_out, written);
    return written;
}

/* Writes now. If no poll preceded the call, there is nothing to note of its result. */
static ssize_t fd_write(eddy_carrier *base, const struct iovec *iov, int n)
{
    struct fd_carrier *c = of(base);

    return c->woken_out || c->out.in_vain > 0 ? write_after_wait(c, iov, n) : write_now(c, iov, n);
}

static void in_done(struct eddyi_io_op *o)
{
    struct fd_carrier *c = eddyi_container(o, struct fd_carrier, in);
    int64_t n = o->op.result;

    if (c->closing) {
        end_if_free(c);
        return;
    }
    c->woken_in = o->op.kind == EDDYI_OP_POLL && n > 0;
    if (c->woken_in)
        n = -EAGAIN;
    else
        c->emptied = n > 0 && (size_t)n < o->op.io.size;
    c->base.on_readable(&c->base, (ssize_t)n);
}

static void out_done(struct eddyi_io_op *o)
{
    struct fd_carrier *c = eddyi_container(o, struct fd_carrier, out);
    bool file = o->op.kind == EDDYI_OP_SENDFILE;

    if (file)
        tried(o, &c->woken_out, o->op.result);
    else
        c->woken_out = o->op.result > 0;
    if (file)
        c->base.on_file_sent(&c->base, (ssize_t)o->op.result);
    if (c->closing)
        end_if_free(c);
    else if (!file)
        c->base.on_writable(&c->base);
}

static int adopt(struct fd_carrier *c, int fd)
{
    bool *adopted = fd == c->fd_in ? &c->adopted_in : &c->adopted_out;
    int rc = *adopted ? 0 : eddyi_io_adopt(c->io, fd);

    *adopted = rc == 0;
    return rc;
}

static int fd_wait_readable(eddy_carrier *base, void *buf, size_t size)
{
    struct fd_carrier *c = of(base);
    int fd = c->fd_in >= 0 ? c->fd_in : c->fd_out; /* a write end: until the read end closes */
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
    eddyi_io_cancel(&of(base)->in);
}

static int fd_wait_writable(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);
    int rc = adopt(c, c->fd_out);

    if (rc < 0)
        return rc;
    c->out.op.kind = EDDYI_OP_POLL;
    c->out.op.fd = c->fd_out;
    c->out.op.events = POLLOUT;
    return eddyi_io_submit(c->io, &c->out);
}

/* Ends the writing direction. The write end of a pipe is closed. A write end that stands alone is
 * still watched, and closed with the carrier. */
static int fd_write_eof(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);

    if (c->is_socket)
        return eddyi_sys_shutdown_write(c->fd_out);
    if (c->in.io && c->in.op.fd == c->fd_out)
        return -EOPNOTSUPP;
    eddyi_io_release(&c->claim_out);
    close_fd(c, c->fd_out);
    c->fd_out = -1;
    return 0;
}

static ssize_t fd_get_extra_info(eddy_carrier *base, const char *name, void *ret, size_t size)
{
    struct fd_carrier *c = of(base);

    return eddyi_socket_info(c->fd_in >= 0 ? c->fd_in : c->fd_out, c->is_socket, name, ret, size);
}

static int socket_send_file(eddy_carrier *base, int fd, off_t offset, size_t count)
{
    struct fd_carrier *c = of(base);

    c->out.op.kind = EDDYI_OP_SENDFILE;
    c->out.op.fd = c->fd_out;
    c->out.op.sendfile.file = fd;
    c->out.op.sendfile.offset = offset;
    c->out.op.sendfile.size = count;
    return eddyi_io_submit(c->io, &c->out);
}

static void socket_cancel_file(eddy_carrier *base)
{
    eddyi_io_cancel(&of(base)->out);
}

static void socket_reset(eddy_carrier *base)
{
    (void)eddyi_sys_reset_at_close(of(base)->fd_out);
}

static const eddy_carrier_ops socket_ops = {
    .name = "socket",
    .read = fd_read,
    .write = fd_write,
    .wait_readable = fd_wait_readable,
    .cancel_readable = fd_cancel_readable,
    .wait_writable = fd_wait_writable,
    .write_eof = fd_write_eof,
    .close = fd_close,
    .free = fd_free,
    .get_extra_info = fd_get_extra_info,
    .send_file = socket_send_file,
    .cancel_file = socket_cancel_file,
    .reset = socket_reset,
};

static const eddy_carrier_ops pipe_ops = {
    .name = "pipe",
    .read = fd_read,
    .write = fd_write,
    .wait_readable = fd_wait_readable,
    .cancel_readable = fd_cancel_readable,
    .wait_writable = fd_wait_writable,
    .write_eof = fd_write_eof,
    .close = fd_close,
    .free = fd_free,
    .get_extra_info = fd_get_extra_info,
};

/* Constructors. */

void eddyi_fd_carrier_let_go(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);

    give_flag_back(c, c->fd_in);
    give_flag_back(c, c->fd_out);
    c->fd_in = c->fd_out = -1;
}

void eddyi_fd_carrier_disown(eddy_carrier *base)
{
    eddyi_fd_carrier_let_go(base);
    fd_free(base);
}

/* Claims a direction: no other code may wait for a descriptor of a carrier (rule 163). */
static int claim(struct fd_carrier *c, struct eddyi_io_claim *claim, int fd,
                 enum eddyi_direction direction)
{
    if (fd < 0)
        return 0;
    if (eddyi_io_claimed(c->io, fd, direction))
        return -EBUSY;
    return eddyi_io_claim(c->io, claim, fd, direction);
}

static int check(int fd)
{
    int rc = fd < 0 ? 0 : eddyi_sys_pollable(fd);

    return rc == -EPERM ? -EINVAL : rc;
}

/* Makes @fd non-blocking. Returns 1 if it was blocking, and must be made so again. */
static int set_nonblocking(int fd)
{
    return fd < 0 ? 0 : eddyi_sys_set_nonblocking(fd);
}

static int set_both_nonblocking(struct fd_carrier *c)
{
    int rc = set_nonblocking(c->fd_in);

    c->was_blocking_in = rc > 0;
    if (rc >= 0 && c->fd_out != c->fd_in) {
        rc = set_nonblocking(c->fd_out);
        c->was_blocking_out = rc > 0;
    }
    return rc < 0 ? rc : 0;
}

/* Claims both directions. A pipe's write end uses the read direction as well, through which the end
 * of the reader is noticed (rule 161). */
static int claim_both(struct fd_carrier *c, int fd_in, int fd_out)
{
    int rc = claim(c, &c->claim_in, fd_in >= 0 ? fd_in : fd_out, EDDYI_READS);

    return rc < 0 ? rc : claim(c, &c->claim_out, fd_out, EDDYI_WRITES);
}

static struct fd_carrier *new_carrier(eddy_loop *loop, const eddy_carrier_ops *ops)
{
    struct eddyi_io *io = eddyi_io_of(loop);
    struct fd_carrier *c = io ? eddyi_zalloc(sizeof *c) : NULL;

    if (!c)
        return NULL;
    c->base.ops = ops;
    c->base.loop = loop;
    c->io = io;
    c->fd_in = c->fd_out = -1;
    c->is_socket = ops == &socket_ops;
    c->in.done = in_done;
    c->out.done = out_done;
    eddyi_ready_init(&c->closed, on_closed);
    return c;
}

static int make(eddy_loop *loop, const eddy_carrier_ops *ops, int fd_in, int fd_out,
                bool nonblocking, eddy_carrier **ret)
{
    struct fd_carrier *c = new_carrier(loop, ops);
    int rc = c ? claim_both(c, fd_in, fd_out) : -ENOMEM;

    if (rc == 0) {
        c->fd_in = fd_in;
        c->fd_out = fd_out;
        rc = nonblocking ? 0 : set_both_nonblocking(c);
    }
    if (rc < 0) {
        if (c)
            eddyi_fd_carrier_disown(&c->base);
        return eddy_raise(rc, "descriptor %d: it cannot carry a stream",
                          fd_in >= 0 ? fd_in : fd_out);
    }
    *ret = &c->base;
    return 0;
}

static int check_and_make(eddy_loop *loop, const eddy_carrier_ops *ops, int fd_in, int fd_out,
                          eddy_carrier **ret)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    if (!ret)
        return eddy_raise(-EINVAL, "there is no place for the carrier");
    if (eddyi_backend_is_virtual(loop->backend))
        return eddy_raise(-EOPNOTSUPP, "virtual time knows no descriptors");
    rc = fd_in < -1 || fd_out < -1 || (fd_in < 0 && fd_out < 0) ? -EBADF : check(fd_in);
    if (rc == 0 && fd_out != fd_in)
        rc = check(fd_out);
    if (rc == -EINVAL)
        return eddy_raise(rc, "only sockets, pipes and terminals carry streams; not a file");
    if (rc < 0)
        return eddy_raise(rc, "descriptor %d: it cannot carry a stream",
                          fd_in >= 0 ? fd_in : fd_out);
    rc = ops == &socket_ops ? eddyi_socket_check(fd_in, false) : 0;
    return rc < 0 ? rc : make(loop, ops, fd_in, fd_out, false, ret);
}

int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return make(loop, &socket_ops, fd, fd, true, ret);
}

int eddy_socket_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return check_and_make(loop, &socket_ops, fd, fd, ret);
}

int eddy_socket_carrier_borrow(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    int rc = eddy_socket_carrier_new(loop, fd, ret);

    if (rc == 0)
        of(*ret)->borrowed = true;
    return rc;
}

int eddy_pipe_carrier_new(eddy_loop *loop, int read_fd, int write_fd, eddy_carrier **ret)
{
    return check_and_make(loop, &pipe_ops, read_fd, write_fd, ret);
}
