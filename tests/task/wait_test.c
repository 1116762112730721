/* wait: rules 87 to 92. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(work, (double, delay), (int, status))
{
    eddy_try(eddy_sleep(delay));
    return status < 0 ? eddy_raise(status, "bad") : status;
}

static eddy_task *start(double delay, int status)
{
    eddy_task *t = eddy_create_task(work(delay, status));

    REQUIRE(t != NULL);
    return t;
}

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

TEST_ASYNC(all_completed_waits_for_all_whatever_became_of_them)
{
    eddy_task *t[] = {start(1, 0), start(3, EDDY_EUSER), start(2, 0)};

    eddy_task_cancel(t[2], NULL);
    EXPECT_EQ(eddy_wait(t, 3, EDDY_FOREVER, EDDY_ALL_COMPLETED), 3);
    EXPECT_EQ(now(), 3.0);
    EXPECT(eddy_task_done(t[0]) && eddy_task_done(t[1]) && eddy_task_cancelled(t[2]));
    EXPECT_EQ(eddy_task_result(t[1]), EDDY_EUSER);
    for (int i = 0; i < 3; i++)
        eddy_unref(t[i]);
    return 0;
}

TEST_ASYNC(first_completed_returns_with_the_first_and_cancels_none)
{
    eddy_task *t[] = {start(5, 0), start(1, 0)};

    EXPECT_EQ(eddy_wait(t, 2, EDDY_FOREVER, EDDY_FIRST_COMPLETED), 1);
    EXPECT_EQ(now(), 1.0);
    EXPECT(!eddy_task_done(t[0]) && eddy_task_done(t[1]));
    EXPECT_EQ(eddy_task_cancelling(t[0]), 0);
    EXPECT_EQ(eddy_wait(t, 2, EDDY_FOREVER, EDDY_ALL_COMPLETED), 2);
    EXPECT_EQ(now(), 5.0);
    eddy_unref(t[0]);
    eddy_unref(t[1]);
    return 0;
}

TEST_ASYNC(first_completed_may_return_with_several)
{
    eddy_task *t[] = {start(1, 0), start(1, 0), start(2, 0)};

    EXPECT_EQ(eddy_wait(t, 3, EDDY_FOREVER, EDDY_FIRST_COMPLETED), 2);
    for (int i = 0; i < 3; i++)
        eddy_unref(t[i]);
    return 0;
}

TEST_ASYNC(first_exception_returns_with_the_first_failure)
{
    eddy_task *t[] = {start(1, 0), start(2, EDDY_EUSER), start(3, 0)};

    EXPECT_EQ(eddy_wait(t, 3, EDDY_FOREVER, EDDY_FIRST_EXCEPTION), 2);
    EXPECT_EQ(now(), 2.0);
    for (int i = 0; i < 3; i++)
        eddy_unref(t[i]);
    return 0;
}

TEST_ASYNC(to_first_exception_a_cancelled_one_is_no_failure)
{
    eddy_task *t[] = {start(1, 0), start(2, 0), start(3, 0)};

    eddy_task_cancel(t[0], NULL);
    EXPECT_EQ(eddy_wait(t, 3, EDDY_FOREVER, EDDY_FIRST_EXCEPTION), 3);
    EXPECT_EQ(now(), 3.0);
    for (int i = 0; i < 3; i++)
        eddy_unref(t[i]);
    return 0;
}

TEST_ASYNC(a_timeout_is_no_error_and_cancels_none)
{
    eddy_task *t[] = {start(1, 0), start(9, 0)};

    EXPECT_EQ(eddy_wait(t, 2, 4, EDDY_ALL_COMPLETED), 1);
    EXPECT_EQ(now(), 4.0);
    EXPECT_EQ(eddy_wait(t, 2, 0, EDDY_ALL_COMPLETED), 1);
    EXPECT_EQ(eddy_wait(t, 2, -1, EDDY_ALL_COMPLETED), 1);
    EXPECT_EQ(now(), 4.0);
    EXPECT_EQ(eddy_await(t[1]), 0);
    eddy_unref(t[0]);
    return 0;
}

TEST_ASYNC(waiting_does_not_count_as_asking_for_the_exception)
{
    eddy_task *t = start(1, EDDY_EUSER);

    reports_collect(NULL);
    EXPECT_EQ(eddy_wait(&t, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED), 1);
    eddy_unref(t);
    EXPECT_EQ(reports.n, 1);
    return 0;
}

TEST_ASYNC(waiting_for_what_is_done_still_suspends)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddy_future_set_result(f, 0);
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "turn");
    EXPECT_EQ(eddy_wait(&f, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED), 1);
    EXPECT_STR(traced(), "turn");
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(duplicates_are_waited_for_once)
{
    eddy_task *t = start(1, 0), *twice[] = {t, t, t};

    EXPECT_EQ(eddy_wait(twice, 3, EDDY_FOREVER, EDDY_ALL_COMPLETED), 3);
    EXPECT_EQ(now(), 1.0);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(nothing_cannot_be_waited_for)
{
    eddy_future *none = NULL;

    EXPECT_EQ(eddy_wait(&none, 0, 1, EDDY_ALL_COMPLETED), -EINVAL);
    EXPECT_EQ(eddy_wait(&none, 1, 1, EDDY_ALL_COMPLETED), -EINVAL);
    return 0;
}

static eddy_async(wait_for_both, (eddy_task **, t))
{
    return eddy_wait(t, 2, EDDY_FOREVER, EDDY_ALL_COMPLETED);
}

TEST_ASYNC(cancelling_the_waiter_leaves_the_others_alone)
{
    eddy_task *t[] = {start(1, 1), start(5, 2)}, *waiter = eddy_create_task(wait_for_both(t));

    REQUIRE(waiter != NULL);
    EXPECT_EQ(eddy_sleep(2), 0);
    eddy_task_cancel(waiter, "stop");
    EXPECT_EQ(eddy_await(waiter), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "stop");
    EXPECT_EQ(eddy_await(t[0]), 1);
    EXPECT_EQ(eddy_await(t[1]), 2);
    return 0;
}

static eddy_async(wait_for_future, (eddy_future **, f))
{
    return eddy_wait(f, 1, 5, EDDY_ALL_COMPLETED);
}

TEST_ASYNC(what_is_waited_for_may_be_dropped_by_others_meanwhile, .ordered = true)
{
    eddy_future *f = eddy_create_future();
    eddy_task *waiter = eddy_create_task(wait_for_future(&f));

    REQUIRE(f != NULL && waiter != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_unref(f);
    f = NULL;
    EXPECT_EQ(eddy_await(waiter), 0);
    EXPECT_EQ(now(), 5.0);
    return 0;
}

TEST_ASYNC(more_than_a_few_can_be_waited_for)
{
    eddy_task *t[50];

    for (int i = 0; i < 50; i++)
        t[i] = start(i % 10, i);
    EXPECT_EQ(eddy_wait(t, 50, 4.5, EDDY_ALL_COMPLETED), 25);
    EXPECT_EQ(eddy_wait(t, 50, EDDY_FOREVER, EDDY_ALL_COMPLETED), 50);

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_wait(t, 50, EDDY_FOREVER, EDDY_ALL_COMPLETED), -ENOMEM);
    eddyi_fault_clear();
    for (int i = 0; i < 50; i++)
        eddy_unref(t[i]);
    return 0;
}
