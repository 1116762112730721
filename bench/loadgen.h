/*
 * The shared declarations of the kinds of load. A kind opens its connections, each registered
 * with the epoll under a pointer of its own, and receives all events of its connections; the loop
 * in loadgen.c keeps the time.
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
    /* Opens all connections, with the first request in flight on each. Returns 0, or fails. */
    int (*open)(void);
    void (*event)(void *connection, uint32_t events);
    /* Measures memory instead: returns the server's bytes for each connection. NULL: time. */
    double (*memory)(void);
};
extern const struct load load_echo, load_accept, load_http, load_files, load_udp, load_tls,
    load_handshake, load_resume, load_idle;

struct loadgen {
    const char *path; /* of a Unix socket; NULL: TCP at port */
    int port, n_connections, depth;
    size_t size;
    int epoll;
    uint64_t now; /* when the present events came; nanoseconds */
    uint64_t n_done;
    struct histogram latency;
    char received[RECEIVE_SIZE];
};
extern struct loadgen loadgen;

/* Ends the program: the measurement is worthless. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Returns the address for the @i-th connection: 127.0.0.1 and up, because one address has too few
 * ports for a client that closes first. */
struct sockaddr_in destination(unsigned i);

/* Returns a connected, non-blocking socket without delay. Waits for a server that does not listen
 * yet. */
int connect_to_server(unsigned i);

/* Returns the bytes of the server's memory, with its page tables. */
double server_memory(void);

void watch(int fd, void *connection, uint32_t events);
void watch_again(int fd, void *connection, uint32_t events);

/* Notes that an operation that began at @began has ended now. */
static inline void operation_done(uint64_t began)
{
    loadgen.n_done++;
    histogram_add(&loadgen.latency, loadgen.now - began);
}

#endif
