/*
 * Streams over a pair in memory, on virtual time: reading, writing, flow control, the end.
 */
#include "stream/streams.h"

#include <string.h>

TEST_ASYNC(what_is_written_at_one_end_is_read_at_the_other)
{
    struct pair p;
    char buf[16] = "";

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "hello", 5), 0);
    EXPECT_EQ(eddy_reader_read(p.reader[1], buf, sizeof buf), 5);
    EXPECT_STR(buf, "hello");
    EXPECT_EQ(eddy_writer_printf(p.writer[1], "%d and %s", 7, "more"), 0);
    EXPECT_EQ(eddy_reader_readexactly(p.reader[0], buf, 10), 10);
    EXPECT_EQ(memcmp(buf, "7 and more", 10), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_reader_waits_until_something_comes)
{
    struct pair p;
    eddy_task *t;

    pair_open(&p);
    t = eddy_create_task(read_line(p.reader[1]));
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(t && !eddy_task_done(t));
    EXPECT_EQ(eddy_writer_write(p.writer[0], "li", 2), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(t && !eddy_task_done(t));
    EXPECT_EQ(eddy_writer_write(p.writer[0], "ne\nrest", 7), 0);
    REQUIRE(eddy_await(t) == 5);
    EXPECT_EQ(eddy_reader_buffered(p.reader[1]), 4);
    pair_free(&p);
    return 0;
}

static eddy_async(drip, (eddy_writer *, writer), (const char *, text))
{
    for (; *text; text++) {
        eddy_try(eddy_sleep(10));
        eddy_try(eddy_writer_write(writer, text, 1));
    }
    return 0;
}

/* A deadline is that of the whole line: no byte that comes puts it off. */
TEST_ASYNC(
    a_peer_that_sends_a_byte_every_ten_seconds_does_not_get_past_a_deadline_and_loses_nothing)
{
    double began = eddy_loop_time(eddy_get_running_loop());
    eddy_task *slow;
    eddy_timeout tm;
    const char *line;
    struct pair p;
    ssize_t n;

    pair_open(&p);
    slow = eddy_create_task(drip(p.writer[0], "hello\n"));
    eddy_timeout_enter(&tm, 25);
    n = eddy_reader_readline(p.reader[1], &line);
    EXPECT_EQ(eddy_timeout_exit(&tm, n < 0 ? (int)n : 0), -ETIMEDOUT);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()) - began, 25);
    EXPECT_EQ(eddy_reader_buffered(p.reader[1]), 2);
    n = eddy_reader_readline(p.reader[1], &line);
    if (EXPECT_EQ(n, 6))
        EXPECT_EQ(memcmp(line, "hello\n", 6), 0);
    REQUIRE(eddy_await(slow) == 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_second_reader_is_refused, .ordered = true)
{
    struct pair p;
    eddy_task *t;
    const char *line;

    pair_open(&p);
    t = eddy_create_task(read_line(p.reader[1]));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[1], &line), -EBUSY);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "\n", 1), 0);
    REQUIRE(eddy_await(t) == 1);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_cancelled_read_takes_nothing_and_the_next_gets_all)
{
    struct pair p;
    const char *line = "no line";
    eddy_task *t;

    pair_open(&p);
    t = eddy_create_task(read_line(p.reader[1]));
    EXPECT_EQ(eddy_writer_write(p.writer[0], "half", 4), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    REQUIRE(t != NULL);
    eddy_task_cancel(t, NULL);
    REQUIRE(eddy_await(t) == -ECANCELED);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "way\n", 4), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[1], &line), 8);
    EXPECT_EQ(memcmp(line, "halfway\n", 8), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_writer_waits_while_its_peer_does_not_read_and_memory_stays_bounded)
{
    static char data[100000];
    struct pair p;
    eddy_task *t;
    char buf[4096];
    size_t left = 5 * sizeof data;

    pair_open(&p);
    t = eddy_create_task(write_times(p.writer[0], data, sizeof data, 5));
    EXPECT_EQ(eddy_sleep(100), 0);
    EXPECT(t && !eddy_task_done(t));
    EXPECT(eddy_writer_get_write_buffer_size(p.writer[0]) <= 65536 + sizeof data);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), -EAGAIN);
    while (left > 0) {
        ssize_t n = eddy_reader_read(p.reader[1], buf, sizeof buf);

        EXPECT(n > 0);
        if (n <= 0)
            break;
        left -= (size_t)n;
    }
    REQUIRE(eddy_await(t) == 0); /* or the task still has the stream */
    EXPECT_EQ(eddy_writer_get_write_buffer_size(p.writer[0]), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(write_eof_ends_one_direction_only)
{
    struct pair p;
    char buf[8];

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "last", 4), 0);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_reader_read(p.reader[1], buf, sizeof buf), 4);
    EXPECT_EQ(eddy_reader_read(p.reader[1], buf, sizeof buf), 0);
    EXPECT(eddy_reader_at_eof(p.reader[1]));
    EXPECT_EQ(eddy_writer_write(p.writer[1], "answer", 6), 0);
    EXPECT_EQ(eddy_reader_read(p.reader[0], buf, sizeof buf), 6);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(close_sends_what_is_kept_and_wait_closed_waits_for_that)
{
    static char data[200000];
    struct pair p;
    const char *all;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], data, sizeof data), 0);
    eddy_writer_close(p.writer[0]);
    EXPECT(eddy_writer_is_closing(p.writer[0]));
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), EDDY_ECLOSED);
    EXPECT_EQ(eddy_reader_read_all(p.reader[1], SIZE_MAX, &all), (ssize_t)sizeof data);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), 0);
    pair_free(&p);
    return 0;
}

