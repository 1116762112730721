/*
 * An echo server over TLS: sends all bytes back, until the client ends its side.
 *
 *     tls-echo-server PORT CERTIFICATE KEY
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int echo(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

eddy_async(serve, (eddy_tls_context *, tls), (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", port, &server, .tls = tls,
                               .read_timeout = 60, .write_timeout = 60, .grace = 10));
    eddy_server_free_at_end(server);
    printf("port %d\n", eddy_server_port(server));
    fflush(stdout);
    return eddy_server_serve_forever(server);
}

eddy_async(amain, (char **, args))
{
    eddy_tls_context *tls;
    int rc;

    eddy_try(eddy_tls_context_new(EDDY_TLS_SERVER, &tls));
    rc = eddy_tls_context_load_cert_chain(tls, args[2], args[3], NULL, NULL);
    if (rc == 0)
        rc = eddy_await(serve(tls, atoi(args[1])));
    eddy_tls_context_unref(tls);
    return rc;
}

static const char help[] = "usage: tls-echo-server PORT CERTIFICATE KEY\n\n"
                           "Sends all bytes back, over TLS.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 4)
        return command_refuse(help);
    return eddy_main(amain(argv), .sigterm = true);
}
