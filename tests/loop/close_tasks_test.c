/* Closing a loop: what becomes of tasks and coroutines. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_loop *new_loop(void)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    return loop;
}

static void one_turn(eddy_loop *loop)
{
    eddy_loop_stop(loop);
    eddy_loop_run_forever(loop);
}

static int latest(void)
{
    return eddy_exception_code(eddy_error());
}

static eddy_async(sleeper, (const char *, name))
{
    int rc = eddy_sleep(1000);

    trace("%s %s", name, rc == -ECANCELED ? "cancelled" : "woke");
    rc = eddy_sleep(0);
    trace("again %s", rc == -ECANCELED ? "cancelled" : "woke");
    return rc;
}

TEST_REAL(a_pending_task_is_reported_and_each_of_its_suspensions_cancelled)
{
    eddy_loop *loop = new_loop();
    eddy_task *t = eddy_loop_create_task(loop, sleeper("a"), .name = "ann");

    REQUIRE(t != NULL);
    one_turn(loop);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_STR(traced(), "a cancelled again cancelled");
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "Task was destroyed but it is pending!");
    EXPECT_STR(reports.task, "ann");
    EXPECT_IN("tests/loop/close_tasks_test.c:", reports.where);
    EXPECT(eddy_task_cancelled(t));
    eddy_unref(t);
    eddy_loop_unref(loop);
}

TEST_REAL(a_task_that_never_began_is_reported_and_never_begins)
{
    eddy_loop *loop = new_loop();

    eddy_unref(eddy_loop_create_task(loop, sleeper("a")));
    eddy_loop_unref(loop);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(reports.n, 1);
}

static eddy_async(stop_then_sleep)
{
    eddy_loop_stop(eddy_get_running_loop());
    return eddy_sleep(1000);
}

TEST_VIRTUAL(the_task_of_a_run_that_was_stopped_is_reported_like_any_other)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, stop_then_sleep()), EDDY_ESTOPPED);
    eddy_loop_close(loop);
    EXPECT_EQ(reports.n, 1);
    eddy_loop_unref(loop);
}

static eddy_async(stubborn)
{
    while (eddy_sleep(0) != 1000)
        ;
    return 0;
}

static void close_on_stubborn(void *unused)
{
    eddy_loop *loop = new_loop();

    eddy_unref(eddy_loop_create_task(loop, stubborn()));
    one_turn(loop);
    printf("%d, ", eddy_loop_close(loop));
    printf("%d reports, %s", reports.n, reports.message);
}

TEST_REAL(a_task_that_ignores_a_hundred_refusals_is_given_up_with_a_report)
{
    char output[1000];

    EXPECT_EQ(test_in_child(close_on_stubborn, NULL, output, sizeof output), 0);
    EXPECT_STR(output,
               "0, 2 reports, Task goes on waiting although its loop is closed; its stack is lost");
}

static eddy_async(forgotten)
{
    trace("never");
    return 0;
}

static void forget(void *unused)
{
    eddy_coroutine *coro = forgotten();

    (void)coro;
}

TEST_REAL(a_coroutine_never_awaited_is_reported_with_its_name_and_place)
{
    eddy_loop *loop = new_loop();

    eddy_loop_call_soon(loop, forget, NULL);
    one_turn(loop);
    EXPECT_EQ(reports.n, 0);
    eddy_loop_unref(loop);
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "coroutine was never awaited");
    EXPECT_STR(reports.coroutine, "forgotten");
    EXPECT_IN("close_tasks_test", reports.where);
    EXPECT_STR(traced(), "");
}

static void finish(void *f)
{
    eddy_future_set_result(f, 0);
    eddy_loop_stop(eddy_get_running_loop());
}

static eddy_async(waiter, (eddy_future *, f))
{
    int rc = eddy_await(eddy_ref(f));

    trace("waiter %d", rc == -ECANCELED);
    return rc;
}

TEST_REAL(a_task_that_was_woken_but_had_no_turn_any_more_is_cancelled)
{
    eddy_loop *loop = new_loop();
    eddy_future *f = eddy_loop_create_future(loop);

    REQUIRE(f != NULL);
    eddy_unref(eddy_loop_create_task(loop, waiter(f)));
    one_turn(loop);
    eddy_loop_call_soon(loop, finish, f);
    one_turn(loop);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_STR(traced(), "waiter 1");
    eddy_unref(f);
    eddy_loop_unref(loop);
}

TEST_REAL(tasks_that_wait_for_each_other_all_end)
{
    eddy_loop *loop = new_loop();
    eddy_task *first = eddy_loop_create_task(loop, sleeper("sleeper")), *second;

    REQUIRE(first != NULL);
    second = eddy_loop_create_task(loop, waiter(eddy_task_future(first)));
    REQUIRE(second != NULL);
    one_turn(loop);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "sleeper cancelled again cancelled waiter 1");
    EXPECT_EQ(reports.n, 2);
    eddy_unref(first);
    eddy_unref(second);
    eddy_loop_unref(loop);
}

static eddy_async(grouping)
{
    eddy_group tg;
    eddy_timeout tm;

    eddy_group_enter(&tg);
    eddy_timeout_enter(&tm, 100);
    eddy_group_create_task(&tg, sleeper("child"));
    eddy_try(eddy_sleep(50));
    return eddy_group_exit(&tg, 0);
}

static eddy_async(combining)
{
    eddy_future *f = eddy_shield(eddy_gather(sleeper("one"), eddy_wait_for(sleeper("two"), 10)));

    return f ? eddy_await(f) : -ENOMEM;
}

TEST_REAL(whatever_a_task_is_in_the_middle_of_ends_with_it)
{
    eddy_loop *loop = new_loop();

    eddy_unref(eddy_loop_create_task(loop, grouping()));
    eddy_unref(eddy_loop_create_task(loop, combining()));
    for (int i = 0; i < 4; i++)
        one_turn(loop);
    eddy_loop_unref(loop);
    EXPECT_EQ(reports.n, 5);
    EXPECT_IN("child cancelled", traced());
    EXPECT_IN("one cancelled", traced());
    EXPECT_IN("two cancelled", traced());
}

static eddy_async(creating)
{
    if (eddy_sleep(1000) != -ECANCELED)
        return 5;
    EXPECT(eddy_create_task(forgotten()) == NULL);
    EXPECT_EQ(latest(), EDDY_ECLOSED);
    EXPECT(eddy_create_future() == NULL);
    EXPECT(eddy_gather(forgotten()) == NULL);
    EXPECT_EQ(latest(), EDDY_ECLOSED);
    EXPECT_EQ(eddy_await(eddy_sleep_coro(0, 7, NULL)), -ECANCELED);
    trace("done");
    return 5;
}

TEST_REAL(a_task_that_cleans_up_while_its_loop_closes_can_make_nothing_new)
{
    eddy_loop *loop = new_loop();
    eddy_task *t = eddy_loop_create_task(loop, creating());

    REQUIRE(t != NULL);
    one_turn(loop);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "done");
    EXPECT_EQ(eddy_task_result(t), 5);
    eddy_unref(t);
    eddy_loop_unref(loop);
}
