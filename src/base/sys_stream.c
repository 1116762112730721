/*
 * The calls of sys.h that streams make, on descriptors that are non-blocking.
 */
#include "base/sys.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

int eddyi_sys_set_nonblocking(int fd)
{
    int f = eddyi_fault("fcntl");
    int flags = f < 0 ? f : (int)eddyi_sys_result(fcntl(fd, F_GETFL));

    if (flags < 0 || flags & O_NONBLOCK)
        return flags < 0 ? flags : 0;
    return (int)eddyi_sys_result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

long eddyi_sys_read_now(int fd, void *buf, size_t size)
{
    long n;

    do {
        n = eddyi_fault("read");
        if (n == 0)
            n = eddyi_sys_result(readv(fd, &(struct iovec){buf, size}, 1));
    } while (n == -EINTR);
    return n;
}

/*
 * SIGPIPE comes to the thread that writes: it is held back for the moment of the call, and taken if it was not pending
 * before. There is no flag against it for pipes that kernels before 6.18 would take.
 */
long eddyi_sys_writev_now(int fd, const struct iovec *iov, int n)
{
    const struct timespec now = {0};
    sigset_t sigpipe, before, pending;
    long rc;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &sigpipe, &before);
    do {
        rc = eddyi_fault("writev");
        if (rc == 0)
            rc = eddyi_sys_result(writev(fd, iov, n));
    } while (rc == -EINTR);
    if (rc == -EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&sigpipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

long eddyi_sys_sendv(int fd, const struct iovec *iov, int n)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
    long rc;

    if (n == 1)
        return eddyi_sys_send(fd, iov->iov_base, iov->iov_len);
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
