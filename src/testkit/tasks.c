/*
 * The tasks of a trial: their suspensions, and the moment of an accident.
 *
 * A boundary lies between any two items that run: before each item of the batch, and at the
 * beginning of a turn. Cancellations come at boundaries, as they would from a callback. The run
 * without an accident records for each suspension the item, or the wait for events, that made the
 * task ready; later runs take the same course until their accident, so that the numbers fit.
 */
#include "base/assert.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "fiber/stack.h"
#include "io/io.h"
#include "task/wait_graph.h"
#include "testkit/trial.h"

#include <stdio.h>
#include <string.h>

static struct eddyi_seen_task *find(struct eddyi_trial *t, uint64_t number)
{
    for (size_t i = t->n_tasks; i-- > 0;)
        if (t->tasks[i].number == number)
            return &t->tasks[i];
    return NULL;
}

static size_t index_of(const struct eddyi_trial *t, const struct eddyi_seen_task *seen)
{
    return (size_t)(seen - t->tasks);
}

static void *no_memory(struct eddyi_trial *t)
{
    eddyi_trial_wrong(t, "the test kit ran out of memory");
    return NULL;
}

struct eddyi_seen_task *eddyi_trial_task(struct eddyi_trial *t, eddy_task *task)
{
    struct eddyi_seen_task *seen = find(t, task->number);
    const eddy_coroutine *coro = eddy_task_get_coro(task);

    if (seen)
        return seen;
    if (t->n_tasks == t->tasks_room) {
        seen = eddyi_realloc(t->tasks, t->tasks_room * 2 * sizeof *seen);
        if (!seen)
            return no_memory(t);
        t->tasks = seen;
        t->tasks_room *= 2;
    }
    seen = &t->tasks[t->n_tasks++];
    *seen = (struct eddyi_seen_task){.task = task, .number = task->number};
    snprintf(seen->name, sizeof seen->name, "%s",
             task->name ? task->name
             : coro     ? eddy_coroutine_name(coro)
                        : "?");
    return seen;
}

/* The record of the run without an accident. */

static struct eddyi_point *add_point(struct eddyi_trial *t, const struct eddyi_seen_task *seen)
{
    struct eddyi_trials *all = t->all;
    struct eddyi_point *p;

    if (all->n_points == all->points_room) {
        p = eddyi_realloc(all->points, all->points_room * 2 * sizeof *p);
        if (!p)
            return no_memory(t);
        all->points = p;
        all->points_room *= 2;
    }
    p = &all->points[all->n_points++];
    *p = (struct eddyi_point){
        .task = index_of(t, seen), .suspension = seen->n_suspensions, .parked_in = t->items};
    memcpy(p->task_name, seen->name, sizeof p->task_name);
    return p;
}

static void record_start(struct eddyi_trial *t, const struct eddyi_seen_task *seen)
{
    struct eddyi_point *p = add_point(t, seen);

    if (!p)
        return;
    p->event_item = t->items;
    snprintf(p->what, sizeof p->what, "its first step");
}

static void record_park(struct eddyi_trial *t, struct eddyi_seen_task *seen)
{
    struct eddyi_point *p = add_point(t, seen);

    if (!p)
        return;
    seen->point = t->all->n_points;
    if (seen->task->wait)
        eddyi_wait_print(seen->task->wait, p->what, sizeof p->what);
    else
        snprintf(p->what, sizeof p->what, "its turn");
}

/* Looks for suspensions that have ended since the last boundary. */
static void note_events(struct eddyi_trial *t, bool in_wait)
{
    for (size_t i = 0; i < t->n_tasks; i++) {
        struct eddyi_seen_task *seen = &t->tasks[i];

        if (!seen->parked || seen->ready || eddyi_list_empty(&seen->task->ready.link))
            continue;
        seen->ready = true;
        if (!seen->point)
            continue;
        if (in_wait)
            t->all->points[seen->point - 1].event_turn = t->turns;
        else
            t->all->points[seen->point - 1].event_item = t->items;
    }
}

static bool lasts(const struct eddyi_trial *t, const struct eddyi_seen_task *seen)
{
    return seen->parked && !seen->ready && t->turns >= seen->turn + 2;
}

static void note_lasting(struct eddyi_trial *t)
{
    for (size_t i = 0; i < t->n_tasks; i++)
        if (t->tasks[i].point && lasts(t, &t->tasks[i]))
            t->all->points[t->tasks[i].point - 1].lasts = true;
}

