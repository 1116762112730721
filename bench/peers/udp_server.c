/*
 * The reference for datagrams: a handwritten echo server on epoll, with recvmmsg(2) and
 * sendmmsg(2), or one at a time. udp-server PORT [single]
 */
#include "peer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 2048 };

static struct sockaddr_in senders[BATCH];
static struct mmsghdr messages[BATCH];
static struct iovec bytes[BATCH];
static char rooms[BATCH][ROOM];

static void wait_for(int epoll)
{
    struct epoll_event event;

    epoll_wait(epoll, &event, 1, -1);
}

static void send_back(int fd, int n)
{
    for (int sent = 0; sent < n;) {
        int more = sendmmsg(fd, messages + sent, (unsigned)(n - sent), MSG_DONTWAIT);

        if (more <= 0)
            return;
        sent += more;
    }
}

static void echo_batches(int fd, int epoll)
{
    for (;;) {
        int n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);

        for (int i = 0; i < n; i++)
            bytes[i].iov_len = messages[i].msg_len;
        send_back(fd, n);
        for (int i = 0; i < n; i++) {
            bytes[i].iov_len = ROOM;
            messages[i].msg_hdr.msg_namelen = sizeof senders[i];
        }
        if (n < BATCH)
            wait_for(epoll);
    }
}

static void echo_each(int fd, int epoll)
{
    for (;;) {
        socklen_t size = sizeof senders[0];
        ssize_t n =
            recvfrom(fd, rooms[0], ROOM, MSG_DONTWAIT, (struct sockaddr *)&senders[0], &size);

        if (n < 0)
            wait_for(epoll);
        else
            sendto(fd, rooms[0], (size_t)n, MSG_DONTWAIT, (struct sockaddr *)&senders[0], size);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    bool single = argc > 2 && strcmp(argv[2], "single") == 0;
    struct epoll_event event = {.events = EPOLLIN};

    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("bind");
        return 1;
    }
    for (int i = 0; i < BATCH; i++) {
        bytes[i] = (struct iovec){rooms[i], ROOM};
        messages[i].msg_hdr = (struct msghdr){.msg_name = &senders[i],
                                              .msg_namelen = sizeof senders[i],
                                              .msg_iov = &bytes[i],
                                              .msg_iovlen = 1};
    }
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    if (single)
        echo_each(fd, epoll);
    else
        echo_batches(fd, epoll);
}
