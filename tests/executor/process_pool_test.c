#include "base/libc.h"
#include "executor/gate.h"
#include "harness/test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static eddy_executor *pool;

/* Each test's body runs with a pool of so many workers. */
#define WITH_POOL(n)                                                                               \
    pool = eddy_process_pool_new(n);                                                               \
    REQUIRE(pool != NULL)

/* Runs fn(arg) in the pool and waits for its status. */
#define CALL(fn, ...) eddy_await(eddy_loop_run_in_executor(NULL, pool, fn, __VA_ARGS__))

static int process_id(void *arg)
{
    return getpid();
}

TEST_ASYNC_REAL(a_job_runs_in_another_process_and_its_status_comes_back)
{
    int pid;

    WITH_POOL(1);
    pid = CALL(process_id, NULL);
    EXPECT(pid > 0 && pid != getpid());
    EXPECT_EQ(CALL(process_id, NULL), pid);
    eddy_executor_free(pool);
    return 0;
}

static int complain(void *arg)
{
    return eddy_raise(-ENOSPC, "disk %s is full", (char *)arg);
}

TEST_ASYNC_REAL(what_a_job_raises_in_another_process_is_raised_where_it_is_awaited)
{
    WITH_POOL(1);
    EXPECT_EQ(CALL(complain, "C", .size = 2), -ENOSPC);
    EXPECT_STR(eddy_exception_message(eddy_error()), "disk C is full");
    eddy_executor_free(pool);
    return 0;
}

/* Returns its argument, each byte one more. */
static int increment(void *arg)
{
    unsigned char *bytes = arg;

    for (size_t i = 0; i < eddy_job_size(); i++)
        bytes[i]++;
    return eddy_return_bytes(bytes, eddy_job_size());
}

static void exchange(size_t size)
{
    unsigned char *bytes = malloc(size);
    eddy_bytes result = {NULL, 0};
    size_t wrong = 0;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7);
    EXPECT_EQ(eddy_await_bytes(
                  eddy_loop_run_in_executor(NULL, pool, increment, bytes, .size = size), &result),
              0);
    EXPECT_EQ(result.size, size);
    for (size_t i = 0; i < result.size; i++)
        wrong += ((unsigned char *)result.data)[i] != (unsigned char)(i * 7 + 1);
    EXPECT_EQ(wrong, 0);
    eddy_bytes_fini(&result);
    free(bytes);
}

TEST_ASYNC_REAL(bytes_of_any_size_go_to_another_process_and_back)
{
    static const size_t sizes[] = {1, 4096, 300001, 20 << 20};
    size_t n = test_tortured() ? 3 : 4;

    WITH_POOL(1);
    for (size_t i = 0; i < n; i++)
        exchange(sizes[i]);
    eddy_executor_free(pool);
    return 0;
}

static int nothing(void *arg)
{
    return eddy_return_bytes(NULL, 0);
}

TEST_ASYNC_REAL(no_bytes_come_back_as_none)
{
    eddy_bytes result = {"untouched", 9};

    WITH_POOL(1);
    if (eddy_await_bytes(eddy_loop_run_in_executor(NULL, pool, nothing, NULL), &result) == 0) {
        EXPECT_EQ(result.size, 0);
        eddy_bytes_fini(&result);
    }
    EXPECT_EQ(
        eddy_await_bytes(eddy_loop_run_in_executor(NULL, pool, complain, "D", .size = 2), &result),
        -ENOSPC);
    eddy_executor_free(pool);
    return 0;
}

static int setting = 1; /* before the pool is made; 2 then */

static int read_setting(void *arg)
{
    return *(int *)arg;
}

TEST_ASYNC_REAL(a_worker_knows_the_programs_memory_as_it_was_when_the_pool_was_made)
{
    setting = 2;
    WITH_POOL(1);
    setting = 3;
    EXPECT_EQ(CALL(read_setting, &setting), 2);
    EXPECT_EQ(CALL(read_setting, &setting, .size = sizeof setting), 3);
    eddy_executor_free(pool);
    return 0;
}

/* Workers that die. */

static int kill_self(void *arg)
{
    raise(*(int *)arg);
    return 0;
}

