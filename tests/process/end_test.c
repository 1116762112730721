/*
 * The ends of subprocesses: how they ended, who is told, and that none is left behind.
 */
#include "process/programs.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* How it ended. */

TEST_ASYNC_REAL(every_exit_code_is_reported)
{
    char command[20];

    for (int code = 0; code < 256; code += test_tortured() ? 85 : 1) {
        snprintf(command, sizeof command, "exit %d", code);
        EXPECT_EQ(code_of_shell(command), code);
    }
    return 0;
}

TEST_ASYNC_REAL(every_signal_that_ends_it_is_reported_as_a_negative_number)
{
    static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,
                                SIGBUS,  SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
                                SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGXFSZ, SIGVTALRM,
                                SIGPROF, SIGIO,   SIGPWR,  SIGSYS};
    const size_t n = test_tortured() ? 2 : sizeof fatal / sizeof fatal[0];

    for (size_t i = 0; i < n; i++) {
        eddy_process *p;

        eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
        EXPECT_EQ(eddy_process_returncode(p), EDDY_RUNNING);
        EXPECT_EQ(eddy_process_send_signal(p, fatal[i]), 0);
        EXPECT_EQ(code_of(p), -fatal[i]);
        EXPECT_EQ(eddy_process_returncode(p), -fatal[i]);
        eddy_process_free(p);
    }
    return 0;
}

TEST_ASYNC_REAL(being_stopped_and_continued_is_no_end)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    eddy_process_free_at_end(p);
    EXPECT_EQ(eddy_process_send_signal(p, SIGSTOP), 0);
    /* Stopped or not yet: each time nothing may be taken for an end. */
    for (int i = 0; i < 20; i++) {
        eddy_try(eddy_sleep(0.001));
        EXPECT_EQ(eddy_process_returncode(p), EDDY_RUNNING);
    }
    EXPECT_EQ(eddy_process_send_signal(p, SIGCONT), 0);
    EXPECT_EQ(eddy_process_terminate(p), 0);
    EXPECT_EQ(code_of(p), -SIGTERM);
    return 0;
}

TEST_ASYNC_REAL(a_stopped_child_can_be_killed)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    EXPECT_EQ(eddy_process_send_signal(p, SIGSTOP), 0);
    EXPECT_EQ(eddy_process_kill(p), 0);
    EXPECT_EQ(code_of(p), -SIGKILL);
    eddy_process_free(p);
    return 0;
}

/* Waiting. */

static int wait_for_it(void *arg)
{
    return code_of(arg);
}

TEST_ASYNC_REAL(several_tasks_can_wait)
{
    eddy_task *t[3];
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("read line; exit 7", &p, .std_in = EDDY_PIPE));
    eddy_process_free_at_end(p);
    for (int i = 0; i < 3; i++)
        REQUIRE((t[i] = eddy_create_task(eddy_coro(wait_for_it, p))) != NULL);
    eddy_try(eddy_sleep(0));
    eddy_writer_close(eddy_process_stdin(p));
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(eddy_await(t[i]), 7);
    EXPECT_EQ(eddy_process_wait(p, NULL), 0);
    return 0;
}

static int just_wait(void *arg)
{
    return eddy_process_wait(arg, NULL);
}

TEST_ASYNC_REAL(a_cancelled_wait_leaves_it_running)
{
    eddy_process *p;
    eddy_task *t;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    t = eddy_create_task(eddy_coro(just_wait, p));
    if (t) {
        eddy_sleep(0);
        eddy_sleep(0);
        eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), -ECANCELED);
        EXPECT_EQ(eddy_process_returncode(p), EDDY_RUNNING);
    }
    EXPECT_EQ(eddy_process_kill(p), 0);
    EXPECT_EQ(code_of(p), -SIGKILL);
    eddy_process_free(p);
    return 0;
}

TEST_ASYNC_REAL(waiting_ignores_the_holders_of_the_pipes)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("sleep 1000 & echo $!; exit 3", &p, .std_out = EDDY_PIPE,
                                          .process_group = EDDY_NEW_GROUP));
    EXPECT_EQ(code_of(p), 3);
    kill(-eddy_process_pid(p), SIGKILL);
    eddy_process_free(p);
    return 0;
}

