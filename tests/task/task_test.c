/* Tasks: rules 41 to 53. */
#include "harness/test.h"

#include "harness/trace.h"

#include <stdlib.h>
#include <sys/wait.h>

static eddy_async(steps, (const char *, name), (int, n))
{
    for (int i = 1; i <= n; i++) {
        trace("%s%d", name, i);
        eddy_try(eddy_sleep(0));
    }
    return n;
}

TEST_ASYNC_REAL(creating_a_task_runs_nothing_and_its_first_step_takes_its_turn, .ordered = true)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_task *t;

    eddy_loop_call_soon(loop, trace_callback, "before");
    t = eddy_create_task(steps("t", 1));
    eddy_loop_call_soon(loop, trace_callback, "after");
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "before t1 after");
    EXPECT_EQ(eddy_await(t), 1);
    return 0;
}

TEST_ASYNC_REAL(tasks_take_turns, .ordered = true)
{
    eddy_task *a = eddy_create_task(steps("a", 3)), *b = eddy_create_task(steps("b", 2));

    EXPECT_EQ(eddy_await(a), 3);
    EXPECT_EQ(eddy_await(b), 2);
    EXPECT_STR(traced(), "a1 b1 a2 b2 a3");
    return 0;
}

static eddy_async(at_once)
{
    trace("task");
    return 5;
}

TEST_ASYNC(the_end_of_a_task_is_published_through_the_queue, .ordered = true)
{
    eddy_task *t = eddy_create_task(at_once());

    REQUIRE(t != NULL);
    eddy_task_add_done_callback(t, trace_done, "callback");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(eddy_task_done(t));
    EXPECT_STR(traced(), "task");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "task callback");
    EXPECT_EQ(eddy_task_result(t), 5);
    eddy_unref(t);
    return 0;
}

TEST_ASYNC(only_the_coroutine_ends_a_task)
{
    eddy_task *t = eddy_create_task(at_once());

    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_future_set_result(eddy_task_future(t), 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_future_set_value(eddy_task_future(t), "x"), EDDY_EMISUSE);
    EXPECT_EQ(eddy_future_set_exception(eddy_task_future(t), -EIO, NULL), EDDY_EMISUSE);
    EXPECT_IN("Task", eddy_exception_message(eddy_error()));
    return eddy_await(t) == 5 ? 0 : -EIO;
}

static eddy_async(look_at_current, (eddy_task **, ret))
{
    *ret = eddy_current_task();
    eddy_try(eddy_sleep(0));
    EXPECT(eddy_current_task() == *ret);
    return 0;
}

static void no_current(void *unused)
{
    EXPECT(eddy_current_task() == NULL);
    trace("callback");
}

TEST_ASYNC_REAL(the_current_task_is_the_one_whose_step_runs, .ordered = true)
{
    eddy_task *me = eddy_current_task(), *seen = NULL, *mine = NULL;
    eddy_task *t = eddy_create_task(look_at_current(&seen));

    EXPECT(me != NULL && me != t);
    eddy_loop_call_soon(eddy_get_running_loop(), no_current, NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(seen == t);
    EXPECT(eddy_current_task() == me);
    EXPECT_STR(traced(), "callback");
    EXPECT(eddy_await(look_at_current(&mine)) >= 0);
    EXPECT(mine == me);
    return eddy_await(t);
}

TEST_VIRTUAL(outside_of_a_loop_there_is_no_current_task)
{
    EXPECT(eddy_current_task() == NULL);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 0);
}

