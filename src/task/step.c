/*
 * Steps: entering a task and leaving it.
 *
 * A task that parks or ends switches directly to the next task of this turn, if the next item to
 * run is a task; otherwise it switches to the loop. In debug mode, and with an observer, it always
 * switches to the loop, so that the loop sees each step.
 */
#include "base/sys.h"
#include "base/unguarded.h"
#include "fiber/stack.h"
#include "task/coroutine.h"
#include "task/pool.h"
#include "task/scope.h"
#include "task/stack_use.h"
#include "task/switch.h"
#include "task/task.h"

/* The number of chunks of tasks from which on their memory matters more than the 3 ns that it takes
 * to move a coroutine to the stack of its task: some 2 000 tasks. */
enum { MANY_CHUNKS = 8 };

static struct eddyi_fiber *task_main(void *arg);

EDDYI_DIRECT bool eddyi_task_begin(eddy_task *t)
{
    struct eddyi_stack *stack = eddyi_stack_take_of(t->stack_class);

    if (!stack)
        return false;
    t->stack = stack;
    t->started = true;
    eddyi_fiber_init(&t->fiber, stack->limit, stack->object, task_main, t);
    return true;
}

/* Sanitizers know a fiber by its stack, or by a name of its own: there each task is one. */
#if defined(EDDYI_FIBER_ASAN) || defined(EDDYI_FIBER_TSAN)
enum { FIBERS_ARE_KNOWN = true };
#else
enum { FIBERS_ARE_KNOWN = false };
#endif

/* Lets @t have @spare, the stack of the running task, which has ended, if it can be its stack. */
static inline bool inherit(eddy_task *t, struct eddyi_stack *spare)
{
    if (FIBERS_ARE_KNOWN || !spare || !eddyi_stack_serves(spare, t->stack_class))
        return false;
    t->stack = spare;
    t->started = true;
    t->fiber.limit = spare->limit;
    return true;
}

/*
 * Returns whether @r is the step of a task that has its stack, and may be switched to: not the step
 * of a task that was cancelled before its first step, which needs none, nor the first step of a
 * task for which there is none. @spare is a stack for such a step, or NULL.
 */
static inline bool has_step(struct eddyi_ready *r, struct eddyi_stack *spare)
{
    eddy_task *t = eddyi_task_of_step(r);

    return r->run == eddyi_task_run &&
           (t->started || (!t->must_cancel && (inherit(t, spare) || eddyi_task_begin(t))));
}

/* Returns what eddyi_next_task() returns. The task may be new, and may get @spare for its stack. */
__attribute__((always_inline)) static inline eddy_task *next_task(eddy_loop *loop,
                                                                  struct eddyi_stack *spare)
{
    struct eddyi_ready *r;
    eddy_task *t;

