#include "carrier/socket_info.h"

#include "base/sys.h"
#include "eddy/error.h"

#include <netinet/in.h>
#include <string.h>

ssize_t eddyi_info_copy(void *ret, size_t size, const void *from, size_t n)
{
    if (size > 0 && ret)
        memcpy(ret, from, n < size ? n : size);
    return (ssize_t)n;
}

static ssize_t address(int (*ask)(int fd, struct sockaddr *addr, unsigned *addrlen), int fd,
                       void *ret, size_t size)
{
    struct sockaddr_storage addr;
    socklen_t n = sizeof addr;
    int rc = ask(fd, (struct sockaddr *)&addr, &n);

    return rc < 0 ? rc : eddyi_info_copy(ret, size, &addr, n);
}

ssize_t eddyi_socket_info(int fd, bool is_socket, const char *name, void *ret, size_t size)
{
    if (strcmp(name, is_socket ? "socket" : "pipe") == 0)
        return eddyi_info_copy(ret, size, &fd, sizeof fd);
    if (is_socket && strcmp(name, "peername") == 0)
        return address(eddyi_sys_peername, fd, ret, size);
    if (is_socket && strcmp(name, "sockname") == 0)
        return address(eddyi_sys_sockname, fd, ret, size);
    return -ENOENT;
}

static bool is_bound(int fd)
{
    union {
        struct sockaddr_storage any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } addr = {0};
    socklen_t size = sizeof addr;

    if (eddyi_sys_sockname(fd, (struct sockaddr *)&addr.any, &size) < 0)
        return false;
    if (addr.any.ss_family == AF_INET)
        return addr.in.sin_port != 0;
    /* listen(2) checks the other families */
    return addr.any.ss_family != AF_INET6 || addr.in6.sin6_port != 0;
}

int eddyi_socket_check(int fd, bool listens)
{
    int type = eddyi_sys_get_option(fd, SOL_SOCKET, SO_TYPE);

    if (type < 0)
        return eddy_raise(type, "descriptor %d is no socket", fd);
    if (type != SOCK_STREAM)
        return eddy_raise(-EINVAL, "descriptor %d is no stream socket", fd);
    if (!listens && eddyi_sys_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
        return eddy_raise(-EINVAL, "descriptor %d is a socket that listens, no connection", fd);
    if (listens && !is_bound(fd))
        return eddy_raise(-EINVAL, "descriptor %d is bound to no address", fd);
    return 0;
}
