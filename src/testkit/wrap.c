/*
 * A timeout around the coroutine of each task of a trial, which never expires by itself, and the
 * rules for a timeout that was made to expire.
 */
#include "base/exception.h"
#include "eddy/error.h"
#include "fiber/stack.h"
#include "task/coroutine.h"
#include "testkit/trial.h"

#undef eddy_timeout_enter

struct wrapped {
    struct eddyi_trial *trial;
    eddy_coroutine *inner; /* owned until it is awaited */
};

/*
 * Notes the timeout of the current task; NULL: it has left it. The scenario is over when its own
 * task, the first, has left its timeout.
 */
static void note_timeout(struct eddyi_trial *t, eddy_timeout *tm)
{
    struct eddyi_seen_task *seen = eddyi_trial_task(t, eddy_current_task());

    if (!seen)
        return;
    seen->timeout = tm;
    if (seen == t->tasks && !tm)
        t->over = true;
}

/*
 * Removes a heap entry whose node no longer exists. It leaves a gap, whatever the heap's limit for
 * gaps, because closing gaps would move other entries and write to their nodes. The first entry
 * must not be a gap; when its turn comes, no other entry is left to find.
 */
static void remove_timer(struct eddyi_heap *timers, size_t i)
{
    if (i > 0) {
        timers->entries[i].node = &timers->gap;
        timers->gaps++;
    } else {
        eddyi_heap_remove_first(timers);
    }
}

/* Looks for timers that were started deeper on this stack: their owners have returned. */
static void look_for_timers(struct eddyi_trial *t, eddy_task *task)
{
    struct eddyi_heap *timers = &t->loop->schedule.timers;

    for (size_t i = timers->n; i-- > 0;) {
        char *at = (char *)timers->entries[i].node;

        if (at < task->stack->limit || at >= (char *)task->stack->object)
            continue;
        eddyi_trial_wrong(t,
                          "a timer runs on for a call that has returned, or a scope that was left");
        remove_timer(timers, i);
    }
}

/* Judges a timeout: alone it gives -ETIMEDOUT; together with a cancellation, in whatever order,
 * -ECANCELED. */
static void judge_timeout(struct eddyi_trial *t, int inner, int rc)
{
    bool cancelled = t->how != EDDYI_TIMEOUT;

    if (eddy_current_task() != t->victim || t->how < EDDYI_TIMEOUT || inner != -ECANCELED)
        return;
    if (!cancelled && eddy_current_task()->cancelling == 0 && rc != -ETIMEDOUT)
        eddyi_trial_wrong(t, "the timeout gave %d instead of -ETIMEDOUT", rc);
    if (cancelled && rc != -ECANCELED)
        eddyi_trial_wrong(t, "timeout and cancellation together gave %d instead of -ECANCELED", rc);
}

static int run_wrapped(void *arg)
{
    struct wrapped *w = arg;
    eddy_timeout tm;
    void *value = NULL;
    int inner, rc;

    eddy_timeout_enter(&tm, EDDY_FOREVER);
    note_timeout(w->trial, &tm);
    inner = eddy_await_value(w->inner, &value);
    note_timeout(w->trial, NULL);
    rc = eddy_timeout_exit(&tm, inner);
    judge_timeout(w->trial, inner, rc);
    look_for_timers(w->trial, eddy_current_task());
    if (rc >= 0)
        eddy_return(value);
    return rc;
}

static void drop_wrapped(void *arg)
{
    eddyi_coroutine_free(((struct wrapped *)arg)->inner);
}

static eddy_coroutine *wrap(struct eddyi_trial *t, eddy_coroutine *inner)
{
    struct wrapped w = {t, inner};
    eddy_coroutine *coro = eddy_coroutine_new_copy(eddy_coroutine_name(inner), run_wrapped, &w,
                                                   sizeof w, inner->caller);

    if (!coro) {
        eddy_coroutine_close(inner);
        return NULL;
    }
    eddyi_coroutine_consume(inner);
    coro->where = inner->where;
    coro->drop = drop_wrapped;
    return coro;
}

static eddy_task *make_task(eddy_loop *loop, const eddy_task_options *options, void *trial)
{
    eddy_task_options wrapped = *options;
    eddy_task *task;

    wrapped.coro = wrap(trial, options->coro);
    if (!wrapped.coro)
        return NULL;
    task = eddy_task_new(loop, &wrapped);
    if (task)
        eddyi_trial_task(trial, task);
    return task;
}

void eddyi_trial_wrap_tasks(struct eddyi_trial *t, eddy_loop *loop)
{
    eddy_loop_set_task_factory(loop, make_task, t);
}
