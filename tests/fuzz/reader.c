/*
 * A reader beside a model: a stream of known bytes arrives in pieces, and each call must give just
 * what the bytes before it, and asyncio's rules, say.
 */
#include "fuzz.h"

#include <eddy.h>

enum { STREAM_MAX = 1 << 15 };

static struct fuzz_input in;
static char stream[STREAM_MAX]; /* all that will come */
static size_t n_stream, position, limit;
static bool lost; /* where the stream is: a line was dropped, and its rest not seen */
static eddy_reader *reader;
static eddy_writer *writer; /* that feeds it; NULL: it is fed by hand */

/* Bytes in which separators are common, rare, or missing. */
static void make_stream(void)
{
    unsigned kind = fuzz_below(&in, 4), x = fuzz_byte(&in) + 1;

    lost = false;
    n_stream = fuzz_below(&in, STREAM_MAX);
    position = 0;
    for (size_t i = 0; i < n_stream; i++) {
        unsigned random = (x = x * 1664525 + 1013904223) >> 24;

        stream[i] = kind == 0                  ? "a\nb\r"[random & 3]
                    : kind == 1 && random < 2  ? '\n'
                    : kind == 2 && random < 20 ? "a\nb\r"[random & 3]
                                               : 'x';
    }
}

static eddy_async(feed, (unsigned, seed))
{
    for (size_t at = 0, n; at < n_stream; at += n) {
        seed = seed * 1103515245 + 12345;
        n = seed >> 8 & 15 ? (seed >> 16) % 97 + 1 : (seed >> 16) % 6000 + 1;
        n = n < n_stream - at ? n : n_stream - at;
        if (writer)
            eddy_try(eddy_writer_write(writer, stream + at, n));
        else
            FUZZ_CHECK(eddy_reader_feed_data(reader, stream + at, n) == 0);
        if (seed >> 12 & 1)
            eddy_try(eddy_sleep(seed >> 3 & 3 ? 0 : 0.01));
    }
    if (writer)
        return eddy_writer_write_eof(writer);
    eddy_reader_feed_eof(reader);
    return 0;
}

/* The bytes that a call gave are the next of the stream. */
static void took(const char *data, ssize_t n)
{
    FUZZ_CHECK((size_t)n <= n_stream - position);
    FUZZ_CHECK(n == 0 || memcmp(data, stream + position, (size_t)n) == 0);
    position += (size_t)n;
}

static void ended_early(void)
{
    const char *data = "";
    size_t n = eddy_reader_partial(reader, &data);

    FUZZ_CHECK(n == n_stream - position);
    took(data, (ssize_t)n);
}

/* The match that ends first. */
static bool find(const eddy_separator *seps, size_t n_seps, size_t *ret_start, size_t *ret_end)
{
    bool found = false;

    for (size_t i = 0; i < n_seps; i++) {
        const char *p = memmem(stream + position, n_stream - position, seps[i].bytes, seps[i].n);

        if (!p || (found && (size_t)(p - stream) + seps[i].n >= *ret_end))
            continue;
        found = true;
        *ret_start = (size_t)(p - stream);
        *ret_end = *ret_start + seps[i].n;
    }
    return found;
}

static ssize_t try_read(void)
{
    static char buf[8192];
    size_t size = fuzz_below(&in, 300);
    ssize_t n = eddy_reader_read(reader, buf, size);

    FUZZ_CHECK(n < 0 || (size_t)n <= size);
    if (n > 0)
        took(buf, n);
    else if (n == 0 && size > 0)
        FUZZ_CHECK(position == n_stream);
    return n;
}

static ssize_t try_read_some(void)
{
    size_t max = fuzz_below(&in, 4096);
    const char *data;
    ssize_t n = eddy_reader_read_some(reader, max, &data);

    FUZZ_CHECK(n < 0 || (size_t)n <= max);
    if (n > 0)
        took(data, n);
    else if (n == 0 && max > 0)
        FUZZ_CHECK(position == n_stream);
    return n;
}

static ssize_t try_readexactly(void)
{
    static char buf[70000];
    size_t size = fuzz_below(&in, 4) ? fuzz_below(&in, 256) : fuzz_below(&in, sizeof buf);
    ssize_t n = eddy_reader_readexactly(reader, buf, size);

    if (n >= 0) {
        FUZZ_CHECK((size_t)n == size);
        took(buf, n);
    } else if (n == EDDY_EINCOMPLETE) {
        FUZZ_CHECK(n_stream - position < size);
        ended_early();
    }
    return n;
}

/* A line beyond the limit is dropped, or what of it had come: where reading goes on is then told by
 * the rest. */
