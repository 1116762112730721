#include "executor/gate.h"
#include "harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int square(void *arg)
{
    int n = *(int *)arg;

    return n * n;
}

static int wait_at_gate(void *arg)
{
    gate_pass(arg);
    return 1;
}

static int count(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return 0;
}

static int is_main(void *arg)
{
    return pthread_equal(pthread_self(), *(pthread_t *)arg);
}

static eddy_future *run_square(int n)
{
    return eddy_loop_run_in_executor(NULL, NULL, square, &n, .size = sizeof n);
}

TEST_ASYNC_REAL(a_job_runs_in_another_thread_and_its_status_comes_back)
{
    pthread_t self = pthread_self();
    int n = 7;

    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, square, &n)), 49);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, is_main, &self)), 0);
    return 0;
}

TEST_ASYNC_REAL(a_thread_gets_a_copy_of_the_argument_with_a_size)
{
    eddy_future *g = eddy_gather(run_square(1), run_square(2), run_square(3));
    const eddy_outcome *o;

    EXPECT_EQ(eddy_await(eddy_ref(g)), 0);
    o = g ? eddy_gather_outcomes(g) : NULL;
    if (EXPECT(o != NULL)) {
        EXPECT_EQ(o[0].status, 1);
        EXPECT_EQ(o[1].status, 4);
        EXPECT_EQ(o[2].status, 9);
    }
    eddy_unref(g);
    return 0;
}

static int complain(void *arg)
{
    return eddy_raise(-EIO, "disk %s is on fire", (const char *)arg);
}

TEST_ASYNC_REAL(what_a_job_in_a_thread_raises_is_raised_where_it_is_awaited)
{
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, complain, "B")), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "disk B is on fire");
    return 0;
}

static int fail_quietly(void *arg)
{
    return -ENOENT;
}

TEST_ASYNC_REAL(the_error_of_an_earlier_job_does_not_stick_to_its_thread)
{
    eddy_executor *pool = eddy_thread_pool_new(1);

    REQUIRE(pool != NULL);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, pool, complain, "C")), -EIO);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, pool, fail_quietly, NULL)), -ENOENT);
    EXPECT_STR(eddy_exception_message(eddy_error()), "");
    eddy_executor_free(pool);
    return 0;
}

static int give_copy(void *arg)
{
    return eddy_return(strdup(arg));
}

TEST_ASYNC_REAL(a_pointer_travels_beside_the_status_from_a_thread)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(eddy_loop_run_in_executor(NULL, NULL, give_copy, "hello"), &value),
              0);
    if (value)
        EXPECT_STR(value, "hello");
    free(value);
    return 0;
}

static int many_bytes(void *arg)
{
    size_t n = *(size_t *)arg;
    char *bytes = malloc(n + 1);
    int rc;

    memset(bytes, 'x', n);
    rc = eddy_return_bytes(bytes, n);
    free(bytes);
    return rc;
}

TEST_ASYNC_REAL(bytes_come_back_from_a_thread)
{
    size_t n = 1 << 20;
    eddy_bytes bytes = {NULL, 0};

    EXPECT_EQ(eddy_await_bytes(eddy_loop_run_in_executor(NULL, NULL, many_bytes, &n), &bytes), 0);
    EXPECT_EQ(bytes.size, n);
    if (bytes.data)
        EXPECT(((char *)bytes.data)[0] == 'x' && ((char *)bytes.data)[n - 1] == 'x');
    eddy_bytes_fini(&bytes);
    return 0;
}

TEST_ASYNC_REAL(bytes_that_others_can_see_are_copied_for_a_thread_that_awaits_them)
{
    size_t n = 100, seen = 0;
    eddy_future *f = eddy_loop_run_in_executor(NULL, NULL, many_bytes, &n);
    eddy_bytes bytes = {NULL, 0};

    EXPECT_EQ(eddy_await_bytes(eddy_ref(f), &bytes), 0);
    EXPECT(f && eddy_future_bytes(f, &seen) && eddy_future_bytes(f, &seen) != bytes.data);
    EXPECT_EQ(seen, bytes.size);
    eddy_bytes_fini(&bytes);
    eddy_unref(f);
    return 0;
}

TEST(return_bytes_outside_of_a_job_is_refused)
{
    EXPECT_EQ(eddy_return_bytes("x", 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_job_size(), 0);
}

static int size_of_argument(void *arg)
{
    return (int)eddy_job_size();
}

TEST_ASYNC_REAL(a_job_in_a_thread_learns_the_size_of_its_argument)
{
    EXPECT_EQ(
        eddy_await(eddy_loop_run_in_executor(NULL, NULL, size_of_argument, "12345", .size = 6)), 6);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, size_of_argument, "12345")), 0);
    return 0;
}

