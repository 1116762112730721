/*
 * Cancellation everywhere in what waits for several tasks at once: gather, wait, as_completed, task
 * groups.
 */
#include "testkit/everywhere.h"

static struct {
    int begun, cleaned_up, finished;
    bool left_behind; /* a scope ended before its children did */
    eddy_future *future;
    eddy_completions *it;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

static eddy_async(work, (double, seconds), (int, result))
{
    int rc;

    all.begun++;
    rc = eddy_sleep(seconds);
    eddy_sleep(0); /* cleaning up takes a while */
    all.cleaned_up++;
    all.finished += rc == 0;
    if (rc == 0 && result < 0)
        return eddy_raise(result, "as planned");
    return rc;
}

static int check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.begun == all.cleaned_up));
    return HOLDS(!all.left_behind);
}

/* gather */

static int gather_scenario(void *unused)
{
    return eddy_await(eddy_gather(work(1, 0), work(2, 0), work(2, 0)));
}

/* Checks that a task that waits for a cancelled gather waits for its children. */
static int gather_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(check(NULL, trial));
    return trial->task ? 0 : HOLDS(all.finished == 3);
}

TEST_VIRTUAL(a_gather_ends_all_its_children)
{
    everywhere(&(eddy_test_scenario){"gather", gather_scenario, .begin = begin,
                                     .check = gather_check, .survives = true},
               10);
    everywhere(&(eddy_test_scenario){"gather", gather_scenario, .begin = begin,
                                     .check = gather_check, .task = "gather"},
               2);
}

/* When a cancelled task goes on, everything that it waited for has ended: no child is still
 * cleaning up. */

static int note_left_behind(int rc)
{
    all.left_behind |= all.begun != all.cleaned_up;
    return rc;
}

static int clean_gather_scenario(void *unused)
{
    return note_left_behind(
        eddy_await(eddy_gather(work(1, 0), work(2, 0), eddy_gather(work(3, 0)))));
}

static int clean_wait_for_scenario(void *unused)
{
    int rc = note_left_behind(eddy_await(eddy_wait_for(eddy_create_task(work(2, 0)), 1)));

    if (rc != -ETIMEDOUT)
        return rc < 0 ? rc : EDDY_EUSER;
    return note_left_behind(eddy_await(eddy_wait_for(eddy_gather(work(1, 0), work(2, 0)), 3)));
}

static int clean_timeout_scenario(void *unused)
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, 1);
    rc = note_left_behind(eddy_await(eddy_create_task(work(2, 0))));
    rc = note_left_behind(eddy_timeout_exit(&tm, rc));
    return rc == -ETIMEDOUT ? 0 : rc;
}

/* A shielded task goes on when the wait times out. The scenario then cancels the task itself, and
 * waits for its end. */
static int clean_shield_scenario(void *unused)
{
    eddy_task *inner = eddy_create_task(work(2, 0));
    int rc = eddy_await(eddy_wait_for(eddy_shield(eddy_ref(inner)), 1));

    all.left_behind |= inner && eddy_task_cancelling(inner) > 0;
    if (rc == -ETIMEDOUT) {
        eddy_task_cancel(inner, NULL);
        rc = eddy_wait(&inner, 1, EDDY_FOREVER, EDDY_ALL_COMPLETED);
    }
    eddy_unref(inner);
    return rc < 0 ? rc : 0;
}

TEST_VIRTUAL(a_cancelled_task_goes_on_only_when_the_awaited_one_has_cleaned_up)
{
    static const struct {
        const char *name;
        int (*fn)(void *arg);
        size_t suspensions;
    } waits[] = {
        {"clean gather", clean_gather_scenario, 2},
        {"clean wait_for", clean_wait_for_scenario, 3},
        {"clean timeout", clean_timeout_scenario, 2},
        {"clean shield", clean_shield_scenario, 3},
    };

    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        everywhere(&(eddy_test_scenario){waits[i].name, waits[i].fn, .begin = begin, .check = check,
                                         .task = waits[i].name},
                   waits[i].suspensions);
}

