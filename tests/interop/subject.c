/*
 * subject serve [PATH]: a server on a free port, which it prints, or on a Unix socket.
 * subject ask PORT|PATH: a client of such a server; 0 if all answers are right.
 *
 * --tls DIR before that: with TLS, and the certificates in that folder; --starttls DIR: from when
 * the client asks for it.
 *
 * A client says one of these lines, as often as it likes:
 *
 *     echo TEXT the answer is the line TEXT exact N N bytes follow; so do they in the answer much N
 *     the answer is N bytes, each a 'm' until what follows, up to "--" or "++", is the answer count
 *     the answer is how many bytes come until the client's end, as a line, and the server's own end
 *     starttls the answer is the line "go on", and from then on it is TLS tls the answer is a line:
 *     version, protocol, and who the client is reset the connection is cut off GET … HTTP, for
 *     those who speak nothing else
 */
#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static eddy_tls_context *tls; /* of the side that this is; or NULL */
static bool starttls;         /* not from the beginning */

static int count(eddy_reader *reader, eddy_writer *writer)
{
    size_t total = 0;
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
        total += (size_t)n;
    if (n == 0)
        n = eddy_writer_printf(writer, "%zu\n", total);
    return (int)n;
}

static int exact(eddy_reader *reader, eddy_writer *writer, size_t n)
{
    char *buf = malloc(n + 1);
    int rc = buf ? (int)eddy_reader_readexactly(reader, buf, n) : -ENOMEM;

    if (rc >= 0)
        rc = eddy_writer_write(writer, buf, n);
    free(buf);
    return rc;
}

static int much(eddy_writer *writer, size_t n)
{
    char piece[10000];

    memset(piece, 'm', sizeof piece);
    for (size_t part; n > 0; n -= part) {
        part = n < sizeof piece ? n : sizeof piece;
        eddy_try(eddy_writer_write(writer, piece, part));
    }
    return 0;
}

static int until(eddy_reader *reader, eddy_writer *writer)
{
    static const eddy_separator ends[] = {{"--", 2}, {"++", 2}};
    const char *data;
    ssize_t n = eddy_reader_readuntil_any(reader, ends, 2, &data);

    return n < 0 ? (int)n : eddy_writer_write(writer, data, (size_t)n);
}