/* Four jobs that wait for each other at the gate can only end if they run in parallel. */
TEST_ASYNC_REAL(jobs_run_side_by_side_in_threads)
{
    static struct gate gate;
    eddy_future *jobs[4];

    gate_init(&gate);
    for (int i = 0; i < 4; i++)
        REQUIRE((jobs[i] = eddy_loop_run_in_executor(NULL, NULL, wait_at_gate, &gate)) != NULL);
    for (int i = 0; i < 4; i++)
        if (!test_tortured())
            gate_await(&gate);
    gate_open(&gate, 4);
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(eddy_await(jobs[i]), 1);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_job_that_has_not_begun_never_runs_in_any_thread)
{
    eddy_executor *pool = eddy_thread_pool_new(1);
    atomic_int counter = 0;
    static struct gate gate;
    eddy_future *first, *second;

    gate_init(&gate);
    REQUIRE(pool != NULL);
    first = eddy_loop_run_in_executor(NULL, pool, wait_at_gate, &gate);
    second = eddy_loop_run_in_executor(NULL, pool, count, &counter);
    REQUIRE(first && second);
    EXPECT(eddy_future_cancel(second, "not needed"));
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_await(first), 1);
    EXPECT_EQ(eddy_await(second), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "not needed");
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&counter), 0);
    return 0;
}

static void note_dropped(void *arg)
{
    atomic_fetch_add(*(atomic_int **)arg, 1);
}

struct owned {
    atomic_int *dropped;
    struct gate *gate;
};

static int wait_and_give(void *arg)
{
    struct owned *o = arg;

    gate_pass(o->gate);
    return eddy_return(o->dropped);
}

static void note_value_dropped(void *value)
{
    atomic_fetch_add((atomic_int *)value, 100);
}

TEST_ASYNC_REAL(a_running_job_is_let_go_of_and_what_it_owns_goes_when_its_thread_is_through)
{
    eddy_executor *pool = eddy_thread_pool_new(1);
    atomic_int dropped = 0;
    static struct gate gate;
    struct owned owned = {&dropped, &gate};
    eddy_future *f;

    gate_init(&gate);
    REQUIRE(pool != NULL);
    f = eddy_loop_run_in_executor(NULL, pool, wait_and_give, &owned, .size = sizeof owned,
                                  .drop = note_dropped, .drop_value = note_value_dropped);
    REQUIRE(f != NULL);
    gate_await(&gate);
    EXPECT(eddy_future_cancel(f, NULL));
    EXPECT_EQ(eddy_await(f), -ECANCELED);
    EXPECT_EQ(atomic_load(&dropped), 0);
    gate_open(&gate, 1);
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&dropped), 101);
    return 0;
}

TEST_ASYNC_REAL(a_value_that_was_received_is_not_dropped_by_the_thread)
{
    atomic_int dropped = 0;
    static struct gate gate;
    struct owned owned = {&dropped, &gate};
    void *value = NULL;

    gate_init(&gate);
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_await_value(eddy_loop_run_in_executor(NULL, NULL, wait_and_give, &owned,
                                                         .size = sizeof owned, .drop = note_dropped,
                                                         .drop_value = note_value_dropped),
                               &value),
              0);
    EXPECT(value == &dropped);
    EXPECT_EQ(atomic_load(&dropped), 1);
    return 0;
}

TEST_ASYNC_REAL(cancelling_the_task_ends_its_await_of_a_thread_at_once)
{
    static struct gate gate;
    eddy_task *t;

    gate_init(&gate);
    t = eddy_create_task(eddy_to_thread(wait_at_gate, &gate));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    EXPECT(eddy_task_cancel(t, NULL));
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    gate_open(&gate, 1);
    return 0;
}

static atomic_int running, most_running;

static int note_how_many_run(void *arg)
{
    int n = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);

    while (n > most && !atomic_compare_exchange_weak(&most_running, &most, n)) {
    }
    sched_yield();
    atomic_fetch_sub(&running, 1);
    return 0;
}

TEST_ASYNC_REAL(a_pool_runs_no_more_jobs_at_once_than_it_may_have_threads)
{
    eddy_executor *pool = eddy_thread_pool_new(2);

    REQUIRE(pool != NULL);
    for (int i = 0; i < 200; i++)
        eddy_unref(eddy_loop_run_in_executor(NULL, pool, note_how_many_run, NULL));
    eddy_executor_free(pool);
    EXPECT(atomic_load(&most_running) <= 2);
    return 0;
}

TEST_ASYNC_REAL(free_waits_for_the_jobs_of_all_threads)
{
    eddy_executor *pool = eddy_thread_pool_new(2);
    atomic_int counter = 0;
    int taken = 0;

    REQUIRE(pool != NULL);
    for (int i = 0; i < 100; i++) {
        eddy_future *f = eddy_loop_run_in_executor(NULL, pool, count, &counter);

        taken += f != NULL;
        eddy_unref(f);
    }
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&counter), taken);
    return 0;
}

