#include "harness/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

TEST(a_concurrent_future_gives_each_thread_its_result)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();
    int x;
    void *value = NULL;

    REQUIRE(cf != NULL);
    EXPECT(!eddy_concurrent_future_done(cf));
    EXPECT_EQ(eddy_concurrent_future_set_result_value(cf, 3, &x), 0);
    EXPECT(eddy_concurrent_future_done(cf) && !eddy_concurrent_future_cancelled(cf));
    EXPECT_EQ(eddy_concurrent_future_result_value(cf, EDDY_FOREVER, &value), 3);
    EXPECT(value == &x);
    eddy_concurrent_future_unref(cf);
}

TEST(a_concurrent_future_is_set_once)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();

    REQUIRE(cf != NULL);
    EXPECT_EQ(eddy_concurrent_future_set_result(cf, -1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_concurrent_future_set_exception(cf, 1, NULL), EDDY_EMISUSE);
    EXPECT_EQ(eddy_concurrent_future_set_exception(cf, -EIO, "no %s", "luck"), 0);
    EXPECT_EQ(eddy_concurrent_future_set_exception(cf, -EIO, "no %s", "luck"), EDDY_EINVALIDSTATE);
    EXPECT_EQ(eddy_concurrent_future_set_result(cf, 0), EDDY_EINVALIDSTATE);
    EXPECT_EQ(eddy_concurrent_future_result(cf, 0), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "no luck");
    EXPECT(!eddy_concurrent_future_cancel(cf));
    eddy_concurrent_future_unref(cf);
}

TEST(waiting_for_a_result_from_another_thread_ends_with_its_timeout)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();

    REQUIRE(cf != NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, 0.001), -ETIMEDOUT);
    EXPECT_EQ(eddy_concurrent_future_result(cf, 0), -ETIMEDOUT);
    EXPECT_EQ(eddy_concurrent_future_result(cf, -1), -ETIMEDOUT);
    EXPECT_EQ(eddy_concurrent_future_result(cf, 0.0 / 0.0), -EINVAL);
    EXPECT_EQ(eddy_concurrent_future_result(NULL, 1), -ENOMEM);
    eddy_concurrent_future_unref(cf);
}

TEST(a_concurrent_future_that_runs_cannot_be_cancelled_by_any_thread)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();

    REQUIRE(cf != NULL);
    EXPECT(eddy_concurrent_future_set_running_or_notify_cancel(cf));
    EXPECT(eddy_concurrent_future_running(cf));
    EXPECT(!eddy_concurrent_future_cancel(cf));
    EXPECT_EQ(eddy_concurrent_future_set_result(cf, 0), 0);
    eddy_concurrent_future_unref(cf);
}

TEST(a_cancelled_concurrent_future_does_not_begin_in_any_thread)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();

    REQUIRE(cf != NULL);
    EXPECT(eddy_concurrent_future_cancel(cf));
    EXPECT(eddy_concurrent_future_cancel(cf));
    EXPECT(eddy_concurrent_future_cancelled(cf));
    EXPECT(!eddy_concurrent_future_set_running_or_notify_cancel(cf));
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), -ECANCELED);
    eddy_concurrent_future_unref(cf);
}

/* Notes in which order callbacks came, and in which thread. */
static struct {
    int order[4], n;
    bool here;
    pthread_t self;
} calls;

static void note(eddy_concurrent_future *cf, void *arg)
{
    EXPECT(eddy_concurrent_future_done(cf));
    calls.order[calls.n++] = *(int *)arg;
    calls.here = pthread_equal(pthread_self(), calls.self);
}

static void *set_result(void *arg)
{
    EXPECT_EQ(eddy_concurrent_future_set_result(arg, 5), 0);
    return NULL;
}

TEST(done_callbacks_are_called_in_order_by_the_thread_that_finishes)
{
    static int numbers[] = {1, 2, 3};
    eddy_concurrent_future *cf = eddy_concurrent_future_new();
    pthread_t t;

    REQUIRE(cf != NULL);
    calls.self = pthread_self();
    EXPECT_EQ(eddy_concurrent_future_add_done_callback(cf, note, &numbers[0]), 0);
    EXPECT_EQ(eddy_concurrent_future_add_done_callback(cf, note, &numbers[1]), 0);
    REQUIRE(pthread_create(&t, NULL, set_result, cf) == 0);
    pthread_join(t, NULL);
    EXPECT_EQ(calls.n, 2);
    EXPECT(calls.order[0] == 1 && calls.order[1] == 2 && !calls.here);

    EXPECT_EQ(eddy_concurrent_future_add_done_callback(cf, note, &numbers[2]), 0);
    EXPECT(calls.n == 3 && calls.order[2] == 3 && calls.here);
    eddy_concurrent_future_unref(cf);
}