/* Signals after the end. */

TEST_ASYNC_REAL(signals_after_the_end_are_refused)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("exit 1", &p, .process_group = EDDY_NEW_GROUP));
    EXPECT_EQ(code_of(p), 1);
    EXPECT_EQ(eddy_process_send_signal(p, SIGTERM), -ESRCH);
    EXPECT_EQ(eddy_process_terminate(p), -ESRCH);
    EXPECT_EQ(eddy_process_kill(p), -ESRCH);
    EXPECT_EQ(eddy_process_signal_group(p, SIGKILL), -ESRCH);
    EXPECT_EQ(eddy_process_returncode(p), 1);
    eddy_process_free(p);
    return 0;
}

/* Waits for the end of process @p p without running the loop: only the kernel knows of the end. */
static void until_dead(const eddy_process *p)
{
    siginfo_t info;

    waitid(P_PID, (id_t)eddy_process_pid(p), &info, WEXITED | WNOWAIT);
}

TEST_ASYNC_REAL(signals_find_out_that_it_has_ended)
{
    eddy_process *p;
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);

    if (pidfd < 0) /* the thread that waits for the child has to notice first */
        SKIP("pidfd_open: %s", strerror(errno));
    close(pidfd);
    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    kill(eddy_process_pid(p), SIGTERM);
    until_dead(p);
    EXPECT_EQ(eddy_process_returncode(p), EDDY_RUNNING);
    EXPECT_EQ(eddy_process_kill(p), -ESRCH);
    EXPECT_EQ(eddy_process_returncode(p), -SIGTERM);
    EXPECT_EQ(code_of(p), -SIGTERM);
    eddy_process_free(p);
    return 0;
}

TEST_ASYNC_REAL(a_signal_that_is_none_is_refused)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    EXPECT_EQ(eddy_process_send_signal(p, 1000), -EINVAL);
    EXPECT_EQ(eddy_process_send_signal(p, 0), 0);
    EXPECT_EQ(eddy_process_signal_group(p, SIGKILL), EDDY_EMISUSE);
    eddy_process_free(p);
    return 0;
}

TEST_ASYNC_REAL(a_group_can_be_signalled)
{
    const char *line;
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("sleep 1000 & sleep 1000 & echo; wait", &p,
                                          .std_out = EDDY_PIPE, .process_group = EDDY_NEW_GROUP));
    eddy_process_free_at_end(p);
    EXPECT_EQ(eddy_reader_readline(eddy_process_stdout(p), &line), 1);
    EXPECT_EQ(eddy_process_signal_group(p, SIGTERM), 0);
    /* All who could write are gone. */
    EXPECT_EQ(eddy_reader_readline(eddy_process_stdout(p), &line), 0);
    EXPECT_EQ(code_of(p), -SIGTERM);
    return 0;
}

TEST_ASYNC_REAL(signals_go_by_number_where_pidfds_take_none)
{
    eddy_process *p;

    eddyi_fault_only("pidfd_send_signal", ENOSYS);
    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    EXPECT_EQ(eddy_process_terminate(p), 0);
    EXPECT_EQ(code_of(p), -SIGTERM);
    EXPECT_EQ(eddy_process_terminate(p), -ESRCH);
    eddy_process_free(p);
    return 0;
}

/* Being freed. */

/* Returns whether process @p pid exists; a zombie counts. */
static bool exists(pid_t pid)
{
    return kill(pid, 0) == 0;
}

TEST_ASYNC_REAL(freeing_one_that_runs_kills_it_in_the_background)
{
    eddy_process *p;
    pid_t pid;

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p, .std_in = EDDY_PIPE,
                                         .std_out = EDDY_PIPE, .std_err = EDDY_PIPE));
    pid = eddy_process_pid(p);
    EXPECT(exists(pid));
    eddy_process_free(p);
    while (exists(pid) && !test_tortured())
        eddy_try(eddy_sleep(0.001));
    return 0;
}

/* Two children, of which one is kept beyond the loop. */
struct pair_of_children {
    eddy_process *kept, *freed;
};

static int start_both(void *arg)
{
    struct pair_of_children *c = arg;

    eddy_try(
        eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &c->kept, .std_out = EDDY_PIPE));
    eddy_try(
        eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &c->freed, .std_in = EDDY_PIPE));
    return 0;
}

