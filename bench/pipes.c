/*
 * Messages that go to another task through a pipe, and come back through another pipe.
 */
#include "bench.h"
#include "system.h"

static eddy_async(send_back, (int, from), (int, to))
{
    eddy_reader *reader;
    eddy_writer *writer;
    const char *data;
    ssize_t n;

    eddy_try(eddy_connect_read_pipe(from, 0, &reader));
    eddy_reader_free_at_end(reader);
    eddy_try(eddy_connect_write_pipe(to, &writer));
    eddy_writer_free_at_end(writer);
    while ((n = eddy_reader_read_some(reader, LARGE_MESSAGE, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

static eddy_async(ask, (long, n), (size_t, size))
{
    static char message[LARGE_MESSAGE], answer[LARGE_MESSAGE];
    int there[2], back[2];
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_task *other;
    uint64_t began;

    if (size > LARGE_MESSAGE || pipe2(there, O_CLOEXEC) < 0 || pipe2(back, O_CLOEXEC) < 0)
        return eddy_raise(-errno, "pipe2");
    memset(message, 'm', size);
    eddy_try(eddy_connect_read_pipe(back[0], 0, &reader));
    eddy_reader_free_at_end(reader);
    eddy_try(eddy_connect_write_pipe(there[1], &writer));
    eddy_writer_free_at_end(writer);
    other = eddy_create_task(send_back(there[0], back[1]));
    began = bench_now();
    for (long i = 0; i < n; i++) {
        eddy_try(eddy_writer_write(writer, message, size));
        eddy_try(eddy_reader_readexactly(reader, answer, size));
    }
    bench_print_each("", began, (double)n, "ns");
    if (memcmp(message, answer, size) != 0)
        return eddy_raise(EDDY_EUSER, "another message came back");
    eddy_try(eddy_writer_write_eof(writer));
    return eddy_await(other);
}

/* @live: the bytes of a message. */
int bench_pipe(long n, long live)
{
    return eddy_run(ask(n, (size_t)live));
}
