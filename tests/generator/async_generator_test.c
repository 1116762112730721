#include "harness/test.h"

#include <string.h>

enum { OOPS = EDDY_EUSER - 1 };

static int cleaned_up;

static int tick(int n)
{
    for (int i = 0; i < n; i++) {
        eddy_try(eddy_sleep(1));
        eddy_try(eddy_yield(&i, NULL));
    }
    return 0;
}

static eddy_async_gen(ticker, (int, n))
{
    int rc = tick(n);

    cleaned_up++;
    return rc;
}

TEST_ASYNC(an_asynchronous_generator_awaits_between_its_values)
{
    eddy_async_generator *g = ticker(3);
    void *value;
    int rc, n = 0;

    while ((rc = eddy_anext(g, &value)) > 0)
        EXPECT_EQ(*(int *)value, n++);
    EXPECT_EQ(rc, 0);
    EXPECT_EQ(n, 3);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 3.0);
    eddy_async_generator_free(g);
    return 0;
}

static eddy_async(count_sleeps, (int *, n))
{
    for (int i = 0; i < 3; i++) {
        eddy_try(eddy_sleep(1));
        ++*n;
    }
    return 0;
}

TEST_ASYNC(other_tasks_run_while_a_generator_awaits)
{
    eddy_async_generator *g = ticker(2);
    int n = 0;
    eddy_task *t = eddy_create_task(count_sleeps(&n));

    eddy_anext(g, NULL);
    eddy_anext(g, NULL);
    EXPECT(n >= 1);
    eddy_async_generator_free(g);
    return eddy_await(t);
}

static eddy_async(next_of, (eddy_async_generator *, g))
{
    return eddy_anext(g, NULL);
}

TEST_ASYNC(cancelling_the_task_strikes_the_await_in_the_body, .ordered = true)
{
    eddy_async_generator *g = ticker(5);
    eddy_task *t = eddy_create_task(next_of(g));

    cleaned_up = 0;
    eddy_sleep(0);
    if (t)
        eddy_task_cancel(t, "enough");
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(cleaned_up, 1);
    EXPECT_EQ(eddy_anext(g, NULL), 0);
    eddy_async_generator_free(g);
    return 0;
}

TEST_ASYNC(only_one_task_at_a_time_may_resume_it, .ordered = true)
{
    eddy_async_generator *g = ticker(5);
    eddy_task *t = eddy_create_task(next_of(g));

    eddy_sleep(0);
    EXPECT_EQ(eddy_anext(g, NULL), EDDY_EMISUSE);
    EXPECT_EQ(eddy_await(t), 1);
    eddy_async_generator_free(g);
    return 0;
}

TEST_ASYNC(aclose_lets_the_body_clean_up)
{
    eddy_async_generator *g = ticker(5);

    cleaned_up = 0;
    EXPECT_EQ(eddy_anext(g, NULL), 1);
    EXPECT_EQ(eddy_aclose(g), 0);
    EXPECT_EQ(cleaned_up, 1);
    EXPECT_EQ(eddy_anext(g, NULL), 0);
    eddy_async_generator_free(g);
    return 0;
}

TEST_ASYNC(athrow_fails_the_present_yield)
{
    eddy_async_generator *g = ticker(5);

    EXPECT_EQ(eddy_anext(g, NULL), 1);
    EXPECT_EQ(eddy_athrow(g, NULL, OOPS, "thrown"), OOPS);
    EXPECT_STR(eddy_exception_message(eddy_error()), "thrown");
    eddy_async_generator_free(g);
    return 0;
}

TEST(an_asynchronous_generator_needs_a_task)
{
    eddy_async_generator *g = ticker(1);

    EXPECT_EQ(eddy_anext(g, NULL), EDDY_ENOTASK);
    EXPECT_EQ(eddy_aclose(g), EDDY_ENOTASK);
    eddy_async_generator_free(g);
}

static eddy_async_generator *left_suspended;

static eddy_async(leave_suspended)
{
    left_suspended = ticker(5);
    return eddy_anext(left_suspended, NULL);
}

TEST_VIRTUAL(a_generator_left_suspended_is_closed_when_its_loop_shuts_down)
{
    cleaned_up = 0;
    left_suspended = NULL;
    EXPECT_EQ(test_run(leave_suspended()), 1);
    EXPECT_EQ(cleaned_up, 1);
    eddy_async_generator_free(left_suspended);
}

static eddy_async_gen(nested, (int, depth))
{
    eddy_async_generator *inner = depth > 0 ? nested(depth - 1) : NULL;
    int rc = 0;

    if (inner)
        rc = eddy_anext(inner, NULL);
    else
        rc = eddy_sleep(1);
    if (rc >= 0)
        rc = eddy_yield("value", NULL);
    eddy_async_generator_free(inner);
    return rc;
}

TEST_ASYNC(a_generator_within_a_generator_suspends_the_task)
{
    eddy_async_generator *g = nested(5);

    EXPECT_EQ(eddy_anext(g, NULL), 1);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 1.0);
    eddy_async_generator_free(g);
    return 0;
}

static eddy_contextvar label = EDDY_CONTEXTVAR("label", "default");

static eddy_async_gen(ask_label)
{
    for (;;)
        eddy_try(eddy_yield(eddy_contextvar_get(&label), NULL));
}

static eddy_async(ask_as, (eddy_async_generator *, g), (char *, name))
{
    void *answer = NULL;

    eddy_try(eddy_contextvar_set(&label, name, NULL));
    eddy_try(eddy_anext(g, &answer));
    EXPECT_STR(answer, name);
    return 0;
}

TEST_ASYNC(a_generator_sees_the_context_of_each_caller_that_resumes_it_even_after_the_first_is_gone)
{
    eddy_async_generator *g = ask_label();
    void *answer = NULL;

    eddy_await(eddy_create_task(ask_as(g, "first")));
    eddy_await(eddy_create_task(ask_as(g, "second")));
    if (eddy_anext(g, &answer) > 0)
        EXPECT_STR(answer, "default");
    EXPECT_STR(eddy_contextvar_get(&label), "default");
    eddy_async_generator_free(g);
    return 0;
}
