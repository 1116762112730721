/* eddy_run and runners: rules 191 to 195. */
#include "harness/test.h"

#include "harness/trace.h"

#include <sys/wait.h>

static eddy_contextvar user = EDDY_CONTEXTVAR("user", "default");

static eddy_async(work, (const char *, name), (int, status))
{
    trace("%s", name);
    eddy_try(eddy_sleep(0));
    eddy_return("pointer");
    return status < 0 ? eddy_raise(status, "%s failed", name) : status;
}

TEST_REAL(a_run_gives_the_status_the_pointer_and_the_error)
{
    void *value = NULL;

    EXPECT_EQ(eddy_run(work("a", 5), .ret_value = &value), 5);
    EXPECT_STR(value, "pointer");
    EXPECT_EQ(eddy_run(work("b", EDDY_EUSER)), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "b failed");
    EXPECT_EQ(eddy_run((eddy_coroutine *)NULL), -ENOMEM);
    EXPECT(eddy_get_running_loop() == NULL);
}

static eddy_async(clean_up, (const char *, name), (int, status))
{
    int rc = eddy_sleep(1000);

    trace("%s-%s", name, rc == -ECANCELED ? "cancelled" : "woke");
    eddy_sleep(1);
    trace("%s-cleaned", name);
    return status < 0 ? eddy_raise(status, "%s failed", name) : rc;
}

static eddy_async(leave_tasks)
{
    reports_collect(NULL);
    eddy_try(eddy_spawn(clean_up("a", 0)));
    eddy_try(eddy_spawn(clean_up("b", EDDY_EUSER), .name = "bad"));
    eddy_try(eddy_sleep(1));
    return eddy_raise(-EPIPE, "the run's own");
}

TEST_VIRTUAL(after_the_run_all_tasks_left_are_cancelled_once_waited_for_and_their_failures_reported,
             .ordered = true)
{
    EXPECT_EQ(test_run(leave_tasks()), -EPIPE);
    EXPECT_STR(traced(), "a-cancelled b-cancelled a-cleaned b-cleaned");
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "unhandled exception during eddy_run() shutdown");
    EXPECT_STR(reports.task, "bad");
    EXPECT_EQ(reports.code, EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "the run's own");
}

static eddy_async(bear_another)
{
    eddy_sleep(1000);
    eddy_try(eddy_spawn(clean_up("born", 0)));
    eddy_sleep(1);
    trace("parent");
    return 0;
}

static eddy_async(take_an_hour_to_clean_up)
{
    eddy_sleep(1000);
    for (int i = 0; i < 60; i++)
        eddy_sleep(60);
    trace("%d", (int)eddy_loop_time(eddy_get_running_loop()));
    return 0;
}

static eddy_async(leave_slow_task)
{
    eddy_try(eddy_spawn(take_an_hour_to_clean_up()));
    return eddy_sleep(1);
}

TEST_VIRTUAL(the_end_of_a_run_waits_as_long_as_a_task_cleans_up)
{
    EXPECT_EQ(test_run(leave_slow_task()), 0);
    EXPECT_STR(traced(), "3601");
}

static eddy_async(leave_bearer)
{
    reports_collect(NULL);
    eddy_try(eddy_spawn(bear_another()));
    return eddy_sleep(1);
}

TEST_VIRTUAL(a_task_born_during_the_clean_up_ends_with_the_loop_and_is_reported)
{
    EXPECT_EQ(test_run(leave_bearer()), 0);
    EXPECT_STR(traced(), "parent born-cancelled born-cleaned");
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "Task was destroyed but it is pending!");
}

static eddy_async(check_debug)
{
    return eddy_loop_get_debug(eddy_get_running_loop());
}

TEST_REAL(a_run_may_be_in_debug_mode)
{
    EXPECT_EQ(eddy_run(check_debug()), 0);
    EXPECT_EQ(eddy_run(check_debug(), .debug = true), 1);
}

static eddy_async(remember, (const char *, name))
{
    trace("%s", (const char *)eddy_contextvar_get(&user));
    return eddy_contextvar_set(&user, (void *)name, NULL);
}

TEST_REAL(a_runner_keeps_its_loop_and_context_for_all_its_runs)
{
    eddy_runner r;
    eddy_loop *loop;

    eddy_runner_init(&r, NULL);
    loop = eddy_runner_get_loop(&r);
    EXPECT_EQ(eddy_runner_run(&r, remember("one")), 0);
    EXPECT_EQ(eddy_runner_run(&r, remember("two")), 0);
    EXPECT(eddy_runner_get_loop(&r) == loop);
    eddy_runner_close(&r);
    EXPECT_STR(traced(), "default one");
    EXPECT_STR(eddy_contextvar_get(&user), "default");
}

TEST_REAL(a_run_may_have_a_context_of_its_own)
{
    eddy_context *ctx = eddy_copy_context();
    eddy_runner r;

    eddy_runner_init(&r, NULL);
    EXPECT_EQ(eddy_runner_run(&r, remember("one"), .context = ctx), 0);
    EXPECT_EQ(eddy_runner_run(&r, remember("two")), 0);
    EXPECT_EQ(eddy_runner_run(&r, remember("three"), .context = ctx), 0);
    eddy_runner_close(&r);
    eddy_context_unref(ctx);
    EXPECT_STR(traced(), "default default one");
}

