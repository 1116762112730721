/* Queue: rules 129 to 134. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_queue queue;

/* Items are strings. */
static eddy_async(get_one, (const char *, name))
{
    const char *item = "nothing";
    int rc = eddy_queue_get(&queue, &item);

    trace(rc == 0 ? "%s=%s" : "%s:%s:%d", name, item, rc);
    return rc;
}

static eddy_async(put_one, (const char *, item))
{
    int rc = eddy_queue_put(&queue, (void *)item);

    trace(rc == 0 ? "+%s" : "+%s:%d", item, rc);
    return rc;
}

static eddy_async(join_it)
{
    int rc = eddy_queue_join(&queue);

    trace("joined:%d", rc);
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

/* Takes all items out without waiting, one after the other: "a b c". */
static const char *drain(void)
{
    static char text[200];
    const char *item;

    text[0] = '\0';
    while (eddy_queue_get_nowait(&queue, &item) == 0) {
        strcat(text, *text ? " " : "");
        strcat(text, item);
    }
    return text;
}

static int finish(void)
{
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(a_new_queue_is_empty_and_never_full_without_a_limit)
{
    char *item = "untouched";

    eddy_queue_init(&queue, 0);
    EXPECT(eddy_queue_empty(&queue));
    EXPECT(!eddy_queue_full(&queue));
    EXPECT_EQ(eddy_queue_qsize(&queue), 0);
    EXPECT_EQ(eddy_queue_maxsize(&queue), 0);
    EXPECT_EQ(eddy_queue_get_nowait(&queue, &item), EDDY_EQUEUEEMPTY);
    EXPECT_STR(item, "untouched");
    for (int i = 0; i < 1000; i++)
        REQUIRE(eddy_queue_put_nowait(&queue, "x") == 0);
    EXPECT(!eddy_queue_full(&queue));
    EXPECT_EQ(eddy_queue_qsize(&queue), 1000);
    return finish();
}

TEST_ASYNC(items_come_out_in_the_order_in_which_they_went_in)
{
    int numbers[200], *item, n_in = 0, n_out = 0;

    eddy_queue_init(&queue, 0);
    while (n_out < 200) { /* in, in, out: goes round the ring and makes it grow in every position */
        for (int i = 0; i < 2 && n_in < 200; i++) {
            numbers[n_in] = n_in;
            REQUIRE(eddy_queue_put_nowait(&queue, &numbers[n_in++]) == 0);
        }
        REQUIRE(eddy_queue_get_nowait(&queue, &item) == 0);
        EXPECT_EQ(*item, n_out++);
    }
    EXPECT(eddy_queue_empty(&queue));
    return finish();
}

TEST_ASYNC(a_null_pointer_is_an_item_like_any_other)
{
    void *item = &queue;

    eddy_queue_init(&queue, 0);
    REQUIRE(eddy_queue_put(&queue, NULL) == 0);
    EXPECT_EQ(eddy_queue_qsize(&queue), 1);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT(item == NULL);
    return finish();
}

TEST_ASYNC(a_queue_with_a_limit_is_full_at_it)
{
    eddy_queue_init(&queue, 2);
    EXPECT_EQ(eddy_queue_maxsize(&queue), 2);
    REQUIRE(eddy_queue_put_nowait(&queue, "a") == 0);
    EXPECT(!eddy_queue_full(&queue));
    REQUIRE(eddy_queue_put_nowait(&queue, "b") == 0);
    EXPECT(eddy_queue_full(&queue));
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "c"), EDDY_EQUEUEFULL);
    EXPECT_STR(drain(), "a b");
    return finish();
}

static void must_not_run(void *unused)
{
    FAIL("something ran in between");
}

TEST_ASYNC(put_and_get_do_not_suspend_when_they_need_not)
{
    eddy_handle h = eddy_loop_call_soon(eddy_get_running_loop(), must_not_run, NULL);
    char *item;

    eddy_queue_init(&queue, 1);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "a");
    eddy_handle_cancel(h);
    return finish();
}

TEST_ASYNC(getters_wait_for_items_and_get_them_in_turn, .ordered = true)
{
    eddy_task *a, *b, *c;

    eddy_queue_init(&queue, 0);
    a = start(get_one("a"));
    b = start(get_one("b"));
    c = start(get_one("c"));
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    REQUIRE(eddy_queue_put_nowait(&queue, "1") == 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "a=1");
    REQUIRE(eddy_queue_put_nowait(&queue, "2") == 0);
    REQUIRE(eddy_queue_put_nowait(&queue, "3") == 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(traced(), "a=1 b=2 c=3");
    return finish();
}

TEST_ASYNC(putters_wait_for_room_and_put_in_turn, .ordered = true)
{
    eddy_task *b, *c;
    char *item;

    eddy_queue_init(&queue, 1);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    b = start(put_one("b"));
    c = start(put_one("c"));
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_queue_qsize(&queue), 1);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "a");
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "+b");
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "b");
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(drain(), "c");
    return finish();
}

