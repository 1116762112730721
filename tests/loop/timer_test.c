/* Timers: rules 6 and 19 to 26. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <math.h>

static eddy_loop *loop_here(void)
{
    return eddy_get_running_loop();
}

static double now(void)
{
    return eddy_loop_time(loop_here());
}

static void later(double delay, const char *word)
{
    eddy_loop_call_later(loop_here(), delay, trace_callback, (void *)word);
}

TEST_ASYNC(timers_run_in_the_order_of_their_deadlines)
{
    later(3, "c");
    later(1, "a");
    later(2, "b");
    eddy_loop_call_at(loop_here(), 2.5, trace_callback, "at");

    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_STR(traced(), "a b at c");
    return 0;
}

TEST_ASYNC(equal_deadlines_run_first_come_first_served, .ordered = true)
{
    static const char *const words[] = {"0", "1", "2", "3", "4", "5", "6", "7"};

    for (int i = 0; i < 8; i++)
        eddy_loop_call_at(loop_here(), 5, trace_callback, (void *)words[i]);

    EXPECT_EQ(eddy_sleep(5), 0);
    EXPECT_STR(traced(), "0 1 2 3 4 5 6 7");
    return 0;
}

TEST_ASYNC(virtual_time_begins_at_zero_and_goes_straight_to_each_deadline)
{
    EXPECT_EQ(now(), 0.0);
    EXPECT_EQ(eddy_sleep(86400), 0);
    EXPECT_EQ(now(), 86400.0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(now(), 86400.0);
    EXPECT_EQ(eddy_sleep(0.25), 0);
    EXPECT_EQ(now(), 86400.25);
    return 0;
}

static void make_overdue(void *unused)
{
    trace("first");
    eddy_loop_call_at(loop_here(), 1, trace_callback, "overdue");
    eddy_loop_call_soon(loop_here(), trace_callback, "soon");
}

TEST_ASYNC(a_timer_made_during_a_turn_waits_for_the_next_even_if_overdue, .ordered = true)
{
    eddy_loop_call_at(loop_here(), 5, make_overdue, NULL);
    eddy_loop_call_at(loop_here(), 5, trace_callback, "second");

    EXPECT_EQ(eddy_sleep(6), 0);
    EXPECT_STR(traced(), "first second soon overdue");
    return 0;
}

TEST_ASYNC(a_deadline_in_the_past_is_due_at_once_in_order, .ordered = true)
{
    EXPECT_EQ(eddy_sleep(10), 0);
    eddy_loop_call_at(loop_here(), 2, trace_callback, "b");
    later(-9, "a");
    later(-INFINITY, "minus-infinity");

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "minus-infinity a b");
    EXPECT_EQ(now(), 10.0);
    return 0;
}

TEST_ASYNC(a_delay_has_no_upper_limit)
{
    later(400.0 * 86400, "a-year");
    later(EDDY_FOREVER, "never");
    later(INFINITY, "nor this");
    later(1e300, "nor that");

    EXPECT_EQ(eddy_sleep(500.0 * 86400), 0);
    EXPECT_STR(traced(), "a-year");
    EXPECT_EQ(now(), 500.0 * 86400);
    return 0;
}

TEST_ASYNC(a_delay_or_time_that_is_not_a_number_is_refused)
{
    EXPECT(eddy_loop_call_later(loop_here(), NAN, trace_callback, "never").slot == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_call_at(loop_here(), NAN, trace_callback, "never").slot == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);
    return 0;
}

TEST_ASYNC(a_cancelled_timer_neither_runs_nor_moves_time)
{
    eddy_handle h = eddy_loop_call_later(loop_here(), 50, trace_callback, "never");

    eddy_handle_cancel(h);
    EXPECT_EQ(eddy_sleep(100), 0);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_VIRTUAL(time_does_not_go_to_a_deadline_that_was_cancelled)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    eddy_handle_cancel(eddy_loop_call_later(loop, 50, trace_callback, "never"));
    EXPECT_EQ(eddy_loop_run_forever(loop), -EDEADLK);
    EXPECT_EQ(eddy_loop_time(loop), 0.0);
    eddy_loop_unref(loop);
}

TEST_ASYNC(times_are_the_nearest_numbers_of_seconds)
{
    double began = now();
    eddy_handle h = eddy_loop_call_at(loop_here(), 365.0 * 86400, trace_callback, "never");

    EXPECT_EQ(eddy_handle_when(h), 365.0 * 86400);
    eddy_handle_cancel(h);
    eddy_try(eddy_sleep(3.0 * 86400 - began));
    EXPECT_EQ(now(), 3.0 * 86400);
    return 0;
}

TEST_ASYNC(cancelled_timers_do_not_pile_up)
{
    unsigned long made;

    for (int round = 0; round < 3; round++) {
        made = eddyi_ledger_made();
        for (int i = 0; i < 1000; i++)
            eddy_handle_cancel(
                eddy_loop_call_later(loop_here(), 1000 + i, trace_callback, "never"));
        EXPECT_EQ(loop_here()->schedule.timers.n, 0);
        EXPECT_EQ(eddy_sleep(0), 0);
    }
    EXPECT(eddyi_ledger_made() - made < 3);
    return 0;
}

TEST_ASYNC(cancelling_a_timer_that_has_run_is_harmless)
{
    eddy_handle h = eddy_loop_call_later(loop_here(), 1, trace_callback, "once");

    EXPECT_EQ(eddy_sleep(2), 0);
    later(1, "other");
    eddy_handle_cancel(h);
    EXPECT(!eddy_handle_cancelled(h));
    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_STR(traced(), "once other");
    return 0;
}

static void cancel(void *handle)
{
    trace("cancel");
    eddy_handle_cancel(*(eddy_handle *)handle);
}

TEST_ASYNC(a_timer_can_be_cancelled_in_the_very_turn_in_which_it_is_due, .ordered = true)
{
    eddy_handle h;

    eddy_loop_call_at(loop_here(), 1, cancel, &h);
    h = eddy_loop_call_at(loop_here(), 1, trace_callback, "never");

    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_STR(traced(), "cancel");
    return 0;
}

TEST_ASYNC_REAL(a_real_timer_is_never_early)
{
    double begin = now();

    EXPECT_EQ(eddy_sleep(0.0125), 0);
    EXPECT(now() - begin >= 0.0125);
    return 0;
}

static const struct eddyi_backend_ops *real_ops;
static int waits;

static int count_and_wait(struct eddyi_backend *b, int64_t timeout)
{
    waits++;
    return real_ops->wait(b, timeout);
}

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

TEST_REAL(the_loop_waits_once_for_a_deadline_that_is_no_whole_millisecond)
{
    eddy_loop *loop = test_real_loop();
    struct eddyi_backend_ops counting;

    REQUIRE(loop != NULL);
    real_ops = loop->backend->ops;
    counting = *real_ops;
    counting.wait = count_and_wait;
    loop->backend->ops = &counting;
    if (!eddy_loop_call_later(loop, 0.0107, stop, loop).slot)
        eddy_loop_stop(loop);

    eddy_loop_run_forever(loop);
    EXPECT(waits <= 2);
    loop->backend->ops = real_ops;
    eddy_loop_unref(loop);
}

static int64_t longest_wait;

static int note_and_wait(struct eddyi_backend *b, int64_t timeout)
{
    if (timeout > longest_wait)
        longest_wait = timeout;
    return real_ops->wait(b, timeout);
}

TEST_VIRTUAL(the_backend_is_never_asked_to_wait_for_more_than_a_day)
{
    eddy_loop *loop = test_virtual_loop();
    struct eddyi_backend_ops noting;

    REQUIRE(loop != NULL);
    real_ops = loop->backend->ops;
    noting = *real_ops;
    noting.wait = note_and_wait;
    loop->backend->ops = &noting;
    if (!eddy_loop_call_later(loop, 100.0 * 86400, stop, loop).slot)
        eddy_loop_stop(loop);

    eddy_loop_run_forever(loop);
    EXPECT_EQ(longest_wait, INT64_C(86400000000000));
    EXPECT_EQ(eddy_loop_time(loop), 100.0 * 86400);
    loop->backend->ops = real_ops;
    eddy_loop_unref(loop);
}

TEST_ASYNC(a_timer_that_finds_no_memory_says_so, .ordered = true)
{
    eddy_handle h = {0};
    int i;

    eddyi_fault_only("realloc", ENOMEM);
    for (i = 0; i < 1000; i++) {
        h = eddy_loop_call_later(loop_here(), 1 + i, trace_callback, "x");
        if (!h.slot)
            break;
    }
    eddyi_fault_clear();
    EXPECT(i < 1000);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(eddy_loop_call_soon(loop_here(), trace_callback, "y").slot != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_IN("y", traced());
    return 0;
}

struct matured {
    uint64_t turn; /* in which it ran */
    int place;     /* the how manyth of all */
};