/* Results of operations. */

/* Returns true if @task has a stack, which it has not before it begins, and @p lies on it. */
static bool is_on_stack_of(const void *p, const eddy_task *task)
{
    const struct eddyi_stack *s = task->stack;

    return s && (char *)p >= s->limit && (char *)p < (char *)s->object;
}

/* Returns the task that waits for @op: the operation of a call lies on the stack of its task. NULL:
 * none. */
static struct eddyi_seen_task *waits_for(struct eddyi_trial *t, const void *op)
{
    for (size_t i = 0; i < t->n_tasks; i++)
        if (t->tasks[i].parked && is_on_stack_of(op, t->tasks[i].task))
            return &t->tasks[i];
    return NULL;
}

/*
 * Holds the victim's result back until the victim has been cancelled. The result is taken in the
 * same wait for events, or in that of the next turn, when the kernel has already answered the
 * request to cancel.
 */
bool eddyi_trial_withholds_result(void *op, void *trial)
{
    struct eddyi_trial *t = trial;
    struct eddyi_seen_task *seen = waits_for(t, op);

    if (!seen)
        return false;
    if (t->recording && seen->point)
        t->all->points[seen->point - 1].has_result = true;
    if (!t->point || t->when < EDDYI_WITH_RESULT || index_of(t, seen) != t->point->task ||
        seen->n_suspensions != t->point->suspension)
        return false;
    if (t->struck)
        return t->when == EDDYI_LATE_RESULT && t->turns == t->struck_in;
    t->result_withheld = true;
    return true;
}

/* Checks that no memory which the kernel may still read or write lies on a stack that goes on. */
static void look_for_operations(struct eddyi_trial *t, const eddy_task *task)
{
    struct eddyi_io *io = eddyi_io_of(t->loop);

    if (!io)
        return;
    EDDYI_LIST_EACH(l, &io->ops)
        EDDYI_ASSERT(!is_on_stack_of(l, task) &&
                     "a call returns when the kernel has let go of its memory");
}

/* Suspending and resuming. */

static void park(struct eddyi_trial *t, struct eddyi_seen_task *seen)
{
    seen->n_suspensions++;
    seen->parked = true;
    seen->ready = false;
    seen->turn = t->turns;
    seen->point = 0;
    if (t->recording && !t->over)
        record_park(t, seen);
}

/*
 * Notes the tasks that have suspended. At a boundary no task runs: every task that has begun and
 * not ended is suspended.
 */
static void note_parks(struct eddyi_trial *t)
{
    size_t i = 0;

    EDDYI_LIST_EACH(l, &t->loop->tasks.all) {
        eddy_task *task = eddyi_container(l, struct eddy_task, link);
        struct eddyi_seen_task *seen;

        while (i < t->n_tasks && t->tasks[i].number < task->number)
            i++;
        seen = i < t->n_tasks && t->tasks[i].number == task->number ? &t->tasks[i]
                                                                    : eddyi_trial_task(t, task);
        if (seen && task->started && !seen->parked)
            park(t, seen);
    }
}

static bool is_over(const struct eddyi_wait *w)
{
    return !w || w->over || (eddyi_wait_is_await(w) && eddyi_future_done(w->future));
}

static void go_on(struct eddyi_trial *t, eddy_task *task)
{
    struct eddyi_seen_task *seen = eddyi_trial_task(t, task);

    if (!seen)
        return;
    if (!task->started && t->recording && !t->over)
        record_start(t, seen);
    if (seen->parked && !is_over(task->wait))
        eddyi_trial_wrong(t, "task %zu '%s' went on before its wait was over", index_of(t, seen),
                          seen->name);
    if (t->all->backend != EDDY_BACKEND_VIRTUAL)
        look_for_operations(t, task);
    seen->parked = seen->ready = false;
}

/* Accidents. */

static bool is_step_of(const struct eddyi_ready *item, const struct eddyi_seen_task *seen)
{
    return item && item->run == eddyi_task_run &&
           eddyi_container(item, struct eddy_task, ready)->number == seen->number;
}

