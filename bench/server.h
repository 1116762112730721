/*
 * The shared parts of echo-server and http-server.
 */
#ifndef EDDY_BENCH_SERVER_H
#define EDDY_BENCH_SERVER_H

#include "eddy.h"

/* Called for each connection; takes ownership of @fd. */
typedef eddy_coroutine *serve_fn(int fd);

/* The arguments of all servers: [--backend NAME] [--workers N] [PORT|PATH]. */
struct server_options {
    const char *path; /* of a Unix socket; NULL: TCP */
    int port;         /* 0: a free one */
    unsigned workers; /* 0: one loop, in the main thread */
};

/* Parses argv[*i], and moves *i to the last word that belongs to it. Returns false if it is none of
 * these arguments. */
bool parse_server_option(int argc, char **argv, int *i, struct server_options *ret);

/* Listens on all addresses at a port, which is printed to standard output, or at a path, and serves
 * each connection with a task. Returns the exit status. */
int serve_sockets(serve_fn *serve, const struct server_options *options);

/* Prints the port; run.py waits for this line. */
void say_port(int port);

/* Raises the limit of descriptors as far as this process may. */
void raise_limits(void);

#endif
