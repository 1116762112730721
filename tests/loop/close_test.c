/* Closing a loop: rules 14 and 16. */
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

static void close_running(void *loop)
{
    EXPECT_EQ(eddy_loop_close(loop), EDDY_ERUNNING);
    EXPECT(!eddy_loop_is_closed(loop));
    trace("refused");
}

TEST_REAL(a_running_loop_cannot_be_closed)
{
    eddy_loop *loop = new_loop();

    eddy_loop_call_soon(loop, close_running, loop);
    one_turn(loop);
    EXPECT_STR(traced(), "refused");
    eddy_loop_unref(loop);
}

TEST_REAL(closing_drops_callbacks_without_running_them)
{
    eddy_loop *loop = new_loop();
    eddy_future *f = eddy_loop_create_future(loop);

    REQUIRE(f != NULL);
    eddy_loop_call_soon(loop, trace_callback, "soon");
    eddy_loop_call_later(loop, 0, trace_callback, "later");
    eddy_loop_call_soon_threadsafe(loop, trace_callback, "threadsafe");
    eddy_future_add_done_callback(f, trace_done, "done");
    eddy_future_set_result(f, 0);
    eddy_unref(f);

    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT(eddy_loop_is_closed(loop));
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(reports.n, 0);
    eddy_loop_unref(loop);
}

static int latest(void)
{
    return eddy_exception_code(eddy_error());
}

TEST_REAL(a_closed_loop_refuses_everything_in_words)
{
    eddy_loop *loop = new_loop();

    eddy_loop_close(loop);
    EXPECT(eddy_loop_call_soon(loop, trace_callback, "x").slot == NULL && latest() == EDDY_ECLOSED);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_call_later(loop, 1, trace_callback, "x").slot == NULL &&
           latest() == EDDY_ECLOSED);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_call_at(loop, 1, trace_callback, "x").slot == NULL &&
           latest() == EDDY_ECLOSED);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_call_soon_threadsafe(loop, trace_callback, "x").slot == NULL &&
           latest() == EDDY_ECLOSED);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_create_task(loop, eddy_sleep_coro(0, 0, NULL)) == NULL &&
           latest() == EDDY_ECLOSED);
    eddy_raise(-EIO, NULL);
    EXPECT(eddy_loop_create_future(loop) == NULL && latest() == EDDY_ECLOSED);
    EXPECT_EQ(eddy_loop_run_forever(loop), EDDY_ECLOSED);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL)), EDDY_ECLOSED);
    EXPECT_IN("closed", eddy_strerror(EDDY_ECLOSED));
    EXPECT(!eddy_loop_is_running(loop));
    EXPECT(eddy_loop_time(loop) > 0);
    EXPECT_STR(eddy_loop_backend_name(loop), "closed");
    eddy_loop_unref(loop);
}
