/* Futures: rules 27 and 32 to 40. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_future *new_future(void)
{
    eddy_future *f = eddy_create_future();

    REQUIRE(f != NULL);
    return f;
}

TEST_ASYNC(a_future_is_pending_until_it_is_given_a_result)
{
    eddy_future *f = new_future();
    const eddy_exception *e = NULL;

    EXPECT(!eddy_future_done(f) && !eddy_future_cancelled(f));
    EXPECT_EQ(eddy_future_result(f), EDDY_EINVALIDSTATE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "Result is not set.");
    EXPECT_EQ(eddy_future_exception(f, &e), EDDY_EINVALIDSTATE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "Exception is not set.");

    EXPECT_EQ(eddy_future_set_result(f, 6), 0);
    EXPECT(eddy_future_done(f) && !eddy_future_cancelled(f));
    EXPECT_EQ(eddy_future_result(f), 6);
    EXPECT_EQ(eddy_future_result(f), 6);
    EXPECT_EQ(eddy_future_exception(f, &e), 0);
    EXPECT(e == NULL);
    EXPECT(eddy_future_get_loop(f) == eddy_get_running_loop());
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(a_result_may_be_a_status_a_pointer_or_both)
{
    eddy_future *status = new_future(), *pointer = new_future(), *both = new_future();
    void *value = &value;

    eddy_future_set_result(status, 3);
    eddy_future_set_value(pointer, "p");
    eddy_future_set_result_value(both, 4, "q");
    EXPECT_EQ(eddy_await_value(status, &value), 3);
    EXPECT(value == NULL);
    EXPECT_EQ(eddy_await_value(pointer, &value), 0);
    EXPECT_STR(value, "p");
    EXPECT_EQ(eddy_await_value(both, &value), 4);
    EXPECT_STR(value, "q");
    return 0;
}

TEST_ASYNC(a_future_is_finished_once_and_for_all)
{
    eddy_future *f = new_future(), *cancelled = new_future();

    eddy_future_set_result(f, 1);
    EXPECT_EQ(eddy_future_set_result(f, 2), EDDY_EINVALIDSTATE);
    EXPECT_EQ(eddy_future_set_value(f, "x"), EDDY_EINVALIDSTATE);
    EXPECT_EQ(eddy_future_set_exception(f, -EIO, "x"), EDDY_EINVALIDSTATE);
    EXPECT(!eddy_future_cancel(f, NULL));
    EXPECT_EQ(eddy_future_result(f), 1);

    EXPECT(eddy_future_cancel(cancelled, NULL));
    EXPECT(!eddy_future_cancel(cancelled, NULL));
    EXPECT_EQ(eddy_future_set_result(cancelled, 2), EDDY_EINVALIDSTATE);
    EXPECT(eddy_future_done(cancelled) && eddy_future_cancelled(cancelled));
    eddy_unref(f);
    eddy_unref(cancelled);
    return 0;
}

TEST_ASYNC(a_result_is_not_negative_and_an_exception_is)
{
    eddy_future *f = new_future();

    EXPECT_EQ(eddy_future_set_result(f, -1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_future_set_exception(f, 0, "x"), EDDY_EMISUSE);
    EXPECT_EQ(eddy_future_set_error(f, NULL), EDDY_EMISUSE);
    EXPECT(!eddy_future_done(f));
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(a_failed_future_gives_its_code_and_message)
{
    eddy_future *f = new_future();
    const eddy_exception *e = NULL;
    void *value = &value;

    eddy_future_set_exception(f, EDDY_EUSER, "bad %s", "luck");
    EXPECT_EQ(eddy_future_result_value(f, &value), EDDY_EUSER);
    EXPECT(value == &value);
    EXPECT_STR(eddy_exception_message(eddy_error()), "bad luck");
    EXPECT_EQ(eddy_future_exception(f, &e), 0);
    EXPECT(e == eddy_error());
    eddy_unref(f);
    return 0;
}

static eddy_async(await_and_keep, (eddy_future *, f), (const eddy_exception **, ret))
{
    int rc = eddy_await(eddy_ref(f));

    *ret = eddy_exception_ref(eddy_error());
    return rc;
}

TEST_ASYNC(all_tasks_that_await_a_failed_future_get_the_same_exception)
{
    eddy_future *f = new_future();
    const eddy_exception *first = NULL, *second = NULL;
    eddy_task *a = eddy_create_task(await_and_keep(f, &first));
    eddy_task *b = eddy_create_task(await_and_keep(f, &second));

    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_future_set_exception(f, EDDY_EUSER, "shared");
    EXPECT_EQ(eddy_await(a), EDDY_EUSER);
    EXPECT_EQ(eddy_await(b), EDDY_EUSER);
    EXPECT(first == second);
    EXPECT_STR(eddy_exception_message(first), "shared");
    eddy_exception_unref(first);
    eddy_exception_unref(second);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(a_cancelled_future_gives_its_message_every_time)
{
    eddy_future *f = new_future();

    eddy_future_cancel(f, "no more");
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(eddy_future_result(f), -ECANCELED);
        EXPECT_STR(eddy_exception_message(eddy_error()), "no more");
    }
    EXPECT_EQ(eddy_future_exception(f, NULL), -ECANCELED);
    EXPECT_EQ(eddy_await(f), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "no more");
    EXPECT(!eddy_task_cancelled(eddy_current_task()));
    return 0;
}

static eddy_future *failed(void)
{
    eddy_future *f = new_future();

    eddy_future_set_exception(f, EDDY_EUSER, "unheard");
    return f;
}

TEST_ASYNC(an_exception_that_was_not_retrieved_is_reported_with_the_last_reference)
{
    eddy_future *f = failed();

    reports_collect(NULL);
    eddy_unref(eddy_ref(f));
    EXPECT_EQ(reports.n, 0);
    eddy_unref(f);
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "Future exception was never retrieved");
    EXPECT_STR(reports.exception, "unheard (Error of the program)");
    EXPECT_EQ(reports.code, EDDY_EUSER);
    return 0;
}

TEST_ASYNC(an_exception_that_was_asked_for_is_not_reported)
{
    eddy_future *result = failed(), *exception = failed(), *cancel = failed(), *awaited = failed();

    reports_collect(NULL);
    eddy_future_result(result);
    eddy_future_exception(exception, NULL);
    eddy_future_cancel(cancel, NULL);
    EXPECT_EQ(eddy_await(awaited), EDDY_EUSER);
    eddy_unref(result);
    eddy_unref(exception);
    eddy_unref(cancel);
    EXPECT_EQ(reports.n, 0);
    return 0;
}

TEST_ASYNC(done_and_cancelled_do_not_count_as_asking)
{
    eddy_future *f = failed();

    reports_collect(NULL);
    EXPECT(eddy_future_done(f) && !eddy_future_cancelled(f));
    eddy_unref(f);
    EXPECT_EQ(reports.n, 1);
    return 0;
}

TEST_ASYNC(results_and_cancellations_that_were_not_retrieved_are_not_reported)
{
    eddy_future *f = new_future(), *g = new_future(), *h = new_future();

    reports_collect(NULL);
    eddy_future_set_result(f, 0);
    eddy_future_cancel(g, "x");
    eddy_unref(f);
    eddy_unref(g);
    eddy_unref(h);
    EXPECT_EQ(reports.n, 0);
    return 0;
}

TEST_ASYNC(awaiting_a_future_that_is_done_does_not_suspend)
{
    eddy_future *f = new_future();

    eddy_future_set_result(f, 2);
    eddy_loop_call_soon(eddy_get_running_loop(), trace_callback, "callback");
    EXPECT_EQ(eddy_await(f), 2);
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(cancelling_a_task_cancels_the_shared_future_it_waits_for_and_so_all_others,
           .ordered = true)
{
    eddy_future *f = new_future();
    const eddy_exception *first = NULL, *second = NULL;
    eddy_task *a = eddy_create_task(await_and_keep(f, &first));
    eddy_task *b = eddy_create_task(await_and_keep(f, &second));

    REQUIRE(a != NULL && b != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(b, "for b");
    EXPECT(eddy_future_cancelled(f));
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), -ECANCELED);
    eddy_exception_unref(first);
    eddy_exception_unref(second);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(an_exception_object_can_be_given_to_several_futures)
{
    eddy_exception *e = eddy_exception_new(EDDY_EUSER, "one for all");
    eddy_future *f = new_future(), *g = new_future();
    const eddy_exception *found = NULL;

    REQUIRE(e != NULL);
    eddy_future_set_error(f, e);
    eddy_future_set_error(g, e);
    eddy_exception_unref(e);
    eddy_future_exception(f, &found);
    EXPECT(found == e);
    EXPECT_EQ(eddy_await(g), EDDY_EUSER);
    EXPECT(eddy_error() == e);
    eddy_unref(f);
    return 0;
}

TEST_VIRTUAL(a_future_needs_a_loop)
{
    EXPECT(eddy_create_future() == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    EXPECT(eddy_loop_create_future(NULL) == NULL);
    eddy_future_unref(NULL);
    EXPECT(eddy_future_ref(NULL) == NULL);
}

TEST_ASYNC(ensure_future_makes_a_task_of_a_coroutine_and_nothing_of_a_future)
{
    eddy_future *f = new_future(), *t = eddy_ensure_future(eddy_sleep_coro(1, 5, NULL));

    EXPECT(eddy_ensure_future(f) == f);
    EXPECT(eddy_ensure_future((eddy_coroutine *)NULL) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(t == NULL || eddy_future_as_task(t) != NULL);
    EXPECT_EQ(eddy_await(t), 5);
    eddy_unref(f);
    return 0;
}
