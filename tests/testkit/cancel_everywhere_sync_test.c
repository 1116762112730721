/*
 * Cancellation everywhere in locks, events, conditions, semaphores and barriers: nothing lost, the
 * next waiter woken.
 *
 * Where one task passes something on to the next, a lost hand-over leaves a task waiting for ever.
 */
#include "testkit/everywhere.h"

enum { TASKS = 3 };

static struct {
    eddy_lock lock;
    eddy_event event;
    eddy_condition cond;
    eddy_semaphore sem;
    eddy_barrier barrier;
    int inside, most_inside, rounds;
    bool available;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
    all.sem = (eddy_semaphore)EDDY_SEMAPHORE_INIT(1);
    all.barrier = (eddy_barrier)EDDY_BARRIER_INIT(TASKS);
}

static int run_three(eddy_coroutine *a, eddy_coroutine *b, eddy_coroutine *c)
{
    eddy_task *tasks[TASKS] = {eddy_create_task(a, .name = "first"),
                               eddy_create_task(b, .name = "second"),
                               eddy_create_task(c, .name = "third")};

    return join(tasks, TASKS);
}

static void come_in(void)
{
    if (++all.inside > all.most_inside)
        all.most_inside = all.inside;
}

/* Lock. */

static eddy_async(hold)
{
    int rc;

    eddy_try(eddy_lock_acquire(&all.lock));
    come_in();
    rc = eddy_sleep(0);
    all.inside--;
    eddy_lock_release(&all.lock);
    return rc;
}

static int lock_scenario(void *unused)
{
    return run_three(hold(), hold(), hold());
}

static int lock_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.most_inside <= 1));
    eddy_try(HOLDS(!eddy_lock_locked(&all.lock)));
    eddy_try(HOLDS(eddy_lock_acquire(&all.lock) == 0)); /* no task is left in its queue */
    return eddy_lock_release(&all.lock);
}

TEST_VIRTUAL(a_lock_goes_to_the_next_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"lock", lock_scenario, .begin = begin, .check = lock_check},
               9);
}

/* Event. */

static eddy_async(wait_for_event)
{
    eddy_try(eddy_event_wait(&all.event));
    all.rounds++;
    return 0;
}

static eddy_async(set_event)
{
    int rc = eddy_sleep(1);

    eddy_event_set(&all.event); /* also when cancelled, or no task could end */
    eddy_event_clear(&all.event);
    return rc;
}

static int event_scenario(void *unused)
{
    return run_three(wait_for_event(), wait_for_event(), set_event());
}

/* Checks that each waiter that was not cancelled has seen the event. */
static int event_check(void *unused, const eddy_test_trial *trial)
{
    if (trial->task && strcmp(trial->task, "third") != 0 && trial->status == 0)
        return HOLDS(all.rounds == 1);
    return trial->task ? 0 : HOLDS(all.rounds == 2);
}

/* Not the setter: if that is cancelled before the others wait, they wait in vain. */
TEST_VIRTUAL(an_event_reaches_all_others_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"event", event_scenario, .begin = begin, .check = event_check,
                                     .spare = "third"},
               5);
}

/* Condition: a baton that is passed on from one to the next by a single notification. They wait for
 * it in one of two ways. */

static bool is_available(void *unused)
{
    return all.available;
}

static int wait_for_baton(void)
{
    return eddy_condition_wait_for(&all.cond, is_available, NULL);
}

static int wait_by_turns(void)
{
    while (!all.available)
        eddy_try(eddy_condition_wait(&all.cond));
    return 0;
}

static int (*get_baton)(void);

static int pass_baton(void)
{
    int rc;

    eddy_try(get_baton());
    all.available = false;
    all.rounds++;
    come_in();
    all.available = true;
    eddy_condition_notify(&all.cond, 1);
    rc = eddy_sleep(0); /* meanwhile the next has to wait for the lock */
    all.inside--;
    return rc;
}

static eddy_async(take_baton)
{
    int rc;

    eddy_try(eddy_condition_acquire(&all.cond));
    rc = pass_baton();
    if (!eddy_condition_locked(&all.cond))
        all.most_inside = 99;
    eddy_condition_release(&all.cond);
    return rc;
}

