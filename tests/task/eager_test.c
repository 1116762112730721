/* Eager start: rules 71 to 77. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_async(at_once)
{
    trace("body");
    return 4;
}

static eddy_async(suspends)
{
    trace("first");
    eddy_try(eddy_sleep(0));
    trace("second");
    return 5;
}

TEST_ASYNC_REAL(an_eager_task_that_does_not_suspend_is_done_when_it_is_made)
{
    eddy_task *t = eddy_create_task(at_once(), .eager_start = true);

    REQUIRE(t != NULL);
    EXPECT_STR(traced(), "body");
    EXPECT(eddy_task_done(t));
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    EXPECT_EQ(eddy_await(t), 4);
    return 0;
}

TEST_ASYNC_REAL(an_eager_task_runs_up_to_its_first_suspension)
{
    eddy_task *t = eddy_create_task(suspends(), .eager_start = true);

    REQUIRE(t != NULL);
    trace("created");
    EXPECT(!eddy_task_done(t));
    EXPECT_EQ(eddy_await(t), 5);
    EXPECT_STR(traced(), "first created second");
    return 0;
}

static eddy_async(look, (eddy_task *, creator))
{
    eddy_task *all[3], *me = eddy_current_task();

    EXPECT(me != creator && me != NULL);
    EXPECT_EQ(eddy_all_tasks(NULL, all, 3), 2);
    EXPECT(all[0] == creator && all[1] == me);
    eddy_try(eddy_sleep(0));
    EXPECT(eddy_current_task() == me);
    return 0;
}

TEST_ASYNC_REAL(the_current_task_is_the_eager_one_meanwhile)
{
    eddy_task *me = eddy_current_task(), *t = eddy_create_task(look(me), .eager_start = true);

    EXPECT(eddy_current_task() == me);
    return eddy_await(t);
}

static eddy_async(fails)
{
    return eddy_raise(EDDY_EUSER, "eagerly");
}

TEST_ASYNC(an_error_of_an_eager_task_stays_with_the_task)
{
    eddy_task *t = eddy_create_task(fails(), .eager_start = true);

    REQUIRE(t != NULL);
    EXPECT(eddy_error() == NULL);
    EXPECT_EQ(eddy_await(t), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "eagerly");
    return 0;
}

TEST_ASYNC(a_gather_of_what_ended_eagerly_is_done_at_once)
{
    eddy_task *a = eddy_create_task(at_once(), .eager_start = true);
    eddy_task *b = eddy_create_task(at_once(), .eager_start = true);
    eddy_future *both = eddy_gather(a, b);

    REQUIRE(both != NULL);
    EXPECT(eddy_future_done(both));
    REQUIRE(eddy_gather_outcomes(both) != NULL);
    EXPECT_EQ(eddy_gather_outcomes(both)[1].status, 4);
    eddy_unref(both);
    return 0;
}

TEST_ASYNC(cancelled_right_after_an_eager_start_it_is_struck_where_it_waits)
{
    eddy_task *t = eddy_create_task(suspends(), .eager_start = true);

    REQUIRE(t != NULL);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_STR(traced(), "first");
    return 0;
}

static eddy_async(nested, (int, depth))
{
    eddy_task *t = NULL;

    trace("in%d", depth);
    if (depth > 0)
        t = eddy_create_task(nested(depth - 1), .eager_start = true);
    trace("out%d", depth);
    return depth > 0 ? eddy_await(t) : eddy_sleep(1);
}

TEST_ASYNC(eager_starts_may_be_nested)
{
    EXPECT_EQ(eddy_await(eddy_create_task(nested(2), .eager_start = true)), 0);
    EXPECT_STR(traced(), "in2 in1 in0 out0 out1 out2");
    return 0;
}

static void start_in_callback(void *ret)
{
    *(eddy_task **)ret = eddy_create_task(suspends(), .eager_start = true);
    EXPECT(eddy_current_task() == NULL);
    trace("callback");
}

TEST_ASYNC_REAL(a_callback_may_start_a_task_eagerly, .ordered = true)
{
    eddy_task *t = NULL;

    eddy_loop_call_soon(eddy_get_running_loop(), start_in_callback, &t);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "first callback");
    EXPECT_EQ(eddy_await(t), 5);
    EXPECT_STR(traced(), "first callback second");
    return 0;
}

static eddy_async(cancel_creator, (eddy_task *, creator))
{
    EXPECT(eddy_task_cancel(creator, "by its child"));
    return 0;
}

TEST_ASYNC(an_eager_task_may_cancel_its_creator_which_is_struck_at_its_next_suspension)
{
    eddy_task *me = eddy_current_task();

    eddy_unref(eddy_create_task(cancel_creator(me), .eager_start = true));
    EXPECT_EQ(eddy_sleep(0), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "by its child");
    EXPECT_EQ(eddy_task_uncancel(me), 0);
    return 0;
}

/* A task that an exception handler starts eagerly while the failed task leaves its stack has to
 * wait for its turn. */
static void start_in_handler(eddy_loop *loop, const eddy_exception_context *context, void *ret)
{
    trace("handler");
    *(eddy_task **)ret = eddy_create_task(suspends(), .eager_start = true);
}

TEST_ASYNC_REAL(an_exception_handler_may_create_tasks)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_task *t = NULL;

    eddy_loop_set_exception_handler(loop, start_in_handler, &t);
    eddy_unref(eddy_create_task(fails()));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_loop_set_exception_handler(loop, NULL, NULL);
    EXPECT_EQ(eddy_await(t), 5);
    EXPECT_STR(traced(), "handler first second");
    return 0;
}

TEST_ASYNC_REAL(an_exception_handler_may_create_tasks_when_an_eager_task_fails)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_task *t = NULL;

    eddy_loop_set_exception_handler(loop, start_in_handler, &t);
    eddy_unref(eddy_create_task(fails(), .eager_start = true));
    eddy_loop_set_exception_handler(loop, NULL, NULL);
    EXPECT_EQ(eddy_await(t), 5);
    EXPECT_IN("handler first", traced());
    return 0;
}
