/*
 * Tasks that wait for signals.
 */
#include "harness/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Lets all tasks run until they wait. */
static void settle(void)
{
    for (int i = 0; i < 3; i++)
        REQUIRE(eddy_sleep(0) == 0);
}

static bool is_default(int signo)
{
    struct sigaction now;

    return sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_DFL;
}

/* To this process, unless it would die of it. */
static void send_signal(int signo)
{
    REQUIRE(!is_default(signo));
    raise(signo);
}

static eddy_async(wait_for_usr)
{
    return eddy_signal_wait(SIGUSR1, SIGUSR2);
}

TEST_ASYNC_REAL(a_task_waits_until_one_of_the_signals_comes)
{
    eddy_task *t = eddy_create_task(wait_for_usr());

    settle();
    EXPECT(t && !eddy_task_done(t));
    send_signal(SIGUSR2);
    EXPECT_EQ(eddy_await(t), SIGUSR2);
    EXPECT(is_default(SIGUSR1) && is_default(SIGUSR2));
    return 0;
}

TEST_ASYNC_REAL(every_waiter_gets_a_signal)
{
    eddy_task *a = eddy_create_task(wait_for_usr()), *b = eddy_create_task(wait_for_usr());

    settle();
    send_signal(SIGUSR1);
    EXPECT_EQ(eddy_await(a), SIGUSR1);
    EXPECT_EQ(eddy_await(b), SIGUSR1);
    return 0;
}

static void *send_usr1(void *arg)
{
    kill(getpid(), SIGUSR1);
    return arg;
}

static eddy_async(wait_while_a_thread_sends)
{
    eddy_signals signals;
    pthread_t thread;
    int rc;

    signal(SIGUSR1, SIG_IGN); /* it may come too late */
    eddy_try(eddy_signals_open(&signals, SIGUSR1));
    REQUIRE(pthread_create(&thread, NULL, send_usr1, NULL) == 0);
    rc = eddy_signals_next(&signals);
    pthread_join(thread, NULL);
    eddy_signals_close(&signals);
    EXPECT_EQ(rc, SIGUSR1);
    return 0;
}

TEST_REAL(a_signal_from_another_thread_wakes_the_waiting_task)
{
#if defined(__SANITIZE_THREAD__)
    SKIP("ThreadSanitizer holds back a signal that comes right before a system call which it does "
         "not know");
#endif
    EXPECT_EQ(test_run_real(wait_while_a_thread_sends()), 0);
}

TEST_ASYNC_REAL(a_cancelled_wait_puts_everything_back)
{
    eddy_task *t = eddy_create_task(wait_for_usr());

    settle();
    if (t)
        eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT(is_default(SIGUSR1) && is_default(SIGUSR2));
    return 0;
}

static eddy_async(wait_twice)
{
    int rc = eddy_signal_wait(SIGUSR1);

    EXPECT_EQ(rc, SIGUSR1);
    return eddy_sleep(1);
}

