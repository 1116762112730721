/* PriorityQueue: rule 134. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_queue queue;

struct job {
    int priority;
    const char *name;
};

static int compare_jobs(const void *a, const void *b)
{
    const struct job *x = a, *y = b;

    return (x->priority > y->priority) - (x->priority < y->priority);
}

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;

    return (x > y) - (x < y);
}

TEST_ASYNC(the_lowest_item_comes_out_first_whatever_the_order_of_the_puts)
{
    struct job jobs[] = {{3, "later"}, {1, "now"}, {2, "soon"}}, *job;

    eddy_priority_queue_init(&queue, 0, compare_jobs);
    for (int i = 0; i < 3; i++)
        REQUIRE(eddy_queue_put(&queue, &jobs[i]) == 0);
    REQUIRE(eddy_queue_get(&queue, &job) == 0);
    EXPECT_STR(job->name, "now");
    REQUIRE(eddy_queue_get(&queue, &job) == 0);
    EXPECT_STR(job->name, "soon");
    REQUIRE(eddy_queue_get(&queue, &job) == 0);
    EXPECT_STR(job->name, "later");
    eddy_queue_fini(&queue);
    return 0;
}

/* Puts and gets at random, against a table of how many there are of each priority. */
enum { PRIORITIES = 16 };

static int lowest(const int *counts)
{
    for (int p = 0; p < PRIORITIES; p++)
        if (counts[p] > 0)
            return p;
    return -1;
}

TEST_ASYNC(at_any_time_the_lowest_of_those_that_are_there_comes_out)
{
    int counts[PRIORITIES] = {0}, got;
    unsigned r = 7;

    eddy_priority_queue_init_values(&queue, 0, sizeof(int), compare_ints);
    for (int step = 0; step < 5000; step++) {
        int expected = lowest(counts), priority;

        r = r * 1664525 + 1013904223;
        priority = (int)(r >> 20) % PRIORITIES;
        if ((r >> 8) % 100 < 52 || expected < 0) {
            REQUIRE(eddy_queue_put_value_nowait(&queue, &priority) == 0);
            counts[priority]++;
        } else {
            REQUIRE(eddy_queue_get_value_nowait(&queue, &got) == 0);
            EXPECT_EQ(got, expected);
            counts[expected]--;
        }
    }
    for (int expected; (expected = lowest(counts)) >= 0; counts[expected]--) {
        REQUIRE(eddy_queue_get_value_nowait(&queue, &got) == 0);
        EXPECT_EQ(got, expected);
    }
    EXPECT(eddy_queue_empty(&queue));
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(equal_items_all_come_out_each_once)
{
    struct job jobs[20], *job;
    bool seen[20] = {false};

    eddy_priority_queue_init(&queue, 0, compare_jobs);
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct job){.priority = 5};
        REQUIRE(eddy_queue_put(&queue, &jobs[i]) == 0);
    }
    for (int i = 0; i < 20; i++) {
        REQUIRE(eddy_queue_get(&queue, &job) == 0);
        EXPECT(job >= jobs && job < jobs + 20 && !seen[job - jobs]);
        seen[job - jobs] = true;
    }
    eddy_queue_fini(&queue);
    return 0;
}

static eddy_async(get_one, (const char *, name))
{
    int item;

    eddy_try(eddy_queue_get_value(&queue, &item));
    trace("%s=%d", name, item);
    return 0;
}

TEST_ASYNC(waiting_getters_are_served_in_the_order_in_which_they_came_with_the_lowest_then,
           .ordered = true)
{
    eddy_task *a = eddy_create_task(get_one("a")), *b = eddy_create_task(get_one("b"));
    int high = 9, low = 1;

    eddy_priority_queue_init_values(&queue, 0, sizeof(int), compare_ints);
    EXPECT_EQ(eddy_sleep(0), 0);
    REQUIRE(eddy_queue_put_value_nowait(&queue, &high) == 0);
    REQUIRE(eddy_queue_put_value_nowait(&queue, &low) == 0);
    EXPECT_EQ(eddy_await(a), 0);
    EXPECT_EQ(eddy_await(b), 0);
    EXPECT_STR(traced(), "a=1 b=9");
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(it_has_a_limit_and_a_shutdown_like_any_queue)
{
    int items[] = {2, 1, 3}, item;

    eddy_priority_queue_init_values(&queue, 2, sizeof(int), compare_ints);
    REQUIRE(eddy_queue_put_value(&queue, &items[0]) == 0);
    REQUIRE(eddy_queue_put_value(&queue, &items[1]) == 0);
    EXPECT_EQ(eddy_queue_put_value_nowait(&queue, &items[2]), EDDY_EQUEUEFULL);
    eddy_queue_shutdown(&queue, true);
    EXPECT_EQ(eddy_queue_get_value(&queue, &item), EDDY_EQUEUESHUTDOWN);
    eddy_queue_fini(&queue);
    return 0;
}
