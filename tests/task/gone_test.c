/* Debug mode finds out that a coroutine or task is used after it was consumed. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(seven)
{
    eddy_try(eddy_sleep(1));
    return 7;
}

static int expect_gone(int rc)
{
    EXPECT_EQ(rc, EDDY_EMISUSE);
    EXPECT_IN("consumed", eddy_exception_message(eddy_error()));
    return rc;
}

static eddy_async(await_a_task_twice)
{
    eddy_task *t = eddy_create_task(seven()), *other;

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(t), 7);
    other = eddy_create_task(seven());
    REQUIRE(other != NULL);
    expect_gone(eddy_await(t));
    EXPECT_EQ(eddy_await(other), 7);
    return 0;
}

static eddy_async(await_a_coroutine_twice)
{
    eddy_coroutine *coro = seven();

    REQUIRE(coro != NULL);
    EXPECT_EQ(eddy_await(coro), 7);
    expect_gone(eddy_await(coro));
    EXPECT(eddy_create_task(coro) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    return 0;
}

static eddy_async(give_a_task_that_is_gone)
{
    eddy_task *t = eddy_create_task(seven());

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(t), 7);
    EXPECT(eddy_gather(t) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    EXPECT(eddy_shield(t) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    EXPECT(eddy_wait_for(t, 1) == NULL);
    expect_gone(eddy_exception_code(eddy_error()));
    return 0;
}

static int expect_taken(int rc)
{
    EXPECT_EQ(rc, EDDY_EMISUSE);
    EXPECT_IN("given to a task already", eddy_exception_message(eddy_error()));
    return rc;
}

/* Until it has ended it is found out without debug mode as well. */
TEST_ASYNC(a_coroutine_that_a_task_was_made_of_is_given_to_no_other)
{
    eddy_coroutine *coro = seven();
    eddy_task *t = coro ? eddy_create_task(coro) : NULL;

    REQUIRE(t != NULL);
    EXPECT(eddy_create_task(coro) == NULL);
    expect_taken(eddy_exception_code(eddy_error()));
    expect_taken(eddy_await(coro));
    eddy_try(eddy_sleep(0)); /* now it runs */
    REQUIRE(!eddy_task_done(t));
    expect_taken(eddy_await(coro));
    EXPECT_EQ(eddy_await(t), 7);
    return 0;
}

static eddy_async(await_it, (eddy_coroutine *, coro))
{
    return eddy_await(coro);
}

TEST_ASYNC(a_coroutine_that_is_being_awaited_is_given_to_no_other)
{
    eddy_coroutine *coro = seven();
    eddy_task *t = coro ? eddy_create_task(await_it(coro)) : NULL;

    REQUIRE(t != NULL);
    eddy_try(eddy_sleep(0));
    REQUIRE(!eddy_task_done(t));
    expect_taken(eddy_await(coro));
    EXPECT(eddy_create_task(coro) == NULL);
    expect_taken(eddy_exception_code(eddy_error()));
    EXPECT_EQ(eddy_await(t), 7);
    return 0;
}

static eddy_async(make_many)
{
    for (int i = 0; i < 1000; i++) {
        EXPECT_EQ(eddy_await(seven()), 7);
        EXPECT_EQ(eddy_await(eddy_create_task(seven())), 7);
    }
    return 0;
}

static void run_in_debug_mode(eddy_coroutine *coro)
{
    EXPECT_EQ(eddy_run(coro, .debug = true, .loop_factory = test_virtual_loop), 0);
}

TEST_VIRTUAL(a_task_that_is_awaited_twice_is_found_out_in_debug_mode)
{
    run_in_debug_mode(await_a_task_twice());
}

TEST_VIRTUAL(a_coroutine_that_is_awaited_twice_is_found_out_in_debug_mode)
{
    run_in_debug_mode(await_a_coroutine_twice());
}

TEST_VIRTUAL(what_takes_awaitables_refuses_one_that_is_gone_in_debug_mode)
{
    run_in_debug_mode(give_a_task_that_is_gone());
}

TEST_VIRTUAL(of_what_was_consumed_debug_mode_keeps_so_much_and_no_more)
{
    if (!test_tortured())
        run_in_debug_mode(make_many());
}

TEST_ASYNC(a_reference_of_ones_own_keeps_a_task_from_being_consumed)
{
    eddy_task *t = eddy_create_task(seven());

    eddy_loop_set_debug(eddy_get_running_loop(), true);
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 7);
    EXPECT_EQ(eddy_await(t), 7);
    return 0;
}
