/* Cancelling tasks that wait for each other: long chains, circles, and trees. */
#include "harness/test.h"

#include "harness/trace.h"

enum { LONG = 100000 };
static eddy_task *tasks[LONG];

static eddy_async(await_previous, (int, i))
{
    return i > 0 ? eddy_await(eddy_ref(tasks[i - 1])) : eddy_sleep(1000);
}

TEST_ASYNC(a_very_long_chain_of_waiting_tasks_is_cancelled_without_recursion)
{
    int n = test_tortured() ? 100 : test_slowness() > 1 ? 1000 : LONG;

    for (int i = 0; i < n; i++)
        tasks[i] = eddy_create_task(await_previous(i), .stack_size = 16 << 10);
    REQUIRE(tasks[0] != NULL && tasks[n - 1] != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(eddy_task_cancel(tasks[n - 1], "all of you"));
    EXPECT_EQ(eddy_task_cancelling(tasks[0]), 1);
    EXPECT_EQ(eddy_await(eddy_ref(tasks[n - 1])), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "all of you");
    EXPECT(eddy_task_cancelled(tasks[0]));
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    for (int i = 0; i < n; i++)
        eddy_unref(tasks[i]);
    return 0;
}

/* Tasks that await each other in a ring. */
static eddy_task *ring[5];

static eddy_async(await_next, (int, i), (int, n))
{
    int rc;

    eddy_try(eddy_sleep(0));
    rc = eddy_await(eddy_ref(ring[(i + 1) % n]));
    trace("%d%s", i, rc == -ECANCELED ? "" : "?");
    return rc;
}

static eddy_async(gather_next, (int, i), (int, n))
{
    int rc;

    eddy_try(eddy_sleep(0));
    rc = eddy_await(eddy_gather(eddy_ref(ring[(i + 1) % n])));
    trace("%d%s", i, rc == -ECANCELED ? "" : "?");
    return rc;
}

static eddy_async(await_ring, (eddy_task *, t))
{
    return eddy_await(eddy_ref(t));
}

/* A loop with @n tasks in a circle, @gathers of which go by way of a gather. */
static eddy_loop *loop_with_ring(int n, int gathers)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    for (int i = 0; i < n; i++) {
        ring[i] = eddy_loop_create_task(loop, i < gathers ? gather_next(i, n) : await_next(i, n));
        REQUIRE(ring[i] != NULL);
    }
    EXPECT_EQ(eddy_loop_run_forever(loop), -EDEADLK);
    EXPECT_STR(traced(), "");
    return loop;
}

static void expect_refusal(eddy_task *t)
{
    eddy_raise(-EIO, NULL);
    EXPECT(!eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EMISUSE);
    EXPECT_IN("circle", eddy_exception_message(eddy_error()));
}

/* The tasks in a circle are as they were, and end with the loop. */
static void close_ring(eddy_loop *loop, int n, const char *trace)
{
    EXPECT_EQ(eddy_loop_run_forever(loop), -EDEADLK);
    EXPECT_STR(traced(), "");
    for (int i = 0; i < n; i++)
        EXPECT(!eddy_task_done(ring[i]));
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_STR(traced(), trace);
    for (int i = 0; i < n; i++) {
        EXPECT(eddy_task_cancelled(ring[i]));
        eddy_unref(ring[i]);
    }
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(tasks_that_wait_in_a_circle_cannot_be_cancelled_and_end_with_their_loop)
{
    eddy_loop *loop = loop_with_ring(5, 0);

    expect_refusal(ring[2]);
    expect_refusal(ring[0]);
    close_ring(loop, 5, "0 1 2 3 4");
    EXPECT_EQ(reports.n, 5);
}

TEST_VIRTUAL(a_circle_of_two_is_one)
{
    eddy_loop *loop = loop_with_ring(2, 0);

    expect_refusal(ring[1]);
    close_ring(loop, 2, "0 1");
}

TEST_VIRTUAL(a_circle_may_go_by_way_of_gathers)
{
    eddy_loop *loop = loop_with_ring(4, 2);

    for (int i = 0; i < 4; i++)
        expect_refusal(ring[i]);
    close_ring(loop, 4, "0 1 2 3");
}

TEST_VIRTUAL(a_task_that_waits_for_a_circle_cannot_be_cancelled_either)
{
    eddy_loop *loop = loop_with_ring(3, 0);
    eddy_task *t = eddy_loop_create_task(loop, await_ring(ring[0]));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_loop_run_forever(loop), -EDEADLK);
    expect_refusal(t);
    close_ring(loop, 3, "0 1 2");
    eddy_unref(t);
}

TEST_VIRTUAL(a_refusal_leaves_other_tasks_of_the_loop_cancellable)
{
    eddy_loop *loop = loop_with_ring(3, 1);
    eddy_task *t = eddy_loop_create_task(loop, eddy_sleep_coro(1000, 0, NULL));

    REQUIRE(t != NULL);
    expect_refusal(ring[1]);
    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_loop_run_until_complete(loop, t), -ECANCELED);
    close_ring(loop, 3, "0 1 2");
}

static eddy_async(leave_ring_behind)
{
    reports_collect(NULL);
    for (int i = 0; i < 3; i++)
        ring[i] = eddy_create_task(await_next(i, 3));
    REQUIRE(ring[0] && ring[1] && ring[2]);
    EXPECT_EQ(eddy_spawn(eddy_sleep_coro(1000, 0, NULL)), 0);
    return eddy_sleep(1);
}

TEST_VIRTUAL(a_circle_does_not_keep_a_run_from_ending)
{
    EXPECT_EQ(test_run(leave_ring_behind()), 0);
    EXPECT_STR(traced(), "0 1 2");
    for (int i = 0; i < 3; i++)
        eddy_unref(ring[i]);
    EXPECT_EQ(reports.n, 6);
}

TEST_VIRTUAL(a_deadline_that_cannot_cancel_says_so)
{
    eddy_loop *loop = loop_with_ring(2, 0);

    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_wait_for(eddy_ref(ring[0]), 0)),
              EDDY_EMISUSE);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_wait_for(eddy_ref(ring[0]), 5)), -EDEADLK);
    EXPECT_EQ(reports.n, 1);
    EXPECT_IN("waits for itself", reports.message);
    close_ring(loop, 2, "0 1");
}

static eddy_async(tree, (int, depth))
{
    if (depth == 0)
        return eddy_sleep(1000);
    return eddy_await(eddy_gather(tree(depth - 1), tree(depth - 1)));
}

TEST_ASYNC(a_tree_of_gathers_is_cancelled_from_its_root)
{
    eddy_task *t = eddy_create_task(tree(6));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

static eddy_async(await_shared, (eddy_task *, shared))
{
    return eddy_await(eddy_ref(shared));
}

TEST_ASYNC(two_ways_to_one_task_count_as_two_requests_but_strike_once)
{
    eddy_task *shared = eddy_create_task(eddy_sleep_coro(1000, 0, NULL));
    eddy_future *both;

    REQUIRE(shared != NULL);
    both = eddy_gather(await_shared(shared), await_shared(shared));
    REQUIRE(both != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(eddy_future_cancel(both, NULL));
    EXPECT_EQ(eddy_await(both), -ECANCELED);
    EXPECT_EQ(eddy_task_cancelling(shared), 2);
    eddy_unref(shared);
    return 0;
}