static eddy_async(spawn_sleeper)
{
    return eddy_spawn(clean_up("left", 0));
}

__attribute__((noinline)) static int use_stack(int kib)
{
    volatile char frame[1024];

    frame[0] = (char)kib;
    return kib == 0 ? 0 : use_stack(kib - 1) + frame[0] - (char)kib;
}

static eddy_async(use_much_stack)
{
    return use_stack(3000);
}

TEST_REAL(the_coroutine_of_a_run_may_have_a_larger_stack)
{
    EXPECT_EQ(eddy_run(use_much_stack(), .stack_size = 16 << 20), 0);
    EXPECT_EQ(eddy_run(use_much_stack(), .stack_size = SIZE_MAX / 4), -EINVAL);
}

TEST_VIRTUAL(tasks_go_on_from_one_run_to_the_next_until_the_runner_is_closed)
{
    eddy_run_options options = {.loop_factory = test_virtual_loop};
    eddy_runner r;

    eddy_runner_init(&r, &options);
    EXPECT_EQ(eddy_runner_run(&r, spawn_sleeper()), 0);
    EXPECT_EQ(eddy_runner_run(&r, work("a", 3)), 3);
    EXPECT_STR(traced(), "a");
    eddy_runner_close(&r);
    EXPECT_STR(traced(), "a left-cancelled left-cleaned");
}

TEST_REAL(a_closed_runner_runs_nothing_and_may_be_closed_again)
{
    eddy_runner r, unused;

    eddy_runner_init(&r, NULL);
    EXPECT_EQ(eddy_runner_run(&r, work("a", 0)), 0);
    eddy_runner_close(&r);
    eddy_runner_close(&r);
    EXPECT_EQ(eddy_runner_run(&r, work("never", 0)), EDDY_ECLOSED);
    EXPECT(eddy_runner_get_loop(&r) == NULL);

    eddy_runner_init(&unused, NULL);
    eddy_runner_close(&unused);
    EXPECT_EQ(eddy_runner_run(&unused, work("never", 0)), EDDY_ECLOSED);
    EXPECT_STR(traced(), "a");
}

static eddy_async(use_runner, (eddy_runner *, mine), (eddy_runner *, other))
{
    EXPECT_EQ(eddy_runner_run(mine, work("never", 0)), EDDY_ERUNNING);
    EXPECT_EQ(eddy_runner_run(other, work("never", 0)), EDDY_ERUNNING);
    eddy_runner_close(mine);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ERUNNING);
    return eddy_sleep(0);
}

TEST_REAL(a_runner_is_neither_run_nor_closed_from_within_a_running_loop)
{
    eddy_runner r, other;

    eddy_runner_init(&r, NULL);
    eddy_runner_init(&other, NULL);
    EXPECT_EQ(eddy_runner_run(&r, use_runner(&r, &other)), 0);
    EXPECT_EQ(eddy_runner_run(&r, work("again", 2)), 2);
    eddy_runner_close(&r);
    eddy_runner_close(&other);
    EXPECT_STR(traced(), "again");
}

static eddy_async(stop_loop)
{
    eddy_loop_stop(eddy_get_running_loop());
    return eddy_sleep(1000);
}

TEST_VIRTUAL(a_run_whose_loop_is_stopped_says_so_and_cleans_up)
{
    EXPECT_EQ(test_run(stop_loop()), EDDY_ESTOPPED);
}

static eddy_async(fail_with, (const char *, message))
{
    return eddy_raise(EDDY_EUSER, "%s", message);
}

static void run_programs(void *unused)
{
    printf("%d ", eddy_main(work("it", 7), .loop_factory = test_virtual_loop));
    fflush(stdout);
    printf("%d", eddy_main(fail_with("no disk"), .loop_factory = test_virtual_loop));
}

TEST_VIRTUAL(main_runs_prints_the_failure_and_gives_the_exit_code)
{
    char output[1000];

    EXPECT_EQ(test_in_child(run_programs, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "0 error: no disk (Error of the program)\n1");
}

static void print_exit_codes(void *unused)
{
    printf("%d ", eddy_exit_code(7));
    printf("%d ", eddy_exit_code(-EINTR));
    printf("%d ", eddy_exit_code(EDDY_ETERMINATED));
    eddy_raise(EDDY_EUSER, "disk %d", 3);
    fflush(stdout);
    printf("%d ", eddy_exit_code(EDDY_EUSER));
    fflush(stdout);
    printf("%d ", eddy_exit_code(-EPIPE));
}

TEST_VIRTUAL(the_exit_code_says_whether_all_went_well_and_why_not)
{
    char output[1000];

    EXPECT_EQ(test_in_child(print_exit_codes, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "0 130 0 error: disk 3 (Error of the program)\n1 error: Broken pipe\n1 ");
}
