#include "executor/gate.h"
#include "harness/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

static int yes(void *arg)
{
    return 1;
}

static int wait_at_gate(void *arg)
{
    gate_pass(arg);
    return 1;
}

static eddy_contextvar color = EDDY_CONTEXTVAR("color", "none");

static int color_is(void *arg)
{
    bool same = strcmp(eddy_contextvar_get(&color), arg) == 0;

    eddy_contextvar_set(&color, "the job's", NULL);
    return same;
}

TEST_ASYNC_REAL(to_thread_carries_the_context_in_and_nothing_back)
{
    eddy_try(eddy_contextvar_set(&color, "blue", NULL));
    EXPECT_EQ(eddy_await(eddy_to_thread(color_is, "blue")), 1);
    EXPECT_STR(eddy_contextvar_get(&color), "blue");
    return 0;
}

/* The copy is taken when the coroutine begins, as in CPython. */
TEST_ASYNC_REAL(to_thread_sees_the_context_of_its_await)
{
    eddy_coroutine *coro = eddy_to_thread(color_is, "red");

    if (eddy_contextvar_set(&color, "red", NULL) == 0)
        EXPECT_EQ(eddy_await(coro), 1);
    else
        eddy_coroutine_close(coro);
    return 0;
}

TEST_ASYNC_REAL(run_in_executor_gives_its_thread_an_empty_context)
{
    eddy_try(eddy_contextvar_set(&color, "blue", NULL));
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, color_is, "none")), 1);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, color_is, "none")), 1);
    return 0;
}

static void count(void *arg)
{
    ++*(int *)arg;
}

TEST_ASYNC_REAL(a_to_thread_that_is_closed_drops_its_argument)
{
    int dropped = 0;

    eddy_coroutine_close(eddy_to_thread(yes, &dropped, .drop = count));
    EXPECT_EQ(dropped, 1);
    return 0;
}

static eddy_run_on_executor(add, (int, a), (const char *, b))
{
    return a + (int)strlen(b);
}

static eddy_run_on_executor(answer)
{
    return pthread_equal(pthread_self(), *(pthread_t *)eddy_contextvar_get(&color)) ? -EINVAL : 42;
}

TEST_ASYNC_REAL(run_on_executor_makes_a_coroutine_function_of_blocking_code_in_threads)
{
    static pthread_t self;
    eddy_coroutine *coro;

    self = pthread_self();
    eddy_try(eddy_contextvar_set(&color, &self, NULL));
    coro = add(40, "xx");
    if (coro)
        EXPECT_STR(eddy_coroutine_name(coro), "add");
    EXPECT_EQ(eddy_await(coro), 42);
    EXPECT_EQ(eddy_await(answer()), 42);
    return 0;
}

TEST_ASYNC_REAL(a_pool_of_threads_that_is_set_becomes_the_default_and_the_loops_own)
{
    eddy_loop *loop = eddy_get_running_loop();

    EXPECT_EQ(eddy_loop_set_default_executor(loop, eddy_thread_pool_new(1)), 0);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, yes, NULL)), 1);
    EXPECT_EQ(eddy_loop_set_default_executor(loop, eddy_thread_pool_new(1)), 0);
    EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, yes, NULL)), 1);
    return 0;
}

TEST_ASYNC(setting_no_executor_reports_the_lack_of_memory)
{
    EXPECT_EQ(eddy_loop_set_default_executor(eddy_get_running_loop(), NULL), -ENOMEM);
    return 0;
}

TEST_ASYNC_REAL(after_its_shutdown_the_default_executor_runs_nothing_in_any_thread)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_future *f;

    EXPECT_EQ(eddy_await(eddy_to_thread(yes, NULL)), 1);
    EXPECT_EQ(eddy_await(eddy_loop_shutdown_default_executor(loop, EDDY_FOREVER)), 0);
    f = eddy_loop_run_in_executor(NULL, NULL, yes, NULL);
    EXPECT(f == NULL && eddy_exception_code(eddy_error()) == EDDY_ECLOSED);
    eddy_unref(f);
    EXPECT_EQ(eddy_await(eddy_to_thread(yes, NULL)), EDDY_ECLOSED);
    EXPECT_EQ(eddy_await(eddy_loop_shutdown_default_executor(loop, EDDY_FOREVER)), 0);
    return 0;
}

