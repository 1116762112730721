/* Semaphore and BoundedSemaphore: rules 127 and 128. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_semaphore sem;

static void init(size_t value)
{
    sem = (eddy_semaphore)EDDY_SEMAPHORE_INIT(value);
}

/* Takes a token, and gives it back @seconds later; never, if that is negative. */
static eddy_async(take, (const char *, name), (double, seconds))
{
    int rc = eddy_semaphore_acquire(&sem);

    trace(rc == 0 ? "%s" : "%s:%d", name, rc);
    if (rc < 0 || seconds < 0)
        return rc;
    rc = eddy_sleep(seconds);
    eddy_semaphore_release(&sem);
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

/* How many tokens can be taken without waiting. */
static int count_tokens(void)
{
    int n = 0;

    while (!eddy_semaphore_locked(&sem) && eddy_semaphore_acquire(&sem) == 0)
        n++;
    for (int i = 0; i < n; i++)
        eddy_semaphore_release(&sem);
    return n;
}

TEST_ASYNC(one_that_is_zeroed_has_no_tokens_to_begin_with)
{
    EXPECT(eddy_semaphore_locked(&sem));
    eddy_semaphore_release(&sem);
    EXPECT(!eddy_semaphore_locked(&sem));
    EXPECT_EQ(eddy_semaphore_acquire(&sem), 0);
    EXPECT(eddy_semaphore_locked(&sem));
    return 0;
}

static void must_not_run(void *unused)
{
    FAIL("something ran in between");
}

TEST_ASYNC(taking_a_token_that_is_there_does_not_suspend)
{
    eddy_handle h = eddy_loop_call_soon(eddy_get_running_loop(), must_not_run, NULL);

    init(2);
    EXPECT_EQ(eddy_semaphore_acquire(&sem), 0);
    EXPECT(!eddy_semaphore_locked(&sem));
    EXPECT_EQ(eddy_semaphore_acquire(&sem), 0);
    EXPECT(eddy_semaphore_locked(&sem));
    eddy_handle_cancel(h);
    return 0;
}

TEST_ASYNC(as_many_tasks_as_there_are_tokens_go_on_and_the_rest_wait_in_turn, .ordered = true)
{
    eddy_task *tasks[4];

    init(2);
    tasks[0] = start(take("a", 1));
    tasks[1] = start(take("b", 2));
    tasks[2] = start(take("c", 2));
    tasks[3] = start(take("d", 1));
    EXPECT_EQ(eddy_sleep(0.5), 0);
    EXPECT_STR(traced(), "a b");
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_STR(traced(), "a b c");
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT_STR(traced(), "a b c d");
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(eddy_await(tasks[i]), 0);
    EXPECT_EQ(count_tokens(), 2);
    return 0;
}

TEST_ASYNC(the_token_belongs_to_the_woken_task_from_the_release_on)
{
    eddy_task *a, *newcomer;

    init(0);
    a = start(take("a", -1));
    EXPECT_EQ(settle(), 0);
    eddy_semaphore_release(&sem);
    EXPECT(eddy_semaphore_locked(&sem));
    newcomer = start(take("newcomer", -1));
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a");
    eddy_semaphore_release(&sem);
    EXPECT_EQ(eddy_await(a), 0);
    return eddy_await(newcomer);
}

TEST_ASYNC(it_is_locked_while_a_task_waits_even_if_there_are_tokens)
{
    eddy_task *a;

    init(0);
    a = start(take("a", -1));
    EXPECT_EQ(settle(), 0);
    eddy_semaphore_release(&sem);
    eddy_semaphore_release(&sem); /* one is a's, one is free */
    EXPECT(eddy_semaphore_locked(&sem));
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT(!eddy_semaphore_locked(&sem));
    return 0;
}

TEST_ASYNC(a_newcomer_waits_its_turn_although_there_is_a_token_and_is_woken_by_the_one_before_it)
{
    eddy_task *a;

    init(0);
    a = start(take("a", -1));
    EXPECT_EQ(settle(), 0);
    eddy_semaphore_release(&sem);
    eddy_semaphore_release(&sem);
    EXPECT_EQ(eddy_semaphore_acquire(&sem), 0);
    trace("newcomer");
    EXPECT_STR(traced(), "a newcomer");
    EXPECT_EQ(count_tokens(), 0);
    return eddy_await(a);
}

TEST_ASYNC(a_cancelled_waiter_takes_no_token)
{
    eddy_task *a, *b;

    init(0);
    a = start(take("a", -1));
    b = start(take("b", -1));
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, "enough");
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    eddy_semaphore_release(&sem);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a:-125 b");
    EXPECT_EQ(count_tokens(), 0);
    return 0;
}

TEST_ASYNC(a_waiter_that_is_woken_and_then_cancelled_gives_its_token_to_the_next)
{
    eddy_task *a, *b;

    init(0);
    a = start(take("a", -1));
    b = start(take("b", -1));
    EXPECT_EQ(settle(), 0);
    eddy_semaphore_release(&sem);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(count_tokens(), 0);
    return 0;
}

TEST_ASYNC(a_waiter_that_is_woken_and_then_cancelled_gives_its_token_back_if_no_other_waits)
{
    eddy_task *a;

    init(0);
    a = start(take("a", -1));
    EXPECT_EQ(settle(), 0);
    eddy_semaphore_release(&sem);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(count_tokens(), 1);
    return 0;
}

TEST_ASYNC(a_release_while_the_first_waiter_is_being_cancelled_wakes_the_second, .ordered = true)
{
    eddy_task *a, *b;

    init(0);
    a = start(take("a", -1));
    b = start(take("b", -1));
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, NULL);
    eddy_semaphore_release(&sem);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(traced(), "a:-125 b");
    EXPECT_EQ(count_tokens(), 0);
    return 0;
}

