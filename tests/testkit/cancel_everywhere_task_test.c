/*
 * Cancellation everywhere in what a single task waits for: time, tasks, futures, coroutines,
 * timeouts, shields.
 */
#include "testkit/everywhere.h"

static struct {
    int begun, cleaned_up, finished;
    double ended_at;
    eddy_future *future;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

/* Sleeps and cleans up, whether it is cancelled or not. */
static eddy_async(work, (double, seconds))
{
    int rc;

    all.begun++;
    rc = eddy_sleep(seconds);
    eddy_sleep(0); /* cleaning up takes a while */
    all.cleaned_up++;
    all.finished += rc == 0;
    return rc;
}

static int check(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(all.begun == all.cleaned_up);
}

/* Sleep. */

static eddy_async(sleep_three_times)
{
    eddy_try(eddy_sleep(1));
    eddy_try(eddy_sleep(0));
    eddy_try(eddy_sleep(1));
    all.ended_at = eddy_loop_time(eddy_get_running_loop());
    return 0;
}

static int sleep_scenario(void *unused)
{
    eddy_task *tasks[] = {eddy_create_task(sleep_three_times(), .name = "victim"),
                          eddy_create_task(sleep_three_times(), .name = "bystander")};

    return join(tasks, 2);
}

/* The other's time is its own. */
static int sleep_check(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(all.ended_at == 2);
}

TEST_VIRTUAL(a_sleep_ends_early_only_for_whom_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"sleep", sleep_scenario, .begin = begin, .check = sleep_check,
                                     .task = "victim"},
               4);
}

/* Await: of a task, of a coroutine, of a future that others end. */

static int await_task_scenario(void *unused)
{
    return eddy_await(eddy_create_task(work(1), .name = "child"));
}

/* The cancellation of who awaits ends the task, and waits for its end. */
static int await_task_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(check(NULL, trial));
    return trial->task ? 0 : HOLDS(all.finished == 1);
}

TEST_VIRTUAL(an_awaited_task_ends_before_the_task_that_awaits_it)
{
    /*
     * A child that is cleaning up does not listen: then who awaits it is not cancelled either, as
     * in asyncio.
     */
    everywhere(&(eddy_test_scenario){"await task", await_task_scenario, .begin = begin,
                                     .check = await_task_check, .survives = true},
               5);
}

static eddy_async(outer)
{
    int rc = eddy_await(work(1));

    return rc < 0 ? rc : eddy_await(eddy_sleep_coro(1, 0, NULL));
}

static int await_coroutine_scenario(void *unused)
{
    eddy_task *tasks[] = {eddy_create_task(outer()), eddy_create_task(outer())};

    return join(tasks, 2);
}

TEST_VIRTUAL(a_cancellation_in_a_coroutine_comes_out_through_those_that_await_it)
{
    everywhere(&(eddy_test_scenario){"await coroutine", await_coroutine_scenario, .begin = begin,
                                     .check = check, .survives = true},
               6);
}

static eddy_async(await_future)
{
    int rc = eddy_await(eddy_ref(all.future));

    all.finished += rc == 0;
    return rc;
}

static eddy_async(set_future)
{
    eddy_future *f = eddy_ref(all.future); /* the scenario may be cancelled, and drop its own */

    eddy_sleep(1);
    eddy_future_set_result(f, 0);
    eddy_unref(f);
    return 0;
}

static int await_future_scenario(void *unused)
{
    eddy_task *tasks[3];

    all.future = eddy_create_future();
    tasks[0] = eddy_create_task(await_future(), .name = "a");
    tasks[1] = eddy_create_task(await_future(), .name = "b");
    tasks[2] = eddy_create_task(set_future(), .name = "setter");
    return join(tasks, 3);
}

/*
 * Cancelling one who awaits it cancels the future, so that the other gets that too; but not when it
 * is done already.
 */
static int await_future_check(void *unused, const eddy_test_trial *trial)
{
    eddy_unref(all.future); /* only now: others may still use it when the scenario is cancelled */
    if (!trial->task)
        return HOLDS(all.finished == 2);
    if (strstr(trial->accident, "after-event") && !strstr(trial->accident, "first step") &&
        trial->status >= 0)
        return HOLDS(all.finished == 1);
    return 0;
}

TEST_VIRTUAL(a_future_is_awaited_by_several_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"await future", await_future_scenario, .begin = begin,
                                     .check = await_future_check, .spare = "setter"},
               6);
}

/* Timeouts. */

static eddy_async(within, (double, limit), (double, needed))
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, limit);
    rc = eddy_await(work(needed));
    rc = eddy_timeout_exit(&tm, rc);
    return rc == -ETIMEDOUT ? 0 : rc;
}

static int timeout_scenario(void *unused)
{
    eddy_task *tasks[] = {eddy_create_task(within(2, 1)), eddy_create_task(within(1, 2)),
                          eddy_create_task(within(1, 1))};

    return join(tasks, 3);
}

TEST_VIRTUAL(a_timeout_withdraws_its_own_cancellation_and_no_other)
{
    eddy_test_scenario s = {"timeout", timeout_scenario, .begin = begin, .check = check,
                            .survives = true};

    everywhere(&s, 10);
}

static eddy_async(wait_for_work, (double, limit), (double, needed))
{
    int rc = eddy_await(eddy_wait_for(work(needed), limit));

    return rc == -ETIMEDOUT ? 0 : rc;
}

static eddy_async(wait_for_task, (double, limit), (double, needed))
{
    int rc = eddy_await(eddy_wait_for(eddy_create_task(work(needed), .name = "inner"), limit));

    return rc == -ETIMEDOUT ? 0 : rc;
}

static int wait_for_scenario(void *unused)
{
    eddy_task *tasks[] = {
        eddy_create_task(wait_for_work(2, 1)), eddy_create_task(wait_for_work(1, 2)),
        eddy_create_task(wait_for_task(2, 1)), eddy_create_task(wait_for_task(1, 2)),
        eddy_create_task(wait_for_task(0, 1))};

    return join(tasks, 5);
}

TEST_VIRTUAL(wait_for_waits_for_the_end_of_what_it_cancels)
{
    everywhere(&(eddy_test_scenario){"wait_for", wait_for_scenario, .begin = begin, .check = check,
                                     .survives = true},
               20);
}

/* Shield. */

static int shield_scenario(void *unused)
{
    eddy_task *inner = eddy_create_task(work(2), .name = "inner");
    int rc = eddy_await(eddy_shield(eddy_ref(inner)));

    if (rc == -ECANCELED)
        eddy_await(eddy_ref(inner)); /* takes no notice, and waits for it */
    eddy_unref(inner);
    return rc;
}

static int shield_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(check(NULL, trial));
    if (trial->task && strcmp(trial->task, "shield") == 0 && !strstr(trial->accident, "again") &&
        !strstr(trial->accident, "suspension 2") && !strstr(trial->accident, "first step"))
        return HOLDS(all.finished == 1);
    return 0;
}

TEST_VIRTUAL(what_is_shielded_goes_on)
{
    everywhere(&(eddy_test_scenario){"shield", shield_scenario, .begin = begin,
                                     .check = shield_check, .task = "shield"},
               1);
    everywhere(&(eddy_test_scenario){"shielded", shield_scenario, .begin = begin, .check = check,
                                     .task = "inner", .survives = true},
               2);
}
