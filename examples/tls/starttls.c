/*
 * A connection that begins in plain text and continues with TLS, as with mail servers; both sides,
 * over a pair in memory.
 *
 *     starttls CERTIFICATE KEY FILE HOST   FILE: the authority of the certificate for HOST
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <string.h>

eddy_async(serve, (eddy_reader *, reader), (eddy_writer *, writer), (eddy_tls_context *, tls))
{
    const char *line;
    ssize_t n = eddy_reader_readline(reader, &line);

    if (n != 9 || memcmp(line, "STARTTLS\n", 9) != 0)
        return n < 0 ? (int)n : eddy_raise(-EPROTO, "not what was expected");
    eddy_try(eddy_writer_write(writer, "go ahead\n", 9));
    eddy_try(eddy_writer_start_tls(writer, tls, .server_side = true));
    return eddy_writer_write(writer, "now nobody listens\n", 19);
}

eddy_async(ask, (eddy_reader *, reader), (eddy_writer *, writer), (eddy_tls_context *, tls),
           (const char *, host))
{
    const char *line;
    ssize_t n;

    eddy_try(eddy_writer_write(writer, "STARTTLS\n", 9));
    n = eddy_reader_readline(reader, &line);
    if (n <= 0)
        return (int)n;
    printf("in plain text: %.*s", (int)n, line);
    eddy_try(eddy_writer_start_tls(writer, tls, .server_hostname = host));
    n = eddy_reader_readline(reader, &line);
    if (n > 0)
        printf("with TLS: %.*s", (int)n, line);
    return (int)n;
}

eddy_async(talk, (eddy_tls_context *, ours), (eddy_tls_context *, theirs), (const char *, host))
{
    eddy_reader *readers[2];
    eddy_writer *writers[2];
    int rc;

    eddy_try(eddy_memory_pair_open(0, readers, writers));
    rc = eddy_await(eddy_gather(serve(readers[1], writers[1], ours),
                                ask(readers[0], writers[0], theirs, host)));
    eddy_writer_free(writers[0]);
    eddy_writer_free(writers[1]);
    return rc;
}

eddy_async(amain, (char **, args))
{
    eddy_tls_context *ours = NULL, *theirs = NULL;
    int rc = eddy_tls_context_new(EDDY_TLS_SERVER, &ours);

    if (rc == 0)
        rc = eddy_tls_context_load_cert_chain(ours, args[1], args[2], NULL, NULL);
    if (rc == 0)
        rc = eddy_tls_context_new(EDDY_TLS_CLIENT, &theirs);
    if (rc == 0)
        rc = eddy_tls_context_load_verify_locations(theirs, args[3], NULL, NULL);
    if (rc == 0)
        rc = eddy_await(talk(ours, theirs, args[4]));
    eddy_tls_context_unref(ours);
    eddy_tls_context_unref(theirs);
    return rc;
}

static const char help[] = "usage: starttls CERTIFICATE KEY FILE HOST\n\n"
                           "Continues a plain connection with TLS, as server and as client.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc < 5)
        return command_refuse(help);
    return eddy_main(amain(argv));
}