static int http(eddy_reader *reader, eddy_writer *writer)
{
    const char *line;
    ssize_t n;

    while ((n = eddy_reader_readline(reader, &line)) > 2)
        ;
    if (n < 0)
        return (int)n;
    return eddy_writer_printf(writer, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
}

static int start_tls(eddy_writer *writer)
{
    eddy_try(eddy_writer_printf(writer, "go on\n"));
    return eddy_writer_start_tls(writer, tls, .server_side = true);
}

static int describe(eddy_writer *writer)
{
    char line[100];

    return eddy_writer_write(writer, line, (size_t)tls_describe(writer, line, sizeof line));
}

/* Obeys one line, of which the text is @text and ends with a null byte. */
static int obey(eddy_reader *reader, eddy_writer *writer, const char *text)
{
    if (strncmp(text, "echo ", 5) == 0)
        return eddy_writer_printf(writer, "%s\n", text + 5);
    if (strncmp(text, "exact ", 6) == 0)
        return exact(reader, writer, strtoul(text + 6, NULL, 10));
    if (strncmp(text, "much ", 5) == 0)
        return much(writer, strtoul(text + 5, NULL, 10));
    if (strcmp(text, "until") == 0)
        return until(reader, writer);
    if (strcmp(text, "count") == 0)
        return count(reader, writer);
    if (strcmp(text, "starttls") == 0)
        return start_tls(writer);
    if (strcmp(text, "tls") == 0)
        return describe(writer);
    if (strncmp(text, "GET ", 4) == 0)
        return http(reader, writer);
    eddy_writer_abort(writer);
    return 0;
}

static int handle(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    char text[200];
    const char *line;
    ssize_t n;

    while ((n = eddy_reader_readline(reader, &line)) > 0) {
        snprintf(text, sizeof text, "%.*s", (int)n - 1, line);
        eddy_try(obey(reader, writer, text));
    }
    return (int)n;
}

eddy_async(serve, (const char *, path))
{
    eddy_server *server;

    if (path)
        eddy_try(eddy_start_unix_server(handle, NULL, path, &server));
    else
        eddy_try(
            eddy_start_server(handle, NULL, "127.0.0.1", 0, &server, .tls = starttls ? NULL : tls));
    eddy_server_free_at_end(server);
    printf("%d\n", eddy_server_port(server));
    fflush(stdout);
    return eddy_server_serve_forever(server);
}

/* The client. */

static int expect(eddy_reader *reader, const char *answer, size_t n)
{
    char buf[200];

    eddy_try((int)eddy_reader_readexactly(reader, buf, n));
    return memcmp(buf, answer, n) == 0
               ? 0
               : eddy_raise(EDDY_EUSER, "%.*s instead of %s", (int)n, buf, answer);
}

static int expect_much(eddy_reader *reader, size_t n)
{
    const char *data;
    ssize_t part;

    for (; n > 0; n -= (size_t)part) {
        part = eddy_reader_read_some(reader, n, &data);
        if (part <= 0)
            return part < 0 ? (int)part : eddy_raise(EDDY_EUSER, "%zu bytes are missing", n);
        for (ssize_t i = 0; i < part; i++)
            if (data[i] != 'm')
                return eddy_raise(EDDY_EUSER, "a wrong byte");
    }
    return 0;
}

static int connect_to(const char *where, eddy_reader **ret_reader, eddy_writer **ret_writer)
{
    if (where[0] == '/')
        return eddy_open_unix_connection(where, 0, ret_reader, ret_writer);
    return eddy_open_connection("127.0.0.1", atoi(where), ret_reader, ret_writer,
                                .tls = starttls ? NULL : tls,
                                .server_hostname = tls && !starttls ? "localhost" : NULL);
}

static int ask_for_reset(const char *where)
{
    eddy_reader *reader;
    eddy_writer *writer;
    const char *rest;
    ssize_t n;

    eddy_try(connect_to(where, &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_write(writer, "reset\n", 6));
    n = eddy_reader_read_all(reader, 100, &rest);
    return n == (tls && !starttls ? EDDY_ETRUNCATED : 0) || n == -ECONNRESET
               ? 0
               : eddy_raise(EDDY_EUSER, "the connection goes on");
}

static int ask_for_tls(eddy_reader *reader, eddy_writer *writer)
{
    if (starttls) {
        eddy_try(eddy_writer_printf(writer, "starttls\n"));
        eddy_try(expect(reader, "go on\n", 6));
        eddy_try(eddy_writer_start_tls(writer, tls, .server_hostname = "localhost"));
    }
    eddy_try(eddy_writer_printf(writer, "tls\n"));
    return expect(reader, "TLSv1.3 interop client\n", 23);
}

/* Asks for more than is kept, and for what ends with this side's end: the other's follows. */
static int ask_for_count(eddy_reader *reader, eddy_writer *writer)
{
    const char *rest;

    eddy_try(eddy_writer_printf(writer, "count\n"));
    eddy_try(much(writer, 3000000));
    eddy_try(eddy_writer_write_eof(writer));
    eddy_try(expect(reader, "3000000\n", 8));
    if (eddy_reader_read_all(reader, 100, &rest) != 0)
        return eddy_raise(EDDY_EUSER, "the server does not end");
    return 0;
}

eddy_async(ask, (const char *, where))
{
    eddy_reader *reader;
    eddy_writer *writer;

    eddy_try(connect_to(where, &reader, &writer));
    eddy_writer_free_at_end(writer);
    if (tls)
        eddy_try(ask_for_tls(reader, writer));
    eddy_try(eddy_writer_printf(writer, "echo hello\n"));
    eddy_try(expect(reader, "hello\n", 6));
    eddy_try(eddy_writer_printf(writer, "exact 5\na\nb\nc"));
    eddy_try(expect(reader, "a\nb\nc", 5));
    eddy_try(eddy_writer_printf(writer, "until\none+two-three++until\nfour--"));
    eddy_try(expect(reader, "one+two-three++four--", 21));
    eddy_try(eddy_writer_printf(writer, "much 3000000\n"));
    eddy_try(expect_much(reader, 3000000));
    if (!tls) /* of which asyncio cannot close one half */
        eddy_try(ask_for_count(reader, writer));
    return ask_for_reset(where);
}

eddy_async(amain, (char **, args), (const char *, certificates))
{
    bool serves = strcmp(args[0], "serve") == 0;
    int rc = 0;

    if (certificates)
        eddy_try(tls_open(serves ? EDDY_TLS_SERVER : EDDY_TLS_CLIENT, certificates, &tls));
    rc = eddy_await(serves ? serve(args[1]) : ask(args[1]));
    eddy_tls_context_unref(tls);
    return rc;
}

int main(int argc, char **argv)
{
    const char *certificates = NULL;

    if (argc > 2 && (strcmp(argv[1], "--tls") == 0 || strcmp(argv[1], "--starttls") == 0)) {
        starttls = argv[1][2] == 's';
        certificates = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc > 1 && (strcmp(argv[1], "serve") == 0 || (strcmp(argv[1], "ask") == 0 && argc == 3)))
        return eddy_run(amain(argv + 1, certificates)) == 0 ? 0 : 1;
    fprintf(stderr, "usage: subject [--tls DIR | --starttls DIR] serve [PATH] | ask PORT|PATH\n");
    return 2;
}
