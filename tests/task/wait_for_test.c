/* wait_for: rules 99 to 102. */
#include "harness/test.h"

#include "harness/trace.h"

#include <math.h>

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

static eddy_async(work, (double, delay), (int, status))
{
    int rc;

    trace("begins");
    rc = eddy_sleep(delay);
    trace("%s", rc == 0 ? "ends" : "cancelled");
    if (rc < 0)
        return rc;
    eddy_return("pointer");
    return status < 0 ? eddy_raise(status, "bad") : status;
}

TEST_ASYNC(what_ends_in_time_gives_its_status_pointer_and_error)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(eddy_wait_for(work(1, 7), 5), &value), 7);
    EXPECT_STR(value, "pointer");
    EXPECT_EQ(now(), 1.0);
    EXPECT_EQ(eddy_await(eddy_wait_for(work(1, EDDY_EUSER), 5)), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "bad");
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_create_task(work(1, 8)), EDDY_FOREVER)), 8);
    return 0;
}

TEST_ASYNC(what_takes_too_long_is_cancelled)
{
    char mine[] = "mine";
    void *value = mine;

    EXPECT_EQ(eddy_await_value(eddy_wait_for(work(100, 0), 5), &value), -ETIMEDOUT);
    EXPECT_EQ(now(), 5.0);
    EXPECT_STR(traced(), "begins cancelled");
    EXPECT(value == mine);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    return 0;
}

TEST_ASYNC(a_future_or_task_that_takes_too_long_is_cancelled)
{
    eddy_future *f = eddy_create_future();
    eddy_task *t = eddy_create_task(work(100, 0));

    REQUIRE(f != NULL && t != NULL);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_ref(f), 1)), -ETIMEDOUT);
    EXPECT(eddy_future_cancelled(f));
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_ref(t), 1)), -ETIMEDOUT);
    EXPECT(eddy_task_cancelled(t));
    eddy_unref(f);
    eddy_unref(t);
    return 0;
}

static eddy_async(look, (eddy_task *, expected))
{
    EXPECT(eddy_current_task() == expected);
    return eddy_sleep(0);
}

TEST_ASYNC(a_coroutine_runs_in_the_task_that_waits_and_nothing_before_it_does)
{
    eddy_coroutine *coro = eddy_wait_for(look(eddy_current_task()), 5);

    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_EQ(eddy_await(coro), 0);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

TEST_ASYNC(the_time_begins_when_it_is_awaited)
{
    eddy_coroutine *coro = eddy_wait_for(work(3, 4), 5);

    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_EQ(eddy_await(coro), 4);
    EXPECT_EQ(now(), 13.0);
    return 0;
}

static eddy_async(cleaning_up, (int, how))
{
    int rc = eddy_sleep(100);

    trace("cleaning");
    eddy_try(eddy_sleep(20));
    trace("cleaned");
    return how == 0 ? rc : how < 0 ? eddy_raise(how, "while cleaning") : how;
}

TEST_ASYNC(it_waits_for_the_clean_up_as_long_as_it_takes)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(cleaning_up(0), 5)), -ETIMEDOUT);
    EXPECT_EQ(now(), 25.0);
    EXPECT_STR(traced(), "cleaning cleaned");
    return 0;
}

TEST_ASYNC(what_swallows_the_cancellation_gives_its_result)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(cleaning_up(6), 5)), 6);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}

TEST_ASYNC(what_fails_in_its_clean_up_gives_that_error)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(cleaning_up(EDDY_EUSER), 5)), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "while cleaning");
    return 0;
}

TEST_ASYNC(without_time_only_what_is_done_counts)
{
    eddy_future *done = eddy_create_future(), *pending = eddy_create_future();
    eddy_task *t = eddy_create_task(work(100, 0));

    REQUIRE(done != NULL && pending != NULL && t != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_future_set_result(done, 3);
    EXPECT_EQ(eddy_await(eddy_wait_for(done, 0)), 3);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_ref(pending), -1)), -ETIMEDOUT);
    EXPECT(eddy_future_cancelled(pending));
    EXPECT_EQ(eddy_await(eddy_wait_for(t, 0)), -ETIMEDOUT);
    EXPECT_STR(traced(), "begins cancelled");
    eddy_unref(pending);
    return 0;
}

TEST_ASYNC(without_time_a_coroutine_never_begins)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(work(1, 0), 0)), -ETIMEDOUT);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

TEST_ASYNC(without_time_it_still_waits_for_the_clean_up)
{
    eddy_task *t = eddy_create_task(cleaning_up(6)), *u = eddy_create_task(cleaning_up(EDDY_EUSER));

    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_EQ(eddy_await(eddy_wait_for(t, 0)), 6);
    EXPECT_EQ(now(), 21.0);
    EXPECT_EQ(eddy_await(eddy_wait_for(u, 0)), EDDY_EUSER);
    return 0;
}

static eddy_async(wait_for_task, (eddy_task *, t), (double, timeout))
{
    return eddy_await(eddy_wait_for(eddy_ref(t), timeout));
}

TEST_ASYNC(cancelled_from_outside_it_is_cancelled_and_not_timed_out)
{
    eddy_task *inner = eddy_create_task(work(100, 0)), *outer;

    REQUIRE(inner != NULL);
    outer = eddy_create_task(wait_for_task(inner, 50));
    REQUIRE(outer != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(outer, "outside");
    EXPECT_EQ(eddy_await(outer), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "outside");
    EXPECT(eddy_task_cancelled(inner));
    eddy_unref(inner);
    return 0;
}

TEST_ASYNC(cancelled_while_it_waits_without_time_it_is_cancelled)
{
    eddy_task *inner = eddy_create_task(cleaning_up(0)), *outer;

    REQUIRE(inner != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    outer = eddy_create_task(wait_for_task(inner, 0));
    REQUIRE(outer != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(outer, "outside");
    EXPECT_EQ(eddy_await(outer), -ECANCELED);
    EXPECT(!eddy_task_done(inner));
    EXPECT_EQ(eddy_await(inner), -ECANCELED);
    return 0;
}

TEST_ASYNC(a_timeout_that_is_not_a_number_is_refused_and_what_was_given_consumed)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(work(1, 0), NAN)), -EINVAL);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(without_memory_for_it_what_was_given_is_consumed)
{
    eddy_coroutine *coro = work(1, 0);

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_wait_for(coro, 1) == NULL);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_create_future(), 1)), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(nested_limits_are_not_confused)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_wait_for(work(100, 0), 5), 10)), -ETIMEDOUT);
    EXPECT_EQ(now(), 5.0);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_wait_for(work(100, 0), 10), 5)), -ETIMEDOUT);
    EXPECT_EQ(now(), 10.0);
    return 0;
}
