/*
 * Carriers on descriptors are made here.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "stream/fd_carrier.h"
#include "stream/socket_info.h"

/* Nobody else may wait for a descriptor that a carrier has (rule 163). */
static int claim(struct eddyi_fd_carrier *c, struct eddyi_io_claim *claim, int fd,
                 enum eddyi_io_direction direction)
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

/* 1: it was blocking, and will be again. */
static int set_nonblocking(int fd)
{
    return fd < 0 ? 0 : eddyi_sys_set_nonblocking(fd);
}

static int set_both_nonblocking(struct eddyi_fd_carrier *c)
{
    int rc = set_nonblocking(c->fd_in);

    c->was_blocking_in = rc > 0;
    if (rc >= 0 && c->fd_out != c->fd_in) {
        rc = set_nonblocking(c->fd_out);
        c->was_blocking_out = rc > 0;
    }
    return rc < 0 ? rc : 0;
}

/* In a pipe's write end the read direction is used too: that is how the end of the reader shows
 * (rule 161). */
static int claim_both(struct eddyi_fd_carrier *c, int fd_in, int fd_out)
{
    int rc = claim(c, &c->claim_in, fd_in >= 0 ? fd_in : fd_out, EDDYI_IO_READ);

    return rc < 0 ? rc : claim(c, &c->claim_out, fd_out, EDDYI_IO_WRITE);
}

static struct eddyi_fd_carrier *new_carrier(eddy_loop *loop, const eddy_carrier_ops *ops)
{
    struct eddyi_io *io = eddyi_io_of(loop);
    struct eddyi_fd_carrier *c = io ? eddyi_zalloc(sizeof *c) : NULL;

    if (!c)
        return NULL;
    c->base.ops = ops;
    c->base.loop = loop;
    c->io = io;
    c->fd_in = c->fd_out = -1;
    c->is_socket = ops == &eddyi_socket_carrier_ops;
    c->in.done = eddyi_fd_carrier_in_done;
    c->out.done = eddyi_fd_carrier_out_done;
    eddyi_ready_init(&c->closed, eddyi_fd_carrier_closed);
    return c;
}

static int make(eddy_loop *loop, const eddy_carrier_ops *ops, int fd_in, int fd_out,
                bool nonblocking, eddy_carrier **ret)
{
    struct eddyi_fd_carrier *c = new_carrier(loop, ops);
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
    if (loop->backend->ops == &eddyi_backend_virtual)
        return eddy_raise(-EOPNOTSUPP, "virtual time knows no descriptors");
    rc = fd_in < -1 || fd_out < -1 || (fd_in < 0 && fd_out < 0) ? -EBADF : check(fd_in);
    if (rc == 0 && fd_out != fd_in)
        rc = check(fd_out);
    if (rc == -EINVAL)
        return eddy_raise(rc, "only sockets, pipes and terminals carry streams; not a file");
    if (rc < 0)
        return eddy_raise(rc, "descriptor %d: it cannot carry a stream",
                          fd_in >= 0 ? fd_in : fd_out);
    rc = ops == &eddyi_socket_carrier_ops ? eddyi_socket_check(fd_in, false) : 0;
    return rc < 0 ? rc : make(loop, ops, fd_in, fd_out, false, ret);
}

int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return make(loop, &eddyi_socket_carrier_ops, fd, fd, true, ret);
}

int eddy_socket_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret)
{
    return check_and_make(loop, &eddyi_socket_carrier_ops, fd, fd, ret);
}

int eddy_pipe_carrier_new(eddy_loop *loop, int read_fd, int write_fd, eddy_carrier **ret)
{
    return check_and_make(loop, &eddyi_pipe_carrier_ops, read_fd, write_fd, ret);
}