TEST_ASYNC(a_queue_can_be_barged_and_the_robbed_getter_waits_again_at_the_end, .ordered = true)
{
    eddy_task *a, *b;
    char *item;

    eddy_queue_init(&queue, 0);
    a = start(get_one("a"));
    b = start(get_one("b"));
    EXPECT_EQ(settle(), 0);
    REQUIRE(eddy_queue_put_nowait(&queue, "1") == 0);
    REQUIRE(eddy_queue_get_nowait(&queue, &item) == 0); /* between the put and a's turn */
    EXPECT_STR(item, "1");
    EXPECT_EQ(settle(), 0);
    REQUIRE(eddy_queue_put_nowait(&queue, "2") == 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "b=2");
    REQUIRE(eddy_queue_put_nowait(&queue, "3") == 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    return finish();
}

TEST_ASYNC(a_cancelled_getter_takes_nothing)
{
    eddy_task *a;

    eddy_queue_init(&queue, 0);
    a = start(get_one("a"));
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(a, "enough");
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_STR(eddy_exception_message(eddy_error()), "enough");
    EXPECT_STR(traced(), "a:nothing:-125");
    REQUIRE(eddy_queue_put_nowait(&queue, "1") == 0);
    EXPECT_STR(drain(), "1");
    return finish();
}

TEST_ASYNC(draining_a_queue_keeps_the_failure_on_its_way)
{
    eddy_queue q;
    void *item;

    eddy_queue_init(&q, 1);
    REQUIRE(eddy_queue_put_nowait(&q, "item") == 0);
    EXPECT_EQ(eddy_raise(-EIO, "the disk"), -EIO);
    EXPECT_EQ(eddy_queue_put_nowait(&q, "more"), EDDY_EQUEUEFULL);
    EXPECT_EQ(eddy_queue_get_nowait(&q, &item), 0);
    EXPECT_EQ(eddy_queue_get_nowait(&q, &item), EDDY_EQUEUEEMPTY);
    EXPECT_STR(eddy_exception_message(eddy_error()), "the disk");
    eddy_queue_fini(&q);
    return 0;
}

TEST_ASYNC(a_getter_that_is_woken_and_then_cancelled_wakes_the_next, .ordered = true)
{
    eddy_task *a, *b;

    eddy_queue_init(&queue, 0);
    a = start(get_one("a"));
    b = start(get_one("b"));
    EXPECT_EQ(settle(), 0);
    REQUIRE(eddy_queue_put_nowait(&queue, "1") == 0);
    eddy_task_cancel(a, NULL);
    EXPECT_EQ(eddy_await(a), -ECANCELED);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a:nothing:-125 b=1");
    return finish();
}

TEST_ASYNC(a_putter_that_is_woken_and_then_cancelled_wakes_the_next, .ordered = true)
{
    eddy_task *b, *c;
    char *item;

    eddy_queue_init(&queue, 1);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    b = start(put_one("b"));
    c = start(put_one("c"));
    EXPECT_EQ(settle(), 0);
    REQUIRE(eddy_queue_get_nowait(&queue, &item) == 0);
    eddy_task_cancel(b, NULL);
    EXPECT_EQ(eddy_await(b), -ECANCELED);
    EXPECT_EQ(eddy_await(c), 0);
    EXPECT_STR(traced(), "+b:-125 +c");
    EXPECT_STR(drain(), "c");
    return finish();
}

TEST_ASYNC(the_item_of_a_cancelled_putter_is_never_put)
{
    eddy_task *b;

    eddy_queue_init(&queue, 1);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    b = start(put_one("b"));
    EXPECT_EQ(settle(), 0);
    eddy_task_cancel(b, NULL);
    EXPECT_EQ(eddy_await(b), -ECANCELED);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(drain(), "a");
    return finish();
}

TEST_ASYNC(a_timeout_ends_a_wait_and_leaves_the_queue_as_it_was)
{
    eddy_timeout get_tm, put_tm;
    char *item;
    int rc;

    eddy_queue_init(&queue, 1);
    eddy_timeout_enter(&get_tm, 1);
    rc = eddy_queue_get(&queue, &item);
    EXPECT_EQ(eddy_timeout_exit(&get_tm, rc), -ETIMEDOUT);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    eddy_timeout_enter(&put_tm, 1);
    rc = eddy_queue_put(&queue, "b");
    EXPECT_EQ(eddy_timeout_exit(&put_tm, rc), -ETIMEDOUT);
    EXPECT_STR(drain(), "a");
    return finish();
}

TEST_ASYNC(join_returns_at_once_when_nothing_is_unfinished)
{
    eddy_handle h = eddy_loop_call_soon(eddy_get_running_loop(), must_not_run, NULL);

    eddy_queue_init(&queue, 0);
    EXPECT_EQ(eddy_queue_join(&queue), 0);
    eddy_handle_cancel(h);
    return finish();
}

TEST_ASYNC(join_waits_until_each_item_has_been_dealt_with)
{
    eddy_task *joiner;

    eddy_queue_init(&queue, 0);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_put(&queue, "b") == 0);
    joiner = start(join_it());
    EXPECT_STR(drain(), "a b");
    EXPECT_EQ(settle(), 0);
    EXPECT_EQ(eddy_queue_task_done(&queue), 0);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_queue_task_done(&queue), 0);
    EXPECT_EQ(eddy_await(joiner), 0);
    EXPECT_STR(traced(), "joined:0");

    REQUIRE(eddy_queue_put(&queue, "c") == 0); /* unfinished again */
    joiner = start(join_it());
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "joined:0");
    eddy_task_cancel(joiner, NULL);
    EXPECT_EQ(eddy_await(joiner), -ECANCELED);
    return finish();
}

