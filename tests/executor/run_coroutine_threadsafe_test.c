#include "harness/test.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* A loop that runs in a thread of its own. */
struct runner {
    eddy_loop *loop;
    pthread_t thread;
    struct eddyi_ready stop;
};

static void stop(struct eddyi_ready *ready)
{
    eddy_loop_stop(eddyi_container(ready, struct runner, stop)->loop);
}

/* Should it fail, because of an injected fault, then closing the loop ends whatever others wait
 * for. */
static void *run_forever(void *arg)
{
    struct runner *r = arg;

    if (!EXPECT_EQ(eddy_loop_run_forever(r->loop), 0))
        eddy_loop_close(r->loop);
    return NULL;
}

static void start(struct runner *r)
{
    r->loop = test_real_loop();
    REQUIRE(r->loop != NULL);
    eddyi_ready_init(&r->stop, stop);
    REQUIRE(pthread_create(&r->thread, NULL, run_forever, r) == 0);
}

/* Needs no memory, so it works under torture, too. */
static void finish(struct runner *r)
{
    eddyi_loop_post(r->loop, &r->stop);
    pthread_join(r->thread, NULL);
    eddy_loop_unref(r->loop);
}

static eddy_async(twice, (int, n))
{
    eddy_try(eddy_sleep(0.001));
    if (n < 0)
        return eddy_raise(-ERANGE, "%d is negative", n);
    return 2 * n;
}

TEST_REAL(a_plain_thread_gets_the_result_of_a_coroutine)
{
    struct runner r;
    eddy_concurrent_future *cf;

    start(&r);
    cf = eddy_run_coroutine_threadsafe(twice(21), r.loop);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 42);
    eddy_concurrent_future_unref(cf);
    finish(&r);
}

TEST_REAL(a_plain_thread_gets_the_error_of_a_coroutine_with_its_message)
{
    struct runner r;
    eddy_concurrent_future *cf;

    start(&r);
    cf = eddy_run_coroutine_threadsafe(twice(-1), r.loop);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), -ERANGE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "-1 is negative");
    eddy_concurrent_future_unref(cf);
    finish(&r);
}

static eddy_contextvar flavour = EDDY_CONTEXTVAR("flavour", "none");

static eddy_async(flavour_is, (const char *, what))
{
    return strcmp(eddy_contextvar_get(&flavour), what) == 0;
}

TEST_REAL(the_coroutine_runs_in_a_copy_of_the_calling_threads_context)
{
    struct runner r;
    eddy_concurrent_future *cf;

    start(&r);
    eddy_contextvar_set(&flavour, "salt", NULL);
    cf = eddy_run_coroutine_threadsafe(flavour_is("salt"), r.loop);
    eddy_contextvar_set(&flavour, "sugar", NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    finish(&r);
}

static eddy_async(until_cancelled, (atomic_int *, state))
{
    int rc;

    atomic_store(state, 1);
    rc = eddy_sleep(3600);
    atomic_store(state, rc);
    return rc;
}

TEST_REAL(cancelling_from_a_thread_cancels_the_task_through_its_loop)
{
    struct runner r;
    eddy_concurrent_future *cf;
    atomic_int state = 0;

    start(&r);
    cf = eddy_run_coroutine_threadsafe(until_cancelled(&state), r.loop);
    while (cf && atomic_load(&state) == 0) {
        if (eddy_concurrent_future_done(cf))
            break;
    }
    EXPECT_EQ(eddy_concurrent_future_result(cf, 0.001), -ETIMEDOUT);
    EXPECT(cf && eddy_concurrent_future_cancel(cf));
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), -ECANCELED);
    while (cf && atomic_load(&state) == 1) {
    }
    EXPECT_EQ(atomic_load(&state), -ECANCELED);
    eddy_concurrent_future_unref(cf);
    finish(&r);
}

TEST_REAL(what_a_thread_cancels_before_it_began_never_runs, .ordered = true)
{
    eddy_loop *loop = test_real_loop();
    eddy_concurrent_future *cf;
    atomic_int state = 0;

    REQUIRE(loop != NULL);
    cf = eddy_run_coroutine_threadsafe(until_cancelled(&state), loop);
    EXPECT(cf && eddy_concurrent_future_cancel(cf));
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL)), 0);
    EXPECT_EQ(atomic_load(&state), 0);
    eddy_concurrent_future_unref(cf);
    eddy_loop_unref(loop);
}

static eddy_async(cancelled_by_itself)
{
    eddy_task_cancel(eddy_current_task(), "enough");
    return eddy_sleep(1);
}

TEST_REAL(a_task_that_ends_cancelled_cancels_what_the_thread_waits_for)
{
    struct runner r;
    eddy_concurrent_future *cf;

    start(&r);
    cf = eddy_run_coroutine_threadsafe(cancelled_by_itself(), r.loop);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), -ECANCELED);
    EXPECT(cf && eddy_concurrent_future_cancelled(cf));
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    eddy_concurrent_future_unref(cf);
    finish(&r);
}

static eddy_async(wait_for_own_loop)
{
    eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(twice(1), eddy_get_running_loop());

    EXPECT_EQ(eddy_concurrent_future_result(cf, 0), -ETIMEDOUT);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), -EDEADLK);
    EXPECT_EQ(eddy_concurrent_future_result(cf, 60), -EDEADLK);
    EXPECT_EQ(eddy_await(eddy_wrap_future(cf)), 2);
    return 0;
}

