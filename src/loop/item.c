/*
 * Items and timers in the storage of the program: each contains a ready item of the loop, whose
 * function calls the program's. A link that is NULL belongs to an item that was never scheduled.
 */
#include "loop/item.h"

#include "eddy/binding.h"
#include "eddy/error.h"
#include "loop/loop.h"

_Static_assert(sizeof(((eddy_item *)0)->eddyi_ready) == sizeof(struct eddyi_ready),
               "an item has room for a ready item");
_Static_assert(offsetof(eddy_timer, eddyi_node) - offsetof(eddy_timer, eddyi_ready) ==
                       offsetof(struct eddyi_timer, node) &&
                   sizeof(eddy_timer) - offsetof(eddy_timer, eddyi_ready) >=
                       sizeof(struct eddyi_timer),
               "a timer has room for a timer of the loop");

static inline struct eddyi_ready *ready_of(const eddy_item *item)
{
    return (struct eddyi_ready *)(uintptr_t)item->eddyi_ready;
}

static inline eddy_item *item_of(struct eddyi_ready *r)
{
    return eddyi_container(r, eddy_item, eddyi_ready);
}

static inline struct eddyi_timer *inner(const eddy_timer *timer)
{
    return (struct eddyi_timer *)(uintptr_t)timer->eddyi_ready;
}

static inline eddy_timer *timer_of(struct eddyi_ready *r)
{
    return eddyi_container(r, eddy_timer, eddyi_ready);
}

/* A C++ exception may leave the program's function: nothing here has to be cleaned up. */
static void run_item(struct eddyi_ready *r)
{
    eddyi_cleaned_up = r;
    item_of(r)->run(item_of(r));
}

static void run_timer(struct eddyi_ready *r)
{
    eddyi_cleaned_up = r;
    timer_of(r)->run(timer_of(r));
}

/* Returns whether @r is in a list, or in the inbox; there its link.next is left alone. */
static inline bool is_queued(const struct eddyi_ready *r)
{
    const struct eddyi_list *l = &r->link;

    return l->next && (l->next != l || l->prev != l);
}

static inline bool is_free(const struct eddyi_ready *r)
{
    return r->link.next == &r->link && r->link.prev == &r->link;
}

/* Prepares @r, which will call run(). Returns 0 or raises an error. */
static int prepare(struct eddyi_ready *r, void (*run)(struct eddyi_ready *r), bool has_function)
{
    if (!has_function)
        return eddy_raise(-EINVAL, "an item without a function");
    if (is_queued(r))
        return eddy_raise(EDDY_EMISUSE, "an item is scheduled once");
    eddyi_ready_init(r, run);
    return 0;
}

static int check_and_prepare(eddy_loop *loop, eddy_item *item)
{
    int rc = eddyi_loop_check(loop);

    return rc < 0 ? rc : prepare(ready_of(item), run_item, item->run != NULL);
}

/* Slow path of eddy_loop_call_soon_item(): at the item's first use, outside of a run, after posts
 * of other threads, and when it fails. */
EDDY_COLD static int call_soon_slow(eddy_loop *loop, eddy_item *item)
{
    int rc = check_and_prepare(loop, item);

    if (rc < 0)
        return rc;
    if (eddyi_loop_posted(loop))
        eddyi_loop_take_posted(loop);
    eddyi_loop_ready(loop, ready_of(item));
    return 0;
}

int eddy_loop_call_soon_item(eddy_loop *loop, eddy_item *item)
{
    struct eddyi_ready *r = ready_of(item);

    if (!eddyi_loop_is_here_alone(loop) || r->run != run_item || !is_free(r))
        return call_soon_slow(loop, item);
    eddyi_loop_ready(loop, r);
    return 0;
}

int eddy_loop_call_soon_item_threadsafe(eddy_loop *loop, eddy_item *item)
{
    int rc;

    if (loop == eddyi_loop_running)
        return eddy_loop_call_soon_item(loop, item);
    if (!loop)
        return eddyi_raise_no_loop();
    if (eddyi_loop_forked(loop))
        return eddy_raise(EDDY_EFORKED, NULL);
    rc = prepare(ready_of(item), run_item, item->run != NULL);
    if (rc == 0 && eddyi_loop_post_elsewhere(loop, ready_of(item)) < 0)
        rc = eddy_raise(EDDY_ECLOSED, NULL);
    return rc;
}

int eddy_loop_call_at_turn_end_item(eddy_loop *loop, eddy_item *item)
{
    int rc = check_and_prepare(loop, item);

    if (rc == 0)
        eddyi_loop_at_turn_end(loop, ready_of(item));
    return rc;
}

/* Takes @r out of the queue; a posted one is put there first. */
static void unqueue(eddy_loop *loop, struct eddyi_ready *r)
{
    if (!is_queued(r))
        return;
    if (r->link.next == &r->link)
        eddyi_loop_take_posted(loop);
    eddyi_ready_cancel(r);
}

void eddy_item_cancel(eddy_loop *loop, eddy_item *item)
{
    if (!eddyi_loop_forked(loop))
        unqueue(loop, ready_of(item));
}

bool eddy_item_is_scheduled(const eddy_item *item)
{
    return is_queued(ready_of(item));
}

int eddy_loop_call_at_timer(eddy_loop *loop, eddy_timer *timer, double when)
{
    struct eddyi_timer *t = inner(timer);
    int64_t at = eddyi_nanoseconds(when);
    int rc = eddyi_loop_check(loop);

    if (rc == 0 && when != when)
        rc = eddy_raise(-EINVAL, "call_at: the time is not a number");
    if (rc == 0 && t->node.place)
        rc = eddy_raise(EDDY_EMISUSE, "a timer is scheduled once");
    if (rc == 0)
        rc = prepare(&t->ready, run_timer, timer->run != NULL);
    if (rc < 0)
        return rc;
    rc = eddyi_timer_start(loop, t, at);
    return rc < 0 ? eddy_raise(rc, NULL) : 0;
}

void eddy_timer_cancel(eddy_loop *loop, eddy_timer *timer)
{
    struct eddyi_timer *t = inner(timer);

    if (t->ready.link.next && !eddyi_loop_forked(loop))
        eddyi_timer_stop(loop, t);
}

bool eddy_timer_is_scheduled(const eddy_timer *timer)
{
    return inner(timer)->node.place || is_queued(&inner(timer)->ready);
}

static bool is_of_program(const struct eddyi_ready *r)
{
    return r->run == run_item || r->run == run_timer;
}

static void hand_back(struct eddyi_ready *r)
{
    if (r->run == run_item && item_of(r)->dropped)
        item_of(r)->dropped(item_of(r));
    else if (r->run == run_timer && timer_of(r)->dropped)
        timer_of(r)->dropped(timer_of(r));
}

/* Collects the items first: the program may cancel others when it gets one back. */
void eddyi_items_drop(struct eddyi_list *list)
{
    struct eddyi_list ours, *l, *next;

    eddyi_list_init(&ours);
    for (l = list->next; l != list; l = next) {
        next = l->next;
        if (!is_of_program(EDDYI_READY(l)))
            continue;
        eddyi_list_remove(l);
        eddyi_list_append(&ours, l);
    }
    while ((l = eddyi_list_pop(&ours)))
        hand_back(EDDYI_READY(l));
}
