/* Callbacks and turns: rules 1 to 8 and 15. */
#include "harness/test.h"

#include "harness/trace.h"

#include <unistd.h>

static eddy_loop *loop_here(void)
{
    return eddy_get_running_loop();
}

TEST_ASYNC_REAL(callbacks_run_in_the_order_of_the_calls, .ordered = true)
{
    static char words[20][12];

    for (int i = 0; i < 20; i++) {
        snprintf(words[i], sizeof words[i], "%d", i);
        eddy_loop_call_soon(loop_here(), trace_callback, words[i]);
    }
    EXPECT_STR(traced(), "");

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
    return 0;
}

static void again(void *word)
{
    trace("%s", (const char *)word);
    eddy_loop_call_soon(loop_here(), trace_callback, "later");
}

TEST_ASYNC_REAL(what_a_callback_schedules_waits_for_the_next_turn, .ordered = true)
{
    eddy_loop_call_soon(loop_here(), again, "first");
    eddy_loop_call_soon(loop_here(), again, "second");

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "first second");
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "first second later later");
    return 0;
}

static int times;

static void for_ever(void *unused)
{
    if (++times < 1000000 && eddy_loop_call_soon(loop_here(), for_ever, NULL).slot)
        return;
    if (times < 1000000000)
        FAIL("nothing else had its turn");
    eddy_loop_stop(loop_here());
}

static void stop(void *loop)
{
    times = 1000000000;
    eddy_loop_stop(loop);
}

TEST_REAL(a_callback_that_reschedules_itself_starves_neither_timers_nor_descriptors)
{
    eddy_loop *loop = test_real_loop();
    int fds[2];

    REQUIRE(loop != NULL && pipe(fds) == 0 && write(fds[1], "x", 1) == 1);
    eddy_loop_call_soon(loop, for_ever, NULL);
    eddy_loop_call_later(loop, 0, trace_callback, "timer");
    if (eddy_loop_add_reader(loop, fds[0], stop, loop) < 0)
        eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "timer");

    eddy_loop_remove_reader(loop, fds[0]);
    eddy_loop_unref(loop);
    close(fds[0]);
    close(fds[1]);
}

static void chain(void *left)
{
    if (--*(int *)left <= 0 || !eddy_loop_call_soon(loop_here(), chain, left).slot)
        eddy_loop_stop(loop_here());
}

TEST_REAL(a_chain_of_any_length_runs_on_constant_stack_and_memory)
{
    eddy_loop *loop = test_real_loop();
    unsigned long made;
    int left = 10;

    REQUIRE(loop != NULL);
    if (!eddy_loop_call_soon(loop, chain, &left).slot)
        eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    made = eddyi_ledger_made();
    left = 200000;
    if (!eddy_loop_call_soon(loop, chain, &left).slot)
        eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);

    EXPECT(left <= 0 || test_tortured());
    EXPECT(eddyi_ledger_made() - made < 10);
    eddy_loop_unref(loop);
}

static void schedule_both(void *unused)
{
    eddy_loop_call_later(loop_here(), 0, trace_callback, "timer");
    eddy_loop_call_soon(loop_here(), trace_callback, "soon");
}

TEST_ASYNC(matured_timers_come_after_what_was_ready_before, .ordered = true)
{
    eddy_loop_call_soon(loop_here(), schedule_both, NULL);
    eddy_loop_call_later(loop_here(), 0, trace_callback, "earlier-timer");
    EXPECT_EQ(eddy_sleep(0), 0);
    trace("step");
    EXPECT_EQ(eddy_sleep(0), 0);
    trace("step");
    EXPECT_EQ(eddy_sleep(0), 0);

    EXPECT_STR(traced(), "step earlier-timer soon step timer");
    return 0;
}

TEST_ASYNC(a_timer_without_delay_runs_after_the_task_that_slept_for_a_turn, .ordered = true)
{
    eddy_loop_call_later(loop_here(), 0, trace_callback, "timer");
    EXPECT_EQ(eddy_sleep(0), 0);
    trace("task");
    EXPECT_EQ(eddy_sleep(0), 0);

    EXPECT_STR(traced(), "task timer");
    return 0;
}

static void trace_and_stop(void *loop)
{
    trace("reader");
    eddy_loop_stop(loop);
}

TEST_REAL(within_a_turn_come_ready_callbacks_then_descriptors_then_timers, .ordered = true)
{
    eddy_loop *loop = test_real_loop();
    int fds[2];

    REQUIRE(loop != NULL && pipe(fds) == 0 && write(fds[1], "x", 1) == 1);
    eddy_loop_call_later(loop, 0, trace_callback, "timer");
    if (eddy_loop_add_reader(loop, fds[0], trace_and_stop, loop) < 0)
        eddy_loop_stop(loop);
    eddy_loop_call_soon(loop, trace_callback, "ready");
    if (test_tortured()) /* the descriptor may be lost */
        eddy_loop_stop(loop);
    EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    EXPECT_STR(traced(), "ready reader timer");

    eddy_loop_remove_reader(loop, fds[0]);
    eddy_loop_unref(loop);
    close(fds[0]);
    close(fds[1]);
}

static void cancel(void *handle)
{
    eddy_handle_cancel(*(eddy_handle *)handle);
}

TEST_ASYNC_REAL(a_cancelled_callback_is_passed_over, .ordered = true)
{
    eddy_handle h, later;

    eddy_loop_call_soon(loop_here(), trace_callback, "a");
    eddy_loop_call_soon(loop_here(), cancel, &later);
    h = eddy_loop_call_soon(loop_here(), trace_callback, "never");
    later = eddy_loop_call_soon(loop_here(), trace_callback, "nor this");
    eddy_loop_call_soon(loop_here(), trace_callback, "b");
    eddy_handle_cancel(h);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "a b");
    return 0;
}

TEST_REAL(callbacks_need_no_running_loop_but_a_loop)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    eddy_loop_call_soon(loop, trace_callback, "kept");
    eddy_loop_stop(loop);
    eddy_loop_run_forever(loop);
    EXPECT_STR(traced(), "kept");
    eddy_loop_unref(loop);

    EXPECT(eddy_loop_call_soon(NULL, trace_callback, "never").slot == NULL);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOLOOP);
}

TEST_ASYNC_REAL(scheduling_without_memory_fails_with_a_code)
{
    unsigned long hits;

    eddy_loop_call_soon(loop_here(), trace_callback, "x");
    eddyi_fault_only("malloc", ENOMEM);
    for (int i = 0; i < 100 && eddyi_fault_hits() == 0; i++)
        eddy_loop_call_soon(loop_here(), trace_callback, "x");
    EXPECT(eddy_loop_call_soon(loop_here(), trace_callback, "never").slot == NULL);
    EXPECT(eddy_loop_call_later(loop_here(), 1, trace_callback, "never").slot == NULL);
    hits = eddyi_fault_hits();
    eddyi_fault_clear();
    EXPECT(hits >= 3);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ENOMEM);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_IN("x x", traced());
    return 0;
}
