/* Barrier: rule 129a. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_barrier barrier;

static void init(int parties)
{
    barrier = (eddy_barrier)EDDY_BARRIER_INIT(parties);
}

/* Comes to the barrier once, and tells which number it got. */
static eddy_async(come, (const char *, name))
{
    int rc = eddy_barrier_wait(&barrier);

    trace("%s:%d", name, rc);
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

/* Starts two that come and wait. */
static int start_two(eddy_task **ret_a, eddy_task **ret_b)
{
    *ret_a = start(come("a"));
    *ret_b = start(come("b"));
    return settle();
}

TEST_ASYNC(a_new_barrier_waits_for_its_parties)
{
    init(3);
    EXPECT_EQ(eddy_barrier_parties(&barrier), 3);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    EXPECT(!eddy_barrier_broken(&barrier));
    return 0;
}

TEST_ASYNC(no_task_passes_before_all_are_here_and_each_gets_a_number_of_its_own, .ordered = true)
{
    eddy_task *a, *b;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 2);

    EXPECT_EQ(eddy_barrier_wait(&barrier), 2);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 1);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    return 0;
}

TEST_ASYNC(a_barrier_for_one_never_waits)
{
    init(1);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 0);
    return 0;
}

TEST_ASYNC(it_can_be_used_again_and_again)
{
    init(2);
    for (int round = 0; round < 3; round++) {
        eddy_task *a = start(come("a"));

        EXPECT_EQ(eddy_barrier_wait(&barrier) + eddy_await(a), 1);
    }
    return 0;
}

TEST_ASYNC(newcomers_wait_while_an_earlier_round_drains, .ordered = true)
{
    eddy_task *tasks[4];

    init(2);
    tasks[0] = start(come("a"));
    tasks[1] = start(come("b"));
    tasks[2] = start(come("c")); /* b fills the barrier before c comes, and a has not left it yet */
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "b:1 a:0");
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 1);
    tasks[3] = start(come("d"));
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "b:1 a:0 d:1 c:0");
    for (int i = 0; i < 4; i++)
        EXPECT(eddy_await(tasks[i]) >= 0);
    return 0;
}

TEST_ASYNC(a_cancelled_waiter_just_leaves_and_breaks_nothing, .ordered = true)
{
    eddy_task *a, *b, *c;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    eddy_task_cancel(b, "enough");
    EXPECT_EQ(eddy_await(b), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 1);
    EXPECT(!eddy_barrier_broken(&barrier));

    c = start(come("c"));
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 2);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(c), 1);
    return 0;
}

/* As in CPython, the barrier counts its waiters and does not remember their numbers. */
TEST_ASYNC(after_a_cancellation_a_number_may_be_given_twice, .ordered = true)
{
    eddy_task *a, *b, *c;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    c = start(come("c"));
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 2);
    EXPECT_EQ(eddy_await(b), 1);
    EXPECT_EQ(eddy_await(c), 1);
    return 0;
}

TEST_ASYNC(one_that_is_cancelled_when_all_are_here_does_not_hold_up_the_others, .ordered = true)
{
    eddy_task *a, *b;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 2);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 1);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);

    init(1);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 0);
    return 0;
}

TEST_ASYNC(one_that_is_cancelled_while_it_waits_for_a_round_to_drain_leaves_no_trace,
           .ordered = true)
{
    eddy_task *a, *b, *late;

    init(2);
    a = start(come("a"));
    b = start(come("b"));
    late = start(come("late"));
    EXPECT_EQ(eddy_sleep(0), 0); /* b has filled it, late waits for the round to drain */
    eddy_task_cancel(late, NULL);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "b:1 a:0 late:-125");
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    EXPECT_EQ(eddy_await(late), -ECANCELED);
    EXPECT(eddy_await(a) >= 0);
    EXPECT(eddy_await(b) >= 0);
    return 0;
}

TEST_ASYNC(reset_breaks_the_wait_of_all_tasks_and_the_barrier_can_be_used, .ordered = true)
{
    eddy_task *a, *b;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    EXPECT_EQ(eddy_barrier_reset(&barrier), 0);
    EXPECT_EQ(eddy_await(a), EDDY_EBROKENBARRIER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "Abort or reset of barrier");
    EXPECT_EQ(eddy_await(b), EDDY_EBROKENBARRIER);
    EXPECT(!eddy_barrier_broken(&barrier));
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);

    EXPECT_EQ(start_two(&a, &b), 0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 2);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 1);
    return 0;
}

