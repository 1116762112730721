/* Actions on streams: connections in memory, and over loopback where the clock is a real one. */
#include "random.h"

static int converse(eddy_reader *reader, eddy_writer *writer, unsigned depth)
{
    static const char text[3000] = "a\nbc\n";
    char buf[100];
    const char *data;

    switch (draw(8)) {
    case 0:
        return eddy_writer_write(writer, text, draw(sizeof text));
    case 1:
        return eddy_writer_drain(writer);
    case 2:
        return (int)eddy_reader_read(reader, buf, draw(sizeof buf));
    case 3:
        return (int)eddy_reader_readline(reader, &data);
    case 4:
        return (int)eddy_reader_readexactly(reader, buf, draw(sizeof buf));
    case 5:
        return draw(3) ? 0 : eddy_writer_write_eof(writer);
    case 6:
        if (draw(2))
            eddy_writer_abort(writer);
        else
            eddy_writer_close(writer);
        return draw(2) ? eddy_writer_wait_closed(writer) : 0;
    default:
        return act(depth + 1);
    }
}

/* One side of a conversation. Frees its writer, and so its reader. */
static eddy_async(talk, (eddy_reader *, reader), (eddy_writer *, writer), (unsigned, depth))
{
    int rc = 0;

    for (unsigned i = draw(6); i > 0 && rc != -ECANCELED; i--)
        rc = converse(reader, writer, depth);
    eddy_writer_free(writer);
    return rc;
}

/* Talks in the present task. */
static int talk_here(eddy_reader *reader, eddy_writer *writer, unsigned depth)
{
    eddy_coroutine *coro = talk(reader, writer, depth);

    if (!coro)
        eddy_writer_free(writer);
    return eddy_await(coro);
}

static int talk_in_memory(unsigned depth)
{
    eddy_reader *readers[2];
    eddy_writer *writers[2];
    eddy_task *other;
    int rc;

    eddy_try(eddy_memory_pair_open(1 + draw(4000), readers, writers));
    /* Eager: a task that is cancelled before its first step would not free its side. */
    other = eddy_create_task(talk(readers[0], writers[0], depth), .eager_start = true);
    if (!other)
        eddy_writer_free(writers[0]);
    rc = talk_here(readers[1], writers[1], depth);
    if (other)
        eddy_unref(other);
    return rc;
}

static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    int rc = 0;

    for (unsigned i = draw(6); i > 0 && rc != -ECANCELED; i--)
        rc = converse(reader, writer, 3);
    return rc;
}

static int talk_over_loopback(unsigned depth)
{
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
    int rc;

    if (!program.threads)
        return talk_in_memory(depth);
    eddy_try(eddy_start_server(serve, NULL, "127.0.0.1", 0, &server));
    rc = eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer);
    if (rc == 0)
        rc = talk_here(reader, writer, depth);
    if (draw(2))
        (void)eddy_server_shutdown(server, 0.001 * draw(3));
    eddy_server_free(server);
    return rc;
}

action_fn *const stream_actions[] = {talk_in_memory, talk_over_loopback};
const unsigned n_stream_actions = sizeof stream_actions / sizeof stream_actions[0];
