/*
 * The shared parts of the programs that measure peers in C; they print "PEER WORKLOAD VALUE UNIT",
 * as eddy-bench does.
 */
#ifndef EDDY_BENCH_PEER_H
#define EDDY_BENCH_PEER_H

#include "../clock.h"
#include "../sleepers.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { PEER_BACKLOG = 4096, PEER_BUFFER = 65536 };

/* One tiny answer, and many of them for requests that arrive together. */
#define PEER_ANSWER                                                                                \
    "HTTP/1.1 200 OK\r\nServer: p\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHello"
enum { PEER_ANSWER_SIZE = sizeof PEER_ANSWER - 1, PEER_TOGETHER = 256 };

static inline void peer_print(const char *peer, const char *workload, double value,
                              const char *unit)
{
    printf("%s %s %.3f %s\n", peer, workload, value, unit);
    fflush(stdout);
}

static inline void peer_print_each(const char *peer, const char *workload, uint64_t began, double n,
                                   const char *unit)
{
    peer_print(peer, workload, (double)(bench_now() - began) / n, unit);
}

static inline void peer_print_rate(const char *peer, const char *workload, uint64_t began, double n,
                                   const char *unit)
{
    peer_print(peer, workload, n / ((double)(bench_now() - began) / 1e9), unit);
}

static inline void peer_print_sleepers(const char *peer, const char *workload)
{
    char p99[64];

    peer_print(peer, workload, sleepers_rate(), "wakeups/s");
    snprintf(p99, sizeof p99, "%s_p99", workload);
    peer_print(peer, p99, sleepers_p99(), "us");
}

/* Returns the number of sleepers: 10 000 for "…_10k", otherwise 100 000. */
static inline long peer_sleepers(const char *workload)
{
    return strstr(workload, "_10k") ? 10000 : 100000;
}

struct peer_workload {
    const char *name;
    void (*run)(const char *workload);
};

/* Runs the workload that argv[1] names; the last entry has no name. */
static inline int peer_main(const struct peer_workload *workloads, int argc, char **argv)
{
    for (; workloads->name; workloads++) {
        if (argc == 2 && strcmp(workloads->name, argv[1]) == 0) {
            workloads->run(argv[1]);
            return 0;
        }
    }
    fprintf(stderr, "no such workload\n");
    return 2;
}

/* Returns resident memory and page tables, in bytes. */
static inline double peer_memory(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmRSS:", 6) == 0 || strncmp(line, "VmPTE:", 6) == 0)
            kib += strtod(line + 6, NULL);
    }
    if (f)
        fclose(f);
    return kib * 1024;
}

/* Listens at a port on all addresses, or at the path of a Unix socket. */
static inline int peer_listen(const char *at, bool non_blocking)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(at))};
    bool local = strchr(at, '/') != NULL;
    int fd = socket(local ? AF_UNIX : AF_INET,
                    SOCK_STREAM | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0), 0),
        one = 1;
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    strncpy(path.sun_path, at, sizeof path.sun_path - 1);
    if (bind(fd, local ? (struct sockaddr *)&path : (struct sockaddr *)&address,
             local ? sizeof path : sizeof address) < 0 ||
        listen(fd, PEER_BACKLOG) < 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static inline void peer_no_delay(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Returns PEER_TOGETHER answers in a row. */
static inline char *peer_answers(void)
{
    char *answers = malloc(PEER_TOGETHER * PEER_ANSWER_SIZE);

    for (size_t i = 0; i < PEER_TOGETHER; i++)
        memcpy(answers + i * PEER_ANSWER_SIZE, PEER_ANSWER, PEER_ANSWER_SIZE);
    return answers;
}

/* Returns how many requests end in these bytes: it counts empty lines, with the seen part of one in
 * @state. No parser could be faster. */
static inline unsigned peer_count_requests(const char *data, size_t size, unsigned *state)
{
    unsigned n = 0, s = *state;

    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\r')
            s = s == 2 ? 3 : 1;
        else if (data[i] == '\n' && s == 3)
            n++, s = 0;
        else
            s = data[i] == '\n' && s == 1 ? 2 : 0;
    }
    *state = s;
    return n < PEER_TOGETHER ? n : PEER_TOGETHER;
}

#endif
