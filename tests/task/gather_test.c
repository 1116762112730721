/* gather: rules 78 to 86. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

static eddy_async(work, (const char *, name), (double, delay), (int, status))
{
    int rc;

    trace("%s", name);
    rc = eddy_sleep(delay);
    trace("%s-%s", name, rc == 0 ? "done" : "cancelled");
    if (rc < 0)
        return rc;
    return status < 0 ? eddy_raise(status, "%s failed", name) : status;
}

static eddy_future *required(eddy_future *f)
{
    REQUIRE(f != NULL);
    return f;
}

TEST_ASYNC(results_come_in_the_order_of_the_arguments, .ordered = true)
{
    eddy_future *all =
        required(eddy_gather(work("a", 3, 10), work("b", 1, 20), eddy_sleep_coro(2, 30, "value")));
    const eddy_outcome *o;

    EXPECT(eddy_gather_outcomes(all) == NULL);
    EXPECT_EQ(eddy_await(eddy_ref(all)), 0);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 3.0);
    o = eddy_gather_outcomes(all);
    REQUIRE(o != NULL);
    EXPECT_EQ(o[0].status, 10);
    EXPECT_EQ(o[1].status, 20);
    EXPECT_EQ(o[2].status, 30);
    EXPECT_STR(o[2].value, "value");
    EXPECT(o[0].value == NULL && o[0].exception == NULL);
    EXPECT_STR(traced(), "a b b-done a-done");
    eddy_unref(all);
    return 0;
}

TEST_ASYNC(coroutines_are_scheduled_in_order_at_the_call, .ordered = true)
{
    eddy_future *all;

    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "before");
    all = eddy_gather(work("a", 0, 0), work("b", 0, 0));
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "after");
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 3);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "before a b after");
    return eddy_await(all);
}

TEST_ASYNC(a_future_given_twice_is_waited_for_once_and_its_result_doubled, .ordered = true)
{
    eddy_task *t = eddy_create_task(work("t", 1, 5));
    eddy_future *all = required(eddy_gather(eddy_ref(t), work("u", 0, 6), t));

    EXPECT_EQ(eddy_await(eddy_ref(all)), 0);
    REQUIRE(eddy_gather_outcomes(all) != NULL);
    EXPECT_EQ(eddy_gather_outcomes(all)[0].status, 5);
    EXPECT_EQ(eddy_gather_outcomes(all)[1].status, 6);
    EXPECT_EQ(eddy_gather_outcomes(all)[2].status, 5);
    EXPECT_STR(traced(), "t u u-done t-done");
    eddy_unref(all);
    return 0;
}

TEST_ASYNC(a_coroutine_given_twice_is_run_once_and_its_result_doubled, .ordered = true)
{
    eddy_coroutine *coro = work("t", 1, 5);
    eddy_future *all = required(eddy_gather(coro, coro, work("u", 0, 6), coro));

    EXPECT_EQ(eddy_await(eddy_ref(all)), 0);
    REQUIRE(eddy_gather_outcomes(all) != NULL);
    EXPECT_EQ(eddy_gather_outcomes(all)[1].status, 5);
    EXPECT_EQ(eddy_gather_outcomes(all)[3].status, 5);
    EXPECT_STR(traced(), "t u u-done t-done");
    eddy_unref(all);
    return 0;
}

TEST_ASYNC(a_gather_of_nothing_is_done)
{
    eddy_future *all = required(eddy_gather_list(NULL, 0, false));

    EXPECT(eddy_future_done(all));
    EXPECT_EQ(eddy_future_result(all), 0);
    EXPECT(!eddy_future_cancel(all, NULL));
    EXPECT_EQ(eddy_await(all), 0);
    return 0;
}

TEST_ASYNC(the_first_failure_is_passed_on_at_once_while_the_others_go_on, .ordered = true)
{
    eddy_future *all = required(
        eddy_gather(work("slow", 5, 1), work("bad", 1, EDDY_EUSER), work("worse", 2, -EIO)));

    reports_collect(NULL);
    EXPECT_EQ(eddy_await(all), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "bad failed");
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 1.0);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_STR(traced(), "slow bad worse bad-done worse-done slow-done");
    EXPECT_EQ(reports.n, 0);
    return 0;
}

TEST_ASYNC(the_failure_of_a_gather_that_was_not_retrieved_is_reported)
{
    reports_collect(NULL);
    eddy_unref(eddy_gather(work("bad", 1, EDDY_EUSER)));
    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_EQ(reports.n, 1);
    EXPECT_EQ(reports.code, EDDY_EUSER);
    return 0;
}

TEST_ASYNC(a_cancelled_child_counts_as_a_failure_and_leaves_its_siblings_alone, .ordered = true)
{
    eddy_task *victim = eddy_create_task(work("victim", 5, 0));
    eddy_future *all = required(eddy_gather(work("other", 5, 1), eddy_ref(victim)));

    REQUIRE(victim != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(victim, "out");
    EXPECT_EQ(eddy_await(eddy_ref(all)), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "out");
    EXPECT(!eddy_future_cancelled(all));
    EXPECT(eddy_gather_outcomes(all) == NULL);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_STR(traced(), "victim other victim-cancelled other-done");
    eddy_unref(victim);
    eddy_unref(all);
    return 0;
}

TEST_ASYNC(with_return_exceptions_failures_are_outcomes_like_any_other)
{
    eddy_task *victim = eddy_create_task(work("victim", 5, 0));
    eddy_future *all;
    const eddy_outcome *o;

    REQUIRE(victim != NULL);
    reports_collect(NULL);
    all = required(
        eddy_gather_list(EDDY_LIST(work("good", 2, 1), work("bad", 1, EDDY_EUSER), victim), true));
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(victim, "out");
    EXPECT_EQ(eddy_await(eddy_ref(all)), 0);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 2.0);
    o = eddy_gather_outcomes(all);
    REQUIRE(o != NULL);
    EXPECT_EQ(o[0].status, 1);
    EXPECT_EQ(o[1].status, EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(o[1].exception), "bad failed");
    EXPECT_EQ(o[2].status, -ECANCELED);
    eddy_unref(all);
    EXPECT_EQ(reports.n, 0); /* the outcomes have told of the failures */
    return 0;
}

