/* The deadlock report of the virtual clock: who waits for whom. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(wait_for_nothing)
{
    return eddy_await(eddy_create_future());
}

static const char *message(void)
{
    return eddy_exception_message(eddy_error());
}

TEST_VIRTUAL(a_run_in_which_nothing_can_happen_any_more_ends_with_a_deadlock)
{
    EXPECT_EQ(test_run(wait_for_nothing()), -EDEADLK);
    EXPECT_IN("deadlock: ", message());
    EXPECT_IN("waits for a Future", message());
}

TEST_VIRTUAL(a_loop_without_tasks_and_timers_is_a_deadlock_too)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_forever(loop), -EDEADLK);
    EXPECT(!eddy_loop_is_running(loop));
    eddy_loop_unref(loop);
}

static eddy_async(await_task, (eddy_task *, t))
{
    return eddy_await(eddy_ref(t));
}

static eddy_async(wait_in_line)
{
    eddy_task *last = eddy_create_task(wait_for_nothing(), .name = "last");
    eddy_task *middle = eddy_create_task(await_task(last), .name = "middle");
    int rc = eddy_await(middle);

    eddy_unref(last);
    return rc;
}

TEST_VIRTUAL(the_report_names_the_tasks_where_they_were_made_and_what_each_waits_for)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, wait_in_line()), -EDEADLK);
    EXPECT_IN("task 'middle' (" __FILE__ ":", message());
    EXPECT_IN(") waits for task 'last'", message());
    EXPECT_IN("task 'last' (" __FILE__ ":", message());
    eddy_loop_unref(loop);
}

static eddy_task *left, *right;

static eddy_async(await_left)
{
    return eddy_await(eddy_ref(left));
}

static eddy_async(await_right)
{
    return eddy_await(eddy_ref(right));
}

TEST_VIRTUAL(tasks_that_wait_for_each_other_are_reported_as_a_circle)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    left = eddy_loop_create_task(loop, await_right(), .name = "left");
    right = eddy_loop_create_task(loop, await_left(), .name = "right");
    REQUIRE(left != NULL && right != NULL);
    EXPECT_EQ(eddy_loop_run_forever(loop), -EDEADLK);
    EXPECT_IN("task 'left' (", message());
    EXPECT_IN(" waits for task 'right' (", message());
    EXPECT_IN(" waits for task 'left'", message());
    eddy_unref(left);
    eddy_unref(right);
    eddy_loop_unref(loop);
}

static eddy_async(wait_in_many_ways)
{
    eddy_group tg;
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, wait_for_nothing(), .name = "child");
    eddy_spawn(eddy_wait_for(eddy_ref(f), EDDY_FOREVER), .name = "waiter");
    EXPECT_EQ(eddy_group_exit(&tg, 0), -ECANCELED);
    eddy_unref(f);
    return -ECANCELED;
}

TEST_VIRTUAL(the_report_knows_groups_and_limits)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, wait_in_many_ways()), -EDEADLK);
    EXPECT_IN("waits for the tasks of its group", message());
    EXPECT_IN("task 'child' (", message());
    EXPECT_IN("task 'waiter' (", message());
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(after_a_deadlock_the_loop_can_go_on)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_future *f;

    REQUIRE(loop != NULL);
    f = eddy_loop_create_future(loop);
    REQUIRE(f != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_ref(f)), -EDEADLK);
    eddy_future_set_result(f, 4);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, f), 4);
    eddy_loop_unref(loop);
}

static void set(void *f)
{
    eddy_future_set_result(f, 1);
}

TEST_VIRTUAL(a_timer_however_far_away_is_no_deadlock)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_future *f;

    REQUIRE(loop != NULL);
    f = eddy_loop_create_future(loop);
    REQUIRE(f != NULL);
    if (eddy_loop_call_later(loop, 1e8, set, f).slot)
        EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_ref(f)), 1);
    eddy_unref(f);
    eddy_loop_unref(loop);
}

static eddy_async(many_wait)
{
    for (int i = 0; i < 200; i++)
        eddy_try(eddy_spawn(wait_for_nothing()));
    return eddy_sleep(EDDY_FOREVER);
}

TEST_VIRTUAL(the_report_of_very_many_is_cut)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, many_wait()), -EDEADLK);
    EXPECT(strlen(message()) > 500);
    eddy_loop_unref(loop);
}