#ifndef EDDYI_LACKS_ON_EXIT
static const char exited_with_3[] = "exited with status 3";
#else
static const char exited_with_3[] = "exited with status 1";
#endif

static int exit_with(void *arg)
{
    exit(*(int *)arg);
    return 0;
}

/* A job that breaks its worker; what it says then. */
static void expect_broken(int rc, const char *message)
{
    EXPECT_EQ(rc, EDDY_EBROKEN);
    EXPECT_IN("worker process ", eddy_exception_message(eddy_error()));
    EXPECT_IN(message, eddy_exception_message(eddy_error()));
}

TEST_ASYNC_REAL(a_worker_that_dies_fails_its_job_says_how_and_is_replaced)
{
    int pid, sigkill = SIGKILL, sigsegv = SIGSEGV, three = 3;

    WITH_POOL(1);
    pid = CALL(process_id, NULL);
    expect_broken(CALL(kill_self, &sigkill, .size = sizeof sigkill),
                  "was killed by signal 9 (Killed)");
    EXPECT_NE(CALL(process_id, NULL), pid);
    expect_broken(CALL(exit_with, &three, .size = sizeof three), exited_with_3);
    expect_broken(CALL(kill_self, &sigsegv, .size = sizeof sigsegv),
                  "was killed by signal 11 (Segmentation fault)");
    EXPECT(CALL(process_id, NULL) > 0);
    eddy_executor_free(pool);
    return 0;
}

static int close_everything(void *arg)
{
    for (int fd = 3; fd < 1000; fd++) /* close_range() is of Linux 5.9 */
        close(fd);
    return 0;
}

static int write_garbage(void *arg)
{
    char garbage[200];

    memset(garbage, '?', sizeof garbage);
    for (int fd = 3; fd < 20; fd++)
        if (write(fd, garbage, sizeof garbage) > 0)
            return 0;
    return -EBADF;
}

TEST_ASYNC_REAL(a_worker_that_cannot_be_understood_is_replaced)
{
    WITH_POOL(1);
    expect_broken(CALL(close_everything, NULL), "a job closed its connection");
    expect_broken(CALL(write_garbage, NULL), "sent something that is no result");
    EXPECT(CALL(process_id, NULL) > 0);
    eddy_executor_free(pool);
    return 0;
}

static int close_and_stay(void *arg)
{
    close_everything(arg);
    for (;;)
        pause();
    return 0;
}

TEST_ASYNC_REAL(a_worker_that_lives_on_without_its_connection_is_killed)
{
    WITH_POOL(1);
    expect_broken(CALL(close_and_stay, NULL), "closed its connection");
    eddy_executor_free(pool);
    return 0;
}

/* The grandchild holds the connection open; the end of the worker is noticed nevertheless. */
static int die_with_grandchild(void *arg)
{
    if (fork() == 0) {
        alarm(60);
        for (;;)
            pause();
    }
    raise(SIGKILL);
    return 0;
}

TEST_ASYNC_REAL(a_worker_is_missed_though_a_grandchild_has_its_connection)
{
    WITH_POOL(1);
    expect_broken(CALL(die_with_grandchild, NULL), "was killed by signal 9");
    eddy_executor_free(pool);
    return 0;
}

static int die_soon(void *arg)
{
    ualarm(1, 0); /* SIGALRM, whose default is the end, when the job is over or nearly so */
    return getpid();
}

TEST_ASYNC_REAL(a_worker_that_dies_idle_costs_no_job)
{
    int pid;

    WITH_POOL(1);
    pid = CALL(die_soon, NULL);
    if (pid > 0)
        while (kill(pid, 0) == 0)
            sched_yield();
    if (pid > 0 && !test_tortured())
        EXPECT(CALL(process_id, NULL) > 0);
    eddy_executor_free(pool);
    return 0;
}

static int kill_parent(void *arg)
{
    kill(getppid(), SIGKILL);
    for (;;)
        pause();
    return 0;
}

TEST_ASYNC_REAL(without_its_fork_server_a_worker_ends_and_another_server_is_made)
{
    WITH_POOL(1);
    EXPECT_EQ(CALL(kill_parent, NULL), EDDY_EBROKEN);
    EXPECT_IN("ended together with its fork server", eddy_exception_message(eddy_error()));
    EXPECT(CALL(process_id, NULL) > 0);
    eddy_executor_free(pool);
    return 0;
}

