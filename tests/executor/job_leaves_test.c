/*
 * Jobs that do not end by returning, or that return twice.
 */
#include "executor/gate.h"
#include "executor/worker_process.h"
#include "harness/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static eddy_executor *pool;

#define WITH_THREADS(n)                                                                            \
    pool = eddy_thread_pool_new(n);                                                                \
    REQUIRE(pool != NULL)
#define WITH_PROCESSES(n)                                                                          \
    pool = eddy_process_pool_new(n);                                                               \
    REQUIRE(pool != NULL)

#define CALL(fn, ...) eddy_await(eddy_loop_run_in_executor(NULL, pool, fn, __VA_ARGS__))

static int number(void *arg)
{
    return *(int *)arg;
}

/* Each of the next jobs has its own result. */
static void expect_own_results(int n)
{
    for (int i = 1; i <= n; i++)
        EXPECT_EQ(CALL(number, &i, .size = sizeof i), i);
}

/* The worker may be found out as late as in the next job, which it takes with it. */
static void expect_own_results_or_none(int n)
{
    for (int i = 1; i <= n; i++) {
        int rc = CALL(number, &i, .size = sizeof i);

        EXPECT(rc == i || rc == EDDY_EBROKEN);
    }
}

static void expect_broken(int rc, const char *message)
{
    EXPECT_EQ(rc, EDDY_EBROKEN);
    EXPECT_IN(message, eddy_exception_message(eddy_error()));
}

/* A pool's thread is ended by its job. */

static int end_thread(void *arg)
{
    pthread_exit(arg);
}

