/*
 * Posting: ready items from other threads.
 *
 * Items are put into the inbox, one word, which is the latest of them or, if there is none, one of
 *
 *   NULL     the loop will check the inbox by itself
 *   &asleep  the loop sleeps, or is about to: a thread that posts must wake it
 *   &closed  no item is accepted any more
 *
 * So a post is one atomic step, after which its thread does not touch the loop again: the item may
 * have run then, and the loop be freed. A thread that wakes the loop does both with the mutex held,
 * and closing the loop waits for the mutex. (tests/model/wake.pml)
 *
 * Each item is linked by link.prev to the one before it. Its link.next is not changed until the
 * loop has taken it, so the loop's thread may always ask whether an item is in a queue.
 */
#include "eddy/error.h"
#include "loop/loop.h"

static struct eddyi_list asleep, closed;

/*
 * Puts @r into the inbox and returns its former value. The item was not accepted if that is
 * &closed, or if it is &asleep and @will_wake is false.
 */
static struct eddyi_list *put(eddy_loop *loop, struct eddyi_ready *r, bool will_wake)
{
    struct eddyi_list *before = atomic_load_explicit(&loop->inbox.newest, memory_order_relaxed);

    do {
        if (before == &closed || (before == &asleep && !will_wake)) {
            r->link.prev = &r->link;
            return before;
        }
        r->link.prev = before == &asleep ? NULL : before;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox.newest, &before, &r->link,
                                                    memory_order_release, memory_order_relaxed));
    return before;
}

int eddyi_loop_post_elsewhere(eddy_loop *loop, struct eddyi_ready *r)
{
    const struct eddyi_list *before = put(loop, r, false);

    if (before == &asleep) {
        pthread_mutex_lock(&loop->inbox.mutex);
        before = put(loop, r, true);
        if (before == &asleep)
            loop->backend->ops->wake(loop->backend);
        pthread_mutex_unlock(&loop->inbox.mutex);
    }
    return before == &closed ? EDDY_ECLOSED : 0;
}

int eddyi_loop_post(eddy_loop *loop, struct eddyi_ready *r)
{
    if (eddyi_loop_forked(loop))
        return EDDY_EFORKED;
    if (eddyi_loop_running == loop && !loop->closed) {
        /* in order with the items that the loop's own thread schedules (rule 196) */
        eddyi_loop_ready(loop, r);
        return 0;
    }
    return eddyi_loop_post_elsewhere(loop, r);
}

/* Moves all posted items to the end of the ready queue, and sets the inbox to @instead. */
static void take(eddy_loop *loop, struct eddyi_list *instead)
{
    struct eddyi_list *l =
        atomic_exchange_explicit(&loop->inbox.newest, instead, memory_order_acquire);
    struct eddyi_list *next = &loop->schedule.ready, *last = loop->schedule.ready.prev;

    /* asleep: the backend completes operations, so the loop is awake */
    if (!l || l == &asleep)
        return;
    loop->schedule.ready.prev = l;
    for (; l; l = l->prev) {
        l->next = next;
        next = l;
    }
    next->prev = last;
    last->next = next;
}

void eddyi_loop_take_posted(eddy_loop *loop)
{
    take(loop, NULL);
}

void eddyi_loop_close_inbox(eddy_loop *loop)
{
    pthread_mutex_lock(&loop->inbox.mutex);
    loop->closed = true;
    take(loop, &closed);
    pthread_mutex_unlock(&loop->inbox.mutex);
}

EDDYI_DIRECT bool eddyi_loop_fall_asleep(eddy_loop *loop)
{
    struct eddyi_list *empty = NULL;

    return atomic_compare_exchange_strong(&loop->inbox.newest, &empty, &asleep);
}

EDDYI_DIRECT void eddyi_loop_wake_up(eddy_loop *loop)
{
    struct eddyi_list *empty = &asleep;

    atomic_compare_exchange_strong(&loop->inbox.newest, &empty, NULL);
}
