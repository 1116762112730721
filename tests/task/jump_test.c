/*
 * A frame that steps over the guard of its stack. This file is compiled without
 * -fstack-clash-protection, which would touch the guard on the way.
 */
#include "harness/test.h"

#include "fiber/fiber.h"
#include "fiber/stack.h"
#include "task/task.h"

#include <alloca.h>
#include <signal.h>
#include <sys/wait.h>

enum { TASKS = 8, GUARD = 64 * 1024, DEEP = 128 * 1024 };

static eddy_task *tasks[TASKS];

/* Returns the task with the highest stack: below it are the others. */
static eddy_task *highest(void)
{
    eddy_task *t = tasks[0];

    for (int i = 1; i < TASKS; i++)
        if (tasks[i]->stack->limit > t->stack->limit)
            t = tasks[i];
    return t;
}

/* Suspends in the middle of the stack below, and touches nothing between. */
__attribute__((noinline)) static int suspend_below(const eddy_task *t)
{
    char *target = t->stack->limit - GUARD - DEEP;
    char *frame = alloca((size_t)((char *)__builtin_frame_address(0) - target));

    *(volatile char *)frame = 'x';
    return eddy_sleep(0);
}

static eddy_async(jump)
{
    eddy_task *t = eddy_current_task();
    int rc;

    eddy_try(eddy_sleep(0));
    rc = t == highest() ? suspend_below(t) : 0;
    return rc < 0 ? rc : eddy_sleep(0);
}

static eddy_async(make_tasks)
{
    for (int i = 0; i < TASKS; i++)
        tasks[i] = eddy_create_task(jump(), .name = "jumps");
    for (int i = 0; i < TASKS; i++)
        eddy_try(eddy_await(tasks[i]));
    return 0;
}

static void run(void *unused)
{
    eddy_run(make_tasks());
}

TEST_REAL(a_frame_that_steps_over_the_guard_is_found_when_its_task_suspends)
{
#if defined(EDDYI_FIBER_ASAN) || defined(EDDYI_FIBER_TSAN)
    SKIP("the sanitizer touches the guard");
#else
    char output[3000];
    int status = test_in_child(run, NULL, output, sizeof output);

    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_IN("stack overflow in task 'jumps' (coroutine 'jump'), created at " __FILE__ ":",
              output);
    EXPECT_IN("262144 bytes", output);
#endif
}
