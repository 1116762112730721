/*
 * Messages on sockets, and waiting for readiness alone.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/sock.h"
#include "io/sock.h"

#include <poll.h>

ssize_t eddy_sock_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct eddyi_io_call c;
    int64_t n = eddyi_io_begin(&c, fd, EDDYI_READS);

    if (n < 0)
        return n;
    n = eddyi_sys_recvmsg(fd, msg, flags);
    if (n == -EAGAIN) {
        c.o.op.kind = EDDYI_OP_RECVMSG;
        c.o.op.message.msg = msg;
        c.o.op.message.flags = flags;
        n = eddyi_io_wait(&c);
    }
    eddyi_io_end(&c);
    return eddyi_sock_ended(n, "sock_recvmsg", fd);
}

ssize_t eddy_sock_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct eddyi_io_call c;
    int64_t n = eddyi_io_begin(&c, fd, EDDYI_WRITES);

    if (n < 0)
        return n;
    n = eddyi_sys_sendmsg(fd, msg, flags);
    if (n == -EAGAIN) {
        c.o.op.kind = EDDYI_OP_SENDMSG;
        c.o.op.message.msg = (struct msghdr *)(uintptr_t)msg;
        c.o.op.message.flags = flags;
        n = eddyi_io_wait(&c);
    }
    eddyi_io_end(&c);
    return eddyi_sock_ended(n, "sock_sendmsg", fd);
}

/* Waits for @events. A wait for both directions claims both. */
static int64_t wait_for_events(struct eddyi_io_call *c, int events)
{
    struct eddyi_io_claim writes = {.io = NULL};
    struct eddyi_io *io = eddyi_io_of(c->loop);
    bool both = events == (POLLIN | POLLOUT);
    int64_t rc = io ? 0 : -ENOMEM;

    if (rc == 0 && both)
        rc = eddyi_io_claimed(io, c->fd, EDDYI_WRITES)
                 ? -EBUSY
                 : eddyi_io_claim(io, &writes, c->fd, EDDYI_WRITES);
    if (rc < 0)
        return rc;
    c->o.op.kind = EDDYI_OP_POLL;
    c->o.op.events = (unsigned)events;
    rc = eddyi_io_wait(c);
    eddyi_io_release(&writes);
    return rc;
}

int eddy_poll(int fd, int events)
{
    struct eddyi_io_call c;
    int64_t rc = eddyi_io_begin(&c, fd, events & POLLIN ? EDDYI_READS : EDDYI_WRITES);

    if (rc < 0)
        return (int)rc;
    if (events == 0 || events & ~(POLLIN | POLLOUT))
        return eddy_raise(-EINVAL, "poll: %#x are no events", (unsigned)events);
    rc = events == POLLIN && eddyi_io_is_drained(&c) ? -EAGAIN
                                                     : eddyi_sys_events(fd, (unsigned)events);
    if (rc == -EAGAIN)
        rc = c.loop->closed ? -ECANCELED : wait_for_events(&c, events);
    /* The number now belongs to a file, which is always ready. */
    if (rc == -EPERM)
        rc = eddyi_sys_events(fd, (unsigned)events);
    eddyi_io_end(&c);
    return (int)eddyi_sock_ended(rc, "poll", fd);
}
