/*
 * fork() without exec in a program with executors and loops in threads: the child is told that they
 * are its parent's.
 */
#include "executor/executor.h"
#include "executor/gate.h"
#include "harness/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int yes(void *arg)
{
    return 1;
}

static int wait_at_gate(void *arg)
{
    gate_pass(arg);
    return 1;
}

static eddy_async(zero)
{
    return 0;
}

/* The objects that the parent had when it forked. */
static struct {
    eddy_executor *pool;
    eddy_concurrent_future *pending;
    eddy_loop *loop;
} parents;

static void do_nothing(void *unused)
{
}

static int code(void)
{
    return eddy_exception_code(eddy_error());
}

static void use_parents_things(void *unused)
{
    EXPECT(eddy_executor_submit(parents.pool, yes, NULL) == NULL);
    EXPECT_EQ(code(), EDDY_EFORKED);
    EXPECT_EQ(eddy_executor_shutdown(parents.pool, true, true), EDDY_EFORKED);
    EXPECT_EQ(eddy_concurrent_future_result(parents.pending, EDDY_FOREVER), EDDY_EFORKED);
    EXPECT(!eddy_concurrent_future_cancel(parents.pending));
    EXPECT_EQ(eddy_concurrent_future_add_done_callback(parents.pending, NULL, NULL), EDDY_EFORKED);
    EXPECT(eddy_run_coroutine_threadsafe(zero(), parents.loop) == NULL);
    EXPECT_EQ(code(), EDDY_EFORKED);
    EXPECT(eddy_loop_call_soon_threadsafe(parents.loop, do_nothing, NULL).slot == NULL);
    EXPECT_EQ(code(), EDDY_EFORKED);
    eddy_executor_free(parents.pool);
}

