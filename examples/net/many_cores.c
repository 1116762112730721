/*
 * One loop for each processor, on one port: the kernel distributes the connections. Each client is
 * told the number of its worker.
 *
 *     build/examples/net/many_cores PORT [WORKERS]
 */
#include "command.h"

#include <eddy.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int greet(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    return eddy_writer_printf(writer, "worker %u\n", (unsigned)(uintptr_t)arg);
}

static int worker(unsigned index, void *arg)
{
    eddy_server *server;

    eddy_try(eddy_start_server(greet, (void *)(uintptr_t)index, "localhost", *(int *)arg, &server,
                               .reuse_port = true, .read_timeout = 60, .write_timeout = 60,
                               .grace = 10));
    eddy_server_free_at_end(server);
    return eddy_server_serve_forever(server);
}

static const char help[] =
    "usage: many_cores [PORT [WORKERS]]\n\n"
    "Tells each client the number of its worker; as many workers as processors.\n";

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 8888;

    if (command_is_answered(argc, argv, help))
        return 0;
    return eddy_exit_code(
        eddy_run_workers(argc > 2 ? (unsigned)atoi(argv[2]) : 0, worker, &port, .sigterm = true));
}
