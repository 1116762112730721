/* Futures behind futures, as many as a program likes to make: nothing that is done to them needs a
 * stack for each. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <string.h>

static int deep(void)
{
    return test_tortured() ? 20 : 20000;
}

/* A future at the end of a chain of gathers or shields, or of both in turn; NULL without memory.
 * Consumes @f. */
static eddy_future *chain(eddy_future *f, bool gathers, bool shields)
{
    for (int i = 0; i < deep() && f; i++) {
        if (gathers)
            f = eddy_gather(f);
        if (shields && f)
            f = eddy_shield(f);
    }
    return f;
}

TEST_ASYNC(a_result_comes_through_any_number_of_shields)
{
    eddy_future *f = eddy_create_future(), *outermost;

    REQUIRE(f != NULL);
    outermost = chain(eddy_ref(f), false, true);
    REQUIRE(outermost != NULL);
    eddy_future_set_result(f, 3);
    eddy_unref(f);
    EXPECT_EQ(eddy_await(outermost), 3);
    return 0;
}

TEST_ASYNC(an_error_comes_through_any_number_of_gathers_and_shields)
{
    eddy_future *f = eddy_create_future(), *outermost;

    REQUIRE(f != NULL);
    outermost = chain(eddy_ref(f), true, true);
    REQUIRE(outermost != NULL);
    eddy_future_set_exception(f, -EIO, "deep");
    eddy_unref(f);
    EXPECT_EQ(eddy_await(outermost), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "deep");
    return 0;
}

TEST_ASYNC(a_cancellation_goes_through_any_number_of_gathers)
{
    eddy_future *f = eddy_create_future(), *outermost;

    REQUIRE(f != NULL);
    outermost = chain(eddy_ref(f), true, false);
    REQUIRE(outermost != NULL);
    EXPECT(eddy_future_cancel(outermost, "from above"));
    EXPECT(eddy_future_cancelled(f));
    EXPECT_EQ(eddy_await(outermost), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "from above");
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(any_number_of_gathers_and_shields_that_are_done_are_freed_with_the_outermost)
{
    eddy_future *f = eddy_create_future(), *last = NULL, *next;

    REQUIRE(f != NULL);
    eddy_future_set_result(f, 0);
    for (int i = 0; i < deep(); i++) {
        next = eddy_gather(f, eddy_create_future());
        REQUIRE(next != NULL);
        f = next;
    }
    last = chain(f, false, true);
    REQUIRE(last != NULL);
    EXPECT(eddy_future_cancel(last, NULL));
    eddy_unref(last);
    return 0;
}

TEST_VIRTUAL(any_number_of_gathers_and_shields_go_with_their_loop)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_future *outermost;

    REQUIRE(loop != NULL);
    eddy_set_event_loop(loop);
    outermost = chain(eddy_loop_create_future(loop), true, false);
    REQUIRE(outermost != NULL);
    eddy_loop_close(loop);
    eddy_unref(outermost);
    eddy_set_event_loop(NULL);
    eddy_loop_unref(loop);
}

static eddy_async(napper, (double, delay))
{
    int rc = eddy_sleep(delay);

    return rc < 0 ? rc : eddy_return("value");
}

static eddy_coroutine *wait_fors(eddy_coroutine *coro, double outermost)
{
    for (int i = deep(); i > 0; i--)
        coro = eddy_wait_for(coro, outermost + i);
    return coro;
}

TEST_ASYNC(any_number_of_limits_around_one_await_are_closed_without_being_run)
{
    eddy_coroutine_close(wait_fors(napper(1), 10));
    return 0;
}

TEST_ASYNC(a_pointer_comes_through_any_number_of_limits)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(wait_fors(napper(1), 10), &value), 0);
    EXPECT_STR(value, "value");
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    return 0;
}

