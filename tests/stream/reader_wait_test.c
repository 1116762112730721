/*
 * Waiting for a reader that is fed by hand: who is woken, when, and by what.
 */
#include "stream/streams.h"

#include <string.h>

static eddy_async(read_exactly, (eddy_reader *, reader), (char *, buf), (size_t, size))
{
    return (int)eddy_reader_readexactly(reader, buf, size);
}

static eddy_async(read_until, (eddy_reader *, reader), (const char *, sep))
{
    const char *data;

    return (int)eddy_reader_readuntil(reader, sep, strlen(sep), &data);
}

static eddy_async(read_all, (eddy_reader *, reader))
{
    const char *data;

    return (int)eddy_reader_read_all(reader, SIZE_MAX, &data);
}

static eddy_async(read_some, (eddy_reader *, reader))
{
    const char *data;

    return (int)eddy_reader_read_some(reader, 100, &data);
}

/*
 * A task that waits by now, which takes over @coro. Its end is REQUIREd, for one that goes on
 * waiting has the reader, which is freed then.
 */
static eddy_task *waiting(eddy_coroutine *coro)
{
    eddy_task *t = eddy_create_task(coro);

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!eddy_task_done(t));
    return t;
}

static eddy_reader *new_reader(size_t limit)
{
    eddy_reader *r = NULL;

    REQUIRE(eddy_reader_new(limit, &r) == 0);
    return r;
}

static void feed(eddy_reader *r, const char *text)
{
    EXPECT_EQ(eddy_reader_feed_data(r, text, strlen(text)), 0);
}

TEST_ASYNC(feeding_wakes_the_task_that_waits)
{
    eddy_reader *r = new_reader(0);
    eddy_task *t = waiting(read_some(r));

    feed(r, "abc");
    REQUIRE(eddy_await(t) == 3);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(feeding_nothing_wakes_no_task)
{
    eddy_reader *r = new_reader(0);
    eddy_task *t = waiting(read_some(r));

    feed(r, "");
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_task_done(t));
    eddy_reader_feed_eof(r);
    REQUIRE(eddy_await(t) == 0);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(a_read_of_an_exact_size_sleeps_on_until_all_of_it_is_there)
{
    eddy_reader *r = new_reader(2);
    char buf[8] = "";
    eddy_task *t = waiting(read_exactly(r, buf, 6));

    feed(r, "abc");
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_task_done(t));
    EXPECT_STR(buf, "");
    feed(r, "defg");
    REQUIRE(eddy_await(t) == 6);
    EXPECT_STR(buf, "abcdef");
    EXPECT_EQ(eddy_reader_buffered(r), 1);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(a_separator_in_two_pieces_is_found)
{
    eddy_reader *r = new_reader(0);
    eddy_task *t;

    feed(r, "data1\r");
    t = waiting(read_until(r, "\r\n"));
    feed(r, "\ndata2");
    REQUIRE(eddy_await(t) == 7);
    EXPECT_EQ(eddy_reader_buffered(r), 5);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(the_limit_strikes_as_soon_as_no_separator_can_be_within_it)
{
    eddy_reader *r = new_reader(4);
    eddy_task *t = waiting(read_until(r, "--"));

    feed(r, "abcd-");
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_task_done(t)); /* the separator may still begin with byte 4 */
    feed(r, "x");
    REQUIRE(eddy_await(t) == EDDY_ELIMIT);
    EXPECT_EQ(eddy_reader_consumed(r), 5);
    EXPECT_EQ(eddy_reader_buffered(r), 6);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(the_end_wakes_the_waiter_with_the_bytes_that_are_there)
{
    eddy_reader *r = new_reader(0);
    eddy_task *t;

    feed(r, "part");
    t = waiting(read_all(r));
    feed(r, " and part");
    eddy_reader_feed_eof(r);
    REQUIRE(eddy_await(t) == 13);
    eddy_reader_free(r);

    r = new_reader(0);
    feed(r, "no end of line");
    t = waiting(read_line(r));
    eddy_reader_feed_eof(r);
    REQUIRE(eddy_await(t) == 14);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(an_exception_wakes_the_waiter)
{
    eddy_exception *e = eddy_exception_new(EDDY_EUSER, "broken");
    eddy_reader *r = new_reader(0);
    eddy_task *t = waiting(read_some(r));

    eddy_reader_set_exception(r, e);
    REQUIRE(eddy_await(t) == (e ? EDDY_EUSER : -ENOMEM));
    eddy_exception_unref(e);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(data_that_come_together_with_a_cancellation_stay)
{
    eddy_reader *r = new_reader(0);
    eddy_task *t = waiting(read_line(r));
    const char *line;

    feed(r, "line\n");
    eddy_task_cancel(t, NULL);
    REQUIRE(eddy_await(t) == -ECANCELED);
    EXPECT_EQ(eddy_reader_readline(r, &line), 5);

    t = waiting(read_line(r));
    eddy_task_cancel(t, NULL);
    feed(r, "another\n");
    REQUIRE(eddy_await(t) == -ECANCELED);
    EXPECT_EQ(eddy_reader_readline(r, &line), 8);
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC(one_task_may_wait_and_the_others_are_told_so_whatever_they_want, .ordered = true)
{
    eddy_reader *r = new_reader(0);
    eddy_task *t = waiting(read_line(r));
    const char *data;
    char buf[4];

    EXPECT_EQ(eddy_reader_read(r, buf, 1), -EBUSY);
    EXPECT_EQ(eddy_reader_read(r, buf, 0), -EBUSY);
    EXPECT_EQ(eddy_reader_readexactly(r, buf, 1), -EBUSY);
    EXPECT_EQ(eddy_reader_readuntil(r, "x", 1, &data), -EBUSY);
    EXPECT_EQ(eddy_reader_read_all(r, 10, &data), -EBUSY);
    EXPECT_EQ(eddy_reader_read_some(r, 10, &data), -EBUSY);
    feed(r, "for the first\n");
    REQUIRE(eddy_await(t) == 14);
    eddy_reader_free(r);
    return 0;
}

static struct from_callback {
    eddy_reader *reader;
    ssize_t empty, full;
} from_callback;

static void read_in_callback(void *arg)
{
    char buf[4];

    from_callback.empty = eddy_reader_read(from_callback.reader, buf, 4);
    feed(from_callback.reader, "abcd");
    from_callback.full = eddy_reader_readexactly(from_callback.reader, buf, 4);
}

TEST_ASYNC(a_callback_may_take_what_is_there_but_cannot_wait, .ordered = true)
{
    from_callback = (struct from_callback){.reader = new_reader(0)};
    eddy_loop_call_soon(eddy_get_running_loop(), read_in_callback, NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(from_callback.empty, EDDY_ENOTASK);
    EXPECT_EQ(from_callback.full, 4);
    eddy_reader_free(from_callback.reader);
    return 0;
}