/* After five, each pause is twice as long as the one before: 10, 20 and 40 ms. */
TEST_ASYNC_REAL(workers_that_die_again_and_again_are_replaced_ever_more_slowly)
{
    int sigkill = SIGKILL;
    double start = eddy_loop_time(eddy_get_running_loop());

    WITH_POOL(1);
    for (int i = 0; i < 9; i++)
        EXPECT_EQ(CALL(kill_self, &sigkill, .size = sizeof sigkill), EDDY_EBROKEN);
    EXPECT(eddy_loop_time(eddy_get_running_loop()) - start >= 0.07);
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(a_worker_that_cannot_be_forked_fails_its_job)
{
    /* the server's is the first; it inherits the plan for the next */
    eddyi_fault_nth("fork", 2, EAGAIN);
    WITH_POOL(1);
    EXPECT_EQ(CALL(process_id, NULL), -EAGAIN);
    EXPECT_STR(eddy_exception_message(eddy_error()), "no worker process for the job");
    EXPECT(CALL(process_id, NULL) > 0);
    eddy_executor_free(pool);
    return 0;
}

TEST(no_fork_server_no_pool)
{
    eddyi_fault_only("fork", ENOMEM);
    EXPECT(eddy_process_pool_new(1) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    eddyi_fault_clear();
}

/* The inheritance of worker processes. */

static int count_descriptors(void *arg)
{
    int n = 0;

    for (int fd = 3; fd < 200; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

TEST_ASYNC_REAL(a_worker_has_no_descriptor_of_the_program)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD, 100);

    WITH_POOL(2);
    EXPECT_EQ(CALL(count_descriptors, NULL), 1); /* its connection */
    eddy_executor_free(pool);
    close(fd);
    return 0;
}

static int interrupt_self(void *arg)
{
    raise(SIGINT);
    return 7;
}

TEST_ASYNC_REAL(a_worker_does_not_mind_ctrl_c)
{
    WITH_POOL(1);
    EXPECT_EQ(CALL(interrupt_self, NULL), 7);
    eddy_executor_free(pool);
    return 0;
}

static int stack_is_roomy(void *arg)
{
    volatile char frame[2 << 20];

    frame[0] = frame[sizeof frame - 1] = 1;
    return frame[0];
}

TEST_ASYNC_REAL(a_worker_has_a_stack_of_the_usual_size)
{
    WITH_POOL(1);
    EXPECT_EQ(CALL(stack_is_roomy, NULL), 1);
    eddy_executor_free(pool);
    return 0;
}

static eddy_async(inner)
{
    eddy_try(eddy_sleep(0.001));
    return 11;
}

static int run_program(void *arg)
{
    return eddy_run(inner());
}

TEST_ASYNC_REAL(a_worker_may_run_a_loop_of_its_own)
{
    WITH_POOL(1);
    EXPECT_EQ(CALL(run_program, NULL), 11);
    eddy_executor_free(pool);
    return 0;
}

static int print(void *arg)
{
    printf("from the job; ");
    return 0;
}

static eddy_async(print_from_both)
{
    WITH_POOL(1);
    printf("before\n");
    CALL(print, NULL);
    printf("after\n");
    eddy_executor_free(pool);
    return 0;
}

static void run_printer(void *arg)
{
    printf("still in the buffer; "); /* when the server is forked: it must not come twice */
    eddy_run(print_from_both());
}

TEST(output_of_a_worker_comes_once_and_by_itself)
{
    char output[200];

    test_in_child(run_printer, NULL, output, sizeof output);
    EXPECT_STR(output, "still in the buffer; before\nfrom the job; after\n");
}

static void ignore_children_and_call(void *arg)
{
    signal(SIGCHLD, SIG_IGN);
    _exit(test_run_real(eddy_coro((int (*)(void *))arg, NULL)) == 0 ? 0 : 1);
}

static int call_twice(void *unused)
{
    int sigkill = SIGKILL;

    WITH_POOL(1);
    if (CALL(process_id, NULL) <= 0)
        return -EINVAL;
    if (CALL(kill_self, &sigkill, .size = sizeof sigkill) != EDDY_EBROKEN)
        return -EINVAL;
    EXPECT_IN("signal 9", eddy_exception_message(eddy_error()));
    eddy_executor_free(pool);
    return 0;
}

TEST(a_program_that_ignores_its_children_has_workers_too)
{
    char output[500];
    int status = test_in_child(ignore_children_and_call, (void *)call_twice, output, sizeof output);

    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Cancelling, shutting down, other clocks, other threads. */

struct shared {
    atomic_int begun, released;
};

/* Memory that the test and its workers see. */
static struct shared *share(void)
{
    return mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                0);
}

static int wait_released(void *arg)
{
    struct shared *s = *(struct shared **)arg;

    atomic_fetch_add(&s->begun, 1);
    while (!atomic_load(&s->released))
        sched_yield();
    return 1;
}

TEST_ASYNC_REAL(cancelling_takes_out_a_job_or_lets_its_process_go_on)
{
    struct shared *s = share();
    eddy_future *first, *second;

    WITH_POOL(1);
    first = eddy_loop_run_in_executor(NULL, pool, wait_released, &s, .size = sizeof s);
    second = eddy_loop_run_in_executor(NULL, pool, wait_released, &s, .size = sizeof s);
    REQUIRE(first && second);
    while (atomic_load(&s->begun) == 0 && !eddy_future_done(first) && eddy_sleep(0.001) == 0) {
    }
    EXPECT(eddy_future_cancel(second, NULL));
    EXPECT(eddy_future_cancel(first, NULL));
    EXPECT_EQ(eddy_await(first), -ECANCELED);
    EXPECT_EQ(eddy_await(second), -ECANCELED);
    atomic_store(&s->released, 1);
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&s->begun), 1);
    munmap(s, sizeof *s);
    return 0;
}

