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
#include "base/sys_cached.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "io/io.h"
#include "loop/loop.h"
#include "net/socket.h"

#include <poll.h>
#include <string.h>

/* A direction. On a socket both have the same descriptor, and the reading side owns it. */
struct side {
    struct eddyi_io_op o;
    struct eddyi_io_claim claim;
    int fd;       /* -1: not this direction */
    bool woken;   /* the latest poll has reported readiness, and no call was tried yet */
    bool adopted; /* the backend knows the descriptor as adopted: from the first wait on */
    /* the descriptor was blocking and is made so again, for others that have the open file */
    bool was_blocking;
};

/* A descriptor from accept(2) is owned, and non-blocking already. */
enum holding { BORROWED, OWNED, ACCEPTED };

struct fd_carrier {
    eddy_carrier base;
    struct eddyi_io *io;
    struct side in, out;
    struct eddyi_ready closed; /* ends the carrier if no operation is with the backend */
    struct eddyi_ready sent;   /* reports a piece of a file that was sent at once */
    bool is_socket;
    bool emptied;  /* the latest read was short */
    bool borrowed; /* the descriptors stay open at its end; at first */
    bool closing;
};

static inline struct fd_carrier *of(eddy_carrier *c)
{
    return eddyi_container(c, struct fd_carrier, base);
}

/* Notes the result @n of a call. A call in vain, after a poll that reported readiness, makes the
 * next poll back off. */
static void tried(struct side *side, long n)
{
    if (n != -EAGAIN)
        side->o.in_vain = 0;
    else if (side->woken)
        side->o.in_vain++;
    side->woken = false;
}

/* The end: the descriptors are closed when the backend has released them. */

/* Closes a descriptor. The backend, if it still exists, forgets it first; the loop's table of
 * descriptors may be freed earlier than the carrier. */
static void close_side(struct fd_carrier *c, struct side *side)
{
    struct eddyi_backend *b = c->base.loop->drained ? NULL : c->base.loop->backend;

    eddyi_io_release(&side->claim);
    if (side->fd < 0)
        return;
    if (side->adopted && b && b->ops->forget)
        b->ops->forget(b, side->fd);
    if (side->was_blocking)
        eddyi_sys_set_blocking(side->fd);
    if (!c->borrowed)
        eddyi_sys_close(side->fd);
    side->fd = -1;
}

static void close_all(struct fd_carrier *c)
{
    if (c->in.fd == c->out.fd)
        c->out.fd = -1;
    close_side(c, &c->in);
    close_side(c, &c->out);
}

/* Reports the result of sending a piece of a file. */
static void report_sent(struct eddyi_ready *r)
{
    struct fd_carrier *c = eddyi_container(r, struct fd_carrier, sent);

    tried(&c->out, c->out.o.op.result);
    c->base.on_file_sent(&c->base, (ssize_t)c->out.o.op.result);
}

/* Ends the carrier, unless the backend still has one of its operations. */
static void end(struct fd_carrier *c)
{
    bool sent = !eddyi_list_empty(&c->sent.link);

    EDDYI_ASSERT(c->closing);
    if (c->in.o.io || c->out.o.io)
        return;
    close_all(c);
    if (sent) {
        eddyi_ready_cancel(&c->sent);
        report_sent(&c->sent);
    }
    c->base.on_closed(&c->base, 0);
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
    eddyi_io_cancel(&c->in.o);
    eddyi_io_cancel(&c->out.o);
    if (c->base.loop->closed)
        end(c);
    else if (!c->in.o.io && !c->out.o.io)
        eddyi_loop_ready(c->base.loop, &c->closed);
}

static void fd_free(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);

    EDDYI_ASSERT(!c->in.o.io && !c->out.o.io);
    close_all(c);
    eddyi_free(c);
}

/* Reading and writing. */

static void note_emptied(struct fd_carrier *c, long n)
{
    struct eddyi_backend *b = c->base.loop->drained ? NULL : c->base.loop->backend;

    if (b && b->ops->emptied)
        b->ops->emptied(b, c->in.fd, n > 0);
}

