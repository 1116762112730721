/*
 * Waiting: how a task parks, and how it is told that its wait is over.
 *
 * Whoever makes a task wait puts a struct eddyi_wait on that task's stack, links it wherever the event
 * will look for it, and parks. The event calls eddyi_wait_over(), which queues the task's next
 * step; between that and the step the wait is over, and a cancellation comes too late for
 * it (rule 59). Waiting allocates nothing.
 */
#ifndef EDDYI_WAIT_H
#define EDDYI_WAIT_H

#include "eddy/defs.h"
#include "eddy/error.h"

struct eddyi_wait {
    /*
     * The waiting task is being cancelled: end the wait early if it can still be ended. True: eddyi_wait_over() was, or
     * will be, called because of this, exactly once. Never called when the wait is over.
     */
    bool (*cancel)(struct eddyi_wait *w);
    eddy_task *task;
    const char *what;          /* for a person: "sleep", "lock"; NULL for "an event" */
    eddy_future *future;       /* what is awaited, if it is a future; borrowed */
    const void *const *holder; /* of a lock: points to the task that has it, to be compared only; or NULL */
    const eddy_exception *message; /* of the cancellation, set before cancel() is asked; owned, may be NULL */
    int64_t since;                 /* on the loop's clock, as of eddyi_wait_park() */
    bool over;                     /* eddyi_wait_over() was called */
    bool cancelled;                /* cancel() said true */
    bool on_fd;                    /* it waits for a descriptor */
    int fd;                        /* if so, which */
};

/* Prepares a wait of the current task. 0, or EDDY_ENOTASK with a message. */
int eddyi_wait_init(struct eddyi_wait *w, bool (*cancel)(struct eddyi_wait *w));

/* Suspends the current task until eddyi_wait_over(w), which must not have been called yet. */
void eddyi_wait_park(struct eddyi_wait *w);

/* Has cancel() asked, with a message (borrowed, may be NULL). False if the wait is over, or cannot be ended. */
bool eddyi_wait_cancel(struct eddyi_wait *w, const eddy_exception *message);

/* Queues the waiting task's next step. Only from the loop's thread. */
void eddyi_wait_over(struct eddyi_wait *w);

/*
 * How the wait ended, for waits whose result a cancellation may discard: -ECANCELED (as a raised error, with
 * the canceller's message) if the wait was cancelled, or the task was after it was over; else 0.
 */
int eddyi_wait_finish(struct eddyi_wait *w);

/*
 * The same for waits whose result must not be lost (bytes read, a connection accepted): @result < 0 and cancelled gives -ECANCELED;
 * any other result is kept, and the cancellation strikes at the task's next suspension.
 */
int64_t eddyi_wait_finish_with(struct eddyi_wait *w, int64_t result);

/* Whether @w is the wait of an eddy_await() on a future; and ends such a wait without touching the future. */
bool eddyi_wait_is_await(const struct eddyi_wait *w);
void eddyi_await_break(struct eddyi_wait *w);

#endif
