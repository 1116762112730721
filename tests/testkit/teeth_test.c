/*
 * The teeth of cancellation everywhere: mutants of the library, each with one line that is wrong,
 * must be caught.
 */
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* AddressSanitizer may be the first to notice. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = true };
#else
enum { SANITIZED = false };
#endif

static char output[100000];

struct mutant {
    const char *name, *test;
};

/* The mutants are in a folder next to this program. */
static void run_mutant(void *arg)
{
    const struct mutant *m = arg;
    char path[600];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 100);

    if (n < 0)
        return;
    path[n] = '\0';
    snprintf(strrchr(path, '/'), 100, "/mutants/%s", m->name);
    execl(path, m->name, m->test, (char *)NULL);
    perror(path);
}

/* That the test fails on the mutant, and what it says. */
static void expect_caught(const char *name, const char *test, const char *complaint)
{
    struct mutant m = {name, test};
    char verdict[200];
    int status;

    if (test_tortured())
        SKIP("a mutant is a program of its own, in which no call is made to fail");
    status = test_in_child(run_mutant, &m, output, sizeof output);
    snprintf(verdict, sizeof verdict, "not ok %s", test);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    EXPECT_IN(verdict, output);
    EXPECT_IN(SANITIZED ? "" : complaint, output);
    fputs(output, stderr);
}

TEST_VIRTUAL(a_lock_that_a_cancelled_waiter_keeps_from_the_next_is_found)
{
    expect_caught("lock", "a_lock_goes_to_the_next_wherever_one_is_cancelled", "it never ends");
}

TEST_VIRTUAL(a_token_that_a_cancelled_waiter_does_not_give_back_is_found)
{
    expect_caught("semaphore-token", "a_token_goes_to_the_next_wherever_one_is_cancelled",
                  "it never ends");
}

TEST_VIRTUAL(a_token_that_is_given_back_without_waking_the_next_is_found)
{
    expect_caught("semaphore-next", "a_token_goes_to_the_next_wherever_one_is_cancelled",
                  "it never ends");
}

TEST_VIRTUAL(a_notification_that_a_cancelled_waiter_does_not_pass_on_is_found)
{
    expect_caught("condition", "a_notification_goes_to_the_next_wherever_one_is_cancelled",
                  "it never ends");
}

TEST_VIRTUAL(an_item_that_a_cancelled_getter_keeps_from_the_next_is_found)
{
    expect_caught("getter", "an_item_goes_to_the_next_getter_wherever_one_is_cancelled",
                  "it never ends");
}

TEST_VIRTUAL(room_that_a_cancelled_putter_keeps_from_the_next_is_found)
{
    expect_caught("putter", "room_goes_to_the_next_putter_wherever_one_is_cancelled",
                  "it never ends");
}

TEST_VIRTUAL(a_result_that_a_cancelled_task_keeps_from_the_next_is_found)
{
    expect_caught("completions", "a_result_goes_to_the_next_caller_wherever_one_is_cancelled",
                  "it never ends");
}

TEST_VIRTUAL(a_condition_that_is_left_without_its_lock_is_found)
{
    expect_caught("condition-lock", "a_notification_goes_to_the_next_wherever_one_is_cancelled",
                  "all.most_inside <= 1");
}

TEST_VIRTUAL(a_barrier_that_still_counts_the_cancelled_is_found)
{
    expect_caught("barrier-count", "a_barrier_forgets_a_cancelled_task_at_any_moment", "n_waiting");
}

TEST_VIRTUAL(a_timer_that_is_not_stopped_is_found)
{
    expect_caught("sleep-timer", "a_sleep_ends_early_only_for_whom_it_is_cancelled",
                  "a timer runs on");
}

TEST_VIRTUAL(bytes_that_were_sent_and_not_counted_are_found)
{
    expect_caught("sent-forgotten", "sendall_knows_what_it_has_sent_wherever_it_is_cancelled",
                  "all.sent == all.received + rest");
}

TEST_VIRTUAL(a_timeout_that_outranks_a_cancellation_is_found)
{
    expect_caught("timeout-outranks", "a_sleep_ends_early_only_for_whom_it_is_cancelled",
                  "instead of -ECANCELED");
}

/* The children then report to a task that no longer exists. */
TEST_VIRTUAL(a_group_that_ends_before_its_children_is_found)
{
    expect_caught("group-leaves", "a_group_ends_only_when_all_its_children_have", "");
}

/* Of what the kernel has done. Where bytes, a descriptor or an outcome may get lost. */

static const char RECEIVE[] = "no_byte_is_lost_wherever_a_receiver_is_cancelled",
                  SEND[] = "sendall_knows_what_it_has_sent_wherever_it_is_cancelled",
                  ACCEPT[] = "no_connection_is_lost_wherever_an_accept_is_cancelled",
                  CONNECT[] = "a_connect_can_be_cancelled_everywhere";

/* The mutant of a backend that this machine, or this build, does not have cannot be caught. */
static void require_io_uring(void)
{
    eddy_loop *loop = eddy_loop_new(&(eddy_loop_options){.backend = EDDY_BACKEND_IO_URING});

    eddy_loop_unref(loop);
    if (!loop)
        SKIP("no io_uring here");
}

/* Under AddressSanitizer locals are kept elsewhere, so the kit cannot tell whose operation it is by
 * the stack that it lies on. */
static void require_operations_on_stacks(void)
{
#ifdef __SANITIZE_ADDRESS__
    SKIP("AddressSanitizer keeps locals off the stack");
#endif
}

static void expect_results_missed(const char *name)
{
    require_operations_on_stacks();
    expect_caught(name, RECEIVE, "all.sent == all.received + rest");
    expect_caught(name, SEND, "all.sent == all.received + rest");
    expect_caught(name, ACCEPT, "descriptor");
    expect_caught(name, CONNECT, "all.connects_lost == 0");
}

TEST_VIRTUAL(a_result_that_a_cancellation_drops_is_found)
{
    expect_results_missed("result-wait");
}

TEST_VIRTUAL(a_result_that_io_uring_drops_for_a_cancellation_is_found)
{
    require_io_uring();
    expect_results_missed("result-io_uring");
}

TEST_VIRTUAL(a_result_that_epoll_drops_for_a_cancellation_is_found)
{
    expect_results_missed("result-epoll");
}

/* Expects that the fault @p name ends the process with @p complaint. Its further effects would
 * depend on chance; the library built for tests ends the process before they occur. */
static void expect_memory_missed(const char *name, const char *complaint)
{
    require_operations_on_stacks();
    expect_caught(name, RECEIVE, complaint);
    expect_caught(name, SEND, complaint);
    expect_caught(name, ACCEPT, complaint);
}

TEST_VIRTUAL(memory_that_the_kernel_still_has_under_io_uring_is_found)
{
    require_io_uring();
    expect_memory_missed("memory-io_uring", "the kernel still has the operation's memory");
}

TEST_VIRTUAL(memory_that_epoll_still_refers_to_is_found)
{
    expect_memory_missed("memory-epoll", "broken invariant");
}

TEST_VIRTUAL(a_call_that_returns_before_its_operation_has_ended_is_found)
{
    expect_memory_missed("memory-call", "a wait is over once");
}
