/* Loops and threads: calls from other threads. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { THREADS = 4, CALLS = 200 };

static atomic_int arrived, wrong;

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t t;

    REQUIRE(pthread_create(&t, NULL, fn, arg) == 0);
    return t;
}

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

static void *post_stop(void *loop)
{
    struct timespec moment = {.tv_nsec = 2000000};

    nanosleep(&moment, NULL); /* so that the loop is probably asleep */
    while (!eddy_loop_call_soon_threadsafe(loop, stop, loop).slot)
        eddyi_torture_stop();
    return NULL;
}

TEST_REAL(another_thread_wakes_a_loop_that_sleeps)
{
    eddy_loop *loop = test_real_loop();
    pthread_t t;

    REQUIRE(loop != NULL);
    t = start(post_stop, loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    pthread_join(t, NULL);
    eddy_loop_unref(loop);
}

static void *stop_at_once(void *loop)
{
    struct timespec moment = {.tv_nsec = 2000000};

    nanosleep(&moment, NULL);
    eddy_loop_stop(loop);
    return NULL;
}

TEST_REAL(another_thread_stops_a_loop_that_sleeps)
{
    eddy_loop *loop = test_real_loop();
    pthread_t t;

    REQUIRE(loop != NULL);
    for (int i = 0; i < 3; i++) {
        t = start(stop_at_once, loop);
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
        pthread_join(t, NULL);
    }
    eddy_loop_stop(loop); /* the next run is one turn long */
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    eddy_loop_unref(loop);
}

/* Numbers arrive in each thread's own order. */
struct post {
    struct poster *from;
    int number;
};
struct poster {
    eddy_loop *loop;
    int seen;
    struct post posts[CALLS];
};

static void arrive(void *arg)
{
    struct post *p = arg;

    if (p->from->seen++ != p->number)
        atomic_fetch_add(&wrong, 1);
    if (atomic_fetch_add(&arrived, 1) + 1 == THREADS * CALLS)
        eddy_loop_stop(p->from->loop);
}

static void *post_many(void *arg)
{
    struct poster *p = arg;

    for (int i = 0; i < CALLS; i++) {
        p->posts[i] = (struct post){p, i};
        if (!eddy_loop_call_soon_threadsafe(p->loop, arrive, &p->posts[i]).slot)
            arrive(&p->posts[i]); /* without memory */
    }
    return NULL;
}

TEST_REAL(calls_from_many_threads_all_arrive_each_threads_in_order, .ordered = true)
{
    static struct poster posters[THREADS];
    pthread_t t[THREADS];
    eddy_loop *loop = test_real_loop();

    if (test_tortured())
        SKIP("a callback that could not be posted runs in the wrong thread");
    REQUIRE(loop != NULL);
    for (int i = 0; i < THREADS; i++) {
        posters[i].loop = loop;
        t[i] = start(post_many, &posters[i]);
    }
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(wrong, 0);
    eddy_loop_unref(loop);
}

/* One who posts to two loops in turn: to the first to be run, to the second to be run or
 * cancelled. */
struct double_poster {
    eddy_loop *loops[2];
    int expected[2];
    eddy_handle handles[CALLS];
};

static atomic_int counted[2];

static void count(void *counter)
{
    atomic_fetch_add((atomic_int *)counter, 1);
}

static void *post_in_turn(void *arg)
{
    struct double_poster *p = arg;

    for (int i = 0; i < CALLS; i++) {
        p->expected[0] +=
            eddy_loop_call_soon_threadsafe(p->loops[0], count, &counted[0]).slot != NULL;
        p->handles[i] = eddy_loop_call_soon_threadsafe(p->loops[1], count, &counted[1]);
        if (i % 2)
            eddy_handle_cancel(p->handles[i]);
        else
            p->expected[1] += p->handles[i].slot != NULL;
    }
    return NULL;
}

static void *run_until_stopped(void *loop)
{
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    return NULL;
}

TEST_REAL(threads_may_post_to_two_loops_in_turn_and_cancel)
{
    static struct double_poster posters[THREADS];
    eddy_loop *loops[2] = {test_real_loop(), test_real_loop()};
    pthread_t runner, t[THREADS];
    int expected[2] = {0};

    REQUIRE(loops[0] && loops[1]);
    runner = start(run_until_stopped, loops[0]);
    for (int i = 0; i < THREADS; i++) {
        posters[i] = (struct double_poster){.loops = {loops[0], loops[1]}};
        t[i] = start(post_in_turn, &posters[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        for (int k = 0; k < 2; k++)
            expected[k] += posters[i].expected[k];
    }
    post_stop(loops[0]);
    pthread_join(runner, NULL);
    eddy_loop_stop(loops[1]);
    EXPECT_EQ(eddy_loop_run_forever(loops[1]), 0);
    for (int k = 0; k < 2; k++)
        EXPECT_EQ(counted[k], expected[k]);
    for (int k = 0; k < 2; k++)
        eddy_loop_unref(loops[k]);
}

TEST_REAL(a_slot_that_serves_again_is_out_of_reach_of_the_old_handle)
{
    static struct double_poster before, after;
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    before.loops[0] = before.loops[1] = after.loops[0] = after.loops[1] = loop;
    post_in_turn(&before);
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    post_in_turn(&after);
    for (int i = 0; i < CALLS; i++)
        eddy_handle_cancel(before.handles[i]);
    eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    EXPECT_EQ(counted[0], before.expected[0] + after.expected[0]);
    EXPECT_EQ(counted[1], before.expected[1] + after.expected[1]);
    eddy_loop_unref(loop);
}

static void *cancel_many(void *arg)
{
    eddy_handle *handles = arg;

    for (int i = 0; i < CALLS; i++)
        eddy_handle_cancel(handles[i]);
    return NULL;
}

static void never(void *unused)
{
    atomic_fetch_add(&wrong, 1);
}

TEST_REAL(another_thread_may_cancel_a_callback_or_timer_that_is_not_due)
{
    eddy_loop *loop = test_real_loop();
    eddy_handle handles[CALLS];

    REQUIRE(loop != NULL);
    for (int i = 0; i < CALLS; i++)
        handles[i] = i % 2 ? eddy_loop_call_soon(loop, never, NULL)
                           : eddy_loop_call_later(loop, 0, never, NULL);
    pthread_join(start(cancel_many, handles), NULL);
    EXPECT(eddy_handle_cancelled(handles[0]) || test_tortured());
    EXPECT(eddy_handle_cancelled(handles[1]) || test_tortured());
    eddy_loop_call_later(loop, 0.001, stop, loop);
    if (test_tortured())
        eddy_loop_stop(loop);
    eddy_loop_run_forever(loop);
    EXPECT_EQ(wrong, 0);
    eddy_loop_unref(loop);
}

TEST_REAL(a_timer_that_another_thread_cancels_leaves_its_slot_at_once)
{
    eddy_loop *loop = test_real_loop();
    eddy_handle handles[CALLS];
    size_t n_slots = 0;

    REQUIRE(loop != NULL);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < CALLS; i++)
            handles[i] = eddy_loop_call_later(loop, 86400, never, NULL);
        pthread_join(start(cancel_many, handles), NULL);
        EXPECT(eddy_handle_cancelled(handles[0]) || test_tortured());
        eddy_loop_stop(loop);
        eddy_loop_run_forever(loop);
        EXPECT(!eddy_handle_cancelled(handles[0]));
        if (round == 0)
            n_slots = loop->later.n_slots;
        EXPECT_EQ(loop->later.n_slots, n_slots);
    }
    EXPECT_EQ(wrong, 0);
    eddy_loop_unref(loop);
}

TEST_REAL(a_timer_that_another_thread_cancels_wakes_a_loop_that_sleeps_for_it)
{
    eddy_loop *loop = test_real_loop();
    eddy_handle handles[CALLS] = {0};
    pthread_t t;

    REQUIRE(loop != NULL);
    handles[0] = eddy_loop_call_later(loop, 86400, never, NULL);
    t = start(cancel_many, handles);
    while (!test_tortured() && eddyi_heap_first(&loop->schedule.timers)) {
        eddy_loop_call_later(loop, 0.001, stop, loop);
        eddy_loop_run_forever(loop);
    }
    pthread_join(t, NULL);
    EXPECT_EQ(wrong, 0);
    eddy_loop_unref(loop);
}

/* Cancels while the loop is closed, before and after. */
TEST_REAL(a_thread_may_cancel_timers_of_a_loop_that_is_being_closed)
{
    for (int round = 0; round < 20; round++) {
        eddy_loop *loop = test_real_loop();
        eddy_handle handles[CALLS];
        pthread_t t;

        REQUIRE(loop != NULL);
        for (int i = 0; i < CALLS; i++)
            handles[i] = eddy_loop_call_later(loop, 86400, never, NULL);
        t = start(cancel_many, handles);
        eddy_loop_close(loop);
        pthread_join(t, NULL);
        for (int i = 0; i < CALLS; i++)
            eddy_handle_cancel(handles[i]);
        eddy_loop_unref(loop);
    }
    EXPECT_EQ(wrong, 0);
}

TEST_REAL(a_thread_may_cancel_what_the_loop_is_about_to_run)
{
    eddy_loop *loop = test_real_loop();
    eddy_handle handles[CALLS];
    pthread_t t;

    REQUIRE(loop != NULL);
    for (int i = 0; i < CALLS; i++)
        handles[i] = eddy_loop_call_later(loop, i * 1e-6, trace_callback, "x");
    t = start(cancel_many, handles);
    for (int i = 0; i < 20; i++) {
        eddy_loop_stop(loop);
        eddy_loop_run_forever(loop);
    }
    pthread_join(t, NULL);
    for (int i = 0; i < CALLS; i++)
        EXPECT(eddy_handle_when(handles[i]) == EDDY_FOREVER);
    eddy_loop_unref(loop);
}

TEST_ASYNC_REAL(in_its_own_thread_call_soon_threadsafe_keeps_its_place, .ordered = true)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_loop_call_soon(loop, trace_callback, "a");
    eddy_loop_call_soon_threadsafe(loop, trace_callback, "b");
    eddy_loop_call_soon(loop, trace_callback, "c");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "a b c");
    return 0;
}
