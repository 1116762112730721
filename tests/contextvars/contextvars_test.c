#include "harness/test.h"

#include "harness/trace.h"

static eddy_contextvar user = EDDY_CONTEXTVAR("user", "nobody");
static eddy_contextvar other = EDDY_CONTEXTVAR("other", NULL);

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

TEST_VIRTUAL(a_variable_has_its_default_until_it_is_set)
{
    void *value = &value;

    EXPECT_STR(get(), "nobody");
    EXPECT(!eddy_contextvar_lookup(&user, &value));
    EXPECT(value == &value);

    set("ann");
    EXPECT_STR(get(), "ann");
    EXPECT(eddy_contextvar_lookup(&user, &value));
    EXPECT_STR(value, "ann");
    EXPECT(eddy_contextvar_lookup(&user, NULL));
    EXPECT(eddy_contextvar_get(&other) == NULL);
}

TEST_VIRTUAL(reset_puts_back_what_set_replaced)
{
    eddy_token first, second;

    eddy_contextvar_set(&user, "ann", &first);
    eddy_contextvar_set(&user, "bob", &second);
    EXPECT_EQ(eddy_contextvar_reset(&user, &second), 0);
    EXPECT_STR(get(), "ann");
    EXPECT_EQ(eddy_contextvar_reset(&user, &first), 0);
    EXPECT(!eddy_contextvar_lookup(&user, NULL));
}

TEST_VIRTUAL(a_token_works_once_and_for_its_own_variable)
{
    eddy_token token;

    eddy_contextvar_set(&user, "ann", &token);
    EXPECT_EQ(eddy_contextvar_reset(&other, &token), EDDY_EMISUSE);
    EXPECT_STR(get(), "ann");
    EXPECT_EQ(eddy_contextvar_reset(&user, &token), 0);
    set("bob");
    EXPECT_EQ(eddy_contextvar_reset(&user, &token), EDDY_EMISUSE);
    EXPECT_IN("'user'", eddy_exception_message(eddy_error()));
    EXPECT_STR(get(), "bob");
}

TEST_VIRTUAL(a_failed_set_leaves_the_value_and_the_token)
{
    eddy_token token = {.var = &other};

    set("ann");
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_contextvar_set(&user, "bob", &token), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_STR(get(), "ann");
    EXPECT(token.var == &other);
}

static int set_and_get(void *value)
{
    trace("%s", get());
    set(value);
    trace("%s", get());
    return 42;
}

TEST_VIRTUAL(what_is_set_in_a_copy_of_the_context_stays_there)
{
    eddy_context *ctx;

    set("ann");
    ctx = eddy_copy_context();
    REQUIRE(ctx != NULL);
    set("bob");
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "cid"), 42);
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "dan"), 42);

    EXPECT_STR(traced(), "ann cid cid dan");
    EXPECT_STR(get(), "bob");
    eddy_context_unref(ctx);
}

static int run_again(void *ctx)
{
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "never"), EDDY_EMISUSE);
    EXPECT_IN("already entered", eddy_exception_message(eddy_error()));
    return 0;
}

TEST_VIRTUAL(a_context_cannot_be_entered_twice_at_once)
{
    eddy_context *ctx = eddy_copy_context();

    REQUIRE(ctx != NULL);
    EXPECT_EQ(eddy_context_run(ctx, run_again, ctx), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "now"), 42);
    eddy_context_unref(ctx);
}

static int give_up_context(void *ctx)
{
    eddy_context_unref(ctx);
    set("ann");
    return 0;
}

TEST_VIRTUAL(a_context_lives_at_least_as_long_as_the_run_in_it)
{
    eddy_context *ctx = eddy_copy_context();

    REQUIRE(ctx != NULL);
    EXPECT_EQ(eddy_context_run(ctx, give_up_context, ctx), 0);
    EXPECT_STR(get(), "nobody");
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
    eddy_try(eddy_await(t));
    EXPECT_STR(traced(), "parent child");
    EXPECT_STR(get(), "later");
    return 0;
}

TEST_ASYNC(an_awaited_coroutine_shares_the_context_of_its_task)
{
    set("parent");
    eddy_try(eddy_await(child()));
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
    if (t)
        EXPECT(eddy_task_get_context(t) == ctx);
    eddy_try(eddy_await(t));
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

TEST_ASYNC(a_callback_has_the_context_in_which_it_was_scheduled)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_context *ctx = eddy_copy_context();

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

    eddy_try(eddy_sleep(5));
    EXPECT_STR(traced(), "nobody given soon given given later given given");
    return 0;
}

static void set_in_callback(void *value)
{
    set(value);
}

TEST_ASYNC(what_a_callback_sets_nobody_else_sees)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_context *ctx = eddy_copy_context();

    eddy_loop_call_soon(loop, set_in_callback, "callback");
    eddy_loop_call_soon(loop, trace_user, NULL);
    eddy_loop_call_soon_in(loop, set_in_callback, "shared", ctx);
    eddy_loop_call_soon_in(loop, trace_user, NULL, ctx);
    eddy_context_unref(ctx);

    eddy_try(eddy_sleep(0));
    EXPECT_STR(traced(), "nobody shared");
    EXPECT_STR(get(), "nobody");
    return 0;
}

static void trace_user_done(eddy_future *f, void *unused)
{
    trace("%s", get());
}

TEST_ASYNC(a_done_callback_has_the_context_in_which_it_was_added)
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

    eddy_try(eddy_sleep(0));
    EXPECT_STR(traced(), "added nobody set");
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

    set("main");
    eddy_try(eddy_sleep(0));
    EXPECT_STR(get(), "main");
    u = eddy_create_task(try_to_enter(ctx));
    eddy_try(eddy_await(u));
    eddy_try(eddy_await(t));
    EXPECT_STR(traced(), "main inside outside");
    eddy_context_unref(ctx);
    return 0;
}

TEST_ASYNC(contexts_survive_every_kind_of_switch_between_tasks)
{
    eddy_task *t[3];

    for (int i = 0; i < 3; i++) {
        set(i == 0 ? "a" : i == 1 ? "b" : "c");
        t[i] = eddy_create_task(child(), .eager_start = i == 1);
        EXPECT_STR(get(), i == 0 ? "a" : i == 1 ? "b" : "c");
    }
    for (int i = 0; i < 3; i++)
        eddy_try(eddy_await(t[i]));
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
