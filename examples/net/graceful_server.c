/*
 * A server for real use: it counts the lines of each client, drops clients that send or accept
 * nothing for too long, limits their number, and lets them finish when it is told to end (SIGTERM,
 * Ctrl-C).
 *
 *     build/examples/net/graceful_server PORT [SECONDS OF SILENCE] [SECONDS TO FINISH]
 */
#include "command.h"

#include <eddy.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double patience = 60, grace = 10;
static eddy_server *server;

/*
 * Answers until the client ends or is silent for too long, or the server ends. A client that has
 * sent part of a line gets its answer first.
 */
static int count_lines(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *line;
    int lines = 0;
    ssize_t n;

    while ((n = eddy_connection_next_request(reader)) > 0 &&
           (n = eddy_reader_readline(reader, &line)) > 0)
        eddy_try(eddy_writer_printf(writer, "%d\n", ++lines));
    if (n == -ETIMEDOUT)
        return eddy_writer_printf(writer, "You are silent. Goodbye.\n");
    return n < 0 ? (int)n : 0;
}

eddy_async(amain, (int, port))
{
    eddy_try(eddy_start_server(count_lines, NULL, "localhost", port, &server,
                               .max_connections = 1000, .read_timeout = patience,
                               .write_timeout = patience));
    eddy_server_free_at_end(server);
    fprintf(stderr, "port %d\n", eddy_server_port(server));

    eddy_try(eddy_signal_wait(SIGTERM, SIGINT));
    fprintf(stderr, "ending, with %zu connections\n", eddy_server_connections(server));
    if (eddy_server_shutdown(server, grace) == -ETIMEDOUT)
        fprintf(stderr, "some had to be cut off\n");
    return 0;
}

static const char help[] =
    "usage: graceful_server [PORT [SECONDS OF SILENCE [SECONDS TO FINISH]]]\n\n"
    "Counts the lines of each client; at SIGTERM its clients may finish.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc > 2)
        patience = atof(argv[2]);
    if (argc > 3)
        grace = atof(argv[3]);
    return eddy_main(amain(argc > 1 ? atoi(argv[1]) : 8888));
}