TEST_REAL(a_loop_that_closes_kills_and_reaps_its_children)
{
    struct pair_of_children c = {NULL, NULL};
    eddy_loop *loop = test_real_loop();
    int code = 0;

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_coro(start_both, &c)), 0);
    eddy_process_free(c.freed);
    eddy_loop_close(loop);
    if (c.kept) {
        EXPECT_EQ(eddy_process_returncode(c.kept), -SIGKILL);
        EXPECT_EQ(eddy_process_wait(c.kept, &code), 0);
        EXPECT_EQ(eddy_process_kill(c.kept), -ESRCH);
    }
    EXPECT_EQ(waitpid(-1, NULL, WNOHANG), -1);
    eddy_process_free(c.kept);
    eddy_loop_unref(loop);
}

static int create_and_die(void *arg)
{
    eddy_process *p;
    int rc = eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p);

    if (rc == 0)
        eddy_process_free(p);
    return rc;
}

TEST_ASYNC_REAL(a_cancelled_create_leaves_none, .ordered = true)
{
    eddy_task *t;

    for (int turns = 0; turns < 3; turns++) {
        t = eddy_create_task(eddy_coro(create_and_die, NULL));
        REQUIRE(t != NULL);
        for (int i = 0; i < turns; i++)
            eddy_sleep(0);
        eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), turns < 2 ? -ECANCELED : 0);
    }
    return 0;
}

/* Status lost. */

static int n_reports;
static char last_report[200];

static void on_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    n_reports++;
    snprintf(last_report, sizeof last_report, "%s", context->message);
}

TEST_ASYNC_REAL(a_status_that_others_have_taken_is_255_and_reported)
{
    eddy_process *p;

    eddy_loop_set_exception_handler(eddy_get_running_loop(), on_report, NULL);
    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    kill(eddy_process_pid(p), SIGKILL);
    EXPECT_EQ(waitpid(eddy_process_pid(p), NULL, 0), eddy_process_pid(p));
    EXPECT_EQ(code_of(p), 255);
    EXPECT_EQ(n_reports, 1);
    EXPECT_IN("exit status", last_report);
    EXPECT_EQ(eddy_process_kill(p), -ESRCH);
    eddy_process_free(p);
    return 0;
}

/* Without pidfds. */

TEST_ASYNC_REAL(without_pidfds_a_thread_waits)
{
    eddy_process *p;

    eddyi_fault_only("pidfd_open", ENOSYS);
    eddy_try(eddy_create_subprocess_shell("read line; exit 7", &p, .std_in = EDDY_PIPE));
    eddy_writer_close(eddy_process_stdin(p));
    EXPECT_EQ(code_of(p), 7);
    EXPECT_EQ(eddy_process_kill(p), -ESRCH);
    eddy_process_free(p);

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    EXPECT_EQ(eddy_process_kill(p), 0);
    EXPECT_EQ(code_of(p), -SIGKILL);
    eddy_process_free(p);

    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    eddy_process_free(p);
    return 0;
}

TEST_ASYNC_REAL(where_a_pidfd_cannot_be_polled_a_thread_waits)
{
    eddy_process *p;

    eddyi_fault_nth(strcmp(eddy_loop_backend_name(eddy_get_running_loop()), "epoll") ? "cqe"
                                                                                     : "epoll_ctl",
                    1, ENOMEM);
    eddy_try(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p));
    eddy_try(eddy_sleep(0));
    kill(eddy_process_pid(p), SIGTERM);
    until_dead(p);
    (void)eddy_process_kill(p);
    EXPECT_EQ(code_of(p), -SIGTERM);
    EXPECT_EQ(eddy_process_kill(p), -ESRCH);
    eddy_process_free(p);
    return 0;
}

TEST_REAL(without_pidfds_a_loop_that_closes_ends_the_threads)
{
    struct pair_of_children c = {NULL, NULL};
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddyi_fault_only("pidfd_open", EPERM);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_coro(start_both, &c)), 0);
    eddy_process_free(c.freed);
    eddy_loop_close(loop);
    if (c.kept)
        EXPECT_EQ(eddy_process_returncode(c.kept), -SIGKILL);
    eddy_process_free(c.kept);
    eddy_loop_unref(loop);
}