TEST_ASYNC_REAL(shutting_down_waits_for_what_the_threads_still_have_to_do)
{
    static struct gate gate;
    eddy_future *f;
    eddy_task *t;

    gate_init(&gate);
    f = eddy_loop_run_in_executor(NULL, NULL, wait_at_gate, &gate);
    REQUIRE(f != NULL);
    t = eddy_create_task(
        eddy_loop_shutdown_default_executor(eddy_get_running_loop(), EDDY_FOREVER));
    REQUIRE(t != NULL);
    for (int i = 0; i < 10; i++)
        eddy_sleep(0);
    EXPECT(!eddy_task_done(t));
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(eddy_await(f), 1);
    return 0;
}

/* The gate opens only at the end: the loop is long gone when its job is over. */
static void abandon_stuck_job(eddy_loop *loop, struct gate *gate, int expected)
{
    char message[300];
    int rc;

    REQUIRE(loop != NULL);
    eddy_unref(eddy_loop_run_in_executor(loop, NULL, wait_at_gate, gate));
    if (!test_tortured())
        gate_await(gate);
    rc = eddy_loop_run_until_complete(loop, eddy_loop_shutdown_default_executor(loop, 0.02));
    EXPECT_EQ(rc, expected);
    if (rc == -ETIMEDOUT) {
        eddy_exception_format(eddy_error(), message, sizeof message);
        EXPECT_IN("within 0.02 seconds", message);
        if (!test_tortured()) /* or the thread may not have begun */
            EXPECT_IN("'wait_at_gate', for 0.", message);
    }
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_loop_shutdown_default_executor(loop, 0.02)),
              0);
    eddy_loop_unref(loop);
    gate_open(gate, 1);
}

TEST_REAL(a_stuck_thread_is_named_and_left_behind_when_the_time_is_over)
{
    static struct gate gate;

    gate_init(&gate);
    abandon_stuck_job(test_real_loop(), &gate, -ETIMEDOUT);
}

TEST_VIRTUAL(a_stuck_thread_is_left_behind_under_the_virtual_clock_too)
{
    static struct gate gate;

    gate_init(&gate);
    abandon_stuck_job(test_virtual_loop(), &gate, -ETIMEDOUT);
}

TEST_REAL(closing_a_loop_does_not_wait_for_its_threads)
{
    static struct gate gate;
    eddy_loop *loop = test_real_loop();

    gate_init(&gate);
    REQUIRE(loop != NULL);
    eddy_unref(eddy_loop_run_in_executor(loop, NULL, wait_at_gate, &gate));
    eddy_loop_unref(loop);
    gate_open(&gate, 1);
}

static int take_a_moment(void *arg)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return 5;
}

TEST_ASYNC(virtual_time_stands_still_while_a_thread_works)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_task *sleeper = eddy_create_task(eddy_sleep_coro(3600, 0, NULL));

    REQUIRE(sleeper != NULL);
    EXPECT_EQ(eddy_await(eddy_to_thread(take_a_moment, NULL)), 5);
    EXPECT_EQ(eddy_loop_time(loop), 0.0);
    EXPECT(!eddy_task_done(sleeper));
    EXPECT_EQ(eddy_await(sleeper), 0);
    EXPECT_EQ(eddy_loop_time(loop), 3600.0);
    return 0;
}

TEST_ASYNC(waiting_for_a_thread_is_no_deadlock_of_the_virtual_clock)
{
    for (int i = 0; i < 20; i++)
        EXPECT_EQ(eddy_await(eddy_loop_run_in_executor(NULL, NULL, take_a_moment, NULL)), 5);
    return 0;
}

TEST_ASYNC(virtual_time_goes_on_when_the_thread_was_let_go_of)
{
    static struct gate gate;
    int rc;

    gate_init(&gate);
    eddy_task *t = eddy_create_task(eddy_to_thread(wait_at_gate, &gate));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    rc = eddy_sleep(10);
    gate_open(&gate, 1);
    return rc;
}

static void *pass_gate_later(void *arg)
{
    take_a_moment(NULL);
    gate_open(arg, 1);
    return NULL;
}

/* eddy_run() itself: it returns only after the thread is through. */
static eddy_async(leave_job_behind, (struct gate *, gate))
{
    eddy_unref(eddy_loop_run_in_executor(NULL, NULL, wait_at_gate, gate));
    return 0;
}

TEST(running_a_program_ends_with_its_threads)
{
    static struct gate gate;
    pthread_t t;

    gate_init(&gate);
    REQUIRE(pthread_create(&t, NULL, pass_gate_later, &gate) == 0);
    EXPECT_EQ(test_run_real(leave_job_behind(&gate)), 0);
    pthread_join(t, NULL);
}
