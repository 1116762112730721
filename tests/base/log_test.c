/* The log: messages of eddy's own go to the program instead of to standard error. */
#include "harness/test.h"

#include "base/assert.h"
#include "base/log.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char output[4000];

/* Writes the level and the text, as a signal handler may. */
static void note(eddy_log_level level, const char *text, void *arg)
{
    char line[2100];
    int n = snprintf(line, sizeof line, "%s%d[%s]", (const char *)arg, (int)level, text);

    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        _exit(1);
}

static void on_terminal(void *unused)
{
    eddyi_log(EDDY_LOG_WARNING, "%d apples", 3);
    eddyi_log_as(EDDY_LOG_ERROR, "error", "no pears");
}

TEST(without_a_log_messages_are_lines_on_standard_error)
{
    EXPECT_EQ(test_in_child(on_terminal, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "eddy: 3 apples\nerror: no pears\n");
}

static void in_a_log(void *unused)
{
    eddy_set_log(note, (void *)"a");
    eddyi_log(EDDY_LOG_WARNING, "%d apples", 3);
    eddyi_log_as(EDDY_LOG_ERROR, "error", "no pears");
    eddy_set_log(NULL, NULL);
    eddyi_log(EDDY_LOG_INFO, "%d plums", 5);
}

TEST(a_log_gets_the_level_and_the_bare_text_until_it_is_taken_away)
{
    EXPECT_EQ(test_in_child(in_a_log, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "a1[3 apples]a2[no pears]eddy: 5 plums\n");
}

static void break_an_invariant(void *logged)
{
    if (logged)
        eddy_set_log(note, (void *)"");
    eddyi_assert_failed("a.c:1: broken");
}

TEST(a_broken_invariant_is_a_fatal_message)
{
    int status = test_in_child(break_an_invariant, output, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_STR(output, "3[a.c:1: broken]");
    status = test_in_child(break_an_invariant, NULL, output, sizeof output);
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_STR(output, "eddy: a.c:1: broken\n");
}

static eddy_async(fail)
{
    return eddy_raise(EDDY_EUSER, "no disk");
}

/* Makes a task whose failure no task receives, and leaves a scope open. */
static eddy_async(misbehave)
{
    eddy_timeout tm;

    eddy_unref(eddy_create_task(fail()));
    eddy_try(eddy_sleep(0));
    eddy_timeout_enter(&tm, 5);
    return eddy_raise(EDDY_EUSER, "end");
}

static void run_misbehaving(void *unused)
{
    eddy_set_log(note, (void *)"\n");
    printf("%d", eddy_main(misbehave(), .debug = true));
}

TEST(what_loops_and_programs_report_goes_to_the_log)
{
    EXPECT_EQ(test_in_child(run_misbehaving, NULL, output, sizeof output), 0);
    EXPECT(strstr(output, "eddy: ") == NULL && strstr(output, "error: ") == NULL);
    EXPECT_IN("\n2[", output);
    EXPECT_IN("no disk", output);
    EXPECT_IN("\n1[the timeout entered at ", output);
    EXPECT_IN("\n2[end (Error of the program)]", output);
}

TEST(lines_are_logged_one_by_one_and_the_rest_is_left)
{
    char text[] = "one\ntwo\nthr";

    EXPECT_EQ(eddyi_log_lines(EDDY_LOG_INFO, text, strlen(text)), 8);
    EXPECT_EQ(eddyi_log_lines(EDDY_LOG_INFO, text + 8, 3), 0);
}
