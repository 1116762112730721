/* as_completed: rules 93 and 94. */
#include "harness/test.h"

#include "harness/trace.h"

#include <math.h>

static eddy_async(work, (double, delay), (int, status))
{
    eddy_try(eddy_sleep(delay));
    trace("%d", status);
    return status < 0 ? eddy_raise(status, "bad") : status;
}

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

static eddy_completions *required(eddy_completions *it)
{
    REQUIRE(it != NULL);
    return it;
}

TEST_ASYNC(the_plain_iterator_gives_a_coroutine_for_each_that_ends)
{
    eddy_completions *it =
        required(eddy_as_completed(EDDY_LIST(work(3, 3), work(1, 1), work(2, 2)), EDDY_FOREVER));
    eddy_coroutine *next;

    while ((next = eddy_completions_next(it)) != NULL)
        trace("got%d", eddy_await(next));
    EXPECT_STR(traced(), "1 got1 2 got2 3 got3");
    eddy_completions_free(it);
    return 0;
}

TEST_ASYNC(the_asynchronous_iterator_gives_the_originals)
{
    eddy_task *a = eddy_create_task(work(2, 0)), *b = eddy_create_task(work(1, 0));
    eddy_future *f = NULL;
    eddy_completions *it;

    REQUIRE(a != NULL && b != NULL);
    it = required(eddy_as_completed(EDDY_LIST(a, b), EDDY_FOREVER));
    EXPECT_EQ(eddy_completions_anext(it, &f), 1);
    EXPECT(f == eddy_task_future(b));
    EXPECT_EQ(now(), 1.0);
    EXPECT_EQ(eddy_completions_anext(it, &f), 1);
    EXPECT(f == eddy_task_future(a));
    EXPECT_EQ(eddy_completions_anext(it, &f), 0);
    EXPECT_EQ(eddy_completions_anext(it, &f), 0);
    eddy_completions_free(it);
    eddy_unref(a);
    eddy_unref(b);
    return 0;
}

TEST_ASYNC(failures_come_like_results)
{
    eddy_completions *it =
        required(eddy_as_completed(EDDY_LIST(work(1, EDDY_EUSER), work(2, 2)), EDDY_FOREVER));
    void *value = &value;

    reports_collect(NULL);
    EXPECT_EQ(eddy_await_value(eddy_completions_next(it), &value), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "bad");
    EXPECT_EQ(eddy_await_value(eddy_completions_next(it), &value), 2);
    EXPECT(eddy_completions_next(it) == NULL);
    eddy_completions_free(it);
    EXPECT_EQ(reports.n, 0);
    return 0;
}

TEST_ASYNC(pointers_come_along)
{
    eddy_completions *it =
        required(eddy_as_completed(EDDY_LIST(eddy_sleep_coro(1, 4, "four")), 10));
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(eddy_completions_next(it), &value), 4);
    EXPECT_STR(value, "four");
    eddy_completions_free(it);
    return 0;
}

TEST_ASYNC(after_the_timeout_each_of_the_rest_is_timed_out_and_none_is_cancelled)
{
    eddy_task *slow = eddy_create_task(work(9, 9));
    eddy_completions *it = required(eddy_as_completed(EDDY_LIST(work(1, 1), slow, work(8, 8)), 5));

    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 1);
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), -ETIMEDOUT);
    EXPECT_EQ(now(), 5.0);
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), -ETIMEDOUT);
    EXPECT(eddy_completions_next(it) == NULL);
    eddy_completions_free(it);
    EXPECT_EQ(eddy_await(slow), 9);
    EXPECT_STR(traced(), "1 8 9");
    return 0;
}

TEST_ASYNC(the_asynchronous_iterator_times_out_as_well)
{
    eddy_completions *it = required(eddy_as_completed(EDDY_LIST(work(9, 9)), 5));
    eddy_future *f = NULL;

    EXPECT_EQ(eddy_completions_anext(it, &f), -ETIMEDOUT);
    EXPECT(f == NULL);
    EXPECT_EQ(eddy_completions_anext(it, &f), 0);
    eddy_completions_free(it);
    return 0;
}

