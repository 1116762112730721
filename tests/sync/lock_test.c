/* Lock: rules 119 to 122. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_lock lock;

/* Takes the lock, holds it for a while, and tells of it. */
static eddy_async(hold, (const char *, name), (double, seconds))
{
    int rc = eddy_lock_acquire(&lock);

    trace(rc == 0 ? "%s" : "%s:%d", name, rc);
    if (rc < 0)
        return rc;
    if (seconds >= 0)
        rc = eddy_sleep(seconds);
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    return rc;
}

/* One that takes the lock and keeps it. */
static eddy_async(keep, (const char *, name))
{
    eddy_try(eddy_lock_acquire(&lock));
    trace("%s", name);
    return 0;
}

static eddy_task *start(eddy_coroutine *coro)
{
    eddy_task *t = eddy_create_task(coro);

    REQUIRE(t != NULL);
    return t;
}

/* So often that whatever is ready has run. */
static int settle(void)
{
    for (int i = 0; i < 10; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

static void trace_turn(void *unused)
{
    trace("turn");
}

TEST_ASYNC(a_new_lock_is_free_and_acquire_takes_it_without_suspending)
{
    EXPECT(!eddy_lock_locked(&lock));
    eddy_loop_call_soon(eddy_get_running_loop(), trace_turn, NULL);

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_STR(traced(), "");
    EXPECT(eddy_lock_locked(&lock));
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    EXPECT(!eddy_lock_locked(&lock));
    return 0;
}

TEST_ASYNC(only_one_task_at_a_time_has_the_lock_and_waiters_get_it_in_the_order_in_which_they_came,
           .ordered = true)
{
    eddy_task *a = start(hold("a", 1)), *b = start(hold("b", 1)), *c = start(hold("c", 1));

    EXPECT_EQ(eddy_sleep(0.5), 0);
    EXPECT_STR(traced(), "a");
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_STR(traced(), "a b");
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(traced(), "a b c");
    EXPECT(!eddy_lock_locked(&lock));
    return 0;
}

TEST_ASYNC(release_wakes_one_waiter_and_does_not_hand_the_lock_over, .ordered = true)
{
    eddy_task *a, *b;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(keep("a"));
    b = start(keep("b"));
    EXPECT_EQ(settle(), 0);

    eddy_lock_release(&lock);
    EXPECT(!eddy_lock_locked(&lock));
    EXPECT_EQ(settle(), 0);
    EXPECT(eddy_lock_locked(&lock));
    EXPECT_STR(traced(), "a");

    eddy_lock_release(&lock);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a b");
    return 0;
}

TEST_ASYNC(a_newcomer_does_not_overtake_the_waiter_that_was_woken)
{
    eddy_task *a;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(hold("waiter", -1));
    EXPECT_EQ(settle(), 0);

    eddy_lock_release(&lock);
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    trace("newcomer");
    EXPECT_STR(traced(), "waiter newcomer");
    eddy_lock_release(&lock);
    return eddy_await(a);
}

TEST_ASYNC(a_newcomer_takes_a_free_lock_whose_waiters_are_all_cancelled)
{
    eddy_task *a, *b;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(hold("a", -1));
    b = start(hold("b", -1));
    EXPECT_EQ(settle(), 0);

    eddy_task_cancel(a, NULL);
    eddy_task_cancel(b, NULL);
    eddy_lock_release(&lock);
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_STR(traced(), "");
    eddy_lock_release(&lock);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), -ECANCELED);
    EXPECT(!eddy_lock_locked(&lock));
    return 0;
}

TEST_ASYNC(a_newcomer_waits_as_long_as_one_waiter_is_not_cancelled)
{
    eddy_task *a, *b;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(hold("a", -1));
    b = start(hold("b", -1));
    EXPECT_EQ(settle(), 0);

    eddy_task_cancel(a, NULL);
    eddy_lock_release(
        &lock); /* wakes no task: the first waiter is done, and passes the lock on when it runs */
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_STR(traced(), "a:-125 b");
    eddy_lock_release(&lock);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    return eddy_await(b);
}

TEST_ASYNC(a_waiter_that_is_woken_and_then_cancelled_wakes_the_next, .ordered = true)
{
    eddy_task *a, *b;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(hold("a", -1));
    b = start(hold("b", -1));
    EXPECT_EQ(settle(), 0);

    eddy_lock_release(&lock);
    EXPECT(eddy_task_cancel(a, NULL));
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a:-125 b");
    EXPECT(!eddy_lock_locked(&lock));
    return 0;
}

TEST_ASYNC(a_cancelled_waiter_leaves_the_order_of_the_others_alone, .ordered = true)
{
    eddy_task *a, *b, *c;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(hold("a", -1));
    b = start(hold("b", -1));
    c = start(hold("c", -1));
    EXPECT_EQ(settle(), 0);

    eddy_task_cancel(b, NULL);
    EXPECT_EQ(eddy_await(b), -ECANCELED);
    EXPECT(eddy_lock_locked(&lock));
    eddy_lock_release(&lock);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(traced(), "b:-125 a c");
    return 0;
}

TEST_ASYNC(cancelling_one_waiter_while_the_lock_is_held_wakes_no_other)
{
    eddy_task *a, *b;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(keep("a"));
    b = start(keep("b"));
    EXPECT_EQ(settle(), 0);

    eddy_task_cancel(a, NULL);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    eddy_lock_release(&lock);
    return eddy_await(b);
}

