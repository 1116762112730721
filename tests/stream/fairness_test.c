/*
 * Fairness: a task that never has to wait for its stream lets others run now and then.
 */
#include "loop/loop.h"
#include "stream/stream.h"
#include "stream/streams.h"

#include <string.h>

enum { LINES = 10000 };

static int turns_of_others;
static bool over;

/* Runs whenever it may, and counts. */
static eddy_async(count_turns)
{
    while (!over) {
        turns_of_others++;
        eddy_try(eddy_sleep(0));
    }
    return 0;
}

static eddy_task *begin_counting(void)
{
    over = false;
    turns_of_others = 0;
    return eddy_create_task(count_turns());
}

static int end_counting(eddy_task *t)
{
    over = true;
    return eddy_await(t);
}

static int read_lines(eddy_reader *r, int n)
{
    const char *line;

    for (int i = 0; i < n; i++)
        eddy_try((int)eddy_reader_readline(r, &line));
    return 0;
}

/* A pair with lines of one byte to be read, all there. */
static void pair_with_lines(struct pair *p)
{
    static char lines[2 * LINES];

    for (int i = 0; i < LINES; i++)
        memcpy(lines + 2 * i, "x\n", 2);
    pair_open(p);
    EXPECT_EQ(eddy_writer_write(p->writer[1], lines, sizeof lines), 0);
}

TEST_ASYNC(a_task_that_reads_from_a_full_buffer_lets_others_run)
{
    struct pair p;
    eddy_task *t;

    pair_with_lines(&p);
    t = begin_counting();
    EXPECT_EQ(read_lines(p.reader[0], LINES), 0);
    EXPECT(turns_of_others >= LINES / EDDYI_SHARE - 2);
    EXPECT(turns_of_others <= LINES / EDDYI_SHARE + 2);
    EXPECT_EQ(end_counting(t), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(up_to_the_share_no_other_task_runs_in_between, .ordered = true)
{
    struct pair p;
    eddy_task *t;

    pair_with_lines(&p);
    EXPECT_EQ(eddy_sleep(0), 0);
    t = begin_counting();
    EXPECT_EQ(read_lines(p.reader[0], EDDYI_SHARE - 4), 0);
    EXPECT_EQ(turns_of_others, 0);
    EXPECT_EQ(read_lines(p.reader[0], EDDYI_SHARE + 8), 0);
    EXPECT(turns_of_others > 0);
    EXPECT_EQ(end_counting(t), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(a_stream_that_is_alone_lets_the_loop_look_for_events)
{
    struct pair p;
    eddy_loop *loop = eddy_get_running_loop();
    uint64_t turns;

    pair_with_lines(&p);
    turns = loop->schedule.turns;
    EXPECT_EQ(read_lines(p.reader[0], LINES), 0);
    EXPECT(loop->schedule.turns - turns >= LINES / (16 * EDDYI_SHARE) - 2);
    EXPECT(loop->schedule.turns - turns <= LINES / (16 * EDDYI_SHARE) + 2);
    pair_free(&p);
    return 0;
}

/* Both sides, in two tasks, so that neither buffer is ever full or empty for long. */
TEST_ASYNC(a_task_whose_writes_go_at_once_lets_others_run)
{
    struct pair p;
    eddy_task *t, *reading;
    char byte = 'x';
    int rc = 0;

    pair_open(&p);
    t = begin_counting();
    for (int i = 0; i < LINES && rc == 0; i++)
        rc = eddy_writer_write(p.writer[0], &byte, 1);
    EXPECT_EQ(rc, 0);
    EXPECT(turns_of_others >= LINES / EDDYI_SHARE - 2);
    reading = eddy_create_task(read_line(p.reader[1]));
    EXPECT_EQ(eddy_writer_write(p.writer[0], "\n", 1), 0);
    EXPECT_EQ(eddy_await(reading), LINES + 1);
    EXPECT_EQ(end_counting(t), 0);
    pair_free(&p);
    return 0;
}

TEST_ASYNC(bytes_count_as_well_as_calls)
{
    static char much[65536];
    struct pair p;
    eddy_task *t;

    pair_open(&p);
    t = begin_counting();
    for (int i = 0; i < 20; i++) {
        EXPECT_EQ(eddy_writer_write(p.writer[1], much, sizeof much), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[0], much, sizeof much), (ssize_t)sizeof much);
    }
    EXPECT(turns_of_others >= 2);
    EXPECT_EQ(end_counting(t), 0);
    pair_free(&p);
    return 0;
}

/* A peer that sends as fast as it is read: one call takes all of it. */
static eddy_async(send_all, (eddy_writer *, writer), (int, pieces))
{
    static char piece[65536];

    while (pieces-- > 0)
        eddy_try(eddy_writer_write(writer, piece, sizeof piece));
    return eddy_writer_write_eof(writer);
}

TEST_ASYNC(one_call_that_takes_very_much_lets_others_run)
{
    struct pair p;
    eddy_task *t, *sending;
    const char *data;

    pair_open(&p);
    t = begin_counting();
    sending = eddy_create_task(send_all(p.writer[1], 50));
    EXPECT_EQ(eddy_reader_read_all(p.reader[0], SIZE_MAX, &data), 50 * 65536);
    EXPECT(turns_of_others >= 20);
    EXPECT_EQ(eddy_await(sending), 0);
    EXPECT_EQ(end_counting(t), 0);
    pair_free(&p);
    return 0;
}

/* Reads lines until it is cancelled; its status is how many. */
static eddy_async(read_until_cancelled, (eddy_reader *, reader), (int *, ret_lines))
{
    const char *line;
    ssize_t n;

    for (*ret_lines = 0; (n = eddy_reader_readline(reader, &line)) > 0; ++*ret_lines)
        continue;
    return (int)n;
}

TEST_ASYNC(a_task_that_reads_from_a_full_buffer_can_be_cancelled_and_no_line_is_lost)
{
    struct pair p;
    eddy_task *t;
    int lines = 0;

    pair_with_lines(&p);
    t = eddy_create_task(read_until_cancelled(p.reader[0], &lines));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(t && eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT(lines > 0 && lines < LINES);
    EXPECT_EQ(read_lines(p.reader[0], LINES - lines), 0);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[1]), 0);
    EXPECT_EQ(read_lines(p.reader[0], 1), 0);
    EXPECT(eddy_reader_at_eof(p.reader[0]));
    pair_free(&p);
    return 0;
}

TEST_ASYNC(no_other_task_may_read_while_a_reading_task_lets_others_run)
{
    struct pair p;
    eddy_task *t;
    const char *line;
    int lines = 0;

    pair_with_lines(&p);
    t = eddy_create_task(read_until_cancelled(p.reader[0], &lines));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), -EBUSY);
    EXPECT(t && eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    pair_free(&p);
    return 0;
}

/* Where there is no task there is nothing that could let others run. */
static void write_often(void *arg)
{
    eddy_writer *w = arg;

    for (int i = 0; i < 5 * EDDYI_SHARE; i++)
        EXPECT_EQ(eddy_writer_write(w, "x", 1), 0);
}

TEST_ASYNC(a_callback_writes_what_goes_at_once_as_before)
{
    struct pair p;

    pair_open(&p);
    eddy_loop_call_soon(eddy_get_running_loop(), write_often, p.writer[0]);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_writer_get_write_buffer_size(p.writer[0]), 0);
    pair_free(&p);
    return 0;
}
