/* Coroutine objects: rules 41 and 53, and how they are written. */
#include "harness/test.h"

#include "harness/trace.h"

#include <stdlib.h>

static eddy_async(plain)
{
    trace("plain");
    return 0;
}

static eddy_async(with_arguments, (int, i), (const char *, s), (double, d))
{
    trace("%d %s %.1f", i, s, d);
    return i;
}

struct pair {
    long a, b;
};

static eddy_async(twelve, (char, a), (struct pair, b), (int, c), (int, d), (int, e), (int, f),
                  (int, g), (int, h), (int, i), (int, j), (int, k), (long double, l))
{
    return a + (int)b.a + (int)b.b + c + d + e + f + g + h + i + j + k + (int)l;
}

static eddy_async_declare(declared_first, (int, n));

static eddy_async(declared_first, (int, n))
{
    return n + 1;
}

TEST_ASYNC(calling_a_coroutine_function_runs_nothing)
{
    eddy_coroutine *coro = plain();

    EXPECT_STR(traced(), "");
    EXPECT(eddy_await(coro) >= 0);
    EXPECT_STR(traced(), "plain");
    return 0;
}

TEST_ASYNC(the_arguments_are_copied_at_the_call)
{
    int i = 3;
    const char *s = "three";
    eddy_coroutine *coro = with_arguments(i, s, 3.5);

    i = 4;
    s = "four";
    EXPECT_EQ(eddy_await(coro), 3);
    EXPECT_STR(traced(), "3 three 3.5");
    (void)i;
    (void)s;
    return 0;
}

TEST_ASYNC(a_coroutine_function_may_have_twelve_parameters_of_any_kind)
{
    struct pair b = {2, 3};

    EXPECT_EQ(eddy_await(twelve(1, b, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13.0L)), 91);
    EXPECT_EQ(eddy_await(declared_first(1)), 2);
    return 0;
}

static int double_it(void *arg)
{
    *(int *)arg *= 2;
    return *(int *)arg;
}

TEST_ASYNC(the_plain_form_calls_a_function_with_the_callers_argument)
{
    int n = 21;
    eddy_coroutine *coro = eddy_coro(double_it, &n);

    if (coro)
        EXPECT_STR(eddy_coroutine_name(coro), "double_it");
    EXPECT_EQ(eddy_await(coro), 42);
    EXPECT_EQ(n, 42);
    return 0;
}

static int sum(void *arg)
{
    const struct pair *p = arg;

    return (int)(p->a + p->b);
}

TEST_ASYNC(the_copying_form_gives_the_function_a_copy)
{
    struct pair p = {1, 2};
    eddy_coroutine *coro = eddy_coroutine_new_copy("sum", sum, &p, sizeof p, NULL);

    p.a = 100;
    EXPECT_EQ(eddy_await(coro), 3);
    return 0;
}

TEST_ASYNC(a_closed_coroutine_never_runs_and_is_not_reported)
{
    reports_collect(NULL);
    eddy_coroutine_close(plain());
    eddy_coroutine_close(NULL);
    eddy_awaitable_drop(EDDY_AWAITABLE(plain()));
    eddy_awaitable_drop(NULL);
    EXPECT_EQ(reports.n, 0);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(coroutines_futures_and_tasks_can_be_told_apart)
{
    eddy_coroutine *coro = plain();
    eddy_future *f = eddy_create_future();
    eddy_task *t = eddy_create_task(plain());

    REQUIRE(coro != NULL && f != NULL && t != NULL);
    EXPECT(eddy_iscoroutine(coro) && !eddy_isfuture(coro));
    EXPECT(!eddy_iscoroutine(f) && eddy_isfuture(f));
    EXPECT(!eddy_iscoroutine(t) && eddy_isfuture(t));
    EXPECT(!eddy_iscoroutine((eddy_coroutine *)NULL) && !eddy_isfuture((eddy_future *)NULL));
    EXPECT(eddy_future_as_task(f) == NULL);
    EXPECT(eddy_future_as_task(eddy_task_future(t)) == t);
    EXPECT(eddy_future_as_task(NULL) == NULL);

    eddy_coroutine_close(coro);
    eddy_unref(f);
    return eddy_await(t);
}

static eddy_async(return_pointer, (char *, p))
{
    return eddy_return(p);
}

static eddy_async(return_both)
{
    eddy_return("pointer");
    return 17;
}

static eddy_async(return_pointer_and_fail)
{
    eddy_return("lost");
    return -EIO;
}

TEST_ASYNC(a_pointer_travels_beside_the_status)
{
    char text[] = "text";
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(return_pointer(text), &value), 0);
    EXPECT(value == text);
    EXPECT_EQ(eddy_await_value(return_both(), &value), 17);
    EXPECT_STR(value, "pointer");
    EXPECT_EQ(eddy_await_value(eddy_create_task(return_both()), &value), 17);
    EXPECT_STR(value, "pointer");
    EXPECT_EQ(eddy_await_value(plain(), &value), 0);
    EXPECT(value == NULL);
    return 0;
}

TEST_ASYNC(a_failure_carries_no_pointer_and_leaves_the_output_alone)
{
    char mine[] = "mine";
    void *value = mine;

    EXPECT_EQ(eddy_await_value(return_pointer_and_fail(), &value), -EIO);
    EXPECT(value == mine);
    EXPECT_EQ(eddy_await_value(eddy_create_task(return_pointer_and_fail()), &value), -EIO);
    EXPECT(value == mine);
    return 0;
}

static eddy_async(nested_pointers)
{
    eddy_return("outer");
    eddy_try(eddy_await(return_both()));
    return 0;
}

TEST_ASYNC(a_pointer_goes_to_the_awaiter_alone_and_no_further)
{
    void *value = &value;

    EXPECT_EQ(eddy_await_value(nested_pointers(), &value), 0);
    EXPECT(value == NULL);
    return 0;
}

TEST_VIRTUAL(a_pointer_can_only_be_left_by_a_task)
{
    EXPECT_EQ(eddy_return("x"), EDDY_ENOTASK);
}

TEST_VIRTUAL(a_coroutine_that_finds_no_memory_is_null_and_every_consumer_says_so)
{
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(plain() == NULL);
    EXPECT(eddy_coro(double_it, NULL) == NULL);
    EXPECT_EQ(test_run(plain()), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
}

static void forget_outside(void *unused)
{
    eddy_coroutine *coro = plain(), *other = eddy_coro(double_it, NULL);

    (void)coro;
    (void)other;
    exit(0);
}

TEST_VIRTUAL(a_coroutine_made_outside_of_loops_and_forgotten_is_reported_at_exit)
{
    char output[1000];

    EXPECT_EQ(test_in_child(forget_outside, NULL, output, sizeof output), 0);
    EXPECT_IN("eddy: coroutine was never awaited: coroutine 'plain', made at ", output);
    EXPECT_IN("coroutine 'double_it', made at " __FILE__ ":", output);
    EXPECT_STR(traced(), "");
}

static eddy_async(forget_within)
{
    eddy_coroutine *first = with_arguments(1, "x", 1.0), *second = eddy_wait_for(plain(), 3);

    (void)first;
    (void)second;
    return 0;
}

TEST_VIRTUAL(the_coroutine_that_a_forgotten_one_was_to_await_goes_with_it)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, forget_within()), 0);
    EXPECT_EQ(reports.n, 0);
    eddy_loop_close(loop);
    EXPECT_EQ(reports.n, 2);
    EXPECT_STR(reports.coroutine, "wait_for");
    eddy_loop_unref(loop);
}
