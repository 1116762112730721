/* Objects that outlive their loop, and loops that are closed in odd places. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_loop *new_loop(void)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    return loop;
}

static void one_turn(eddy_loop *loop)
{
    eddy_loop_stop(loop);
    eddy_loop_run_forever(loop);
}

TEST_REAL(a_future_outlives_its_loop_and_calls_no_callback)
{
    eddy_loop *loop = new_loop();
    eddy_future *f = eddy_loop_create_future(loop), *pending = eddy_loop_create_future(loop);

    REQUIRE(f != NULL && pending != NULL);
    eddy_future_add_done_callback(f, trace_done, "never");
    eddy_future_add_done_callback(pending, trace_done, "never");
    eddy_loop_close(loop);
    eddy_loop_unref(loop);

    EXPECT_EQ(eddy_future_set_result(f, 8), 0);
    EXPECT_EQ(eddy_future_result(f), 8);
    EXPECT_EQ(eddy_future_add_done_callback(f, trace_done, "never"), EDDY_ECLOSED);
    EXPECT(eddy_future_cancel(pending, NULL));
    eddy_unref(f);
    eddy_unref(pending);
    EXPECT_STR(traced(), "");
}

TEST_REAL(what_a_gather_or_shield_waited_for_may_end_after_the_loop)
{
    eddy_loop *loop = new_loop();
    eddy_future *f = eddy_loop_create_future(loop), *g = eddy_loop_create_future(loop), *all,
                *shielded;

    REQUIRE(f != NULL && g != NULL);
    all = eddy_gather(eddy_ref(f), eddy_ref(f));
    shielded = eddy_shield(eddy_ref(g));
    eddy_loop_close(loop);

    eddy_future_set_result(f, 0);
    eddy_future_set_result(g, 0);
    EXPECT(all == NULL || !eddy_future_done(all));
    eddy_unref(shielded);
    eddy_unref(all);
    eddy_unref(f);
    eddy_unref(g);
    eddy_loop_unref(loop);
}

TEST_REAL(an_unretrieved_exception_is_reported_also_after_the_close)
{
    eddy_loop *loop = new_loop();
    eddy_future *f = eddy_loop_create_future(loop);

    REQUIRE(f != NULL);
    eddy_future_set_exception(f, -EIO, "lost");
    eddy_loop_close(loop);
    EXPECT_EQ(reports.n, 0);
    eddy_unref(f);
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "Future exception was never retrieved");
    EXPECT_IN("lost", reports.exception);
    eddy_loop_unref(loop);
}

static eddy_async(sleeper)
{
    int rc = eddy_sleep(1000);

    trace("inner-%s", rc == -ECANCELED ? "cancelled" : "woke");
    return rc;
}

static void close_other(void *other)
{
    EXPECT_EQ(eddy_loop_close(other), 0);
    EXPECT(eddy_get_running_loop() != other);
    trace("closed");
}

TEST_REAL(a_loop_may_be_closed_by_a_callback_of_another)
{
    eddy_loop *outer = new_loop(), *inner = new_loop();

    eddy_unref(eddy_loop_create_task(inner, sleeper()));
    one_turn(inner);
    eddy_loop_call_soon(outer, close_other, inner);
    one_turn(outer);
    EXPECT_STR(traced(), "inner-cancelled closed");
    eddy_loop_unref(inner);
    eddy_loop_unref(outer);
}

static eddy_async(close_and_go_on, (eddy_loop *, other))
{
    volatile char frame[2000];

    frame[0] = 1;
    frame[1999] = 2;
    eddy_try(eddy_sleep(0));
    close_other(other);
    EXPECT(eddy_current_task() != NULL);
    eddy_try(eddy_sleep(0.001));
    EXPECT_EQ(frame[0] + frame[1999], 3);
    trace("outer");
    return 4;
}

TEST_REAL(a_loop_may_be_closed_by_a_task_of_another)
{
    eddy_loop *outer = new_loop(), *inner = new_loop();

    eddy_unref(eddy_loop_create_task(inner, sleeper()));
    eddy_unref(eddy_loop_create_task(inner, sleeper()));
    one_turn(inner);
    EXPECT_EQ(eddy_loop_run_until_complete(outer, close_and_go_on(inner)), 4);
    EXPECT_STR(traced(), "inner-cancelled inner-cancelled closed outer");
    eddy_loop_unref(inner);
    eddy_loop_unref(outer);
}

static int n_made;

/* Reports are made in the middle of things; handlers may do what they like all the same. */
static void make_things(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    eddy_task *t = eddy_loop_create_task(loop, sleeper(), .eager_start = true);

    n_made++;
    if (context->task)
        eddy_task_cancel(context->task, "by the handler");
    eddy_loop_close(loop);
    eddy_unref(t);
}

TEST_REAL(the_exception_handler_may_use_the_closing_loop)
{
    eddy_loop *loop = new_loop();

    eddy_loop_set_exception_handler(loop, make_things, NULL);
    eddy_unref(eddy_loop_create_task(loop, sleeper()));
    one_turn(loop);
    eddy_loop_unref(loop);
    EXPECT_EQ(n_made, 1);
    EXPECT_STR(traced(), "inner-cancelled");
}
