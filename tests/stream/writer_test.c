/*
 * The writer's rules (143 to 145, 154 to 156), over pairs in memory on virtual time.
 */
#include "stream/streams.h"

#include <string.h>

static char much[300000];

static eddy_async(drain, (eddy_writer *, writer))
{
    return eddy_writer_drain(writer);
}

static eddy_async(flush, (eddy_writer *, writer))
{
    return eddy_writer_flush(writer);
}

static eddy_async(wait_closed, (eddy_writer *, writer))
{
    return eddy_writer_wait_closed(writer);
}

/* Reads @n bytes, or to the end; how many came. */
static size_t read_much(eddy_reader *r, size_t n)
{
    static char buf[8192];
    size_t total = 0;

    while (total < n) {
        ssize_t got = eddy_reader_read(r, buf, n - total < sizeof buf ? n - total : sizeof buf);

        if (got <= 0)
            break;
        total += (size_t)got;
    }
    return total;
}

TEST_ASYNC(drain_does_not_wait_below_the_high_water_mark)
{
    struct pair p;
    long turns = 0;

    pair_open(&p);
    /* half of it is in the pair */
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536 + 65536), 0);
    EXPECT_EQ(eddy_writer_get_write_buffer_size(p.writer[0]), 65536);
    EXPECT_EQ(eddy_writer_drain(p.writer[0]), turns);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), 0);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), -EAGAIN);
    eddy_writer_abort(p.writer[0]);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(all_draining_tasks_go_on_at_the_low_water_mark_and_not_before)
{
    struct pair p;
    eddy_task *t[3];

    REQUIRE(eddy_memory_pair_open(1000, p.reader, p.writer) == 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    for (int i = 0; i < 3; i++) {
        t[i] = eddy_create_task(drain(p.writer[0]));
        REQUIRE(t[i] != NULL);
    }
    EXPECT_EQ(eddy_sleep(1), 0);
    while (eddy_writer_get_write_buffer_size(p.writer[0]) > 16384) {
        for (int i = 0; i < 3; i++)
            EXPECT(!eddy_task_done(t[i]));
        if (read_much(p.reader[1], 1000) < 1000)
            break;
        EXPECT_EQ(eddy_sleep(1), 0);
    }
    EXPECT(eddy_writer_get_write_buffer_size(p.writer[0]) > 0);
    for (int i = 0; i < 3; i++)
        REQUIRE(eddy_await(t[i]) == 0);
    eddy_writer_abort(p.writer[0]);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(cancelling_one_draining_task_leaves_the_others_waiting)
{
    struct pair p;
    eddy_task *t[2];

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    for (int i = 0; i < 2; i++) {
        t[i] = eddy_create_task(drain(p.writer[0]));
        REQUIRE(t[i] != NULL);
    }
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(t[0], NULL);
    REQUIRE(eddy_await(t[0]) == -ECANCELED);
    EXPECT(!eddy_task_done(t[1]));
    EXPECT_EQ(read_much(p.reader[1], sizeof much), sizeof much);
    REQUIRE(eddy_await(t[1]) == 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_cancelled_write_sends_nothing_of_it)
{
    struct pair p;
    eddy_task *t;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 200000), 0);
    t = eddy_create_task(write_times(p.writer[0], "unwanted", 8, 1));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(t, NULL);
    REQUIRE(eddy_await(t) == -ECANCELED);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
    EXPECT_EQ(read_much(p.reader[1], SIZE_MAX), 200000);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(flush_waits_until_nothing_is_kept)
{
    struct pair p;
    eddy_task *t;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_flush(p.writer[0]), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536 + 10), 0);
    t = eddy_create_task(flush(p.writer[0]));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_task_done(t));
    EXPECT_EQ(read_much(p.reader[1], 10), 10);
    REQUIRE(eddy_await(t) == 0);
    EXPECT_EQ(eddy_writer_get_write_buffer_size(p.writer[0]), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(flush_after_an_abort_says_that_something_was_dropped)
{
    struct pair p;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536 + 10), 0);
    eddy_writer_abort(p.writer[0]);
    EXPECT_EQ(eddy_writer_flush(p.writer[0]), -ECONNRESET);
    EXPECT_IN("aborted", eddy_exception_message(eddy_error()));
    pair_free(&p);
    return 0;
}

