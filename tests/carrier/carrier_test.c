/*
 * Streams over carriers of one's own: one that moves a byte at a time, and one that fails in the
 * n-th call.
 */
#include "carrier/one_byte_carrier.h"
#include "stream/streams.h"

#include <string.h>

enum { N = 20 };

/* Streams on both ends; @c: their carriers. */
static void streams_open(struct pair *p, struct one_byte_carrier *c[2])
{
    eddy_carrier *end[2] = {NULL, NULL};

    REQUIRE(one_byte_carriers_new(&end[0], &end[1]) == 0);
    for (int i = 0; i < 2; i++) {
        REQUIRE(eddy_stream_open(end[i], 0, &p->reader[i], &p->writer[i]) == 0);
        c[i] = one_byte_of(end[i]);
    }
}

TEST_ASYNC(what_is_written_in_pieces_comes_whole_through_a_carrier_of_single_bytes)
{
    struct iovec pieces[] = {{"", 0}, {"ab", 2}, {"", 0}, {"cdef", 4}, {"g", 1}};
    struct one_byte_carrier *c[2];
    struct pair p;
    char buf[8] = "";

    streams_open(&p, c);
    EXPECT_EQ(eddy_writer_writelines(p.writer[0], pieces, 5), 0);
    EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 7), 7);
    EXPECT_STR(buf, "abcdefg");
    EXPECT_EQ(eddy_writer_flush(p.writer[0]), 0);
    EXPECT_EQ(eddy_writer_get_write_buffer_size(p.writer[0]), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(writers_that_take_turns_do_not_mix_their_bytes)
{
    static char a[70000], b[70000], buf[70000];
    struct one_byte_carrier *c[2];
    struct pair p;
    eddy_task *t[2];

    if (test_tortured())
        SKIP("some 140000 calls, each like the other");
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    streams_open(&p, c);
    t[0] = eddy_create_task(write_times(p.writer[0], a, sizeof a, 2));
    t[1] = eddy_create_task(write_times(p.writer[0], b, sizeof b, 2));
    for (int i = 0; i < 4; i++) {
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, sizeof buf), (ssize_t)sizeof buf);
        EXPECT(memcmp(buf, a, sizeof a) == 0 || memcmp(buf, b, sizeof b) == 0);
    }
    EXPECT_EQ(eddy_await(t[0]), 0);
    EXPECT_EQ(eddy_await(t[1]), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_read_that_fails_breaks_the_stream_on_both_sides_of_it)
{
    for (int n = 0; n < N; n++) {
        struct one_byte_carrier *c[2];
        const char *line;
        struct pair p;

        streams_open(&p, c);
        c[1]->reads_left = n;
        c[1]->error = -EIO;
        EXPECT_EQ(eddy_writer_write(p.writer[0], "twenty bytes of text", N), 0);
        EXPECT_EQ(eddy_reader_readline(p.reader[1], &line), -EIO);
        EXPECT_EQ(eddy_reader_readline(p.reader[1], &line), -EIO);
        EXPECT_EQ(eddy_writer_write(p.writer[1], "x", 1), -EIO);
        EXPECT_EQ(eddy_writer_drain(p.writer[1]), -EIO);
        EXPECT_EQ(eddy_writer_wait_closed(p.writer[1]), -EIO);
        EXPECT(eddy_writer_is_closing(p.writer[1]));
        pair_free(&p);
    }
    return 0;
}

TEST_ASYNC(a_write_that_fails_later_is_told_by_drain_and_by_the_reader)
{
    for (int n = 1; n < N; n++) {
        struct one_byte_carrier *c[2];
        const char *line;
        struct pair p;

        streams_open(&p, c);
        c[0]->writes_left = n;
        c[0]->error = -EIO;
        EXPECT_EQ(eddy_writer_write(p.writer[0], "twenty bytes of text", N), 0);
        EXPECT_EQ(eddy_writer_flush(p.writer[0]), -EIO);
        EXPECT_EQ(eddy_writer_drain(p.writer[0]), -EIO);
        EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), -EIO);
        EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -EIO);
        EXPECT_EQ(eddy_reader_read_all(p.reader[1], SIZE_MAX, &line), n);
        pair_free(&p);
    }
    return 0;
}

TEST_ASYNC(a_write_that_fails_at_once_says_so)
{
    struct one_byte_carrier *c[2];
    struct pair p;

    streams_open(&p, c);
    c[0]->writes_left = 0;
    c[0]->error = -EIO;
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), -EIO);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), -EIO);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -EIO);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_waiting_read_is_woken_when_a_write_breaks_the_stream)
{
    struct one_byte_carrier *c[2];
    struct pair p;
    eddy_task *t;

    streams_open(&p, c);
    t = eddy_create_task(read_line(p.reader[0]));
    EXPECT_EQ(eddy_sleep(1), 0);
    c[0]->writes_left = 0;
    c[0]->error = -EIO;
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), -EIO);
    EXPECT_EQ(eddy_await(t), -EIO);
    pair_free(&p);
    return 0;
}