TEST_ASYNC(a_cancelled_acquire_carries_the_cancellers_message)
{
    eddy_task *a;

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    a = start(keep("a"));
    EXPECT_EQ(settle(), 0);

    eddy_task_cancel(a, "no longer wanted");
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "no longer wanted");
    return 0;
}

TEST_ASYNC(a_timeout_ends_the_wait_and_the_lock_is_not_taken)
{
    eddy_task *a = start(hold("a", 10));
    eddy_timeout tm;
    int rc;

    EXPECT_EQ(settle(), 0);
    eddy_timeout_enter(&tm, 1);
    rc = eddy_lock_acquire(&lock);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    EXPECT_EQ(eddy_loop_time(eddy_get_running_loop()), 1.0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT(!eddy_lock_locked(&lock));
    return 0;
}

TEST_ASYNC(releasing_a_lock_that_is_not_taken_is_misuse_and_changes_nothing)
{
    EXPECT_EQ(eddy_lock_release(&lock), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "Lock is not acquired.");
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    EXPECT_EQ(eddy_lock_release(&lock), EDDY_EMISUSE);
    return 0;
}

static eddy_async(release_of_another)
{
    return eddy_lock_release(&lock);
}

static void release_in_callback(void *unused)
{
    EXPECT_EQ(eddy_lock_release(&lock), 0);
}

TEST_ASYNC(any_task_or_callback_may_release)
{
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_EQ(eddy_await(start(release_of_another())), 0);
    EXPECT(!eddy_lock_locked(&lock));

    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    eddy_loop_call_soon(eddy_get_running_loop(), release_in_callback, NULL);
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    eddy_lock_release(&lock);
    return 0;
}

TEST_VIRTUAL(a_task_that_acquires_twice_waits_for_itself)
{
    eddy_coroutine *coro = keep("first");
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(coro && loop);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, coro), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, keep("second")), -EDEADLK);
    EXPECT_IN("a lock", eddy_exception_message(eddy_error()));
    EXPECT_STR(traced(), "first");
    eddy_loop_unref(loop);
}

TEST_VIRTUAL(outside_a_task_a_free_lock_can_be_taken_but_not_waited_for)
{
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_EQ(eddy_lock_acquire(&lock), EDDY_ENOTASK);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_ENOTASK);
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    EXPECT(!eddy_lock_locked(&lock));
}

/* Binds the lock to its loop: one holds it while another waits. */
static eddy_async(contend)
{
    eddy_task *a = start(hold("a", 1));
    int rc = eddy_await(hold("b", 1)), rc_of_a = eddy_await(a);

    return rc < 0 ? rc : rc_of_a;
}

static eddy_async(try_on_another_loop)
{
    eddy_try(eddy_lock_acquire(&lock)); /* nothing to wait for */
    EXPECT_EQ(eddy_lock_acquire(&lock), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_exception_code(eddy_error()), EDDY_EOTHERLOOP);
    return eddy_lock_release(&lock);
}

TEST_VIRTUAL(once_waited_for_the_lock_belongs_to_that_loop)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    REQUIRE(first && second);
    EXPECT_EQ(eddy_loop_run_until_complete(first, contend()), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, try_on_another_loop()), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(first, contend()), 0);
    eddy_loop_unref(first);
    eddy_loop_unref(second);
}

static eddy_async(work_and_fail, (int, rc))
{
    eddy_try(eddy_lock_acquire(&lock));
    eddy_lock_release_at_end(&lock);
    eddy_try(eddy_sleep(1));
    if (rc < 0)
        return eddy_raise(rc, "work failed");
    return 0;
}

TEST_ASYNC(release_at_end_releases_however_the_block_is_left, .ordered = true)
{
    eddy_task *cancelled;

    EXPECT_EQ(eddy_await(work_and_fail(0)), 0);
    EXPECT(!eddy_lock_locked(&lock));
    EXPECT_EQ(eddy_await(work_and_fail(-EIO)), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "work failed");
    EXPECT(!eddy_lock_locked(&lock));

    cancelled = start(work_and_fail(0));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(eddy_lock_locked(&lock));
    eddy_task_cancel(cancelled, NULL);
    EXPECT_EQ(eddy_await(cancelled), -ECANCELED);
    EXPECT(!eddy_lock_locked(&lock));
    return 0;
}

TEST_ASYNC(waiting_allocates_nothing)
{
    eddy_task *a = start(hold("a", 1));
    unsigned long before;
    int rc;

    EXPECT_EQ(settle(), 0);
    before = eddyi_ledger_made();
    rc = eddy_lock_acquire(&lock);
    EXPECT_EQ(eddyi_ledger_made(), before);
    EXPECT_EQ(rc, 0);
    eddy_lock_release(&lock);
    return eddy_await(a);
}

static eddy_async(leave_waiters)
{
    eddy_try(eddy_lock_acquire(&lock)); /* and keeps it */
    eddy_try(eddy_spawn(hold("a", -1)));
    eddy_try(eddy_spawn(hold("b", -1)));
    eddy_try(eddy_spawn(hold("c", -1)));
    return settle();
}

TEST_VIRTUAL(a_loop_that_closes_lets_go_of_its_waiters_and_the_lock_stays_as_it_is)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    EXPECT_STR(traced(), "");
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "a:-125 b:-125 c:-125");
    EXPECT_EQ(reports.n, 3);
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    EXPECT_EQ(eddy_lock_acquire(&lock), 0);
    EXPECT_EQ(eddy_lock_release(&lock), 0);
    eddy_loop_unref(loop);
}
