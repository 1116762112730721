/* EDDY_STACKS=1 reports at exit how deep the stacks of tasks went, by place of creation. */
#include "harness/test.h"

#include "harness/trace.h"

#include <stdlib.h>
#include <string.h>

static char output[4000];

__attribute__((noinline)) static void go_deep(size_t bytes)
{
    volatile char *p = __builtin_alloca(bytes);

    for (size_t i = 0; i < bytes; i += 512)
        p[i] = 1;
}

static eddy_async(uses, (size_t, bytes))
{
    go_deep(bytes);
    return eddy_sleep(1);
}

static eddy_async(use_stacks)
{
    eddy_try(eddy_await(eddy_create_task(uses(100 * 1024))));
    eddy_try(eddy_await(eddy_create_task(uses(1024), .name = "shallow")));
    for (int i = 0; i < 3; i++)
        eddy_try(eddy_await(eddy_create_task(uses(40 * 1024))));
    for (int i = 0; i < 4; i++)
        eddy_try(eddy_await(eddy_create_task(uses(i == 1 ? 300 * 1024 : 1024),
                                             .stack_size = i == 1 ? 512 * 1024 : 128 * 1024)));
    return 0;
}

static void run(void *wanted)
{
    setenv("EDDY_STACKS", wanted ? "1" : "0", 1);
    exit(test_run(use_stacks()) < 0);
}

static const char *run_in_child(bool wanted)
{
    if (test_tortured())
        SKIP("the child is a process of its own, which exits");
    EXPECT_EQ(test_in_child(run, wanted ? output : NULL, output, sizeof output), 0);
    return output;
}

/* Returns the KiB in the report's line for @tasks, and stores those of the whole stack in
 * *ret_size; -1: there is no such line. */
static int depth_of(const char *report, const char *tasks, int *ret_size)
{
    for (const char *line = report; line && *line; line = strchr(line, '\n') + 1) {
        const char *end = strchr(line, '\n'), *found = strstr(line, tasks);
        int kib;

        if (found && found < end && strstr(line, "'uses'") < end &&
            sscanf(line, "eddy: stack use: %d KiB of %d", &kib, ret_size) == 2)
            return kib;
        if (!end)
            break;
    }
    return -1;
}

TEST_VIRTUAL(stack_use_is_reported_at_exit_by_place_of_creation)
{
    const char *report = run_in_child(true);
    int deep = depth_of(report, ", 1 task\n", &(int){0}), size = 0;
    int middle = depth_of(report, "3 tasks", &size);

    EXPECT(deep >= 100 && deep < 160);
    EXPECT_IN("coroutine 'uses', task made at " __FILE__ ":", report);
    EXPECT(middle >= 40 && middle < 100);
    EXPECT_EQ(size, 256);
}

TEST_VIRTUAL(the_reported_size_is_that_of_the_stack_that_went_deepest)
{
    int size = 0, deep = depth_of(run_in_child(true), "4 tasks", &size);

    EXPECT(deep >= 300 && deep < size);
    EXPECT_EQ(size, 512);
}

TEST_VIRTUAL(what_an_earlier_task_left_on_a_stack_does_not_count)
{
    const char *report = run_in_child(true), *last = strstr(report, ", 1 task\n");
    int n = 0, shallow = 0;

    for (const char *line = report; line && *line; line = strchr(line, '\n') + 1)
        n += sscanf(line, "eddy: stack use: %d KiB", &shallow) == 1;
    EXPECT(last != NULL);
    EXPECT(n >= 3);
    EXPECT(shallow < 40); /* the last line is the shallowest */
}

TEST_VIRTUAL(nothing_is_said_of_stacks_unless_asked)
{
    EXPECT_STR(run_in_child(false), "");
}
