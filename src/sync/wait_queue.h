/*
 * The wait queue beneath every lock, event, condition, semaphore and queue.
 *
 * Waiters lie on the stacks of their tasks, in the order of their arrival, and stay in the queue
 * until their task runs again (rules 119 and 127 depend on that). Each waiter is in one of three
 * states:
 *
 *   waiting    not over
 *   woken      over, by a call of _wake: the task owns what it was woken for
 *   cancelled  over, because its task was cancelled first
 *
 * A woken waiter whose task is cancelled before it runs gets -ECANCELED from _wait, with *ret_woken
 * still true: the task must pass on what it was woken for.
 */
#ifndef EDDYI_WAIT_QUEUE_H
#define EDDYI_WAIT_QUEUE_H

#include "base/direct.h"
#include "base/list.h"
#include "eddy/sync.h"
#include "task/wait.h"

/* The layout of eddy_wait_queue inside the library. */
struct eddyi_wait_queue {
    struct eddyi_list waiters; /* waiters.next is NULL in a queue that is {0} */
    /* the first waiter that is not over: all before it are; NULL: none is waiting */
    struct eddyi_list *next;
    size_t n_waiting; /* waiters that are waiting or woken, but not cancelled */
    eddy_loop *loop;  /* the loop of the first waiter ever; NULL before */
};

/*
 * Binds @q to the current task's loop, unless it is bound already. Returns 0, or raises
 * EDDY_ENOTASK or EDDY_EOTHERLOOP, if the task cannot wait on @q.
 */
int eddyi_wait_queue_bind(eddy_wait_queue *q);

/*
 * Waits on @q; @what names it in reports. Returns 0 when woken; raises -ECANCELED, EDDY_ENOTASK or
 * EDDY_EOTHERLOOP. Sets *ret_woken (NULL is allowed) to true if the task was woken, even if it was
 * cancelled after that.
 */
int eddyi_wait_queue_wait(eddy_wait_queue *q, const char *what, bool *ret_woken);

bool eddyi_wait_queue_wake_slow(eddy_wait_queue *q); /* Slow path of eddyi_wait_queue_wake(). */

/* Wakes the first waiter that is still waiting. Returns false if there is none. */
static inline bool eddyi_wait_queue_wake(eddy_wait_queue *q)
{
    return q->eddyi_next && eddyi_wait_queue_wake_slow(q);
}

/* Wakes the first waiter, unless it is woken or cancelled already. */
EDDYI_DIRECT void eddyi_wait_queue_wake_first(eddy_wait_queue *q);

void eddyi_wait_queue_wake_all(eddy_wait_queue *q);

/* Returns true if the wait of at least one waiter was not cancelled. */
static inline bool eddyi_wait_queue_busy(const eddy_wait_queue *q)
{
    return q->eddyi_n_waiting > 0;
}

#endif
