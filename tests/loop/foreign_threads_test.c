/* Loops and threads: who may not do what, and loops that move. */
#include "harness/test.h"

#include "harness/trace.h"

#include <pthread.h>

enum { THREADS = 4, MANY = 200 };

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t t;

    REQUIRE(pthread_create(&t, NULL, fn, arg) == 0);
    return t;
}

static void never(void *unused)
{
    FAIL("it was called");
}

/* The calls that a foreign thread tries on a loop that runs elsewhere. */
struct foreign {
    eddy_loop *loop;
    eddy_future *future;
};

static void expect_refused(bool failed, const char *what)
{
    if (!failed || eddy_exception_code(eddy_error()) != EDDY_ETHREAD)
        FAIL("%s was not refused", what);
    eddy_raise(-EIO, NULL);
}

static void *intrude(void *arg)
{
    struct foreign *f = arg;
    eddy_task *t = eddy_loop_create_task(f->loop, eddy_sleep_coro(0, 0, NULL));

    expect_refused(t == NULL, "create_task");
    expect_refused(eddy_loop_call_soon(f->loop, never, NULL).slot == NULL, "call_soon");
    expect_refused(eddy_loop_call_later(f->loop, 1, never, NULL).slot == NULL, "call_later");
    expect_refused(eddy_loop_call_at(f->loop, 1, never, NULL).slot == NULL, "call_at");
    expect_refused(eddy_loop_create_future(f->loop) == NULL, "create_future");
    expect_refused(eddy_future_set_result(f->future, 0) < 0, "set_result");
    expect_refused(eddy_future_set_exception(f->future, -EIO, NULL) < 0, "set_exception");
    expect_refused(!eddy_future_cancel(f->future, NULL), "cancel");
    expect_refused(eddy_future_add_done_callback(f->future, trace_done, "x") < 0,
                   "add_done_callback");
    EXPECT_EQ(eddy_loop_run_forever(f->loop), EDDY_ERUNNING);
    EXPECT(eddy_loop_run_until_complete(f->loop, eddy_sleep_coro(0, 0, NULL)) < 0);
    EXPECT_EQ(eddy_loop_close(f->loop), EDDY_ERUNNING);
    return NULL;
}

static void *intrude_into_group(void *tg)
{
    expect_refused(eddy_group_create_task((eddy_group *)tg, eddy_sleep_coro(0, 0, NULL)) < 0,
                   "group_create_task");
    return NULL;
}

static eddy_async(let_intrude, (struct foreign *, f))
{
    eddy_group tg;

    eddy_group_enter(&tg);
    pthread_join(start(intrude, f), NULL);
    EXPECT(!eddy_future_done(f->future));
    pthread_join(start(intrude_into_group, &tg), NULL);
    return eddy_group_exit(&tg, eddy_sleep(0));
}

TEST_REAL(another_thread_is_refused_everything_else)
{
    struct foreign f = {.loop = test_real_loop()};

    REQUIRE(f.loop != NULL);
    f.future = eddy_loop_create_future(f.loop);
    REQUIRE(f.future != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(f.loop, let_intrude(&f)), 0);
    eddy_unref(f.future);
    eddy_loop_unref(f.loop);
}

static void *look(void *arg)
{
    EXPECT(eddy_get_running_loop() == NULL);
    EXPECT(eddy_get_event_loop() == NULL);
    EXPECT(eddy_current_task() == NULL);
    EXPECT_EQ(eddy_sleep(0), EDDY_ENOTASK);
    EXPECT(eddy_create_future() == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
    return NULL;
}

static eddy_async(let_look)
{
    pthread_join(start(look, NULL), NULL);
    return 0;
}

TEST_REAL(a_running_loop_is_that_of_its_own_thread_only)
{
    EXPECT_EQ(eddy_run(let_look(), .loop_factory = test_real_loop), 0);
}

static eddy_async(work, (int, n))
{
    for (int i = 0; i < n; i++)
        eddy_try(eddy_sleep(0));
    return n;
}

static void *run_own_loop(void *arg)
{
    EXPECT_EQ(eddy_run(work(20), .loop_factory = test_real_loop), 20);
    return NULL;
}

TEST_REAL(each_thread_may_run_a_loop_of_its_own)
{
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        t[i] = start(run_own_loop, NULL);
    EXPECT_EQ(eddy_run(work(20), .loop_factory = test_real_loop), 20);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

static void *run_given(void *coro)
{
    EXPECT_EQ(eddy_run((eddy_coroutine *)coro, .loop_factory = test_real_loop), 3);
    return NULL;
}

TEST_REAL(a_coroutine_made_in_one_thread_may_run_in_another_thread)
{
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        t[i] = start(run_given, work(3));
    for (int i = 0; i < MANY; i++)
        eddy_coroutine_close(work(1));
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

static void *make_coroutine(void *ret)
{
    *(eddy_coroutine **)ret = work(3);
    return NULL;
}

TEST_REAL(a_coroutine_outlives_the_thread_that_made_it)
{
    eddy_coroutine *coro = NULL;

    pthread_join(start(make_coroutine, &coro), NULL);
    EXPECT_EQ(eddy_run(coro, .loop_factory = test_real_loop), 3);
}

static void *run_loop(void *loop)
{
    EXPECT_EQ(eddy_loop_run_until_complete(loop, work(3)), 3);
    return NULL;
}

TEST_REAL(a_loop_may_run_in_one_thread_after_another)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, work(2)), 2);
    pthread_join(start(run_loop, loop), NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, work(1)), 1);
    eddy_loop_unref(loop);
}

static void *post_after_close(void *loop)
{
    EXPECT(eddy_loop_call_soon_threadsafe(loop, never, NULL).slot == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ECLOSED);
    return NULL;
}

TEST_REAL(a_closed_loop_takes_nothing_from_other_threads)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_loop_close(loop);
    pthread_join(start(post_after_close, loop), NULL);
    eddy_loop_unref(loop);
}
