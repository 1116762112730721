/*
 * Limits of time: for calls that read, and for peers that take nothing.
 */
#include "stream/stream.h"
#include "stream/streams.h"

#include <string.h>

static char much[300000];

static int seconds(void)
{
    return (int)(eddy_loop_time(eddy_get_running_loop()) + 0.5);
}

/* Opens a pair whose first stream has limits. */
static void limited_open(struct pair *p, double read_timeout, double write_timeout)
{
    struct eddyi_stream *s;

    pair_open(p);
    s = eddyi_stream_of_writer(p->writer[0]);
    s->reader.time_limit = eddyi_time_limit(read_timeout);
    s->channel.write_limit = eddyi_time_limit(write_timeout);
}

static void drop(struct pair *p)
{
    eddy_writer_abort(p->writer[0]);
    eddy_writer_abort(p->writer[1]);
    pair_free(p);
}

/* Writes a piece every @pause seconds. */
static eddy_async(drip, (eddy_writer *, writer), (const char *, piece), (int, times),
                  (double, pause))
{
    while (times-- > 0) {
        eddy_try(eddy_sleep(pause));
        eddy_try(eddy_writer_write(writer, piece, strlen(piece)));
    }
    return 0;
}

/* Reading. */

TEST_ASYNC(a_call_that_reads_has_so_long_however_much_comes_meanwhile)
{
    struct pair p;
    const char *line;
    eddy_task *t;

    limited_open(&p, 5, 0);
    t = eddy_create_task(drip(p.writer[1], "x", 10, 2));
    EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), -ETIMEDOUT);
    EXPECT_IN("within 5 seconds", eddy_exception_message(eddy_error()));
    EXPECT_EQ(seconds(), 5);
    EXPECT(t && eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    drop(&p);
    return 0;
}

TEST_ASYNC(what_came_before_a_limit_struck_stays_and_the_stream_goes_on)
{
    struct pair p;
    const char *line;

    limited_open(&p, 5, 0);
    EXPECT_EQ(eddy_writer_write(p.writer[1], "half", 4), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), -ETIMEDOUT);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "hurry\n", 6), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[1], &line), 6);
    EXPECT_EQ(eddy_writer_write(p.writer[1], " a line\n", 8), 0);
    if (EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), 12))
        EXPECT_EQ(memcmp(line, "half a line\n", 12), 0);
    drop(&p);
    return 0;
}

TEST_ASYNC(each_call_has_its_time_anew)
{
    struct pair p;
    const char *line;
    eddy_task *t;

    limited_open(&p, 5, 0);
    t = eddy_create_task(drip(p.writer[1], "a line\n", 5, 4));
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), 7);
    EXPECT_EQ(seconds(), 20);
    EXPECT_EQ(eddy_await(t), 0);
    drop(&p);
    return 0;
}

TEST_ASYNC(every_way_of_reading_has_the_limit)
{
    char buf[8];
    const char *data;
    struct pair p;

    limited_open(&p, 5, 0);
    EXPECT_EQ(eddy_reader_read(p.reader[0], buf, sizeof buf), -ETIMEDOUT);
    EXPECT_EQ(eddy_reader_read_some(p.reader[0], SIZE_MAX, &data), -ETIMEDOUT);
    EXPECT_EQ(eddy_reader_read_all(p.reader[0], SIZE_MAX, &data), -ETIMEDOUT);
    EXPECT_EQ(eddy_reader_readexactly(p.reader[0], buf, sizeof buf), -ETIMEDOUT);
    EXPECT_EQ(eddy_reader_readuntil(p.reader[0], "xx", 2, &data), -ETIMEDOUT);
    EXPECT_EQ(seconds(), 25);
    drop(&p);
    return 0;
}

TEST_ASYNC(a_read_with_a_limit_can_be_cancelled_and_leaves_no_timer_behind)
{
    struct pair p;
    const char *line;
    eddy_task *t;

    limited_open(&p, 5, 0);
    t = eddy_create_task(read_line(p.reader[0]));
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(t && eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[1], "a line\n", 7), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), 7);
    drop(&p);
    return 0;
}

TEST_ASYNC(no_limit_is_none_and_for_ever_is_none)
{
    static const double none[] = {0, -1, EDDY_FOREVER};

    for (int i = 0; i < 3; i++) {
        struct pair p;
        eddy_task *t;

        limited_open(&p, none[i], none[i]);
        t = eddy_create_task(read_line(p.reader[0]));
        EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
        EXPECT_EQ(eddy_sleep(1e6), 0);
        EXPECT(t && !eddy_task_done(t));
        EXPECT_EQ(eddy_writer_get_write_buffer_size(p.writer[0]), sizeof much - 65536);
        eddy_writer_abort(p.writer[0]);
        EXPECT_EQ(eddy_await(t), 0);
        drop(&p);
    }
    return 0;
}

