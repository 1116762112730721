/*
 * The deadlock report: who waits for whom, round and round, also by way of locks, gathers and
 * groups.
 */
#include "harness/test.h"

#include <stdio.h>
#include <string.h>

/* Ignores the reports of the tasks that a deadlocked run leaves. */
static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

static const char *report_of(eddy_coroutine *coro)
{
    static char text[3000];
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    eddy_loop_set_exception_handler(loop, ignore, NULL);
    if (eddy_loop_run_until_complete(loop, coro) == -EDEADLK)
        snprintf(text, sizeof text, "%s", eddy_exception_message(eddy_error()));
    eddy_loop_unref(loop);
    return text;
}

static eddy_task *left, *right;

static eddy_async(await_other, (eddy_task **, other))
{
    return eddy_await(eddy_ref(*other));
}

static eddy_async(tasks_that_await_each_other)
{
    left = eddy_create_task(await_other(&right), .name = "left");
    right = eddy_create_task(await_other(&left), .name = "right");
    return eddy_sleep(1) == 0 ? eddy_await(left) : -ECANCELED;
}

TEST_VIRTUAL(tasks_that_await_each_other_are_told_as_a_cycle)
{
    const char *text = test_tortured() ? NULL : report_of(tasks_that_await_each_other());

    if (!text)
        SKIP("references to the tasks are left");
    EXPECT_IN("task 'left' (" __FILE__ ":", text);
    EXPECT_IN(") waits for task 'right' (" __FILE__ ":", text);
    EXPECT_IN("), which waits for task 'left'", text);
    EXPECT_IN("; task 'Task-1' waits for task 'left'", text);
    eddy_unref(right);
}

static eddy_lock locks[2];

static eddy_async(take_both, (eddy_lock *, first), (eddy_lock *, second))
{
    eddy_try(eddy_lock_acquire(first));
    eddy_try(eddy_sleep(1));
    eddy_try(eddy_lock_acquire(second));
    return 0;
}

static eddy_async(lock_crosswise)
{
    eddy_try(eddy_spawn(take_both(&locks[0], &locks[1]), .name = "one"));
    eddy_try(eddy_spawn(take_both(&locks[1], &locks[0]), .name = "two"));
    return eddy_sleep(2) == 0 ? eddy_await(eddy_create_future()) : -ECANCELED;
}

TEST_VIRTUAL(locks_that_are_taken_crosswise_are_a_cycle_as_well)
{
    const char *text = report_of(lock_crosswise());

    if (test_tortured())
        return;
    EXPECT_IN("task 'one' (" __FILE__ ":", text);
    EXPECT_IN(") waits for a lock of task 'two' (" __FILE__ ":", text);
    EXPECT_IN("), which waits for a lock of task 'one'", text);
    EXPECT_IN("task 'Task-1' waits for a Future", text);
}

static eddy_async(wait_for_lock)
{
    return eddy_lock_acquire(&locks[0]);
}

static eddy_async(gather_two)
{
    return eddy_await(eddy_gather(wait_for_lock(), wait_for_lock()));
}

static eddy_async(gather_in_group)
{
    eddy_group tg;

    eddy_try(eddy_lock_acquire(&locks[0]));
    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, gather_two(), .name = "gatherer");
    return eddy_group_exit(&tg, 0);
}

TEST_VIRTUAL(members_of_groups_and_gathers_are_named)
{
    const char *text = report_of(gather_in_group());

    if (test_tortured())
        return;
    /* Task-1 holds the lock, and waits for those who want it. */
    EXPECT_IN("task 'Task-1' waits for task 'gatherer' (" __FILE__ ":", text);
    EXPECT_IN("), which waits for task 'Task-", text);
    EXPECT_IN(", which waits for a lock of task 'Task-1'", text);
}

static eddy_async(gather_of_forgotten)
{
    return eddy_await(eddy_gather(eddy_create_future(), gather_two()));
}

TEST_VIRTUAL(without_a_cycle_each_wait_is_told)
{
    const char *text;

    (void)!eddy_lock_acquire(&locks[0]); /* held by none of the tasks that wait */
    text = report_of(gather_of_forgotten());
    if (test_tortured())
        return;
    EXPECT_IN("task 'Task-1' waits for a gather: task 'Task-2'", text);
    EXPECT_IN("task 'Task-2' waits for a gather: task 'Task-3', task 'Task-4'", text);
    EXPECT_IN("task 'Task-3' waits for a lock", text);
}
