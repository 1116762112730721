/* Task groups: when children can be made, ending early, and leaving by other ways than the exit. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(child, (const char *, name), (double, delay), (int, status))
{
    int rc = eddy_sleep(delay);

    trace("%s-%s", name, rc == 0 ? "done" : "cancelled");
    if (rc < 0)
        return rc;
    return status < 0 ? eddy_raise(status, "%s failed", name) : status;
}

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

static eddy_async(make_sibling, (eddy_group *, tg))
{
    int rc = eddy_sleep(1);

    EXPECT((eddy_group_create_task(tg, child("sibling", 1, 0)) == 0) == (rc == 0));
    if (rc < 0)
        EXPECT_IN("shutting down", eddy_exception_message(eddy_error()));
    return rc;
}

TEST_ASYNC(while_a_child_lives_the_exiting_group_takes_more)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, make_sibling(&tg));
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_EQ(now(), 2.0);
    EXPECT_STR(traced(), "sibling-done");
    return 0;
}

TEST_ASYNC(a_group_that_is_ending_after_a_failure_takes_no_more)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, make_sibling(&tg));
    eddy_group_create_task(&tg, child("bad", 0, EDDY_EUSER));
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    EXPECT_STR(traced(), "bad-done");
    return 0;
}

TEST_ASYNC(a_group_that_was_left_takes_no_more_and_cannot_be_left_again)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT(eddy_group_create_task(&tg, child("late", 0, 0)) < 0);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EMISUSE);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EMISUSE);
    eddy_group_cancel(&tg);
    return eddy_sleep(0);
}

TEST_VIRTUAL(outside_of_a_task_there_is_no_group)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    EXPECT(eddy_group_create_task(&tg, child("x", 0, 0)) < 0);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EMISUSE);
    eddy_group_cancel(&tg);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_ENOTASK);
    EXPECT_EQ(eddy_group_exit(&tg, -EIO), -EIO);
}

TEST_ASYNC(together_with_a_timeout_the_group_is_cancelled_and_the_timeout_comes_out)
{
    eddy_timeout tm;
    eddy_group tg;
    int rc;

    eddy_timeout_enter(&tm, 5);
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    rc = eddy_group_exit(&tg, 0);
    EXPECT_EQ(rc, -ECANCELED);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    EXPECT_EQ(now(), 5.0);
    EXPECT_STR(traced(), "a-cancelled");
    return 0;
}

TEST_ASYNC(an_eager_child_that_fails_at_once_fails_the_group)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_loop_set_task_factory(eddy_get_running_loop(), eddy_eager_task_factory, NULL);
    EXPECT(eddy_group_create_task(&tg, eddy_sleep_coro(0, 0, NULL)) == 0 || test_tortured());
    eddy_group_create_task(&tg, eddy_wait_for((eddy_task *)NULL, 1));
    EXPECT_EQ(eddy_sleep(100), -ECANCELED);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    return 0;
}

TEST_ASYNC(a_child_that_cannot_be_made_fails_the_group_with_its_reason)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    EXPECT(eddy_group_create_task(&tg, child("b", 0, 0), .stack_size = SIZE_MAX / 4) < 0);
    EXPECT_EQ(eddy_sleep(100), -ECANCELED);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(eddy_error(), 0)), -EINVAL);

    eddy_group_enter(&tg);
    EXPECT(eddy_group_create_task(&tg, (eddy_coroutine *)NULL) < 0);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(eddy_error(), 0)), -ENOMEM);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}

TEST_ASYNC(without_any_memory_a_group_still_fails_with_a_code)
{
    eddy_coroutine *coro = child("a", 0, 0);
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_group_create_task(&tg, coro) < 0);
    rc = eddy_group_exit(&tg, 0);
    eddyi_fault_clear();
    EXPECT_EQ(rc, EDDY_EGROUP);
    return 0;
}

TEST_ASYNC(a_group_that_is_cancelled_ends_without_an_error)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    eddy_group_cancel(&tg);
    eddy_group_cancel(&tg);
    rc = eddy_sleep(50);
    EXPECT_EQ(rc, -ECANCELED);
    EXPECT_EQ(eddy_group_exit(&tg, rc), 0);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    return 0;
}

static eddy_async(cancel_group, (eddy_group *, tg))
{
    eddy_try(eddy_sleep(1));
    eddy_group_cancel(tg);
    return 0;
}

static eddy_async(slow_to_end)
{
    int rc = eddy_sleep(100);

    (void)eddy_sleep(5);
    return rc;
}

static eddy_async(end_group_early, (int *, ret_after))
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, slow_to_end());
    eddy_try(eddy_sleep(1));
    eddy_group_cancel(&tg);
    rc = eddy_group_exit(&tg, 0);
    *ret_after = eddy_sleep(0);
    return rc;
}

TEST_ASYNC(a_cancellation_while_a_cancelled_group_exits_is_not_lost)
{
    int after = 1;
    eddy_task *t = eddy_create_task(end_group_early(&after));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(3), 0);
    eddy_task_cancel(t, "enough");
    EXPECT_EQ(eddy_await(eddy_ref(t)), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    EXPECT_EQ(now(), 6.0);
    EXPECT_EQ(after, 0);
    EXPECT_EQ(eddy_task_cancelling(t), 1);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(a_cancelled_group_ends_without_an_error_in_the_clean_up_of_a_cancelled_task)
{
    int after = 1;
    eddy_task *self = eddy_current_task();

    eddy_task_cancel(self, NULL);
    EXPECT_EQ(eddy_sleep(1), -ECANCELED);
    EXPECT_EQ(eddy_await(end_group_early(&after)), 0);
    EXPECT_EQ(after, 0);
    EXPECT_EQ(eddy_task_uncancel(self), 0);
    return 0;
}

TEST_ASYNC(a_child_may_cancel_its_group_while_it_exits)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    eddy_group_create_task(&tg, cancel_group(&tg));
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_EQ(now(), 1.0);
    EXPECT_STR(traced(), "a-cancelled");
    return 0;
}
