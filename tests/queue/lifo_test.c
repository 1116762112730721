/* LifoQueue: rule 134. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_queue queue;

TEST_ASYNC(the_item_put_last_comes_out_first)
{
    char *item;

    eddy_lifo_queue_init(&queue, 0);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_put(&queue, "b") == 0);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "b");
    REQUIRE(eddy_queue_put(&queue, "c") == 0);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "c");
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "a");
    EXPECT_EQ(eddy_queue_get_nowait(&queue, &item), EDDY_EQUEUEEMPTY);
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(it_grows_as_it_has_to)
{
    int numbers[100], *item;

    eddy_lifo_queue_init(&queue, 0);
    for (int i = 0; i < 100; i++) {
        numbers[i] = i;
        REQUIRE(eddy_queue_put_nowait(&queue, &numbers[i]) == 0);
    }
    for (int i = 99; i >= 0; i--) {
        REQUIRE(eddy_queue_get_nowait(&queue, &item) == 0);
        EXPECT_EQ(*item, i);
    }
    eddy_queue_fini(&queue);
    return 0;
}

static eddy_async(get_one, (const char *, name))
{
    const char *item;

    eddy_try(eddy_queue_get(&queue, &item));
    trace("%s=%s", name, item);
    return 0;
}

TEST_ASYNC(waiting_getters_are_served_in_the_order_in_which_they_came_with_what_is_on_top_then,
           .ordered = true)
{
    eddy_task *a = eddy_create_task(get_one("a")), *b = eddy_create_task(get_one("b"));

    eddy_lifo_queue_init(&queue, 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    REQUIRE(eddy_queue_put_nowait(&queue, "1") == 0);
    REQUIRE(eddy_queue_put_nowait(&queue, "2") == 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a=2 b=1");
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(it_has_a_limit_a_shutdown_and_a_join_like_any_queue)
{
    char *item;

    eddy_lifo_queue_init(&queue, 2);
    EXPECT_EQ(eddy_queue_maxsize(&queue), 2);
    REQUIRE(eddy_queue_put(&queue, "a") == 0);
    REQUIRE(eddy_queue_put(&queue, "b") == 0);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "c"), EDDY_EQUEUEFULL);
    eddy_queue_shutdown(&queue, false);
    REQUIRE(eddy_queue_get(&queue, &item) == 0);
    EXPECT_STR(item, "b");
    eddy_queue_shutdown(&queue, true);
    EXPECT_EQ(eddy_queue_get(&queue, &item), EDDY_EQUEUESHUTDOWN);
    EXPECT_EQ(eddy_queue_task_done(&queue), 0);
    EXPECT_EQ(eddy_queue_join(&queue), 0);
    eddy_queue_fini(&queue);
    return 0;
}
