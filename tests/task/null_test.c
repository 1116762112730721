/* No function where one is taken, no object where one belongs, and errors without their sign: a
 * code and a sentence, and no crash. */
#include "harness/test.h"

#include "harness/trace.h"

#include <signal.h>

static int latest(void)
{
    return eddy_exception_code(eddy_error());
}

static const char *sentence(void)
{
    return eddy_exception_message(eddy_error());
}

TEST_ASYNC(a_callback_that_is_none_is_refused_by_the_loop)
{
    eddy_loop *loop = eddy_get_running_loop();

    EXPECT(eddy_loop_call_soon(loop, NULL, NULL).slot == NULL && latest() == -EINVAL);
    EXPECT_IN("call_soon", sentence());
    EXPECT(eddy_loop_call_soon_threadsafe(loop, NULL, NULL).slot == NULL && latest() == -EINVAL);
    EXPECT(eddy_loop_call_later(loop, 1, NULL, NULL).slot == NULL && latest() == -EINVAL);
    EXPECT_IN("call_later", sentence());
    EXPECT(eddy_loop_call_at(loop, 1, NULL, NULL).slot == NULL && latest() == -EINVAL);
    EXPECT_IN("call_at", sentence());
    EXPECT_EQ(eddy_loop_add_reader(loop, 0, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_loop_add_writer(loop, 0, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_loop_add_signal_handler(loop, SIGHUP, NULL, NULL), -EINVAL);
    EXPECT(eddy_loop_call_soon_threadsafe(NULL, trace_callback, "x").slot == NULL &&
           latest() == EDDY_ENOLOOP);
    return 0;
}

TEST_VIRTUAL(a_callback_that_is_none_is_refused_from_outside_of_the_loop)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    EXPECT(eddy_loop_call_soon(loop, NULL, NULL).slot == NULL && latest() == -EINVAL);
    EXPECT(eddy_loop_call_soon_threadsafe(loop, NULL, NULL).slot == NULL && latest() == -EINVAL);
    EXPECT(eddy_loop_call_soon_threadsafe(NULL, NULL, NULL).slot == NULL &&
           latest() == EDDY_ENOLOOP);
    eddy_loop_close(loop);
    eddy_loop_unref(loop);
}

TEST_ASYNC(a_done_callback_that_is_none_is_refused)
{
    eddy_future *f = eddy_create_future();
    eddy_concurrent_future *cf = eddy_concurrent_future_new();

    REQUIRE(f != NULL && cf != NULL);
    EXPECT_EQ(eddy_future_add_done_callback(f, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_concurrent_future_add_done_callback(cf, NULL, NULL), -EINVAL);
    eddy_future_set_result(f, 0);
    EXPECT_EQ(eddy_future_add_done_callback(f, NULL, NULL), -EINVAL);
    eddy_concurrent_future_unref(cf);
    eddy_unref(f);
    return 0;
}

TEST_ASYNC(what_is_made_of_no_function_fails_where_it_would_run)
{
    eddy_generator *g = eddy_generator_new("none", NULL, NULL, 0);
    eddy_task *t = eddy_create_task(eddy_coro(NULL, NULL));
    eddy_context *ctx = eddy_copy_context();

    REQUIRE(g != NULL && t != NULL && ctx != NULL);
    EXPECT_EQ(eddy_await(t), -EINVAL);
    EXPECT_IN("no function", sentence());
    EXPECT_EQ(eddy_next(g, NULL), -EINVAL);
    EXPECT_IN("no function", sentence());
    EXPECT_EQ(eddy_context_run(ctx, NULL, NULL), -EINVAL);
    eddy_generator_free(g);
    eddy_context_unref(ctx);
    return 0;
}

static int run_nothing(void *arg)
{
    return *(int *)arg;
}

TEST_ASYNC(nothing_runs_in_no_context)
{
    int result = 7;

    EXPECT_EQ(eddy_context_run(NULL, run_nothing, &result), -ENOMEM);
    return 0;
}

TEST_ASYNC(a_priority_queue_that_cannot_compare_takes_nothing)
{
    eddy_queue q;
    int value = 1;

    eddy_priority_queue_init(&q, 0, NULL);
    EXPECT_EQ(eddy_queue_put_nowait(&q, &value), -EINVAL);
    EXPECT_IN("compares", sentence());
    EXPECT_EQ(eddy_queue_put(&q, &value), -EINVAL);
    EXPECT_EQ(eddy_queue_qsize(&q), 0);
    eddy_queue_fini(&q);
    eddy_priority_queue_init_values(&q, 0, sizeof value, NULL);
    EXPECT_EQ(eddy_queue_put_value_nowait(&q, &value), -EINVAL);
    eddy_queue_fini(&q);
    return 0;
}

TEST_ASYNC(a_value_of_no_bytes_may_be_anywhere)
{
    eddy_queue q;

    eddy_queue_init_values(&q, 0, 0);
    EXPECT_EQ(eddy_queue_put_value_nowait(&q, NULL), 0);
    EXPECT_EQ(eddy_queue_put_value_nowait(&q, ""), 0);
    EXPECT_EQ(eddy_queue_get_value_nowait(&q, NULL), 0);
    EXPECT_EQ(eddy_queue_qsize(&q), 1);
    eddy_queue_fini(&q);
    eddy_queue_init_values(&q, 0, 4);
    EXPECT_EQ(eddy_queue_put_value_nowait(&q, NULL), -EINVAL);
    EXPECT_EQ(eddy_queue_put_value(&q, NULL), -EINVAL);
    EXPECT_EQ(eddy_queue_qsize(&q), 0);
    eddy_queue_fini(&q);
    return 0;
}

TEST_ASYNC(a_protocol_factory_that_is_none_is_refused)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;
    eddy_subprocess_transport *process;
    eddy_datagram_transport *datagrams;

    EXPECT_EQ(eddy_loop_create_server(loop, NULL, NULL, "127.0.0.1", 0, &server), -EINVAL);
    EXPECT_EQ(eddy_start_server(NULL, NULL, "127.0.0.1", 0, &server), -EINVAL);
    EXPECT_EQ(eddy_loop_subprocess_exec(loop, NULL, NULL, &process, eddy_argv("true")), -EINVAL);
    EXPECT_EQ(
        eddy_loop_create_datagram_endpoint(loop, NULL, NULL, &datagrams, .local_host = "127.0.0.1"),
        -EINVAL);
    return 0;
}

TEST_ASYNC(no_future_is_a_harmless_argument)
{
    EXPECT_EQ(eddy_future_set_result(NULL, 0), -ENOMEM);
    EXPECT_EQ(eddy_future_set_exception(NULL, -EIO, NULL), -ENOMEM);
    EXPECT_EQ(eddy_future_add_done_callback(NULL, NULL, NULL), -ENOMEM);
    EXPECT_EQ(eddy_future_remove_done_callback(NULL, NULL, NULL), -ENOMEM);
    EXPECT_EQ(eddy_future_result(NULL), -ENOMEM);
    EXPECT_EQ(eddy_future_exception(NULL, NULL), -ENOMEM);
    EXPECT(!eddy_future_cancel(NULL, NULL) && latest() == -ENOMEM);
    EXPECT(!eddy_task_cancel(NULL, NULL) && latest() == -ENOMEM);
    return 0;
}

TEST_VIRTUAL(an_error_without_its_sign_is_still_an_error)
{
    eddy_exception *e = eddy_exception_new(EIO, "disk"), *none = eddy_exception_new(0, NULL);

    EXPECT_EQ(eddy_raise(EIO, "disk"), -EIO);
    EXPECT_EQ(latest(), -EIO);
    EXPECT_STR(sentence(), "disk");
    EXPECT_EQ(eddy_raise(0, "nothing"), EDDY_EMISUSE);
    EXPECT_EQ(eddy_exception_code(e), -EIO);
    EXPECT_EQ(eddy_exception_code(none), EDDY_EMISUSE);
    EXPECT_EQ(eddy_reraise(NULL), EDDY_EMISUSE);
    EXPECT_EQ(eddy_reraise(e), -EIO);
    eddy_exception_unref(e);
    eddy_exception_unref(none);
}

static eddy_async(fail_without_sign)
{
    return eddy_raise(EPIPE, "gone");
}

TEST_ASYNC(a_coroutine_that_raises_an_error_without_its_sign_fails)
{
    EXPECT_EQ(eddy_await(fail_without_sign()), -EPIPE);
    EXPECT_STR(sentence(), "gone");
    EXPECT_EQ(eddy_await(eddy_create_task(fail_without_sign())), -EPIPE);
    EXPECT_STR(sentence(), "gone");
    return 0;
}