static void *wait_for_result(void *arg)
{
    EXPECT_EQ(eddy_concurrent_future_result(arg, EDDY_FOREVER), 5);
    eddy_concurrent_future_unref(arg);
    return NULL;
}

TEST(any_number_of_threads_may_wait_for_one_result)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();
    pthread_t threads[4];

    REQUIRE(cf != NULL);
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, wait_for_result,
                               eddy_concurrent_future_ref(cf)) == 0);
    set_result(cf);
    eddy_concurrent_future_unref(cf);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void *finish_with_message(void *arg)
{
    EXPECT_EQ(eddy_concurrent_future_set_exception(arg, -EIO, "complete"), 0);
    eddy_concurrent_future_unref(arg);
    return NULL;
}

TEST(what_a_thread_sees_as_done_is_complete)
{
    for (int i = 0; i < 100; i++) {
        eddy_concurrent_future *cf = eddy_concurrent_future_new();
        pthread_t t;

        REQUIRE(cf != NULL);
        REQUIRE(pthread_create(&t, NULL, finish_with_message, eddy_concurrent_future_ref(cf)) == 0);
        while (!eddy_concurrent_future_done(cf)) {
        }
        EXPECT_EQ(eddy_concurrent_future_result(cf, 0), -EIO);
        EXPECT(test_tortured() || strcmp(eddy_exception_message(eddy_error()), "complete") == 0);
        pthread_join(t, NULL);
        eddy_concurrent_future_unref(cf);
    }
}

/* Wrapping: in a loop. */

TEST_ASYNC_REAL(a_wrapped_future_ends_as_its_source_does_in_another_thread)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();
    pthread_t t;

    REQUIRE(cf != NULL);
    REQUIRE(pthread_create(&t, NULL, set_result, cf) == 0);
    EXPECT_EQ(eddy_await(eddy_wrap_future(eddy_concurrent_future_ref(cf))), 5);
    pthread_join(t, NULL);
    EXPECT_EQ(eddy_await(eddy_wrap_future(cf)), 5);
    return 0;
}

TEST_ASYNC(wrapping_what_could_not_be_made_reports_the_lack_of_memory)
{
    EXPECT_EQ(eddy_await(eddy_wrap_future(NULL)), -ENOMEM);
    return 0;
}

TEST(wrapping_needs_a_running_loop)
{
    EXPECT(eddy_wrap_future(eddy_concurrent_future_new()) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
}

TEST_ASYNC_REAL(cancelling_the_wrapper_cancels_what_has_not_begun_in_its_thread)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();
    eddy_future *f;

    REQUIRE(cf != NULL);
    f = eddy_wrap_future(eddy_concurrent_future_ref(cf));
    REQUIRE(f != NULL);
    EXPECT(eddy_future_cancel(f, NULL));
    EXPECT(eddy_concurrent_future_cancelled(cf));
    EXPECT_EQ(eddy_await(f), -ECANCELED);
    eddy_concurrent_future_unref(cf);
    return 0;
}

TEST_ASYNC_REAL(cancelling_the_source_cancels_the_wrapper_in_the_loops_thread)
{
    eddy_concurrent_future *cf = eddy_concurrent_future_new();
    eddy_future *f;

    REQUIRE(cf != NULL);
    f = eddy_wrap_future(eddy_concurrent_future_ref(cf));
    REQUIRE(f != NULL);
    EXPECT(eddy_concurrent_future_cancel(cf));
    EXPECT(!eddy_future_done(f));
    EXPECT_EQ(eddy_await(f), -ECANCELED);
    eddy_concurrent_future_unref(cf);
    return 0;
}

static eddy_async(wrap_and_forget, (eddy_concurrent_future *, cf))
{
    eddy_unref(eddy_wrap_future(eddy_concurrent_future_ref(cf)));
    return 0;
}

TEST_REAL(a_loop_may_close_while_a_thread_finishes_what_it_wrapped)
{
    int rounds = test_tortured() ? 3 : 100;

    for (int i = 0; i < rounds; i++) {
        eddy_concurrent_future *cf = eddy_concurrent_future_new();
        eddy_loop *loop = test_real_loop();
        pthread_t t;

        REQUIRE(cf && loop);
        REQUIRE(pthread_create(&t, NULL, set_result, cf) == 0);
        eddy_loop_run_until_complete(loop, wrap_and_forget(cf));
        eddy_loop_unref(loop);
        pthread_join(t, NULL);
        eddy_concurrent_future_unref(cf);
    }
}