TEST_ASYNC(of_any_number_of_limits_the_shortest_strikes)
{
    EXPECT_EQ(eddy_await(wait_fors(eddy_wait_for(napper(100), 5), 10)), -ETIMEDOUT);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 5.0);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    return 0;
}

TEST_ASYNC(limits_within_limits_each_keep_their_own_rules)
{
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_wait_for(napper(1), -1), 10)), -ETIMEDOUT);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_wait_for(napper(1), 10), 0)), -ETIMEDOUT);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_wait_for(napper(9), 10), 1)), -ETIMEDOUT);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_wait_for(napper(9), 1), 10)), -ETIMEDOUT);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 2.0);
    return 0;
}

/* Tasks that await each other, the last created being the outermost. */
static eddy_task *tasks[20000];

enum link { DIRECTLY, BY_A_GATHER, WITH_A_LIMIT };

static eddy_async(await_previous, (int, i), (enum link, link))
{
    if (i == 0)
        return eddy_sleep(1000);
    switch (link) {
    case BY_A_GATHER:
        return eddy_await(eddy_gather(eddy_ref(tasks[i - 1])));
    case WITH_A_LIMIT:
        return eddy_await(eddy_wait_for(eddy_ref(tasks[i - 1]), 5000));
    default:
        return eddy_await(eddy_ref(tasks[i - 1]));
    }
}

static int n_tasks(void)
{
    return test_slowness() > 1 && deep() > 1000 ? 1000 : deep();
}

static int start_chain(enum link link)
{
    memset(tasks, 0, sizeof tasks);
    for (int i = 0; i < n_tasks(); i++) {
        tasks[i] = eddy_create_task(await_previous(i, link), .stack_size = 16 << 10);
        if (!tasks[i])
            return -ENOMEM;
    }
    return eddy_sleep(1);
}

static void release_chain(void)
{
    for (int i = 0; i < n_tasks(); i++)
        eddy_unref(tasks[i]);
}

static int cancel_outermost(enum link link)
{
    int n = n_tasks();

    eddy_try(start_chain(link));
    EXPECT(eddy_task_cancel(tasks[n - 1], "all of you"));
    EXPECT_EQ(eddy_task_cancelling(tasks[0]), 1);
    EXPECT_EQ(eddy_await(eddy_ref(tasks[n - 1])), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "all of you");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    release_chain();
    return 0;
}

TEST_ASYNC(a_cancellation_goes_through_any_number_of_tasks_that_gather_the_next)
{
    return cancel_outermost(BY_A_GATHER);
}

TEST_ASYNC(a_cancellation_goes_through_any_number_of_tasks_that_await_the_next_with_a_limit)
{
    return cancel_outermost(WITH_A_LIMIT);
}

TEST_ASYNC(each_of_many_tasks_in_a_chain_is_cancelled_by_its_own)
{
    int n = n_tasks();

    eddy_try(start_chain(DIRECTLY));
    for (int i = 0; i < n; i++)
        EXPECT(eddy_task_cancel(tasks[i], NULL));
    EXPECT_EQ(eddy_await(eddy_ref(tasks[n - 1])), -ECANCELED);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    release_chain();
    return 0;
}

TEST_ASYNC(requests_are_counted_along_a_short_chain)
{
    enum { SHORT = 50 };

    for (int i = 0; i < SHORT; i++) {
        tasks[i] = eddy_create_task(await_previous(i, DIRECTLY));
        REQUIRE(tasks[i] != NULL);
    }
    EXPECT_EQ(eddy_sleep(1), 0);
    for (int i = SHORT - 1; i >= 0; i--)
        EXPECT(eddy_task_cancel(tasks[i], NULL));
    EXPECT_EQ(eddy_task_cancelling(tasks[SHORT - 1]), 1);
    EXPECT_EQ(eddy_task_cancelling(tasks[0]), SHORT);
    EXPECT_EQ(eddy_await(eddy_ref(tasks[SHORT - 1])), -ECANCELED);
    for (int i = 0; i < SHORT; i++)
        eddy_unref(tasks[i]);
    return 0;
}