static int n_matured;

static void note_matured(void *arg)
{
    struct matured *m = arg;

    m->turn = loop_here()->schedule.turns;
    m->place = n_matured++;
}

/* From the latest to the earliest, all of them due; every @step of them have one deadline. */
static int run_matured(struct matured *all, int n, int step)
{
    for (int i = 0; i < n; i++)
        eddy_loop_call_at(loop_here(), -1 - i / step, note_matured, &all[i]);
    for (int turns = 0; n_matured < n && turns < n; turns++)
        eddy_try(eddy_sleep(0));
    EXPECT_EQ(n_matured, n);
    return 0;
}

TEST_ASYNC(many_timers_that_are_due_run_in_order_and_leave_room_for_others, .ordered = true)
{
    struct matured all[200] = {0};

    eddy_try(run_matured(all, 200, 1));
    for (int i = 0; i < 200; i++)
        EXPECT_EQ(all[i].place, 199 - i);
    EXPECT(all[0].turn > all[199].turn);           /* not all of them in one turn */
    EXPECT(all[0].turn - all[199].turn < 200 / 8); /* but many */
    return 0;
}

TEST_ASYNC(timers_with_one_deadline_have_their_turn_together)
{
    struct matured all[300] = {0};

    eddy_try(run_matured(all, 300, 100));
    for (int i = 1; i < 300; i++)
        EXPECT(i % 100 == 0 || all[i].turn == all[i - 1].turn);
    return 0;
}
