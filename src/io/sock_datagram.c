/*
 * Datagrams on sockets. The system call is tried, and again each time the socket has become ready:
 * another process may have taken the datagram meanwhile.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/sock.h"
#include "io/io.h"

#include <limits.h>
#include <poll.h>

static int64_t ended(int64_t result, const char *name, int fd)
{
    if (result < 0 && result != -ECANCELED)
        eddy_raise((int)result, "%s on descriptor %d", name, fd);
    return result;
}

static int begin(struct eddyi_io_call *c, const char *name, int fd, enum eddyi_direction direction,
                 const void *buf, size_t size)
{
    int rc = eddyi_io_begin(c, fd, direction);

    if (rc == 0 && ((!buf && size > 0) || size > (size_t)SSIZE_MAX))
        rc = eddy_raise(-EINVAL, "%s: not a buffer of %zu bytes", name, size);
    c->what = name;
    return rc;
}

static int64_t wait_until(struct eddyi_io_call *c, unsigned events)
{
    c->o.op.kind = EDDYI_OP_POLL;
    c->o.op.events = events;
    return eddyi_io_wait(c);
}

int64_t eddyi_io_recvfrom(struct eddyi_io_call *c, const char *name, int fd, void *buf, size_t size,
                          int flags, struct sockaddr *addr, socklen_t *addrlen)
{
    socklen_t room = addrlen ? *addrlen : 0;
    int64_t n = begin(c, name, fd, EDDYI_READS, buf, size), ready = 0;

    if (n < 0)
        return n;
    do {
        if (addrlen)
            *addrlen = room;
        n = eddyi_sys_recvfrom(c->fd, buf, size, flags, addr, addrlen);
        if (n == -EAGAIN) {
            c->o.in_vain += ready > 0;
            ready = wait_until(c, POLLIN);
        }
    } while (n == -EAGAIN && ready >= 0);
    eddyi_io_end(c);
    return ended(ready < 0 ? ready : n, name, fd);
}

int64_t eddyi_io_sendto(struct eddyi_io_call *c, const char *name, int fd, const void *buf,
                        size_t size, const struct sockaddr *addr, socklen_t addrlen)
{
    int64_t n = begin(c, name, fd, EDDYI_WRITES, buf, size), ready = 0;

    if (n < 0)
        return n;
    do {
        n = eddyi_sys_sendto(c->fd, buf, size, addr, addr ? addrlen : 0);
        if (n == -EAGAIN) {
            c->o.in_vain += ready > 0;
            ready = wait_until(c, POLLOUT);
        }
    } while (n == -EAGAIN && ready >= 0);
    eddyi_io_end(c);
    return ended(ready < 0 ? ready : n, name, fd);
}

ssize_t eddy_sock_recvfrom(int fd, void *buf, size_t size, struct sockaddr *addr,
                           socklen_t *addrlen)
{
    struct eddyi_io_call c;

    return eddyi_io_recvfrom(&c, "sock_recvfrom", fd, buf, size, 0, addr, addrlen);
}

ssize_t eddy_sock_sendto(int fd, const void *buf, size_t size, const struct sockaddr *addr,
                         socklen_t addrlen)
{
    struct eddyi_io_call c;

    return eddyi_io_sendto(&c, "sock_sendto", fd, buf, size, addr, addrlen);
}
