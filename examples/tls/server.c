/*
 * A server: answers each request over TLS, with its certificate.
 *
 *     server PORT CERTIFICATE KEY [FILE]   FILE: authorities; only their clients are admitted
 *
 * Port 0 means a free port, which the first line of output contains.
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int answer(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    static const char text[] = "hello over TLS\n";
    const char *line;
    ssize_t n;

    while ((n = eddy_reader_readline(reader, &line)) > 2) {
    }
    if (n < 0)
        return (int)n;
    return eddy_writer_printf(
        writer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
        sizeof text - 1, text);
}

static int prepare(eddy_tls_context *tls, char **args)
{
    static const char *const protocols[] = {"http/1.1", NULL};

    eddy_try(eddy_tls_context_load_cert_chain(tls, args[2], args[3], NULL, NULL));
    eddy_try(eddy_tls_context_set_alpn_protocols(tls, protocols));
    if (!args[4])
        return 0;
    eddy_try(eddy_tls_context_load_verify_locations(tls, args[4], NULL, NULL));
    return eddy_tls_context_set_verify_mode(tls, EDDY_TLS_VERIFY_REQUIRED);
}

eddy_async(serve, (eddy_tls_context *, tls), (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(answer, NULL, "127.0.0.1", port, &server, .tls = tls,
                               .tls_handshake_timeout = 10, .read_timeout = 10, .write_timeout = 10,
                               .grace = 10));
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
    rc = prepare(tls, args);
    if (rc == 0)
        rc = eddy_await(serve(tls, atoi(args[1])));
    eddy_tls_context_unref(tls);
    return rc;
}

static const char help[] =
    "usage: server PORT CERTIFICATE KEY [FILE]\n\n"
    "Answers requests over TLS; with FILE, those of clients that its authorities vouch for.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc < 4)
        return command_refuse(help);
    return eddy_main(amain(argv), .sigterm = true);
}
