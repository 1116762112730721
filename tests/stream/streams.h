/*
 * Pairs of streams for tests, and coroutines that use them.
 */
#ifndef EDDY_TEST_STREAMS_H
#define EDDY_TEST_STREAMS_H

#include "harness/test.h"

struct pair {
    eddy_reader *reader[2];
    eddy_writer *writer[2];
};

static inline void pair_open(struct pair *p)
{
    REQUIRE(eddy_memory_pair_open(0, p->reader, p->writer) == 0);
}

static inline void pair_free(struct pair *p)
{
    eddy_writer_free(p->writer[0]);
    eddy_writer_free(p->writer[1]);
}

/* Reads a line; its status is the length. */
__attribute__((unused)) static eddy_async(read_line, (eddy_reader *, reader))
{
    const char *line;

    return (int)eddy_reader_readline(reader, &line);
}

__attribute__((unused)) static eddy_async(write_times, (eddy_writer *, writer),
                                          (const void *, data), (size_t, size), (int, times))
{
    while (times-- > 0)
        eddy_try(eddy_writer_write(writer, data, size));
    return 0;
}

#endif
