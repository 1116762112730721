/* Running a loop: rules 8, 11 and 13. */
#include "harness/test.h"

#include "harness/trace.h"

#include <sys/wait.h>
#include <unistd.h>

static void stop(void *loop)
{
    trace("stop");
    eddy_loop_stop(loop);
}

static void callback_and_more(void *loop)
{
    trace("now");
    eddy_loop_call_soon(loop, trace_callback, "next-run");
}

TEST_REAL(stop_lets_the_turn_finish_and_keeps_the_rest_for_the_next_run, .ordered = true)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_loop_call_soon(loop, stop, loop);
    eddy_loop_call_soon(loop, callback_and_more, loop);
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "stop now");

    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "stop now next-run");
    eddy_loop_unref(loop);
}

TEST_REAL(stop_before_a_run_makes_it_one_turn_long_without_waiting)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_loop_call_later(loop, 1e6, trace_callback, "never");
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    eddy_loop_unref(loop);
}

static void look_around(void *loop)
{
    EXPECT(eddy_get_running_loop() == loop);
    EXPECT(eddy_loop_is_running(loop));
    eddy_loop_stop(loop);
}

TEST_REAL(a_loop_is_the_running_one_only_while_it_runs)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT(!eddy_loop_is_running(loop));
    eddy_loop_call_soon(loop, look_around, loop);
    eddy_loop_stop(loop);
    eddy_loop_run_forever(loop);
    EXPECT(!eddy_loop_is_running(loop));
    EXPECT(eddy_get_running_loop() == NULL);
    eddy_loop_unref(loop);
}

static void run_nested(void *inner)
{
    eddy_loop *outer = eddy_get_running_loop();

    EXPECT_EQ(eddy_loop_run_forever(inner), EDDY_ERUNNING);
    EXPECT_EQ(eddy_loop_run_forever(outer), EDDY_ERUNNING);
    EXPECT_EQ(eddy_loop_run_until_complete(inner, eddy_sleep_coro(0, 0, NULL)), EDDY_ERUNNING);
    EXPECT_EQ(eddy_loop_run_until_complete(outer, eddy_sleep_coro(0, 0, NULL)), EDDY_ERUNNING);
    EXPECT_EQ(eddy_run(eddy_sleep_coro(0, 0, NULL)), EDDY_ERUNNING);
    EXPECT(eddy_get_running_loop() == outer);
    trace("done");
}

TEST_REAL(loops_do_not_nest)
{
    eddy_loop *outer = test_real_loop(), *inner = test_real_loop();

    REQUIRE(outer != NULL && inner != NULL);
    eddy_loop_call_soon(outer, run_nested, inner);
    eddy_loop_stop(outer);
    eddy_loop_run_forever(outer);
    EXPECT_STR(traced(), "done");
    eddy_loop_unref(inner);
    eddy_loop_unref(outer);
}

TEST_REAL(run_until_complete_gives_the_status_and_the_pointer)
{
    eddy_loop *loop = test_real_loop();
    void *value = NULL;
    eddy_awaitable *x = EDDY_AWAITABLE(eddy_sleep_coro(0, 7, "seven"));

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete_value(loop, x, &value), 7);
    EXPECT_STR(value, "seven");
    EXPECT_EQ(eddy_loop_run_until_complete(loop, (eddy_coroutine *)NULL), -ENOMEM);
    EXPECT_EQ(eddy_loop_run_until_complete(NULL, eddy_sleep_coro(0, 0, NULL)), EDDY_ENOLOOP);
    eddy_loop_unref(loop);
}

static eddy_async(failing)
{
    eddy_try(eddy_sleep(0));
    return eddy_raise(EDDY_EUSER, "on purpose");
}

TEST_REAL(run_until_complete_gives_the_error_with_its_message)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, failing()), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "on purpose");
    eddy_loop_unref(loop);
}

static eddy_async(stop_and_wait, (eddy_future *, f))
{
    eddy_loop_stop(eddy_get_running_loop());
    return eddy_await(eddy_ref(f));
}

TEST_REAL(a_loop_stopped_too_early_says_so_and_can_go_on)
{
    eddy_loop *loop = test_real_loop();
    eddy_future *f;
    eddy_task *t;

    REQUIRE(loop != NULL);
    f = eddy_loop_create_future(loop);
    t = eddy_loop_create_task(loop, stop_and_wait(f));
    REQUIRE(f != NULL && t != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_ref(t)), EDDY_ESTOPPED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "Event loop stopped before Future completed.");

    /* The first run has taken its stopper off the task: the end of it does not end another run. */
    eddy_future_set_result(f, 5);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 3, NULL)), 3);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, t), 5);
    eddy_unref(f);
    eddy_loop_unref(loop);
}

TEST_REAL(a_future_that_is_done_takes_one_turn)
{
    eddy_loop *loop = test_real_loop();
    eddy_future *f;

    REQUIRE(loop != NULL);
    f = eddy_loop_create_future(loop);
    REQUIRE(f != NULL);
    eddy_future_set_result(f, 9);
    eddy_loop_call_soon(loop, callback_and_more, loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, f), 9);
    EXPECT_STR(traced(), "now");
    eddy_loop_unref(loop);
}

TEST_REAL(a_future_of_another_loop_is_refused_and_consumed)
{
    eddy_loop *loop = test_real_loop(), *other = test_real_loop();

    REQUIRE(loop != NULL && other != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_loop_create_future(other)), EDDY_EOTHERLOOP);
    eddy_loop_unref(loop);
    eddy_loop_unref(other);
}

static void drop_loop(void *loop)
{
    trace("dropped");
    eddy_loop_unref(loop);
    eddy_loop_stop(loop);
}

TEST_REAL(a_loop_whose_last_reference_goes_while_it_runs_lives_until_the_run_ends)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    REQUIRE(eddy_loop_call_soon(loop, drop_loop, loop).slot != NULL);
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "dropped");
}

TEST_REAL(a_loop_says_which_backend_it_has)
{
    eddy_loop *real = test_real_loop(), *simulated = test_virtual_loop();

    REQUIRE(real != NULL && simulated != NULL);
    EXPECT_STR(eddy_loop_backend_name(simulated), "virtual");
    EXPECT_STR(eddy_loop_backend_reason(simulated), "");
    EXPECT(strcmp(eddy_loop_backend_name(real), "epoll") == 0 ||
           strcmp(eddy_loop_backend_name(real), "io_uring") == 0);
    eddy_loop_unref(real);
    eddy_loop_unref(simulated);
}

TEST_VIRTUAL(a_loop_that_cannot_be_made_says_why)
{
    EXPECT(eddy_loop_new(&(eddy_loop_options){.stack_size = SIZE_MAX / 4}) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);

    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_loop_new(&(eddy_loop_options){.backend = EDDY_BACKEND_VIRTUAL}) == NULL);
    eddyi_fault_clear();
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
}
