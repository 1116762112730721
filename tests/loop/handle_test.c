/* Handles: plain values that are harmless once they are stale. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_loop *loop_here(void)
{
    return eddy_get_running_loop();
}

TEST_ASYNC(a_handle_is_cancelled_from_its_cancellation_until_its_turn, .ordered = true)
{
    eddy_handle h = eddy_loop_call_soon(loop_here(), trace_callback, "never");

    EXPECT(!eddy_handle_cancelled(h));
    eddy_handle_cancel(h);
    EXPECT(eddy_handle_cancelled(h));
    eddy_handle_cancel(h);
    EXPECT(eddy_handle_cancelled(h));

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!eddy_handle_cancelled(h));
    EXPECT_STR(traced(), "");
    return 0;
}

TEST_ASYNC(a_stale_handle_does_not_reach_the_next_user_of_its_slot, .ordered = true)
{
    eddy_handle stale = eddy_loop_call_soon(loop_here(), trace_callback, "first"), fresh;

    EXPECT_EQ(eddy_sleep(0), 0);
    fresh = eddy_loop_call_soon(loop_here(), trace_callback, "second");
    EXPECT(fresh.slot == stale.slot || test_tortured());
    eddy_handle_cancel(stale);
    EXPECT(!eddy_handle_cancelled(fresh));
    EXPECT_EQ(eddy_handle_when(stale), EDDY_FOREVER);

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "first second");
    return 0;
}

TEST_ASYNC(slots_are_used_again, .ordered = true)
{
    unsigned long made = 0;

    for (int round = 0; round < 100; round++) {
        if (round == 1)
            made = eddyi_ledger_made();
        for (int i = 0; i < 20; i++)
            eddy_handle_cancel(eddy_loop_call_soon(loop_here(), trace_callback, "never"));
        EXPECT_EQ(eddy_sleep(0), 0);
    }
    EXPECT_EQ(eddyi_ledger_made(), made);
    return 0;
}

TEST_ASYNC(the_handle_of_nothing_is_harmless)
{
    eddy_handle none = {0};

    eddy_handle_cancel(none);
    EXPECT(!eddy_handle_cancelled(none));
    EXPECT_EQ(eddy_handle_when(none), EDDY_FOREVER);
    return 0;
}

TEST_ASYNC(when_tells_the_deadline_until_it_has_come)
{
    eddy_loop *loop = loop_here();
    eddy_handle later = eddy_loop_call_later(loop, 2.5, trace_callback, "later");
    eddy_handle at = eddy_loop_call_at(loop, 1.25, trace_callback, "at");
    eddy_handle soon = eddy_loop_call_soon(loop, trace_callback, "soon");

    EXPECT_EQ(eddy_handle_when(later), 2.5);
    EXPECT_EQ(eddy_handle_when(at), 1.25);
    EXPECT_EQ(eddy_handle_when(soon), EDDY_FOREVER);

    EXPECT_EQ(eddy_sleep(2), 0);
    EXPECT_EQ(eddy_handle_when(at), EDDY_FOREVER);
    EXPECT_EQ(eddy_handle_when(later), 2.5);
    eddy_handle_cancel(later);
    EXPECT_EQ(eddy_handle_when(later), EDDY_FOREVER);
    return 0;
}

static eddy_handle own;

static void cancel_itself(void *unused)
{
    EXPECT(!eddy_handle_cancelled(own));
    eddy_handle_cancel(own);
    EXPECT(!eddy_handle_cancelled(own));
    trace("itself");
}

TEST_ASYNC(a_callback_may_cancel_itself_too_late, .ordered = true)
{
    own = eddy_loop_call_soon(loop_here(), cancel_itself, NULL);
    eddy_loop_call_soon(loop_here(), trace_callback, "next");

    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "itself next");
    return 0;
}

static void schedule_in_callback(void *handle)
{
    *(eddy_handle *)handle = eddy_loop_call_soon(loop_here(), trace_callback, "inner");
}

TEST_ASYNC(a_running_callback_keeps_its_slot_to_itself, .ordered = true)
{
    eddy_handle outer, inner = {0};

    outer = eddy_loop_call_soon(loop_here(), schedule_in_callback, &inner);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(inner.slot != outer.slot);
    eddy_handle_cancel(outer);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_STR(traced(), "inner");
    return 0;
}

TEST_REAL(handles_stay_harmless_until_the_loop_is_freed)
{
    eddy_loop *loop = test_real_loop();
    eddy_handle soon, later;

    REQUIRE(loop != NULL);
    soon = eddy_loop_call_soon(loop, trace_callback, "never");
    later = eddy_loop_call_later(loop, 1, trace_callback, "never");
    EXPECT_EQ(eddy_loop_close(loop), 0);

    eddy_handle_cancel(soon);
    eddy_handle_cancel(later);
    EXPECT(!eddy_handle_cancelled(soon));
    EXPECT_EQ(eddy_handle_when(later), EDDY_FOREVER);
    EXPECT_STR(traced(), "");
    eddy_loop_unref(loop);
}