/* Reads now. Not inlined: most calls of fd_read() find no bytes, and need not save registers for
 * it. */
EDDYI_UNGUARDED __attribute__((noinline)) static ssize_t read_now(struct fd_carrier *c, void *buf,
                                                                  size_t size)
{
    long n;

    n = c->is_socket ? eddyi_sys_recv(c->in.fd, buf, size)
                     : eddyi_sys_ready_readv(c->in.fd, &(struct iovec){buf, size}, 1);
    /* The other side of a pseudo-terminal is closed. */
    if (n == -EIO && !c->is_socket && eddyi_sys_is_device(c->in.fd))
        n = 0;
    c->emptied = n == -EAGAIN || (n > 0 && (size_t)n < size);
    if (c->emptied && c->in.adopted)
        note_emptied(c, n);
    tried(&c->in, n);
    return n;
}

static ssize_t fd_read(eddy_carrier *base, void *buf, size_t size)
{
    struct fd_carrier *c = of(base);

    return c->emptied ? -EAGAIN : read_now(c, buf, size);
}

static inline ssize_t write_now(struct fd_carrier *c, const struct iovec *iov, int n)
{
    if (!c->is_socket)
        return eddyi_sys_ready_writev(c->out.fd, iov, n);
    return n == 1 ? eddyi_sys_send(c->out.fd, iov->iov_base, iov->iov_len)
                  : eddyi_sys_sendv(c->out.fd, iov, n);
}

EDDY_COLD static ssize_t write_after_wait(struct fd_carrier *c, const struct iovec *iov, int n)
{
    ssize_t written = write_now(c, iov, n);

    tried(&c->out, written);
    return written;
}

/* Writes now. If no poll preceded the call, there is nothing to note of its result. */
static ssize_t fd_write(eddy_carrier *base, const struct iovec *iov, int n)
{
    struct fd_carrier *c = of(base);

    return c->out.woken || c->out.o.in_vain > 0 ? write_after_wait(c, iov, n)
                                                : write_now(c, iov, n);
}

static void in_done(struct eddyi_io_op *o)
{
    struct fd_carrier *c = eddyi_container(o, struct fd_carrier, in.o);
    int64_t n = o->op.result;

    if (c->closing) {
        end(c);
        return;
    }
    c->in.woken = o->op.kind == EDDYI_OP_POLL && n > 0;
    if (c->in.woken)
        n = -EAGAIN;
    else
        c->emptied = n > 0 && (size_t)n < o->op.io.size;
    c->base.on_readable(&c->base, (ssize_t)n);
}

static void out_done(struct eddyi_io_op *o)
{
    struct fd_carrier *c = eddyi_container(o, struct fd_carrier, out.o);
    bool file = o->op.kind == EDDYI_OP_SENDFILE;
    bool closing = c->closing; /* if a callback closes the carrier, its end is fd_close()'s */

    if (file)
        report_sent(&c->sent);
    else
        c->out.woken = o->op.result > 0;
    if (closing)
        end(c);
    else if (!file)
        c->base.on_writable(&c->base);
}

/* Begins to wait with @o, whose kind is set, for the descriptor of @side. */
static int wait_for(struct fd_carrier *c, struct eddyi_io_op *o, struct side *side)
{
    struct side *owner = side->fd == c->in.fd ? &c->in : side;
    int rc = owner->adopted ? 0 : eddyi_io_adopt(c->io, owner->fd);

    owner->adopted = rc == 0;
    o->op.fd = side->fd;
    return rc < 0 ? rc : eddyi_io_submit(c->io, o);
}

static int fd_wait_readable(eddy_carrier *base, void *buf, size_t size)
{
    struct fd_carrier *c = of(base);
    /* a write end is watched until the read end closes */
    struct side *side = c->in.fd >= 0 ? &c->in : &c->out;

    c->emptied = false;
    if (c->is_socket && buf) {
        c->in.o.op.kind = EDDYI_OP_RECV;
        c->in.o.op.io.buf = buf;
        c->in.o.op.io.size = size;
    } else {
        c->in.o.op.kind = EDDYI_OP_POLL;
        c->in.o.op.events = POLLIN;
    }
    return wait_for(c, &c->in.o, side);
}