TEST_ASYNC_REAL(a_pool_of_threads_that_was_shut_down_takes_no_more)
{
    eddy_executor *pool = eddy_thread_pool_new(1);
    int n = 1;

    REQUIRE(pool != NULL);
    EXPECT_EQ(eddy_executor_shutdown(pool, true, false), 0);
    EXPECT(eddy_loop_run_in_executor(NULL, pool, square, &n) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ECLOSED);
    EXPECT(eddy_executor_submit(pool, square, &n) == NULL);
    EXPECT_EQ(eddy_executor_shutdown(pool, true, true), 0);
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(shutting_down_threads_can_cancel_what_has_not_begun)
{
    eddy_executor *pool = eddy_thread_pool_new(1);
    atomic_int counter = 0;
    static struct gate gate;
    eddy_future *first, *second;

    gate_init(&gate);
    REQUIRE(pool != NULL);
    first = eddy_loop_run_in_executor(NULL, pool, wait_at_gate, &gate);
    second = eddy_loop_run_in_executor(NULL, pool, count, &counter);
    REQUIRE(first && second);
    gate_await(&gate);
    EXPECT_EQ(eddy_executor_shutdown(pool, false, true), 0);
    EXPECT_EQ(eddy_await(second), -ECANCELED);
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_await(first), 1);
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&counter), 0);
    return 0;
}

static int shut_down_own(void *arg)
{
    return eddy_executor_shutdown(arg, true, false);
}

TEST_ASYNC_REAL(a_job_that_waits_for_its_own_pool_of_threads_gets_an_error)
{
    eddy_executor *pool = eddy_thread_pool_new(1);

    REQUIRE(pool != NULL);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, pool, shut_down_own, pool)), -EDEADLK);
    eddy_executor_free(pool);
    return 0;
}

TEST(a_job_without_a_thread_to_run_it_fails)
{
    eddy_executor *pool = eddy_thread_pool_new(2);
    atomic_int dropped = 0;
    atomic_int *pointer = &dropped;

    REQUIRE(pool != NULL);
    eddyi_fault_only("pthread_create", EAGAIN);
    EXPECT(eddy_executor_submit(pool, square, &pointer, .size = sizeof pointer,
                                .drop = note_dropped) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EAGAIN);
    EXPECT_EQ(atomic_load(&dropped), 1);
    eddyi_fault_clear();
    eddy_executor_free(pool);
}

/* Two threads cannot be had: the one that there is does it all. */
TEST_ASYNC_REAL(jobs_wait_for_a_thread_where_no_further_one_can_be_made)
{
    eddy_executor *pool = eddy_thread_pool_new(4);
    atomic_int counter = 0;
    static struct gate gate;
    eddy_future *first, *second;

    gate_init(&gate);
    REQUIRE(pool != NULL);
    first = eddy_loop_run_in_executor(NULL, pool, wait_at_gate, &gate);
    REQUIRE(first != NULL);
    eddyi_fault_only("pthread_create", EAGAIN);
    second = eddy_loop_run_in_executor(NULL, pool, count, &counter);
    EXPECT(second != NULL);
    eddyi_fault_clear();
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_await(second), 0);
    EXPECT_EQ(eddy_await(first), 1);
    eddy_executor_free(pool);
    return 0;
}

/* One at a time, each handed over while the thread, done with the one before, looks for more or
 * falls asleep. */
TEST(a_thread_that_falls_asleep_does_not_miss_the_next_job)
{
    eddy_executor *pool = eddy_thread_pool_new(1);
    atomic_int counter = 0;
    int n = test_tortured() ? 5 : 5000, taken = 0;

    REQUIRE(pool != NULL);
    for (int i = 0; i < n; i++) {
        eddy_concurrent_future *cf = eddy_executor_submit(pool, count, &counter);

        taken += cf && eddy_concurrent_future_result(cf, EDDY_FOREVER) == 0;
        eddy_concurrent_future_unref(cf);
    }
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&counter), taken);
}

/* Hand-over in the thousands, with cancels between, from two sides: for ThreadSanitizer above
 * all. */
struct submitter {
    eddy_executor *pool;
    atomic_int *counter;
    int taken, cancelled;
};

static void *submit_many(void *arg)
{
    struct submitter *s = arg;
    int n = test_tortured() ? 20 : 2000;

    for (int i = 0; i < n; i++) {
        eddy_concurrent_future *cf = eddy_executor_submit(s->pool, count, s->counter);

        if (!cf)
            continue;
        if (i % 3 == 0 && eddy_concurrent_future_cancel(cf))
            s->cancelled++;
        else if (i % 5 == 0)
            EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 0);
        s->taken++;
        eddy_concurrent_future_unref(cf);
    }
    return NULL;
}

TEST(every_job_submitted_from_several_threads_runs_once_or_was_cancelled)
{
    atomic_int counter = 0;
    struct submitter s[3];
    pthread_t threads[3];
    eddy_executor *pool = eddy_thread_pool_new(3);
    int expected = 0;

    REQUIRE(pool != NULL);
    for (int i = 0; i < 3; i++) {
        s[i] = (struct submitter){pool, &counter, 0, 0};
        REQUIRE(pthread_create(&threads[i], NULL, submit_many, &s[i]) == 0);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        expected += s[i].taken - s[i].cancelled;
    }
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&counter), expected);
}
