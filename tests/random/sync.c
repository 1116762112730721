/* Actions on locks, queues and their kin. */
#include "random.h"

static int hold_lock(unsigned depth)
{
    eddy_lock *lock = &program.locks[draw(N_SHARED)];
    int rc;

    eddy_try(eddy_lock_acquire(lock));
    rc = act(depth + 1);
    eddy_lock_release(lock);
    return rc;
}

static int hold_semaphore(unsigned depth)
{
    eddy_semaphore *s = &program.semaphores[draw(N_SHARED)];
    int rc;

    eddy_try(eddy_semaphore_acquire(s));
    rc = act(depth + 1);
    eddy_semaphore_release(s);
    return rc;
}

static int wait_for_event(unsigned depth)
{
    return eddy_event_wait(&program.events[draw(N_SHARED)]);
}

static int change_event(unsigned depth)
{
    eddy_event *event = &program.events[draw(N_SHARED)];

    if (draw(3))
        eddy_event_set(event);
    else
        eddy_event_clear(event);
    return 0;
}

static int wait_for_condition(unsigned depth)
{
    eddy_condition *c = &program.conditions[draw(N_SHARED)];
    int rc;

    eddy_try(eddy_condition_acquire(c));
    rc = eddy_condition_wait(c);
    eddy_condition_release(c);
    return rc;
}

static int notify(unsigned depth)
{
    eddy_condition *c = &program.conditions[draw(N_SHARED)];

    eddy_try(eddy_condition_acquire(c));
    if (draw(2))
        eddy_condition_notify(c, draw(3));
    else
        eddy_condition_notify_all(c);
    eddy_condition_release(c);
    return 0;
}

static int use_barrier(unsigned depth)
{
    if (draw(8) == 0)
        return eddy_barrier_abort(&program.barrier);
    if (draw(4) == 0)
        return eddy_barrier_reset(&program.barrier);
    return eddy_barrier_wait(&program.barrier);
}

static int put(unsigned depth)
{
    eddy_queue *q = &program.queues[draw(N_SHARED)];

    return draw(3) ? eddy_queue_put(q, q) : eddy_queue_put_nowait(q, q);
}

static int get(unsigned depth)
{
    eddy_queue *q = &program.queues[draw(N_SHARED)];
    void *item;
    int rc = draw(3) ? eddy_queue_get(q, &item) : eddy_queue_get_nowait(q, &item);

    if (rc >= 0)
        eddy_queue_task_done(q);
    return rc;
}

static int join(unsigned depth)
{
    return eddy_queue_join(&program.queues[draw(N_SHARED)]);
}

static int shut_down_queue(unsigned depth)
{
    if (draw(10) == 0)
        eddy_queue_shutdown(&program.queues[draw(N_SHARED)], draw(2));
    return 0;
}

action_fn *const sync_actions[] = {
    hold_lock,
    hold_semaphore,
    wait_for_event,
    change_event,
    wait_for_condition,
    notify,
    use_barrier,
    put,
    put,
    get,
    get,
    join,
    shut_down_queue,
};
const unsigned n_sync_actions = sizeof sync_actions / sizeof sync_actions[0];
