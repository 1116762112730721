/*
 * Tests of the harness, with the bad tests: every mistake must be reported.
 */
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[20000];

/* The arguments for the program of bad tests. */
struct arguments {
    const char *list[8];
};

/* Runs bad-tests, which lies next to this program. */
static void run_bad_tests(void *arg)
{
    struct arguments *arguments = arg;
    char path[600];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 20);

    if (n < 0)
        return;
    path[n] = '\0';
    strcpy(strrchr(path, '/') + 1, "bad-tests");
    setenv("EDDY_TEST_TIMEOUT", "2", 1);
    setenv("EDDY_TEST_SLOWNESS", "1", 1);
    execv(path, (char *const *)arguments->list);
    perror(path);
}

static int run(const char *first, const char *second, const char *third)
{
    struct arguments arguments = {{"bad-tests", first, second, third, NULL}};
    int status = test_in_child(run_bad_tests, &arguments, output, sizeof output);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_VIRTUAL(a_test_that_passes_is_ok_and_its_output_is_not_shown)
{
    EXPECT_EQ(run("passes", NULL, NULL), 0);
    EXPECT_STR(output, "ok passes\n");
}

TEST_VIRTUAL(an_expectation_that_is_not_met_shows_both_values_and_goes_on)
{
    EXPECT_EQ(run("expects_equal_numbers", NULL, NULL), 1);
    EXPECT_IN("not ok expects_equal_numbers - ", output);
    EXPECT_IN("bad_tests.c:23: not true: three == 4L; they are 3 and 4\n", output);
    EXPECT_IN("# goes on\n", output);
}

TEST_VIRTUAL(texts_are_shown_as_texts)
{
    EXPECT_EQ(run("expects_equal_texts", NULL, NULL), 1);
    EXPECT_IN("they are \"hello\" and \"world\"\n", output);
}

TEST_VIRTUAL(numbers_are_compared_by_value_and_not_by_type)
{
    EXPECT_EQ(run("compares_numbers_by_value", NULL, NULL), 1);
    EXPECT_IN("bad_tests.c:38: ", output);
}

TEST_VIRTUAL(a_requirement_that_is_not_met_ends_the_test)
{
    EXPECT_EQ(run("requires_something", NULL, NULL), 1);
    EXPECT_IN("not true: 1 > 2", output);
    EXPECT(!strstr(output, "never gets here"));
}

TEST_VIRTUAL(a_skipped_test_says_why)
{
    EXPECT_EQ(run("skips", NULL, NULL), 0);
    EXPECT_STR(output, "ok skips # skip there is no moon here\n");
}

TEST_VIRTUAL(a_crash_says_which_signal)
{
    EXPECT_EQ(run("crashes", NULL, NULL), 1);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    EXPECT_IN("ended with exit status 98, before its end", output);
#else
    EXPECT_IN("crashed: Segmentation fault", output);
#endif
}

TEST_VIRTUAL(an_early_exit_is_a_failure)
{
    EXPECT_EQ(run("exits", NULL, NULL), 1);
    EXPECT_IN("ended with exit status 3, before its end", output);
}

TEST_VIRTUAL(a_test_that_hangs_is_killed)
{
    EXPECT_EQ(run("hangs", NULL, NULL), 1);
    EXPECT_IN("hangs; killed", output);
}

TEST_VIRTUAL(whatever_is_left_behind_is_a_failure)
{
    EXPECT_EQ(run("leaves_a_descriptor", NULL, NULL), 1);
    EXPECT_IN("open: pipe:", output);
    EXPECT_EQ(run("closes_a_descriptor_of_others", NULL, NULL), 1);
    EXPECT_IN("descriptor 0, which was not the test's, was closed", output);
    EXPECT_EQ(run("leaves_memory", NULL, NULL), 1);
    EXPECT_IN("left 1 allocation(s)", output);
    EXPECT_EQ(run("leaves_a_thread", NULL, NULL), 1);
    EXPECT_IN("left 1 thread(s)", output);
    EXPECT_EQ(run("leaves_a_child_process", NULL, NULL), 1);
    EXPECT_IN("left a child process running", output);
}

TEST_VIRTUAL(a_coroutine_that_ends_with_an_error_is_a_failure_with_its_message)
{
    EXPECT_EQ(run("ends_with_an_error", NULL, NULL), 1);
    EXPECT_IN("the coroutine ended with -5: the disk is full", output);
}

TEST_VIRTUAL(expectations_work_in_a_coroutine)
{
    EXPECT_EQ(run("fails_deep_inside_and_goes_on", NULL, NULL), 1);
    EXPECT_IN("they are 3600 and 7200", output);
}

TEST_VIRTUAL(a_deadlock_under_the_virtual_clock_is_a_failure_at_once)
{
    EXPECT_EQ(run("waits_for_what_never_comes", NULL, NULL), 1);
    EXPECT_IN("the coroutine ended with -35: ", output);
}

TEST_REAL(a_real_coroutine_runs_on_a_real_backend)
{
    EXPECT_EQ(run("skips_within_a_coroutine", NULL, NULL), 0);
    EXPECT(strstr(output, "skip it is io_uring") || strstr(output, "skip it is epoll"));
}

TEST_VIRTUAL(an_unknown_test_is_an_error)
{
    EXPECT_EQ(run("no_such_test", NULL, NULL), 2);
    EXPECT_IN("no such test", output);
}

TEST_VIRTUAL(torture_fails_every_call_once_and_for_ever_after)
{
    EXPECT_EQ(run("--torture", "survives_every_fault", NULL), 0);
    EXPECT_STR(output, "ok survives_every_fault - 2 of 2 calls\n");
    EXPECT_EQ(run("--torture", "--limit=1", "survives_every_fault"), 0);
    EXPECT_STR(output, "ok survives_every_fault - 1 of 2 calls\n");
}

TEST_VIRTUAL(torture_can_leave_out_the_rounds_of_a_loop)
{
    EXPECT_EQ(run("--torture", "allocates_in_a_loop", NULL), 0);
    EXPECT_STR(output, "ok allocates_in_a_loop - 50 of 50 calls\n");
    /* The first rounds differ from the others in what was before them. */
    EXPECT_EQ(run("--torture", "--per-site=1", "allocates_in_a_loop"), 0);
    EXPECT_STR(output, "ok allocates_in_a_loop - 4 of 50 calls\n");
    EXPECT_EQ(run("--torture", "--per-site=3", "allocates_in_a_loop"), 0);
    EXPECT_STR(output, "ok allocates_in_a_loop - 6 of 50 calls\n");
}

TEST_VIRTUAL(torture_finds_a_crash)
{
    EXPECT_EQ(run("--torture", "crashes_when_the_second_allocation_fails", NULL), 1);
    EXPECT_IN("[with call ", output);
}

TEST_VIRTUAL(torture_finds_a_leak)
{
    EXPECT_EQ(run("--torture", "leaks_when_the_second_allocation_fails", NULL), 1);
    EXPECT_IN("left 1 allocation(s)", output);
    EXPECT_IN("with call 2 failing once: malloc", output);
}

TEST_VIRTUAL(torture_finds_a_hang)
{
    EXPECT_EQ(run("--torture", "tries_for_ever", NULL), 1);
    EXPECT_IN("with call 1 failing and all after it: malloc", output);
}

TEST_VIRTUAL(a_test_that_waits_in_vain_because_of_a_fault_is_interrupted)
{
    EXPECT_EQ(run("--torture", "waits_in_vain_when_an_allocation_fails", NULL), 0);
}

TEST_VIRTUAL(a_requirement_that_a_fault_broke_is_no_failure)
{
    EXPECT_EQ(run("--torture", "needs_its_allocation", NULL), 0);
}

TEST_VIRTUAL(one_fault_can_be_repeated_by_its_number)
{
    EXPECT_EQ(run("--fail=2", "leaks_when_the_second_allocation_fails", NULL), 1);
    EXPECT_EQ(run("--fail=3", "leaks_when_the_second_allocation_fails", NULL), 0);
}