/* No end: so a reader does not take for the whole what came. */
static void expect_broken_after(eddy_reader *r, size_t n)
{
    const char *data;

    EXPECT_EQ(eddy_reader_read_all(r, SIZE_MAX, &data), -ECONNRESET);
    EXPECT_EQ(eddy_reader_partial(r, &data), n);
    EXPECT_EQ(eddy_reader_read_all(r, SIZE_MAX, &data), -ECONNRESET);
    EXPECT_EQ(eddy_reader_partial(r, &data), 0);
}

TEST_ASYNC(abort_drops_what_is_kept_and_is_no_end_for_the_peer)
{
    static char data[200000];
    struct pair p;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], data, sizeof data), 0);
    eddy_writer_abort(p.writer[0]);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), 0);
    expect_broken_after(p.reader[1], 65536);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_peer_that_is_gone_breaks_the_writer)
{
    struct pair p;
    char buf[8];

    pair_open(&p);
    eddy_writer_free(p.writer[1]);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), -EPIPE);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -EPIPE);
    EXPECT_EQ(eddy_reader_read(p.reader[0], buf, sizeof buf), -EPIPE);
    EXPECT_EQ(eddy_writer_drain(p.writer[0]), -EPIPE);
    eddy_writer_free(p.writer[0]);
    return 0;
}

/* The reader was not told yet, for no task waited in it. */
TEST_ASYNC(a_connection_that_has_just_failed_is_no_end_for_the_reader)
{
    struct pair p;
    char buf[8];

    pair_open(&p);
    eddy_writer_close(p.writer[1]);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), -EPIPE);
    EXPECT_EQ(eddy_reader_read(p.reader[0], buf, sizeof buf), -EPIPE);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_deserted_stream_is_given_up_when_its_peer_takes_nothing_for_half_a_minute)
{
    static char data[200000];
    struct pair p;
    double begin;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], data, sizeof data), 0);
    eddy_writer_free(p.writer[0]);
    begin = eddy_loop_time(eddy_get_running_loop());
    EXPECT_EQ(eddy_sleep(29), 0);
    EXPECT(!eddy_reader_at_eof(p.reader[1]));
    EXPECT_EQ(eddy_sleep(2), 0);
    expect_broken_after(p.reader[1], 65536);
    EXPECT(eddy_loop_time(eddy_get_running_loop()) - begin < 32);
    eddy_writer_free(p.writer[1]);
    return 0;
}
