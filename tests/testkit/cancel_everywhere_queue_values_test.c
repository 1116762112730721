/*
 * Cancellation everywhere in queues of values: each value that went in is taken out once, or still
 * there.
 */
#include "testkit/everywhere.h"

enum { PRODUCERS = 2, EACH = 3, VALUES = PRODUCERS * EACH };

static eddy_queue queue;
static int put_in[VALUES], taken_out[VALUES], wrong, finished;

/* Larger than a register, so that half of one would show. */
struct value {
    int n, again[4];
};

static void begin(void *unused)
{
    eddy_queue_init_values(&queue, 1, sizeof(struct value));
    memset(put_in, 0, sizeof put_in);
    memset(taken_out, 0, sizeof taken_out);
    wrong = finished = 0;
}

static void take(const struct value *v)
{
    if (v->n < 0 || v->n >= VALUES || v->again[0] != v->n || v->again[3] != v->n)
        wrong++;
    else
        taken_out[v->n]++;
}

static eddy_async(produce, (int, first))
{
    for (int n = first; n < first + EACH; n++) {
        eddy_try(eddy_queue_put_value(&queue, &(struct value){n, {n, n, n, n}}));
        put_in[n]++;
    }
    finished++;
    return 0;
}

static eddy_async(consume)
{
    struct value v;

    for (;;) {
        eddy_try(eddy_queue_get_value(&queue, &v));
        take(&v);
        eddy_try(eddy_sleep(1));
    }
}

/* Should one consumer be cancelled, the other does all the work. */
static int scenario(void *unused)
{
    eddy_task *consumers[2] = {eddy_create_task(consume()),
                               eddy_create_task(consume(), .name = "spared")};
    eddy_task *producers[PRODUCERS] = {eddy_create_task(produce(0)),
                                       eddy_create_task(produce(EACH))};
    int rc = join(producers, PRODUCERS);

    for (int i = 0; i < 2; i++)
        eddy_task_cancel(consumers[i], NULL);
    return join(consumers, 2) < 0 ? -ECANCELED : rc;
}

static int check(void *unused, const eddy_test_trial *trial)
{
    struct value v;
    int rc = HOLDS(finished == PRODUCERS || (trial->task && finished >= PRODUCERS - 1));

    while (rc == 0 && !eddy_queue_empty(&queue)) {
        rc = eddy_queue_get_value_nowait(&queue, &v);
        take(&v);
    }
    for (int n = 0; rc == 0 && n < VALUES; n++)
        rc = HOLDS(put_in[n] == taken_out[n]);
    eddy_queue_fini(&queue);
    return rc == 0 ? HOLDS(!wrong) : rc;
}

TEST_VIRTUAL(each_value_comes_out_once_wherever_a_producer_or_a_consumer_is_cancelled)
{
    eddy_test_scenario s = {"values", scenario, .begin = begin, .check = check, .task = "produce"};

    everywhere(&s, 4);
    s.task = "consume";
    everywhere(&s, 3);
}