TEST_REAL(blocking_the_loops_own_thread_for_it_is_an_error_and_no_hang)
{
    EXPECT_EQ(test_run_real(wait_for_own_loop()), 0);
}

TEST_VIRTUAL(waiting_for_the_own_loop_across_threads_moves_virtual_time)
{
    EXPECT_EQ(test_run(wait_for_own_loop()), 0);
}

static void *wait_result(void *arg)
{
    return (void *)(intptr_t)eddy_concurrent_future_result(arg, EDDY_FOREVER);
}

static void say_nothing(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

/* Nothing ran yet, a task is under way, or the loop never runs: in each case closing ends what the
 * thread waits for. */
static void close_under_waiter(bool begun)
{
    eddy_loop *loop = test_real_loop();
    atomic_int state = 0;
    eddy_concurrent_future *cf;
    pthread_t t;
    void *rc;

    REQUIRE(loop != NULL);
    eddy_loop_set_exception_handler(loop, say_nothing, NULL);
    cf = eddy_run_coroutine_threadsafe(until_cancelled(&state), loop);
    REQUIRE(cf != NULL);
    REQUIRE(pthread_create(&t, NULL, wait_result, cf) == 0);
    if (begun)
        eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 0, NULL));
    eddy_loop_close(loop);
    pthread_join(t, &rc);
    EXPECT_EQ((int)(intptr_t)rc, -ECANCELED);
    EXPECT(eddy_concurrent_future_cancelled(cf));
    EXPECT(!begun || test_tortured() || atomic_load(&state) == -ECANCELED);
    eddy_concurrent_future_unref(cf);
    eddy_loop_unref(loop);
}

TEST_REAL(closing_the_loop_ends_the_wait_of_a_thread_for_a_task)
{
    close_under_waiter(true);
}

TEST_REAL(closing_the_loop_ends_the_wait_of_a_thread_for_what_never_began)
{
    close_under_waiter(false);
}

static eddy_async(refuse_to_end)
{
    for (;;)
        eddy_sleep(1);
    return 0;
}

/* Such a task keeps its stack for ever, so this is for a process that ends. */
static void close_over_stubborn_task(void *unused)
{
    eddy_loop *loop = test_real_loop();
    eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(refuse_to_end(), loop);
    pthread_t t;
    void *rc;

    REQUIRE(cf != NULL);
    REQUIRE(pthread_create(&t, NULL, wait_result, cf) == 0);
    eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 0, NULL));
    eddy_loop_close(loop);
    pthread_join(t, &rc);
    printf("the thread got %d\n", (int)(intptr_t)rc);
}

TEST_REAL(closing_the_loop_ends_the_wait_of_a_thread_also_if_the_task_refuses)
{
    char output[1000];

    test_in_child(close_over_stubborn_task, NULL, output, sizeof output);
    EXPECT_IN("its stack is lost", output);
    EXPECT_IN("the thread got -125", output);
}

TEST_REAL(a_closed_loop_takes_nothing_from_another_thread)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_loop_close(loop);
    EXPECT(eddy_run_coroutine_threadsafe(twice(1), loop) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ECLOSED);
    EXPECT(eddy_run_coroutine_threadsafe(NULL, loop) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(eddy_run_coroutine_threadsafe(twice(1), NULL) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    eddy_loop_unref(loop);
}

/* Several threads feed one loop, some cancel; every one gets an answer. */
static void *feed(void *arg)
{
    eddy_loop *loop = arg;
    int n = test_tortured() ? 8 : 200;

    for (int i = 0; i < n; i++) {
        eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(twice(i), loop);
        bool cancelled = cf && i % 4 == 0 && eddy_concurrent_future_cancel(cf);

        EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), cancelled ? -ECANCELED : 2 * i);
        eddy_concurrent_future_unref(cf);
    }
    return NULL;
}

TEST_REAL(several_threads_may_feed_one_loop)
{
    struct runner r;
    pthread_t threads[3];

    start(&r);
    for (int i = 0; i < 3; i++)
        REQUIRE(pthread_create(&threads[i], NULL, feed, r.loop) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    finish(&r);
}

/* A job of the executor asks the loop for something, and the loop waits for the job. */
static int ask_loop(void *loop)
{
    eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(twice(4), loop);
    int rc = eddy_concurrent_future_result(cf, EDDY_FOREVER);

    eddy_concurrent_future_unref(cf);
    return rc;
}

TEST_ASYNC_REAL(a_job_in_a_thread_may_wait_for_a_coroutine_of_the_loop_that_waits_for_it)
{
    EXPECT_EQ(eddy_await(eddy_to_thread(ask_loop, eddy_get_running_loop())), 8);
    return 0;
}

/* Loops in several threads, each of which waits for a coroutine of the next. */
static eddy_async(ask_other, (eddy_loop *, other))
{
    return eddy_await(eddy_wrap_future(eddy_run_coroutine_threadsafe(twice(3), other)));
}

TEST_REAL(loops_in_different_threads_wait_for_each_other)
{
    struct runner r[3];
    eddy_concurrent_future *cf[3];

    for (int i = 0; i < 3; i++)
        start(&r[i]);
    for (int i = 0; i < 3; i++)
        cf[i] = eddy_run_coroutine_threadsafe(ask_other(r[(i + 1) % 3].loop), r[i].loop);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(eddy_concurrent_future_result(cf[i], EDDY_FOREVER), 6);
        eddy_concurrent_future_unref(cf[i]);
    }
    for (int i = 0; i < 3; i++)
        finish(&r[i]);
}