TEST_ASYNC(a_newcomer_waits_until_the_broken_round_has_left)
{
    eddy_task *a, *b, *c;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    c = start(come("c"));
    EXPECT_EQ(eddy_barrier_reset(&barrier), 0);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 1);
    EXPECT_EQ(eddy_await(a), EDDY_EBROKENBARRIER);
    EXPECT_EQ(eddy_await(b), EDDY_EBROKENBARRIER);
    EXPECT_EQ(eddy_barrier_reset(&barrier), 0);
    EXPECT_EQ(eddy_await(c), EDDY_EBROKENBARRIER);
    return 0;
}

TEST_ASYNC(resetting_a_barrier_without_waiters_changes_nothing)
{
    init(2);
    EXPECT_EQ(eddy_barrier_reset(&barrier), 0);
    EXPECT(!eddy_barrier_broken(&barrier));
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    return 0;
}

TEST_ASYNC(abort_breaks_it_for_waiters_and_newcomers_until_it_is_reset, .ordered = true)
{
    eddy_task *a, *b;

    init(3);
    EXPECT_EQ(start_two(&a, &b), 0);
    EXPECT_EQ(eddy_barrier_abort(&barrier), 0);
    EXPECT(eddy_barrier_broken(&barrier));
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    EXPECT_EQ(eddy_await(a), EDDY_EBROKENBARRIER);
    EXPECT_EQ(eddy_await(b), EDDY_EBROKENBARRIER);
    EXPECT_EQ(eddy_barrier_wait(&barrier), EDDY_EBROKENBARRIER);
    EXPECT_STR(eddy_exception_message(eddy_error()), "Barrier aborted");

    EXPECT_EQ(eddy_barrier_reset(&barrier), 0);
    EXPECT(!eddy_barrier_broken(&barrier));
    EXPECT_EQ(start_two(&a, &b), 0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 2);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 1);
    return 0;
}

TEST_ASYNC(a_barrier_of_no_parties_is_refused)
{
    init(0);
    EXPECT_EQ(eddy_barrier_wait(&barrier), -EINVAL);
    init(-1);
    EXPECT_EQ(eddy_barrier_wait(&barrier), -EINVAL);
    return 0;
}

TEST_VIRTUAL(outside_a_task_one_cannot_wait)
{
    init(2);
    EXPECT_EQ(eddy_barrier_wait(&barrier), EDDY_ENOTASK);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    init(1);
    EXPECT_EQ(eddy_barrier_wait(&barrier), 0);
    EXPECT_EQ(eddy_barrier_abort(&barrier), 0);
    EXPECT(eddy_barrier_broken(&barrier));
}

static eddy_async(two_come)
{
    eddy_task *a = start(come("a"));
    int rc = eddy_barrier_wait(&barrier);

    eddy_await(a);
    return rc;
}

static eddy_async(come_from_another_loop)
{
    EXPECT_EQ(eddy_barrier_wait(&barrier), EDDY_EOTHERLOOP);
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    return 0;
}

TEST_VIRTUAL(once_waited_for_the_barrier_belongs_to_that_loop)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    init(2);
    REQUIRE(first && second);
    EXPECT(eddy_loop_run_until_complete(first, two_come()) >= 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, come_from_another_loop()), 0);
    EXPECT(eddy_loop_run_until_complete(first, two_come()) >= 0);
    eddy_loop_unref(first);
    eddy_loop_unref(second);
}

static eddy_async(leave_waiters)
{
    eddy_try(eddy_spawn(come("a")));
    eddy_try(eddy_spawn(come("b")));
    return settle();
}

TEST_VIRTUAL(a_loop_that_closes_lets_go_of_its_waiters)
{
    eddy_loop *loop = test_virtual_loop();

    init(3);
    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "a:-125 b:-125");
    EXPECT_EQ(eddy_barrier_n_waiting(&barrier), 0);
    eddy_loop_unref(loop);
}
