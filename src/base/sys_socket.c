/*
 * The socket calls of sys.h. An event loop must not block in any of them: recv and send have a flag
 * for that; accept and connect follow O_NONBLOCK of the open file, so a blocking one is made
 * non-blocking for the moment of the call.
 */
#include "base/sys.h"

#include <netinet/in.h>
#include <sys/socket.h>

EDDYI_DIRECT long eddyi_sys_recv(int fd, void *buf, size_t size)
{
    long n;

    do {
        n = eddyi_fault("recv");
        if (n == 0)
            n = eddyi_sys_result(recv(fd, buf, eddyi_short(fd, size), MSG_DONTWAIT));
    } while (n == -EINTR);
    return n;
}

EDDYI_DIRECT long eddyi_sys_send(int fd, const void *buf, size_t size)
{
    long n;

    do {
        n = eddyi_fault("send");
        if (n == 0)
            n = eddyi_sys_result(send(fd, buf, eddyi_short(fd, size), MSG_DONTWAIT | MSG_NOSIGNAL));
    } while (n == -EINTR);
    return n;
}

static int accept_one(int fd, struct sockaddr *addr, unsigned *addrlen)
{
    int rc;

    do {
        rc = eddyi_fault("accept4");
        if (rc == 0)
            rc = (int)eddyi_sys_result(accept4(fd, addr, addrlen, SOCK_NONBLOCK | SOCK_CLOEXEC));
    } while (rc == -EINTR);
    return rc;
}

int eddyi_sys_accept_nonblocking(int fd)
{
    return accept_one(fd, NULL, NULL);
}

int eddyi_sys_accept(int fd, struct sockaddr *addr, unsigned *addrlen)
{
    struct eddyi_borrowed b;
    int rc = eddyi_borrow_nonblocking(fd, &b);

    if (rc < 0)
        return rc;
    rc = accept_one(fd, addr, addrlen);
    eddyi_give_back(&b);
    return rc;
}

int eddyi_sys_connect(int fd, const struct sockaddr *addr, unsigned addrlen)
{
    int f = eddyi_fault("connect");
    struct eddyi_borrowed b;
    int rc = f < 0 ? f : eddyi_borrow_nonblocking(fd, &b);

    if (rc < 0)
        return rc;
    rc = (int)eddyi_sys_result(connect(fd, addr, addrlen));
    eddyi_give_back(&b);
    return rc;
}

static int socket_option(int fd, int option)
{
    int value = 0;
    socklen_t size = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -errno : value;
}

int eddyi_sys_connect_result(int fd)
{
    int f = eddyi_fault("getsockopt");
    int error = f < 0 ? f : socket_option(fd, SO_ERROR);

    return error > 0 ? -error : error;
}

int eddyi_sys_is_unix_socket(int fd)
{
    int domain = socket_option(fd, SO_DOMAIN);

    return domain < 0 ? domain : domain == AF_UNIX;
}

bool eddyi_sys_is_tcp(int fd)
{
    return socket_option(fd, SO_PROTOCOL) == IPPROTO_TCP;
}