TEST_REAL(without_pidfds_a_thread_that_has_posted_is_no_harm_to_the_loop_that_closes)
{
    struct pair_of_children c = {NULL, NULL};
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddyi_fault_only("pidfd_open", EPERM);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_coro(start_both, &c)), 0);
    for (int i = 0; c.kept && c.freed && i < 2; i++) {
        eddy_process *p = i ? c.freed : c.kept;

        kill(eddy_process_pid(p), SIGTERM);
        until_dead(p);
    }
    usleep(2000); /* the threads have most likely posted; if not, this tests less */
    eddy_process_free(c.freed);
    eddy_loop_close(loop);
    if (c.kept)
        EXPECT_EQ(eddy_process_returncode(c.kept), -SIGTERM);
    eddy_process_free(c.kept);
    eddy_loop_unref(loop);
}

TEST_ASYNC_REAL(where_not_even_a_thread_can_be_had_there_is_no_process)
{
    eddy_process *p;

    eddyi_fault_only("pidfd_open", EMFILE);
    eddyi_fault_only("pthread_create", EAGAIN);
    EXPECT_EQ(eddy_create_subprocess_exec(eddy_argv("sleep", "1000"), &p), -EAGAIN);
    return 0;
}

/* Threads. */

static int exit_9(void *arg)
{
    return code_of_shell("exit 9");
}

static void *run_in_thread(void *arg)
{
    int *code = arg;
    eddy_loop *loop = test_real_loop();

    if (loop) {
        *code = eddy_loop_run_until_complete(loop, eddy_coro(exit_9, NULL));
        eddy_loop_unref(loop);
    }
    return NULL;
}

TEST_REAL(loops_in_several_threads_have_children_at_the_same_time)
{
    pthread_t threads[4];
    int codes[4] = {0}, n = 0;

    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[n], NULL, run_in_thread, &codes[n]) == 0)
            n++;
    for (int i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        EXPECT_EQ(codes[i], 9);
    }
}

/* Many. */

static int one_of_many(void *arg)
{
    char command[20];

    snprintf(command, sizeof command, "exit %d", (int)(intptr_t)arg % 256);
    return code_of_shell(command);
}

TEST_ASYNC_REAL(two_hundred_at_once)
{
    enum { MANY = 200 };
    const intptr_t n = test_tortured() ? 5 : MANY;
    eddy_task *t[MANY];

    for (intptr_t i = 0; i < n; i++)
        t[i] = eddy_create_task(eddy_coro(one_of_many, (void *)i));
    for (intptr_t i = 0; i < n; i++)
        EXPECT_EQ(eddy_await(t[i]), (int)(i % 256));
    return 0;
}

/* check-full asks for ten thousand. */
TEST_ASYNC_REAL(hundreds_in_a_row)
{
    const char *wanted = getenv("EDDY_TEST_CHILDREN");
    int n = test_tortured() ? 3 : wanted ? atoi(wanted) : 250 / test_slowness();

    for (int i = 0; i < n; i++) {
        eddy_process *p;

        eddy_try(eddy_create_subprocess_exec(eddy_argv(i % 2 ? "/bin/false" : "/bin/true"), &p,
                                             .std_out = EDDY_PIPE));
        EXPECT_EQ(code_of(p), i % 2);
        eddy_process_free(p);
    }
    return 0;
}

TEST_ASYNC_REAL(a_user_may_free_the_streams_of_a_process)
{
    eddy_process *p;

    eddy_try(eddy_create_subprocess_shell("cat", &p, .std_in = EDDY_PIPE, .std_out = EDDY_PIPE,
                                          .std_err = EDDY_PIPE));
    eddy_process_free_at_end(p);
    eddy_writer_free(eddy_process_stdin(p));
    eddy_reader_free(eddy_process_stdout(p));
    eddy_reader_free(eddy_process_stderr(p));
    EXPECT_EQ(code_of(p), 0);
    EXPECT(eddy_writer_write(eddy_process_stdin(p), "x", 1) < 0);
    eddy_writer_free(eddy_process_stdin(p));
    return 0;
}