TEST_ASYNC(tasks_are_named_by_number_unless_told_otherwise)
{
    eddy_task *first = eddy_create_task(at_once()), *second = eddy_create_task(at_once());
    eddy_task *named = eddy_create_task(at_once(), .name = "alarm");
    int a = 0, b = 0;

    REQUIRE(first != NULL && second != NULL && named != NULL);
    EXPECT_EQ(sscanf(eddy_task_get_name(second), "Task-%d", &b), 1);
    EXPECT_EQ(sscanf(eddy_task_get_name(first), "Task-%d", &a), 1);
    EXPECT_EQ(b, a + 1);
    EXPECT_STR(eddy_task_get_name(named), "alarm");
    EXPECT_EQ(eddy_task_set_name(named, "clock"), 0);
    EXPECT_STR(eddy_task_get_name(named), "clock");
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_task_set_name(named, "lost"), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_STR(eddy_task_get_name(named), "clock");
    eddy_unref(first);
    eddy_unref(second);
    EXPECT(eddy_await(eddy_ref(named)) >= 0);
    EXPECT_STR(eddy_task_get_name(named), "clock");
    eddy_unref(named);
    return 0;
}

TEST_ASYNC(all_tasks_are_those_that_have_not_ended_in_order_of_creation, .ordered = true)
{
    eddy_task *me = eddy_current_task(), *all[8] = {NULL};
    eddy_task *a = eddy_create_task(steps("a", 1)), *b = eddy_create_task(at_once());

    REQUIRE(a != NULL && b != NULL);
    EXPECT_EQ(eddy_all_tasks(NULL, all, 8), 3);
    EXPECT(all[0] == me && all[1] == a && all[2] == b);
    EXPECT_EQ(eddy_all_tasks(eddy_get_running_loop(), all, 1), 3);
    EXPECT_EQ(eddy_all_tasks(NULL, NULL, 0), 3);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_all_tasks(NULL, all, 8), 2);
    EXPECT(all[1] == a);
    eddy_unref(b);
    return eddy_await(a) == 1 ? 0 : -EIO;
}

static eddy_async(check_coro)
{
    EXPECT_STR(eddy_coroutine_name(eddy_task_get_coro(eddy_current_task())), "check_coro");
    trace("inner");
    return 0;
}

static eddy_async(await_check_coro)
{
    const eddy_coroutine *mine = eddy_task_get_coro(eddy_current_task());

    EXPECT_STR(eddy_coroutine_name(mine), "await_check_coro");
    eddy_try(eddy_await(eddy_create_task(check_coro())));
    EXPECT(eddy_task_get_coro(eddy_current_task()) == mine);
    return 0;
}

TEST_ASYNC(a_task_knows_the_coroutine_it_was_made_for_until_it_ends)
{
    eddy_task *t = eddy_create_task(await_check_coro());

    REQUIRE(t != NULL);
    EXPECT_STR(eddy_coroutine_name(eddy_task_get_coro(t)), "await_check_coro");
    EXPECT(eddy_await(eddy_ref(t)) >= 0);
    EXPECT_STR(traced(), "inner");
    EXPECT(eddy_task_get_coro(t) == NULL);
    eddy_unref(t);
    return 0;
}

static eddy_async(fail_late)
{
    eddy_try(eddy_sleep(1));
    return eddy_raise(EDDY_EUSER, "late");
}

TEST_ASYNC(the_loop_keeps_a_task_without_a_reference_and_reports_its_failure)
{
    reports_collect(NULL);
    EXPECT_EQ(eddy_spawn(steps("s", 2)), 0);
    EXPECT_EQ(eddy_spawn(fail_late(), .name = "lost"), 0);
    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_STR(traced(), "s1 s2");
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "Task exception was never retrieved");
    EXPECT_STR(reports.task, "lost");
    EXPECT_IN("tests/task/task_test.c:", reports.where);
    EXPECT_EQ(reports.code, EDDY_EUSER);
    return 0;
}

TEST_ASYNC(a_failure_that_was_awaited_is_not_reported)
{
    eddy_task *t = eddy_create_task(fail_late());

    reports_collect(NULL);
    EXPECT_EQ(eddy_await(t), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "late");
    EXPECT_EQ(reports.n, 0);
    return 0;
}

__attribute__((noinline)) static int use_stack(int n)
{
    volatile char frame[1024];

    frame[0] = (char)n;
    return n == 0 ? 0 : use_stack(n - 1) + frame[0] - (char)n;
}

