/*
 * Workers: loops in threads that end together.
 */
#include "harness/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_uint ran;

static int count(unsigned index, void *arg)
{
    atomic_fetch_or(&ran, 1u << index);
    return 0;
}

TEST_REAL(each_worker_runs_once_in_a_thread_of_its_own)
{
    EXPECT_EQ(eddy_run_workers(3, count, NULL, .no_sigint = true), 0);
    EXPECT(ran == 7 || test_tortured());
    EXPECT_EQ(eddy_run_workers(1, count, NULL, .no_sigint = true), 0);
    EXPECT_EQ(eddy_run_workers(1, NULL, NULL), -EINVAL);
}

static int fail_or_wait(unsigned index, void *arg)
{
    if (index == *(unsigned *)arg)
        return eddy_raise(-EIO, "worker %u", index);
    return eddy_sleep(EDDY_FOREVER);
}

/* They would wait for ever. */
TEST_REAL(a_worker_that_fails_in_its_thread_has_the_others_cancelled)
{
    unsigned which = 2;

    EXPECT_EQ(eddy_run_workers(3, fail_or_wait, &which, .no_sigint = true), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "worker 2");
    which = 0;
    EXPECT_EQ(eddy_run_workers(3, fail_or_wait, &which, .no_sigint = true), -EIO);
}

static int interrupt_or_wait(unsigned index, void *arg)
{
    if (index == 0)
        kill(getpid(), *(int *)arg);
    return eddy_sleep(EDDY_FOREVER);
}

static void be_interrupted(void *arg)
{
    int rc = eddy_run_workers(3, interrupt_or_wait, arg, .sigterm = true);

    printf("%s, %d", eddy_strerror(rc), eddy_exit_code(rc));
    fflush(stdout);
    _exit(0);
}

TEST(ctrl_c_ends_all_workers)
{
    char output[200];

    if (test_tortured())
        return;
    test_in_child(be_interrupted, &(int){SIGINT}, output, sizeof output);
    EXPECT_STR(output, "Interrupted system call, 130");
}

TEST(sigterm_ends_all_workers_well)
{
    char output[200];

    if (test_tortured())
        return;
    test_in_child(be_interrupted, &(int){SIGTERM}, output, sizeof output);
    EXPECT_STR(output, "Ended by SIGTERM, 0");
}
