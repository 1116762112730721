/* Scopes that are entered twice, left out of order, by others, or not at all: an error, for
 * timeouts and groups alike. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <stdlib.h>

#undef eddy_timeout_enter
#undef eddy_group_enter

static const char *latest(void)
{
    return eddy_exception_message(eddy_error());
}

static eddy_timeout *enter(eddy_timeout *tm, double delay, const char *where)
{
    return eddyi_timeout_enter(tm, delay, where);
}

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

static eddy_async(napper, (double, delay))
{
    return eddy_sleep(delay);
}

TEST_ASYNC(a_timeout_entered_again_ends_its_block_at_once_and_says_where)
{
    eddy_timeout tm;

    enter(&tm, 10, "a.c:1");
    enter(&tm, 20, "a.c:2");
    EXPECT_IN("was entered again, at a.c:2", latest());
    (void)eddy_raise(EDDY_EUSER, "another error meanwhile");
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), EDDY_EMISUSE);
    EXPECT_STR(latest(),
               "the timeout entered at a.c:1 was entered again, at a.c:2, without being left");
    EXPECT_EQ(now(), 0.0);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(100), 0);
    return 0;
}

TEST_ASYNC(a_timeout_entered_again_is_an_error_even_if_its_block_does_not_suspend)
{
    eddy_timeout tm;

    enter(&tm, 10, NULL);
    enter(&tm, 20, NULL);
    EXPECT_EQ(eddy_timeout_exit(&tm, 3), EDDY_EMISUSE);
    EXPECT_EQ(eddy_timeout_exit(&tm, 3), EDDY_EMISUSE);
    EXPECT_IN("left already", latest());
    EXPECT_EQ(eddy_sleep(100), 0);
    return 0;
}

TEST_ASYNC(another_error_of_a_block_entered_twice_goes_through)
{
    eddy_timeout tm;

    enter(&tm, 10, NULL);
    enter(&tm, EDDY_FOREVER, NULL);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_raise(-EIO, "mine")), -EIO);
    EXPECT_STR(latest(), "mine");
    return 0;
}

TEST_ASYNC(a_timeout_entered_again_after_its_deadline_is_cancelled_once)
{
    eddy_timeout tm;

    enter(&tm, 1, NULL);
    EXPECT_EQ(eddy_sleep(100), -ECANCELED);
    enter(&tm, 1, NULL);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 1);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), EDDY_EMISUSE);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}

TEST_ASYNC(a_timeout_that_was_left_can_be_entered_again)
{
    eddy_timeout tm;

    for (int i = 0; i < 3; i++) {
        enter(&tm, 1, NULL);
        EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    }
    EXPECT_EQ(now(), 3.0);
    return 0;
}

/* A macro's guard, as return and eddy_try run it. */
static int retry(void)
{
    eddy_timeout tm;

    for (int i = 0; i < 2; i++) {
        EDDY_CLEANUP(eddy_timeout_abandon) eddy_timeout *const guard = enter(&tm, 10, NULL);

        EXPECT(guard == &tm);
        eddy_try(eddy_sleep(1));
    }
    EDDY_CLEANUP(eddy_timeout_abandon) eddy_timeout *const outer = enter(&tm, 10, NULL);
    EDDY_CLEANUP(eddy_timeout_abandon) eddy_timeout *const inner = enter(&tm, 10, NULL);
    EXPECT(inner == outer);
    return eddy_sleep(1);
}

TEST_ASYNC(a_timeout_entered_twice_and_left_by_return_is_disarmed)
{
    EXPECT_EQ(retry(), -ECANCELED);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(100), 0);
    return 0;
}

TEST_ASYNC(a_group_entered_again_cancels_block_and_children_and_says_where)
{
    eddy_group tg;
    eddy_task *child;

    eddyi_group_enter(&tg, "a.c:1");
    REQUIRE(eddy_group_create_task(&tg, napper(10), .ret_task = &child) == 0);
    eddyi_group_enter(&tg, "a.c:2");
    EXPECT(eddy_group_create_task(&tg, napper(10)) < 0);
    EXPECT_EQ(eddy_group_exit(&tg, eddy_sleep(100)), EDDY_EMISUSE);
    EXPECT_STR(latest(),
               "the task group entered at a.c:1 was entered again, at a.c:2, without being left");
    EXPECT(eddy_task_cancelled(child));
    EXPECT_EQ(now(), 0.0);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_unref(child);
    return 0;
}

TEST_ASYNC(an_empty_group_entered_again_is_an_error_even_if_its_block_does_not_suspend)
{
    eddy_group tg;

    eddyi_group_enter(&tg, NULL);
    eddyi_group_enter(&tg, NULL);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EMISUSE);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(1), 0);
    return 0;
}

static eddy_async(fails_at_once)
{
    return eddy_raise(-EIO, "disk");
}

