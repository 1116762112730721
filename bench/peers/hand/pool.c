/*
 * Forked workers, each behind a pair of sockets, with one job in work and one that waits.
 */
#include "hand.h"

#include <poll.h>

enum { AHEAD = 2 };

static struct worker {
    int fd;
    int in_flight;
} workers[POOL_PROCESSES];

static void work(int fd)
{
    int number;

    while (read(fd, &number, sizeof number) == sizeof number) {
        number *= 2;
        if (write(fd, &number, sizeof number) != sizeof number)
            break;
    }
    _exit(0);
}

static void start_workers(void)
{
    for (int i = 0; i < POOL_PROCESSES; i++) {
        int pair[2];

        check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair");
        if (check(fork(), "fork") == 0) {
            for (int j = 0; j <= i; j++)
                close(j < i ? workers[j].fd : pair[0]);
            work(pair[1]);
        }
        close(pair[1]);
        workers[i].fd = pair[0];
    }
}

static void give(struct worker *w, int number)
{
    if (write(w->fd, &number, sizeof number) != sizeof number)
        check(-1, "write");
    w->in_flight++;
}

/* Takes one result. Returns it. */
static int take(struct worker *w)
{
    int number;

    if (read(w->fd, &number, sizeof number) != sizeof number)
        check(-1, "read");
    w->in_flight--;
    return number;
}

void hand_process_rt(const char *workload)
{
    uint64_t began;

    start_workers();
    began = bench_now();
    for (int i = 0; i < N_POOL_TRIPS; i++) {
        struct pollfd ready = {.fd = workers[0].fd, .events = POLLIN};

        give(&workers[0], i);
        check(poll(&ready, 1, -1), "poll");
        if (take(&workers[0]) != 2 * i)
            exit(1);
    }
    peer_print(PEER, workload, (double)(bench_now() - began) / N_POOL_TRIPS / 1e3, "us");
}

void hand_process_flood(const char *workload)
{
    struct pollfd ready[POOL_PROCESSES];
    int begun = 0, done = 0;
    uint64_t began;

    start_workers();
    began = bench_now();
    for (int i = 0; i < POOL_PROCESSES; i++)
        ready[i] = (struct pollfd){.fd = workers[i].fd, .events = POLLIN};
    while (done < N_POOL_JOBS) {
        for (int i = 0; i < POOL_PROCESSES; i++)
            while (workers[i].in_flight < AHEAD && begun < N_POOL_JOBS)
                give(&workers[i], begun++);
        check(poll(ready, POOL_PROCESSES, -1), "poll");
        for (int i = 0; i < POOL_PROCESSES; i++) {
            if (ready[i].revents) {
                take(&workers[i]);
                done++;
            }
        }
    }
    peer_print_rate(PEER, workload, began, N_POOL_JOBS, "jobs/s");
}
