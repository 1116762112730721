/*
 * What echo-server and http-server have in common.
 */
#ifndef EDDY_BENCH_SERVER_H
#define EDDY_BENCH_SERVER_H

#include "eddy.h"

/* Made for each connection; owns @fd. */
typedef eddy_coroutine *serve_fn(int fd);

/* Listens on all addresses at @port (0: a free one), says on standard output where, and has each
 * connection served by a task. */
EDDY_NODISCARD eddy_async_declare(serve_sockets, (serve_fn *, serve), (int, port));

/* Says where it listens: run.py waits for this line. */
void say_port(int port);

/* As many descriptors as this process may have. */
void raise_limits(void);

#endif