TEST_ASYNC_REAL(
    a_signal_that_comes_with_a_cancellation_is_returned_and_the_cancellation_strikes_next)
{
    eddy_task *t = eddy_create_task(wait_twice());

    settle();
    send_signal(SIGUSR1);
    /* Noticed at the beginning of the next turn, behind this task's step; then the task has been
     * woken. */
    (void)eddy_sleep(0);
    (void)eddy_sleep(0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    return 0;
}

TEST_ASYNC_REAL(a_stream_gives_every_signal_once_and_in_order)
{
    static const int sent[] = {SIGUSR1, SIGUSR2, SIGUSR2, SIGUSR1};
    eddy_signals signals;

    eddy_try(eddy_signals_open(&signals, SIGUSR1, SIGUSR2, SIGUSR1));
    for (int i = 0; i < 4; i++)
        send_signal(sent[i]);
    for (int i = 0; i < 4; i++)
        REQUIRE(eddy_signals_next(&signals) == sent[i]);
    send_signal(SIGUSR2);
    REQUIRE(eddy_signals_next(&signals) == SIGUSR2);
    eddy_signals_close(&signals);
    eddy_signals_close(&signals);
    EXPECT(is_default(SIGUSR1) && is_default(SIGUSR2));
    return 0;
}

static eddy_async(next_of, (eddy_signals *, signals))
{
    return eddy_signals_next(signals);
}

TEST_ASYNC_REAL(a_cancelled_next_loses_nothing)
{
    eddy_signals signals;
    eddy_task *t;

    eddy_try(eddy_signals_open(&signals, SIGUSR1));
    t = eddy_create_task(next_of(&signals));
    settle();
    EXPECT_EQ(eddy_signals_next(&signals), -EBUSY);
    if (t)
        eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    send_signal(SIGUSR1);
    REQUIRE(eddy_signals_next(&signals) == SIGUSR1);
    eddy_signals_close(&signals);
    EXPECT_EQ(eddy_signals_next(&signals), EDDY_EMISUSE);
    return 0;
}

TEST_ASYNC_REAL(what_cannot_be_waited_for_is_refused)
{
    eddy_signals signals;

    EXPECT_EQ(eddy_signal_wait(SIGUSR1, SIGKILL), -EINVAL);
    EXPECT(is_default(SIGUSR1));
    EXPECT_EQ(eddy_signals_open(&signals, SIGSTOP), -EINVAL);
    EXPECT_EQ(eddy_signals_open_list(&signals, NULL, 0), -EINVAL);
    return 0;
}

TEST(outside_of_a_loop_there_is_nothing_to_wait_for)
{
    EXPECT_EQ(eddy_signal_wait(SIGUSR1), EDDY_ENOLOOP);
    EXPECT(is_default(SIGUSR1));
}

/* Two signals together; one was asked for by one who takes only one. */
static eddy_async(take_one_of_two)
{
    eddy_task *t = eddy_create_task(wait_for_usr());

    settle();
    send_signal(SIGUSR1);
    send_signal(SIGUSR2);
    printf("got %d\n", eddy_await(t));
    puts("not reached");
    return 0;
}

static void take_one_in_child(void *arg)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    eddy_run(take_one_of_two());
}

TEST_REAL(what_came_and_was_not_taken_has_its_usual_effect)
{
    char output[200];
    int status;

    if (test_tortured())
        SKIP("the child is not watched");
    status = test_in_child(take_one_in_child, NULL, output, sizeof output);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
    EXPECT(!strstr(output, "reached"));
}

static void count(void *arg)
{
    ++*(int *)arg;
}

TEST_ASYNC_REAL(a_handler_and_a_waiting_task_both_hear)
{
    int calls = 0;
    eddy_task *t;

    eddy_try(eddy_loop_add_signal_handler(eddy_get_running_loop(), SIGUSR1, count, &calls));
    t = eddy_create_task(wait_for_usr());
    settle();
    send_signal(SIGUSR1);
    EXPECT_EQ(eddy_await(t), SIGUSR1);
    settle();
    EXPECT_EQ(calls, 1);
    send_signal(SIGUSR1);
    settle();
    EXPECT_EQ(calls, 2);
    eddy_loop_remove_signal_handler(eddy_get_running_loop(), SIGUSR1);
    return 0;
}

static eddy_async(wait_for_ever)
{
    EXPECT_EQ(eddy_signal_wait(SIGUSR1), -ECANCELED);
    return 0;
}

static void handle_nothing(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

TEST_REAL(a_loop_can_be_closed_while_tasks_wait_for_signals)
{
    eddy_loop *loop = test_real_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    eddy_loop_set_exception_handler(loop, handle_nothing, NULL);
    t = eddy_loop_create_task(loop, wait_for_ever());
    eddy_loop_stop(loop);
    eddy_loop_run_forever(loop);
    eddy_loop_close(loop);
    EXPECT(is_default(SIGUSR1));
    eddy_unref(t);
    eddy_loop_unref(loop);
}
