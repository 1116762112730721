/* The resources of a coroutine are given back when it never runs. */
#include "harness/test.h"

#include "harness/trace.h"

#include <stdlib.h>
#include <string.h>

static int n_dropped, n_run;

static void drop(char *text, int number)
{
    EXPECT_STR(text, "owned");
    EXPECT_EQ(number, 42);
    free(text);
    n_dropped++;
}

static eddy_async_owning(use, drop, (char *, text), (int, number))
{
    EXPECT_EQ(number, 42);
    free(text);
    n_run++;
    return eddy_sleep(1);
}

static eddy_coroutine *use_one(void)
{
    return use(strdup("owned"), 42);
}

static void expect(int run, int dropped)
{
    EXPECT_EQ(n_run, run);
    EXPECT_EQ(n_dropped, dropped);
}

TEST_ASYNC(a_coroutine_that_runs_drops_nothing)
{
    eddy_try(eddy_await(use_one()));
    eddy_try(eddy_await(eddy_create_task(use_one())));
    expect(2, 0);
    return 0;
}

TEST_ASYNC(a_task_that_is_cancelled_before_its_first_step_gives_back_what_its_coroutine_owns)
{
    eddy_task *t = eddy_create_task(use_one());

    if (!t)
        return eddy_exception_code(eddy_error());
    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    expect(0, 1);
    return 0;
}

TEST_ASYNC(a_task_that_is_cancelled_later_drops_nothing, .ordered = true)
{
    eddy_task *t = eddy_create_task(use_one());

    if (!t)
        return eddy_exception_code(eddy_error());
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    expect(1, 0);
    return 0;
}

TEST_ASYNC(a_group_that_is_aborted_gives_back_what_its_tasks_own)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    (void)!eddy_group_create_task(&tg, use_one());
    (void)!eddy_group_create_task(&tg, use_one());
    EXPECT(eddy_group_exit(&tg, -EIO) < 0);
    expect(0, 2);
    return 0;
}

TEST_ASYNC(a_coroutine_that_is_closed_gives_back_what_it_owns)
{
    eddy_coroutine_close(use_one());
    expect(0, 1);
    return 0;
}

TEST_ASYNC(so_does_one_that_is_given_to_another)
{
    eddy_coroutine_close(eddy_wait_for(use_one(), 1));
    expect(0, 1);
    return 0;
}

static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    (void)loop, (void)context, (void)arg;
}

TEST_VIRTUAL(a_loop_that_closes_gives_back_what_never_ran)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    eddy_loop_set_exception_handler(loop, ignore, NULL);
    eddy_unref(eddy_loop_create_task(loop, use_one()));
    eddy_loop_unref(loop);
    expect(0, 1);
}

static eddy_async(forget_one)
{
    eddy_loop_set_exception_handler(eddy_get_running_loop(), ignore, NULL);
    (void)!use_one();
    return 0;
}

TEST_VIRTUAL(a_coroutine_that_is_never_awaited_gives_back_what_it_owns)
{
    eddy_coroutine *coro = forget_one();

    if (!coro || test_run(coro) < 0)
        return;
    expect(0, 1);
}

TEST_VIRTUAL(a_task_that_cannot_be_made_gives_back_what_its_coroutine_owns)
{
    EXPECT(eddy_create_task(use_one()) == NULL);
    expect(0, 1);
}

static int run_plain(void *arg)
{
    free(arg);
    n_run++;
    return 0;
}

static void drop_plain(void *arg)
{
    free(arg);
    n_dropped++;
}

TEST_ASYNC(the_form_beneath_owns_its_argument_too)
{
    eddy_coroutine_close(eddy_coro_owning(run_plain, malloc(1), drop_plain));
    expect(0, 1);
    eddy_try(eddy_await(eddy_coro_owning(run_plain, malloc(1), drop_plain)));
    expect(1, 1);
    EXPECT(eddy_await(eddy_coro_owning(NULL, malloc(1), drop_plain)) < 0);
    expect(1, 2);
    return 0;
}