/* The parent's are whole when the child has gone, and go on. */
static void fork_with(eddy_executor *pool, void (*in_child)(void *arg))
{
    static struct gate gate;
    char output[1000];
    int status;

    gate_init(&gate);
    parents.pool = eddy_thread_pool_new(1);
    parents.loop = test_real_loop();
    REQUIRE(parents.pool && parents.loop);
    parents.pending = eddy_executor_submit(parents.pool, wait_at_gate, &gate);
    REQUIRE(parents.pending != NULL);
    gate_await(&gate);

    status = test_in_child(in_child, pool, output, sizeof output);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_STR(output, "");

    gate_open(&gate, 1);
    EXPECT_EQ(eddy_concurrent_future_result(parents.pending, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(parents.pending);
    eddy_executor_free(parents.pool);
    eddy_loop_unref(parents.loop);
}

TEST(a_forked_child_is_told_that_threads_and_loops_are_its_parents)
{
    fork_with(NULL, use_parents_things);
}

static eddy_async(wrap_pending)
{
    EXPECT(eddy_wrap_future(eddy_concurrent_future_ref(parents.pending)) == NULL);
    EXPECT_EQ(code(), EDDY_EFORKED);
    EXPECT(eddy_loop_run_in_executor(NULL, parents.pool, yes, NULL) == NULL);
    EXPECT_EQ(code(), EDDY_EFORKED);
    EXPECT_EQ(eddy_await(eddy_to_thread(yes, NULL)), 1);
    return 0;
}

static void begin_anew(void *unused)
{
    EXPECT_EQ(test_run_real(wrap_pending()), 0);
}

TEST(a_forked_child_may_begin_anew)
{
    fork_with(NULL, begin_anew);
}

static pid_t twice(void)
{
    pid_t child = fork();

    if (child == 0)
        alarm(20); /* should it never end */
    return child;
}

static int fork_in_job(void *arg)
{
    *(pid_t *)arg = twice();
    return 1;
}

static void submit_forking_job(void *unused)
{
    eddy_executor *pool = eddy_thread_pool_new(1);
    pid_t child = -1;
    int status = -1;
    eddy_concurrent_future *cf;

    REQUIRE(pool);
    cf = eddy_executor_submit(pool, fork_in_job, &child);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);

    cf = eddy_executor_submit(pool, yes, NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    eddy_executor_free(pool);
}

TEST(a_child_that_returns_from_a_job_of_a_thread_pool_ends_with_a_message)
{
    char output[1000];

    EXPECT_EQ(test_in_child(submit_forking_job, NULL, output, sizeof output), 0);
    EXPECT_IN("came back from the job", output);
}

static void fork_when_done(eddy_concurrent_future *cf, void *arg)
{
    *(pid_t *)arg = twice();
}

static void fork_in_done_callback(void *unused)
{
    static struct gate gate;
    eddy_executor *pool = eddy_thread_pool_new(1);
    pid_t child = -1;
    int status = -1;
    eddy_concurrent_future *cf;

    gate_init(&gate);
    REQUIRE(pool);
    cf = eddy_executor_submit(pool, wait_at_gate, &gate);
    REQUIRE(cf);
    gate_await(&gate);
    EXPECT_EQ(eddy_concurrent_future_add_done_callback(cf, fork_when_done, &child), 0);
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    eddy_executor_free(pool); /* when the callback has returned */
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE);
}

TEST(a_child_that_returns_from_a_callback_in_a_thread_of_a_pool_ends_with_a_message)
{
    char output[1000];

    EXPECT_EQ(test_in_child(fork_in_done_callback, NULL, output, sizeof output), 0);
    EXPECT_IN("came back from the job", output);
}

static void use_processes(void *parents_pool)
{
    eddy_executor *pool;
    eddy_concurrent_future *cf;

    EXPECT(eddy_executor_submit(parents_pool, yes, NULL) == NULL);
    EXPECT_EQ(code(), EDDY_EFORKED);
    eddy_executor_free(parents_pool);
    pool = eddy_process_pool_new(1);
    REQUIRE(pool != NULL);
    cf = eddy_executor_submit(pool, yes, NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    eddy_executor_free(pool);
}

TEST(a_forked_child_may_have_worker_processes_beside_its_parents)
{
    eddy_executor *pool = eddy_process_pool_new(1);
    eddy_concurrent_future *cf;

    REQUIRE(pool != NULL);
    cf = eddy_executor_submit(pool, yes, NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    fork_with(pool, use_processes);
    cf = eddy_executor_submit(pool, yes, NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    eddy_executor_free(pool);
}

/* A child that lives on has copies of the pool's descriptors; the workers end all the same when the
 * pool does. */
TEST(a_child_that_goes_on_does_not_keep_the_workers_of_its_parent)
{
    eddy_executor *pool = eddy_process_pool_new(2);
    eddy_concurrent_future *cf;
    pid_t child;

    REQUIRE(pool != NULL);
    cf = eddy_executor_submit(pool, yes, NULL);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    child = fork();
    if (child == 0)
        for (;;)
            pause();
    eddy_executor_free(pool);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void has_abandoned_none(void *unused)
{
    EXPECT_EQ(atomic_load(&eddyi_executors_abandoned), 0);
}

TEST(the_threads_that_a_parent_gave_up_are_not_the_childs)
{
    static struct gate gate;
    eddy_executor *pool = eddy_thread_pool_new(1);
    eddy_concurrent_future *cf;
    char output[1000];
    int status;

    gate_init(&gate);
    REQUIRE(pool != NULL);
    cf = eddy_executor_submit(pool, wait_at_gate, &gate);
    REQUIRE(cf != NULL);
    gate_await(&gate);
    eddyi_executor_abandon(pool);
    EXPECT_EQ(atomic_load(&eddyi_executors_abandoned), 1);

    status = test_in_child(has_abandoned_none, NULL, output, sizeof output);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_STR(output, "");

    gate_open(&gate, 1);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 1);
    eddy_concurrent_future_unref(cf);
    while (atomic_load(&eddyi_executors_abandoned) > 0)
        usleep(1000);
}
