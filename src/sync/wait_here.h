/*
 * Waiting in a wait queue, inlined into the calls that wait most often: see task/switch.h.
 */
#ifndef EDDYI_WAIT_HERE_H
#define EDDYI_WAIT_HERE_H

#include "sync/wait_queue.h"
#include "task/switch.h"

/* A waiting task's place in the queue; lies on the stack of that task. */
struct eddyi_waiter {
    struct eddyi_wait wait;
    struct eddyi_list link;
    struct eddyi_wait_queue *queue;
    bool woken;
};

/* The cancel() of a waiter's wait. */
bool eddyi_waiter_cancel(struct eddyi_wait *w);

EDDY_COLD int eddyi_wait_queue_raise_bound(void); /* raises EDDY_EOTHERLOOP */

static inline struct eddyi_wait_queue *eddyi_wait_queue_of(eddy_wait_queue *q)
{
    struct eddyi_wait_queue *queue = (struct eddyi_wait_queue *)(void *)q;

    if (!queue->waiters.next)
        eddyi_list_init(&queue->waiters);
    return queue;
}

/* Binds the queue to the loop of its first waiter (rule 40). */
static inline int eddyi_wait_queue_bind_to(struct eddyi_wait_queue *q, const eddy_task *t)
{
    if (!q->loop)
        q->loop = t->future.loop;
    return q->loop == t->future.loop ? 0 : eddyi_wait_queue_raise_bound();
}

static inline void eddyi_waiter_leave(struct eddyi_waiter *w)
{
    struct eddyi_wait_queue *q = w->queue;

    if (q->next == &w->link)
        q->next = w->link.next == &q->waiters ? NULL : w->link.next;
    EDDYI_ASSERT(w->wait.over && (w->wait.cancelled || q->n_waiting > 0));
    eddyi_list_remove(&w->link);
    if (!w->wait.cancelled)
        q->n_waiting--;
}

/*
 * Waits as eddyi_wait_queue_wait() does; on an object that a task holds, *@holder is that task or
 * NULL, else @holder is NULL.
 */
__attribute__((always_inline)) static inline int
eddyi_wait_queue_wait_here(eddy_wait_queue *public, const char *what, const void *const *holder,
                           bool *ret_woken)
{
    struct eddyi_wait_queue *q = eddyi_wait_queue_of(public);
    eddy_task *t = eddyi_task_current();
    int rc = t ? eddyi_wait_queue_bind_to(q, t) : eddyi_raise_no_task();
    struct eddyi_waiter w;

    if (rc < 0)
        return rc;
    eddyi_wait_init_of(&w.wait, t, eddyi_waiter_cancel);
    w.wait.what = what;
    w.wait.holder = holder;
    w.queue = q;
    w.woken = false;
    eddyi_list_append(&q->waiters, &w.link);
    if (!q->next)
        q->next = &w.link;
    q->n_waiting++;
    eddyi_wait_park_here(&w.wait, t);
    eddyi_waiter_leave(&w);
    if (ret_woken)
        *ret_woken = w.woken;
    return eddyi_wait_finish(&w.wait);
}

#endif
