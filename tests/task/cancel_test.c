/* Cancellation: rules 54 to 69. */
#include "harness/test.h"

#include "harness/trace.h"

static int cancelled(int rc)
{
    return rc == -ECANCELED;
}

static eddy_async(sleeper, (const char *, name), (double, delay))
{
    int rc = eddy_sleep(delay);

    trace("%s-%s", name, cancelled(rc) ? "cancelled" : "woke");
    return rc;
}

static eddy_task *start(eddy_coroutine *coro)
{
    eddy_task *t = eddy_create_task(coro);

    REQUIRE(t != NULL);
    eddy_sleep(0);
    return t;
}

TEST_ASYNC(a_task_that_is_done_cannot_be_cancelled)
{
    eddy_task *t = start(sleeper("t", 0));

    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_task_cancelling(t), 0);
    EXPECT(!eddy_task_cancelled(t));
    eddy_unref(t);
    return 0;
}

TEST_ASYNC_REAL(cancelling_never_acts_at_once, .ordered = true)
{
    eddy_task *t = start(sleeper("t", 100));

    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT(!eddy_task_done(t) && !eddy_task_cancelled(t));
    EXPECT_EQ(eddy_task_cancelling(t), 1);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_await(eddy_ref(t)), -ECANCELED);
    EXPECT(eddy_task_done(t) && eddy_task_cancelled(t));
    EXPECT_STR(traced(), "t-cancelled");
    eddy_unref(t);
    return 0;
}

TEST_ASYNC_REAL(cancelled_before_its_first_step_the_coroutine_never_runs)
{
    eddy_task *t = eddy_create_task(sleeper("t", 0));

    REQUIRE(t != NULL);
    EXPECT(eddy_task_cancel(t, "early"));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "early");
    EXPECT_STR(traced(), "");
    return 0;
}

static eddy_async(await_task, (eddy_task *, t), (const char *, name))
{
    int rc = eddy_await(eddy_ref(t));

    trace("%s-%s", name, cancelled(rc) ? "cancelled" : "result");
    return rc;
}

static eddy_async(clean_up_slowly)
{
    int rc = eddy_sleep(100);

    trace("cleaning");
    eddy_try(eddy_sleep(5));
    trace("cleaned");
    return rc;
}

TEST_ASYNC(cancelling_a_waiting_task_cancels_what_it_waits_for_and_waits_for_its_end,
           .ordered = true)
{
    eddy_task *inner = start(clean_up_slowly()), *middle = start(await_task(inner, "middle"));
    eddy_task *outer = start(await_task(middle, "outer"));

    EXPECT(eddy_task_cancel(outer, NULL));
    EXPECT_EQ(eddy_task_cancelling(inner), 1);
    EXPECT_EQ(eddy_task_cancelling(middle), 1);
    EXPECT_EQ(eddy_await(outer), -ECANCELED);
    EXPECT_STR(traced(), "cleaning cleaned middle-cancelled outer-cancelled");
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 5.0);
    EXPECT(eddy_task_cancelled(inner) && eddy_task_cancelled(middle));
    eddy_unref(inner);
    eddy_unref(middle);
    return 0;
}

static eddy_async(await_future, (eddy_future *, f))
{
    int rc = eddy_await(eddy_ref(f));

    trace("%s", cancelled(rc) ? "cancelled" : "result");
    return rc;
}

TEST_ASYNC(a_cancellation_wins_over_a_result_that_was_not_delivered_yet, .ordered = true)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t;

    REQUIRE(f != NULL);
    t = start(await_future(f));
    eddy_future_set_result(f, 1);
    EXPECT(eddy_task_cancel(t, "late"));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "late");
    EXPECT_STR(traced(), "cancelled");
    EXPECT_EQ(eddy_future_result(f), 1);
    eddy_unref(f);
    return 0;
}

static eddy_async(swallow)
{
    int rc = eddy_sleep(100);

    trace("%s", cancelled(rc) ? "swallowed" : "woke");
    rc = eddy_sleep(1);
    trace("%s", cancelled(rc) ? "again" : "slept");
    return 7;
}

