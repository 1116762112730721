#include "harness/test.h"

#include <string.h>

enum { OOPS = EDDY_EUSER - 1, WORSE = EDDY_EUSER - 2 };

static eddy_gen(count_to, (int, n))
{
    for (int i = 1; i <= n; i++)
        eddy_try(eddy_yield(&i, NULL));
    return n * 100;
}

static eddy_gen(echo)
{
    void *sent = "begun";

    for (;;)
        eddy_try(eddy_yield(sent, &sent));
}

static eddy_gen(stubborn)
{
    while (eddy_yield("again", NULL) != WORSE)
        ;
    return 0;
}

static eddy_gen(failing)
{
    eddy_try(eddy_yield("one", NULL));
    return eddy_raise(OOPS, "the second one is missing");
}

TEST(a_generator_runs_nothing_until_asked_for_a_value)
{
    eddy_generator *g = count_to(1);

    REQUIRE(g);
    EXPECT_EQ(eddy_generator_result(g), EDDY_EINVALIDSTATE);
    eddy_generator_free(g);
}

TEST(next_gives_value_after_value_and_then_the_end)
{
    eddy_generator *g = count_to(2);
    void *value = NULL;

    REQUIRE(eddy_next(g, &value) == 1);
    EXPECT_EQ(*(int *)value, 1);
    REQUIRE(eddy_next(g, &value) == 1);
    EXPECT_EQ(*(int *)value, 2);
    EXPECT_EQ(eddy_next(g, &value), 0);
    EXPECT_EQ(eddy_generator_result(g), 200);
    EXPECT_EQ(eddy_next(g, &value), 0);
    eddy_generator_free(g);
}

TEST(send_gives_a_value_to_the_present_yield)
{
    eddy_generator *g = echo();
    void *value = NULL;

    REQUIRE(eddy_next(g, &value) == 1);
    EXPECT_STR(value, "begun");
    REQUIRE(eddy_generator_send(g, "hello", &value) == 1);
    EXPECT_STR(value, "hello");
    eddy_generator_free(g);
}

TEST(an_unprimed_send_of_a_value_is_an_error_and_harms_nothing)
{
    eddy_generator *g = echo();
    void *value = NULL;

    EXPECT_EQ(eddy_generator_send(g, "too early", NULL), EDDY_EMISUSE);
    REQUIRE(eddy_generator_send(g, NULL, &value) == 1);
    EXPECT_STR(value, "begun");
    eddy_generator_free(g);
}

TEST(throw_fails_the_present_yield_with_code_and_message)
{
    eddy_generator *g = echo();

    REQUIRE(eddy_next(g, NULL) == 1);
    EXPECT_EQ(eddy_generator_throw(g, NULL, OOPS, "number %d", 7), OOPS);
    EXPECT_STR(eddy_exception_message(eddy_error()), "number 7");
    EXPECT_EQ(eddy_next(g, NULL), 0);
    eddy_generator_free(g);
}

TEST(throwing_into_one_that_has_not_begun_ends_it)
{
    eddy_generator *g = count_to(5);

    EXPECT_EQ(eddy_generator_throw(g, NULL, OOPS, NULL), OOPS);
    EXPECT_EQ(eddy_next(g, NULL), 0);
    eddy_generator_free(g);
}

TEST(an_error_of_the_body_is_told_once)
{
    eddy_generator *g = failing();

    REQUIRE(eddy_next(g, NULL) == 1);
    EXPECT_EQ(eddy_next(g, NULL), OOPS);
    EXPECT_STR(eddy_exception_message(eddy_error()), "the second one is missing");
    EXPECT_EQ(eddy_next(g, NULL), 0);
    EXPECT_EQ(eddy_generator_result(g), OOPS);
    eddy_generator_free(g);
}

