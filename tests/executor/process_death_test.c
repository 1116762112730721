/*
 * Workers that are killed at random moments: in a job, while they send its result, between two.
 */
#include "harness/test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS = 10000, AT_ONCE = 64, LARGEST = 100000 };

struct order {
    unsigned number;
    unsigned size;  /* of the result */
    unsigned alarm; /* microseconds until the worker is killed; 0: it is not */
};

static int work(void *arg)
{
    struct order *o = arg;
    unsigned char *bytes;
    int rc;

    if (o->alarm == 1)
        raise(SIGKILL);
    if (o->alarm)
        ualarm(o->alarm, 0);
    bytes = malloc(o->size + 1);
    memset(bytes, (int)o->number, o->size);
    rc = eddy_return_bytes(bytes, o->size);
    free(bytes);
    return rc < 0 ? rc : (int)o->number;
}

struct tally {
    unsigned next, n, done, broken;
};

static bool is_right(const struct order *o, const eddy_bytes *b)
{
    const unsigned char *bytes = b->data;

    for (size_t i = 0; i < b->size; i++)
        if (bytes[i] != (unsigned char)o->number)
            return false;
    return b->size == o->size;
}

/* A worker that is killed is told from one that closed its connection only if the machine is not so
 * busy that the news of its end takes longer than the pool waits. */
static bool is_a_death(const char *message)
{
    return strstr(message, "was killed by signal") || strstr(message, "closed its connection");
}

static eddy_async(order_one, (eddy_executor *, pool), (struct tally *, tally),
                  (struct order, order))
{
    eddy_bytes bytes = {NULL, 0};
    eddy_future *f = eddy_loop_run_in_executor(NULL, pool, work, &order, .size = sizeof order);
    int rc = eddy_await_bytes(f, &bytes);

    if (rc == EDDY_EBROKEN) {
        tally->broken++;
        EXPECT(is_a_death(eddy_exception_message(eddy_error())));
    } else if (EXPECT_EQ(rc, order.number)) {
        tally->done++;
        EXPECT(is_right(&order, &bytes));
    }
    eddy_bytes_fini(&bytes);
    return 0;
}

static eddy_async(order_some, (eddy_executor *, pool), (struct tally *, tally))
{
    while (tally->next < tally->n) {
        unsigned r = (unsigned)random();
        struct order o = {.number = tally->next++, .size = r % 3 ? r % 1000 : r % LARGEST};

        if (r % 20 == 7)
            o.alarm = 1 + (unsigned)random() % 300;
        eddy_try(eddy_await(order_one(pool, tally, o)));
    }
    return 0;
}

TEST_ASYNC_REAL(threads_end_every_job_though_their_workers_are_killed_at_random)
{
    struct tally tally = {.n = test_tortured() ? 30 : JOBS};
    eddy_executor *pool = eddy_process_pool_new(4);
    eddy_group tg;
    int rc;

    REQUIRE(pool != NULL);
    eddy_group_enter(&tg);
    for (int i = 0; i < AT_ONCE; i++)
        eddy_group_create_task(&tg, order_some(pool, &tally));
    rc = eddy_group_exit(&tg, 0);
    eddy_executor_free(pool);
    EXPECT_EQ(tally.done + tally.broken, tally.n);
    EXPECT(test_tortured() || (tally.done > 0 && tally.broken > 0));
    return rc;
}