TEST_ASYNC(a_failure_in_a_group_entered_twice_is_not_lost)
{
    eddy_group tg;

    eddyi_group_enter(&tg, NULL);
    REQUIRE(eddy_group_create_task(&tg, fails_at_once(), .eager_start = true) == 0);
    eddyi_group_enter(&tg, NULL);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_count(eddy_error()), 2);
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(eddy_error(), 0)), -EIO);
    EXPECT_EQ(eddy_exception_code(eddy_exception_member(eddy_error(), 1)), EDDY_EMISUSE);
    return 0;
}

static eddy_async(enter_and_leave_foreign, (eddy_timeout *, tm), (eddy_group *, tg))
{
    EDDY_CLEANUP(eddy_timeout_abandon) eddy_timeout *const timeout = enter(tm, 1, NULL);
    EDDY_CLEANUP(eddy_group_abandon) eddy_group *const group = eddyi_group_enter(tg, NULL);

    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_EQ(eddy_group_exit(group, 0), EDDY_EMISUSE);
    EXPECT_IN("only be left by the task that entered it", latest());
    EXPECT_EQ(eddy_timeout_exit(timeout, 0), EDDY_EMISUSE);
    EXPECT_IN("only be left by the task that entered it", latest());
    return 0;
}

static int share_with_other_task(eddy_timeout *tm, eddy_group *tg)
{
    eddy_task *t = eddy_create_task(enter_and_leave_foreign(tm, tg));
    int rc;

    if (!t)
        return -ENOMEM;
    enter(tm, 5, NULL);
    eddyi_group_enter(tg, NULL);
    EXPECT(eddy_group_create_task(tg, napper(3)) == 0);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(now(), 2.0);
    EXPECT_EQ(eddy_group_exit(tg, 0), 0);
    EXPECT_EQ(now(), 3.0);
    rc = eddy_timeout_exit(tm, eddy_sleep(100));
    EXPECT_EQ(now(), 5.0);
    return rc;
}

TEST_ASYNC(scopes_on_a_stack_that_another_task_enters_and_leaves_go_on)
{
    eddy_timeout tm;
    eddy_group tg;

    EXPECT_EQ(share_with_other_task(&tm, &tg), -ETIMEDOUT);
    return 0;
}

TEST_ASYNC(scopes_in_static_storage_that_another_task_enters_and_leaves_go_on)
{
    static eddy_timeout tm;
    static eddy_group tg;

    EXPECT_EQ(share_with_other_task(&tm, &tg), -ETIMEDOUT);
    return 0;
}

static void enter_and_leave_outside(void *arg)
{
    eddy_timeout *tm = arg;

    enter(tm, 1, NULL);
    EXPECT_EQ(eddy_timeout_exit(tm, 0), EDDY_EMISUSE);
    eddy_timeout_abandon(&tm);
    trace("outside");
}

TEST_ASYNC(a_timeout_that_a_callback_enters_again_goes_on)
{
    eddy_timeout tm;

    enter(&tm, 5, NULL);
    EXPECT(eddy_loop_call_later(eddy_get_running_loop(), 2, enter_and_leave_outside, &tm).slot !=
           NULL);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    EXPECT_EQ(now(), 5.0);
    EXPECT_STR(traced(), "outside");
    return 0;
}

enum { MANY = 2000 };

static eddy_async(enter_one, (eddy_timeout *, tm), (int, i))
{
    enter(tm, 10 + i, NULL);
    EXPECT_EQ(eddy_sleep(5), 0);
    enter(tm, 10, NULL);
    return eddy_timeout_exit(tm, eddy_sleep(1));
}

TEST_ASYNC(each_of_many_timeouts_in_one_array_is_known)
{
    eddy_timeout *all = malloc(MANY * sizeof *all);
    eddy_task *tasks[MANY];

    REQUIRE(all != NULL);
    for (int i = 0; i < MANY; i++)
        tasks[i] = eddy_create_task(enter_one(&all[i], i));
    for (int i = 0; i < MANY; i++)
        EXPECT_EQ(eddy_await(tasks[i]), EDDY_EMISUSE);
    free(all);
    return 0;
}

TEST_ASYNC(an_outer_scope_cannot_be_left_before_the_inner)
{
    eddy_timeout tm;
    eddy_group tg;

    enter(&tm, 10, "a.c:1");
    eddyi_group_enter(&tg, "a.c:2");
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), EDDY_EMISUSE);
    EXPECT_STR(latest(), "the timeout entered at a.c:1 cannot be left before the task group "
                         "entered within it, at a.c:2");
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    return 0;
}

TEST_ASYNC(an_outer_group_cannot_be_left_before_the_inner_timeout_and_does_not_wait)
{
    eddy_timeout tm;
    eddy_group tg;

    eddyi_group_enter(&tg, NULL);
    REQUIRE(eddy_group_create_task(&tg, napper(3)) == 0);
    enter(&tm, 1, NULL);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EMISUSE);
    EXPECT_EQ(now(), 0.0);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), 0);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    EXPECT_EQ(now(), 3.0);
    return 0;
}

TEST_ASYNC(a_copy_of_a_scope_is_none)
{
    eddy_timeout tm, copy;

    enter(&tm, 10, NULL);
    copy = tm;
    EXPECT_EQ(eddy_timeout_exit(&copy, 0), EDDY_EMISUSE);
    EXPECT_IN("copy", latest());
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), 0);
    return 0;
}

