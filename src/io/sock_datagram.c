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

/*
 * Waits before a call that gave @n is tried again; *ready is the result of the wait before. Returns
 * false if the call is not to be tried again.
 */
static bool wait_again(struct eddyi_io_call *c, int64_t n, unsigned events, int64_t *ready)
{
    if (n != -EAGAIN)
        return false;
    c->o.in_vain += *ready > 0;
    *ready = wait_until(c, events);
    return *ready >= 0;
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
    } while (wait_again(c, n, POLLIN, &ready));
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
    } while (wait_again(c, n, POLLOUT, &ready));
    eddyi_io_end(c);
    return ended(ready < 0 ? ready : n, name, fd);
}

int64_t eddyi_io_recvmmsg(struct eddyi_io_call *c, const char *name, int fd,
                          struct mmsghdr *messages, unsigned n, int flags)
{
    int64_t got = begin(c, name, fd, EDDYI_READS, messages, 0), ready = 0;

    if (got < 0)
        return got;
    got = eddyi_io_is_drained(c) ? -EAGAIN : eddyi_sys_recvmmsg(c->fd, messages, n, flags);
    while (wait_again(c, got, POLLIN, &ready))
        got = eddyi_sys_recvmmsg(c->fd, messages, n, flags);
    if (got > 0 && got < n)
        eddyi_io_note_drained(c);
    eddyi_io_end(c);
    return ended(ready < 0 ? ready : got, name, fd);
}

int64_t eddyi_io_sendmmsg(struct eddyi_io_call *c, const char *name, int fd,
                          struct mmsghdr *messages, unsigned n)
{
    int64_t sent = begin(c, name, fd, EDDYI_WRITES, messages, 0), ready = 0;

    if (sent < 0)
        return sent;
    do {
        sent = eddyi_sys_sendmmsg(c->fd, messages, n);
    } while (wait_again(c, sent, POLLOUT, &ready));
    eddyi_io_end(c);
    return ended(ready < 0 ? ready : sent, name, fd);
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
