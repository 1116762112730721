/*
 * Waiting: how a task parks, and how it is told that its wait is over.
 *
 * Whoever makes a task wait puts a struct eddyi_wait on that task's stack, links it wherever the
 * event will look for it, and parks. The event calls eddyi_wait_over(), which queues the task's
 * next step; between that and the step the wait is over, and a cancellation comes too late for it
 * (rule 59). Waiting allocates nothing.
 */
#ifndef EDDYI_WAIT_H
#define EDDYI_WAIT_H

#include "base/direct.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "task/task.h"

struct eddyi_wait {
    /*
     * The waiting task is being cancelled: end the wait early if it can still be ended. True:
     * eddyi_wait_over() was, or will be, called because of this, exactly once. Never called when
     * the wait is over.
     */
    bool (*cancel)(struct eddyi_wait *w);
    eddy_task *task;
    const char *what;    /* for a person: "sleep", "lock"; NULL for "an event" */
    eddy_future *future; /* what is awaited, if it is a future; borrowed */
    /* of a lock: points to the task that has it, to be compared only; or NULL */
    const void *const *holder;
    /* of the cancellation, set before cancel() is asked; owned, may be NULL */
    const eddy_exception *message;
    int64_t since;  /* on the loop's clock, as of eddyi_wait_park() */
    bool over;      /* eddyi_wait_over() was called */
    bool cancelled; /* cancel() said true */
    bool on_fd;     /* it waits for a descriptor */
    int fd;         /* if so, which */
};

/* Prepares a wait of the current task, which is @t. */
static inline void eddyi_wait_init_of(struct eddyi_wait *w, eddy_task *t,
                                      bool (*cancel)(struct eddyi_wait *w))
{
    *w = (struct eddyi_wait){.cancel = cancel, .task = t};
}

/* The same where there may be none. 0, or EDDY_ENOTASK with a message. */
static inline int eddyi_wait_init(struct eddyi_wait *w, bool (*cancel)(struct eddyi_wait *w))
{
    eddyi_wait_init_of(w, eddyi_task_here(), cancel);
    return w->task ? 0 : EDDY_ENOTASK;
}

/* Slow path of eddyi_wait_park(): the task is to be cancelled, or its loop is closed. */
void eddyi_wait_park_slow(struct eddyi_wait *w);

/* Suspends the current task until eddyi_wait_over(w), which must not have been called yet. */
static inline void eddyi_wait_park(struct eddyi_wait *w)
{
    eddy_task *t = w->task;
    eddy_loop *loop = eddyi_loop_running;

    if (__builtin_expect(t->must_cancel || loop->closed, false)) {
        eddyi_wait_park_slow(w);
        return;
    }
    EDDYI_ASSERT(t == loop->tasks.current && !t->wait && !w->over);
    t->wait = w;
    w->since = loop->schedule.clock;
    eddyi_task_suspend(t);
    t->wait = NULL;
}

/* Has cancel() asked, with a message (borrowed, may be NULL). False if the wait is over, or cannot
 * be ended. */
bool eddyi_wait_cancel(struct eddyi_wait *w, const eddy_exception *message);

/* by a thread that must not: says so, and posts */
void eddyi_wait_over_slow(struct eddyi_wait *w);

/* Queues the waiting task's next step. Only from the loop's thread. */
static inline void eddyi_wait_over(struct eddyi_wait *w)
{
    eddy_loop *loop = w->task->future.loop;

    EDDYI_ASSERT(!w->over && "a wait is over once");
    w->over = true;
    if (eddyi_loop_elsewhere(loop))
        eddyi_wait_over_slow(w);
    else
        eddyi_loop_ready(loop, &w->task->ready);
}

int eddyi_wait_raise_cancelled(struct eddyi_wait *w); /* -ECANCELED, with the canceller's message */

/*
 * How the wait ended, for waits whose result a cancellation may discard: -ECANCELED (as a raised
 * error, with the canceller's message) if the wait was cancelled, or the task was after it was
 * over; else 0.
 */
static inline int eddyi_wait_finish(struct eddyi_wait *w)
{
    if (w->cancelled)
        return eddyi_wait_raise_cancelled(w);
    return eddyi_task_take_cancel(w->task) ? -ECANCELED : 0;
}

/*
 * The same for waits whose result must not be lost (bytes read, a connection accepted): @result < 0
 * and cancelled gives -ECANCELED; any other result is kept, and the cancellation strikes at the
 * task's next suspension.
 */
EDDYI_DIRECT int64_t eddyi_wait_finish_with(struct eddyi_wait *w, int64_t result);

/* Whether @w is the wait of an eddy_await() on a future; and ends such a wait without touching the
 * future. */
bool eddyi_wait_is_await(const struct eddyi_wait *w);
void eddyi_await_break(struct eddyi_wait *w);

#endif