static eddy_async(use_much_stack, (int, kib))
{
    return use_stack(kib);
}

TEST_ASYNC(a_task_may_ask_for_a_larger_stack)
{
    EXPECT_EQ(eddy_await(eddy_create_task(use_much_stack(3000), .stack_size = 16 << 20)), 0);
    EXPECT(eddy_create_task(use_much_stack(1), .stack_size = SIZE_MAX / 4) == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -EINVAL);
    return 0;
}

TEST_VIRTUAL(a_loop_may_give_all_its_tasks_larger_stacks)
{
    eddy_loop *loop = eddy_loop_new(
        &(eddy_loop_options){.backend = EDDY_BACKEND_VIRTUAL, .stack_size = 16 << 20});

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, use_much_stack(3000)), 0);
    eddy_loop_unref(loop);
}

static eddy_async(overflow)
{
    return use_stack(100000);
}

static eddy_async(create_overflowing)
{
    return eddy_await(eddy_create_task(overflow(), .name = "deep", .stack_size = 64 << 10));
}

/* Written to at its far end only. */
__attribute__((noinline)) static void touch_far_end(size_t size)
{
    volatile char *p = __builtin_alloca(size);

    *p = 1;
}

/* Not touched at all before the task suspends in it. */
__attribute__((noinline)) static int suspend_far_below(size_t size)
{
    volatile char *p = __builtin_alloca(size);

    __asm__ volatile("" : : "r"(p) : "memory");
    return eddy_sleep(0);
}

static int print_long_double(void)
{
    char text[6000];

    return snprintf(text, sizeof text, "%.500Lf", 1.1897314953572e+4900L);
}

/* The last is of glibc's snprintf(); musl's needs less than that stack. */
enum frame { FAR_END, SUSPENDED, OF_THE_LIBRARY };
#ifdef __GLIBC__
enum { LAST_FRAME = OF_THE_LIBRARY };
#else
enum { LAST_FRAME = SUSPENDED };
#endif

static eddy_async(overflow_at_once, (enum frame, frame))
{
    switch (frame) {
    case FAR_END:
        touch_far_end((256 + 60) * 1024);
        return 0;
    case SUSPENDED:
        return suspend_far_below((256 + 100) * 1024);
    default:
        return print_long_double();
    }
}

static eddy_async(create_neighbours_and_overflow, (enum frame, frame))
{
    size_t size = frame == OF_THE_LIBRARY ? 32 << 10 : 0;

    for (int i = 0; i < 4; i++)
        eddy_unref(eddy_create_task(eddy_sleep_coro(1, 0, NULL), .stack_size = size));
    return eddy_await(
        eddy_create_task(overflow_at_once(frame), .name = "hasty", .stack_size = size));
}

static void run_overflow_at_once(void *frame)
{
    eddy_run(create_neighbours_and_overflow(*(enum frame *)frame));
}

TEST_REAL(an_overflow_by_a_large_frame_is_noticed_at_the_latest_when_the_task_suspends)
{
    char output[3000];

    for (enum frame frame = FAR_END; frame <= (enum frame)LAST_FRAME; frame++) {
        int status = test_in_child(run_overflow_at_once, &frame, output, sizeof output);

#if !defined(__SANITIZE_ADDRESS__)
        EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        EXPECT_IN("stack overflow in task 'hasty' (coroutine 'overflow_at_once')", output);
#else
        EXPECT(status != 0 || frame != FAR_END);
#endif
    }
}

static void run_overflowing(void *unused)
{
    eddy_run(create_overflowing());
}

TEST_REAL(an_overflow_names_the_task_its_place_and_its_stack_and_aborts)
{
    char output[3000];
    int status = test_in_child(run_overflowing, NULL, output, sizeof output);

#if !defined(__SANITIZE_ADDRESS__)
    EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    EXPECT_IN("stack overflow in task 'deep' (coroutine 'overflow'), created at " __FILE__ ":",
              output);
    EXPECT_IN("65536 bytes", output);
#else
    EXPECT(status != 0);
#endif
}