static void fd_cancel_readable(eddy_carrier *base)
{
    eddyi_io_cancel(&of(base)->in.o);
}

static int fd_wait_writable(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);

    c->out.o.op.kind = EDDYI_OP_POLL;
    c->out.o.op.events = POLLOUT;
    return wait_for(c, &c->out.o, &c->out);
}

/* Ends the writing direction. The write end of a pipe is closed. A write end that stands alone is
 * still watched, and closed with the carrier. */
static int fd_write_eof(eddy_carrier *base)
{
    struct fd_carrier *c = of(base);

    if (c->is_socket)
        return eddyi_sys_shutdown_write(c->out.fd);
    if (c->in.o.io && c->in.o.op.fd == c->out.fd)
        return -EOPNOTSUPP;
    close_side(c, &c->out);
    return 0;
}

static ssize_t fd_get_extra_info(eddy_carrier *base, const char *name, void *ret, size_t size)
{
    struct fd_carrier *c = of(base);
    int fd = c->in.fd >= 0 ? c->in.fd : c->out.fd;

    if (c->is_socket)
        return eddyi_socket_info(fd, name, ret, size);
    return strcmp(name, "pipe") == 0 ? eddyi_info_copy(ret, size, &fd, sizeof fd) : -ENOENT;
}

/* Sends what is in memory at once: the way to a thread and back would cost more. */
static int socket_send_file(eddy_carrier *base, int fd, off_t offset, size_t count)
{
    struct fd_carrier *c = of(base);

    if (eddyi_sys_is_cached(fd, offset, count)) {
        c->out.o.op.result = eddyi_sys_sendfile_nonblocking(c->out.fd, fd, offset, count);
        eddyi_loop_ready(c->base.loop, &c->sent);
        return 0;
    }
    c->out.o.op.kind = EDDYI_OP_SENDFILE;
    c->out.o.op.fd = c->out.fd;
    c->out.o.op.sendfile.file = fd;
    c->out.o.op.sendfile.offset = offset;
    c->out.o.op.sendfile.size = count;
    return eddyi_io_submit(c->io, &c->out.o);
}

static void socket_cancel_file(eddy_carrier *base)
{
    eddyi_io_cancel(&of(base)->out.o);
}

static void socket_reset(eddy_carrier *base)
{
    (void)eddyi_sys_reset_at_close(of(base)->out.fd);
}

/* The functions of sockets and pipes alike. */
#define FD_OPS                                                                                     \
    .read = fd_read, .write = fd_write, .wait_readable = fd_wait_readable,                         \
    .cancel_readable = fd_cancel_readable, .wait_writable = fd_wait_writable,                      \
    .write_eof = fd_write_eof, .close = fd_close, .free = fd_free,                                 \
    .get_extra_info = fd_get_extra_info

static const eddy_carrier_ops pipe_ops = {.name = "pipe", FD_OPS};

static const eddy_carrier_ops socket_ops = {
    .name = "socket",
    FD_OPS,
    .send_file = socket_send_file,
    .cancel_file = socket_cancel_file,
    .reset = socket_reset,
};

int eddyi_carrier_socket(eddy_carrier *c)
{
    return c->ops == &socket_ops ? of(c)->out.fd : -1;
}

/* Constructors. */

void eddyi_fd_carrier_own(eddy_carrier *base)
{
    of(base)->borrowed = false;
}

/* Claims a direction: no other code may wait for a descriptor of a carrier (rule 163). */
static int claim(struct fd_carrier *c, struct side *side, int fd, enum eddyi_direction direction)
{
    return fd < 0 ? 0 : eddyi_io_claim(c->io, &side->claim, fd, direction);
}

static int check(int fd)
{
    int rc = fd < 0 ? 0 : eddyi_sys_pollable(fd);

    return rc == -EPERM ? -EINVAL : rc;
}

