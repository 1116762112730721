/*
 * Sends a text to an echo server over TLS, ends its side, and prints what comes back.
 *
 *     tls-echo-client HOST PORT FILE TEXT [CERTIFICATE KEY]          FILE: the authorities to trust
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

eddy_async(echo, (char **, args), (eddy_tls_context *, tls))
{
    eddy_reader *reader;
    eddy_writer *writer;
    const char *data;
    ssize_t n;

    eddy_try(eddy_open_connection(args[1], atoi(args[2]), &reader, &writer, .tls = tls));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_write(writer, args[4], strlen(args[4])));
    eddy_try(eddy_writer_write_eof(writer));
    n = eddy_reader_read_all(reader, 1 << 20, &data);
    if (n < 0)
        return (int)n;
    printf("%.*s\n", (int)n, data);
    eddy_writer_close(writer);
    return eddy_writer_wait_closed(writer);
}

eddy_async(amain, (char **, args), (bool, certificate))
{
    eddy_tls_context *tls;
    int rc;

    eddy_try(eddy_tls_context_new(EDDY_TLS_CLIENT, &tls));
    rc = eddy_tls_context_load_verify_locations(tls, args[3], NULL, NULL);
    if (rc == 0 && certificate)
        rc = eddy_tls_context_load_cert_chain(tls, args[5], args[6], NULL, NULL);
    if (rc == 0)
        rc = eddy_await(echo(args, tls));
    eddy_tls_context_unref(tls);
    return rc;
}

static const char help[] =
    "usage: tls-echo-client HOST PORT FILE TEXT [CERTIFICATE KEY]\n\n"
    "Sends TEXT to a server that the authorities in FILE vouch for, and prints the answer.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 5 && argc != 7)
        return command_refuse(help);
    return eddy_main(amain(argv, argc == 7));
}
