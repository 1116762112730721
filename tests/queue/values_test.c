/* Queues of values of a fixed size. */
#include "harness/test.h"

#include "harness/trace.h"

static eddy_queue queue;

struct record {
    double a;
    char name[20];
    int b;
};

static int put(int i)
{
    struct record r = {.a = i / 2.0, .b = i};

    snprintf(r.name, sizeof r.name, "record %d", i);
    return eddy_queue_put_value(&queue, &r);
}

static void expect_record(const struct record *r, int i)
{
    char name[20];

    snprintf(name, sizeof name, "record %d", i);
    EXPECT_EQ(r->a, i / 2.0);
    EXPECT_EQ(r->b, i);
    EXPECT_STR(r->name, name);
}

TEST_ASYNC(a_value_is_copied_in_and_out)
{
    struct record r;

    eddy_queue_init_values(&queue, 0, sizeof r);
    for (int i = 0; i < 30; i++) /* put() reuses its variable each time */
        REQUIRE(put(i) == 0);
    for (int i = 0; i < 30; i++) {
        REQUIRE(eddy_queue_get_value(&queue, &r) == 0);
        expect_record(&r, i);
    }
    EXPECT(eddy_queue_empty(&queue));
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(values_of_any_size_can_be_queued)
{
    static const size_t sizes[] = {0, 1, 3, 8, 13, 4096};

    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        unsigned char in[4096], out[4096];

        eddy_queue_init_values(&queue, 0, sizes[k]);
        for (int i = 0; i < 20; i++) {
            memset(in, i, sizeof in);
            REQUIRE(eddy_queue_put_value(&queue, in) == 0);
        }
        EXPECT_EQ(eddy_queue_qsize(&queue), 20);
        for (int i = 0; i < 20; i++) {
            memset(in, i, sizeof in);
            memset(out, 255, sizeof out);
            REQUIRE(eddy_queue_get_value(&queue, out) == 0);
            EXPECT(memcmp(in, out, sizes[k]) == 0);
            EXPECT(sizes[k] == sizeof out || out[sizes[k]] == 255);
        }
        eddy_queue_fini(&queue);
    }
    return 0;
}

TEST_ASYNC(a_lifo_queue_of_values_gives_the_last_first)
{
    struct record r;

    eddy_lifo_queue_init_values(&queue, 0, sizeof r);
    for (int i = 0; i < 30; i++)
        REQUIRE(put(i) == 0);
    for (int i = 29; i >= 0; i--) {
        REQUIRE(eddy_queue_get_value_nowait(&queue, &r) == 0);
        expect_record(&r, i);
    }
    eddy_queue_fini(&queue);
    return 0;
}

static int compare_records(const void *a, const void *b)
{
    return ((const struct record *)a)->b - ((const struct record *)b)->b;
}

TEST_ASYNC(a_priority_queue_of_values_compares_their_addresses)
{
    struct record r;

    eddy_priority_queue_init_values(&queue, 0, sizeof r, compare_records);
    for (int i = 0; i < 30; i++)
        REQUIRE(put(i * 7 % 30) == 0);
    for (int i = 0; i < 30; i++) {
        REQUIRE(eddy_queue_get_value(&queue, &r) == 0);
        expect_record(&r, i);
    }
    eddy_queue_fini(&queue);
    return 0;
}

static eddy_async(get_one)
{
    struct record r;

    eddy_try(eddy_queue_get_value(&queue, &r));
    trace("%s", r.name);
    return 0;
}

static eddy_async(put_one, (int, i))
{
    return put(i);
}

TEST_ASYNC(getters_and_putters_of_values_wait_as_those_of_pointers)
{
    eddy_task *getter, *putter;
    struct record r = {.name = ""};

    eddy_queue_init_values(&queue, 1, sizeof r);
    getter = eddy_create_task(get_one());
    EXPECT_EQ(eddy_sleep(0), 0);
    REQUIRE(put(1) == 0);
    EXPECT_EQ(eddy_queue_put_value_nowait(&queue, &r), EDDY_EQUEUEFULL);
    EXPECT_EQ(eddy_await(getter), 0);
    EXPECT_STR(traced(), "record 1");

    REQUIRE(put(2) == 0);
    putter = eddy_create_task(put_one(3));
    EXPECT_EQ(eddy_sleep(0), 0);
    REQUIRE(eddy_queue_get_value(&queue, &r) == 0);
    expect_record(&r, 2);
    EXPECT_EQ(eddy_await(putter), 0);
    REQUIRE(eddy_queue_get_value(&queue, &r) == 0);
    expect_record(&r, 3);
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(a_cancelled_getter_leaves_the_callers_value_as_it_was)
{
    struct record r = {.name = "untouched"};
    eddy_timeout tm;
    int rc;

    eddy_queue_init_values(&queue, 1, sizeof r);
    eddy_timeout_enter(&tm, 1);
    rc = eddy_queue_get_value(&queue, &r);
    EXPECT_EQ(eddy_timeout_exit(&tm, rc), -ETIMEDOUT);
    EXPECT_STR(r.name, "untouched");
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(the_calls_for_pointers_refuse_a_queue_of_values_and_the_other_way_round)
{
    struct record r = {.name = "untouched"};
    void *item = &r;

    eddy_queue_init_values(&queue, 0, sizeof r);
    EXPECT_EQ(eddy_queue_put(&queue, item), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()),
               "the queue holds values: use the calls with _value");
    EXPECT_EQ(eddy_queue_put_nowait(&queue, item), EDDY_EMISUSE);
    EXPECT_EQ(eddy_queue_get(&queue, &item), EDDY_EMISUSE);
    EXPECT_EQ(eddy_queue_get_nowait(&queue, &item), EDDY_EMISUSE);
    EXPECT(item == &r);

    eddy_queue_init(&queue, 0);
    EXPECT_EQ(eddy_queue_put_value(&queue, &r), EDDY_EMISUSE);
    EXPECT_STR(eddy_exception_message(eddy_error()), "the queue holds pointers, not values");
    EXPECT_EQ(eddy_queue_put_value_nowait(&queue, &r), EDDY_EMISUSE);
    EXPECT_EQ(eddy_queue_get_value(&queue, &r), EDDY_EMISUSE);
    EXPECT_EQ(eddy_queue_get_value_nowait(&queue, &r), EDDY_EMISUSE);
    EXPECT_STR(r.name, "untouched");
    EXPECT(eddy_queue_empty(&queue));
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(a_size_whose_array_cannot_exist_is_out_of_memory)
{
    char byte = 0;

    eddy_queue_init_values(&queue, 0, SIZE_MAX / 4);
    EXPECT_EQ(eddy_queue_put_value_nowait(&queue, &byte), -ENOMEM);
    EXPECT(eddy_queue_empty(&queue));
    eddy_queue_fini(&queue);
    return 0;
}

TEST_ASYNC(freeing_twice_is_harmless)
{
    struct record r = {.b = 1};

    eddy_queue_init_values(&queue, 0, sizeof r);
    REQUIRE(eddy_queue_put_value(&queue, &r) == 0);
    eddy_queue_fini(&queue);
    eddy_queue_fini(&queue);
    EXPECT_EQ(eddy_queue_qsize(&queue), 0);
    return 0;
}
