/* Task groups that are left without their exit. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(child, (const char *, name), (double, delay), (int, status))
{
    int rc = eddy_sleep(delay);

    trace("%s-%s", name, rc == 0 ? "done" : "cancelled");
    if (rc < 0) {
        eddy_sleep(2);
        trace("%s-cleaned", name);
    }
    return status < 0 ? eddy_raise(status, "%s failed", name) : rc;
}

static int leave(double sleep, int rc)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    eddy_try(eddy_sleep(sleep));
    return rc < 0 ? eddy_raise(rc, "why") : rc;
}

TEST_ASYNC(a_group_left_by_return_cancels_its_children_and_waits_for_them)
{
    EXPECT_EQ(leave(1, 5), 5);
    EXPECT_STR(traced(), "a-cancelled a-cleaned");
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 3.0);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

TEST_ASYNC(the_error_of_the_block_comes_through)
{
    EXPECT_EQ(leave(1, EDDY_EUSER), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "why");
    EXPECT_STR(traced(), "a-cancelled a-cleaned");
    return 0;
}

static eddy_async(return_pointer)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    eddy_try(eddy_sleep(1));
    return eddy_return("through");
}

TEST_ASYNC(the_pointer_of_the_block_comes_through)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(return_pointer(), &value), 0);
    EXPECT_STR(value, "through");
    EXPECT_STR(traced(), "a-cancelled a-cleaned");
    return 0;
}

static int leave_failing(void)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, EDDY_EUSER), .name = "ann");
    eddy_try(eddy_sleep(1));
    return 4;
}

TEST_ASYNC(failures_that_can_no_longer_be_received_are_reported)
{
    reports_collect(NULL);
    EXPECT_EQ(leave_failing(), 4);
    EXPECT_EQ(reports.n, 1);
    EXPECT_IN("left without eddy_group_exit()", reports.message);
    EXPECT_STR(reports.task, "ann");
    EXPECT_EQ(reports.code, EDDY_EUSER);
    EXPECT_IN("tests/task/group_abandon_test.c:", reports.where);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return eddy_sleep(0);
}

static int leave_with_failed_child(void)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 1, EDDY_EUSER));
    eddy_try(eddy_sleep(50));
    return 0;
}

TEST_ASYNC(the_cancellation_by_a_failed_child_is_withdrawn)
{
    reports_collect(NULL);
    EXPECT_EQ(leave_with_failed_child(), -ECANCELED);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(reports.n, 1);
    return eddy_sleep(0);
}

static eddy_async(leave_and_sleep, (int *, ret))
{
    trace("%d", leave(1, 6));
    *ret = eddy_sleep(0);
    return 0;
}

TEST_ASYNC(a_cancellation_meanwhile_strikes_at_the_next_suspension)
{
    int after = 0;
    eddy_task *t = eddy_create_task(leave_and_sleep(&after));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(2), 0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_STR(traced(), "a-cancelled a-cleaned 6");
    EXPECT_EQ(after, -ECANCELED);
    return 0;
}

static eddy_async(leave_failing_and_sleep, (int *, ret))
{
    eddy_raise(-EIO, NULL);
    trace("%d", leave_failing());
    *ret = eddy_sleep(0);
    return 0;
}

TEST_ASYNC(a_cancellation_from_outside_is_not_mistaken_for_the_groups_own)
{
    int after = 0;
    eddy_task *t = eddy_create_task(leave_failing_and_sleep(&after));

    REQUIRE(t != NULL);
    reports_collect(NULL);
    EXPECT_EQ(eddy_sleep(2), 0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 0);
    EXPECT_STR(traced(), "a-cancelled a-cleaned 4");
    EXPECT_EQ(after, -ECANCELED);
    EXPECT_EQ(eddy_task_cancelling(t), 1);
    EXPECT_EQ(reports.n, 1);
    eddy_unref(t);
    return 0;
}

static int leave_nested(void)
{
    eddy_group outer, inner;

    eddy_group_enter(&outer);
    eddy_group_create_task(&outer, child("outer", 100, 0));
    eddy_group_enter(&inner);
    eddy_group_create_task(&inner, child("inner", 100, 0));
    eddy_try(eddy_sleep(1));
    return 8;
}

TEST_ASYNC(nested_groups_are_left_from_within)
{
    EXPECT_EQ(leave_nested(), 8);
    EXPECT_STR(traced(), "inner-cancelled inner-cleaned outer-cancelled outer-cleaned");
    return 0;
}
