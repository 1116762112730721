/* Calls that fail. */
#include "eddy/test.h"
#include "harness/test.h"

#include <stdio.h>
#include <string.h>

static eddy_queue queue;

static eddy_async(put_one)
{
    return eddy_queue_put(&queue, "item");
}

TEST_VIRTUAL(a_call_fails_by_name_once_or_always_until_nothing_does)
{
    eddy_queue_init(&queue, 0);
    eddy_test_fail_call("malloc", 2, ENOMEM);
    EXPECT(eddy_queue_put_nowait(&queue, "first") == 0);
    eddy_queue_fini(&queue);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "second"), -ENOMEM);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "third"), 0);
    EXPECT_EQ(eddy_test_fail_nothing(), 1);
    eddy_queue_fini(&queue);

    eddy_test_fail_call("malloc", 0, ENOMEM);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "x"), -ENOMEM);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "x"), -ENOMEM);
    EXPECT_EQ(eddy_test_fail_nothing(), 2);
    EXPECT_EQ(eddy_test_fail_nothing(), 0);
    EXPECT_EQ(eddy_queue_put_nowait(&queue, "x"), 0);
    eddy_queue_fini(&queue);
}

static char said[8000];

static void keep_line(const char *line, void *unused)
{
    strncat(said, line, sizeof said - strlen(said) - 2);
    strcat(said, "\n");
}

static void begin(void *unused)
{
    eddy_queue_init(&queue, 0);
}

static int check(void *unused, const eddy_test_trial *trial)
{
    EXPECT_EQ(strstr(trial->accident, "fails") != NULL, trial->call != NULL);
    eddy_queue_fini(&queue);
    return 0;
}

static int put_scenario(void *unused)
{
    eddy_task *a = eddy_create_task(put_one()), *b = eddy_create_task(put_one());
    int rc = eddy_await(a), rc_of_b = eddy_await(b);

    return rc < 0 ? rc : rc_of_b;
}

TEST_VIRTUAL(each_call_fails_once_and_with_all_after_it)
{
    eddy_test_scenario s = {
        .name = "put", .fn = put_scenario, .begin = begin, .check = check, .say = keep_line};
    eddy_test_result result = {0};

    EXPECT_EQ(eddy_test_fail_everywhere(&s, &result), 0);
    EXPECT(result.trials >= 10);
    EXPECT_EQ(result.trials % 2, 0);
    EXPECT_EQ(result.suspensions, 0);
    EXPECT_EQ(result.unreached, 0);
    EXPECT_STR(said, "");
}

static void run_put(void *unused)
{
    eddy_test_scenario s = {.name = "put", .fn = put_scenario, .begin = begin, .check = check};

    printf("%d failures\n", eddy_test_fail_everywhere(&s, NULL));
}

TEST_VIRTUAL(eddy_does_not_warn_of_a_shortage_that_the_kit_causes)
{
    char output[4000];

    test_in_child(run_put, NULL, output, sizeof output);
    EXPECT_STR(output, "0 failures\n");
}

static int leaky_scenario(void *unused)
{
    eddy_future *f = eddy_create_future();
    int rc = f ? eddy_queue_put(&queue, "item") : -ENOMEM;

    if (rc < 0)
        return rc; /* and forgets f */
    eddy_unref(f);
    return 0;
}

/* Does leak, so in a process of its own. */
static void run_leaky(void *unused)
{
    eddy_test_scenario s = {.name = "leaky", .fn = leaky_scenario, .begin = begin, .check = check};
    eddy_test_result result = {0};
    int failures = eddy_test_fail_everywhere(&s, &result);

    printf("%d and %zu\n", failures, result.failures);
}

TEST_VIRTUAL(what_is_forgotten_on_the_way_out_is_found)
{
    char output[4000];

    test_in_child(run_leaky, NULL, output, sizeof output);
    EXPECT_IN(" fails (malloc): it left ", output);
    EXPECT_IN("allocation(s) of the library", output);
    EXPECT_IN("[EDDY_TEST_ONLY='leaky/virtual/", output);
    EXPECT_IN("2 and 2\n", output);
}

static eddy_event arrived;

static eddy_async(arrive)
{
    eddy_event_set(&arrived);
    return 0;
}

/* Takes it for granted that a task could be made. */
static int trusting_scenario(void *unused)
{
    arrived = (eddy_event){0};
    eddy_spawn(arrive());
    return eddy_event_wait(&arrived);
}

TEST_VIRTUAL(a_wait_for_what_failed_to_begin_is_found)
{
    eddy_test_scenario s = {.name = "trusting", .fn = trusting_scenario, .say = keep_line};

    EXPECT(eddy_test_fail_everywhere(&s, NULL) > 0);
    EXPECT_IN("it never ends: ", said);
    EXPECT_IN("an event", said);
}
