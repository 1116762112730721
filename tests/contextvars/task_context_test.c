/* Contexts of tasks and callbacks: rules 30, 45 and 202 to 203. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_contextvar user = EDDY_CONTEXTVAR("user", "default");

static const char *get(void)
{
    return eddy_contextvar_get(&user);
}

static void set(const char *value)
{
    eddy_contextvar_set(&user, (void *)value, NULL);
}

static void trace_user(void *unused)
{
    trace("%s", get());
}

static int set_and_get(void *value)
{
    trace("%s", get());
    set(value);
    trace("%s", get());
    return 42;
}

static eddy_async(child)
{
    trace("%s", get());
    set("child");
    eddy_try(eddy_sleep(0));
    trace("%s", get());
    return 0;
}

TEST_ASYNC(a_task_has_a_copy_of_the_context_in_which_it_was_made)
{
    eddy_task *t;

    set("parent");
    t = eddy_create_task(child());
    set("later");
    EXPECT(eddy_await(t) >= 0);
    EXPECT_STR(traced(), "parent child");
    EXPECT_STR(get(), "later");
    return 0;
}

TEST_ASYNC(an_awaited_coroutine_shares_the_context_of_its_task)
{
    set("parent");
    EXPECT(eddy_await(child()) >= 0);
    EXPECT_STR(get(), "child");
    return 0;
}

TEST_ASYNC(a_task_given_a_context_shares_it)
{
    eddy_context *ctx;
    eddy_task *t;

    set("parent");
    ctx = eddy_copy_context();
    t = eddy_create_task(child(), .context = ctx);
    REQUIRE(ctx != NULL && t != NULL);
    EXPECT(eddy_task_get_context(t) == ctx);
    EXPECT(eddy_await(t) >= 0);
    EXPECT_STR(get(), "parent");
    eddy_context_run(ctx, set_and_get, "outside");
    EXPECT_STR(traced(), "parent child child outside");
    eddy_context_unref(ctx);
    return 0;
}

static eddy_async(enter_own_context)
{
    eddy_context *mine = eddy_task_get_context(eddy_current_task());

    return mine ? eddy_context_run(mine, set_and_get, "never") : -ENOMEM;
}

TEST_ASYNC(a_task_has_entered_its_own_context_already)
{
    EXPECT_EQ(eddy_await(eddy_create_task(enter_own_context())), EDDY_EMISUSE);
    return 0;
}

TEST_ASYNC(a_callback_has_the_context_in_which_it_was_scheduled, .ordered = true)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_context *ctx = eddy_copy_context();

    REQUIRE(ctx != NULL);
    eddy_context_run(ctx, set_and_get, "given");
    set("soon");
    eddy_loop_call_soon(loop, trace_user, NULL);
    set("later");
    eddy_loop_call_later(loop, 1, trace_user, NULL);
    set("at run time");
    eddy_loop_call_soon_in(loop, trace_user, NULL, ctx);
    eddy_loop_call_later_in(loop, 2, trace_user, NULL, ctx);
    eddy_loop_call_at_in(loop, 3, trace_user, NULL, ctx);
    eddy_loop_call_soon_threadsafe_in(loop, trace_user, NULL, ctx);
    eddy_context_unref(ctx);

    EXPECT_EQ(eddy_sleep(5), 0);
    EXPECT_STR(traced(), "default given soon given given later given given");
    return 0;
}

static void set_in_callback(void *value)
{
    set(value);
}

TEST_ASYNC(a_variable_that_a_callback_sets_is_seen_by_no_other, .ordered = true)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_context *ctx = eddy_copy_context();

    eddy_loop_call_soon(loop, set_in_callback, "callback");
    eddy_loop_call_soon(loop, trace_user, NULL);
    eddy_loop_call_soon_in(loop, set_in_callback, "shared", ctx);
    eddy_loop_call_soon_in(loop, trace_user, NULL, ctx);
    eddy_context_unref(ctx);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "default shared");
    EXPECT_STR(get(), "default");
    return 0;
}

static void trace_user_done(eddy_future *f, void *unused)
{
    trace("%s", get());
}

TEST_ASYNC(a_done_callback_has_the_context_in_which_it_was_added, .ordered = true)
{
    eddy_future *f = eddy_create_future();
    eddy_context *ctx = eddy_copy_context();

    REQUIRE(f != NULL);
    set("added");
    eddy_future_add_done_callback(f, trace_user_done, NULL);
    eddy_future_add_done_callback_in(f, trace_user_done, NULL, ctx);
    eddy_context_unref(ctx);
    set("set");
    eddy_future_set_result(f, 0);
    eddy_future_add_done_callback(f, trace_user_done, NULL);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "added default set");
    eddy_unref(f);
    return 0;
}

static int sleep_in_context(void *unused)
{
    set("inside");
    eddy_try(eddy_sleep(1));
    trace("%s", get());
    return 0;
}

static eddy_async(suspend_inside, (eddy_context *, ctx))
{
    set("outside");
    eddy_try(eddy_context_run(ctx, sleep_in_context, NULL));
    trace("%s", get());
    return 0;
}

static eddy_async(try_to_enter, (eddy_context *, ctx))
{
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "never"), EDDY_EMISUSE);
    trace("%s", get());
    return 0;
}

TEST_ASYNC(a_task_may_suspend_inside_a_context_that_stays_entered)
{
    eddy_context *ctx = eddy_copy_context();
    eddy_task *t = eddy_create_task(suspend_inside(ctx)), *u;

    REQUIRE(ctx != NULL);
    set("main");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(get(), "main");
    u = eddy_create_task(try_to_enter(ctx));
    EXPECT(eddy_await(u) >= 0);
    EXPECT(eddy_await(t) >= 0);
    EXPECT_STR(traced(), "main inside outside");
    eddy_context_unref(ctx);
    return 0;
}

TEST_ASYNC(contexts_survive_every_kind_of_switch_between_tasks, .ordered = true)
{
    eddy_task *t[3];

    for (int i = 0; i < 3; i++) {
        set(i == 0 ? "a" : i == 1 ? "b" : "c");
        t[i] = eddy_create_task(child(), .eager_start = i == 1);
        EXPECT_STR(get(), i == 0 ? "a" : i == 1 ? "b" : "c");
    }
    for (int i = 0; i < 3; i++)
        EXPECT(eddy_await(t[i]) >= 0);
    EXPECT_STR(traced(), "b a child c child child");
    return 0;
}

TEST_VIRTUAL(a_run_neither_sees_nor_leaves_a_context_entered_outside)
{
    set("thread");
    EXPECT_EQ(test_run(child()), 0);
    EXPECT_STR(get(), "thread");
    EXPECT_STR(traced(), "thread child");
}

TEST_ASYNC(a_context_can_be_asked_for_while_its_task_runs)
{
    eddy_context *mine;

    set("before");
    mine = eddy_task_get_context(eddy_current_task());
    REQUIRE(mine != NULL);
    set("after");
    EXPECT_STR(get(), "after");
    EXPECT(eddy_task_get_context(eddy_current_task()) == mine);
    return 0;
}

static int trace_user_here(void *unused)
{
    trace_user(NULL);
    return 0;
}

static void trace_users_of_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    eddy_context *its = eddy_task_get_context(context->task);

    trace_user(NULL);
    EXPECT_EQ(eddy_context_run(its, trace_user_here, NULL), 0);
}

static eddy_async(fail_as_child)
{
    set("child");
    return eddy_raise(-EIO, "the child has failed");
}

TEST_ASYNC(the_exception_handler_finds_the_context_of_a_failed_task_through_the_task)
{
    set("parent");
    eddy_loop_set_exception_handler(eddy_get_running_loop(), trace_users_of_report, NULL);
    eddy_try(eddy_spawn(fail_as_child()));
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_STR(traced(), "default child");
    return 0;
}