static int gather_outcomes_scenario(void *unused)
{
    eddy_future *g =
        eddy_gather_list(EDDY_LIST(work(1, -EIO), eddy_gather(work(1, 0), work(2, 0))), true);
    int rc = g ? eddy_await(eddy_ref(g)) : -ENOMEM;

    if (rc == 0 && !eddy_gather_outcomes(g))
        rc = EDDY_EUSER;
    eddy_unref(g);
    return rc;
}

TEST_VIRTUAL(a_gather_of_outcomes_and_of_gathers_ends_all_its_children)
{
    everywhere(&(eddy_test_scenario){"outcomes", gather_outcomes_scenario, .begin = begin,
                                     .check = check, .survives = true},
               10);
    everywhere(&(eddy_test_scenario){"outcomes", gather_outcomes_scenario, .begin = begin,
                                     .check = check, .task = "outcomes"},
               2);
}

/* eddy_wait() cancels none of the tasks that it waits for. */

static int wait_scenario(void *unused)
{
    eddy_task *tasks[3] = {eddy_create_task(work(1, 0)), eddy_create_task(work(2, -EIO)),
                           eddy_create_task(work(3, 0))};
    int rc = eddy_wait(tasks, 3, EDDY_FOREVER, EDDY_FIRST_COMPLETED);

    if (rc >= 0)
        rc = eddy_wait(tasks, 3, EDDY_FOREVER, EDDY_FIRST_EXCEPTION);
    if (rc >= 0)
        rc = eddy_wait(tasks, 3, 0.5, EDDY_ALL_COMPLETED);
    if (rc >= 0)
        rc = eddy_wait(tasks, 3, 10, EDDY_ALL_COMPLETED);
    for (int i = 0; i < 3; i++)
        if (tasks[i] && rc == -ECANCELED)
            all.left_behind |= eddy_task_cancelling(tasks[i]) > 0;
    if (rc >= 0)
        return join(tasks, 3);
    for (int i = 0; i < 3; i++)
        eddy_unref(tasks[i]);
    return rc;
}

TEST_VIRTUAL(a_wait_that_is_cancelled_leaves_the_others_alone)
{
    eddy_test_scenario s = {"wait", wait_scenario, .begin = begin, .check = check, .task = "wait"};

    everywhere(&s, 4);
    s.task = "work";
    s.survives = true;
    everywhere(&s, 9);
}

static int wait_many_scenario(void *unused)
{
    eddy_task *tasks[20];

    for (int i = 0; i < 20; i++)
        tasks[i] = eddy_create_task(work(i % 4, 0));
    return join(tasks, 20);
}

TEST_VIRTUAL(a_wait_for_many_keeps_nothing)
{
    everywhere(&(eddy_test_scenario){"many", wait_many_scenario, .begin = begin, .check = check,
                                     .survives = true},
               40);
}

/* as_completed. */

static int completions_anext_scenario(void *unused)
{
    eddy_completions *it =
        eddy_as_completed(EDDY_LIST(work(2, 0), work(1, -EIO), work(3, 0)), EDDY_FOREVER);
    eddy_future *f;
    int rc, n = 0;

    while ((rc = eddy_completions_anext(it, &f)) > 0) {
        n++;
        eddy_future_result(f);
    }
    eddy_completions_free(it);
    return rc < 0 ? rc : n == 3 ? 0 : EDDY_EUSER;
}

static int completions_next_scenario(void *unused)
{
    eddy_completions *it = eddy_as_completed(EDDY_LIST(work(2, 0), work(1, 0), work(3, 0)), 2.5);
    eddy_coroutine *next;
    int rc = 0, n = 0;

    while (rc >= 0 && (next = eddy_completions_next(it)) != NULL) {
        rc = eddy_await(next);
        n += rc == 0;
    }
    eddy_completions_free(it);
    return rc == -ETIMEDOUT && n == 2 ? 0 : rc < 0 ? rc : EDDY_EUSER;
}

TEST_VIRTUAL(as_completed_gives_everything_or_the_cancellation)
{
    eddy_test_scenario s = {"as_completed anext", completions_anext_scenario, .begin = begin,
                            .check = check, .task = "as_completed anext"};

    everywhere(&s, 3);
    s.name = s.task = "as_completed next";
    s.fn = completions_next_scenario;
    everywhere(&s, 3);
    s.task = NULL;
    s.spare = s.name;
    s.survives = true;
    s.fn = completions_anext_scenario;
    everywhere(&s, 9);
}

