/* The wait queue beneath all of them, by its internal interface. */
#include "harness/test.h"

#include "harness/trace.h"
#include "sync/wait_queue.h"

static eddy_wait_queue queue;

static eddy_async(wait_in_queue, (const char *, name))
{
    bool woken = false;
    int rc = eddyi_wait_queue_wait(&queue, "a test", &woken);

    trace("%s:%d%s", name, rc, woken ? "w" : "");
    return 0;
}

static int settle(void)
{
    for (int i = 0; i < 10; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

static eddy_task *tasks[4];

/* Four that wait: a, b, c, d. */
static int start_four(void)
{
    static const char *const names[] = {"a", "b", "c", "d"};

    for (int i = 0; i < 4; i++) {
        tasks[i] = eddy_create_task(wait_in_queue(names[i]));
        REQUIRE(tasks[i] != NULL);
    }
    return settle();
}

static int await_four(void)
{
    for (int i = 0; i < 4; i++)
        EXPECT_EQ(eddy_await(tasks[i]), 0);
    return 0;
}

TEST_ASYNC(a_queue_that_is_zeroed_is_empty)
{
    EXPECT(!eddyi_wait_queue_wake(&queue));
    eddyi_wait_queue_wake_first(&queue);
    eddyi_wait_queue_wake_all(&queue);
    EXPECT(!eddyi_wait_queue_busy(&queue));
    return 0;
}

TEST_ASYNC(wake_takes_the_first_waiter_and_tells_if_there_is_none, .ordered = true)
{
    EXPECT_EQ(start_four(), 0);
    for (int i = 0; i < 4; i++)
        EXPECT(eddyi_wait_queue_wake(&queue));
    EXPECT(!eddyi_wait_queue_wake(&queue));
    EXPECT(eddyi_wait_queue_busy(&queue));
    EXPECT_EQ(await_four(), 0);
    EXPECT_STR(traced(), "a:0w b:0w c:0w d:0w");
    EXPECT(!eddyi_wait_queue_busy(&queue));
    return 0;
}

TEST_ASYNC(wake_passes_over_the_cancelled, .ordered = true)
{
    EXPECT_EQ(start_four(), 0);
    eddy_task_cancel(tasks[0], NULL);
    eddy_task_cancel(tasks[2], NULL);
    EXPECT(eddyi_wait_queue_wake(&queue));
    EXPECT(eddyi_wait_queue_wake(&queue));
    EXPECT(!eddyi_wait_queue_wake(&queue));
    EXPECT_EQ(await_four(), 0);
    EXPECT_STR(traced(), "a:-125 c:-125 b:0w d:0w");
    return 0;
}

TEST_ASYNC(wake_first_wakes_no_task_while_the_first_is_woken_or_cancelled_and_has_not_run,
           .ordered = true)
{
    EXPECT_EQ(start_four(), 0);
    eddyi_wait_queue_wake_first(&queue);
    eddyi_wait_queue_wake_first(&queue);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a:0w");

    eddy_task_cancel(tasks[1], NULL);
    eddyi_wait_queue_wake_first(&queue);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a:0w b:-125");

    eddyi_wait_queue_wake_all(&queue);
    return await_four();
}

TEST_ASYNC(a_woken_waiter_that_is_cancelled_gives_both, .ordered = true)
{
    EXPECT_EQ(start_four(), 0);
    EXPECT(eddyi_wait_queue_wake(&queue));
    eddy_task_cancel(tasks[0], NULL);
    EXPECT(eddyi_wait_queue_busy(&queue));
    eddyi_wait_queue_wake_all(&queue);
    EXPECT_EQ(await_four(), 0);
    EXPECT_STR(traced(), "a:-125w b:0w c:0w d:0w");
    return 0;
}

TEST_ASYNC(only_those_whose_wait_was_cancelled_do_not_count)
{
    EXPECT_EQ(start_four(), 0);
    for (int i = 0; i < 3; i++)
        eddy_task_cancel(tasks[i], NULL);
    EXPECT(eddyi_wait_queue_busy(&queue));
    eddy_task_cancel(tasks[3], NULL);
    EXPECT(!eddyi_wait_queue_busy(&queue));
    EXPECT_EQ(await_four(), 0);
    EXPECT(!eddyi_wait_queue_busy(&queue));
    EXPECT(!eddyi_wait_queue_wake(&queue));
    return 0;
}

static void wake_one(void *unused)
{
    eddyi_wait_queue_wake(&queue);
}

TEST_ASYNC(newcomers_go_behind_tasks_that_were_woken_and_have_not_run, .ordered = true)
{
    EXPECT_EQ(start_four(), 0);
    eddyi_wait_queue_wake_all(&queue);
    eddy_loop_call_later(eddy_get_running_loop(), 1, wake_one, NULL);
    EXPECT_EQ(eddyi_wait_queue_wait(&queue, "a test", NULL), 0);
    EXPECT_STR(traced(), "a:0w b:0w c:0w d:0w");
    return await_four();
}

/*
 * Waits, is woken or cancelled at random, and comes again: the counts must agree with a simple
 * model all the time.
 */
enum { CROWD = 20, ROUNDS = 2000 };

static struct {
    eddy_task *task;
    bool waiting, woken, cancelled;
    long came; /* the order of arrival */
} crowd[CROWD];
static long arrivals;
static bool over;

static eddy_async(come_again, (int, i))
{
    while (!over) {
        bool woken = false;
        int rc;

        crowd[i].waiting = true;
        crowd[i].woken = crowd[i].cancelled = false;
        crowd[i].came = arrivals++;
        rc = eddyi_wait_queue_wait(&queue, "a test", &woken);
        crowd[i].waiting = false;
        EXPECT_EQ(woken, crowd[i].woken);
        EXPECT_EQ(rc, crowd[i].cancelled ? -ECANCELED : 0);
        eddy_task_uncancel(crowd[i].task);
    }
    return 0;
}

/* Returns the index of the first waiter that is neither woken nor cancelled, or -1 without one. */
static int first_of_model(void)
{
    int first = -1;

    for (int i = 0; i < CROWD; i++) {
        if (!crowd[i].waiting || crowd[i].woken || crowd[i].cancelled)
            continue;
        if (first < 0 || crowd[i].came < crowd[first].came)
            first = i;
    }
    return first;
}

static bool busy_in_model(void)
{
    for (int i = 0; i < CROWD; i++)
        if (crowd[i].waiting && (crowd[i].woken || !crowd[i].cancelled))
            return true;
    return false;
}

static void act_at_random(unsigned r)
{
    int first = first_of_model(), i = (int)(r / 8 % CROWD);

    if (r % 8 < 4) {
        EXPECT_EQ(eddyi_wait_queue_wake(&queue), first >= 0);
        if (first >= 0)
            crowd[first].woken = true;
    } else if (r % 8 < 7 && crowd[i].waiting && !crowd[i].cancelled) {
        eddy_task_cancel(crowd[i].task, NULL);
        crowd[i].cancelled = true;
    }
}

TEST_ASYNC(the_queue_stays_right_in_any_order_of_wakes_and_cancellations)
{
    unsigned r = 1;

    for (int i = 0; i < CROWD; i++) {
        crowd[i].task = eddy_create_task(come_again(i));
        REQUIRE(crowd[i].task != NULL);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int n = (int)(r >> 16) % 6; n >= 0; n--) {
            r = r * 1664525 + 1013904223;
            act_at_random(r >> 8);
            EXPECT_EQ(eddyi_wait_queue_busy(&queue), busy_in_model());
        }
        EXPECT_EQ(eddy_sleep(0), 0);
    }
    over = true;
    eddyi_wait_queue_wake_all(&queue);
    for (int i = 0; i < CROWD; i++)
        crowd[i].woken |= crowd[i].waiting && !crowd[i].cancelled;
    for (int i = 0; i < CROWD; i++)
        eddy_await(crowd[i].task);
    EXPECT(!eddyi_wait_queue_busy(&queue));
    return 0;
}

TEST_VIRTUAL(no_call_can_wait_outside_a_task)
{
    bool woken = false;

    EXPECT_EQ(eddyi_wait_queue_wait(&queue, "a test", &woken), EDDY_ENOTASK);
    EXPECT(!woken);
    EXPECT(!eddyi_wait_queue_busy(&queue));
}

TEST_VIRTUAL(a_deadlock_report_says_what_a_waiter_waits_for)
{
    EXPECT_EQ(test_run(wait_in_queue("a")), -EDEADLK);
    EXPECT_IN("a test", eddy_exception_message(eddy_error()));
}

static eddy_async(leave_waiters)
{
    eddy_try(start_four());
    eddyi_wait_queue_wake(&queue);
    return 0;
}

TEST_VIRTUAL(a_closing_loop_ends_each_wait_and_one_that_was_woken_before_stays_woken,
             .ordered = true)
{
    eddy_loop *loop = test_virtual_loop();

    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    for (int i = 0; i < 4; i++)
        eddy_unref(tasks[i]);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "a:0w b:-125 c:-125 d:-125");
    EXPECT(!eddyi_wait_queue_busy(&queue));
    eddy_loop_unref(loop);
}
