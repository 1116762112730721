/*
 * The shared parts of echo-server and http-server.
 */
#ifndef EDDY_BENCH_SERVER_H
#define EDDY_BENCH_SERVER_H

#include "eddy.h"

/* Called for each connection; takes ownership of @fd. */
typedef eddy_coroutine *serve_fn(int fd);

/* Listens on all addresses at @port (0: a free one), prints the port to standard output, and serves
 * each connection with a task. */
EDDY_NODISCARD eddy_async_declare(serve_sockets, (serve_fn *, serve), (int, port));

/* Prints the port; run.py waits for this line. */
void say_port(int port);

/* Raises the limit of descriptors as far as this process may. */
void raise_limits(void);

#endif
