/* Sleeping: rules 17 and 18. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <math.h>

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

TEST_ASYNC_REAL(a_sleep_of_nothing_lasts_exactly_one_turn, .ordered = true)
{
    static const double nothing[] = {0, -1, -1e300, -INFINITY};

    for (int i = 0; i < 4; i++) {
        eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "turn");
        EXPECT_EQ(eddy_sleep(nothing[i]), 0);
    }
    EXPECT_STR(traced(), "turn turn turn turn");
    return 0;
}

TEST_ASYNC(a_sleep_lasts_as_long_as_it_was_told)
{
    EXPECT_EQ(eddy_sleep(3600), 0);
    EXPECT_EQ(now(), 3600.0);
    EXPECT_EQ(eddy_sleep(0.5), 0);
    EXPECT_EQ(now(), 3600.5);
    return 0;
}

TEST_ASYNC(a_sleep_of_no_number_is_refused)
{
    EXPECT_EQ(eddy_sleep(NAN), -EINVAL);
    EXPECT_EQ(eddy_await(eddy_sleep_coro(NAN, 0, NULL)), -EINVAL);
    return 0;
}

TEST_ASYNC(the_sleeping_coroutine_ends_with_what_it_was_given)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(eddy_sleep_coro(2, 6, "woken"), &value), 6);
    EXPECT_STR(value, "woken");
    EXPECT_EQ(now(), 2.0);
    return 0;
}

static eddy_async(sleep_for_ever)
{
    return eddy_sleep(EDDY_FOREVER);
}

TEST_ASYNC(a_cancelled_sleep_leaves_no_timer, .ordered = true)
{
    eddy_task *t = eddy_create_task(sleep_for_ever()),
              *u = eddy_create_task(eddy_sleep_coro(100, 0, NULL));

    REQUIRE(t != NULL && u != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 2);
    eddy_task_cancel(t, NULL);
    eddy_task_cancel(u, NULL);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(eddy_await(u), -ECANCELED);
    EXPECT_EQ(now(), 0.0);
    return 0;
}

static eddy_async(sleep_and_trace, (double, delay), (const char *, word))
{
    eddy_try(eddy_sleep(delay));
    trace("%s", word);
    return 0;
}

TEST_ASYNC(sleepers_wake_in_the_order_of_their_deadlines, .ordered = true)
{
    eddy_spawn(sleep_and_trace(3, "c"));
    eddy_spawn(sleep_and_trace(1, "a"));
    eddy_spawn(sleep_and_trace(2, "b"));
    eddy_spawn(sleep_and_trace(1, "a2"));
    EXPECT_EQ(eddy_sleep(4), 0);
    EXPECT_STR(traced(), "a a2 b c");
    return 0;
}

TEST_ASYNC(a_sleeper_has_its_turn_one_after_the_timer)
{
    eddy_spawn(sleep_and_trace(1, "task"));
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_loop_call_at(eddy_get_running_loop(), 1, trace_callback, "timer");
    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_STR(traced(), "timer task");
    return 0;
}

static void cancel(void *t)
{
    trace("%d", eddy_task_cancel(t, "too late"));
}

TEST_ASYNC(a_cancellation_wins_over_a_sleep_that_is_over)
{
    eddy_task *t = eddy_create_task(sleep_and_trace(1, "never"));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_loop_call_at(eddy_get_running_loop(), 1, cancel, t); /* after the sleep's own timer */
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "too late");
    EXPECT_STR(traced(), "1");
    return 0;
}

TEST_ASYNC(a_sleep_allocates_nothing)
{
    unsigned long made;

    EXPECT_EQ(eddy_sleep(1), 0);
    made = eddyi_ledger_made();
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(eddy_sleep(i), 0);
    EXPECT_EQ(eddyi_ledger_made(), made);
    return 0;
}

TEST_ASYNC(a_sleep_without_memory_for_its_timer_fails)
{
    eddyi_fault_only("realloc", ENOMEM);
    EXPECT_EQ(eddy_sleep(1), -ENOMEM);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddyi_fault_clear();
    return 0;
}
