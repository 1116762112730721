/* Awaiting: rules 37 to 44, who consumes what, and what goes wrong. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(work, (int, n))
{
    for (int i = 0; i < n; i++)
        eddy_try(eddy_sleep(0));
    trace("work%d", n);
    return n;
}

TEST_ASYNC_REAL(an_awaited_coroutine_runs_at_once_on_the_stack_of_its_task, .ordered = true)
{
    eddy_task *me = eddy_current_task();

    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "callback");
    EXPECT_EQ(eddy_await(work(0)), 0);
    EXPECT_STR(traced(), "work0");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    EXPECT_EQ(eddy_await(work(1)), 1);
    EXPECT_STR(traced(), "work0 callback work1");
    EXPECT(eddy_current_task() == me);
    return 0;
}

static eddy_async(waiter, (eddy_future *, f), (const char *, name))
{
    int rc = eddy_await(eddy_ref(f));

    trace("%s", name);
    return rc;
}

static void finish(void *f)
{
    eddy_future_set_result(f, 4);
    trace("set");
}

TEST_ASYNC(between_the_end_of_a_future_and_the_waiting_task_lies_a_turn, .ordered = true)
{
    eddy_future *f = eddy_create_future();
    eddy_task *a, *b;

    REQUIRE(f != NULL);
    a = eddy_create_task(waiter(f, "a"));
    b = eddy_create_task(waiter(f, "b"));
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_loop_call_soon(eddy_get_running_loop(), finish, f);
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "same-turn");
    EXPECT_EQ(eddy_await(a), 4);
    EXPECT_EQ(eddy_await(b), 4);
    EXPECT_STR(traced(), "set same-turn a b");
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(tasks_resume_in_the_order_in_which_they_began_to_wait, .ordered = true)
{
    static const char *const names[] = {"0", "1", "2", "3", "4"};
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    for (int i = 0; i < 5; i++) {
        eddy_spawn(waiter(f, names[i]));
        EXPECT_EQ(eddy_sleep(0), 0);
    }
    eddy_future_set_result(f, 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_unref(f);
    EXPECT_STR(traced(), "0 1 2 3 4");
    return 0;
}

static eddy_async(await_itself)
{
    int rc;

    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "turn");
    rc = eddy_await(eddy_ref(eddy_current_task()));
    EXPECT_STR(eddy_exception_message(eddy_error()), "a task cannot await itself");
    EXPECT_STR(traced(), "turn");
    return rc;
}

TEST_ASYNC(a_task_cannot_await_itself, .ordered = true)
{
    EXPECT_EQ(eddy_await(eddy_create_task(await_itself())), EDDY_EMISUSE);
    return 0;
}

TEST_ASYNC(a_future_of_another_loop_cannot_be_awaited, .ordered = true)
{
    eddy_loop *other = test_virtual_loop();
    eddy_future *f;

    REQUIRE(other != NULL);
    f = eddy_loop_create_future(other);
    REQUIRE(f != NULL);
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "turn");
    EXPECT_EQ(eddy_await(eddy_ref(f)), EDDY_EOTHERLOOP);
    EXPECT_IN("another event loop", eddy_exception_message(eddy_error()));
    EXPECT_STR(traced(), "turn");

    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_ref(f), 1)), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_await(eddy_wait_for(eddy_ref(f), 0)), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_await(eddy_shield(eddy_ref(f))), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_wait(&f, 1, 1, EDDY_ALL_COMPLETED), EDDY_EOTHERLOOP);
    (void)eddy_raise(EDDY_EUSER, "an error of before");
    EXPECT(eddy_gather(work(0), eddy_ref(f)) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EOTHERLOOP);
    (void)eddy_raise(EDDY_EUSER, "an error of before");
    EXPECT(eddy_awaitable_ensure_future(EDDY_AWAITABLE(eddy_ref(f)), eddy_get_running_loop()) ==
           NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EOTHERLOOP);
    (void)eddy_raise(EDDY_EUSER, "an error of before");
    EXPECT(eddy_as_completed(EDDY_LIST(work(0), f), 1) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EOTHERLOOP);
    EXPECT(!eddy_future_done(f));

    eddy_unref(f);
    eddy_loop_unref(other);
    return 0;
}

TEST_ASYNC(of_another_loop_a_future_that_is_done_can_be_awaited)
{
    eddy_loop *other = test_virtual_loop();
    eddy_future *f;

    REQUIRE(other != NULL);
    f = eddy_loop_create_future(other);
    REQUIRE(f != NULL);
    eddy_future_set_result(f, 9);
    EXPECT_EQ(eddy_await(f), 9);
    eddy_loop_unref(other);
    return 0;
}

static void await_in_callback(void *f)
{
    EXPECT_EQ(eddy_await(work(0)), EDDY_ENOTASK);
    EXPECT_EQ(eddy_await(eddy_future_ref(f)), EDDY_ENOTASK);
    EXPECT_EQ(eddy_wait((eddy_future **)&f, 1, 1, EDDY_ALL_COMPLETED), EDDY_ENOTASK);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOTASK);
    trace("callback");
}

TEST_ASYNC(only_a_task_can_await_and_what_is_awaited_elsewhere_is_consumed, .ordered = true)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    eddy_loop_call_soon(eddy_get_running_loop(), await_in_callback, f);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "callback");
    eddy_unref(f);
    return 0;
}

TEST_VIRTUAL(outside_of_loops_nothing_can_be_awaited)
{
    EXPECT_EQ(eddy_await(work(0)), EDDY_ENOTASK);
    EXPECT_EQ(eddy_sleep(1), EDDY_ENOTASK);
    EXPECT_STR(traced(), "");
}

TEST_ASYNC(awaiting_what_there_was_no_memory_for_gives_that_error)
{
    void *value = &value;

    EXPECT_EQ(eddy_await((eddy_coroutine *)NULL), -ENOMEM);
    EXPECT_EQ(eddy_await((eddy_future *)NULL), -ENOMEM);
    EXPECT_EQ(eddy_await_value((eddy_task *)NULL, &value), -ENOMEM);
    EXPECT(value == &value);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT_EQ(eddy_await(eddy_wait_for((eddy_task *)NULL, 1)), -ENOMEM);
    EXPECT_EQ(eddy_await(eddy_shield((eddy_task *)NULL)), -ENOMEM);
    EXPECT_EQ(eddy_await(eddy_gather(work(0), (eddy_task *)NULL)), -ENOMEM);
    return 0;
}

static eddy_async(await_value, (eddy_future *, f), (void **, ret))
{
    return eddy_await_value(eddy_ref(f), ret);
}

TEST_ASYNC(a_result_that_a_cancellation_outruns_leaves_the_output_alone)
{
    eddy_future *f = eddy_create_future();
    void *value = &value;
    eddy_task *t;

    REQUIRE(f != NULL);
    t = eddy_create_task(await_value(f, &value));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_future_set_value(f, "lost");
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT(value == &value);
    eddy_unref(f);
    return 0;
}

static eddy_async(nest, (int, depth))
{
    if (depth == 0)
        return eddy_sleep(1);
    eddy_try(eddy_await(nest(depth - 1)));
    return depth;
}

TEST_ASYNC(coroutines_may_be_nested_as_deeply_as_the_stack_allows)
{
    EXPECT_EQ(eddy_await(eddy_create_task(nest(1000), .stack_size = 4 << 20)), 1000);
    return 0;
}

enum { LONG = 10000 };
static eddy_task *tasks[LONG];

static eddy_async(chain, (int, i))
{
    return i > 0 ? eddy_await(eddy_ref(tasks[i - 1])) + 1 : eddy_sleep(1);
}

TEST_ASYNC(a_result_passes_through_a_long_chain_of_tasks)
{
    int n = test_tortured() ? 100 : LONG;

    for (int i = 0; i < n; i++)
        tasks[i] = eddy_create_task(chain(i), .stack_size = 16 << 10);
    REQUIRE(tasks[n - 1] != NULL);
    EXPECT_EQ(eddy_await(eddy_ref(tasks[n - 1])), n - 1);
    for (int i = 0; i < n; i++)
        eddy_unref(tasks[i]);
    return 0;
}
