#include "sync/wait_queue.h"
#include "base/assert.h"
#include "base/unguarded.h"

#include "eddy/error.h"
#include "loop/loop.h"
#include "task/task.h"

_Static_assert(sizeof(struct eddyi_wait_queue) <= sizeof(eddy_wait_queue),
               "eddy_wait_queue has another size");

/* A waiting task's place in the queue; lies on the stack of that task. */
struct waiter {
    struct eddyi_wait wait;
    struct eddyi_list link;
    struct eddyi_wait_queue *queue;
    bool woken;
};

static struct eddyi_wait_queue *queue_of(eddy_wait_queue *q)
{
    struct eddyi_wait_queue *queue = (struct eddyi_wait_queue *)(void *)q;

    if (!queue->waiters.next)
        eddyi_list_init(&queue->waiters);
    return queue;
}

static struct waiter *waiter_of(struct eddyi_list *l)
{
    return eddyi_container(l, struct waiter, link);
}

static bool waiter_cancel(struct eddyi_wait *w)
{
    struct waiter *waiter = eddyi_container(w, struct waiter, wait);

    EDDYI_ASSERT(!w->over && waiter->queue->n_waiting > 0);
    waiter->queue->n_waiting--;
    eddyi_wait_over(w);
    return true;
}

/* Returns the first waiter that is neither woken nor cancelled, or NULL. Moves q->next there, so
 * that later calls skip the waiters before it. */
static struct waiter *first_waiting(struct eddyi_wait_queue *q)
{
    struct eddyi_list *l = q->next;

    while (l != &q->waiters && waiter_of(l)->wait.over)
        l = l->next;
    q->next = l == &q->waiters ? NULL : l;
    return q->next ? waiter_of(q->next) : NULL;
}

static void wake(struct waiter *w)
{
    w->woken = true;
    eddyi_wait_over(&w->wait);
}

bool eddyi_wait_queue_wake_slow(eddy_wait_queue *public)
{
    struct waiter *w = first_waiting(queue_of(public));

    if (w)
        wake(w);
    return w != NULL;
}

EDDYI_DIRECT void eddyi_wait_queue_wake_first(eddy_wait_queue *public)
{
    struct eddyi_wait_queue *q = queue_of(public);

    if (!eddyi_list_empty(&q->waiters) && !waiter_of(q->waiters.next)->wait.over)
        wake(waiter_of(q->waiters.next));
}

void eddyi_wait_queue_wake_all(eddy_wait_queue *q)
{
    while (eddyi_wait_queue_wake(q))
        ;
}

/* Binds the queue to the loop of its first waiter (rule 40). */
static int bind_to_loop(struct eddyi_wait_queue *q, const eddy_task *t)
{
    if (!q->loop)
        q->loop = t->future.loop;
    if (q->loop != t->future.loop)
        return eddy_raise(EDDY_EOTHERLOOP, "it is bound to a different event loop");
    return 0;
}

int eddyi_wait_queue_bind(eddy_wait_queue *q)
{
    eddy_task *t = eddyi_task_current();

    return t ? bind_to_loop(queue_of(q), t) : eddyi_raise_no_task();
}

static void waiter_leave(struct waiter *w)
{
    struct eddyi_wait_queue *q = w->queue;

    if (q->next == &w->link)
        q->next = w->link.next == &q->waiters ? NULL : w->link.next;
    EDDYI_ASSERT(w->wait.over && (w->wait.cancelled || q->n_waiting > 0));
    eddyi_list_remove(&w->link);
    if (!w->wait.cancelled)
        q->n_waiting--;
}

int eddyi_wait_queue_wait(eddy_wait_queue *public, const char *what, bool *ret_woken)
{
    return eddyi_wait_queue_wait_with_holder(public, what, NULL, ret_woken);
}

EDDYI_DIRECT EDDYI_UNGUARDED int eddyi_wait_queue_wait_with_holder(eddy_wait_queue *public,
                                                                   const char *what,
                                                                   const void *const *holder,
                                                                   bool *ret_woken)
{
    struct eddyi_wait_queue *q = queue_of(public);
    eddy_task *t = eddyi_task_current();
    int rc = t ? bind_to_loop(q, t) : eddyi_raise_no_task();
    struct waiter w;

    if (rc < 0)
        return rc;
    eddyi_wait_init_of(&w.wait, t, waiter_cancel);
    w.wait.what = what;
    w.wait.holder = holder;
    w.queue = q;
    w.woken = false;
    eddyi_list_append(&q->waiters, &w.link);
    if (!q->next)
        q->next = &w.link;
    q->n_waiting++;
    eddyi_wait_park(&w.wait);
    waiter_leave(&w);
    if (ret_woken)
        *ret_woken = w.woken;
    return eddyi_wait_finish(&w.wait);
}