/* Writing. */

TEST_ASYNC(a_peer_that_takes_nothing_for_so_long_is_reset)
{
    struct pair p;
    const char *line;

    limited_open(&p, 0, 10);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "more", 4), -ETIMEDOUT);
    EXPECT_IN("has taken nothing for 10 seconds", eddy_exception_message(eddy_error()));
    EXPECT_EQ(seconds(), 10);
    EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), -ETIMEDOUT);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -ETIMEDOUT);
    drop(&p);
    return 0;
}

TEST_ASYNC(one_without_a_waiter_is_reset_as_well)
{
    struct pair p;
    const char *line;

    limited_open(&p, 0, 10);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536 + 10), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), -ETIMEDOUT);
    EXPECT_EQ(seconds(), 10);
    drop(&p);
    return 0;
}

TEST_ASYNC(a_peer_that_takes_something_now_and_then_is_not_reset)
{
    static char piece[8192];
    struct pair p;
    eddy_task *t;

    limited_open(&p, 0, 10);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    t = eddy_create_task(write_times(p.writer[0], "more", 4, 1));
    for (size_t left = sizeof much + 4; left > 0;) {
        ssize_t n = eddy_reader_read(p.reader[1], piece, sizeof piece);

        if (!EXPECT(n > 0))
            break;
        left -= (size_t)n;
        EXPECT_EQ(eddy_sleep(9), 0);
    }
    EXPECT(seconds() > 300);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "still here\n", 11), 0);
    drop(&p);
    return 0;
}

TEST_ASYNC(the_time_begins_when_there_is_something_to_take)
{
    struct pair p;

    limited_open(&p, 0, 10);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536), 0);
    EXPECT_EQ(eddy_sleep(100), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536), 0);
    EXPECT_EQ(eddy_writer_flush(p.writer[0]), -ETIMEDOUT);
    EXPECT_EQ(seconds(), 110);
    drop(&p);
    return 0;
}

/* As servers have it: a limit that counts while a task waits, and not else. */
TEST_ASYNC(a_drain_limit_counts_while_a_task_drains)
{
    struct pair p;

    pair_open(&p);
    eddyi_stream_of_writer(p.writer[0])->channel.drain_limit = 60 * INT64_C(1000000000);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    EXPECT_EQ(eddy_sleep(1000), 0);
    EXPECT_EQ(eddy_await(eddy_wait_for(write_times(p.writer[0], "more", 4, 1), 50)), -ETIMEDOUT);
    EXPECT_EQ(eddy_sleep(1000), 0);
    EXPECT(!eddy_writer_is_closing(p.writer[0]));
    EXPECT_EQ(eddy_writer_drain(p.writer[0]), -ETIMEDOUT);
    EXPECT_EQ(seconds(), 2110);
    EXPECT(eddy_writer_is_closing(p.writer[0]));
    drop(&p);
    return 0;
}

/*
 * The kept bytes of a stream that was given back are sent for 30 seconds, or for the limit if that
 * is less.
 */
TEST_ASYNC(a_stream_that_was_given_back_has_the_shorter_limit)
{
    static const struct {
        double limit;
        int expected;
    } cases[] = {{10, 10}, {100, 30}, {0, 30}};
    int begin = 0;

    for (int i = 0; i < 3; i++) {
        struct pair p;
        char byte;

        limited_open(&p, 0, cases[i].limit);
        EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
        eddy_writer_free(p.writer[0]);
        EXPECT_EQ(eddy_sleep(cases[i].expected - 1), 0);
        EXPECT_EQ(eddy_reader_exception(p.reader[1]) != NULL, false);
        EXPECT_EQ(eddy_sleep(2), 0);
        while (eddy_reader_read(p.reader[1], &byte, 1) > 0)
            continue;
        EXPECT_EQ(seconds() - begin, cases[i].expected + 1);
        begin = seconds();
        eddy_writer_free(p.writer[1]);
    }
    return 0;
}

TEST_ASYNC(a_read_within_a_time_gives_its_length_or_leaves_the_bytes)
{
    eddy_reader *r;
    const char *line = NULL;

    eddy_try(eddy_reader_new(0, &r));
    EXPECT_EQ(eddy_reader_feed_data(r, "one\ntw", 6), 0);
    EXPECT_EQ(eddy_within(5, eddy_reader_readline(r, &line)), 4);
    EXPECT_EQ(eddy_within(5, eddy_reader_readline(r, &line)), -ETIMEDOUT);
    EXPECT_EQ(eddy_reader_feed_data(r, "o\n", 2), 0);
    EXPECT_EQ(eddy_within(EDDY_FOREVER, eddy_reader_readline(r, &line)), 4);
    EXPECT(line && memcmp(line, "two\n", 4) == 0);
    eddy_reader_free(r);
    return 0;
}
