/*
 * loadgen KIND PORT|PATH [-c CONNECTIONS] [-s SIZE] [-d DEPTH] [-t SECONDS] [-w SECONDS] [-p PID]
 *
 * Generates load for a server on this machine, at a port or a Unix socket: echo, accept, http,
 * files, udp, or with TLS: tls (an echo), handshake, resume, idle. One thread, closed loop: each
 * connection has DEPTH requests in flight, and sends the next one when an answer has arrived and
 * every byte of it was right. After a warm-up (-w) it measures for -t seconds, and prints one line
 * of JSON: rate, latencies, and for the threads of this program and of the server (-p) the
 * processor time per operation, the share of a processor, and the share of the time in which they
 * were ready to run but did not: interference by other programs. idle measures the server's memory
 * instead.
 */
#include "loadgen.h"
#include "process_time.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EVENTS = 512, STALLED = 2000 /* ms */, N_DESTINATIONS = 200 };

struct loadgen loadgen = {.n_connections = 1, .size = 64, .depth = 1};
static double seconds = 1, warm_up = 0.2;
static int server;

void fail(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "loadgen: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

struct sockaddr_in destination(unsigned i)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)loadgen.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + i % N_DESTINATIONS)};
}

/* Connects to the server's address. Waits for a server that does not listen yet. */
static int connect_at(const void *address, socklen_t size)
{
    int fd, tries = 0;

    fd = socket(((const struct sockaddr *)address)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket: %s", strerror(errno));
    while (connect(fd, address, size) < 0) {
        if ((errno != ECONNREFUSED && errno != ENOENT) || ++tries > 300)
            fail("connect: %s", strerror(errno));
        usleep(10000);
    }
    return fd;
}

int connect_to_server(unsigned i)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in address = destination(i);
    int fd, one = 1;

    if (loadgen.path) {
        strncpy(local.sun_path, loadgen.path, sizeof local.sun_path - 1);
        fd = connect_at(&local, sizeof local);
    } else {
        fd = connect_at(&address, sizeof address);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

double server_memory(void)
{
    return process_memory(server);
}

static void control(int op, int fd, void *connection, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};

    if (epoll_ctl(loadgen.epoll, op, fd, &event) < 0)
        fail("epoll_ctl: %s", strerror(errno));
}

void watch(int fd, void *connection, uint32_t events)
{
    control(EPOLL_CTL_ADD, fd, connection, events);
}

void watch_again(int fd, void *connection, uint32_t events)
{
    control(EPOLL_CTL_MOD, fd, connection, events);
}

/* Lets the load run until @end. */
static void run_until(const struct load *load, uint64_t end)
{
    struct epoll_event events[EVENTS];

    while ((loadgen.now = bench_now()) < end) {
        int n = epoll_wait(loadgen.epoll, events, EVENTS, STALLED);

        if (n == 0)
            fail("nothing has come for %d ms", STALLED);
        loadgen.now = bench_now();
        for (int i = 0; i < n; i++)
            load->event(events[i].data.ptr, events[i].events);
    }
}

static void print_process(const char *name, const struct process_time *before,
                          const struct process_time *after, double wall)
{
    double ran = after->ran - before->ran, waited = after->waited - before->waited;

    printf(", \"%s_ns\": %.1f, \"%s_cpu\": %.3f, \"%s_wait\": %.4f", name,
           loadgen.n_done ? ran / (double)loadgen.n_done : 0, name, ran / wall, name,
           waited / wall);
}

static void measure(const struct load *load, const char *kind)
{
    struct process_time client[2], served[2];
    uint64_t began;
    double wall;

    run_until(load, bench_now() + (uint64_t)(warm_up * 1e9));
    memset(&loadgen.latency, 0, sizeof loadgen.latency);
    loadgen.n_done = 0;
    client[0] = process_time(getpid());
    served[0] = process_time(server);
    began = bench_now();
    run_until(load, began + (uint64_t)(seconds * 1e9));
    wall = (double)(bench_now() - began);
    client[1] = process_time(getpid());
    served[1] = process_time(server);

    printf(
        "{\"workload\": \"%s\", \"connections\": %d, \"size\": %zu, \"depth\": %d, \"rate\": %.1f",
        kind, loadgen.n_connections, loadgen.size, loadgen.depth,
        (double)loadgen.n_done / wall * 1e9);
    printf(", \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f",
           (double)histogram_quantile(&loadgen.latency, 0.5) / 1e3,
           (double)histogram_quantile(&loadgen.latency, 0.99) / 1e3,
           (double)histogram_quantile(&loadgen.latency, 0.999) / 1e3,
           (double)loadgen.latency.largest / 1e3);
    print_process("client", &client[0], &client[1], wall);
    print_process("server", &served[0], &served[1], wall);
    printf("}\n");
}

static const struct {
    const char *kind;
    const struct load *load;
} kinds[] = {
    {"echo", &load_echo},     {"accept", &load_accept},
    {"http", &load_http},     {"files", &load_files},
    {"udp", &load_udp},
#ifdef BENCH_TLS
    {"tls", &load_tls},       {"handshake", &load_handshake},
    {"resume", &load_resume}, {"idle", &load_idle},
#endif
};

static const struct load *find(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].load;
    return NULL;
}

static bool parse(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "c:s:d:t:w:p:")) != -1) {
        switch (option) {
        case 'c':
            loadgen.n_connections = atoi(optarg);
            break;
        case 's':
            loadgen.size = (size_t)atol(optarg);
            break;
        case 'd':
            loadgen.depth = atoi(optarg);
            break;
        case 't':
            seconds = atof(optarg);
            break;
        case 'w':
            warm_up = atof(optarg);
            break;
        case 'p':
            server = atoi(optarg);
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 2)
        return false;
    loadgen.port = atoi(argv[optind + 1]);
    loadgen.path = strchr(argv[optind + 1], '/') ? argv[optind + 1] : NULL;
    return (loadgen.port > 0 || loadgen.path) && loadgen.n_connections > 0 && loadgen.size > 0 &&
           loadgen.depth > 0;
}

int main(int argc, char **argv)
{
    const struct load *load = NULL;
    struct rlimit files;

    if (!parse(argc, argv) || !(load = find(argv[optind]))) {
        fprintf(stderr, "usage: loadgen KIND PORT|PATH [-c CONNECTIONS] [-s SIZE] [-d DEPTH] "
                        "[-t SECONDS] [-w SECONDS] [-p PID]\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    loadgen.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load->memory) {
        printf("{\"workload\": \"%s\", \"memory\": %.0f}\n", argv[optind], load->memory());
        return 0;
    }
    if (load->open() < 0)
        fail("no memory");
    measure(load, argv[optind]);
    return 0;
}
