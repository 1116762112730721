#include "sync/wait_queue.h"
#include "base/assert.h"
#include "base/unguarded.h"

#include "eddy/error.h"
#include "loop/loop.h"
#include "sync/wait_here.h"
#include "task/task.h"

_Static_assert(sizeof(struct eddyi_wait_queue) <= sizeof(eddy_wait_queue),
               "eddy_wait_queue has another size");

static struct eddyi_waiter *waiter_of(struct eddyi_list *l)
{
    return eddyi_container(l, struct eddyi_waiter, link);
}

bool eddyi_waiter_cancel(struct eddyi_wait *w)
{
    struct eddyi_waiter *waiter = eddyi_container(w, struct eddyi_waiter, wait);

    EDDYI_ASSERT(!w->over && waiter->queue->n_waiting > 0);
    waiter->queue->n_waiting--;
    eddyi_wait_over(w);
    return true;
}

/* Returns the first waiter that is neither woken nor cancelled, or NULL. Moves q->next there, so
 * that later calls skip the waiters before it. */
static struct eddyi_waiter *first_waiting(struct eddyi_wait_queue *q)
{
    struct eddyi_list *l = q->next;

    while (l != &q->waiters && waiter_of(l)->wait.over)
        l = l->next;
    q->next = l == &q->waiters ? NULL : l;
    return q->next ? waiter_of(q->next) : NULL;
}

static void wake(struct eddyi_waiter *w)
{
    w->woken = true;
    eddyi_wait_over(&w->wait);
}

bool eddyi_wait_queue_wake_slow(eddy_wait_queue *public)
{
    struct eddyi_waiter *w = first_waiting(eddyi_wait_queue_of(public));

    if (w)
        wake(w);
    return w != NULL;
}

EDDYI_DIRECT void eddyi_wait_queue_wake_first(eddy_wait_queue *public)
{
    struct eddyi_wait_queue *q = eddyi_wait_queue_of(public);

    if (!eddyi_list_empty(&q->waiters) && !waiter_of(q->waiters.next)->wait.over)
        wake(waiter_of(q->waiters.next));
}

void eddyi_wait_queue_wake_all(eddy_wait_queue *q)
{
    while (eddyi_wait_queue_wake(q))
        ;
}

int eddyi_wait_queue_raise_bound(void)
{
    return eddy_raise(EDDY_EOTHERLOOP, "it is bound to a different event loop");
}

int eddyi_wait_queue_bind(eddy_wait_queue *q)
{
    eddy_task *t = eddyi_task_current();

    return t ? eddyi_wait_queue_bind_to(eddyi_wait_queue_of(q), t) : eddyi_raise_no_task();
}

EDDYI_UNGUARDED int eddyi_wait_queue_wait(eddy_wait_queue *q, const char *what, bool *ret_woken)
{
    return eddyi_wait_queue_wait_here(q, what, NULL, ret_woken);
}