/* Two tasks ask for results, of which the second comes only when one of them has got the first. */

static eddy_async(end_future)
{
    eddy_sleep(1);
    return 0;
}

static eddy_async(get_result, (bool, plain))
{
    eddy_future *f;
    int rc = plain ? eddy_await(eddy_completions_next(all.it)) : eddy_completions_anext(all.it, &f);

    if (rc < 0)
        return rc;
    all.finished++;
    if (!eddy_future_done(all.future))
        eddy_future_set_result(all.future, 0);
    return 0;
}

static int share_completions(bool plain)
{
    eddy_task *tasks[2];

    all.future = eddy_create_future();
    all.it = eddy_as_completed(EDDY_LIST(end_future(), all.future), EDDY_FOREVER);
    tasks[0] = eddy_create_task(get_result(plain));
    tasks[1] = eddy_create_task(get_result(plain));
    return join(tasks, 2);
}

static int shared_anext_scenario(void *unused)
{
    return share_completions(false);
}

static int shared_next_scenario(void *unused)
{
    return share_completions(true);
}

static int shared_check(void *unused, const eddy_test_trial *trial)
{
    /* only now: others may still use it when the scenario is cancelled */
    eddy_completions_free(all.it);
    eddy_unref(all.future);
    return trial->status < 0 ? 0 : HOLDS(all.finished == (trial->task ? 1 : 2));
}

TEST_VIRTUAL(a_result_goes_to_the_next_caller_wherever_one_is_cancelled)
{
    eddy_test_scenario s = {"shared completions", shared_anext_scenario, .begin = begin,
                            .check = shared_check, .task = "get_result"};

    everywhere(&s, 4);
    s.fn = shared_next_scenario;
    everywhere(&s, 4);
}

/* Task groups. */

static int leave_group(eddy_group *tg, int rc)
{
    rc = eddy_group_exit(tg, rc);
    all.left_behind |= all.begun != all.cleaned_up;
    return rc;
}

static int group_scenario(void *unused)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, work(1, 0), .name = "child");
    eddy_group_create_task(&tg, work(2, 0), .name = "child");
    rc = eddy_sleep(1);
    return leave_group(&tg, rc);
}

TEST_VIRTUAL(a_group_ends_only_when_all_its_children_have)
{
    eddy_test_scenario s = {"group", group_scenario, .begin = begin, .check = check,
                            .task = "group"};

    everywhere(&s, 3);
    s.task = "child";
    s.survives = true;
    everywhere(&s, 6);
}

static int failing_group_scenario(void *unused)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, work(1, -EIO), .name = "child");
    eddy_group_create_task(&tg, work(2, 0), .name = "child");
    rc = eddy_sleep(3);
    rc = leave_group(&tg, rc);
    return rc == EDDY_EGROUP ? 0 : rc;
}

TEST_VIRTUAL(a_group_that_fails_ends_only_when_all_its_children_have)
{
    everywhere(&(eddy_test_scenario){"failing group", failing_group_scenario, .begin = begin,
                                     .check = check, .survives = true},
               6);
}

static eddy_async(abandon_group)
{
    eddy_group tg;

    eddy_group_enter(&tg);
    eddy_group_create_task(&tg, work(2, 0), .name = "child");
    eddy_group_create_task(&tg, work(2, 0), .name = "child");
    eddy_try(eddy_sleep(1));
    return 1; /* without _exit */
}

static int abandoned_group_scenario(void *unused)
{
    int rc = eddy_await(abandon_group());

    all.left_behind |= all.begun != all.cleaned_up;
    return rc < 0 ? rc : eddy_sleep(0);
}

TEST_VIRTUAL(a_group_that_is_abandoned_ends_its_children_all_the_same)
{
    everywhere(&(eddy_test_scenario){"abandoned group", abandoned_group_scenario, .begin = begin,
                                     .check = check, .task = "abandoned group"},
               2);
    everywhere(&(eddy_test_scenario){"abandoned group", abandoned_group_scenario, .begin = begin,
                                     .check = check, .survives = true},
               6);
}