eddy_gen(yield_within, (double, delay))
{
    eddy_timeout tm;
    EDDY_CLEANUP(eddy_timeout_abandon) eddy_timeout *const guard = enter(&tm, delay, NULL);

    eddy_try(eddy_yield("value", NULL));
    return eddy_timeout_exit(guard, 0);
}

TEST_ASYNC(what_a_generator_has_entered_is_no_part_of_the_order_outside)
{
    eddy_generator *g = yield_within(10);
    eddy_timeout tm;

    enter(&tm, 5, NULL);
    EXPECT_EQ(eddy_next(g, NULL), 1);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), 0);
    enter(&tm, 5, NULL);
    EXPECT_EQ(eddy_next(g, NULL), 0);
    EXPECT_EQ(eddy_generator_result(g), 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), 0);
    eddy_generator_free(g);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    return 0;
}

static eddy_async(begin, (eddy_generator *, g))
{
    return eddy_next(g, NULL);
}

TEST_ASYNC(a_timeout_in_a_generator_does_not_strike_a_task_that_has_ended)
{
    eddy_generator *g = yield_within(10);

    EXPECT_EQ(eddy_await(eddy_create_task(begin(g))), 1);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    EXPECT_EQ(eddy_sleep(100), 0);
    eddy_generator_free(g);
    return 0;
}

static eddy_async(begin_and_wait, (eddy_generator *, g))
{
    eddy_try(eddy_next(g, NULL));
    return eddy_sleep(50);
}

TEST_ASYNC(a_timeout_in_a_generator_that_another_task_closes_is_disarmed)
{
    eddy_generator *g = yield_within(10);
    eddy_task *t = eddy_create_task(begin_and_wait(g));

    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_generator_free(g);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(now(), 50.0);
    return 0;
}

eddy_async_gen(yield_within_group)
{
    eddy_group tg;
    EDDY_CLEANUP(eddy_group_abandon) eddy_group *const guard = eddyi_group_enter(&tg, NULL);

    EXPECT(eddy_group_create_task(guard, napper(30)) == 0);
    eddy_try(eddy_yield("value", NULL));
    return eddy_group_exit(guard, 0);
}

static eddy_async(begin_async, (eddy_async_generator *, g), (double, rest))
{
    eddy_try(eddy_anext(g, NULL));
    return eddy_sleep(rest);
}

TEST_ASYNC(a_group_in_a_generator_that_another_task_closes_cancels_its_children)
{
    eddy_async_generator *g = yield_within_group();
    eddy_task *t = eddy_create_task(begin_async(g, 50));

    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 3);
    eddy_async_generator_free(g);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 2);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(now(), 50.0);
    return 0;
}

TEST_ASYNC(a_group_in_a_generator_cancels_its_children_when_its_task_ends)
{
    eddy_async_generator *g = yield_within_group();

    EXPECT_EQ(eddy_await(eddy_create_task(begin_async(g, 0))), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    eddy_async_generator_free(g);
    return 0;
}

static void close_outside(void *g)
{
    eddy_async_generator_free((eddy_async_generator *)g);
    trace("closed");
}

TEST_ASYNC(a_group_in_a_generator_that_is_closed_outside_of_tasks_lets_go_of_its_children)
{
    eddy_async_generator *g = yield_within_group();
    eddy_task *t = eddy_create_task(begin_async(g, 50));

    REQUIRE(eddy_loop_call_later(eddy_get_running_loop(), 1, close_outside, g).slot != NULL);
    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_STR(traced(), "closed");
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 2);
    EXPECT_EQ(eddy_await(t), 0);
    return 0;
}

static eddy_async(forget_to_leave, (eddy_timeout *, tm), (eddy_group *, tg))
{
    enter(tm, 5, NULL);
    eddyi_group_enter(tg, NULL);
    EXPECT(eddy_group_create_task(tg, napper(30)) == 0);
    return 0;
}

TEST_ASYNC(scopes_in_static_storage_end_with_their_task)
{
    static eddy_timeout tm;
    static eddy_group tg;

    EXPECT_EQ(eddy_await(eddy_create_task(forget_to_leave(&tm, &tg))), 0);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), EDDY_EMISUSE);
    EXPECT_EQ(eddy_group_exit(&tg, 0), EDDY_EMISUSE);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 1);
    return 0;
}

static eddy_async(leave_one_on_the_stack)
{
    eddy_timeout tm;

    enter(&tm, 5, NULL);
    return 0;
}

static void run_without_guard(void *arg)
{
    (void)arg;
    test_run(leave_one_on_the_stack());
}

TEST(a_task_that_ends_within_a_scope_on_its_stack_ends_the_process_with_a_message)
{
    char output[1000];
    int status = test_in_child(run_without_guard, NULL, output, sizeof output);

    if (test_tortured())
        return;
    EXPECT(status != 0);
    if (test_slowness() == 1) /* a sanitizer says it first */
        EXPECT_IN("ends within a timeout or task group that it has not left", output);
}
