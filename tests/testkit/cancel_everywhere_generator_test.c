/*
 * Cancellation everywhere in asynchronous generators: their clean-up runs, and they end.
 */
#include "testkit/everywhere.h"

static eddy_lock lock;
static int begun, cleaned_up, received;

static void begin(void *unused)
{
    lock = (eddy_lock){0};
    begun = cleaned_up = received = 0;
}

static int check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(begun == cleaned_up));
    return HOLDS(!eddy_lock_locked(&lock));
}

static int count_with_lock(int n)
{
    for (int i = 0; i < n; i++) {
        eddy_try(eddy_sleep(1));
        eddy_try(eddy_yield(&i, NULL));
    }
    return 0;
}

/* Awaits while it works, and while it cleans up. */
static eddy_async_gen(count, (int, n))
{
    int rc;

    eddy_try(eddy_lock_acquire(&lock));
    begun++;
    rc = count_with_lock(n);
    eddy_sleep(0);
    eddy_lock_release(&lock);
    cleaned_up++;
    return rc;
}

static eddy_async(iterate)
{
    eddy_async_generator *g = count(2);
    void *value;
    int rc;

    while ((rc = eddy_anext(g, &value)) > 0)
        received++;
    eddy_async_generator_free(g);
    return rc;
}

static int iterate_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(iterate()), eddy_create_task(iterate())};

    return join(tasks, 2);
}

TEST_VIRTUAL(a_generator_cleans_up_wherever_its_consumer_is_cancelled)
{
    eddy_test_scenario s = {"async generator", iterate_scenario, .begin = begin, .check = check,
                            .survives = true};

    everywhere(&s, 8);
}

/* The consumer waits between two values; the generator is suspended meanwhile. */
static eddy_async(pause_between)
{
    eddy_async_generator *g = count(2);
    void *value;
    int rc;

    while ((rc = eddy_anext(g, &value)) > 0) {
        received++;
        rc = eddy_sleep(1);
        if (rc < 0)
            break;
    }
    eddy_aclose(g);
    eddy_async_generator_free(g);
    return rc;
}

static int pause_scenario(void *unused)
{
    eddy_task *tasks[2] = {eddy_create_task(pause_between()), eddy_create_task(pause_between())};

    return join(tasks, 2);
}

TEST_VIRTUAL(a_suspended_generator_is_closed_wherever_its_consumer_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"paused generator", pause_scenario, .begin = begin,
                                     .check = check, .survives = true},
               10);
}

/* Yields each value that is sent in, and ends with the error that is thrown in. */
static eddy_async_gen(repeat)
{
    static int nothing;
    void *value = &nothing;
    int rc;

    begun++;
    while ((rc = eddy_yield(value, &value)) >= 0 && (rc = eddy_sleep(1)) >= 0)
        ;
    if (eddy_sleep(0) < 0)
        rc = -ECANCELED;
    cleaned_up++;
    return rc;
}

static int send_and_throw(eddy_async_generator *g)
{
    int sent[2];
    void *value;
    int rc;

    eddy_try(eddy_anext(g, &value));
    for (int i = 0; i < 2; i++) {
        eddy_try(eddy_asend(g, &sent[i], &value));
        received += value == &sent[i];
    }
    rc = eddy_athrow(g, &value, EDDY_EUSER, "enough");
    received += rc == EDDY_EUSER;
    return rc == EDDY_EUSER ? 0 : rc;
}

static eddy_async(converse)
{
    eddy_async_generator *g = repeat();
    int rc = send_and_throw(g);

    eddy_async_generator_free(g);
    return rc;
}

static int converse_scenario(void *unused)
{
    return run_alone(converse());
}

static int converse_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(check(NULL, trial));
    return HOLDS(received == 3 || (trial->task && received < 3));
}

TEST_VIRTUAL(a_generator_that_is_sent_to_cleans_up_wherever_its_consumer_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"sent to", converse_scenario, .begin = begin,
                                     .check = converse_check, .task = "converse"},
               3);
}

/* A generator that only the end of the loop closes. */
static eddy_async_generator *forgotten;

static int forget_scenario(void *unused)
{
    void *value;
    int rc;

    forgotten = count(2);
    rc = eddy_anext(forgotten, &value);
    return rc < 0 ? rc : eddy_sleep(0);
}

static int forget_check(void *unused, const eddy_test_trial *trial)
{
    int rc = check(NULL, trial);

    eddy_async_generator_free(forgotten);
    forgotten = NULL;
    return rc;
}

TEST_VIRTUAL(a_forgotten_generator_is_closed_with_its_loop_wherever_its_consumer_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"forgotten generator", forget_scenario, .begin = begin,
                                     .check = forget_check, .survives = true},
               2);
}
