/* Debug mode, and the exception handler. */
#include "harness/test.h"

#include "harness/trace.h"

#include <stdlib.h>
#include <time.h>

static void burn(double seconds)
{
    struct timespec ts;
    double end;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    end = (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9 + seconds;
    do
        clock_gettime(CLOCK_MONOTONIC, &ts);
    while ((double)ts.tv_sec + (double)ts.tv_nsec * 1e-9 < end);
}

static eddy_async(burning)
{
    burn(0.02);
    return 0;
}

static void burn_in_callback(void *unused)
{
    burn(0.02);
}

static eddy_async(run_slowly)
{
    eddy_loop *loop = eddy_get_running_loop();

    eddy_loop_set_slow_callback_duration(loop, 0.01);
    eddy_loop_call_soon(loop, burn_in_callback, NULL);
    return eddy_await(eddy_create_task(burning(), .name = "hot"));
}

static void run_in_debug_mode(void *unused)
{
    eddy_run(run_slowly(), .debug = true);
}

static void run_without(void *unused)
{
    eddy_run(run_slowly());
}

TEST_REAL(debug_mode_reports_steps_and_callbacks_that_take_long)
{
    char output[2000];

    EXPECT_EQ(test_in_child(run_in_debug_mode, NULL, output, sizeof output), 0);
    EXPECT_IN("executing a callback took 0.", output);
    EXPECT_IN("executing a step of task 'hot', made at " __FILE__ ":", output);

    EXPECT_EQ(test_in_child(run_without, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "");
}

TEST_REAL(what_is_below_the_limit_is_not_reported)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_get_slow_callback_duration(loop), 0.1);
    eddy_loop_set_slow_callback_duration(loop, 0.5);
    EXPECT_EQ(eddy_loop_get_slow_callback_duration(loop), 0.5);
    eddy_loop_unref(loop);
}

static eddy_async(run_quickly)
{
    eddy_loop_set_slow_callback_duration(eddy_get_running_loop(), 3600);
    return eddy_await(eddy_create_task(burning()));
}

static void run_quickly_in_debug_mode(void *unused)
{
    eddy_run(run_quickly(), .debug = true);
}

TEST_REAL(the_limit_of_the_slow_report_can_be_set)
{
    char output[2000];

    EXPECT_EQ(test_in_child(run_quickly_in_debug_mode, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "");
}

TEST_REAL(debug_mode_can_be_switched_by_call_option_and_environment)
{
    eddy_loop *loop = test_real_loop(), *asked = eddy_loop_new(&(eddy_loop_options){.debug = true}),
              *told, *untold;

    setenv("EDDY_DEBUG", "1", 1);
    told = test_real_loop();
    setenv("EDDY_DEBUG", "0", 1);
    untold = test_real_loop();
    REQUIRE(loop != NULL && asked != NULL && told != NULL && untold != NULL);
    EXPECT(!eddy_loop_get_debug(loop));
    EXPECT(eddy_loop_get_debug(asked));
    EXPECT(eddy_loop_get_debug(told));
    EXPECT(!eddy_loop_get_debug(untold));
    eddy_loop_set_debug(loop, true);
    EXPECT(eddy_loop_get_debug(loop));
    eddy_loop_unref(loop);
    eddy_loop_unref(asked);
    eddy_loop_unref(told);
    eddy_loop_unref(untold);
}

static eddy_async(child)
{
    return eddy_sleep(1);
}

static int leave_group(void)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, child());
    return 3;
}

static int leave_timeout(void)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 1);
    return 4;
}

static eddy_async(leave_scopes)
{
    leave_group();
    leave_timeout();
    return 0;
}

static void leave_in_debug_mode(void *unused)
{
    eddy_run(leave_scopes(), .debug = true);
}

TEST_REAL(debug_mode_says_which_scopes_were_left_without_their_exit)
{
    char output[2000];

    EXPECT_EQ(test_in_child(leave_in_debug_mode, NULL, output, sizeof output), 0);
    EXPECT_IN("the task group entered at " __FILE__ ":", output);
    EXPECT_IN("the timeout entered at " __FILE__ ":", output);
    EXPECT_IN("was left without eddy_timeout_exit()", output);
}

static eddy_async(order, (int, i))
{
    trace("%d", i);
    eddy_try(eddy_sleep(0));
    trace("%d", i);
    return 0;
}

TEST_ASYNC(debug_mode_changes_no_order, .ordered = true)
{
    eddy_task *t[3];

    eddy_loop_set_debug(eddy_get_running_loop(), true);
    for (int i = 0; i < 3; i++)
        t[i] = eddy_create_task(order(i), .eager_start = i == 2);
    for (int i = 0; i < 3; i++)
        EXPECT(eddy_await(t[i]) >= 0);
    EXPECT_STR(traced(), "2 0 1 2 0 1");
    return 0;
}

TEST_REAL(the_exception_handler_can_be_set_asked_for_and_called)
{
    eddy_loop *loop = test_real_loop();
    eddy_exception_context context = {.message = "something"};
    void *arg = &context;

    REQUIRE(loop != NULL);
    EXPECT(eddy_loop_get_exception_handler(loop, &arg) == NULL);
    EXPECT(arg == NULL);
    eddy_loop_set_exception_handler(loop, reports_add, &context);
    EXPECT(eddy_loop_get_exception_handler(loop, &arg) == reports_add);
    EXPECT(arg == &context);
    EXPECT(eddy_loop_get_exception_handler(loop, NULL) == reports_add);

    eddy_loop_call_exception_handler(loop, &context);
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "something");
    eddy_loop_unref(loop);
}

static eddy_async(failing)
{
    return eddy_raise(EDDY_EUSER, "broken");
}

static eddy_async(spawn_failing)
{
    eddy_try(eddy_spawn(failing(), .name = "bad"));
    return eddy_sleep(0);
}

static void report_to_stderr(void *unused)
{
    eddy_run(spawn_failing());
}

TEST_REAL(the_default_exception_handler_writes_one_line_with_all_it_knows)
{
    char output[2000];

    EXPECT_EQ(test_in_child(report_to_stderr, NULL, output, sizeof output), 0);
    EXPECT_IN("eddy: Task exception was never retrieved: task 'bad', made at " __FILE__ ":",
              output);
    EXPECT_IN(": broken (Error of the program)\n", output);
}
