/*
 * How bytes arrive makes no difference to what is read: a dialogue is read whole, then again for
 * every pair of places where it can be cut, then byte by byte, and each time with the same outcome.
 */
#include "carrier/one_byte_carrier.h"
#include "stream/streams.h"

#include <stdio.h>
#include <string.h>

/* With everything in it that could go wrong at a cut: separators that nearly are there, null bytes,
 * lines at the limit. */
enum { LIMIT = 8 };
static const char dialogue[] = "line\n\n12345678\n123456789\r\r\n\r\na;b\0c;;d,e;,"
                               "exactly!0123456789+-+--+too-long-for-the-limit+--\nlast";
enum { LENGTH = sizeof dialogue - 1 };

struct transcript {
    char text[1000];
    size_t length;
};

static void note(struct transcript *t, const char *data, ssize_t n)
{
    int printed = snprintf(t->text + t->length, sizeof t->text - t->length, "%zd[", n);

    t->length += printed > 0 ? (size_t)printed : 0;
    if (n > 0 && (size_t)n < sizeof t->text - t->length) {
        memcpy(t->text + t->length, data, (size_t)n);
        t->length += (size_t)n;
    }
}

static void note_readuntil(struct transcript *t, eddy_reader *r, const char *sep)
{
    const char *data = NULL;
    ssize_t n = eddy_reader_readuntil(r, sep, strlen(sep), &data);

    note(t, data, n);
}

static void note_any(struct transcript *t, eddy_reader *r)
{
    static const eddy_separator seps[] = {{";;", 2}, {",", 1}, {"b\0c;", 4}, {"e;,", 3}};
    const char *data = NULL;
    ssize_t n = eddy_reader_readuntil_any(r, seps, 4, &data);

    note(t, data, n);
}

/* Over the limit: the bytes stay, and can be read past. */
static void note_over_limit(struct transcript *t, eddy_reader *r)
{
    const char *data = NULL;
    char past[LIMIT];
    ssize_t n = eddy_reader_readuntil(r, "+--", 3, &data);

    EXPECT(n != EDDY_ELIMIT || eddy_reader_consumed(r) > LIMIT);
    note(t, data, n);
    n = eddy_reader_readexactly(r, past, LIMIT);
    note(t, past, n);
}

static void note_line(struct transcript *t, eddy_reader *r)
{
    const char *data = NULL;
    ssize_t n = eddy_reader_readline(r, &data);

    note(t, data, n);
}

static void note_exactly(struct transcript *t, eddy_reader *r, size_t size)
{
    char buf[32];
    ssize_t n = eddy_reader_readexactly(r, buf, size);

    note(t, buf, n);
}

static void note_end(struct transcript *t, eddy_reader *r)
{
    const char *piece = NULL;
    size_t n;
    char buf[64];

    note(t, buf, eddy_reader_readexactly(r, buf, sizeof buf));
    n = eddy_reader_partial(r, &piece);
    note(t, piece, (ssize_t)n);
    EXPECT(eddy_reader_at_eof(r));
    note(t, buf, eddy_reader_read(r, buf, 1));
}

static eddy_async(read_dialogue, (eddy_reader *, r), (struct transcript *, t))
{
    note_line(t, r);
    note_line(t, r);
    note_line(t, r);
    note_exactly(t, r, 2);
    note_readuntil(t, r, "\r\n\r\n"); /* nearly: what precedes it is its own beginning */
    for (int i = 0; i < 3; i++)
        note_any(t, r);
    note_exactly(t, r, 18);
    note_readuntil(t, r, "+--");
    note_over_limit(t, r);
    note_over_limit(t, r);
    note_readuntil(t, r, "+--");
    note_line(t, r);
    note_end(t, r);
    return 0;
}

static void expect_same(const struct transcript *t, const struct transcript *whole, size_t first,
                        size_t second)
{
    if (t->length != whole->length || memcmp(t->text, whole->text, t->length) != 0)
        FAIL("cut at %zu and %zu it reads as %s, not as %s", first, second, t->text, whole->text);
}

/* The lines that are read where the dialogue comes in three pieces. */
static int read_cut(size_t first, size_t second, struct transcript *t)
{
    const size_t cuts[] = {0, first, second, LENGTH};
    eddy_reader *r = NULL;
    eddy_task *task;

    memset(t, 0, sizeof *t);
    eddy_try(eddy_reader_new(LIMIT, &r));
    task = eddy_create_task(read_dialogue(r, t));
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(eddy_reader_feed_data(r, dialogue + cuts[i], cuts[i + 1] - cuts[i]), 0);
        EXPECT_EQ(eddy_sleep(0), 0);
    }
    eddy_reader_feed_eof(r);
    EXPECT_EQ(eddy_await(task), 0);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(a_dialogue_reads_the_same_wherever_it_is_cut)
{
    static struct transcript whole, cut;
    size_t step = test_tortured() ? LENGTH / 2 : 1;

    eddy_try(read_cut(0, LENGTH, &whole));
    for (size_t first = 0; first <= LENGTH; first += step) {
        for (size_t second = first; second <= LENGTH; second += step) {
            eddy_try(read_cut(first, second, &cut));
            if (!test_tortured())
                expect_same(&cut, &whole, first, second);
        }
    }
    return 0;
}

/* That what is read byte by byte, from a stream, is as from a reader that had everything at
 * once. */
TEST_ASYNC(a_dialogue_reads_the_same_byte_by_byte)
{
    static struct transcript whole, bytes;
    eddy_carrier *end[2];
    eddy_reader *reader[2];
    eddy_writer *writer[2];

    eddy_try(read_cut(0, LENGTH, &whole));
    eddy_try(one_byte_carriers_new(&end[0], &end[1]));
    REQUIRE(eddy_stream_open(end[0], 0, &reader[0], &writer[0]) == 0);
    REQUIRE(eddy_stream_open(end[1], LIMIT, &reader[1], &writer[1]) == 0);
    EXPECT_EQ(eddy_writer_write(writer[0], dialogue, LENGTH), 0);
    EXPECT_EQ(eddy_writer_write_eof(writer[0]), 0);
    EXPECT_EQ(eddy_await(read_dialogue(reader[1], &bytes)), 0);
    if (!test_tortured())
        expect_same(&bytes, &whole, LENGTH, LENGTH);
    eddy_writer_free(writer[0]);
    eddy_writer_free(writer[1]);
    return 0;
}
