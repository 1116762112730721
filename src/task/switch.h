/*
 * Leaving a task: which task or loop runs next, and the switch there.
 *
 * The processor predicts the target of a return from the calls before it, and after a switch the
 * calls before it are another task's. So each function between a call that suspends and the switch
 * can be a misprediction, 8 ns, and everything here is inlined into the calls that suspend most:
 * one function, and the switch. All other calls go through eddyi_task_suspend().
 */
#ifndef EDDYI_TASK_SWITCH_H
#define EDDYI_TASK_SWITCH_H

#include "loop/loop.h"
#include "task/task.h"
#include "task/wait.h"

static inline eddy_task *eddyi_task_of_step(struct eddyi_ready *r)
{
    return eddyi_container(r, struct eddy_task, ready);
}

/* Slow path of eddyi_next_task(): the next item, @r, is not the step of a task that has its stack.
 * Out of line, since the calls that it makes would cost every switch registers. */
EDDYI_DIRECT eddy_task *eddyi_next_new_task(eddy_loop *loop, struct eddyi_ready *r);

/* Returns whether @t is parked: its wait is not over. */
static inline bool eddyi_task_is_parked(const eddy_task *t)
{
    const struct eddyi_wait *w = t->wait;

    /* An await has no call that ends it: the future queues the step itself. */
    return w && !w->over && !(w->future && eddyi_future_done(w->future));
}

static inline bool eddyi_is_step_on_stack(struct eddyi_ready *r)
{
    return r->run == eddyi_task_run && eddyi_task_of_step(r)->started;
}

/*
 * Returns the task that runs when the present task leaves: the task whose step is the next item,
 * taken off the queue, if it can be switched to; NULL: the loop. Each of the two branches takes the
 * step itself: code that first chose the list would make all that follows wait for the choice, 9.0
 * ns a yield instead of 8.1 ns.
 */
__attribute__((always_inline)) static inline eddy_task *eddyi_next_task(eddy_loop *loop)
{
    struct eddyi_ready *r;
    eddy_task *t;

    if (loop->watched)
        goto loop;
    if (!eddyi_list_empty(&loop->schedule.batch)) {
        r = EDDYI_READY(loop->schedule.batch.next);
        if (__builtin_expect(!eddyi_is_step_on_stack(r), 0))
            return eddyi_next_new_task(loop, r);
        eddyi_list_remove(&r->link);
    } else {
        if (!eddyi_loop_may_turn_quickly(loop))
            goto loop;
        r = EDDYI_READY(loop->schedule.ready.next);
        if (__builtin_expect(!eddyi_is_step_on_stack(r), 0))
            return eddyi_next_new_task(loop, r);
        eddyi_loop_begin_quick_turn(loop);
    }
    t = eddyi_task_of_step(r);
    EDDYI_ASSERT(t->coro && !eddyi_task_is_parked(t));
    loop->tasks.current = t;
    return t;

loop:
    loop->tasks.current = NULL;
    return NULL;
}

/*
 * Suspends @t, which runs on @loop. The caller has the loop from eddyi_loop_running, not from the
 * task, since the address of the task has only just been loaded from its stack, and all code that
 * leads to the next task would wait for it.
 */
__attribute__((always_inline)) static inline void eddyi_task_leave(eddy_loop *loop, eddy_task *t)
{
    struct eddyi_var_scope *vars = eddyi_vars_current;
    struct eddyi_fiber *to;
    eddy_task *next;

    if (__builtin_expect(t->begun_eagerly, 0)) {
        t->begun_eagerly = false;
        to = t->starter;
    } else {
        next = eddyi_next_task(loop);
        to = next ? &next->fiber : &loop->fiber;
    }
    eddyi_fiber_switch(&t->fiber, to);
    eddyi_vars_current = vars;
}

/* Suspends @t, the current task, as eddyi_wait_park() does, without a call on the way. */
__attribute__((always_inline)) static inline void eddyi_wait_park_here(struct eddyi_wait *w,
                                                                       eddy_task *t)
{
    eddy_loop *loop = eddyi_loop_running;

    if (__builtin_expect(t->must_cancel || loop->closed, false)) {
        eddyi_wait_park_slow(w);
        return;
    }
    EDDYI_ASSERT(t == loop->tasks.current && t == w->task && !t->wait && !w->over);
    t->wait = w;
    w->since = loop->schedule.clock;
    eddyi_task_leave(loop, t);
    t->wait = NULL;
}

#endif
