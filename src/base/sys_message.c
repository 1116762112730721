/*
 * The calls of sys.h for messages with more than bytes: addresses, and descriptors.
 */
#include "base/sys.h"

#include <string.h>
#include <sys/socket.h>

long eddyi_sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct msghdr as_given = *msg, cut = *msg;
    struct iovec piece;
    long n;

    if (eddyi_short_message(fd, msg, flags, &piece))
        cut.msg_iov = &piece, cut.msg_iovlen = 1;
    do {
        *msg = cut;
        n = eddyi_fault("recvmsg");
        if (n == 0)
            n = eddyi_sys_result(recvmsg(fd, msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
    } while (n == -EINTR);
    msg->msg_iov = as_given.msg_iov;
    msg->msg_iovlen = as_given.msg_iovlen;
    return n;
}

long eddyi_sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    struct msghdr cut = *msg;
    struct iovec piece;
    long n;

    if (eddyi_short_message(fd, msg, flags, &piece))
        cut.msg_iov = &piece, cut.msg_iovlen = 1;
    do {
        n = eddyi_fault("sendmsg");
        if (n == 0)
            n = eddyi_sys_result(sendmsg(fd, &cut, flags | MSG_DONTWAIT | MSG_NOSIGNAL));
    } while (n == -EINTR);
    return n;
}

long eddyi_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    long rc;

    do {
        rc = eddyi_fault("recvmmsg");
        if (rc == 0)
            rc = eddyi_sys_result(
                recvmmsg(fd, messages, n, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL));
    } while (rc == -EINTR);
    return rc;
}

long eddyi_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned n)
{
    long rc;

    do {
        rc = eddyi_fault("sendmmsg");
        if (rc == 0)
            rc = eddyi_sys_result(sendmmsg(fd, messages, n, MSG_DONTWAIT | MSG_NOSIGNAL));
    } while (rc == -EINTR);
    return rc;
}

void eddyi_sys_drop_rights(struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            eddyi_sys_close(fd);
        }
    }
}