static eddy_async(swallow_once)
{
    EXPECT_EQ(eddy_sleep(1000), -ECANCELED);
    EXPECT_EQ(eddy_sleep(1000), -ECANCELED);
    return eddy_raise(EDDY_EUSER, "asked twice");
}

static eddy_async(await_swallower, (int, i), (eddy_task *, t))
{
    return eddy_await(eddy_ref(i == 0 ? t : tasks[i - 1]));
}

TEST_ASYNC(a_second_request_reaches_the_end_of_a_long_chain_whose_last_went_on_after_the_first)
{
    eddy_task *last = eddy_create_task(swallow_once());
    int n = test_tortured() ? 20 : 1000;

    REQUIRE(last != NULL);
    for (int i = 0; i < n; i++) {
        tasks[i] = eddy_create_task(await_swallower(i, last), .stack_size = 16 << 10);
        REQUIRE(tasks[i] != NULL);
    }
    EXPECT_EQ(eddy_sleep(1), 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < n; i++)
            EXPECT(eddy_task_cancel(tasks[n - 1], NULL));
        EXPECT_EQ(eddy_sleep(1), 0);
    }
    EXPECT_EQ(eddy_await(eddy_ref(tasks[n - 1])), EDDY_EUSER);
    for (int i = 0; i < n; i++)
        eddy_unref(tasks[i]);
    eddy_unref(last);
    return 0;
}

static eddy_async(leave_chain, (enum link, link))
{
    int rc = start_chain(link);

    release_chain();
    return rc;
}

TEST_VIRTUAL(a_run_ends_with_any_number_of_tasks_that_await_each_other)
{
    EXPECT_EQ(test_run(leave_chain(DIRECTLY)), 0);
    EXPECT_EQ(test_run(leave_chain(BY_A_GATHER)), 0);
    EXPECT_EQ(test_run(leave_chain(WITH_A_LIMIT)), 0);
}

static eddy_async(await_next_in_ring, (int, i))
{
    return eddy_await(eddy_ref(tasks[(i + 1) % n_tasks()]));
}

static eddy_async(leave_ring)
{
    int rc;

    reports_collect(eddy_get_running_loop());
    for (int i = 0; i < n_tasks(); i++) {
        tasks[i] = eddy_create_task(await_next_in_ring(i), .stack_size = 16 << 10);
        REQUIRE(tasks[i] != NULL);
    }
    rc = eddy_sleep(1);
    release_chain();
    return rc;
}

TEST_VIRTUAL(a_run_ends_with_any_number_of_tasks_in_a_circle)
{
    EXPECT_EQ(test_run(leave_ring()), 0);
}

static eddy_async(await_what, (eddy_future *, f))
{
    return eddy_await(eddy_ref(f));
}

TEST_ASYNC(a_task_that_no_longer_waits_for_a_circle_can_be_cancelled, .ordered = true)
{
    eddy_future *f = eddy_create_future(), *g;
    eddy_task *t, *other;

    REQUIRE(f != NULL);
    tasks[1] = t = eddy_create_task(await_previous(1, BY_A_GATHER));
    REQUIRE(t != NULL);
    tasks[0] = t; /* it will await itself, by way of a gather */
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EMISUSE);
    g = eddy_gather(eddy_ref(t), eddy_ref(f));
    other = eddy_create_task(await_what(g));
    REQUIRE(g != NULL && other != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!eddy_task_cancel(other, NULL));
    eddy_future_set_exception(f, -EIO, NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(eddy_future_done(g));
    EXPECT(eddy_task_cancel(other, NULL));
    EXPECT_EQ(eddy_await(other), -ECANCELED);
    eddy_unref(g);
    eddy_unref(f);
    eddy_unref(t);
    reports_collect(eddy_get_running_loop());
    return 0;
}