TEST_ASYNC(processes_work_under_the_virtual_clock)
{
    WITH_POOL(2);
    for (int i = 0; i < 5; i++)
        EXPECT(CALL(process_id, NULL) > 0);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 0.0);
    eddy_executor_free(pool);
    return 0;
}

TEST(a_plain_thread_may_have_a_job_done_by_a_process)
{
    eddy_concurrent_future *cf;
    const void *bytes;
    size_t size = 0;

    WITH_POOL(1);
    cf = eddy_executor_submit(pool, increment, "HAL", .size = 3);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), 0);
    bytes = cf ? eddy_concurrent_future_bytes(cf, &size) : NULL;
    EXPECT(bytes && size == 3 && memcmp(bytes, "IBM", 3) == 0);
    eddy_concurrent_future_unref(cf);
    eddy_executor_free(pool);
}

TEST_ASYNC_REAL(a_pool_of_processes_cannot_be_the_default_executor)
{
    EXPECT_EQ(eddy_loop_set_default_executor(eddy_get_running_loop(), eddy_process_pool_new(1)),
              EDDY_EMISUSE);
    return 0;
}

TEST(two_pools_share_a_fork_server)
{
    eddy_executor *first = eddy_process_pool_new(1), *second = eddy_process_pool_new(1);
    eddy_concurrent_future *cf;

    REQUIRE(first && second);
    eddy_executor_free(first);
    cf = eddy_executor_submit(second, process_id, NULL);
    EXPECT(eddy_concurrent_future_result(cf, EDDY_FOREVER) > 0);
    eddy_concurrent_future_unref(cf);
    eddy_executor_free(second);
}

static void leave_without_a_word(void *arg)
{
    struct shared *s = arg;

    pool = eddy_process_pool_new(1);
    eddy_concurrent_future_unref(eddy_executor_submit(pool, wait_released, &s, .size = sizeof s));
    while (atomic_load(&s->begun) == 0)
        sched_yield();
    _exit(0);
}

/* The worker, in its endless loop, holds the child's standard output: reading from it ends when the
 * worker does. */
TEST(a_program_that_just_ends_takes_its_workers_with_it)
{
    struct shared *s = share();
    char output[100];

    if (test_tortured())
        return;
    test_in_child(leave_without_a_word, s, output, sizeof output);
    munmap(s, sizeof *s);
}
