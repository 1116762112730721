/*
 * A client: connects with TLS, sends a request, and prints the answer.
 *
 *     client HOST PORT [FILE]          FILE: authorities to trust in place of the system's
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

eddy_async(fetch, (const char *, host), (int, port), (eddy_tls_context *, tls))
{
    eddy_reader *reader;
    eddy_writer *writer;
    const char *data;
    ssize_t n;

    eddy_try(eddy_open_connection(host, port, &reader, &writer, .tls = tls));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_printf(writer, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host));
    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
        fwrite(data, 1, (size_t)n, stdout);
    return (int)n;
}

eddy_async(amain, (char **, args))
{
    eddy_tls_context *tls;
    int rc;

    eddy_try(eddy_tls_context_new(EDDY_TLS_CLIENT, &tls));
    rc = args[3] ? eddy_tls_context_load_verify_locations(tls, args[3], NULL, NULL) : 0;
    if (rc == 0)
        rc = eddy_await(fetch(args[1], atoi(args[2]), tls));
    eddy_tls_context_unref(tls);
    return rc;
}

static const char help[] =
    "usage: client HOST PORT [FILE]\n\n"
    "Prints the head of an HTTPS answer; FILE has the authorities to trust.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc < 3)
        return command_refuse(help);
    return eddy_main(amain(argv));
}