TEST_ASYNC(task_done_more_often_than_items_were_put_is_misuse)
{
    eddy_queue_init(&queue, 0);
    EXPECT_EQ(eddy_queue_task_done(&queue), EDDY_EMISUSE);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    EXPECT_EQ(eddy_queue_task_done(&queue), 0); /* even before it was taken out, as in asyncio */
    EXPECT_EQ(eddy_queue_task_done(&queue), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "task_done() called too many times");
    return finish();
}

TEST_ASYNC(after_a_shutdown_puts_fail_and_gets_drain_the_queue_first)
{
    char *item;

    eddy_queue_init(&queue, 0);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_put(&queue, "b") == 0);
    eddy_queue_shutdown(&queue, false);
    EXPECT_EQ(eddy_queue_put(&queue, "c"), EDDY_EQUEUESHUTDOWN);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "c"), EDDY_EQUEUESHUTDOWN);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "a");
    REQUIRE(eddy_queue_get_nowait(&queue, &item) == 0);
    EXPECT_STR(item, "b");
    EXPECT_EQ(eddy_queue_get(&queue, &item), EDDY_EQUEUESHUTDOWN);
    EXPECT_EQ(eddy_queue_get_nowait(&queue, &item), EDDY_EQUEUESHUTDOWN);
    eddy_queue_shutdown(&queue, false);
    return finish();
}

TEST_ASYNC(a_shutdown_wakes_all_waiters)
{
    eddy_task *a, *b, *c;

    eddy_queue_init(&queue, 1);
    a = start(get_one("a"));
    b = start(get_one("b"));
    EXPECT_EQ(settle(), 0);
    eddy_queue_shutdown(&queue, false);
    EXPECT_EQ(eddy_await(a), EDDY_EQUEUESHUTDOWN);
    EXPECT_EQ(eddy_await(b), EDDY_EQUEUESHUTDOWN);

    eddy_queue_init(&queue, 1);
    REQUIRE(eddy_queue_put(&queue, "full") == 0);
    c = start(put_one("c"));
    EXPECT_EQ(settle(), 0);
    eddy_queue_shutdown(&queue, false);
    EXPECT_EQ(eddy_await(c), EDDY_EQUEUESHUTDOWN);
    EXPECT_STR(drain(), "full");
    return finish();
}

TEST_ASYNC(an_immediate_shutdown_drops_the_items_and_counts_them_as_done)
{
    eddy_task *joiner, *putter;
    char *item;

    eddy_queue_init(&queue, 2);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_put(&queue, "b") == 0);
    joiner = start(join_it());
    putter = start(put_one("c"));
    EXPECT_EQ(settle(), 0);
    eddy_queue_shutdown(&queue, true);
    EXPECT(eddy_queue_empty(&queue));
    EXPECT_EQ(eddy_await(joiner), 0);
    EXPECT_EQ(eddy_await(putter), EDDY_EQUEUESHUTDOWN);
    EXPECT_EQ(eddy_queue_get(&queue, &item), EDDY_EQUEUESHUTDOWN);
    EXPECT_EQ(eddy_queue_task_done(&queue), EDDY_EMISUSE);
    return finish();
}

