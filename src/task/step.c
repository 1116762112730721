/*
 * Steps: entering a task and leaving it.
 *
 * A task that parks or ends switches directly to the next task of this turn, if the next item to
 * run is a task; otherwise it switches to the loop. In debug mode, and with an observer, it always
 * switches to the loop, so that the loop sees each step.
 */
#include "base/sys.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/scope.h"
#include "task/stack_use.h"
#include "task/task.h"
#include "task/wait.h"

/* Returns whether @t is parked: its wait is not over. */
__attribute__((unused)) static bool is_parked(const eddy_task *t)
{
    const struct eddyi_wait *w = t->wait;

    /* An await has no call that ends it: the future queues the step itself. */
    return w && !w->over && !(w->future && eddyi_future_done(w->future));
}

static eddy_task *task_of(struct eddyi_ready *r)
{
    return eddyi_container(r, struct eddy_task, ready);
}

/* Returns whether @r is the step of a task that needs its stack, that is, of any task but one that
 * was cancelled before its first step. */
static inline bool has_step(struct eddyi_ready *r)
{
    return r->run == eddyi_task_run && (task_of(r)->started || !task_of(r)->must_cancel);
}

/*
 * Returns the fiber that runs when the present task leaves: the task whose step is the next item,
 * taken off the queue, if it needs its stack; else the loop. Each of the two branches takes the
 * step itself: code that first chose the list would make all that follows wait for the choice, 9.0
 * ns a yield instead of 8.1 ns.
 */
__attribute__((always_inline)) static inline struct eddyi_fiber *next_fiber(eddy_loop *loop)
{
    struct eddyi_ready *r;
    eddy_task *t;

    if (loop->watched)
        goto loop;
    if (!eddyi_list_empty(&loop->schedule.batch)) {
        r = EDDYI_READY(loop->schedule.batch.next);
        if (!has_step(r))
            goto loop;
        eddyi_list_remove(&r->link);
    } else {
        if (!eddyi_loop_may_turn_quickly(loop))
            goto loop;
        r = EDDYI_READY(loop->schedule.ready.next);
        if (!has_step(r))
            goto loop;
        eddyi_loop_begin_quick_turn(loop);
    }
    t = task_of(r);
    EDDYI_ASSERT(t->coro && !is_parked(t));
    t->started = true;
    loop->tasks.current = t;
    return &t->fiber;

loop:
    loop->tasks.current = NULL;
    return &loop->fiber;
}

/*
 * Suspends @t. The loop is the one that runs here; it is not read from the task, here or at any
 * other suspension, since the address of the task has only just been loaded from its stack, and all
 * code that leads to the next task would wait for it.
 */
static inline void suspend(eddy_task *t)
{
    struct eddyi_var_scope *vars = eddyi_vars_current;
    struct eddyi_fiber *next = t->starter;

    if (__builtin_expect(next != NULL, 0))
        t->starter = NULL;
    else
        next = next_fiber(eddyi_loop_running);
    eddyi_fiber_switch(&t->fiber, next);
    eddyi_vars_current = vars;
}

EDDYI_DIRECT void eddyi_task_suspend(eddy_task *t)
{
    EDDYI_ASSERT(eddyi_loop_running->tasks.current == t);
    suspend(t);
}

EDDYI_DIRECT int eddyi_task_yield(eddy_task *t)
{
    eddy_loop *loop = eddyi_loop_running;

    if (loop->closed) {
        eddyi_close_yield(t);
    } else {
        eddyi_loop_ready(loop, &t->ready);
        suspend(t);
    }
    return eddyi_task_take_cancel(t) ? -ECANCELED : 0;
}

/* Slow path of end(): the task failed, or is cancelled. */
EDDY_COLD __attribute__((noinline)) static void end_slow(eddy_task *t, int rc)
{
    eddyi_future_finish_failed(&t->future, rc, &t->error);
    t->must_cancel = false;
    if (t->future.unretrieved && t->future.loop->debug)
        eddyi_list_append(&t->future.loop->tasks.failed, &t->link);
}

/* Ends @t, whose coroutine has returned @rc, with that outcome. */
static void end(eddy_task *t, int rc)
{
    EDDYI_ASSERT(t->coro && !t->wait);
    if (__builtin_expect(eddyi_stack_use_wanted, 0))
        eddyi_stack_use_note(t);
    if (t->scopes)
        eddyi_scopes_orphan(t);
    eddyi_coroutine_free(t->coro);
    t->coro = NULL;
    eddyi_list_remove(&t->link);
    if (__builtin_expect(rc >= 0 && !t->must_cancel, 1))
        eddyi_future_finish(&t->future, rc, t->value, NULL);
    else
        end_slow(t, rc);
}

/* Ends a task that was cancelled before its first step: its coroutine never runs (rule 57). */
void eddyi_task_end_unstarted(eddy_task *t)
{
    eddyi_task_take_cancel(t);
    end(t, -ECANCELED);
    eddyi_fiber_fini(&t->fiber);
    eddy_future_unref(&t->future);
}

void eddyi_task_run(struct eddyi_ready *r)
{
    eddy_task *t = task_of(r);
    eddy_loop *loop = t->future.loop;

    EDDYI_ASSERT(t->coro && !is_parked(t) && !loop->tasks.current);
    if (!t->started && t->must_cancel) {
        eddyi_task_end_unstarted(t);
        return;
    }
    t->started = true;
    loop->tasks.current = t;
    eddyi_fiber_switch(&loop->fiber, &t->fiber);
    loop->tasks.current = NULL;
    eddyi_vars_current = NULL;
}

void eddyi_task_start_eagerly(eddy_task *t)
{
    eddy_loop *loop = t->future.loop;
    eddy_task *creator = loop->tasks.current;
    struct eddyi_var_scope *vars = eddyi_vars_current;

    t->starter = creator ? &creator->fiber : &loop->fiber;
    t->started = true;
    loop->tasks.current = t;
    eddyi_fiber_switch(t->starter, &t->fiber);
    loop->tasks.current = creator;
    eddyi_vars_current = vars;
}

/*
 * Leaves the stack for good, and returns the fiber to run next. The stack is given back, with the
 * task on it, while it is still running: the pool touches neither until the next stack is taken,
 * which happens after the switch.
 */
static struct eddyi_fiber *task_leave(eddy_task *t)
{
    eddy_loop *loop = t->future.loop;
    struct eddyi_fiber *starter = t->starter;

    loop->tasks.current = NULL;
    eddyi_vars_current = NULL;
    loop->tasks.leaving = true; /* the exception handler may be called */
    if (t->future.refs > 1)
        t->future.refs--;
    else
        eddyi_task_free(t);
    loop->tasks.leaving = false;
    return starter ? starter : next_fiber(loop);
}

/* Runs a task; the first switch to it arrives here. */
static struct eddyi_fiber *task_main(void *arg)
{
    eddy_task *t = arg;

    eddyi_vars_current = &t->vars;
    end(t, eddyi_coroutine_run(t->coro));
    return task_leave(t);
}

EDDYI_DIRECT void eddyi_task_prepare(eddy_task *t)
{
    eddyi_fiber_init(&t->fiber, t->stack->limit, t->stack->object, task_main, t);
}
