#include "stream/socket_info.h"

#include "base/sys.h"

#include <string.h>
#include <sys/socket.h>

ssize_t eddyi_info_copy(void *ret, size_t size, const void *from, size_t n)
{
    if (size > 0) /* without, @ret may be NULL */
        memcpy(ret, from, n < size ? n : size);
    return (ssize_t)n;
}

static ssize_t address(int (*ask)(int fd, struct sockaddr *addr, unsigned *addrlen), int fd, void *ret,
                       size_t size)
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