static int condition_scenario(void *unused)
{
    eddy_task *tasks[TASKS];
    int rc, rc_of_others;

    for (int i = 0; i < TASKS; i++)
        tasks[i] =
            eddy_create_task(take_baton(), .name = (const char *[]){"first", "second", "third"}[i]);
    rc = eddy_sleep(1);
    if (rc == 0 && (rc = eddy_condition_acquire(&all.cond)) == 0) {
        all.available = true;
        eddy_condition_notify(&all.cond, 1);
        eddy_condition_release(&all.cond);
    }
    rc_of_others = join(tasks, TASKS);
    return rc < 0 ? rc : rc_of_others;
}

static int condition_check(void *unused, const eddy_test_trial *trial)
{
    if (!trial->task)
        eddy_try(HOLDS(all.rounds == TASKS));
    eddy_try(HOLDS(all.most_inside <= 1));
    eddy_try(HOLDS(eddy_condition_acquire(&all.cond) == 0));
    return eddy_condition_release(&all.cond);
}

/* Spares the scenario's own task: if it were cancelled, no task would start the baton. */
TEST_VIRTUAL(a_notification_goes_to_the_next_wherever_one_is_cancelled)
{
    const eddy_test_scenario s = {"condition", condition_scenario, .begin = begin,
                                  .check = condition_check, .spare = "condition"};

    get_baton = wait_for_baton;
    everywhere(&s, 9);
    get_baton = wait_by_turns;
    everywhere(&s, 9);
}

/* Semaphore. */

static eddy_async(use_token)
{
    int rc;

    eddy_try(eddy_semaphore_acquire(&all.sem));
    come_in();
    rc = eddy_sleep(0);
    all.inside--;
    eddy_semaphore_release(&all.sem);
    return rc;
}

static int semaphore_scenario(void *unused)
{
    return run_three(use_token(), use_token(), use_token());
}

static int semaphore_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.most_inside <= 1));
    eddy_try(HOLDS(!eddy_semaphore_locked(&all.sem)));
    eddy_try(HOLDS(eddy_semaphore_acquire(&all.sem) == 0));
    return HOLDS(eddy_semaphore_locked(&all.sem)); /* there was one token, and no more */
}

TEST_VIRTUAL(a_token_goes_to_the_next_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"semaphore", semaphore_scenario, .begin = begin,
                                     .check = semaphore_check},
               9);
}

/* Barrier: without the cancelled one the others cannot fill it, so they give up after a while. */

static eddy_async(come_to_barrier)
{
    eddy_timeout tm;
    int rc;

    eddy_timeout_enter(&tm, 10);
    rc = eddy_barrier_wait(&all.barrier);
    rc = eddy_timeout_exit(&tm, rc);
    if (rc >= 0)
        all.rounds++;
    return rc < 0 ? rc : 0;
}

static int barrier_scenario(void *unused)
{
    return run_three(come_to_barrier(), come_to_barrier(), come_to_barrier());
}

static int barrier_check(void *unused, const eddy_test_trial *trial)
{
    if (!trial->task)
        eddy_try(HOLDS(all.rounds == TASKS));
    eddy_try(HOLDS(eddy_barrier_n_waiting(&all.barrier) == 0));
    eddy_try(HOLDS(!eddy_barrier_broken(&all.barrier)));
    eddy_try(HOLDS(all.barrier.eddyi_count == 0));
    return HOLDS(!eddy_condition_locked(&all.barrier.eddyi_condition));
}

TEST_VIRTUAL(a_barrier_forgets_a_cancelled_task_at_any_moment)
{
    everywhere(
        &(eddy_test_scenario){"barrier", barrier_scenario, .begin = begin, .check = barrier_check},
        6);
}

static eddy_async(reset_barrier)
{
    eddy_try(eddy_sleep(1));
    eddy_try(eddy_barrier_abort(&all.barrier));
    return eddy_barrier_reset(&all.barrier);
}

static int barrier_reset_scenario(void *unused)
{
    return run_three(come_to_barrier(), come_to_barrier(), reset_barrier());
}

static int barrier_reset_check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.rounds == 0));
    eddy_try(HOLDS(all.barrier.eddyi_count == 0));
    return HOLDS(!eddy_condition_locked(&all.barrier.eddyi_condition));
}

TEST_VIRTUAL(a_barrier_can_be_reset_wherever_one_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"barrier reset", barrier_reset_scenario, .begin = begin,
                                     .check = barrier_reset_check},
               6);
}
