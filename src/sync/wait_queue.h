/*
 * The wait queue beneath every lock, event, condition, semaphore and queue.
 *
 * Waiters are on the stacks of their tasks, in the order in which they came, and stay in the queue
 * until their task runs again (rules 119 and 127 depend on that). Each is in one of three states:
 *
 *   waiting    not over
 *   woken      over, somebody called _wake: the task owns what it was woken for
 *   cancelled  over, its task was cancelled first
 *
 * A woken waiter whose task is cancelled before it runs gets -ECANCELED from _wait, with woken
 * still true: it must pass on what it was woken for.
 */
#ifndef EDDYI_WAIT_QUEUE_H
#define EDDYI_WAIT_QUEUE_H

#include "base/direct.h"
#include "base/list.h"
#include "eddy/sync.h"
#include "task/wait.h"

/* eddy_wait_queue as the library sees it. */
struct eddyi_wait_queue {
    struct eddyi_list waiters; /* next is NULL in one that is {0} */
    struct eddyi_list
        *next; /* everybody before it is over, so the first that waits is not; NULL: nobody waits */
    size_t n_waiting; /* waiting or woken, so not cancelled */
    eddy_loop *loop;  /* of whoever waited first; NULL before */
};

/*
 * Binds it to the current task's loop, unless it is bound. 0, or EDDY_ENOTASK, EDDY_EOTHERLOOP,
 * raised: it cannot wait there.
 */
int eddyi_wait_queue_bind(eddy_wait_queue *q);

/*
 * Waits. 0 when woken, -ECANCELED, EDDY_ENOTASK, EDDY_EOTHERLOOP, each raised. *ret_woken, which
 * may be NULL, tells whether it was woken, also when cancelled after that.
 */
int eddyi_wait_queue_wait(eddy_wait_queue *q, const char *what, bool *ret_woken);

/* The same for what a task holds: *holder is that task, or NULL. */
EDDYI_DIRECT int eddyi_wait_queue_wait_held(eddy_wait_queue *q, const char *what,
                                            const void *const *holder, bool *ret_woken);

bool eddyi_wait_queue_wake_next(eddy_wait_queue *q); /* what is behind the next */

/* Wakes the first that is waiting; false if there is none. */
static inline bool eddyi_wait_queue_wake(eddy_wait_queue *q)
{
    return q->eddyi_next && eddyi_wait_queue_wake_next(q);
}

/* Wakes the very first, unless it is woken or cancelled already. */
EDDYI_DIRECT void eddyi_wait_queue_wake_first(eddy_wait_queue *q);

void eddyi_wait_queue_wake_all(eddy_wait_queue *q);

/* Whether there is anybody whose wait was not cancelled. */
static inline bool eddyi_wait_queue_busy(const eddy_wait_queue *q)
{
    return q->eddyi_n_waiting > 0;
}

#endif