    if (loop->watched)
        goto loop;
    if (!eddyi_list_empty(&loop->schedule.batch)) {
        r = EDDYI_READY(loop->schedule.batch.next);
        if (!has_step(r, spare))
            goto loop;
        eddyi_list_remove(&r->link);
    } else {
        if (!eddyi_loop_may_turn_quickly(loop))
            goto loop;
        r = EDDYI_READY(loop->schedule.ready.next);
        if (!has_step(r, spare))
            goto loop;
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

EDDYI_DIRECT eddy_task *eddyi_next_new_task(eddy_loop *loop, struct eddyi_ready *r)
{
    eddy_task *t = eddyi_task_of_step(r);

    if (r->run != eddyi_task_run || t->must_cancel || !eddyi_task_begin(t))
        t = NULL;
    if (t && !eddyi_list_empty(&loop->schedule.batch))
        eddyi_list_remove(&r->link);
    else if (t)
        eddyi_loop_begin_quick_turn(loop);
    loop->tasks.current = t;
    return t;
}

EDDYI_DIRECT void eddyi_task_suspend(eddy_task *t)
{
    eddy_loop *loop = eddyi_loop_running;

    EDDYI_ASSERT(loop->tasks.current == t);
    eddyi_task_leave(loop, t);
}

EDDYI_DIRECT int eddyi_task_yield(eddy_task *t)
{
    eddy_loop *loop = eddyi_loop_running;

    if (loop->closed) {
        eddyi_close_yield(t);
    } else {
        eddyi_loop_ready(loop, &t->ready);
        eddyi_task_leave(loop, t);
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
    if (__builtin_expect(eddyi_stack_use_wanted, 0) && t->stack)
        eddyi_stack_use_note(t);
    if (t->scopes)
        eddyi_scopes_orphan(t);
    eddyi_coroutine_free(t->coro);
    t->coro = NULL;
    eddyi_list_remove(&t->link);
    if (__builtin_expect(rc >= 0 && !t->must_cancel, 1))
        eddyi_future_finish(&t->future, rc, t->future.value, NULL);
    else
        end_slow(t, rc);
}

/* Ends a task that was cancelled before its first step: its coroutine never runs (rule 57). */
void eddyi_task_end_unstarted(eddy_task *t)
{
    eddyi_task_take_cancel(t);
    end(t, -ECANCELED);
    eddy_future_unref(&t->future);
}

/* Ends a task for whose first step there is no stack. */
EDDY_COLD static void end_without_stack(eddy_task *t)
{
    eddyi_error_set(&t->error, -ENOMEM,
                    eddy_exception_new(-ENOMEM, "no stack for the first step of the task"));
    end(t, -ENOMEM);
    eddy_future_unref(&t->future);
}

void eddyi_task_run(struct eddyi_ready *r)
{
    eddy_task *t = eddyi_task_of_step(r);
    eddy_loop *loop = t->future.loop;

    EDDYI_ASSERT(t->coro && !eddyi_task_is_parked(t) && !loop->tasks.current);
    if (!t->started && t->must_cancel) {
        eddyi_task_end_unstarted(t);
        return;
    }
    if (!t->started && !eddyi_task_begin(t)) {
        end_without_stack(t);
        return;
    }
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
    t->begun_eagerly = true;
    loop->tasks.current = t;
    eddyi_fiber_switch(t->starter, &t->fiber);
    loop->tasks.current = creator;
    eddyi_vars_current = vars;
}

/* Drops the loop's reference to @t, which has ended and is still on its stack. */
static inline void let_go(eddy_loop *loop, eddy_task *t)
{
    t->stack = NULL;
    if (t->future.refs > 1) {
        t->future.refs--;
        return;
    }
    loop->tasks.current = NULL;
    eddyi_vars_current = NULL;
    loop->tasks.leaving = true; /* the exception handler may be called */
    eddyi_task_free(t);
    loop->tasks.leaving = false;
}

/*
 * Runs tasks on this stack: the first, and if that has ended without a task that goes on elsewhere
 * being next, but a new one, that one too, and so on. So tasks that do not suspend need one stack,
 * which stays in the cache, and no switch. Returns the fiber to run next.
 *
 * The stack is given back while it is still running: the pool does not touch it until a stack is
 * taken, which happens after the switch.
 */
EDDYI_UNGUARDED static struct eddyi_fiber *task_main(void *arg)
{
    _Alignas(16) char place[EDDYI_BLOCK_SIZE]; /* for the coroutine */
    eddy_task *t = arg;

    do {
        eddy_loop *loop = t->future.loop;
        struct eddyi_fiber *starter;
        struct eddyi_stack *stack;

        eddyi_vars_current = &t->vars;
        if (__builtin_expect(loop->tasks.memory->n_chunks >= MANY_CHUNKS, 0))
            t->coro = eddyi_coroutine_settle(t->coro, place);
        end(t, eddyi_coroutine_run(t->coro));
        starter = t->begun_eagerly ? t->starter : NULL;
        stack = t->stack;
        let_go(loop, t);
        t = starter ? NULL : next_task(loop, stack);
        if (t && t->stack == stack)
            continue;
        eddyi_stack_give(stack);
        return starter ? starter : t ? &t->fiber : &loop->fiber;
    } while (true);
}
