/*
 * The calls of sys.h that streams make, on non-blocking descriptors.
 */
#include "base/sys.h"
#include "base/unguarded.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

EDDYI_DIRECT EDDYI_UNGUARDED long eddyi_sys_sendv(int fd, const struct iovec *iov, int n)
{
    struct iovec piece;
    const struct iovec *all = eddyi_short_vector(fd, iov, &n, &piece);
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)all, .msg_iovlen = (size_t)n};
    long rc;

    if (n == 1)
        return eddyi_sys_send(fd, all->iov_base, all->iov_len);
    do {
        rc = eddyi_fault("send");
        if (rc == 0)
            rc = eddyi_sys_result(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
    } while (rc == -EINTR);
    return rc;
}

int eddyi_sys_shutdown_write(int fd)
{
    int f = eddyi_fault("shutdown");

    return f < 0 ? f : (int)eddyi_sys_result(shutdown(fd, SHUT_WR));
}

int eddyi_sys_reset_at_close(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    int f = eddyi_fault("setsockopt");

    if (f < 0)
        return f;
    return (int)eddyi_sys_result(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

int eddyi_sys_peername(int fd, struct sockaddr *addr, unsigned *addrlen)
{
    int f = eddyi_fault("getpeername");

    return f < 0 ? f : (int)eddyi_sys_result(getpeername(fd, addr, addrlen));
}

int eddyi_sys_sockname(int fd, struct sockaddr *addr, unsigned *addrlen)
{
    int f = eddyi_fault("getsockname");

    return f < 0 ? f : (int)eddyi_sys_result(getsockname(fd, addr, addrlen));
}

char *eddyi_sys_absolute_path(const char *path)
{
    char directory[PATH_MAX], *absolute;
    size_t size;

    /* A directory without a name, such as a removed one, leaves the path as it is. */
    if (path[0] == '/' || !getcwd(directory, sizeof directory) || directory[0] != '/')
        return eddyi_strdup(path);
    size = strlen(directory) + 1 + strlen(path) + 1;
    absolute = eddyi_alloc(size);
    if (absolute)
        snprintf(absolute, size, "%s/%s", directory, path);
    return absolute;
}

int eddyi_sys_file_identity(const char *path, uint64_t *ret_device, uint64_t *ret_inode)
{
    struct stat st;
    int rc = eddyi_fault("stat");

    if (rc == 0)
        rc = (int)eddyi_sys_result(stat(path, &st));
    if (rc < 0)
        return rc;
    *ret_device = st.st_dev;
    *ret_inode = st.st_ino;
    return 0;
}
