/* The example of the test kit does what it says. */
#include "harness/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[600];

/* BUILD/bin/bank-test, seen from BUILD/tests/testkit/. False if the examples were not built. */
static bool find_example(void)
{
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 100);
    char *end;

    REQUIRE(n > 0);
    path[n] = '\0';
    for (int i = 0; i < 3; i++)
        if ((end = strrchr(path, '/')) != NULL)
            *end = '\0';
    strcat(path, "/bin/bank-test");
    return access(path, X_OK) == 0;
}

static void run_example(void *unused)
{
    execl(path, path, (char *)NULL);
    perror(path);
}

TEST_VIRTUAL(the_tests_of_the_example_pass)
{
    char output[4000];
    int status;

    if (!find_example())
        SKIP("the examples were not built");
    status = test_in_child(run_example, NULL, output, sizeof output);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_IN("ok no_money_is_lost_wherever_a_transfer_is_cancelled\n", output);
    EXPECT(!strstr(output, "not ok"));
}
