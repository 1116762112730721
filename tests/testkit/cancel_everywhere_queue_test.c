/*
 * Cancellation everywhere in queues: each item is either taken or still there, and what wakes a
 * cancelled task wakes the next.
 */
#include "testkit/everywhere.h"

enum { TASKS = 3 };

static eddy_queue queue;
static int put_in, taken_out, finished;
static char item;

static void begin(void *unused)
{
    eddy_queue_init(&queue, 0);
    put_in = taken_out = finished = 0;
}

static void begin_full(void *unused)
{
    begin(NULL);
    queue.eddyi_maxsize = 1;
    put_in = eddy_queue_put_nowait(&queue, &item) == 0;
}

/* Checks that the queue holds exactly the items that were put and not taken. */
static int check(void *unused, const eddy_test_trial *trial)
{
    int rc = HOLDS((size_t)(put_in - taken_out) == eddy_queue_qsize(&queue));
    char *got;

    while (rc == 0 && !eddy_queue_empty(&queue))
        rc = eddy_queue_get_nowait(&queue, &got);
    if (rc == 0 && !trial->task)
        rc = HOLDS(finished == TASKS);
    if (rc == 0)
        rc = HOLDS(eddy_queue_put(&queue, &item) == 0);
    eddy_queue_fini(&queue);
    return rc;
}

static int run_three(eddy_coroutine *a, eddy_coroutine *b, eddy_coroutine *c)
{
    eddy_task *tasks[TASKS] = {eddy_create_task(a, .name = "first"),
                               eddy_create_task(b, .name = "second"),
                               eddy_create_task(c, .name = "third")};

    return join(tasks, TASKS);
}

/* Getters: one item, which each that gets it puts back for the next. */

static eddy_async(get_and_put_back)
{
    char *got;
    int rc;

    eddy_try(eddy_queue_get(&queue, &got));
    taken_out++;
    rc = eddy_sleep(0);
    finished += rc == 0;
    if (eddy_queue_put_nowait(&queue, got) == 0)
        put_in++;
    return rc;
}

static int getters_scenario(void *unused)
{
    eddy_task *tasks[TASKS];

    for (int i = 0; i < TASKS; i++)
        tasks[i] = eddy_create_task(get_and_put_back());
    eddy_sleep(1);
    if (eddy_queue_put_nowait(&queue, &item) == 0)
        put_in++;
    return join(tasks, TASKS);
}

TEST_VIRTUAL(an_item_goes_to_the_next_getter_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"getters", getters_scenario, .begin = begin, .check = check,
                                     .spare = "getters"},
               6);
}

/* Putters: a full queue of one; each that has put takes it out again, which makes room for the
 * next. */

static eddy_async(put_and_take_back)
{
    char *got;
    int rc;

    eddy_try(eddy_queue_put(&queue, &item));
    put_in++;
    rc = eddy_sleep(0);
    finished += rc == 0;
    if (eddy_queue_get_nowait(&queue, &got) == 0)
        taken_out++;
    return rc;
}

static eddy_async(make_room)
{
    char *got;

    eddy_sleep(1);
    if (eddy_queue_get_nowait(&queue, &got) == 0)
        taken_out++;
    finished++;
    return eddy_sleep(0);
}

static int putters_scenario(void *unused)
{
    return run_three(put_and_take_back(), put_and_take_back(), make_room());
}

TEST_VIRTUAL(room_goes_to_the_next_putter_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"putters", putters_scenario, .begin = begin_full,
                                     .check = check, .spare = "third"},
               8);
}

/* Producers and consumers, with a join. */

static eddy_async(produce)
{
    for (int i = 0; i < 3; i++) {
        eddy_try(eddy_queue_put(&queue, &item));
        put_in++;
    }
    finished++;
    return 0;
}

static eddy_async(consume)
{
    char *got;

    for (;;) {
        int rc;

        eddy_try(eddy_queue_get(&queue, &got));
        taken_out++;
        rc = eddy_sleep(1);
        eddy_queue_task_done(&queue);
        eddy_try(rc);
    }
}

static int join_scenario(void *unused)
{
    eddy_task *producer = eddy_create_task(produce());
    eddy_task *consumers[2] = {eddy_create_task(consume(), .name = "expendable"),
                               eddy_create_task(consume())};
    int rc = join(&producer, 1);

    if (rc == 0)
        rc = eddy_queue_join(&queue);
    for (int i = 0; i < 2; i++)
        eddy_task_cancel(consumers[i], NULL);
    finished += 2;
    return join(consumers, 2) < 0 ? -ECANCELED : rc;
}

static void begin_small(void *unused)
{
    begin(NULL);
    queue.eddyi_maxsize = 1;
}

/* If it is a consumer that is cancelled, the other does all the work. */
TEST_VIRTUAL(work_is_done_wherever_a_producer_or_a_consumer_is_cancelled)
{
    eddy_test_scenario s = {"join", join_scenario, .begin = begin_small, .check = check,
                            .task = "expendable"};

    everywhere(&s, 3);
    s.task = "produce";
    everywhere(&s, 2);
    s.task = "join";
    everywhere(&s, 3);
}

/* A shutdown wakes every waiter, also one that is cancelled at the same time. */

static eddy_async(put_until_shut_down)
{
    for (;;) {
        eddy_try(eddy_queue_put(&queue, &item));
        put_in++;
    }
}

static eddy_async(shut_down)
{
    int rc = eddy_sleep(1);

    eddy_queue_shutdown(&queue, false);
    finished += 3;
    return rc;
}

static int shutdown_scenario(void *unused)
{
    return run_three(put_until_shut_down(), put_until_shut_down(), shut_down());
}

static int shutdown_check(void *unused, const eddy_test_trial *trial)
{
    char *got;
    int rc = HOLDS((size_t)(put_in - taken_out) == eddy_queue_qsize(&queue));

    while (rc == 0 && !eddy_queue_empty(&queue))
        rc = eddy_queue_get_nowait(&queue, &got);
    if (rc == 0)
        rc = HOLDS(eddy_queue_get(&queue, &got) == EDDY_EQUEUESHUTDOWN || trial->task);
    eddy_queue_fini(&queue);
    return rc;
}

TEST_VIRTUAL(a_shutdown_ends_all_waits_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"shutdown", shutdown_scenario, .begin = begin_full,
                                     .check = shutdown_check, .spare = "third"},
               5);
}
