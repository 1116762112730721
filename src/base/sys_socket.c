/*
 * The socket calls of sys.h. An event loop that blocks in one of them stands still, so each is made not to wait:
 * recv and send have a flag for that; accept and connect go by O_NONBLOCK of the open file, so a
 * blocking one is switched over for the moment of the call.
 */
#include "base/sys.h"

#include <fcntl.h>
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

/*
 * Makes a blocking descriptor non-blocking: 1, and its flags as they were; 0 if it is non-blocking already; -errno. The flag belongs
 * to the open file: whoever shares it, another process even, could see EAGAIN for these few microseconds.
 */
static int borrow_nonblocking(int fd, int *flags)
{
    *flags = fcntl(fd, F_GETFL);
    if (*flags < 0)
        return -errno;
    if (*flags & O_NONBLOCK)
        return 0;
    return fcntl(fd, F_SETFL, *flags | O_NONBLOCK) < 0 ? -errno : 1;
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
    int flags, borrowed = borrow_nonblocking(fd, &flags);
    int rc;

    if (borrowed < 0)
        return borrowed;
    rc = accept_one(fd, addr, addrlen);
    if (borrowed)
        fcntl(fd, F_SETFL, flags);
    return rc;
}

int eddyi_sys_connect(int fd, const struct sockaddr *addr, unsigned addrlen)
{
    int f = eddyi_fault("connect");
    int flags, borrowed = f < 0 ? f : borrow_nonblocking(fd, &flags);
    int rc;

    if (borrowed < 0)
        return borrowed;
    rc = (int)eddyi_sys_result(connect(fd, addr, addrlen));
    if (borrowed)
        fcntl(fd, F_SETFL, flags);
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
