/*
 * Cancellation everywhere in what waits for other threads and processes: a job that is not awaited
 * any more is done, or dropped, and what belongs to it is given up once.
 *
 * The virtual clock stands still while a job is under way, so each run takes the same course.
 */
#include "testkit/everywhere.h"

#include <stdatomic.h>

enum { JOBS = 2, ANSWER = 7 };

static struct {
    eddy_executor *pool;
    atomic_int done, dropped, values_made, values_dropped;
    int asked, received;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

static void begin_threads(void *unused)
{
    begin(NULL);
    all.pool = eddy_thread_pool_new(1);
}

static void begin_processes(void *unused)
{
    begin(NULL);
    all.pool = eddy_process_pool_new(1);
}

static int answer(void *arg)
{
    atomic_fetch_add(&all.done, 1);
    return ANSWER;
}

static void drop(void *arg)
{
    atomic_fetch_add(&all.dropped, 1);
}

/* run_in_executor */

static eddy_async(ask_pool)
{
    for (int i = 0; i < JOBS; i++) {
        int rc;

        all.asked++;
        rc = eddy_await(eddy_loop_run_in_executor(NULL, all.pool, answer, NULL, .drop = drop));
        eddy_try(rc);
        all.received += rc == ANSWER;
    }
    return 0;
}

static int pool_scenario(void *unused)
{
    return run_alone(ask_pool());
}

static int pool_check(void *unused, const eddy_test_trial *trial)
{
    eddy_executor_free(all.pool);
    eddy_try(HOLDS(all.dropped == all.asked && all.received <= all.asked));
    return trial->task ? 0 : HOLDS(all.received == JOBS);
}

TEST_VIRTUAL(a_job_in_a_thread_pool_is_given_up_wherever_its_task_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"run_in_executor", pool_scenario, .begin = begin_threads,
                                     .check = pool_check, .task = "ask_pool"},
               JOBS);
}

TEST_VIRTUAL(a_job_in_a_process_pool_is_given_up_wherever_its_task_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"process pool", pool_scenario, .begin = begin_processes,
                                     .check = pool_check, .task = "ask_pool"},
               JOBS);
}

/* await_bytes: what comes back is taken whole, or not at all. */

static int repeat_bytes(void *arg)
{
    return eddy_return_bytes(arg, eddy_job_size());
}

static eddy_async(ask_for_bytes)
{
    static const char text[] = "there and back";

    for (int i = 0; i < JOBS; i++) {
        eddy_bytes answer = {NULL, 0};
        int rc = eddy_await_bytes(eddy_loop_run_in_executor(NULL, all.pool, repeat_bytes,
                                                            (void *)text, .size = sizeof text),
                                  &answer);

        all.received += answer.size == sizeof text && memcmp(answer.data, text, sizeof text) == 0;
        all.received += rc < 0 && answer.data ? 100 : 0;
        eddy_bytes_fini(&answer);
        eddy_try(rc);
    }
    return 0;
}

static int bytes_scenario(void *unused)
{
    return run_alone(ask_for_bytes());
}

static int bytes_check(void *unused, const eddy_test_trial *trial)
{
    eddy_executor_free(all.pool);
    return HOLDS(all.received == JOBS || (trial->task && all.received < JOBS));
}

TEST_VIRTUAL(bytes_from_a_job_are_taken_or_given_up_wherever_its_task_is_cancelled)
{
    eddy_test_scenario s = {"await_bytes", bytes_scenario, .begin = begin_threads,
                            .check = bytes_check, .task = "ask_for_bytes"};

    everywhere(&s, JOBS);
    s.begin = begin_processes;
    everywhere(&s, JOBS);
}

/* to_thread and run_in_executor: what the job returns is received, or dropped. */

static int make_value(void *arg)
{
    static int value;

    atomic_fetch_add(&all.values_made, 1);
    return eddy_return(&value);
}

static void drop_value(void *value)
{
    atomic_fetch_add(&all.values_dropped, 1);
}

static eddy_async(ask_thread)
{
    for (int i = 0; i < JOBS; i++) {
        void *value = NULL;
        int rc = i % 2 ? eddy_await_value(
                             eddy_to_thread(make_value, NULL, .drop_value = drop_value), &value)
                       : eddy_await_value(eddy_loop_run_in_executor(NULL, NULL, make_value, NULL,
                                                                    .drop_value = drop_value),
                                          &value);

        all.received += value != NULL;
        eddy_try(rc);
    }
    return 0;
}

static int thread_scenario(void *unused)
{
    return run_alone(ask_thread());
}

static int thread_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.values_made == all.received + all.values_dropped));
    return trial->task ? 0 : HOLDS(all.received == JOBS);
}

TEST_VIRTUAL(what_a_thread_returns_is_received_or_dropped_wherever_its_task_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"to_thread", thread_scenario, .begin = begin,
                                     .check = thread_check, .task = "ask_thread"},
               JOBS);
}

/* run_coroutine_threadsafe: the thread that waits hears of the end, whatever it is. */

static eddy_async(serve_thread)
{
    eddy_try(eddy_sleep(0));
    eddy_try(eddy_sleep(0));
    return ANSWER;
}

static int call_loop(void *loop)
{
    eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(serve_thread(), loop);
    int rc = cf ? eddy_concurrent_future_result(cf, EDDY_FOREVER) : -ENOMEM;

    eddy_concurrent_future_unref(cf);
    all.received += rc == ANSWER;
    atomic_fetch_add(&all.done, 1);
    return rc == -ECANCELED ? 0 : rc;
}

static int threadsafe_scenario(void *unused)
{
    return eddy_await(eddy_to_thread(call_loop, eddy_get_running_loop()));
}

static int threadsafe_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.done == 1));
    return HOLDS(all.received == (trial->task ? 0 : 1));
}

TEST_VIRTUAL(a_thread_hears_of_the_end_of_its_coroutine_wherever_that_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"run_coroutine_threadsafe", threadsafe_scenario,
                                     .begin = begin, .check = threadsafe_check,
                                     .task = "serve_thread"},
               2);
}
