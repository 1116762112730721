/*
 * The ready queue: items that run once, in the order of their arrival.
 *
 * A doubly linked ring, so that an item can be taken out again: items lie on the stacks of tasks,
 * which may leave before their turn has come.
 */
#ifndef EDDYI_READY_H
#define EDDYI_READY_H

#include "base/list.h"

struct eddyi_ready {
    struct eddyi_list link; /* points to itself while the item is in no queue */
    /* Called when the item's turn has come. The item is out of the queue then, and may be queued
     * again or freed. */
    void (*run)(struct eddyi_ready *r);
};

#define EDDYI_READY(ptr) eddyi_container((ptr), struct eddyi_ready, link)

static inline void eddyi_ready_init(struct eddyi_ready *r, void (*run)(struct eddyi_ready *r))
{
    eddyi_list_init(&r->link);
    r->run = run;
}

/* Takes @r out of its queue; harmless if it is in none. */
static inline void eddyi_ready_cancel(struct eddyi_ready *r)
{
    eddyi_list_remove(&r->link);
}

#endif
