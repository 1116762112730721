/* Condition: rules 124 to 126. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_condition cond;

/* Waits to be notified, once. */
static eddy_async(wait_once, (const char *, name))
{
    int rc;

    eddy_try(eddy_condition_acquire(&cond));
    rc = eddy_condition_wait(&cond);
    trace(rc == 0 ? "%s" : "%s:%d", name, rc);
    EXPECT(eddy_condition_locked(&cond));
    eddy_condition_release(&cond);
    return rc;
}

static eddy_task *start(eddy_coroutine *coro)
{
    eddy_task *t = eddy_create_task(coro);

    REQUIRE(t != NULL);
    return t;
}

static int settle(void)
{
    for (int i = 0; i < 10; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

static int notify(size_t n)
{
    eddy_try(eddy_condition_acquire(&cond));
    EXPECT_EQ(eddy_condition_notify(&cond, n), 0);
    return eddy_condition_release(&cond);
}

static int notify_all(void)
{
    eddy_try(eddy_condition_acquire(&cond));
    EXPECT_EQ(eddy_condition_notify_all(&cond), 0);
    return eddy_condition_release(&cond);
}

TEST_ASYNC(a_new_condition_has_a_free_lock_of_its_own)
{
    EXPECT(!eddy_condition_locked(&cond));
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    EXPECT(eddy_condition_locked(&cond));
    EXPECT(eddy_lock_locked(eddy_condition_lock(&cond)));
    EXPECT_EQ(eddy_condition_release(&cond), 0);
    EXPECT_EQ(eddy_condition_release(&cond), EDDY_EMISUSE);
    return 0;
}

TEST_ASYNC(a_condition_may_share_the_lock_of_others)
{
    eddy_lock lock = {0};
    eddy_condition full = EDDY_CONDITION_INIT(&lock), empty = EDDY_CONDITION_INIT(&lock);

    EXPECT(eddy_condition_lock(&full) == &lock);
    EXPECT_EQ(eddy_condition_acquire(&full), 0);
    EXPECT(eddy_lock_locked(&lock));
    EXPECT(eddy_condition_locked(&empty));
    EXPECT_EQ(eddy_condition_notify(&empty, 1), 0);
    EXPECT_EQ(eddy_condition_release(&empty), 0);
    EXPECT(!eddy_condition_locked(&full));
    return 0;
}

TEST_ASYNC(waiting_lets_the_lock_go_and_has_it_again_afterwards)
{
    eddy_task *a = start(wait_once("a"));

    EXPECT_EQ(settle(), 0);
    EXPECT(!eddy_condition_locked(&cond));
    EXPECT_EQ(notify(1), 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_STR(traced(), "a");
    EXPECT(!eddy_condition_locked(&cond));
    return 0;
}

TEST_ASYNC(a_notified_waiter_goes_on_only_when_it_has_the_lock)
{
    eddy_task *a = start(wait_once("a"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    eddy_condition_notify(&cond, 1);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    eddy_condition_release(&cond);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_STR(traced(), "a");
    return 0;
}

TEST_ASYNC(notify_wakes_so_many_in_the_order_in_which_they_came, .ordered = true)
{
    eddy_task *a = start(wait_once("a")), *b = start(wait_once("b")), *c = start(wait_once("c"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(notify(0), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(notify(2), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a b");
    EXPECT_EQ(notify(7), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a b c");
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    return eddy_await(c);
}

TEST_ASYNC(notify_counts_only_those_that_are_not_woken_yet, .ordered = true)
{
    eddy_task *a = start(wait_once("a")), *b = start(wait_once("b")), *c = start(wait_once("c"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    eddy_condition_notify(&cond, 1);
    eddy_condition_notify(&cond, 1);
    eddy_condition_release(&cond);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a b");
    EXPECT_EQ(notify_all(), 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    return eddy_await(c);
}

TEST_ASYNC(notify_all_wakes_all_waiters, .ordered = true)
{
    eddy_task *a = start(wait_once("a")), *b = start(wait_once("b")), *c = start(wait_once("c"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(notify_all(), 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(traced(), "a b c");
    return 0;
}

TEST_ASYNC(a_notification_without_a_waiter_is_lost)
{
    eddy_task *a;

    EXPECT_EQ(notify(1), 0);
    a = start(wait_once("a"));
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(notify(1), 0);
    return eddy_await(a);
}

TEST_ASYNC(waiting_or_notifying_without_the_lock_is_misuse)
{
    EXPECT_EQ(eddy_condition_wait(&cond), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "cannot wait on un-acquired lock");
    EXPECT_EQ(eddy_condition_notify(&cond, 1), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "cannot notify on un-acquired lock");
    EXPECT_EQ(eddy_condition_notify_all(&cond), EDDY_EMISUSE);
    EXPECT(!eddy_condition_locked(&cond));
    return 0;
}

TEST_ASYNC(a_cancelled_wait_has_the_lock_again_before_it_returns)
{
    eddy_task *a = start(wait_once("a"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    eddy_task_cancel(a, "enough");
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    eddy_condition_release(&cond);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    EXPECT(!eddy_condition_locked(&cond));
    return 0;
}

TEST_ASYNC(cancellations_while_it_takes_the_lock_again_wait_and_the_latest_counts)
{
    eddy_task *a = start(wait_once("a"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    eddy_task_cancel(a, "first");
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, "second");
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, "third");
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    eddy_condition_release(&cond);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "third");
    return 0;
}

TEST_ASYNC(one_that_was_notified_and_is_cancelled_while_it_takes_the_lock_gives_the_cancellation)
{
    eddy_task *a = start(wait_once("a"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    eddy_condition_notify(&cond, 1);
    EXPECT_EQ(settle(), 0); /* it waits for the lock now */
    eddy_task_cancel(a, "too late");
    EXPECT_EQ(settle(), 0);
    eddy_condition_release(&cond);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "too late");
    EXPECT(!eddy_condition_locked(&cond));
    return 0;
}

TEST_ASYNC(a_notification_of_a_cancelled_waiter_goes_to_the_next, .ordered = true)
{
    eddy_task *a = start(wait_once("a")), *b = start(wait_once("b")), *c = start(wait_once("c"));

    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(notify(1), 0);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a:-125 b");
    EXPECT_EQ(notify(1), 0);
    return eddy_await(c);
}

/*
 * As in CPython, a cancelled waiter cannot tell whether it was notified, so its cancellation may
 * wake another waiter spuriously.
 */
TEST_ASYNC(a_cancelled_waiter_that_was_not_notified_may_wake_another_for_nothing)
{
    eddy_task *a = start(wait_once("a")), *b = start(wait_once("b"));

    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a:-125 b");
    return 0;
}

static int wanted, present;

static bool enough(void *arg)
{
    EXPECT(arg == &wanted);
    EXPECT(eddy_condition_locked(&cond));
    return present >= wanted;
}

static eddy_async(wait_until_enough)
{
    int rc;

    eddy_try(eddy_condition_acquire(&cond));
    rc = eddy_condition_wait_for(&cond, enough, &wanted);
    trace(rc == 0 ? "enough" : "%d", rc);
    eddy_condition_release(&cond);
    return rc;
}

TEST_ASYNC(wait_for_waits_until_its_predicate_is_true)
{
    eddy_task *a;

    wanted = 3;
    a = start(wait_until_enough());
    for (present = 0; present < wanted; present++) {
        EXPECT_EQ(notify_all(), 0);
        EXPECT_EQ(settle(), 0);
        EXPECT_STR(traced(), "");
    }
    EXPECT_EQ(notify_all(), 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_STR(traced(), "enough");
    return 0;
}

TEST_ASYNC(wait_for_does_not_suspend_if_its_predicate_is_true_already)
{
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    EXPECT_EQ(eddy_condition_wait_for(&cond, enough, &wanted), 0);
    return eddy_condition_release(&cond);
}

TEST_ASYNC(a_cancelled_wait_for_has_the_lock)
{
    eddy_task *a;

    wanted = 1;
    a = start(wait_until_enough());
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT(!eddy_condition_locked(&cond));
    return 0;
}

TEST_VIRTUAL(outside_a_task_one_cannot_wait_and_keeps_the_lock)
{
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    EXPECT_EQ(eddy_condition_wait(&cond), EDDY_ENOTASK);
    EXPECT(eddy_condition_locked(&cond));
    EXPECT_EQ(eddy_condition_release(&cond), 0);
}

static eddy_async(wait_a_second)
{
    eddy_timeout tm;
    int rc;

    eddy_try(eddy_condition_acquire(&cond));
    eddy_timeout_enter(&tm, 1);
    rc = eddy_condition_wait(&cond);
    rc = eddy_timeout_exit(&tm, rc);
    EXPECT(eddy_condition_locked(&cond));
    eddy_condition_release(&cond);
    return rc;
}

TEST_VIRTUAL(
    once_waited_for_the_condition_belongs_to_that_loop_and_elsewhere_the_lock_is_not_let_go)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    REQUIRE(first && second);
    EXPECT_EQ(eddy_loop_run_until_complete(first, wait_a_second()), -ETIMEDOUT);
    EXPECT_EQ(eddy_loop_run_until_complete(second, wait_a_second()), EDDY_EOTHERLOOP);
    EXPECT(!eddy_condition_locked(&cond));
    EXPECT_EQ(eddy_loop_run_until_complete(first, wait_a_second()), -ETIMEDOUT);
    eddy_loop_unref(first);
    eddy_loop_unref(second);
}

static eddy_lock shared;
static eddy_condition on_shared = EDDY_CONDITION_INIT(&shared);

static eddy_async(hold_shared)
{
    eddy_try(eddy_lock_acquire(&shared));
    eddy_try(eddy_sleep(1));
    return eddy_lock_release(&shared);
}

static eddy_async(contend)
{
    eddy_task *a = start(hold_shared());
    int rc = eddy_await(hold_shared()), rc_of_a = eddy_await(a);

    return rc < 0 ? rc : rc_of_a;
}

static eddy_async(notify_and_keep)
{
    eddy_try(eddy_lock_acquire(&shared));
    EXPECT_EQ(eddy_condition_notify(&on_shared, 1), 0);
    eddy_try(eddy_sleep(1));
    return eddy_lock_release(&shared);
}

/*
 * The lock is free when the wait begins, and taken when it ends: then the task has to wait for a
 * lock of another loop.
 */
static eddy_async(cannot_have_the_lock_again)
{
    eddy_task *other = start(notify_and_keep());

    EXPECT_EQ(eddy_lock_acquire(&shared), 0);
    EXPECT_EQ(eddy_condition_wait(&on_shared), EDDY_EOTHERLOOP);
    return eddy_await(other);
}

TEST_VIRTUAL(a_wait_that_cannot_have_its_lock_again_does_not_pretend_to)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    REQUIRE(first && second);
    EXPECT_EQ(eddy_loop_run_until_complete(first, contend()), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, cannot_have_the_lock_again()), 0);
    EXPECT(!eddy_lock_locked(&shared));
    eddy_loop_unref(first);
    eddy_loop_unref(second);
}

static eddy_async(notify_later)
{
    eddy_try(eddy_sleep(1));
    return notify(1);
}

TEST_ASYNC(waiting_allocates_nothing)
{
    eddy_task *later = start(notify_later());
    unsigned long before;
    int rc;

    EXPECT_EQ(eddy_sleep(0.5), 0);
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    before = eddyi_ledger_made();
    rc = eddy_condition_wait(&cond);
    EXPECT_EQ(eddyi_ledger_made(), before);
    EXPECT_EQ(rc, 0);
    eddy_condition_release(&cond);
    return eddy_await(later);
}

static eddy_async(leave_waiters)
{
    eddy_try(eddy_spawn(wait_once("a")));
    eddy_try(eddy_spawn(wait_once("b")));
    return settle();
}

TEST_VIRTUAL(a_loop_that_closes_lets_go_of_its_waiters_and_the_lock_is_free)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    eddy_loop_close(loop);
    EXPECT_EQ(reports.n, 2);
    EXPECT(!eddy_condition_locked(&cond));
    EXPECT_EQ(eddy_condition_acquire(&cond), 0);
    EXPECT_EQ(eddy_condition_notify_all(&cond), 0);
    EXPECT_EQ(eddy_condition_release(&cond), 0);
    eddy_loop_unref(loop);
}

static eddy_async(leave_waiter_and_holder)
{
    eddy_try(eddy_spawn(wait_once("a")));
    eddy_try(settle());
    return eddy_condition_acquire(&cond); /* and keeps it */
}

/* No task will ever release the lock. The wait ends, and reports that it has failed. */
TEST_VIRTUAL(a_loop_that_closes_does_not_wait_for_a_lock_that_is_held)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiter_and_holder()), 0);
    eddy_loop_close(loop);
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(traced(), "a:-125");
    eddy_loop_unref(loop);
}
