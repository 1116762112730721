/*
 * Servers for tests, and clients that talk to them.
 */
#ifndef EDDY_TEST_SERVERS_H
#define EDDY_TEST_SERVERS_H

#include "harness/test.h"

#include <string.h>

/* A handler that gives back what it gets, until the end. */
__attribute__((unused)) static int echo(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

/* Sends @text and expects it back. */
static inline int say(eddy_reader *reader, eddy_writer *writer, const char *text)
{
    char buf[64];
    size_t n = strlen(text);

    eddy_try(eddy_writer_write(writer, text, n));
    eddy_try((int)eddy_reader_readexactly(reader, buf, n));
    EXPECT_EQ(memcmp(buf, text, n), 0);
    return 0;
}

__attribute__((unused)) static eddy_async(talk_to, (int, port), (const char *, text))
{
    eddy_reader *reader;
    eddy_writer *writer;

    eddy_try(eddy_open_connection("127.0.0.1", port, &reader, &writer));
    eddy_writer_free_at_end(writer);
    return say(reader, writer, text);
}

/* Waits until the server has that many connections. */
static inline int wait_for_connections(eddy_server *server, size_t n)
{
    while (eddy_server_connections(server) != n)
        eddy_try(eddy_sleep(0.001));
    return 0;
}

/* Keeps what is reported last, in the 100 bytes at @arg. */
__attribute__((unused)) static void note_report(eddy_loop *loop,
                                                const eddy_exception_context *context, void *arg)
{
    snprintf(arg, 100, "%s", context->exception ? eddy_exception_message(context->exception) : "");
}

#endif