static bool has_come(const struct eddyi_trial *t, const struct eddyi_seen_task *seen,
                     const struct eddyi_ready *item)
{
    const struct eddyi_point *p = t->point;

    switch (t->when) {
    case EDDYI_SUSPENDED:
        return true;
    case EDDYI_LATER:
        return !item && lasts(t, seen);
    case EDDYI_BEFORE_EVENT:
        if (seen->ready)
            return false;
        return p->event_item ? item && t->items + 1 == p->event_item
                             : !item && t->turns == p->event_turn;
    case EDDYI_AFTER_EVENT:
        return is_step_of(item, seen);
    case EDDYI_WITH_RESULT:
    case EDDYI_LATE_RESULT:
        return !item && t->result_withheld;
    }
    return false;
}

/* Returns true if the accident is due; @item is the next to run, NULL at the beginning of a
 * turn. */
static bool is_due(struct eddyi_trial *t, const struct eddyi_ready *item)
{
    const struct eddyi_point *p = t->point;
    struct eddyi_seen_task *seen;

    if (!p || t->over)
        return false;
    if (t->struck) {
        seen = t->again_after ? find(t, t->victim_number) : NULL;
        return seen && seen->parked && seen->n_suspensions >= t->again_after;
    }
    seen = p->task < t->n_tasks ? &t->tasks[p->task] : NULL;
    if (!seen || seen->n_suspensions != p->suspension)
        return false;
    if (p->suspension == 0)
        return is_step_of(item, seen) && !seen->task->started;
    return seen->parked && has_come(t, seen, item);
}

/* Makes the deadline around the task expire at once instead of in the next turn. */
static void expire(struct eddyi_trial *t, struct eddyi_seen_task *seen)
{
    struct eddyi_list *last;

    if (eddy_timeout_reschedule(seen->timeout, 0) < 0)
        return;
    last = t->loop->schedule.ready.prev;
    eddyi_list_remove(last);
    EDDYI_READY(last)->run(EDDYI_READY(last));
}

static void strike(struct eddyi_trial *t)
{
    struct eddyi_seen_task *seen = &t->tasks[t->point->task];
    eddy_task *task = seen->task;

    if (t->struck) {
        t->again_after = 0;
        eddy_task_cancel(t->victim, NULL);
        return;
    }
    t->struck = true;
    t->struck_in = t->turns;
    if (t->how >= EDDYI_TIMEOUT && !seen->timeout)
        return;
    t->victim = eddy_ref(task);
    t->victim_number = task->number;
    memcpy(t->victim_name, seen->name, sizeof t->victim_name);
    if (t->how == EDDYI_CANCEL_AGAIN)
        t->again_after = seen->n_suspensions + 1;

    if (t->how == EDDYI_TIMEOUT || t->how == EDDYI_TIMEOUT_AND_CANCEL)
        expire(t, seen);
    if (t->how != EDDYI_TIMEOUT)
        eddy_task_cancel(task, NULL);
    if (t->how == EDDYI_CANCEL_TWICE)
        eddy_task_cancel(task, NULL);
    if (t->how == EDDYI_CANCEL_AND_TIMEOUT)
        expire(t, seen);
}

/* Stops a run that does not end: ten times as long as without an accident, plus a constant. */
static void stop_if_endless(struct eddyi_trial *t)
{
    size_t limit = t->all->items * 10 + 100000;

    if (t->recording || t->items < limit)
        return;
    eddyi_trial_wrong(t, "it does not come to an end: %zu steps and callbacks, instead of %zu",
                      t->items, t->all->items);
    eddy_loop_stop(t->loop);
}

/* Handles a boundary; @item is the next to run, NULL at the beginning of a turn. */
static void boundary(struct eddyi_trial *t, struct eddyi_ready *item)
{
    note_parks(t);
    note_events(t, false);
    t->turns += !item;
    if (is_due(t, item))
        strike(t);
    if (!item)
        note_lasting(t);
}

void eddyi_trial_see(struct eddyi_trial *t, enum eddyi_sight sight, struct eddyi_ready *item)
{
    bool passive = t->failing_call > 0 || t->count_calls; /* nothing may be allocated */

    switch (sight) {
    case EDDYI_SEES_TURN:
        if (!passive)
            boundary(t, NULL);
        break;
    case EDDYI_SEES_BATCH:
        note_events(t, true);
        break;
    case EDDYI_SEES_NEXT:
        if (!passive)
            boundary(t, item);
        break;
    case EDDYI_SEES_ITEM:
        t->items++;
        stop_if_endless(t);
        if (!passive && item->run == eddyi_task_run)
            go_on(t, eddyi_container(item, struct eddy_task, ready));
        break;
    }
}
