/* Event: rule 123. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_event event;

static eddy_async(wait_for_event, (const char *, name))
{
    int rc = eddy_event_wait(&event);

    trace(rc == 0 ? "%s" : "%s:%d", name, rc);
    return rc;
}

static eddy_task *start(const char *name)
{
    eddy_task *t = eddy_create_task(wait_for_event(name));

    REQUIRE(t != NULL);
    return t;
}

static int settle(void)
{
    for (int i = 0; i < 10; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

TEST_ASYNC(a_new_event_is_not_set_and_can_be_set_and_cleared_any_number_of_times)
{
    EXPECT(!eddy_event_is_set(&event));
    eddy_event_clear(&event);
    EXPECT(!eddy_event_is_set(&event));
    eddy_event_set(&event);
    eddy_event_set(&event);
    EXPECT(eddy_event_is_set(&event));
    eddy_event_clear(&event);
    EXPECT(!eddy_event_is_set(&event));
    return 0;
}

static void must_not_run(void *unused)
{
    FAIL("something ran in between");
}

TEST_ASYNC(waiting_for_an_event_that_is_set_does_not_suspend)
{
    eddy_handle h = eddy_loop_call_soon(eddy_get_running_loop(), must_not_run, NULL);

    eddy_event_set(&event);
    EXPECT_EQ(eddy_event_wait(&event), 0);
    eddy_handle_cancel(h);
    return 0;
}

TEST_ASYNC(setting_wakes_all_waiters_in_the_order_in_which_they_came, .ordered = true)
{
    eddy_task *a = start("a"), *b = start("b"), *c = start("c");

    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    eddy_event_set(&event);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(traced(), "a b c");
    return 0;
}

TEST_ASYNC(set_and_clear_in_one_step_still_releases_the_waiters_but_no_later_one, .ordered = true)
{
    eddy_task *a = start("a"), *b = start("b"), *late;

    EXPECT_EQ(settle(), 0);
    eddy_event_set(&event);
    eddy_event_clear(&event);
    late = start("late");
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a b");

    eddy_event_set(&event);
    EXPECT_EQ(eddy_await(late), 0);
    EXPECT_STR(traced(), "a b late");
    return 0;
}

TEST_ASYNC(a_cancelled_waiter_goes_and_the_others_wait_on)
{
    eddy_task *a = start("a"), *b = start("b");

    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, "enough");
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    eddy_event_set(&event);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a:-125 b");
    return 0;
}

TEST_ASYNC(a_waiter_cancelled_after_the_set_is_cancelled_all_the_same, .ordered = true)
{
    eddy_task *a = start("a"), *b = start("b");

    EXPECT_EQ(settle(), 0);
    eddy_event_set(&event);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a:-125 b");
    EXPECT(eddy_event_is_set(&event));
    return 0;
}

TEST_ASYNC(a_set_after_the_cancellation_in_the_same_step_does_not_undo_it)
{
    eddy_task *a = start("a");

    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, NULL);
    eddy_event_set(&event);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    return 0;
}

TEST_ASYNC(a_timeout_ends_the_wait)
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, 3);
    rc = eddy_event_wait(&event);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    EXPECT(!eddy_event_is_set(&event));
    return 0;
}

static void set_event(void *unused)
{
    eddy_event_set(&event);
}

TEST_ASYNC(a_callback_may_set_it)
{
    eddy_loop_call_later(eddy_get_running_loop(), 1, set_event, NULL);
    EXPECT_EQ(eddy_event_wait(&event), 0);
    return 0;
}

TEST_VIRTUAL(outside_a_task_one_cannot_wait_but_may_look_and_set)
{
    EXPECT_EQ(eddy_event_wait(&event), EDDY_ENOTASK);
    eddy_event_set(&event);
    EXPECT_EQ(eddy_event_wait(&event), 0);
}

static eddy_async(wait_with_timeout, (int, expected))
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, 1);
    rc = eddy_event_wait(&event);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), expected);
    return 0;
}

TEST_VIRTUAL(once_waited_for_the_event_belongs_to_that_loop)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    REQUIRE(first && second);
    EXPECT_EQ(eddy_loop_run_until_complete(first, wait_with_timeout(-ETIMEDOUT)), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, wait_with_timeout(EDDY_EOTHERLOOP)), 0);
    eddy_event_set(&event);
    EXPECT_EQ(eddy_loop_run_until_complete(second, wait_with_timeout(0)), 0);
    eddy_loop_unref(first);
    eddy_loop_unref(second);
}

TEST_ASYNC(waiting_allocates_nothing)
{
    unsigned long before;
    int rc;

    eddy_loop_call_later(eddy_get_running_loop(), 1, set_event, NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    before = eddyi_ledger_made();
    rc = eddy_event_wait(&event);
    EXPECT_EQ(eddyi_ledger_made(), before);
    return rc;
}

static eddy_async(leave_waiters)
{
    eddy_try(eddy_spawn(wait_for_event("a")));
    eddy_try(eddy_spawn(wait_for_event("b")));
    return settle();
}

TEST_VIRTUAL(a_loop_that_closes_lets_go_of_its_waiters)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "a:-125 b:-125");
    EXPECT_EQ(reports.n, 2);
    eddy_event_set(&event);
    EXPECT(eddy_event_is_set(&event));
    eddy_loop_unref(loop);
}
