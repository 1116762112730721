/*
 * Tasks inside: a future, a stack, and the coroutine that runs on it.
 *
 * A task that has not ended is in exactly one of these states (rule 43):
 *
 *   queued    its ready item is in the loop's queue; `wait` is NULL or over
 *   running   it is loop->tasks.current, or it started another task eagerly, which has not
 *             suspended yet
 *   parked    `wait` is set and not over
 *
 * The struct lies at the top of its own stack (fiber/stack.h), so a parked task is one page. It
 * goes with the last reference; the loop holds one until the task has ended.
 */
#ifndef EDDYI_TASK_H
#define EDDYI_TASK_H

#include "base/assert.h"
#include "base/direct.h"
#include "base/exception.h"
#include "contextvars/contextvars.h"
#include "eddy/task.h"
#include "fiber/fiber.h"
#include "loop/loop.h"
#include "task/future.h"

struct eddyi_wait;

/*
 * In the order in which cache lines are needed, for where there are very many tasks each is a miss:
 * when it is freed, the first two; when it is resumed, the third.
 */
struct eddy_task {
    struct eddy_future future;
    struct eddyi_var_scope vars;
    struct eddyi_error error; /* the latest failure in it (eddy_error) */
    char *name;               /* owned; NULL: nobody asked for "Task-N" yet */
    struct eddyi_stack *stack;
    void *value; /* what eddy_return() left, for whoever receives the status */

    struct eddyi_ready ready; /* its next step */
    struct eddyi_fiber fiber;
    struct eddyi_wait *wait; /* what it is parked on; NULL while queued by itself, or running */
    /* eager start: who goes on at the first suspension; NULL after it */
    struct eddyi_fiber *starter;
    int cancelling; /* requests that were not withdrawn */
    bool started;
    bool must_cancel;  /* the next step, or suspension, gives -ECANCELED */
    bool self_awaited; /* it has awaited itself: nobody else can until it ends */
    bool visited;      /* by the walk along who-waits-for-whom that is under way */

    eddy_coroutine *coro; /* the innermost that runs; NULL once ended */
    /* visited: where the request to cancel it came from; NULL: it began here */
    eddy_future *cancelled_from;
    unsigned asked; /* the loop's cancel_round when a request last went through it */
    bool circled;   /* that one came back to where it had been */

    struct eddyi_list link; /* in loop->tasks.all until it has ended */
    /* of generator/: the innermost that it is running; NULL: none */
    struct eddyi_generator *generator;
    /* the innermost that it has entered and not left; NULL: none */
    struct eddyi_scope *scopes;
    const char *where; /* "file.c:12" where it was created, or NULL */
    uint64_t number;
    uint8_t refused; /* suspensions refused since its loop closed */
};
_Static_assert(offsetof(struct eddy_task, ready) % 64 == 0,
               "what a task needs to be resumed begins a line");

static inline eddy_task *eddyi_task_of(eddy_future *f)
{
    return (eddy_task *)(void *)f;
}

/* Slow path of eddyi_loop_attach_tasks(). */
void eddyi_loop_attach_tasks_slow(eddy_loop *loop);

/* Makes the loop know tasks: hooks for its close and its reports. */
static inline void eddyi_loop_attach_tasks(eddy_loop *loop)
{
    if (!loop->tasks.hooks)
        eddyi_loop_attach_tasks_slow(loop);
}

/* The running task; NULL in plain callbacks and outside of a loop. */
static inline eddy_task *eddyi_task_current(void)
{
    return eddyi_loop_running ? eddyi_loop_running->tasks.current : NULL;
}

int eddyi_raise_no_task(void); /* EDDY_ENOTASK */

/* The same; where there is none EDDY_ENOTASK is raised. */
static inline eddy_task *eddyi_task_here(void)
{
    eddy_task *t = eddyi_task_current();

    if (!t)
        eddyi_raise_no_task();
    return t;
}

/* Reports that the present error, EDDY_EMISUSE of eddyi_future_cancel(), kept a task from being
 * cancelled. */
void eddyi_report_circle(eddy_task *t);

/* Returns whether @t is parked: waits for what has not happened. */
bool eddyi_task_is_parked(const eddy_task *t);

/* Runs one step; the function of a task's ready item. */
void eddyi_task_run(struct eddyi_ready *r);

/* Runs a new task at once, until it suspends or ends. Only while its loop runs. */
void eddyi_task_start_eagerly(eddy_task *t);

/* Suspends the running task until its ready item has been queued and had its turn. */
EDDYI_DIRECT void eddyi_task_suspend(eddy_task *t);

/* Lets everything else that is ready run once. 0, or -ECANCELED raised if the task was
 * cancelled. */
EDDYI_DIRECT int eddyi_task_yield(eddy_task *t);

/* Slow path of eddyi_task_take_cancel(): a cancellation is due. Returns true. */
bool eddyi_task_take_cancel_slow(eddy_task *t);

/* If a cancellation is due: takes it, raises -ECANCELED with its message, and gives true. */
static inline bool eddyi_task_take_cancel(eddy_task *t)
{
    return t->must_cancel && eddyi_task_take_cancel_slow(t);
}

/* The coroutine has ended with @rc: makes that the task's outcome. */
EDDYI_DIRECT void eddyi_task_end(eddy_task *t, int rc);

/* Makes the stack of a new task ready for its first step. */
EDDYI_DIRECT void eddyi_task_prepare(eddy_task *t);

/* Ends, as cancelled, a task that has not had its first step. */
void eddyi_task_end_unstarted(eddy_task *t);

/*
 * The loop closes: every task that is left is ended, as Python closes the coroutine of a pending
 * task when it goes. Its suspension gives -ECANCELED, and so at once does every further one.
 */
void eddyi_tasks_close(eddy_loop *loop);
void eddyi_close_wait(struct eddyi_wait *w);
void eddyi_close_yield(eddy_task *t);

/* The function of eddyi_print_names_hook. */
void eddyi_print_names(const eddy_exception_context *context, char *buf, size_t size);

/* Raises -EDEADLK, with who waits for whom in the message. */
int eddyi_explain_deadlock(eddy_loop *loop);

#endif