TEST_ASYNC(the_loss_of_the_connection_wakes_all_waiters_with_its_error)
{
    struct pair p;
    eddy_task *t[4];

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    t[0] = eddy_create_task(drain(p.writer[0]));
    t[1] = eddy_create_task(write_times(p.writer[0], "x", 1, 1));
    t[2] = eddy_create_task(flush(p.writer[0]));
    t[3] = eddy_create_task(read_line(p.reader[0]));
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_writer_free(p.writer[1]);
    for (int i = 0; i < 3; i++)
        REQUIRE(eddy_await(t[i]) == -EPIPE);
    EXPECT(eddy_await(t[3]) <= 0); /* the end and the error come together */
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -EPIPE);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -EPIPE);
    eddy_writer_free(p.writer[0]);
    return 0;
}

TEST_ASYNC(after_an_end_in_order_drain_says_that_the_connection_is_lost)
{
    struct pair p;
    const char *data;

    pair_open(&p);
    eddy_writer_close(p.writer[0]);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), 0);
    EXPECT_EQ(eddy_writer_drain(p.writer[0]), -ECONNRESET);
    EXPECT_EQ(eddy_writer_flush(p.writer[0]), -ECONNRESET);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), EDDY_ECLOSED);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), EDDY_ECLOSED);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), EDDY_ECLOSED);
    EXPECT(!eddy_writer_can_write_eof(p.writer[0]));
    EXPECT_EQ(eddy_reader_read_all(p.reader[0], SIZE_MAX, &data), 0);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), 0);
    eddy_writer_close(p.writer[0]);
    eddy_writer_abort(p.writer[0]);
    pair_free(&p);
    return 0;
}

static long turns;

static void count_turns(void *stop)
{
    turns++;
    if (!*(bool *)stop)
        eddy_loop_call_soon(eddy_get_running_loop(), count_turns, stop);
}

TEST_ASYNC(drain_on_a_closing_stream_lets_others_run, .ordered = true)
{
    struct pair p;
    bool stop = false;
    long before;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536 + 10), 0);
    eddy_writer_close(p.writer[0]);
    count_turns(&stop);
    before = turns;
    EXPECT_EQ(eddy_writer_drain(p.writer[0]), 0);
    EXPECT(turns > before || test_tortured());
    stop = true;
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_writer_abort(p.writer[0]);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(several_tasks_may_wait_for_the_end)
{
    struct pair p;
    eddy_task *t[3];

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 100000), 0);
    for (int i = 0; i < 3; i++)
        t[i] = eddy_create_task(wait_closed(p.writer[0]));
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_writer_close(p.writer[0]);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(t[0] && !eddy_task_done(t[0]));
    EXPECT_EQ(read_much(p.reader[1], SIZE_MAX), 100000);
    for (int i = 0; i < 3; i++)
        REQUIRE(eddy_await(t[i]) == 0);
    pair_free(&p);
    return 0;
}

static int set_marks(struct pair *p, size_t low, size_t high)
{
    return eddy_writer_set_write_buffer_limits(p->writer[0],
                                               (eddy_water_marks){.low = low, .high = high});
}

