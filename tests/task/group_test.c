/* Task groups: rules 111 to 118. */
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

/* The message of the i-th member of the latest error. */
static const char *member(size_t i)
{
    return eddy_exception_message(eddy_exception_member(eddy_error(), i));
}

TEST_ASYNC(the_exit_waits_for_all_children)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 3, 1), .name = "named");
    eddy_group_create_task(&tg, child("b", 1, 2));
    trace("body");
    EXPECT_EQ(eddy_group_exit(&tg, 7), 7);
    EXPECT_EQ(now(), 3.0);
    EXPECT_STR(traced(), "body b-done a-done");
    return 0;
}

TEST_ASYNC(a_child_is_a_task_like_any_other)
{
    eddy_group tg;
    eddy_task *t;

    eddy_group_enter(&tg);
    REQUIRE(eddy_group_create_task(&tg, child("a", 1, 5), .name = "ann", .ret_task = &t) == 0);
    EXPECT_STR(eddy_task_get_name(t), "ann");
    EXPECT_EQ(eddy_await(eddy_ref(t)), 5);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_EQ(eddy_task_result(t), 5);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(the_task_that_a_group_or_a_spawn_gives_is_the_callers)
{
    eddy_group tg;
    eddy_task *of_group = NULL, *of_spawn = NULL;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 1, 5), .ret_task = &of_group);
    (void)eddy_spawn(child("b", 1, 6), .ret_task = &of_spawn);
    EXPECT_EQ(eddy_group_exit(&tg, eddy_sleep(2)), 0);
    REQUIRE(of_group != NULL && of_spawn != NULL);
    EXPECT_EQ(eddy_await(of_group), 5);
    EXPECT_EQ(eddy_await(of_spawn), 6);
    return 0;
}

TEST_ASYNC(what_a_group_cannot_create_is_told_and_gives_no_task)
{
    eddy_group tg;
    eddy_task *untouched = NULL;

    eddy_group_enter(&tg);
    EXPECT_EQ(eddy_group_create_task(&tg, NULL, .ret_task = &untouched), -ENOMEM);
    EXPECT_EQ(eddy_group_exit(&tg, eddy_sleep(1)), EDDY_EGROUP);
    EXPECT_EQ(eddy_group_create_task(&tg, child("a", 1, 0), .ret_task = &untouched), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "the task group is finished");
    EXPECT(untouched == NULL);
    return 0;
}

TEST_ASYNC(an_empty_group_does_not_suspend)
{
    eddy_group tg;

    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "turn");
    eddy_group_enter(&tg);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(the_first_failure_cancels_the_siblings_and_the_body)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("good", 100, 0));
    eddy_group_create_task(&tg, child("bad", 1, EDDY_EUSER));
    rc = eddy_sleep(50);
    EXPECT_EQ(rc, -ECANCELED);
    EXPECT_EQ(now(), 1.0);
    EXPECT_EQ(eddy_group_exit(&tg, rc), EDDY_EGROUP);
    EXPECT_STR(eddy_exception_message(eddy_error()), "unhandled errors in a TaskGroup");
    EXPECT_EQ(eddy_exception_count(eddy_error()), 1);
    EXPECT_STR(member(0), "bad failed");
    EXPECT_STR(traced(), "bad-done good-cancelled");
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return eddy_sleep(0);
}

TEST_ASYNC(a_failure_interrupts_the_exit_as_well)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("good", 100, 0));
    eddy_group_create_task(&tg, child("bad", 1, EDDY_EUSER));
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    EXPECT_EQ(now(), 1.0);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return eddy_sleep(0);
}

static eddy_async(fail_in_clean_up, (const char *, name))
{
    int rc = eddy_sleep(100);

    return rc < 0 ? eddy_raise(-EIO, "%s failed cleaning up", name) : 0;
}

TEST_ASYNC(all_failures_are_collected_in_the_order_in_which_they_came_the_bodys_last)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, fail_in_clean_up("a"));
    eddy_group_create_task(&tg, child("b", 1, EDDY_EUSER));
    EXPECT_EQ(eddy_sleep(50), -ECANCELED);
    EXPECT_EQ(eddy_group_exit(&tg, eddy_raise(-EPIPE, "body")), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_count(eddy_error()), 3);
    EXPECT_STR(member(0), "b failed");
    EXPECT_STR(member(1), "a failed cleaning up");
    EXPECT_STR(member(2), "body");
    return 0;
}

TEST_ASYNC(even_a_failure_of_the_body_alone_comes_as_a_group)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    EXPECT_EQ(eddy_group_exit(&tg, eddy_raise(-EPIPE, "body")), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_count(eddy_error()), 1);
    EXPECT_STR(member(0), "body");
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(eddy_error(), 0)), -EPIPE);
    EXPECT_STR(traced(), "");
    return 0;
}

static eddy_async(end_cancelled)
{
    return -ECANCELED;
}

TEST_ASYNC(a_cancelled_child_is_no_failure)
{
    eddy_group tg;
    eddy_task *t = NULL;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0), .ret_task = &t);
    eddy_group_create_task(&tg, child("b", 5, 0));
    eddy_group_create_task(&tg, end_cancelled());
    EXPECT_EQ(eddy_sleep(1), 0);
    if (t)
        eddy_task_cancel(t, NULL);
    eddy_unref(t);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_STR(traced(), "a-cancelled b-done");
    return 0;
}

static eddy_async(with_group, (int, status), (int *, ret_after))
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("a", 100, 0));
    if (status < 0)
        eddy_group_create_task(&tg, fail_in_clean_up("b"));
    rc = eddy_group_exit(&tg, 0);
    if (rc == EDDY_EGROUP)
        trace("%s", member(0));
    *ret_after = eddy_sleep(0);
    return rc;
}

TEST_ASYNC(a_cancellation_from_outside_cancels_the_children_and_comes_out_bare)
{
    int after = 1;
    eddy_task *t = eddy_create_task(with_group(0, &after));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(t, "outside");
    EXPECT_EQ(eddy_await(eddy_ref(t)), -ECANCELED);
    EXPECT_STR(traced(), "a-cancelled");
    EXPECT_EQ(after, 0);
    EXPECT_EQ(eddy_task_cancelling(t), 1);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(with_failures_the_group_wins_and_the_cancellation_strikes_later)
{
    int after = 1;
    eddy_task *t = eddy_create_task(with_group(-EIO, &after));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_task_cancel(t, "outside");
    EXPECT_EQ(eddy_await(eddy_ref(t)), EDDY_EGROUP);
    EXPECT_STR(traced(), "a-cancelled b failed cleaning up");
    EXPECT_EQ(after, -ECANCELED);
    EXPECT_EQ(eddy_task_cancelling(t), 1);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(a_body_that_swallows_the_cancellation_does_not_swallow_the_failure)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child("bad", 1, EDDY_EUSER));
    EXPECT_EQ(eddy_sleep(50), -ECANCELED);
    EXPECT_EQ(eddy_sleep(5), 0);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}
