/*
 * Forwards connections to another server, in both directions, with half-closes.
 *
 *     build/examples/net/tcp_proxy PORT HOST PORT
 *     build/examples/net/tcp_proxy PORT /PATH/OF/A/UNIX/SOCKET
 *
 * Memory is bounded: the proxy reads from one side only as fast as the other accepts. So is time: a
 * connection ends when one side has sent nothing for ten minutes, or has accepted nothing for one
 * minute.
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct upstream {
    const char *host;
    int port; /* 0: host is the path of a Unix socket */
};

static int connect_upstream(const struct upstream *u, eddy_reader **reader, eddy_writer **writer)
{
    if (u->port == 0)
        return eddy_open_unix_connection(u->host, 0, reader, writer);
    return eddy_open_connection(u->host, u->port, reader, writer, .read_timeout = 600,
                                .write_timeout = 60);
}

/* Forwards one direction, including its end. */
static eddy_async(pass, (eddy_reader *, from), (eddy_writer *, to))
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(from, 65536, &data)) > 0)
        eddy_try(eddy_writer_write(to, data, (size_t)n));
    eddy_try((int)n);
    return eddy_writer_write_eof(to);
}

/* Forwards both directions concurrently; if one breaks, the other is cancelled. */
static int proxy(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const struct upstream *upstream = arg;
    eddy_reader *upstream_reader;
    eddy_writer *upstream_writer;
    eddy_group tg;

    eddy_try(connect_upstream(upstream, &upstream_reader, &upstream_writer));
    eddy_writer_free_at_end(upstream_writer);
    eddy_group_enter(&tg);
    (void)eddy_group_create_task(&tg, pass(reader, upstream_writer));
    (void)eddy_group_create_task(&tg, pass(upstream_reader, writer));
    if (eddy_group_exit(&tg, 0) < 0) {
        eddy_writer_abort(upstream_writer);
        eddy_writer_abort(writer);
    }
    return 0;
}

eddy_async(amain, (int, port), (struct upstream *, upstream))
{
    eddy_server *server;

    eddy_try(eddy_start_server(proxy, upstream, "localhost", port, &server, .read_timeout = 600,
                               .write_timeout = 60, .grace = 10));
    eddy_server_free_at_end(server);
    fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

static const char help[] = "usage: tcp_proxy PORT HOST PORT, or tcp_proxy PORT PATH\n\n"
                           "Forwards connections to a server, at an address or on a Unix socket.\n";

int main(int argc, char **argv)
{
    struct upstream upstream;

    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc < 3 || argc > 4)
        return command_refuse(help);
    upstream = (struct upstream){argv[2], argc > 3 ? atoi(argv[3]) : 0};
    return eddy_main(amain(atoi(argv[1]), &upstream), .sigterm = true);
}