TEST_ASYNC(water_marks_follow_from_each_other)
{
    struct pair p;

    pair_open(&p);
    EXPECT_EQ(set_marks(&p, 20, 10), -EINVAL);
    EXPECT_EQ(set_marks(&p, 0, 0), 0); /* every byte kept is too much */
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, 65536), 0);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), 0);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), -EAGAIN);
    EXPECT_EQ(set_marks(&p, 100, SIZE_MAX), 0); /* high: 400 */
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], much, 399), 0);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), 0);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), -EAGAIN);
    EXPECT_EQ(set_marks(&p, SIZE_MAX, 2000), 0); /* low: 500 */
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], "x", 1), 0);
    eddy_writer_abort(p.writer[0]);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(the_water_marks_that_are_got_can_be_set_again)
{
    struct pair p;
    eddy_water_marks first, other;

    pair_open(&p);
    first = eddy_writer_get_write_buffer_limits(p.writer[0]);
    EXPECT(first.low == 16384 && first.high == 65536);
    EXPECT_EQ(set_marks(&p, 100, SIZE_MAX), 0);
    other = eddy_writer_get_write_buffer_limits(p.writer[0]);
    EXPECT(other.low == 100 && other.high == 400);
    EXPECT_EQ(eddy_writer_set_write_buffer_limits(p.writer[0], first), 0);
    other = eddy_writer_get_write_buffer_limits(p.writer[0]);
    EXPECT(other.low == 16384 && other.high == 65536);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(new_water_marks_count_at_once_for_waiters)
{
    struct pair p;
    eddy_task *t;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    t = eddy_create_task(drain(p.writer[0]));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_task_done(t));
    EXPECT_EQ(set_marks(&p, 1000000, SIZE_MAX), 0);
    REQUIRE(eddy_await(t) == 0);
    eddy_writer_abort(p.writer[0]);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(nothing_to_write_is_written_at_once)
{
    struct pair p;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], NULL, 0), 0);
    EXPECT_EQ(eddy_writer_writelines(p.writer[0], NULL, 0), 0);
    EXPECT_EQ(eddy_writer_printf(p.writer[0], "%s", ""), 0);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "", 0), EDDY_EMISUSE);
    EXPECT_EQ(read_much(p.reader[1], 1), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(more_bytes_than_a_buffer_can_have_are_refused_and_the_stream_goes_on)
{
    volatile size_t huge = SIZE_MAX;
    struct pair p;
    char byte;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, huge), -EINVAL);
    EXPECT_EQ(eddy_writer_write_nowait(p.writer[0], much, huge), -EINVAL);
    EXPECT_EQ(eddy_writer_writelines(
                  p.writer[0], (struct iovec[]){{much, 1}, {much, huge / 2}, {much, huge / 2}}, 3),
              -EINVAL);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "x", 1), 0);
    EXPECT_EQ(eddy_reader_read(p.reader[1], &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    pair_free(&p);
    return 0;
}

TEST_ASYNC(the_end_comes_after_all_that_was_written)
{
    struct pair p;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], much, sizeof much), 0);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
    EXPECT_EQ(read_much(p.reader[1], SIZE_MAX), sizeof much);
    EXPECT(eddy_reader_at_eof(p.reader[1]));
    EXPECT_EQ(eddy_writer_write(p.writer[1], "still", 5), 0);
    EXPECT_EQ(read_much(p.reader[0], 5), 5);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(text_of_any_length_can_be_printed)
{
    static char text[5000], buf[5000];
    struct pair p;

    pair_open(&p);
    memset(text, 't', sizeof text - 1);
    for (size_t n = 508; n < 516; n++) {
        EXPECT_EQ(eddy_writer_printf(p.writer[0], "%.*s", (int)n, text), 0);
        EXPECT_EQ(read_much(p.reader[1], n), n);
    }
    EXPECT_EQ(eddy_writer_printf(p.writer[0], "%s", text), 0);
    EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 4999), 4999);
    EXPECT_EQ(memcmp(buf, text, 4999), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_stream_in_memory_has_no_socket)
{
    struct pair p;
    int fd = 7;

    pair_open(&p);
    EXPECT_EQ(eddy_writer_get_extra_info(p.writer[0], "socket", &fd, sizeof fd), -ENOENT);
    EXPECT_EQ(fd, 7);
    pair_free(&p);
    return 0;
}
