/* Time that obeys: loops for tests, running until idle, letting time pass. */
#include "eddy/test.h"
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(tick, (const char *, name), (double, period), (int, n))
{
    for (int i = 0; i < n; i++) {
        eddy_try(eddy_sleep(period));
        trace("%s%d", name, i + 1);
    }
    return 0;
}

static eddy_async(sleep_a_day)
{
    eddy_try(eddy_sleep(86400));
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 86400.0);
    return 7;
}

TEST_VIRTUAL(a_test_runs_on_the_virtual_clock)
{
    EXPECT_EQ(eddy_test_run(sleep_a_day()), 7);
}

static eddy_async(wait_for_nothing)
{
    eddy_event never = {0};

    return eddy_event_wait(&never);
}

TEST_VIRTUAL(a_deadlock_is_an_error_at_once)
{
    EXPECT_EQ(eddy_test_run(wait_for_nothing()), -EDEADLK);
    EXPECT_IN("an event", eddy_exception_message(eddy_error()));
}

/* Becomes ready once more in each of @n turns. */
static eddy_async(turns, (int, n))
{
    while (n-- > 0)
        eddy_try(eddy_sleep(0));
    trace("turned");
    return 0;
}

static void soon(void *loop)
{
    trace("later0");
    eddy_loop_call_soon(loop, trace_callback, "soon");
}

TEST_ASYNC(until_idle_runs_all_that_is_ready_and_no_more)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_spawn(turns(20));
    eddy_spawn(tick("t", 1, 1));
    eddy_loop_call_later(loop, 0, soon, loop);
    EXPECT_EQ(eddy_test_run_until_idle(NULL), 0);
    EXPECT_STR(traced(), "later0 soon turned");
    EXPECT_EQ(eddy_loop_time(loop), 0.0);
    EXPECT_EQ(eddy_test_run_until_idle(loop), 0);
    return eddy_sleep(2);
}

TEST_VIRTUAL(outside_of_the_loop_until_idle_runs_it)
{
    eddy_loop *loop = eddy_test_loop();
    eddy_task *a, *b;

    REQUIRE(loop != NULL);
    a = eddy_loop_create_task(loop, turns(20));
    b = eddy_loop_create_task(loop, tick("t", 1, 1));
    EXPECT_EQ(eddy_test_run_until_idle(loop), 0);
    EXPECT_STR(traced(), "turned");
    EXPECT(!b || !eddy_task_done(b));
    EXPECT_EQ(eddy_test_advance(loop, 1), 0);
    EXPECT_STR(traced(), "turned t1");
    eddy_unref(a);
    eddy_unref(b);
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(time_passes_with_all_that_becomes_due_each_at_its_time)
{
    eddy_loop *loop = eddy_test_loop();
    eddy_task *a, *b;

    REQUIRE(loop != NULL);
    a = eddy_loop_create_task(loop, tick("a", 1, 3));
    b = eddy_loop_create_task(loop, tick("b", 0.6, 3));
    EXPECT_EQ(eddy_test_advance(loop, 0.5), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_loop_time(loop), 0.5);
    EXPECT_EQ(eddy_test_advance(loop, 1.5), 0);
    EXPECT_STR(traced(), "b1 a1 b2 b3 a2");
    EXPECT_EQ(eddy_loop_time(loop), 2.0);
    EXPECT_EQ(eddy_test_advance(loop, 0), 0);
    EXPECT_EQ(eddy_test_advance(loop, 100), 0);
    EXPECT_STR(traced(), "b1 a1 b2 b3 a2 a3");
    EXPECT_EQ(eddy_loop_time(loop), 102.0);
    eddy_unref(a);
    eddy_unref(b);
    eddy_loop_unref(loop);
}

TEST_ASYNC(a_task_may_let_time_pass_as_well)
{
    eddy_spawn(tick("a", 1, 3));
    EXPECT_EQ(eddy_test_advance(NULL, 2), 0);
    EXPECT_STR(traced(), "a1 a2");
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 2.0);
    return eddy_sleep(2);
}

static void advance_in_callback(void *loop)
{
    trace("%d", eddy_test_run_until_idle(loop));
    trace("%d", eddy_test_advance(loop, 1));
}

TEST_VIRTUAL(what_makes_no_sense_is_refused)
{
    eddy_loop *loop = eddy_test_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_test_run_until_idle(NULL), EDDY_ENOLOOP);
    EXPECT_EQ(eddy_test_advance(NULL, 1), EDDY_ENOLOOP);
    EXPECT_EQ(eddy_test_advance(loop, 0.0 / 0.0), -EINVAL);
    eddy_loop_call_soon(loop, advance_in_callback, loop);
    EXPECT_EQ(eddy_test_run_until_idle(loop), 0);
    EXPECT_STR(traced(), "-10017 -10017");
    eddy_loop_close(loop);
    EXPECT_EQ(eddy_test_run_until_idle(loop), EDDY_ECLOSED);
    EXPECT_EQ(eddy_test_advance(loop, 1), EDDY_ECLOSED);
    eddy_loop_unref(loop);
}

static eddy_async(stop_later)
{
    eddy_try(eddy_sleep(1));
    eddy_loop_stop(eddy_get_running_loop());
    return 0;
}

TEST_VIRTUAL(a_loop_that_is_stopped_says_that_the_time_has_not_passed)
{
    eddy_loop *loop = eddy_test_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    t = eddy_loop_create_task(loop, stop_later());
    EXPECT_EQ(eddy_test_advance(loop, 5), EDDY_ESTOPPED);
    EXPECT_EQ(eddy_loop_time(loop), 1.0);
    eddy_unref(t);
    eddy_loop_unref(loop);
}

TEST_ASYNC(a_task_that_waits_for_others_to_be_idle_can_be_cancelled)
{
    eddy_task *busy = eddy_create_task(turns(1000));

    eddy_task_cancel(eddy_current_task(), "enough");
    EXPECT_EQ(eddy_test_run_until_idle(NULL), -ECANCELED);
    EXPECT_STR(traced(), "");
    eddy_task_uncancel(eddy_current_task());
    return eddy_await(busy);
}

TEST_ASYNC_REAL(a_real_clock_takes_its_time_and_the_kernel_is_asked)
{
    eddy_loop *loop = eddy_get_running_loop();
    double before = eddy_loop_time(loop);

    eddy_loop_call_soon_threadsafe(loop, trace_callback, "posted");
    EXPECT_EQ(eddy_test_run_until_idle(NULL), 0);
    EXPECT_STR(traced(), "posted");
    EXPECT_EQ(eddy_test_advance(loop, 0.005), 0);
    EXPECT(eddy_loop_time(loop) - before >= 0.005);
    return 0;
}