TEST_ASYNC(a_newcomer_does_not_wait_behind_cancelled_waiters)
{
    eddy_task *a;

    init(0);
    a = start(take("a", -1));
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, NULL);
    eddy_semaphore_release(&sem);
    EXPECT(!eddy_semaphore_locked(&sem));
    EXPECT_EQ(eddy_semaphore_acquire(&sem), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    return 0;
}

TEST_ASYNC(a_timeout_ends_the_wait)
{
    eddy_timeout tm;
    int rc;

    init(0);
    eddy_timeout_enter(&tm, 1);
    rc = eddy_semaphore_acquire(&sem);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    eddy_semaphore_release(&sem);
    EXPECT_EQ(count_tokens(), 1);
    return 0;
}

TEST_ASYNC(a_plain_semaphore_can_be_released_more_often_than_it_was_acquired)
{
    init(1);
    EXPECT_EQ(eddy_semaphore_release(&sem), 0);
    EXPECT_EQ(eddy_semaphore_release(&sem), 0);
    EXPECT_EQ(count_tokens(), 3);
    return 0;
}

TEST_ASYNC(a_bounded_one_cannot)
{
    eddy_semaphore bounded = EDDY_BOUNDED_SEMAPHORE_INIT(2);

    EXPECT_EQ(eddy_semaphore_release(&bounded), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "BoundedSemaphore released too many times");
    EXPECT_EQ(eddy_semaphore_acquire(&bounded), 0);
    EXPECT_EQ(eddy_semaphore_acquire(&bounded), 0);
    EXPECT(eddy_semaphore_locked(&bounded));
    EXPECT_EQ(eddy_semaphore_release(&bounded), 0);
    EXPECT_EQ(eddy_semaphore_release(&bounded), 0);
    EXPECT_EQ(eddy_semaphore_release(&bounded), EDDY_EMISUSE);
    return 0;
}

TEST_ASYNC(a_bounded_one_without_tokens_can_never_be_released)
{
    eddy_semaphore bounded = EDDY_BOUNDED_SEMAPHORE_INIT(0);

    EXPECT_EQ(eddy_semaphore_release(&bounded), EDDY_EMISUSE);
    EXPECT(eddy_semaphore_locked(&bounded));
    return 0;
}

TEST_VIRTUAL(outside_a_task_a_token_can_be_taken_but_not_waited_for)
{
    init(1);
    EXPECT_EQ(eddy_semaphore_acquire(&sem), 0);
    EXPECT_EQ(eddy_semaphore_acquire(&sem), EDDY_ENOTASK);
    EXPECT_EQ(eddy_semaphore_release(&sem), 0);
    EXPECT_EQ(count_tokens(), 1);
}

static eddy_async(contend)
{
    eddy_task *a = start(take("a", 1));
    int rc = eddy_await(take("b", 1)), rc_of_a = eddy_await(a);

    return rc < 0 ? rc : rc_of_a;
}

static eddy_async(try_on_another_loop)
{
    eddy_try(eddy_semaphore_acquire(&sem)); /* nothing to wait for */
    EXPECT_EQ(eddy_semaphore_acquire(&sem), EDDY_EOTHERLOOP);
    return eddy_semaphore_release(&sem);
}

TEST_VIRTUAL(once_waited_for_the_semaphore_belongs_to_that_loop)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    init(1);
    REQUIRE(first && second);
    EXPECT_EQ(eddy_loop_run_until_complete(first, contend()), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, try_on_another_loop()), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(first, contend()), 0);
    eddy_loop_unref(first);
    eddy_loop_unref(second);
}

static eddy_async(work_and_fail, (int, rc))
{
    eddy_try(eddy_semaphore_acquire(&sem));
    eddy_semaphore_release_at_end(&sem);
    eddy_try(eddy_sleep(1));
    if (rc < 0)
        return eddy_raise(rc, "work failed");
    return 0;
}

TEST_ASYNC(release_at_end_gives_the_token_back_however_the_block_is_left, .ordered = true)
{
    eddy_task *cancelled;

    init(1);
    EXPECT_EQ(eddy_await(work_and_fail(0)), 0);
    EXPECT_EQ(count_tokens(), 1);
    EXPECT_EQ(eddy_await(work_and_fail(-EIO)), -EIO);
    EXPECT_STR(eddy_exception_message(eddy_error()), "work failed");
    EXPECT_EQ(count_tokens(), 1);

    cancelled = start(work_and_fail(0));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(count_tokens(), 0);
    eddy_task_cancel(cancelled, NULL);
    EXPECT_EQ(eddy_await(cancelled), -ECANCELED);
    EXPECT_EQ(count_tokens(), 1);
    return 0;
}

TEST_ASYNC(waiting_allocates_nothing)
{
    eddy_task *a;
    unsigned long before;
    int rc;

    init(1);
    a = start(take("a", 1));
    EXPECT_EQ(settle(), 0);
    before = eddyi_ledger_made();
    rc = eddy_semaphore_acquire(&sem);
    EXPECT_EQ(eddyi_ledger_made(), before);
    EXPECT_EQ(rc, 0);
    return eddy_await(a);
}

static eddy_async(leave_waiters)
{
    eddy_try(eddy_spawn(take("a", -1)));
    eddy_try(eddy_spawn(take("b", -1)));
    return settle();
}

TEST_VIRTUAL(a_loop_that_closes_lets_go_of_its_waiters)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "a:-125 b:-125");
    EXPECT_EQ(reports.n, 2);
    EXPECT(eddy_semaphore_locked(&sem));
    eddy_semaphore_release(&sem);
    EXPECT_EQ(count_tokens(), 1);
    eddy_loop_unref(loop);
}
