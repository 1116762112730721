/* Context variables and contexts by themselves. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_contextvar user = EDDY_CONTEXTVAR("user", "default");
static eddy_contextvar other = EDDY_CONTEXTVAR("other", NULL);

static const char *get(void)
{
    return eddy_contextvar_get(&user);
}

static void set(const char *value)
{
    eddy_contextvar_set(&user, (void *)value, NULL);
}

TEST_VIRTUAL(a_variable_has_its_default_until_it_is_set)
{
    void *value = &value;

    EXPECT_STR(get(), "default");
    EXPECT(!eddy_contextvar_lookup(&user, &value));
    EXPECT(value == &value);

    set("one");
    EXPECT_STR(get(), "one");
    EXPECT(eddy_contextvar_lookup(&user, &value));
    EXPECT_STR(value, "one");
    EXPECT(eddy_contextvar_lookup(&user, NULL));
    EXPECT(eddy_contextvar_get(&other) == NULL);
}

TEST_VIRTUAL(reset_puts_back_what_set_replaced)
{
    eddy_token first, second;

    eddy_contextvar_set(&user, "one", &first);
    eddy_contextvar_set(&user, "two", &second);
    EXPECT_EQ(eddy_contextvar_reset(&user, &second), 0);
    EXPECT_STR(get(), "one");
    EXPECT_EQ(eddy_contextvar_reset(&user, &first), 0);
    EXPECT(!eddy_contextvar_lookup(&user, NULL));
}

TEST_VIRTUAL(a_token_works_once_and_for_its_own_variable)
{
    eddy_token token;

    eddy_contextvar_set(&user, "one", &token);
    EXPECT_EQ(eddy_contextvar_reset(&other, &token), EDDY_EMISUSE);
    EXPECT_STR(get(), "one");
    EXPECT_EQ(eddy_contextvar_reset(&user, &token), 0);
    set("two");
    EXPECT_EQ(eddy_contextvar_reset(&user, &token), EDDY_EMISUSE);
    EXPECT_IN("'user'", eddy_exception_message(eddy_error()));
    EXPECT_STR(get(), "two");
}

TEST_VIRTUAL(a_failed_set_leaves_the_value_and_the_token)
{
    eddy_token token = {.var = &other};

    set("one");
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_contextvar_set(&user, "two", &token), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_STR(get(), "one");
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

    set("one");
    ctx = eddy_copy_context();
    REQUIRE(ctx != NULL);
    set("two");
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "three"), 42);
    EXPECT_EQ(eddy_context_run(ctx, set_and_get, "four"), 42);

    EXPECT_STR(traced(), "one three three four");
    EXPECT_STR(get(), "two");
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
    set("one");
    return 0;
}

TEST_VIRTUAL(a_context_lives_at_least_as_long_as_the_run_in_it)
{
    eddy_context *ctx = eddy_copy_context();

    REQUIRE(ctx != NULL);
    EXPECT_EQ(eddy_context_run(ctx, give_up_context, ctx), 0);
    EXPECT_STR(get(), "default");
}
