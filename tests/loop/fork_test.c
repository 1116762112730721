/* A child process may do nothing with the loops of its parent (rule 13). */
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void nothing(void *unused)
{
}

static void say(const char *what, int code)
{
    printf("%s: %s\n", what, code < 0 ? eddy_strerror(code) : "fine");
}

static int latest(void)
{
    return eddy_exception_code(eddy_error());
}

/* In the child; @loop is the parent's. */
static void use_loop(void *arg)
{
    eddy_loop *loop = arg;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("running loop: %s\n", eddy_get_running_loop() ? "some" : "none");
    say("call_soon", eddy_loop_call_soon(loop, nothing, NULL).slot ? 0 : latest());
    say("call_later", eddy_loop_call_later(loop, 1, nothing, NULL).slot ? 0 : latest());
    say("threadsafe", eddy_loop_call_soon_threadsafe(loop, nothing, NULL).slot ? 0 : latest());
    say("create_task", eddy_loop_create_task(loop, eddy_sleep_coro(0, 0, NULL)) ? 0 : latest());
    say("create_future", eddy_loop_create_future(loop) ? 0 : latest());
    say("run_until_complete", eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL)));
    say("close", eddy_loop_close(loop));
    eddy_loop_unref(loop);
    say("a loop of its own", eddy_run(eddy_sleep_coro(0.001, 0, NULL)));
}

static void expect_refused(const char *output)
{
    char line[100];
    static const char *const calls[] = {"call_soon",   "call_later",    "threadsafe",
                                        "create_task", "create_future", "run_until_complete",
                                        "close"};

    EXPECT_IN("running loop: none\n", output);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        snprintf(line, sizeof line, "%s: %s\n", calls[i], eddy_strerror(EDDY_EFORKED));
        EXPECT_IN(line, output);
    }
    EXPECT_IN("a loop of its own: fine\n", output);
}

TEST_REAL(a_forked_child_cannot_use_the_loop_of_its_parent_but_its_own)
{
    char output[2000];
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(test_in_child(use_loop, loop, output, sizeof output), 0);
    expect_refused(output);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 4, NULL)), 4);
    eddy_loop_unref(loop);
}

TEST_ASYNC_REAL(a_child_forked_from_a_task_has_no_running_loop)
{
    char output[2000];

    EXPECT_EQ(test_in_child(use_loop, eddy_get_running_loop(), output, sizeof output), 0);
    expect_refused(output);
    return eddy_sleep(0.001);
}

static void await_in_child(void *unused)
{
    int rc = eddy_sleep(1);

    printf("sleep: %s\n", eddy_strerror(rc));
}

TEST_ASYNC_REAL(in_a_child_forked_from_a_task_nothing_can_be_awaited)
{
    char output[2000];

    EXPECT_EQ(test_in_child(await_in_child, NULL, output, sizeof output), 0);
    EXPECT_IN(eddy_strerror(EDDY_EFORKED), output);
    return 0;
}

static void interrupted(void *unused)
{
    printf("before\n");
    fflush(stdout);
    raise(SIGINT);
    printf("after\n");
}

TEST_ASYNC_REAL(ctrl_c_in_a_child_forked_from_a_task_is_the_childs_own)
{
    char output[2000];
    int status = test_in_child(interrupted, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    EXPECT_STR(output, "before\n");
    return eddy_sleep(0.001);
}
