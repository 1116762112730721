/*
 * Waiting: parking a task, and ending its wait.
 *
 * A function that makes a task wait puts a struct eddyi_wait on the stack of the task, links it to
 * the object that will signal the event, and parks. The event calls eddyi_wait_over(), which queues
 * the task's next step. Between that call and the step the wait is over, and a cancellation comes
 * too late for it (rule 59). Waiting does not allocate.
 */
#ifndef EDDYI_WAIT_H
#define EDDYI_WAIT_H

#include "base/direct.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "task/task.h"

struct eddyi_wait {
    /* Ends the wait early, for a cancellation of the task, if it can still be ended. Returns true
     * if eddyi_wait_over() was, or will be, called because of this call, exactly once. Never called
     * when the wait is over. */
    bool (*cancel)(struct eddyi_wait *w);
    eddy_task *task;
    const char *what;    /* for reports: "sleep", "lock"; NULL means "an event" */
    eddy_future *future; /* the awaited future, if it is one; borrowed */
    /* of a lock: points to the task that holds it, only to be compared; or NULL */
    const void *const *holder;
    /* message of the cancellation, set before cancel() is called; owned, may be NULL */
    const eddy_exception *message;
    int64_t since;  /* time on the loop's clock at eddyi_wait_park() */
    bool over;      /* eddyi_wait_over() was called */
    bool cancelled; /* cancel() returned true */
    bool on_fd;     /* the wait is for a descriptor */
    int fd;         /* that descriptor */
};

/* Prepares a wait of the current task @t. */
static inline void eddyi_wait_init_of(struct eddyi_wait *w, eddy_task *t,
                                      bool (*cancel)(struct eddyi_wait *w))
{
    *w = (struct eddyi_wait){.cancel = cancel, .task = t};
}

/* Prepares a wait of the current task. Returns 0, or eddyi_raise_no_task() if there is none. */
static inline int eddyi_wait_init(struct eddyi_wait *w, bool (*cancel)(struct eddyi_wait *w))
{
    eddyi_wait_init_of(w, eddyi_task_current(), cancel);
    return w->task ? 0 : eddyi_raise_no_task();
}

/* Slow path of eddyi_wait_park(): a cancellation is pending, or the loop is closed. */
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

/* Calls cancel() with @message (borrowed, may be NULL). Returns false if the wait is over, or
 * cannot be ended. */
bool eddyi_wait_cancel(struct eddyi_wait *w, const eddy_exception *message);

/* Slow path of eddyi_wait_over(): the call came from a wrong thread. Reports it, and posts the
 * task. */
void eddyi_wait_over_slow(struct eddyi_wait *w);

/* Queues the waiting task's next step, on @loop, which is the task's: a caller that knows the loop
 * touches one line of the task less. Called only in the loop's thread. */
static inline void eddyi_wait_over_on(struct eddyi_wait *w, eddy_loop *loop)
{
    EDDYI_ASSERT(!w->over && "a wait is over once");
    w->over = true;
    if (eddyi_loop_elsewhere(loop))
        eddyi_wait_over_slow(w);
    else
        eddyi_loop_ready(loop, &w->task->ready);
}

static inline void eddyi_wait_over(struct eddyi_wait *w)
{
    eddyi_wait_over_on(w, w->task->future.loop);
}

/*
 * Fetches the lines of the stack of a waiting task that the task touches when it continues: its
 * registers below @frame, the struct of @size bytes with its wait, and its callers' frames above. A
 * switch waits for one line after the other; here they come together, and while others are woken.
 * For the ends of waits of which thousands may be over at once.
 */
static inline void eddyi_wait_fetch(const void *frame, size_t size)
{
    enum { LINE = 64 };
    const char *begin = frame, *end = begin + size;

    __builtin_prefetch(begin - LINE);
    __builtin_prefetch(end + LINE);
    __builtin_prefetch(end + 2 * LINE);
}

/* raises -ECANCELED with the canceller's message */
int eddyi_wait_raise_cancelled(struct eddyi_wait *w);

/* Ends a wait whose result a cancellation may discard. Returns 0; or raises -ECANCELED, with the
 * canceller's message, if the wait was cancelled, or the task was cancelled after it. */
static inline int eddyi_wait_finish(struct eddyi_wait *w)
{
    if (w->cancelled)
        return eddyi_wait_raise_cancelled(w);
    return eddyi_task_take_cancel(w->task) ? -ECANCELED : 0;
}

/*
 * Ends a wait whose result must not be lost (bytes read, a connection accepted). If it was
 * cancelled and @result < 0, raises -ECANCELED. Any other result is returned, and the cancellation
 * is raised at the task's next suspension.
 */
EDDYI_DIRECT int64_t eddyi_wait_finish_with(struct eddyi_wait *w, int64_t result);

/* eddyi_wait_is_await() returns whether @w is the wait of an eddy_await() on a future;
 * eddyi_await_break() ends such a wait without touching the future. */
bool eddyi_wait_is_await(const struct eddyi_wait *w);
void eddyi_await_break(struct eddyi_wait *w);

#endif