TEST_ASYNC(a_cancellation_strikes_once_and_may_be_swallowed, .ordered = true)
{
    eddy_task *t = start(swallow());

    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 7);
    EXPECT_STR(traced(), "swallowed slept");
    EXPECT(!eddy_task_cancelled(t));
    EXPECT_EQ(eddy_task_cancelling(t), 1);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(cancelling_again_interrupts_the_clean_up, .ordered = true)
{
    eddy_task *t = start(swallow());

    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 7);
    EXPECT_STR(traced(), "swallowed again");
    EXPECT_EQ(eddy_task_cancelling(t), 2);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(two_requests_in_one_turn_strike_once_but_count_twice, .ordered = true)
{
    eddy_task *t = start(swallow());

    EXPECT(eddy_task_cancel(t, "first"));
    EXPECT(eddy_task_cancel(t, "second"));
    EXPECT_EQ(eddy_task_cancelling(t), 2);
    EXPECT_EQ(eddy_await(t), 7);
    EXPECT_STR(traced(), "swallowed slept");
    return 0;
}

static eddy_async(cancel_itself, (bool, suspend))
{
    EXPECT(eddy_task_cancel(eddy_current_task(), "myself"));
    trace("running");
    if (!suspend)
        return 3;
    return eddy_sleep(0);
}

TEST_ASYNC(a_task_that_cancels_itself_is_struck_at_its_next_suspension)
{
    EXPECT_EQ(eddy_await(eddy_create_task(cancel_itself(true))), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "myself");
    EXPECT_STR(traced(), "running");
    return 0;
}

TEST_ASYNC(a_task_that_cancels_itself_and_returns_is_cancelled_its_result_dropped)
{
    eddy_task *t = eddy_create_task(cancel_itself(false));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "myself");
    EXPECT(eddy_task_cancelled(t));
    eddy_unref(t);
    return 0;
}

static eddy_async(end_cancelled)
{
    return eddy_raise(-ECANCELED, "of my own will");
}

TEST_ASYNC(a_task_that_returns_ecanceled_is_cancelled_without_a_request)
{
    eddy_task *t = eddy_create_task(end_cancelled());

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "of my own will");
    EXPECT(eddy_task_cancelled(t));
    EXPECT_EQ(eddy_task_cancelling(t), 0);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(uncancel_withdraws_requests_one_by_one_and_never_below_zero)
{
    eddy_task *t = start(swallow());

    EXPECT_EQ(eddy_task_uncancel(t), 0);
    eddy_task_cancel(t, NULL);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_task_uncancel(t), 1);
    EXPECT_EQ(eddy_task_uncancel(t), 0);
    EXPECT_EQ(eddy_task_uncancel(t), 0);
    EXPECT_EQ(eddy_task_cancelling(t), 0);
    return eddy_await(t) == 7 ? 0 : -EIO;
}

TEST_ASYNC(withdrawing_the_last_request_takes_back_what_did_not_strike_yet)
{
    eddy_task *me = eddy_current_task();

    eddy_task_cancel(me, NULL);
    eddy_task_cancel(me, NULL);
    EXPECT_EQ(eddy_task_uncancel(me), 1);
    EXPECT_EQ(eddy_sleep(0), -ECANCELED);
    EXPECT_EQ(eddy_task_uncancel(me), 0);
    eddy_task_cancel(me, NULL);
    EXPECT_EQ(eddy_task_uncancel(me), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    return 0;
}

TEST_ASYNC(the_message_travels_along_all_waits, .ordered = true)
{
    eddy_task *inner = start(sleeper("inner", 100)), *outer = start(await_task(inner, "outer"));

    eddy_task_cancel(outer, "please stop");
    EXPECT_EQ(eddy_await(outer), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "please stop");
    /* CPython hands the CancelledError of a task on once. */
    EXPECT_EQ(eddy_await(inner), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "");
    return 0;
}

TEST_ASYNC(a_cancellation_without_memory_for_its_message_strikes_all_the_same)
{
    eddy_task *t = start(sleeper("t", 100));

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_task_cancel(t, "lost"));
    eddyi_fault_clear();
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "");
    return 0;
}
