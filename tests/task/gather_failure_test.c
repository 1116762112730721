/* gather: what it does with its arguments when it cannot be made, and gathers within gathers. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(work, (const char *, name))
{
    trace("%s", name);
    eddy_try(eddy_sleep(1));
    trace("%s-done", name);
    return 0;
}

TEST_ASYNC(a_gather_with_nothing_among_its_arguments_cancels_what_it_had_scheduled)
{
    eddy_coroutine *last = work("c");

    EXPECT(eddy_gather(work("a"), work("b"), (eddy_coroutine *)NULL, last, last) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

TEST_ASYNC(a_gather_that_fails_leaves_the_callers_tasks_alone)
{
    eddy_task *mine = eddy_create_task(work("mine"));

    EXPECT(eddy_gather(eddy_ref(mine), (eddy_coroutine *)NULL, eddy_ref(mine)) == NULL);
    EXPECT_EQ(eddy_await(mine), 0);
    EXPECT_STR(traced(), "mine mine-done");
    return 0;
}

TEST_ASYNC(without_memory_for_a_gather_its_arguments_are_consumed)
{
    eddy_coroutine *twice = work("twice"), *once = work("once");
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_gather(twice, eddy_ref(f), once, twice, eddy_ref(f), twice) == NULL);
    eddyi_fault_clear();
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(!eddy_future_done(f));
    EXPECT_STR(traced(), "");
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(a_gather_may_hold_thousands)
{
    enum { MANY = 20000 };
    static eddy_awaitable *all[MANY];
    int n = test_tortured() ? 100 : MANY;
    eddy_future *f = eddy_create_future(), *g;

    REQUIRE(f != NULL);
    for (int i = 0; i < n; i++)
        all[i] = i % 2 ? EDDY_AWAITABLE(eddy_ref(f)) : EDDY_AWAITABLE(eddy_shield(eddy_ref(f)));
    g = eddy_gather_list(all, (size_t)n, false);
    eddy_future_set_result(f, 1);
    EXPECT_EQ(eddy_await(g), 0);
    eddy_unref(f);
    return 0;
}

static eddy_async(gather_again, (eddy_future *, f))
{
    return eddy_await(eddy_gather(eddy_ref(f), work("inner"), eddy_ref(f)));
}

TEST_ASYNC(an_eager_child_may_gather_the_same_futures_meanwhile)
{
    eddy_future *f = eddy_create_future(), *all;

    REQUIRE(f != NULL);
    eddy_loop_set_task_factory(eddy_get_running_loop(), eddy_eager_task_factory, NULL);
    all = eddy_gather(eddy_ref(f), gather_again(f), eddy_ref(f));
    eddy_future_set_result(f, 2);
    EXPECT_EQ(eddy_await(all), 0);
    EXPECT_STR(traced(), "inner inner-done");
    eddy_unref(f);
    return 0;
}

static eddy_async(nest, (int, depth))
{
    return depth ? eddy_await(eddy_gather(nest(depth - 1))) : eddy_sleep(1000);
}

TEST_ASYNC(gathers_within_gathers_are_cancelled_from_the_outermost)
{
    eddy_task *t = eddy_create_task(nest(50));

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 52);
    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

TEST_VIRTUAL(a_gather_without_a_reference_goes_with_its_loop_although_a_child_has_ended)
{
    eddy_loop *loop = test_virtual_loop();
    eddy_future *f, *g;

    REQUIRE(loop != NULL);
    f = eddy_loop_create_future(loop);
    g = eddy_loop_create_future(loop);
    REQUIRE(f != NULL && g != NULL);
    eddy_unref(eddy_gather(eddy_ref(f), eddy_ref(g)));
    eddy_unref(eddy_shield(eddy_ref(f)));
    eddy_future_set_result(f, 0);
    eddy_loop_close(loop);
    eddy_future_set_result(g, 0);
    eddy_unref(f);
    eddy_unref(g);
    eddy_loop_unref(loop);
}

TEST_ASYNC(outcomes_are_those_of_gathers_only)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddy_future_set_result(f, 0);
    EXPECT(eddy_gather_outcomes(f) == NULL);
    EXPECT(eddy_gather_outcomes(NULL) == NULL);
    eddy_unref(f);
    return 0;
}
