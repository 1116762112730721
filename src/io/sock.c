/*
 * The socket calls that suspend. Each tries the system call first, and suspends only if that would
 * block.
 */
#include "eddy/sock.h"

#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "io/sock.h"

#include <limits.h>
#include <poll.h>
#include <stdint.h>

/* The first and the longest pause, in seconds, of a connect to a Unix socket whose queue is
 * full. */
static const double FIRST_RETRY = 0.001, LAST_RETRY = 0.064;

int64_t eddyi_sock_ended(int64_t result, const char *call, int fd)
{
    if (result < 0 && result != -ECANCELED)
        eddy_raise((int)result, "%s on descriptor %d", call, fd);
    return result;
}

static bool is_bad_buffer(const void *buf, size_t size)
{
    return (!buf && size > 0) || size > (size_t)SSIZE_MAX;
}

EDDYI_UNGUARDED ssize_t eddy_sock_recv(int fd, void *buf, size_t size)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin(&c, fd, EDDYI_READS);
    int64_t n;

    if (rc < 0)
        return rc;
    if (is_bad_buffer(buf, size))
        return eddy_raise(-EINVAL, "sock_recv: not a buffer of %zu bytes", size);
    n = size > 0 && eddyi_io_is_drained(&c) ? -EAGAIN : eddyi_sys_recv(fd, buf, size);
    /* Some kinds of socket wait for data even if none is wanted. */
    if (n == -EAGAIN && size == 0)
        n = 0;
    if (n == -EAGAIN) {
        c.o.op.kind = EDDYI_OP_RECV;
        c.o.op.io.buf = buf;
        c.o.op.io.size = size;
        n = eddyi_io_wait(&c);
    }
    if (n > 0 && (size_t)n < size)
        eddyi_io_note_drained(&c);
    eddyi_io_end(&c);
    return eddyi_sock_ended(n, "sock_recv", fd);
}

static int64_t wait_and_send(struct eddyi_io_call *c, const char *buf, size_t size)
{
    c->o.op.kind = EDDYI_OP_SEND;
    c->o.op.io.buf = (void *)(uintptr_t)buf;
    c->o.op.io.size = size;
    return eddyi_io_wait(c);
}

/* The first try fills the socket's buffer; each further piece waits for room. */
/* Sends everything with a call that was begun. Returns 0 or -errno. Adds the bytes that are out to
 * *sent, also on failure. */
static int64_t send_all(struct eddyi_io_call *c, const char *buf, size_t size, size_t *sent)
{
    int64_t n = eddyi_sys_send(c->fd, buf, size);

    if (n == -EAGAIN)
        n = 0;
    while (n >= 0) {
        *sent += (size_t)n;
        if (*sent == size)
            return 0;
        n = wait_and_send(c, buf + *sent, size - *sent);
    }
    return n;
}

EDDYI_UNGUARDED int eddy_sock_sendall(int fd, const void *buf, size_t size, size_t *ret_sent)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin(&c, fd, EDDYI_WRITES);
    size_t sent = 0;

    if (rc == 0 && is_bad_buffer(buf, size))
        rc = eddy_raise(-EINVAL, "sock_sendall: not a buffer of %zu bytes", size);
    if (rc == 0) {
        rc = (int)eddyi_sock_ended(send_all(&c, buf, size, &sent), "sock_sendall", fd);
        eddyi_io_end(&c);
    }
    if (ret_sent)
        *ret_sent = sent;
    return rc;
}

int eddy_sock_accept(int fd, struct sockaddr *addr, socklen_t *addrlen)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin(&c, fd, EDDYI_READS);
    int64_t result;

    if (rc < 0)
        return rc;
    result = eddyi_sys_accept(fd, addr, addrlen);
    if (result == -EAGAIN) {
        c.o.op.kind = EDDYI_OP_ACCEPT;
        c.o.op.accept.addr = addr;
        c.o.op.accept.addrlen = addrlen;
        c.o.op.accept.multishot = false;
        result = eddyi_io_wait(&c);
    }
    eddyi_io_end(&c);
    return (int)eddyi_sock_ended(result, "sock_accept", fd);
}

/* Waits for the outcome of a connect under way: the socket becomes writable (rule 166). */
static int64_t wait_until_connected(struct eddyi_io_call *c)
{
    int64_t result;

    c->o.op.kind = EDDYI_OP_POLL;
    c->o.op.events = POLLOUT;
    result = eddyi_io_wait(c);
    return result < 0 ? result : eddyi_sys_connect_result(c->fd);
}

/*
 * Retries a connect to a Unix socket whose queue is full (EAGAIN). The kernel does not tell when
 * there is room: the socket is writable all the time. So the call backs off and tries again.
 */
static int64_t retry_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
    double delay = FIRST_RETRY;
    int rc;

    do {
        rc = eddy_sleep(delay);
        delay = delay * 2 < LAST_RETRY ? delay * 2 : LAST_RETRY;
        if (rc == 0)
            rc = eddyi_sys_connect(fd, addr, addrlen);
    } while (rc == -EAGAIN);
    return rc;
}

int eddy_sock_connect(int fd, const struct sockaddr *addr, socklen_t addrlen)
{
    struct eddyi_io_call c;
    int64_t result = eddyi_io_begin(&c, fd, EDDYI_WRITES);

    if (result < 0)
        return (int)result;
    result = eddyi_sys_connect(fd, addr, addrlen);
    if (result == -EAGAIN && eddyi_sys_is_unix_socket(fd) == 1)
        result = retry_connect(fd, addr, addrlen);
    /* EALREADY: an earlier attempt is under way. */
    if (result == -EINPROGRESS || result == -EALREADY || result == -EINTR)
        result = wait_until_connected(&c);
    eddyi_io_end(&c);
    return (int)eddyi_sock_ended(result, "sock_connect", fd);
}
