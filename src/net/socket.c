#include "net/socket.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "net/address.h"

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

ssize_t eddyi_socket_info(int fd, const char *name, void *ret, size_t size)
{
    if (strcmp(name, "socket") == 0)
        return eddyi_info_copy(ret, size, &fd, sizeof fd);
    if (strcmp(name, "peername") == 0)
        return address(eddyi_sys_peername, fd, ret, size);
    if (strcmp(name, "sockname") == 0)
        return address(eddyi_sys_sockname, fd, ret, size);
    return -ENOENT;
}

/* Returns whether @fd has an address; listen(2) checks that for families other than IP. */
static bool is_bound(int fd)
{
    union eddyi_address addr = {0};
    socklen_t size = sizeof addr;
    int rc = eddyi_sys_sockname(fd, &addr.sa, &size);

    return rc == 0 && ((addr.sa.sa_family != AF_INET && addr.sa.sa_family != AF_INET6) ||
                       eddyi_address_port(&addr) != 0);
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
