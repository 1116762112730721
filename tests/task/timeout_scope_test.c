/* Timeout scopes: rescheduling, misuse, and leaving them by other ways than their exit. */
#include "harness/test.h"

#include "harness/trace.h"
#include "loop/loop.h"

#include <math.h>

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

TEST_ASYNC(a_deadline_can_be_moved_either_way)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 20), 0);
    EXPECT_EQ(eddy_timeout_when(&tm), 20.0);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 12), 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    EXPECT_EQ(now(), 12.0);
    return 0;
}

TEST_ASYNC(a_deadline_can_be_lifted_and_set_again)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, EDDY_FOREVER), 0);
    EXPECT_EQ(eddy_sleep(10), 0);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 1), 0);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -ETIMEDOUT);
    EXPECT_EQ(now(), 10.0);
    return 0;
}

TEST_ASYNC(a_deadline_cannot_be_moved_once_it_has_struck_or_the_scope_was_left)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, NAN), -EINVAL);
    EXPECT_EQ(eddy_sleep(100), -ECANCELED);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 50), EDDY_EMISUSE);
    EXPECT_EQ(eddy_timeout_exit(&tm, -ECANCELED), -ETIMEDOUT);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 50), EDDY_EMISUSE);
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), EDDY_EMISUSE);
    return 0;
}

TEST_VIRTUAL(outside_of_a_task_there_is_no_scope)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    EXPECT_EQ(eddy_timeout_reschedule(&tm, 50), EDDY_EMISUSE);
    EXPECT(!eddy_timeout_expired(&tm));
    EXPECT_EQ(eddy_timeout_exit(&tm, 0), EDDY_ENOTASK);
    EXPECT_EQ(eddy_timeout_exit(&tm, -EIO), -EIO);
}

TEST_ASYNC(a_limit_that_is_not_a_number_is_refused_at_the_first_suspension)
{
    eddy_timeout tm, at;

    eddy_timeout_enter(&tm, NAN);
    EXPECT_EQ(eddy_timeout_exit(&tm, eddy_sleep(100)), -EINVAL);
    EXPECT(!eddy_timeout_expired(&tm));
    eddy_timeout_enter_at(&at, NAN);
    EXPECT_EQ(eddy_timeout_exit(&at, eddy_sleep(100)), -EINVAL);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(now(), 0.0);
    return 0;
}

TEST_ASYNC(without_memory_for_its_timer_a_scope_ends_at_the_first_suspension)
{
    eddy_timeout tm;
    int rc;

    eddyi_fault_only("realloc", ENOMEM);
    eddy_timeout_enter(&tm, 5);
    rc = eddy_sleep(0);
    eddyi_fault_clear();
    EXPECT_EQ(rc, -ECANCELED);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ENOMEM);
    EXPECT(!eddy_timeout_expired(&tm));
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    return 0;
}

static int leave_by_return(double delay, double sleep, int rc)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, delay);
    eddy_try(eddy_sleep(sleep));
    return rc;
}

TEST_ASYNC(a_scope_left_by_return_is_disarmed)
{
    EXPECT_EQ(leave_by_return(5, 1, 9), 9);
    EXPECT_EQ(eddy_get_running_loop()->schedule.timers.n, 0);
    EXPECT_EQ(leave_by_return(5, 1, eddy_raise(EDDY_EUSER, "kept")), EDDY_EUSER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "kept");
    EXPECT_EQ(eddy_sleep(100), 0);
    return 0;
}

TEST_ASYNC(a_scope_left_by_eddy_try_after_its_deadline_withdraws_the_cancellation)
{
    EXPECT_EQ(leave_by_return(5, 100, 0), -ECANCELED);
    EXPECT_EQ(eddy_task_cancelling(eddy_current_task()), 0);
    EXPECT_EQ(eddy_sleep(100), 0);
    EXPECT_EQ(now(), 105.0);
    return 0;
}

TEST_ASYNC(a_scope_left_in_the_turn_of_its_deadline_does_not_strike_afterwards)
{
    {
        eddy_timeout tm;

        eddy_timeout_enter(&tm, -1);
    }
    EXPECT_EQ(eddy_sleep(0), 0);
    return 0;
}

static eddy_async(return_pointer)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, 5);
    eddy_try(eddy_sleep(1));
    return eddy_return("through");
}

TEST_ASYNC(the_pointer_of_a_block_comes_through)
{
    void *value = NULL;

    EXPECT_EQ(eddy_await_value(return_pointer(), &value), 0);
    EXPECT_STR(value, "through");
    return 0;
}

TEST_ASYNC(a_scope_costs_no_memory_of_its_own)
{
    unsigned long made;

    EXPECT_EQ(eddy_sleep(1), 0);
    made = eddyi_ledger_made();
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(leave_by_return(5, 1, i), i);
    EXPECT_EQ(eddyi_ledger_made(), made);
    return 0;
}

static ssize_t twelve_gigabytes(void)
{
    return (ssize_t)12 << 30;
}

TEST_ASYNC(a_call_within_a_time_keeps_its_type_and_its_errors)
{
    EXPECT(eddy_within(1, twelve_gigabytes()) == (ssize_t)12 << 30);
    EXPECT_EQ(eddy_within(1, -EIO), -EIO);
    EXPECT_EQ(eddy_within(0.5, eddy_sleep(2)), -ETIMEDOUT);
    EXPECT_EQ(now(), 0.5);
    return 0;
}

static int leave_early(void)
{
    return eddy_within(1, eddy_try(eddy_raise(-EIO, NULL)));
}

static eddy_async(read_within_a_time)
{
    eddy_reader *r;
    const char *line;

    eddy_try(eddy_reader_new(0, &r));
    EXPECT_EQ(eddy_reader_feed_data(r, "one\n", 4), 0);
    EXPECT_EQ(eddy_within(5, eddy_reader_readline(r, &line)), 4);
    EXPECT_EQ(eddy_within(0.001, eddy_reader_readline(r, &line)), -ETIMEDOUT);
    eddy_reader_free(r);
    EXPECT_EQ(eddy_sleep(0.01), 0);
    return 0;
}

static void run_in_debug_mode(void *unused)
{
    EXPECT_EQ(eddy_run(read_within_a_time(), .debug = true), 0);
    printf("done");
}

TEST(a_call_within_a_time_is_no_misuse_in_debug_mode)
{
    char output[500];

    EXPECT_EQ(test_in_child(run_in_debug_mode, NULL, output, sizeof output), 0);
    EXPECT_STR(output, "done");
}

TEST_ASYNC(a_call_within_a_time_that_is_left_early_leaves_no_deadline)
{
    EXPECT_EQ(leave_early(), -EIO);
    EXPECT_EQ(eddy_sleep(10), 0);
    return 0;
}