TEST(close_ends_a_generator_and_may_be_called_again)
{
    eddy_generator *g = count_to(9);

    REQUIRE(eddy_next(g, NULL) == 1);
    EXPECT_EQ(eddy_generator_close(g), 0);
    EXPECT_EQ(eddy_generator_close(g), 0);
    EXPECT_EQ(eddy_next(g, NULL), 0);
    eddy_generator_free(g);
}

TEST(a_generator_that_yields_when_closed_is_at_fault)
{
    eddy_generator *g = stubborn();

    REQUIRE(eddy_next(g, NULL) == 1);
    EXPECT_EQ(eddy_generator_close(g), EDDY_EMISUSE);
    EXPECT_EQ(eddy_generator_throw(g, NULL, WORSE, NULL), 0);
    eddy_generator_free(g);
}

static eddy_gen(delegating, (eddy_generator *, inner))
{
    int rc = eddy_yield_from(inner);

    eddy_try(rc);
    eddy_try(eddy_yield("outer", NULL));
    return rc;
}

/* The inner generator becomes the new one's when that begins. */
static eddy_generator *delegating_to(eddy_generator *inner)
{
    eddy_generator *g = delegating(inner);

    if (!g)
        eddy_generator_free(inner);
    REQUIRE(g);
    return g;
}

TEST(yield_from_hands_out_the_inner_values_and_gives_its_result)
{
    eddy_generator *g = delegating_to(count_to(1));
    void *value = NULL;

    REQUIRE(eddy_next(g, &value) == 1);
    EXPECT_EQ(*(int *)value, 1);
    REQUIRE(eddy_next(g, &value) == 1);
    EXPECT_STR(value, "outer");
    EXPECT_EQ(eddy_next(g, NULL), 0);
    EXPECT_EQ(eddy_generator_result(g), 100);
    eddy_generator_free(g);
}

TEST(yield_from_passes_on_what_is_sent_and_thrown)
{
    eddy_generator *g = delegating_to(echo());
    void *value = NULL;

    REQUIRE(eddy_next(g, NULL) == 1);
    REQUIRE(eddy_generator_send(g, "through", &value) == 1);
    EXPECT_STR(value, "through");
    EXPECT_EQ(eddy_generator_throw(g, NULL, OOPS, NULL), OOPS);
    eddy_generator_free(g);
}

TEST(closing_the_outer_generator_closes_the_inner_one)
{
    eddy_generator *g = delegating_to(count_to(3));

    REQUIRE(eddy_next(g, NULL) == 1);
    EXPECT_EQ(eddy_generator_close(g), 0);
    eddy_generator_free(g);
}

static eddy_generator *itself;

static eddy_gen(resuming_itself)
{
    return eddy_next(itself, NULL) == EDDY_EMISUSE ? 1 : 0;
}

TEST(a_generator_cannot_resume_itself)
{
    itself = resuming_itself();
    EXPECT_EQ(eddy_next(itself, NULL), 0);
    EXPECT_EQ(eddy_generator_result(itself), 1);
    eddy_generator_free(itself);
}

TEST(yielding_outside_a_generator_is_an_error)
{
    EXPECT_EQ(eddy_yield("outside", NULL), EDDY_EMISUSE);
}

TEST(no_generator_for_want_of_memory_is_an_error_of_each_call)
{
    EXPECT_EQ(eddy_next(NULL, NULL), -ENOMEM);
    EXPECT_EQ(eddy_generator_throw(NULL, NULL, OOPS, NULL), -ENOMEM);
    EXPECT_EQ(eddy_generator_close(NULL), -ENOMEM);
    EXPECT_EQ(eddy_yield_from(NULL), -ENOMEM);
    eddy_generator_free(NULL);
}

static eddy_gen(nested, (int, depth))
{
    return depth == 0 ? eddy_yield("innermost", NULL) : eddy_yield_from(nested(depth - 1));
}

TEST(generators_can_be_nested_deeply)
{
    eddy_generator *g = nested(50);
    void *value = NULL;

    REQUIRE(eddy_next(g, &value) == 1);
    EXPECT_STR(value, "innermost");
    eddy_generator_free(g);
}
