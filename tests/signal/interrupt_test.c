/*
 * Ctrl-C and eddy_run(): rule 191, and how it shares SIGINT with others who want it.
 */
#include "harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void (*disposition(int signo))(int)
{
    struct sigaction now;

    sigaction(signo, NULL, &now);
    return now.sa_handler;
}

static eddy_async(interrupt_itself, (int, signo))
{
    raise(signo);
    eddy_try(eddy_sleep(0));
    return eddy_sleep(3600);
}

/* eddy_run() on a loop of the backend under test, with its policy for signals. */
static int run(eddy_coroutine *coro, bool no_sigint, bool sigterm)
{
    return eddy_run(coro, .loop_factory = test_real_loop, .no_sigint = no_sigint,
                    .sigterm = sigterm);
}

TEST_REAL(ctrl_c_cancels_the_program_and_is_told)
{
    EXPECT_EQ(run(interrupt_itself(SIGINT), false, false), -EINTR);
    EXPECT_STR(eddy_exception_message(eddy_error()), "interrupted by Ctrl-C");
    EXPECT(disposition(SIGINT) == SIG_DFL);
}

TEST_REAL(sigterm_does_the_same_if_asked_for_with_a_status_of_its_own)
{
    EXPECT_EQ(run(interrupt_itself(SIGTERM), false, true), EDDY_ETERMINATED);
    EXPECT(disposition(SIGTERM) == SIG_DFL);
}

static eddy_async(swallow)
{
    raise(SIGINT);
    EXPECT_EQ(eddy_sleep(3600), -ECANCELED);
    return 7;
}

TEST_REAL(a_program_may_go_on_after_ctrl_c)
{
    EXPECT_EQ(run(swallow(), false, false), 7);
}

static eddy_async(look_at_sigint, (void **, ret))
{
    *ret = (void *)disposition(SIGINT);
    return 0;
}

TEST_REAL(ctrl_c_is_left_alone_where_the_program_handles_it_or_does_not_want_it)
{
    void *there;

    signal(SIGINT, SIG_IGN);
    EXPECT_EQ(run(look_at_sigint(&there), false, false), 0);
    EXPECT(there == (void *)SIG_IGN);
    signal(SIGINT, SIG_DFL);
    EXPECT_EQ(run(look_at_sigint(&there), true, false), 0);
    EXPECT(there == (void *)SIG_DFL);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static eddy_async(take_and_give_back)
{
    eddy_loop *loop = eddy_get_running_loop();
    int calls = 0;

    eddy_try(eddy_loop_add_signal_handler(loop, SIGINT, count, &calls));
    raise(SIGINT);
    raise(SIGINT);
    for (int i = 0; i < 3; i++)
        eddy_try(eddy_sleep(0));
    EXPECT_EQ(calls, 2);
    EXPECT(eddy_loop_remove_signal_handler(loop, SIGINT));
    raise(SIGINT);
    return eddy_sleep(3600);
}

TEST_REAL(a_handler_of_sigint_has_it_until_it_is_removed)
{
    EXPECT_EQ(run(take_and_give_back(), false, false), -EINTR);
}

static void interrupt_soon(void *arg)
{
    raise(SIGINT);
}

static eddy_async(be_told_of_ctrl_c)
{
    eddy_loop_call_later(eddy_get_running_loop(), 0.001, interrupt_soon, NULL);
    return eddy_signal_wait(SIGINT);
}

TEST_REAL(waiting_for_ctrl_c_is_in_place_of_being_cancelled)
{
    EXPECT_EQ(run(be_told_of_ctrl_c(), false, false), SIGINT);
}

static eddy_async(do_not_react)
{
    puts("once");
    raise(SIGINT);
    puts("twice");
    raise(SIGINT);
    puts("still here");
    return 0;
}

static void be_interrupted_twice(void *arg)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    run(do_not_react(), false, false);
}

TEST_REAL(a_second_ctrl_c_ends_a_program_that_does_not_react)
{
    char output[200];
    int status;

    if (test_tortured())
        SKIP("the child is not watched by the test");
    status = test_in_child(be_interrupted_twice, NULL, output, sizeof output);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    EXPECT_STR(output, "once\ntwice\n");
}

/* Other signals wake the loop, too; that is no reason to cancel anything. */
static eddy_async(get_another_signal)
{
    int calls = 0;

    eddy_try(eddy_loop_add_signal_handler(eddy_get_running_loop(), SIGUSR1, count, &calls));
    raise(SIGUSR1);
    for (int i = 0; i < 3; i++)
        eddy_try(eddy_sleep(0));
    EXPECT_EQ(calls, 1);
    eddy_loop_remove_signal_handler(eddy_get_running_loop(), SIGUSR1);
    return 0;
}

TEST_REAL(another_signal_does_not_cancel_the_program)
{
    EXPECT_EQ(run(get_another_signal(), false, false), 0);
}
