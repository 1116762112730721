/*
 * Steps: how control gets into a task and out of it.
 *
 * A task that parks or ends goes straight to the next task of this turn, if the next thing to run is a task; only
 * otherwise back to the loop. In debug mode, and before an observer, it always goes back, so that the loop sees each step.
 */
#include "base/sys.h"
#include "context/stack.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

static eddy_task *task_of(struct eddyi_ready *r)
{
    return eddyi_container(r, struct eddy_task, ready);
}

/* The next thing to run in this turn, if it is a step of a task that needs its stack; taken off the queue. */
static eddy_task *take_next_task(eddy_loop *loop)
{
    struct eddyi_list *l = loop->batch.next;
    eddy_task *t;

    if (l == &loop->batch || EDDYI_READY(l)->run != eddyi_task_run || loop->watched)
        return NULL;
    t = task_of(EDDYI_READY(l));
    if (!t->started && t->must_cancel)
        return NULL;
    eddyi_list_remove(l);
    t->started = true;
    return t;
}

/* Who runs when the present task leaves. */
static struct eddyi_fiber *next_fiber(eddy_loop *loop)
{
    eddy_task *next = take_next_task(loop);

    loop->current = next;
    return next ? &next->fiber : &loop->fiber;
}

void eddyi_task_suspend(eddy_task *t)
{
    struct eddyi_var_scope *vars = eddyi_vars_current;
    struct eddyi_fiber *starter = t->starter;

    t->starter = NULL;
    eddyi_fiber_switch(&t->fiber, starter ? starter : next_fiber(t->future.loop));
    eddyi_vars_current = vars;
}

/* Cancelled before its first step: the coroutine never runs (rule 57). */
void eddyi_task_end_unstarted(eddy_task *t)
{
    eddyi_task_take_cancel(t);
    eddyi_task_end(t, -ECANCELED);
    eddyi_fiber_fini(&t->fiber);
    eddy_future_unref(&t->future);
}

void eddyi_task_run(struct eddyi_ready *r)
{
    eddy_task *t = task_of(r);
    eddy_loop *loop = t->future.loop;

    if (!t->started && t->must_cancel) {
        eddyi_task_end_unstarted(t);
        return;
    }
    t->started = true;
    loop->current = t;
    eddyi_fiber_switch(&loop->fiber, &t->fiber);
    loop->current = NULL;
    eddyi_vars_current = NULL;
}

void eddyi_task_start_eagerly(eddy_task *t)
{
    eddy_loop *loop = t->future.loop;
    eddy_task *creator = loop->current;
    struct eddyi_var_scope *vars = eddyi_vars_current;

    t->starter = creator ? &creator->fiber : &loop->fiber;
    t->started = true;
    loop->current = t;
    eddyi_fiber_switch(t->starter, &t->fiber);
    loop->current = creator;
    eddyi_vars_current = vars;
}

/*
 * Leaves the stack for good. It is given back, with the task on it, while it is still running: the pool leaves
 * both alone until somebody takes a stack, and that is somebody after the switch.
 */
static _Noreturn void leave(eddy_task *t)
{
    eddy_loop *loop = t->future.loop;
    struct eddyi_fiber *starter = t->starter;

    loop->current = NULL;
    eddyi_vars_current = NULL;
    loop->leaving = true; /* the exception handler may be called */
    eddy_future_unref(&t->future);
    loop->leaving = false;
    eddyi_fiber_exit(&t->fiber, starter ? starter : next_fiber(loop));
}

/* Where the first switch to a task arrives. */
static void task_main(void *arg)
{
    eddy_task *t = arg;

    eddyi_vars_current = &t->vars;
    eddyi_task_end(t, eddyi_coroutine_run(t->coro));
    leave(t);
}

void eddyi_task_prepare(eddy_task *t)
{
    eddyi_fiber_init(&t->fiber, t->stack->limit, t->stack->object, task_main, t);
}