TEST_ASYNC(what_is_done_already_comes_first)
{
    eddy_future *f = eddy_create_future();
    eddy_completions *it;

    REQUIRE(f != NULL);
    eddy_future_set_result(f, 5);
    it = required(eddy_as_completed(EDDY_LIST(work(0, 6), f), EDDY_FOREVER));
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 5);
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 6);
    eddy_completions_free(it);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(duplicates_count_once)
{
    eddy_coroutine *coro = work(2, 2);
    eddy_task *t = eddy_create_task(work(1, 1));
    eddy_completions *it = required(eddy_as_completed(EDDY_LIST(t, coro, t, coro), EDDY_FOREVER));

    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 1);
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 2);
    EXPECT(eddy_completions_next(it) == NULL);
    EXPECT_STR(traced(), "1 2");
    eddy_completions_free(it);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(of_nothing_nothing_comes)
{
    eddy_completions *it = required(eddy_as_completed(NULL, 0, 5));
    eddy_future *f = NULL;

    EXPECT(eddy_completions_next(it) == NULL);
    EXPECT_EQ(eddy_completions_anext(it, &f), 0);
    eddy_completions_free(it);
    eddy_completions_free(NULL);
    EXPECT(eddy_completions_next(NULL) == NULL);
    EXPECT_EQ(eddy_completions_anext(NULL, &f), -ENOMEM);
    return 0;
}

TEST_ASYNC(the_iterator_may_be_left_early_and_the_rest_runs_on)
{
    eddy_completions *it = required(eddy_as_completed(EDDY_LIST(work(1, 1), work(2, 2)), 100));
    eddy_coroutine *extra;

    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 1);
    extra = eddy_completions_next(it);
    eddy_completions_free(it);
    eddy_coroutine_close(extra);
    EXPECT_EQ(eddy_sleep(5), 0);
    EXPECT_STR(traced(), "1 2");
    return 0;
}

static eddy_async(take, (eddy_completions *, it), (const char *, name))
{
    eddy_future *f;
    int rc = eddy_completions_anext(it, &f);

    trace("%s:%d", name, rc == 1 ? eddy_future_result(f) : rc);
    return rc;
}

TEST_ASYNC(several_tasks_may_take_from_one_iterator_first_come_first_served, .ordered = true)
{
    eddy_completions *it =
        required(eddy_as_completed(EDDY_LIST(work(1, 1), work(2, 2)), EDDY_FOREVER));
    eddy_task *a = eddy_create_task(take(it, "a")), *b = eddy_create_task(take(it, "b"));

    EXPECT_EQ(eddy_await(a), 1);
    EXPECT_EQ(eddy_await(b), 1);
    EXPECT_STR(traced(), "1 a:1 2 b:2");
    eddy_completions_free(it);
    return 0;
}

TEST_ASYNC(a_taker_that_is_cancelled_takes_nothing_away, .ordered = true)
{
    eddy_completions *it =
        required(eddy_as_completed(EDDY_LIST(work(1, 1), work(2, 2)), EDDY_FOREVER));
    eddy_task *a = eddy_create_task(take(it, "a")), *b = eddy_create_task(take(it, "b"));

    REQUIRE(a != NULL && b != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 1);
    EXPECT_STR(traced(), "a:-125 1 b:1");
    eddy_completions_free(it);
    return 0;
}

TEST_ASYNC(the_iterator_may_be_freed_while_another_task_waits_for_it)
{
    eddy_completions *it = required(eddy_as_completed(EDDY_LIST(work(9, 9)), 5));
    eddy_task *t = eddy_create_task(take(it, "t"));

    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_completions_free(it);
    EXPECT_EQ(eddy_await(t), -ETIMEDOUT);
    return 0;
}

static eddy_async(wait_for_it, (eddy_future *, f))
{
    return eddy_wait(&f, 1, 50, EDDY_ALL_COMPLETED);
}

TEST_ASYNC(an_eager_one_may_wait_for_another_meanwhile)
{
    eddy_future *f = eddy_create_future();
    eddy_completions *it;

    REQUIRE(f != NULL);
    eddy_loop_set_task_factory(eddy_get_running_loop(), eddy_eager_task_factory, NULL);
    it = required(eddy_as_completed(EDDY_LIST(f, wait_for_it(f), f), EDDY_FOREVER));
    eddy_future_set_result(f, 7);
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 7);
    EXPECT_EQ(eddy_await(eddy_completions_next(it)), 1);
    EXPECT_EQ(now(), 0.0);
    EXPECT(eddy_completions_next(it) == NULL);
    eddy_completions_free(it);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(what_cannot_be_made_has_consumed_its_coroutines_and_cancelled_their_tasks)
{
    eddy_coroutine *twice = work(1, 1);
    eddy_task *mine = eddy_create_task(work(2, 2));

    EXPECT(eddy_as_completed(EDDY_LIST(twice, mine, twice, (eddy_task *)NULL, work(3, 3)), 5) ==
           NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(eddy_as_completed(EDDY_LIST(work(1, 5), work(1, 6), (eddy_task *)NULL), 5) == NULL);
    EXPECT(eddy_as_completed(EDDY_LIST(work(4, 4)), NAN) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);
    EXPECT_EQ(eddy_await(mine), 2);
    EXPECT_STR(traced(), "2");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}
