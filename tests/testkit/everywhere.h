/*
 * Scenarios for cancellation everywhere: how they are run, and what they are made of.
 */
#ifndef EDDY_TEST_EVERYWHERE_H
#define EDDY_TEST_EVERYWHERE_H

#include "eddy/test.h"
#include "harness/test.h"

#include <stdio.h>
#include <string.h>

/*
 * Runs a scenario with every cancellation, and in several orders. At least @suspensions must have
 * been found, lest it tests nothing.
 */
static inline void everywhere(const eddy_test_scenario *s, size_t suspensions)
{
    eddy_test_result result = {0};

    if (test_tortured())
        SKIP("one accident at a time: scenarios need not hold to anything if calls fail besides");
    EXPECT_EQ(eddy_test_cancel_everywhere(s, &result), 0);
    EXPECT(result.suspensions >= suspensions);
    EXPECT(result.trials > result.suspensions);
    if (!s->backends) {
        EXPECT_EQ(result.unreached, 0);
        EXPECT_EQ(eddy_test_shuffle(s, 1, 20, NULL), 0);
    }
    fprintf(stderr, "%s: %zu suspensions, %zu trials, %zu of them took another course\n", s->name,
            result.suspensions, result.trials, result.unreached);
}

/*
 * Waits until all these tasks, which it consumes, have ended, however. Fails if the task that waits
 * is cancelled.
 */
static inline int join(eddy_task **tasks, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        if (!tasks[i])
            rc = -ENOMEM;
    if (rc == 0)
        rc = eddy_wait(tasks, n, EDDY_FOREVER, EDDY_ALL_COMPLETED);
    for (size_t i = 0; i < n; i++)
        eddy_unref(tasks[i]);
    return rc < 0 ? rc : 0;
}

/* Runs a coroutine in a task of its own, and waits until that has ended, however. */
static inline int run_alone(eddy_coroutine *coro)
{
    eddy_task *task = eddy_create_task(coro);

    return join(&task, 1);
}

/* The end of a check: 0 if the condition holds. */
#define HOLDS(cond) ((cond) ? 0 : eddy_raise(EDDY_EUSER, "not true: %s", #cond))

#endif
