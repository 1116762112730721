/* Done-callbacks: rules 28 to 31. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_future *new_future(void)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    return f;
}

TEST_ASYNC(a_done_callback_is_never_called_inline, .ordered = true)
{
    eddy_future *result = new_future(), *error = new_future(), *cancelled = new_future(),
                *done = new_future();

    eddy_future_add_done_callback(result, trace_done, "result");
    eddy_future_add_done_callback(error, trace_done, "error");
    eddy_future_add_done_callback(cancelled, trace_done, "cancelled");
    eddy_future_set_result(done, 0);
    eddy_future_add_done_callback(done, trace_done, "done");
    eddy_future_set_result(result, 0);
    eddy_future_set_exception(error, -EIO, NULL);
    eddy_future_cancel(cancelled, NULL);
    EXPECT_STR(traced(), "");

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "done result error cancelled");
    eddy_future_result(error);
    eddy_unref(result);
    eddy_unref(error);
    eddy_unref(cancelled);
    eddy_unref(done);
    return 0;
}

TEST_ASYNC(each_callback_is_a_callback_of_the_loop_of_its_own, .ordered = true)
{
    eddy_future *f = new_future();

    eddy_future_add_done_callback(f, trace_done, "a");
    eddy_future_add_done_callback(f, trace_done, "b");
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "before");
    eddy_future_set_result(f, 0);
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "after");

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "before a b after");
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(callbacks_run_in_the_order_of_registration_as_often_as_they_were_added, .ordered = true)
{
    eddy_future *f = new_future();

    eddy_future_add_done_callback(f, trace_done, "a");
    eddy_future_add_done_callback(f, trace_done, "b");
    eddy_future_add_done_callback(f, trace_done, "a");
    eddy_future_set_result(f, 0);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "a b a");
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(removing_takes_all_equal_callbacks_and_counts_them, .ordered = true)
{
    eddy_future *f = new_future();
    char a[] = "a", b[] = "b";
    bool all = eddy_future_add_done_callback(f, trace_done, a) == 0 &&
               eddy_future_add_done_callback(f, trace_done, b) == 0 &&
               eddy_future_add_done_callback(f, trace_done, a) == 0;

    EXPECT_EQ(eddy_future_remove_done_callback(f, trace_done, a), all ? 2 : 0);
    EXPECT_EQ(eddy_future_remove_done_callback(f, trace_done, a), 0);
    eddy_future_set_result(f, 0);
    EXPECT_EQ(eddy_future_remove_done_callback(f, trace_done, b), 0);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "b");
    eddy_unref(f);
    return 0;
}

static void look_at_result(eddy_future *f, void *arg)
{
    trace("%d", eddy_future_result(f));
    EXPECT(eddy_current_task() == NULL);
    EXPECT_EQ(eddy_sleep(0), EDDY_ENOTASK);
}

TEST_ASYNC(the_loop_keeps_the_future_until_its_callbacks_have_run, .ordered = true)
{
    eddy_future *f = new_future();

    eddy_future_add_done_callback(f, look_at_result, NULL);
    eddy_future_add_done_callback(f, look_at_result, NULL);
    eddy_future_set_result(f, 12);
    eddy_unref(f);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "12 12");
    return 0;
}

TEST_ASYNC(the_callbacks_of_a_future_that_never_ends_go_with_it)
{
    eddy_future *f = new_future();

    eddy_future_add_done_callback(f, trace_done, "never");
    eddy_unref(f);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "");
    return 0;
}

static void add_another(eddy_future *f, void *word)
{
    trace("first");
    eddy_future_add_done_callback(f, trace_done, word);
}

TEST_ASYNC(a_callback_added_by_a_callback_waits_for_the_next_turn, .ordered = true)
{
    eddy_future *f = new_future();

    eddy_future_add_done_callback(f, add_another, "second");
    eddy_future_set_result(f, 0);
    eddy_unref(f);
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "other");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "first other");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "first other second");
    return 0;
}

static eddy_async(await_future, (eddy_future *, f), (const char *, name))
{
    int rc = eddy_await(eddy_ref(f));

    trace("%s", name);
    return rc;
}

TEST_ASYNC(waiting_tasks_and_callbacks_are_served_in_one_order, .ordered = true)
{
    eddy_future *f = new_future();
    eddy_task *a, *b;

    eddy_future_add_done_callback(f, trace_done, "callback-1");
    a = eddy_create_task(await_future(f, "task-a"));
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_future_add_done_callback(f, trace_done, "callback-2");
    b = eddy_create_task(await_future(f, "task-b"));
    EXPECT_EQ(eddy_sleep(0), 0);

    eddy_future_set_result(f, 0);
    EXPECT(eddy_await(a) >= 0);
    EXPECT(eddy_await(b) >= 0);
    EXPECT_STR(traced(), "callback-1 task-a callback-2 task-b");
    eddy_unref(f);
    return 0;
}

static eddy_async(quick)
{
    trace("runs");
    return 3;
}

TEST_ASYNC(a_task_calls_back_like_any_future)
{
    eddy_task *t = eddy_create_task(quick());

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_task_add_done_callback(t, look_at_result, NULL), 0);
    EXPECT_EQ(eddy_task_add_done_callback(t, trace_done, "removed"), 0);
    EXPECT_EQ(eddy_task_remove_done_callback(t, trace_done, "removed"), 1);
    eddy_unref(t);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "runs 3");
    return 0;
}

TEST_ASYNC(a_callback_that_finds_no_memory_is_not_added)
{
    eddy_future *f = new_future();

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_future_add_done_callback(f, trace_done, "never"), -ENOMEM);
    eddyi_fault_clear();
    eddy_future_set_result(f, 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "");
    eddy_unref(f);
    return 0;
}
