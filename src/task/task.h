/*
 * Tasks: a future, a stack, and the coroutine that runs on it.
 *
 * A task that has not ended is in exactly one of these states (rule 43):
 *
 *   queued    its ready item is in the loop's queue; `wait` is NULL or over
 *   running   it is loop->tasks.current, or it started another task eagerly, which has not
 *             suspended yet
 *   parked    `wait` is set and not over
 *
 * A task has a stack from its first step to its end, so a parked task occupies its struct and one
 * page, and one that is queued, or has ended, its struct alone. A task that ends without suspending
 * leaves its stack, still in the cache, to the next. The struct is freed with the last reference;
 * the loop holds one until the task has ended.
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

struct eddyi_task_chunk;
struct eddyi_wait;

/*
 * A task. A wake-up and the suspension after it touch its second cache line alone, which is where
 * with very many tasks the time goes.
 */
struct eddy_task {
    /* its value, until the task ends, is that of the latest eddy_return(), for the receiver of the
     * status */
    struct eddy_future future;

    struct eddyi_ready ready; /* the task's next step */
    struct eddyi_fiber fiber; /* valid once started */
    /* the wait on which it is parked; NULL while queued by itself, or running */
    struct eddyi_wait *wait;
    bool started;
    bool must_cancel;      /* the next step, or suspension, raises -ECANCELED */
    bool begun_eagerly;    /* `starter` goes on at the first suspension, or at the end */
    bool self_awaited : 1; /* it has awaited itself: no task can await it until it ends */
    bool visited : 1;      /* set by the walk along the chain of waits while it is in progress */
    int cancelling;        /* requests to cancel that were not withdrawn */

    eddy_coroutine *coro;      /* the innermost coroutine that runs; NULL when the task has ended */
    struct eddyi_stack *stack; /* NULL before the first step, and after the end */
    struct eddyi_list link;    /* in loop->tasks.all until the task has ended */
    struct eddyi_var_scope vars;
    struct eddyi_error error; /* the latest failure in the task (eddy_error) */
    union {
        struct eddyi_stack_class *stack_class; /* before the first step: of the stack to be taken */
        struct eddyi_fiber *starter;           /* valid while begun_eagerly */
    };
    char *name; /* owned; NULL: the name "Task-N" has not been requested yet */
    uint64_t number;
    const char *where; /* "file.c:12" where it was created, or NULL */
    /* the innermost generator (generator/) that it is running; NULL: none */
    struct eddyi_generator *generator;
    /* the innermost scope that it has entered and not left; NULL: none */
    struct eddyi_scope *scopes;
    unsigned asked;  /* the loop's cancel_round when a request last passed through the task */
    bool circled;    /* that request came back to a task that it had passed */
    uint8_t refused; /* suspensions refused since the loop closed */
    struct eddyi_task_chunk *chunk; /* the memory that it is part of (pool.h) */
};
#if !defined(EDDYI_FIBER_ASAN) && !defined(EDDYI_FIBER_TSAN)
_Static_assert((offsetof(struct eddy_task, ready) >= 64 &&
                offsetof(struct eddy_task, coro) <= 128) ||
                   sizeof(void *) < 8,
               "what a wake-up touches is one line");
_Static_assert(sizeof(struct eddy_task) % 64 == 0 || sizeof(void *) < 8, "a task is whole lines");
#endif

static inline eddy_task *eddyi_task_of(eddy_future *f)
{
    return (eddy_task *)(void *)f;
}

/* Slow path of eddyi_loop_attach_tasks(). */
void eddyi_loop_attach_tasks_slow(eddy_loop *loop);

/* Gives @loop its hooks for tasks: for its close and its reports. */
static inline void eddyi_loop_attach_tasks(eddy_loop *loop)
{
    if (!loop->tasks.hooks)
        eddyi_loop_attach_tasks_slow(loop);
}

/* Returns the running task; NULL in plain callbacks and outside of a loop. */
static inline eddy_task *eddyi_task_current(void)
{
    return eddyi_loop_running ? eddyi_loop_running->tasks.current : NULL;
}

/* Raise EDDY_ENOTASK, since no task runs here, the second with the message @message; EDDY_EFORKED
 * in a child that a task or callback forked. */
EDDY_COLD int eddyi_raise_no_task(void);
EDDY_COLD int eddyi_raise_no_task_for(const char *message);

/* Reports that @t could not be cancelled, because of the present error, EDDY_EMISUSE of
 * eddyi_future_cancel(). */
void eddyi_report_circle(eddy_task *t);

/* Runs a step of a task, as the function of its ready item. */
void eddyi_task_run(struct eddyi_ready *r);

/* Gives a new task the stack for its first step; false if there is none. */
EDDYI_DIRECT bool eddyi_task_begin(eddy_task *t);

/* Runs a new task, which was begun, at once, until it suspends or ends. Called only while its loop
 * runs. */
void eddyi_task_start_eagerly(eddy_task *t);

/* Suspends the running task until its ready item has been queued and had its turn. */
EDDYI_DIRECT void eddyi_task_suspend(eddy_task *t);

/* Lets every other ready item run once. Returns 0, or raises -ECANCELED if the task was
 * cancelled. */
EDDYI_DIRECT int eddyi_task_yield(eddy_task *t);

/* Slow path of eddyi_task_take_cancel(): a cancellation is pending. Returns true. */
bool eddyi_task_take_cancel_slow(eddy_task *t);

/* Takes a pending cancellation: raises -ECANCELED with its message and returns true. Returns false
 * if none is pending. */
static inline bool eddyi_task_take_cancel(eddy_task *t)
{
    return t->must_cancel && eddyi_task_take_cancel_slow(t);
}

/* Frees @t, which has ended or never began, with its last reference. */
EDDYI_DIRECT void eddyi_task_free(eddy_task *t);

/* Ends, as cancelled, a task that has not had its first step. */
void eddyi_task_end_unstarted(eddy_task *t);

/* Have a suspension of a task whose loop is closing raise -ECANCELED at once: see close.c. */
void eddyi_close_wait(struct eddyi_wait *w);
void eddyi_close_yield(eddy_task *t);

/* Prints the names of @context; the function of eddyi_print_names_hook. */
void eddyi_print_names(const eddy_exception_context *context, char *buf, size_t size);

/* Raises -EDEADLK with a message that describes which task waits for which. */
int eddyi_explain_deadlock(eddy_loop *loop);

#endif
