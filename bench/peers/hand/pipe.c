/*
 * Two pipes on one epoll: each end reads when it can, and writes at once.
 */
#include "hand.h"

#include <sys/epoll.h>

static char buf[LARGE_MESSAGE];

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

/* Writes everything; the pipe is empty, and has room for it. */
static void put(int fd, size_t size)
{
    if (write(fd, buf, size) != (ssize_t)size)
        check(-1, "write");
}

void hand_pipe(const char *workload)
{
    bool large = strstr(workload, "64k") != NULL;
    size_t size = large ? LARGE_MESSAGE : SMALL_MESSAGE, came_back = 0;
    long n = large ? N_LARGE_MESSAGES : N_SMALL_MESSAGES, done = 0;
    int there[2], back[2], epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t began;

    check(pipe2(there, O_CLOEXEC | O_NONBLOCK), "pipe2");
    check(pipe2(back, O_CLOEXEC | O_NONBLOCK), "pipe2");
    watch(epoll, there[0]);
    watch(epoll, back[0]);
    began = bench_now();
    put(there[1], size);
    while (done < n) {
        struct epoll_event events[2];
        int ready = epoll_wait(epoll, events, 2, -1);

        for (int i = 0; i < ready; i++) {
            ssize_t got = read(events[i].data.fd, buf, sizeof buf);

            if (got <= 0)
                check(-1, "read");
            if (events[i].data.fd == there[0]) {
                put(back[1], (size_t)got);
            } else if ((came_back += (size_t)got) == size) {
                came_back = 0;
                if (++done < n)
                    put(there[1], size);
            }
        }
    }
    peer_print_each(PEER, workload, began, (double)n, "ns");
}