static ssize_t try_readline(void)
{
    const eddy_separator newline = {"\n", 1};
    size_t start, end;
    const char *line;
    bool found = find(&newline, 1, &start, &end);
    ssize_t n = eddy_reader_readline(reader, &line);

    if (n > 0) {
        FUZZ_CHECK((size_t)n == (found ? end : n_stream) - position && (size_t)n <= limit + 1);
        took(line, n);
    } else if (n == 0) {
        FUZZ_CHECK(position == n_stream);
    } else if (n == EDDY_ELIMIT) {
        const char *rest;
        ssize_t n_rest = eddy_reader_read_all(reader, SIZE_MAX, &rest);

        lost = n_rest < 0;
        if (lost)
            return n_rest;
        FUZZ_CHECK((size_t)n_rest <= n_stream - position);
        position = n_stream - (size_t)n_rest;
        took(rest, n_rest);
    }
    return n;
}

static ssize_t try_readuntil(void)
{
    char bytes[4][4];
    eddy_separator seps[4];
    size_t n_seps = 1 + fuzz_below(&in, 4), start = 0, end = 0, consumed;
    const char *data;
    bool found;
    ssize_t n;

    for (size_t i = 0; i < n_seps; i++) {
        seps[i] = (eddy_separator){bytes[i], 1 + fuzz_below(&in, 3)};
        for (size_t k = 0; k < seps[i].n; k++)
            bytes[i][k] = "a\nb\r"[fuzz_below(&in, 4)];
    }
    found = find(seps, n_seps, &start, &end);
    n = n_seps == 1 ? eddy_reader_readuntil(reader, bytes[0], seps[0].n, &data)
                    : eddy_reader_readuntil_any(reader, seps, n_seps, &data);
    if (n > 0) {
        FUZZ_CHECK(found && position + (size_t)n == end && start - position <= limit);
        took(data, n);
    } else if (n == EDDY_EINCOMPLETE) {
        FUZZ_CHECK(!found);
        ended_early();
    } else if (n == EDDY_ELIMIT) { /* no match may lie in what can be read past */
        consumed = eddy_reader_consumed(reader);
        FUZZ_CHECK(consumed > limit && consumed <= eddy_reader_buffered(reader));
        FUZZ_CHECK(!found || position + consumed <= start);
    }
    return n;
}

static ssize_t try_read_all(void)
{
    size_t max = (size_t)fuzz_below(&in, 10) * 4096;
    const char *data;
    ssize_t n = eddy_reader_read_all(reader, max, &data);

    if (n >= 0) {
        FUZZ_CHECK((size_t)n == n_stream - position);
        took(data, n);
    } else if (n == EDDY_ELIMIT) {
        FUZZ_CHECK(n_stream - position > max);
    }
    return n;
}

static eddy_async(read_all_ways)
{
    static ssize_t (*const ways[])(void) = {try_read,     try_read_some, try_readexactly,
                                            try_readline, try_readuntil, try_read_all};

    for (int i = 0; i < 200 && !lost && !(eddy_reader_at_eof(reader) && i % 4 == 0); i++) {
        bool hurry = fuzz_below(&in, 16) == 1;
        eddy_timeout tm;
        ssize_t n;

        eddy_timeout_enter(&tm, hurry ? 0.01 * fuzz_below(&in, 3) : EDDY_FOREVER);
        n = ways[fuzz_below(&in, sizeof ways / sizeof ways[0])]();
        FUZZ_CHECK(n >= 0 || n == EDDY_EINCOMPLETE || n == EDDY_ELIMIT ||
                   (hurry && n == -ECANCELED));
        (void)!eddy_timeout_exit(&tm, n < 0 ? (int)n : 0);
        FUZZ_CHECK(lost || eddy_reader_buffered(reader) <= n_stream - position);
        FUZZ_CHECK(lost || !eddy_reader_at_eof(reader) || position == n_stream);
    }
    return 0;
}

static int open_reader(eddy_reader *readers[2], eddy_writer *writers[2])
{
    if (fuzz_below(&in, 2)) {
        eddy_try(eddy_memory_pair_open(fuzz_below(&in, 2048) + 1, readers, writers));
        reader = readers[1];
        writer = writers[0];
        limit = EDDY_STREAM_LIMIT;
        return 0;
    }
    writer = NULL;
    limit = 1 + fuzz_below(&in, 8192);
    return eddy_reader_new(limit, &reader);
}

static eddy_async(amain)
{
    eddy_reader *readers[2] = {NULL, NULL};
    eddy_writer *writers[2] = {NULL, NULL};
    eddy_task *feeding, *reading;

    make_stream();
    eddy_try(open_reader(readers, writers));
    feeding = eddy_create_task(feed(fuzz_below(&in, 65536)));
    reading = eddy_create_task(read_all_ways());
    eddy_try(eddy_await(reading));
    eddy_task_cancel(feeding, NULL);
    (void)!eddy_await(feeding);
    if (!writer)
        eddy_reader_free(reader);
    eddy_writer_free(writers[0]);
    eddy_writer_free(writers[1]);
    return 0;
}

static eddy_loop *virtual_loop(void)
{
    return eddy_loop_new(&(eddy_loop_options){.backend = EDDY_BACKEND_VIRTUAL});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    in = (struct fuzz_input){data, n};
    FUZZ_CHECK(eddy_run(amain(), .no_sigint = true, .loop_factory = virtual_loop) == 0);
    return 0;
}