TEST_ASYNC(an_immediate_shutdown_still_waits_for_items_that_were_taken_out)
{
    eddy_task *joiner;
    char *item;

    eddy_queue_init(&queue, 0);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_put(&queue, "b") == 0);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    joiner = start(join_it());
    eddy_queue_shutdown(&queue, true);
    EXPECT_EQ(settle(), 0);
    EXPECT_STR(traced(), "");
    EXPECT_EQ(eddy_queue_task_done(&queue), 0);
    EXPECT_EQ(eddy_await(joiner), 0);
    return finish();
}

TEST_ASYNC(without_memory_nothing_is_put)
{
    char *item;

    eddy_queue_init(&queue, 0);
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "a"), -ENOMEM);
    EXPECT_EQ(eddy_queue_put(&queue, "a"), -ENOMEM);
    eddyi_fault_clear();
    EXPECT(eddy_queue_empty(&queue));
    EXPECT_EQ(eddy_queue_get_nowait(&queue, &item), EDDY_EQUEUEEMPTY);
    EXPECT_EQ(eddy_queue_join(&queue), 0);

    for (int i = 0; i < 8; i++)
        REQUIRE(eddy_queue_put_nowait(&queue, "x") == 0);
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "ninth"), -ENOMEM);
    eddyi_fault_clear();
    EXPECT_STR(drain(), "x x x x x x x x");
    return finish();
}

TEST_VIRTUAL(outside_a_task_all_works_but_waiting)
{
    char *item = NULL;

    eddy_queue_init(&queue, 1);
    EXPECT_EQ(eddy_queue_get(&queue, &item), EDDY_ENOTASK);
    if (eddy_queue_put(&queue, "a") == 0) {
        EXPECT_EQ(eddy_queue_put(&queue, "b"), EDDY_ENOTASK);
        EXPECT_EQ(eddy_queue_join(&queue), EDDY_ENOTASK);
        REQUIRE(eddy_queue_get(&queue, &item) == 0);
        EXPECT_STR(item, "a");
        EXPECT_EQ(eddy_queue_task_done(&queue), 0);
    }
    EXPECT_EQ(eddy_queue_join(&queue), 0);
    eddy_queue_fini(&queue);
}

static eddy_async(get_for_a_second, (int, expected))
{
    eddy_timeout tm;
    char *item;
    int rc;

    eddy_timeout_enter(&tm, 1);
    rc = eddy_queue_get(&queue, &item);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), expected);
    return 0;
}

static eddy_async(fill_and_wait, (int, expected))
{
    eddy_timeout tm;
    int rc;

    eddy_try(eddy_queue_put(&queue, "a"));
    eddy_timeout_enter(&tm, 1);
    rc = eddy_queue_put(&queue, "b");
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), expected);
    return 0;
}

TEST_VIRTUAL(once_waited_for_the_queue_belongs_to_that_loop_for_getters_and_putters)
{
    eddy_loop *first = test_virtual_loop(), *second = test_virtual_loop();

    eddy_queue_init(&queue, 1);
    REQUIRE(first && second);
    EXPECT_EQ(eddy_loop_run_until_complete(first, get_for_a_second(-ETIMEDOUT)), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, get_for_a_second(EDDY_EOTHERLOOP)), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(second, fill_and_wait(EDDY_EOTHERLOOP)), 0);
    EXPECT_STR(drain(), "a");
    EXPECT_EQ(eddy_loop_run_until_complete(first, fill_and_wait(-ETIMEDOUT)), 0);
    eddy_loop_unref(first);
    eddy_loop_unref(second);
    eddy_queue_fini(&queue);
}

TEST_ASYNC(waiting_allocates_nothing)
{
    eddy_task *putter;
    unsigned long before;
    char *item;
    int rc;

    eddy_queue_init(&queue, 1);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    putter = start(put_one("b"));
    before = eddyi_ledger_made();
    rc = eddy_queue_get(&queue, &item);
    EXPECT_EQ(eddyi_ledger_made(), before);
    EXPECT_EQ(rc, 0);
    EXPECT_EQ(eddy_await(putter), 0);
    return finish();
}

static eddy_async(leave_waiters)
{
    eddy_try(eddy_spawn(get_one("a")));
    eddy_try(eddy_spawn(get_one("b")));
    eddy_try(settle());
    return eddy_queue_put_nowait(&queue, "1"); /* a is woken, but the loop ends */
}

TEST_VIRTUAL(a_loop_that_closes_lets_go_of_its_waiters_and_no_item_is_lost, .ordered = true)
{
    eddy_loop *loop = test_virtual_loop();

    eddy_queue_init(&queue, 0);
    REQUIRE(loop != NULL);
    reports_collect(loop);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_waiters()), 0);
    eddy_loop_close(loop);
    EXPECT_STR(traced(), "a=1 b:nothing:-125");
    EXPECT_STR(drain(), "");
    eddy_loop_unref(loop);
    eddy_queue_fini(&queue);
}