/* Makes the descriptor non-blocking. Returns 0 or -errno. */
static int set_nonblocking(struct side *side)
{
    int rc = side->fd < 0 ? 0 : eddyi_sys_set_nonblocking(side->fd);

    side->was_blocking = rc > 0;
    return rc < 0 ? rc : 0;
}

static struct fd_carrier *new_carrier(eddy_loop *loop, const eddy_carrier_ops *ops, int fd_in,
                                      int fd_out)
{
    struct eddyi_io *io = eddyi_io_of(loop);
    struct fd_carrier *c = io ? eddyi_zalloc(sizeof *c) : NULL;

    if (!c)
        return NULL;
    c->base.ops = ops;
    c->base.loop = loop;
    c->io = io;
    c->in.fd = fd_in;
    c->out.fd = fd_out;
    c->borrowed = true;
    c->is_socket = ops == &socket_ops;
    c->in.o.op.waits = c->out.o.op.waits = true; /* a call before was in vain, or short */
    c->in.o.done = in_done;
    c->out.o.done = out_done;
    eddyi_ready_init(&c->closed, on_closed);
    eddyi_ready_init(&c->sent, report_sent);
    return c;
}

/* Makes a carrier, claiming both directions. A pipe's write end uses the read direction as well,
 * through which the end of the reader is noticed (rule 161). */
static int make(eddy_loop *loop, const eddy_carrier_ops *ops, int fd_in, int fd_out,
                enum holding how, eddy_carrier **ret)
{
    struct fd_carrier *c = new_carrier(loop, ops, fd_in, fd_out);
    int rc = c ? claim(c, &c->in, fd_in >= 0 ? fd_in : fd_out, EDDYI_READS) : -ENOMEM;

    if (rc == 0)
        rc = claim(c, &c->out, fd_out, EDDYI_WRITES);
    if (rc == 0 && how != ACCEPTED)
        rc = set_nonblocking(&c->in);
    if (rc == 0 && how != ACCEPTED && fd_out != fd_in)
        rc = set_nonblocking(&c->out);
    if (rc < 0 && c)
        fd_free(&c->base);
    if (rc < 0)
        return rc;
    c->borrowed = how == BORROWED;
    *ret = &c->base;
    return 0;
}

static int check_and_make(eddy_loop *loop, const eddy_carrier_ops *ops, int fd_in, int fd_out,
                          enum holding how, eddy_carrier **ret)
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
    if (rc == 0 && ops == &socket_ops) {
        rc = eddyi_socket_check(fd_in, false);
        if (rc < 0)
            return rc;
    }
    if (rc == 0)
        rc = make(loop, ops, fd_in, fd_out, how, ret);
    if (rc < 0)
        eddy_raise(rc, "descriptor %d: it cannot carry a stream", fd_in >= 0 ? fd_in : fd_out);
    return rc;
}

int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return make(loop, &socket_ops, fd, fd, ACCEPTED, ret);
}

int eddy_socket_carrier_borrow(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return check_and_make(loop, &socket_ops, fd, fd, BORROWED, ret);
}

int eddy_socket_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return check_and_make(loop, &socket_ops, fd, fd, OWNED, ret);
}

int eddy_pipe_carrier_borrow(eddy_loop *loop, int read_fd, int write_fd, eddy_carrier **ret)
{
    return check_and_make(loop, &pipe_ops, read_fd, write_fd, BORROWED, ret);
}

int eddy_pipe_carrier_new(eddy_loop *loop, int read_fd, int write_fd, eddy_carrier **ret)
{
    return check_and_make(loop, &pipe_ops, read_fd, write_fd, OWNED, ret);
}

enum eddyi_ways eddyi_carrier_ways(eddy_carrier *c)
{
    if (c->ops != &pipe_ops || (of(c)->in.fd >= 0 && of(c)->out.fd >= 0))
        return EDDYI_BOTH_WAYS;
    return of(c)->in.fd >= 0 ? EDDYI_READ_ONLY : EDDYI_WRITE_ONLY;
}