TEST_ASYNC_REAL(a_job_that_ends_its_thread_fails_and_the_next_one_gets_another)
{
    WITH_THREADS(1);
    expect_broken(CALL(end_thread, NULL), "the job ended its thread: pthread_exit()");
    expect_own_results(3);
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(jobs_that_wait_behind_one_that_ends_its_thread_are_done)
{
    eddy_future *last = NULL;
    int three = 3;

    WITH_THREADS(2);
    for (int i = 0; i < 50; i++)
        eddy_unref(eddy_loop_run_in_executor(NULL, pool, end_thread, NULL));
    last = eddy_loop_run_in_executor(NULL, pool, number, &three);
    EXPECT_EQ(eddy_await(last), 3);
    eddy_executor_free(pool);
    return 0;
}

static void note(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

TEST_ASYNC_REAL(a_pool_that_is_shut_down_does_all_its_jobs_though_they_end_their_threads)
{
    atomic_int dropped = 0;

    WITH_THREADS(2);
    for (int i = 0; i < 20; i++)
        eddy_unref(eddy_loop_run_in_executor(NULL, pool, end_thread, &dropped, .drop = note));
    EXPECT_EQ(eddy_executor_shutdown(pool, true, false), 0);
    EXPECT_EQ(atomic_load(&dropped), 20);
    eddy_executor_free(pool);
    return 0;
}

static int leave_bytes_and_end_thread(void *arg)
{
    (void)eddy_return_bytes("abc", 3);
    (void)eddy_raise(-EIO, "an error that is not returned");
    pthread_exit(NULL);
}

TEST_ASYNC_REAL(what_a_job_that_ends_its_thread_had_is_given_back_once)
{
    atomic_int dropped = 0;
    eddy_bytes bytes = {NULL, 7};

    WITH_THREADS(1);
    EXPECT_EQ(eddy_await_bytes(eddy_loop_run_in_executor(NULL, pool, leave_bytes_and_end_thread,
                                                         &dropped, .drop = note),
                               &bytes),
              EDDY_EBROKEN);
    EXPECT_EQ(bytes.size, 7);
    eddy_executor_free(pool);
    EXPECT_EQ(atomic_load(&dropped), 1);
    return 0;
}

static void end_thread_again(void *arg)
{
    note(arg);
    pthread_exit(NULL);
}

TEST_ASYNC_REAL(a_thread_may_be_ended_where_the_argument_is_given_back)
{
    atomic_int dropped = 0;

    if (test_tortured())
        return 0; /* where the pool cannot take the job, this thread gives the argument back */
    WITH_THREADS(1);
    EXPECT_EQ(CALL(number, &dropped, .drop = end_thread_again), EDDY_EBROKEN);
    EXPECT_EQ(atomic_load(&dropped), 1);
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static eddy_async(end_thread_in_default_executor)
{
    EXPECT_EQ(eddy_await(eddy_to_thread(end_thread, NULL)), EDDY_EBROKEN);
    return 0;
}

TEST(the_default_executor_ends_though_a_job_ended_its_thread)
{
    EXPECT_EQ(test_run_real(end_thread_in_default_executor()), 0);
}

static int free_pool_and_end_thread(void *arg)
{
    eddy_executor_free(pool);
    pthread_exit(NULL);
}

TEST(a_job_may_free_its_pool_and_end_its_thread)
{
    eddy_concurrent_future *cf;

    WITH_THREADS(1);
    cf = eddy_executor_submit(pool, free_pool_and_end_thread, NULL);
    if (!cf)
        eddy_executor_free(pool);
    EXPECT_EQ(eddy_concurrent_future_result(cf, EDDY_FOREVER), EDDY_EBROKEN);
    eddy_concurrent_future_unref(cf);
}

TEST_ASYNC_REAL(when_no_thread_can_take_the_place_of_the_ended_one_the_job_says_so)
{
    int three = 3;

    WITH_THREADS(1);
    EXPECT_EQ(CALL(end_thread, NULL), EDDY_EBROKEN);
    eddyi_fault_only("pthread_create", EAGAIN);
    EXPECT_EQ(CALL(number, &three), -EAGAIN);
    EXPECT_STR(eddy_exception_message(eddy_error()), "no thread for the executor");
    eddyi_fault_clear();
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static struct gate gate;

static int pass_and_end_thread(void *arg)
{
    gate_pass(&gate);
    pthread_exit(NULL);
}

TEST_ASYNC_REAL(jobs_for_which_no_thread_is_left_fail)
{
    eddy_future *first, *behind[3];
    int three = 3;

    gate_init(&gate);
    WITH_THREADS(1);
    first = eddy_loop_run_in_executor(NULL, pool, pass_and_end_thread, NULL);
    REQUIRE(first != NULL);
    gate_await(&gate);
    for (int i = 0; i < 3; i++)
        behind[i] = eddy_loop_run_in_executor(NULL, pool, number, &three);
    eddyi_fault_only("pthread_create", EAGAIN);
    gate_open(&gate, 1);
    EXPECT_EQ(eddy_await(first), EDDY_EBROKEN);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(eddy_await(behind[i]), -EAGAIN);
    eddyi_fault_clear();
    eddy_executor_free(pool);
    return 0;
}

static int cancel_self(void *arg)
{
    pthread_cancel(pthread_self());
    pthread_testcancel();
    return 5;
}

static int allow_and_cancel_self(void *arg)
{
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_cancel(pthread_self());
    if (arg)
        pthread_testcancel();
    return 6;
}

TEST_ASYNC_REAL(a_request_to_cancel_a_thread_strikes_its_own_job_or_none)
{
    WITH_THREADS(1);
    EXPECT_EQ(CALL(cancel_self, NULL), 5);
    expect_own_results(2);
    EXPECT_EQ(CALL(allow_and_cancel_self, NULL), 6);
    expect_own_results(2);
    EXPECT_EQ(CALL(allow_and_cancel_self, ""), EDDY_EBROKEN);
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

/* A worker process loses its main thread, or itself. */

static void *live_on(void *arg)
{
    for (;;)
        pause();
    return NULL;
}

static int end_main_thread(void *arg)
{
    pthread_t other;

    if (arg)
        pthread_create(&other, NULL, live_on, NULL);
    pthread_exit(NULL);
}

TEST_ASYNC_REAL(a_job_that_ends_the_thread_of_its_process_fails)
{
    WITH_PROCESSES(1);
    expect_broken(CALL(end_main_thread, NULL), "the job ended its thread: pthread_exit()");
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(a_worker_that_a_job_left_does_not_live_on_with_what_else_the_job_started)
{
    WITH_PROCESSES(1);
    expect_broken(CALL(end_main_thread, "x", .size = 1),
                  "the job ended its thread: pthread_exit()");
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(a_request_to_cancel_a_worker_strikes_its_own_job_or_none)
{
    WITH_PROCESSES(1);
    EXPECT_EQ(CALL(cancel_self, NULL), 5);
    expect_own_results(2);
    EXPECT_EQ(CALL(allow_and_cancel_self, NULL), 6);
    expect_own_results(2);
    EXPECT_EQ(CALL(allow_and_cancel_self, "x", .size = 1), EDDY_EBROKEN);
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static int execute(void *arg)
{
    execl("/bin/sh", "sh", "-c", (char *)arg, NULL);
    return -errno;
}

TEST_ASYNC_REAL(a_job_that_becomes_another_program_fails)
{
    WITH_PROCESSES(1);
    expect_broken(CALL(execute, "exit 9", .size = 7), "exited with status 9");
    expect_broken(CALL(execute, "exec sleep 1000", .size = 16), "closed its connection");
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static int exit_quickly(void *arg)
{
    _exit(*(int *)arg);
}

TEST_ASYNC_REAL(a_job_that_ends_its_process_with_status_0_fails)
{
    int zero = 0;

    WITH_PROCESSES(1);
    expect_broken(CALL(exit_quickly, &zero, .size = sizeof zero), "exited with status 0");
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

/* A worker process, or a thread, comes back twice. */

static int fork_by_libc(void *arg)
{
    return fork();
}

static int fork_past_libc(void *arg)
{
    return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0L);
}

static int fork_and_fork(void *arg)
{
    fork();
    fork();
    return 4;
}

/* The worker waits, so that the child is first to come back. */
static int fork_and_wait(void *arg)
{
    pid_t child = fork();

    if (child > 0)
        waitpid(child, NULL, 0);
    return child ? 5 : 77;
}

/* Forks like daemon(3): the child goes on, and the parent exits. */
static int fork_and_leave(void *arg)
{
    if (fork() > 0)
        _exit(0);
    return 78;
}

static int fork_and_end_thread(void *arg)
{
    pid_t child = fork();

    if (child == 0)
        pthread_exit(NULL);
    waitpid(child, NULL, 0);
    return 6;
}

TEST_ASYNC_REAL(no_job_gets_the_result_of_one_that_forked_and_came_back_twice)
{
    WITH_PROCESSES(1);
    for (int i = 0; i < 3; i++) {
        EXPECT(CALL(fork_by_libc, NULL) > 0);
        expect_own_results(3);
        EXPECT(CALL(fork_past_libc, NULL) > 0);
        expect_own_results(3);
        EXPECT_EQ(CALL(fork_and_fork, NULL), 4);
        expect_own_results(3);
        EXPECT_EQ(CALL(fork_and_wait, NULL), 5);
        expect_own_results(3);
        EXPECT_EQ(CALL(fork_and_end_thread, NULL), 6);
        expect_own_results(3);
    }
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(a_job_that_goes_on_in_a_child_alone_fails)
{
    WITH_PROCESSES(1);
    expect_broken(CALL(fork_and_leave, NULL), "exited with status 0");
    expect_own_results(3);
    eddy_executor_free(pool);
    return 0;
}

static int fork_in_thread(void *arg)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0)
        return 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EINVAL;
}

static eddy_async(fork_in_a_thread)
{
    WITH_THREADS(1);
    EXPECT_EQ(CALL(fork_in_thread, NULL), 1);
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static void run_fork_in_a_thread(void *arg)
{
    printf("once "); /* in the buffer when the job forks */
    EXPECT_EQ(test_run_real(fork_in_a_thread()), 0);
}

TEST(the_child_of_a_job_that_comes_back_is_told_and_ended)
{
    char output[300];

    test_in_child(run_fork_in_a_thread, NULL, output, sizeof output);
    EXPECT_STR(output,
               "eddy: a child process that a job has forked came back from the job, and is ended; "
               "let it call _exit()\nonce ");
}

/* The connection is spoilt. */

/* The connection is the only socket that a worker has. */
static int connection(void)
{
    int type;
    socklen_t size = sizeof type;

    for (int fd = 3; fd < 100; fd++)
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
            return fd;
    return -1;
}

static int put_other_socket_in_its_place(void *arg)
{
    int fds[2], fd = connection();

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || dup2(fds[0], fd) < 0)
        return -errno;
    return 5;
}

static int put_file_in_its_place(void *arg)
{
    int fd = open("/dev/null", O_RDWR);

    return dup2(fd, connection()) < 0 ? -errno : 5;
}

static int close_it(void *arg)
{
    return close(connection());
}

static int hang_it_up(void *arg)
{
    return shutdown(connection(), SHUT_RDWR);
}

TEST_ASYNC_REAL(a_worker_that_lost_its_connection_writes_to_no_other)
{
    WITH_PROCESSES(1);
    expect_broken(CALL(close_it, NULL), "a job closed its connection");
    expect_own_results(2);
    expect_broken(CALL(put_other_socket_in_its_place, NULL), "a job closed its connection");
    expect_own_results(2);
    expect_broken(CALL(put_file_in_its_place, NULL), "a job closed its connection");
    expect_own_results(2);
    expect_broken(CALL(hang_it_up, NULL), "exited with status 0");
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static int forge(struct eddyi_reply reply)
{
    reply.stamp = (struct eddyi_stamp){EDDYI_REPLY, 1, getpid()};
    return write(connection(), &reply, sizeof reply) == sizeof reply ? 0 : -errno;
}

static int forge_message(void *arg)
{
    int rc = forge((struct eddyi_reply){.status = -5, .has_message = 1, .message_size = SIZE_MAX});
    char bytes[20000] = {0};

    if (rc == 0 && write(connection(), bytes, sizeof bytes) < 0)
        return -errno;
    live_on(NULL);
    return 0;
}

static int forge_bytes(void *arg)
{
    forge((struct eddyi_reply){.has_bytes = 1, .size = SIZE_MAX / 4});
    live_on(NULL);
    return 0;
}

/* Writes to the connection, like a library that mistakes the descriptor for that of its log. */
static int write_a_letter_and_go_on(void *arg)
{
    if (write(connection(), "x", 1) < 0)
        return -errno;
    live_on(NULL);
    return 0;
}

static int answer_twice(void *arg)
{
    forge((struct eddyi_reply){.status = 99});
    return 1;
}

TEST_ASYNC_REAL(a_worker_that_sends_what_is_no_result_is_ended_though_its_job_goes_on)
{
    WITH_PROCESSES(1);
    expect_broken(CALL(forge_message, NULL), "sent something that is no result");
    expect_broken(CALL(forge_bytes, NULL), "sent something that is no result");
    expect_broken(CALL(write_a_letter_and_go_on, NULL), "sent something that is no result");
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(what_a_worker_sends_between_two_jobs_is_not_the_result_of_the_second)
{
    WITH_PROCESSES(1);
    EXPECT_EQ(CALL(answer_twice, NULL), 99); /* it is the process's own */
    expect_own_results_or_none(3);
    eddy_executor_free(pool);
    return 0;
}

/* A grandchild that writes to the connection, and keeps it open, as long as the test lasts. */
static int leave_writer_behind(void *arg)
{
    int fd = connection();

    if (fork() == 0) {
        alarm(60);
        while (write(fd, "?", 1) > 0) {
        }
        live_on(NULL);
    }
    return 1;
}

TEST_ASYNC_REAL(a_grandchild_that_writes_to_the_connection_spoils_no_result)
{
    WITH_PROCESSES(1);
    for (int i = 0; i < 5; i++) {
        int rc = CALL(leave_writer_behind, NULL);

        EXPECT(rc == 1 || rc == EDDY_EBROKEN);
        expect_own_results_or_none(3);
    }
    eddy_executor_free(pool);
    return 0;
}

/* Results that cannot be sent to another process. */

static int return_pointer(void *arg)
{
    static int something;

    return eddy_return(&something);
}

TEST_ASYNC_REAL(a_pointer_does_not_come_back_from_a_process)
{
    void *value = "untouched";

    WITH_PROCESSES(1);
    EXPECT_EQ(eddy_await_value(eddy_loop_run_in_executor(NULL, pool, return_pointer, NULL), &value),
              EDDY_EMISUSE);
    EXPECT_IN("returned a pointer", eddy_exception_message(eddy_error()));
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static int echo(void *arg)
{
    return eddy_return_bytes(arg, eddy_job_size());
}

static int copies_dropped;

static void note_copy(void *arg)
{
    copies_dropped++;
}

static int one_more(void *arg)
{
    char bytes[1001] = {0};

    return eddy_return_bytes(bytes, sizeof bytes);
}

TEST_ASYNC_REAL(more_bytes_than_the_limit_go_in_neither_direction)
{
    char bytes[1001] = {0};
    eddy_bytes back = {NULL, 0};

    eddyi_worker_process_most_bytes = 1000;
    WITH_PROCESSES(1);
    if (eddy_await_bytes(eddy_loop_run_in_executor(NULL, pool, echo, bytes, .size = 1000), &back) ==
        0)
        EXPECT_EQ(back.size, 1000);
    eddy_bytes_fini(&back);
    EXPECT(eddy_loop_run_in_executor(NULL, pool, echo, bytes, .size = 1001, .drop = note_copy) ==
           NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EMSGSIZE);
    EXPECT_EQ(copies_dropped, 1);
    EXPECT_EQ(CALL(one_more, NULL), -EMSGSIZE);
    expect_own_results(2);
    eddy_executor_free(pool);
    return 0;
}

static int raise_long_message(void *arg)
{
    int n = *(int *)arg;
    char *text = malloc((size_t)n + 1);
    int rc;

    memset(text, 'x', (size_t)n);
    text[n] = '\0';
    rc = eddy_raise(-EIO, "%s\u00e9", text);
    free(text);
    return rc;
}

TEST_ASYNC_REAL(a_message_that_is_too_long_is_cut_between_two_characters)
{
    static const struct {
        int before, length;
    } cases[] = {{65533, 65535}, {65534, 65534}, {65535, 65535}, {65536, 65535}, {100000, 65535}};

    WITH_PROCESSES(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = cases[i].before;

        EXPECT_EQ(CALL(raise_long_message, &n, .size = sizeof n), -EIO);
        EXPECT_EQ(strlen(eddy_exception_message(eddy_error())), cases[i].length);
    }
    eddy_executor_free(pool);
    return 0;
}

TEST_ASYNC_REAL(a_job_without_a_function_is_refused)
{
    atomic_int dropped = 0;
    eddy_job nothing = {.arg = &dropped, .drop = note}, endless = {.fn = number, .size = SIZE_MAX};

    WITH_THREADS(1);
    EXPECT(eddy_loop_run_in_executor_with(NULL, pool, &nothing) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);
    EXPECT(eddy_executor_submit_with(pool, &nothing) == NULL);
    EXPECT(eddy_to_thread_with(&nothing, NULL) == NULL);
    EXPECT_EQ(atomic_load(&dropped), 3);
    EXPECT(eddy_executor_submit_with(pool, &endless) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);
    EXPECT(eddy_executor_submit(NULL, number, NULL) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);
    eddy_executor_free(pool);
    return 0;
}
