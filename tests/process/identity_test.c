/*
 * Subprocesses that run as another user. Tests that need privileges run only as root.
 */
#include "process/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Returns the first line that a command prints when it runs with @p options. */
static const char *said(const eddy_subprocess_options *options)
{
    static char line[200];
    eddy_subprocess_options all = *options;
    const char *data;
    eddy_process *p;
    ssize_t n;

    line[0] = '\0';
    all.std_out = EDDY_PIPE;
    all.ret_process = &p;
    if (eddy_create_subprocess_shell_with(&all) < 0)
        return eddy_exception_message(eddy_error());
    n = eddy_reader_readline(eddy_process_stdout(p), &data);
    if (n > 0)
        snprintf(line, sizeof line, "%.*s", (int)n - 1, data);
    eddy_process_wait(p, NULL);
    eddy_process_free(p);
    return line;
}
#define SAID(...) said(&(eddy_subprocess_options){.command = __VA_ARGS__})

/* Real and effective user and group, and all groups. */
#define WHO "echo $(id -ru):$(id -u):$(id -rg):$(id -g):$(id -G)"

TEST_ASYNC_REAL(it_runs_as_another_user_in_other_groups)
{
    if (geteuid() != 0)
        SKIP("only root may");
    EXPECT_STR(
        SAID(WHO, .user = "65534", .group = "65533", .extra_groups = (const char *const[]){NULL}),
        "65534:65534:65533:65533:65533");
    EXPECT_STR(SAID(WHO, .group = "7", .extra_groups = (const char *const[]){"8", "9", NULL}),
               "0:0:7:7:7 8 9");
    EXPECT_STR(SAID("id -u", .user = "nobody"), "65534");
    EXPECT_STR(SAID("id -g", .group = "root"), "0");
    EXPECT_EQ(geteuid(), 0);
    return 0;
}

TEST_ASYNC_REAL(its_umask_is_its_own)
{
    mode_t before = umask(027);

    EXPECT_STR(SAID("umask"), "0027");
    EXPECT_STR(SAID("umask", .umask = 0077), "0077");
    EXPECT_STR(SAID("umask", .umask = EDDY_NO_UMASK), "0000");
    EXPECT_EQ(umask(before), 027);
    return 0;
}

TEST_ASYNC_REAL(there_must_be_such_a_user_and_such_groups)
{
    eddy_process *p;

    EXPECT_EQ(eddy_create_subprocess_shell("true", &p, .user = "no-such-user"), -EINVAL);
    EXPECT_IN("user 'no-such-user'", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_create_subprocess_shell("true", &p, .group = "no-such-group"), -EINVAL);
    EXPECT_IN("group 'no-such-group'", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_create_subprocess_shell(
                  "true", &p, .extra_groups = (const char *const[]){"root", "neither-this", NULL}),
              -EINVAL);
    EXPECT_EQ(eddy_create_subprocess_shell("true", &p, .user = "4294967295"), -EINVAL);
    EXPECT_EQ(eddy_create_subprocess_shell("true", &p, .umask = 01000), -EINVAL);
    return 0;
}

static int as_nobody(void *unused)
{
    eddy_process *p;

    EXPECT_EQ(eddy_create_subprocess_shell("true", &p, .user = "0"), -EPERM);
    EXPECT_IN("cannot be run as user '0'", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_create_subprocess_shell("true", &p, .group = "0"), -EPERM);
    EXPECT_IN("cannot be run as group '0'", eddy_exception_message(eddy_error()));
    EXPECT_EQ(
        eddy_create_subprocess_shell("true", &p, .extra_groups = (const char *const[]){"0", NULL}),
        -EPERM);
    EXPECT_IN("extra groups", eddy_exception_message(eddy_error()));
    return 0;
}

TEST_REAL(without_privileges_it_is_refused)
{
    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        SKIP("this user cannot be another");
    EXPECT_EQ(test_run_real(eddy_coro(as_nobody, NULL)), 0);
}