static eddy_async(stubborn, (const char *, name))
{
    eddy_sleep(100);
    trace("%s-cleaning", name);
    eddy_sleep(5);
    trace("%s-returns", name);
    return 3;
}

static void expect_cancelled(bool return_exceptions)
{
    eddy_future *all =
        required(eddy_gather_list(EDDY_LIST(stubborn("a"), stubborn("b")), return_exceptions));

    eddy_sleep(1);
    EXPECT(eddy_future_cancel(all, "enough"));
    EXPECT(!eddy_future_done(all));
    EXPECT_EQ(eddy_await(eddy_ref(all)), -ECANCELED);
    EXPECT_STR(traced(), "a-cleaning b-cleaning a-returns b-returns");
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 6.0);
    EXPECT(!eddy_future_cancelled(all));
    eddy_unref(all);
}

TEST_ASYNC(a_cancelled_gather_ends_when_all_children_have_ended_and_as_cancelled, .ordered = true)
{
    expect_cancelled(false);
    return 0;
}

TEST_ASYNC(a_cancelled_gather_ends_as_cancelled_also_with_return_exceptions, .ordered = true)
{
    expect_cancelled(true);
    return 0;
}

TEST_ASYNC(cancelling_a_gather_that_is_done_leaves_its_children_alone, .ordered = true)
{
    eddy_future *all = required(eddy_gather(work("slow", 5, 1), work("bad", 1, EDDY_EUSER)));

    EXPECT_EQ(eddy_await(eddy_ref(all)), EDDY_EUSER);
    EXPECT(!eddy_future_cancel(all, NULL));
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_STR(traced(), "slow bad bad-done slow-done");
    eddy_unref(all);
    return 0;
}

TEST_ASYNC(a_gather_whose_children_are_all_done_cannot_be_cancelled_any_more)
{
    eddy_future *f = required(eddy_create_future()), *all = required(eddy_gather(eddy_ref(f)));

    eddy_future_set_result(f, 8);
    EXPECT(!eddy_future_cancel(all, NULL));
    EXPECT(!eddy_future_done(all));
    EXPECT_EQ(eddy_await(eddy_ref(all)), 0);
    REQUIRE(eddy_gather_outcomes(all) != NULL);
    EXPECT_EQ(eddy_gather_outcomes(all)[0].status, 8);
    eddy_unref(all);
    eddy_unref(f);
    return 0;
}

static eddy_async(answer, (eddy_future *, f), (int, status))
{
    EXPECT_EQ(eddy_future_set_result(f, status), 0);
    return 0;
}

TEST_ASYNC(a_child_that_a_later_one_ends_as_it_is_added_is_seen_once)
{
    eddy_future *f = required(eddy_create_future()), *all;
    const eddy_outcome *o;

    eddy_loop_set_task_factory(eddy_get_running_loop(), eddy_eager_task_factory, NULL);
    all = required(eddy_gather(eddy_ref(f), answer(f, 7), work("c", 1, 8)));
    EXPECT(eddy_future_done(f));
    EXPECT(!eddy_future_done(all));
    EXPECT_EQ(eddy_await(eddy_ref(all)), 0);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 1.0);
    o = eddy_gather_outcomes(all);
    REQUIRE(o != NULL);
    EXPECT_EQ(o[0].status, 7);
    EXPECT_EQ(o[1].status, 0);
    EXPECT_EQ(o[2].status, 8);
    eddy_unref(all);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(a_child_of_an_earlier_gather_with_the_same_number_is_waited_for)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_future *f = required(eddy_create_future()), *first, *second;

    loop->tasks.gathers = UINT16_MAX;
    first = required(eddy_gather(eddy_ref(f))); /* number 1: there is no 0 */
    loop->tasks.gathers = 0;
    second = required(eddy_gather(eddy_sleep_coro(0, 0, NULL), eddy_ref(f), eddy_ref(f)));
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(!eddy_future_done(second));
    EXPECT_EQ(eddy_future_set_result(f, 5), 0);
    EXPECT_EQ(eddy_await(first), 0);
    EXPECT_EQ(eddy_await(eddy_ref(second)), 0);
    EXPECT_EQ(eddy_gather_outcomes(second)[1].status, 5);
    EXPECT_EQ(eddy_gather_outcomes(second)[2].status, 5);
    eddy_unref(second);
    eddy_unref(f);
    return 0;
}
