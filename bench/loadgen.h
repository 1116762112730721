/*
 * What the three kinds of load have in common. A kind opens its connections, each registered with
 * its epoll under a pointer of its own, and gets every event of theirs; the loop in loadgen.c keeps
 * the time.
 */
#ifndef EDDY_BENCH_LOADGEN_H
#define EDDY_BENCH_LOADGEN_H

#include "clock.h"
#include "histogram.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

enum { RECEIVE_SIZE = 1 << 18 };

struct load {
    int (*open)(void); /* all connections, with the first request under way on each; 0, or fails */
    void (*event)(void *connection, uint32_t events);
};
extern const struct load load_echo, load_accept, load_http;

struct loadgen {
    int port, n_connections, depth;
    size_t size;
    int epoll;
    uint64_t now; /* when the present events came; nanoseconds */
    uint64_t n_done;
    struct histogram latency;
    char received[RECEIVE_SIZE];
};
extern struct loadgen loadgen;

/* Ends the program: what was measured is worth nothing. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Where the @i-th connection goes: 127.0.0.1 and up, as one address has too few ports for a client
 * that closes first. */
struct sockaddr_in destination(unsigned i);

/* A connected socket, without delay and non-blocking. Waits for a server that has not begun to
 * listen. */
int connect_to_server(unsigned i);

void watch(int fd, void *connection, uint32_t events);
void watch_again(int fd, void *connection, uint32_t events);

/* An operation that began at @began has ended now. */
static inline void operation_done(uint64_t began)
{
    loadgen.n_done++;
    histogram_add(&loadgen.latency, loadgen.now - began);
}

#endif
