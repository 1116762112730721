/* Ctrl-C: rule 191. Each case in a process of its own. */
#include "harness/test.h"

#include "harness/trace.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char output[2000];

/* Sends the signal of Ctrl-C. */
static void press(void *unused)
{
    raise(SIGINT);
}

static void press_later(double delay)
{
    if (!eddy_loop_call_later(eddy_get_running_loop(), delay, press, NULL).slot)
        press(NULL);
}

static eddy_async(sleeping)
{
    int rc;

    press_later(0.001);
    rc = eddy_sleep(1000);
    printf("%s, ", rc == -ECANCELED ? "cancelled" : "woke");
    return rc;
}

static void run_sleeping(void *unused)
{
    int rc = eddy_run(sleeping());

    printf("%s, %s, ", eddy_strerror(rc), eddy_exception_message(eddy_error()));
    printf("exit code %d", eddy_exit_code(rc));
}

TEST_REAL(ctrl_c_cancels_the_coroutine_and_the_run_is_interrupted)
{
    EXPECT_EQ(test_in_child(run_sleeping, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "cancelled, Interrupted system call, interrupted by Ctrl-C, exit code 130");
}

static eddy_async(swallowing)
{
    press_later(0.001);
    return eddy_sleep(1000) == -ECANCELED ? 42 : 0;
}

static void run_swallowing(void *unused)
{
    printf("%d", eddy_run(swallowing()));
}

TEST_REAL(a_coroutine_that_swallows_ctrl_c_gives_its_value)
{
    EXPECT_EQ(test_in_child(run_swallowing, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "42");
}

static eddy_async(failing)
{
    press_later(0.001);
    return eddy_sleep(1000) == -ECANCELED ? eddy_raise(EDDY_EUSER, "in the clean-up") : 0;
}

static void run_failing(void *unused)
{
    int rc = eddy_run(failing());

    printf("%d %s", rc, eddy_exception_message(eddy_error()));
}

TEST_REAL(an_error_of_the_clean_up_after_ctrl_c_is_the_runs)
{
    EXPECT_EQ(test_in_child(run_failing, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "-20000 in the clean-up");
}

static eddy_async(ignoring)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    press_later(0.001);
    printf("%d, ", eddy_sleep(1000) == -ECANCELED);
    press_later(0.001);
    eddy_sleep(1000);
    printf("never");
    return 0;
}

static void run_ignoring(void *unused)
{
    eddy_run(ignoring());
}

TEST_REAL(a_second_ctrl_c_ends_the_process)
{
    int status = test_in_child(run_ignoring, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    EXPECT_STR(output, "1, ");
}

static void run_without(void *unused)
{
    eddy_run(sleeping(), .no_sigint = true);
    printf("never");
}

TEST_REAL(without_sigint_the_first_ctrl_c_ends_the_process)
{
    int status = test_in_child(run_without, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    EXPECT_STR(output, "");
}

static eddy_async(sleeping_shortly)
{
    press_later(0.001);
    return eddy_sleep(0.01);
}

static void run_ignored(void *unused)
{
    signal(SIGINT, SIG_IGN);
    printf("%d", eddy_run(sleeping_shortly()));
    printf(" %d", signal(SIGINT, SIG_DFL) == SIG_IGN);
}

static void on_sigint(int signo)
{
    if (write(STDOUT_FILENO, "handler ", 8) != 8)
        _exit(1);
}

static void run_handled(void *unused)
{
    signal(SIGINT, on_sigint);
    printf("%d", eddy_run(sleeping_shortly()));
    printf(" %d", signal(SIGINT, SIG_DFL) == on_sigint);
}

TEST_REAL(a_program_that_ignores_or_handles_ctrl_c_keeps_it)
{
    EXPECT_EQ(test_in_child(run_ignored, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "0 1");
    EXPECT_EQ(test_in_child(run_handled, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "handler 0 1");
}

static eddy_async(quick)
{
    return 1;
}

static void run_and_press(void *unused)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("%d", eddy_run(quick()));
    raise(SIGINT);
    printf("never");
}

TEST_REAL(after_the_run_ctrl_c_is_as_before)
{
    int status = test_in_child(run_and_press, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    EXPECT_STR(output, "1");
}

/* The kernel presses it when the loop is asleep, most likely. */
static eddy_async(waiting_for_ever)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGINT};
    struct itimerspec soon = {.it_value.tv_nsec = 20000000};
    timer_t timer;

    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
        timer_settime(timer, 0, &soon, NULL) < 0)
        return -errno;
    printf("%d", eddy_sleep(EDDY_FOREVER));
    return -ECANCELED;
}

static void run_waiting(void *unused)
{
    printf(" %d", eddy_run(waiting_for_ever()));
}

TEST_REAL(ctrl_c_wakes_a_loop_that_waits_for_ever)
{
    EXPECT_EQ(test_in_child(run_waiting, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "-125 -4");
}

static void cancel_also(void *t)
{
    raise(SIGINT);
    eddy_task_cancel(t, "by another task");
}

static eddy_async(cancelled_twice)
{
    if (!eddy_loop_call_soon(eddy_get_running_loop(), cancel_also, eddy_current_task()).slot)
        cancel_also(eddy_current_task());
    return eddy_sleep(1000);
}

static void run_cancelled_twice(void *unused)
{
    printf("%d", eddy_run(cancelled_twice()));
}

TEST_REAL(cancelled_from_elsewhere_as_well_the_run_is_cancelled)
{
    EXPECT_EQ(test_in_child(run_cancelled_twice, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "-125");
}

static void run_twice(void *unused)
{
    eddy_runner r;

    eddy_runner_init(&r, NULL);
    printf("%d ", eddy_runner_run(&r, sleeping()));
    printf("%d ", eddy_runner_run(&r, quick()));
    printf("%d ", eddy_runner_run(&r, sleeping()));
    eddy_runner_close(&r);
}

TEST_REAL(each_run_of_a_runner_has_its_own_first_ctrl_c)
{
    EXPECT_EQ(test_in_child(run_twice, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "cancelled, -4 1 cancelled, -4 ");
}

static void terminate(void *unused)
{
    raise(SIGTERM);
}

/* SIGTERM comes while it sleeps. */
static eddy_async(serving, (int, rc_of_clean_up))
{
    int rc;

    if (!eddy_loop_call_soon(eddy_get_running_loop(), terminate, NULL).slot)
        terminate(NULL);
    rc = eddy_sleep(1000);
    return rc == -ECANCELED && rc_of_clean_up < 0 ? eddy_raise(rc_of_clean_up, "clean-up") : rc;
}

static void run_serving(void *unused)
{
    printf("%d ", eddy_run(serving(0), .sigterm = true) == EDDY_ETERMINATED);
    printf("%d ", eddy_main(serving(0), .sigterm = true));
    printf("%d ", eddy_main(serving(0), .sigterm = true, .sigterm_exit = 143));
    fflush(stdout);
    printf("%d", eddy_main(serving(-ENOENT), .sigterm = true));
}

TEST_REAL(sigterm_that_was_asked_for_is_no_failure)
{
    EXPECT_EQ(test_in_child(run_serving, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "1 0 143 error: clean-up (No such file or directory)\n1");
}

static void run_unasked(void *unused)
{
    eddy_main(serving(0));
    printf("never");
}

TEST_REAL(sigterm_that_was_not_asked_for_ends_the_process)
{
    int status = test_in_child(run_unasked, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    EXPECT_STR(output, "");
}

static void run_until_ctrl_c(void *unused)
{
    printf("%d", eddy_main(sleeping(), .sigterm = true));
}

TEST_REAL(after_ctrl_c_the_exit_code_is_130)
{
    EXPECT_EQ(test_in_child(run_until_ctrl_c, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "cancelled, 130");
}
