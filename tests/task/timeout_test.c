/* Timeout scopes: rules 104 to 110. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <math.h>

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

static size_t timers(void)
{
    return eddy_get_running_loop()->schedule.timers.n;
}

TEST_ASYNC(a_block_that_takes_too_long_is_cancelled_and_timed_out)
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_timeout_when(&tm), 5.0);
    rc = eddy_sleep(100);
    EXPECT_EQ(rc, -ECANCELED);
    EXPECT(eddy_timeout_expired(&tm));
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    EXPECT_EQ(now(), 5.0);
    EXPECT(eddy_timeout_expired(&tm));
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ETIMEDOUT);
    return eddy_sleep(0);
}

TEST_ASYNC(a_block_that_ends_in_time_keeps_its_status_and_its_timer_goes)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_EQ(timers(), 1);
    EXPECT_EQ(eddy_timeout_exit(&tm, 42), 42);
    EXPECT(!eddy_timeout_expired(&tm));
    EXPECT_EQ(timers(), 0);
    return 0;
}

TEST_ASYNC(an_error_of_the_block_goes_through)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_raise(EDDY_EUSER, "mine")), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "mine");
    return 0;
}

TEST_ASYNC(timeout_at_takes_a_time_on_the_clock_of_the_loop)
{
    eddy_timeout tm;

    EXPECT_EQ(eddy_sleep(10), 0);
    eddy_timeout_enter_at(&tm, 12);
    EXPECT_EQ(eddy_timeout_when(&tm), 12.0);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    EXPECT_EQ(now(), 12.0);
    return 0;
}

TEST_ASYNC(no_limit_never_strikes)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, EDDY_FOREVER);
    EXPECT_EQ(eddy_timeout_when(&tm), EDDY_FOREVER);
    EXPECT_EQ(timers(), 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(1e6)), 0);
    return 0;
}

TEST_ASYNC(a_deadline_in_the_past_strikes_at_the_first_suspension, .ordered = true)
{
    eddy_timeout tm;
    int rc;

    EXPECT_EQ(eddy_sleep(10), 0);
    eddy_timeout_enter(&tm, -1);
    trace("runs");
    rc = eddy_sleep(0);
    trace("%s", rc < 0 ? "struck" : "slept");
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    EXPECT_STR(traced(), "runs struck");
    return 0;
}

TEST_ASYNC(a_block_that_never_suspends_never_expires)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, 3), 3);
    EXPECT(!eddy_timeout_expired(&tm));
    return eddy_sleep(0);
}

TEST_ASYNC(a_block_that_ends_well_after_the_deadline_is_no_error)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_sleep(100), -ECANCELED);
    EXPECT_EQ(eddy_sleep(100), 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, 8), 8);
    EXPECT(eddy_timeout_expired(&tm));
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}

TEST_ASYNC(another_error_after_the_deadline_goes_through)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_sleep(100), -ECANCELED);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_raise(EDDY_EUSER, "other")), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "other");
    EXPECT(eddy_timeout_expired(&tm));
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}

static void cancel(void *t)
{
    eddy_task_cancel(t, "outside");
}

static eddy_async(limited, (double, delay), (int *, ret))
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, delay);
    rc = eddy_timeout_exit(&tm, eddy_sleep(100));
    *ret = eddy_task_cancelling(eddy_current_task());
    return rc;
}

static void expect_cancelled(double cancel_at)
{
    int left = -1;
    eddy_task *t = eddy_create_task(limited(5, &left));

    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_loop_call_at(eddy_get_running_loop(), cancel_at, cancel, t);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(left, 1);
}

TEST_ASYNC(a_cancellation_from_outside_is_no_timeout)
{
    expect_cancelled(3);
    EXPECT_EQ(now(), 3.0);
    return 0;
}

TEST_ASYNC(a_cancellation_from_outside_in_the_same_turn_wins_over_the_deadline)
{
    expect_cancelled(5);
    return 0;
}

TEST_ASYNC(of_nested_scopes_the_one_whose_deadline_struck_is_timed_out)
{
    eddy_timeout outer, inner;
    int rc;

    eddy_timeout_enter(&outer, 5);
    eddy_timeout_enter(&inner, 10);
    rc = eddy_timeout_exit(&inner, eddy_sleep(100));
    EXPECT_EQ(rc, -ECANCELED);
    EXPECT(!eddy_timeout_expired(&inner));
    EXPECT_EQ(eddy_timeout_exit(&outer, rc), -ETIMEDOUT);

    eddy_timeout_enter(&outer, 10);
    eddy_timeout_enter(&inner, 5);
    rc = eddy_timeout_exit(&inner, eddy_sleep(100));
    EXPECT_EQ(rc, -ETIMEDOUT);
    EXPECT_EQ(eddy_timeout_exit(&outer, rc), -ETIMEDOUT);
    EXPECT(!eddy_timeout_expired(&outer));
    EXPECT_EQ(now(), 10.0);
    return 0;
}

TEST_ASYNC(of_nested_scopes_that_strike_together_the_outer_is_timed_out)
{
    eddy_timeout outer, inner;
    int rc;

    eddy_timeout_enter(&outer, 5);
    eddy_timeout_enter(&inner, 5);
    rc = eddy_timeout_exit(&inner, eddy_sleep(100));
    trace("%d", rc);
    EXPECT_EQ(eddy_timeout_exit(&outer, rc), -ETIMEDOUT);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_STR(traced(), "-125");
    return 0;
}

#define WITHIN(tg, outer, inner)                                                                   \
    eddy_group_enter(tg);                                                                          \
    eddy_timeout_enter(outer, 10);                                                                 \
    eddy_timeout_enter(inner, 5)

/* Leaves all of it by return. */
static int left_by_return(void)
{
    eddy_group tg;
    eddy_timeout outer, inner;

    WITHIN(&tg, &outer, &inner);
    return eddy_sleep(1);
}

TEST_ASYNC(scopes_that_one_macro_enters_are_scopes_like_others)
{
    eddy_group tg;
    eddy_timeout outer, inner;
    int rc;

    EXPECT_EQ(left_by_return(), 0);
    WITHIN(&tg, &outer, &inner);
    rc = eddy_timeout_exit(&inner, eddy_sleep(100));
    EXPECT_EQ(rc, -ETIMEDOUT);
    EXPECT_EQ(eddy_timeout_exit(&outer, 0), 0);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_EQ(now(), 6.0);
    EXPECT_EQ(eddy_sleep(100), 0);
    return 0;
}
