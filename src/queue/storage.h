/*
 * The storage of a queue's items: one array, used as a ring, a stack or a heap.
 */
#ifndef EDDYI_QUEUE_STORAGE_H
#define EDDYI_QUEUE_STORAGE_H

#include "base/assert.h"
#include "eddy/queue.h"

#include <string.h>

enum eddyi_queue_order { EDDYI_FIFO, EDDYI_LIFO, EDDYI_PRIORITY };

/* Slow paths of eddyi_queue_store() and eddyi_queue_fetch(): for queues of every kind, and for a
 * full array. */
int eddyi_queue_store_slow(eddy_queue *q, const void *item);
void eddyi_queue_fetch_slow(eddy_queue *q, void *ret);

/* Returns the index in the array of the @i-th item. A comparison replaces the remainder: its
 * divisions, three per message, took a fifth of a message's time. */
static inline size_t eddyi_queue_index(const eddy_queue *q, size_t i)
{
    EDDYI_ASSERT(q->eddyi_first <= q->eddyi_capacity && i <= q->eddyi_capacity);
    i += q->eddyi_first;
    return i < q->eddyi_capacity ? i : i - q->eddyi_capacity;
}

/* Returns true for a first in, first out queue of pointers, which nearly all queues are. */
static inline bool eddyi_queue_is_plain(const eddy_queue *q)
{
    return q->eddyi_order == EDDYI_FIFO && q->eddyi_item_size == sizeof(void *);
}

static inline void **eddyi_queue_slot(const eddy_queue *q, size_t i)
{
    return (void **)(void *)q->eddyi_items + eddyi_queue_index(q, i);
}

/* Copies @item into the queue. Returns 0 or -ENOMEM. */
static inline int eddyi_queue_store(eddy_queue *q, const void *item)
{
    if (!eddyi_queue_is_plain(q) || q->eddyi_n == q->eddyi_capacity)
        return eddyi_queue_store_slow(q, item);
    memcpy(eddyi_queue_slot(q, q->eddyi_n), item, sizeof(void *));
    q->eddyi_n++;
    return 0;
}

/* Copies the next item to @ret (NULL is allowed) and removes it. The queue must not be empty. */
static inline void eddyi_queue_fetch(eddy_queue *q, void *ret)
{
    EDDYI_ASSERT(q->eddyi_n > 0 && q->eddyi_n <= q->eddyi_capacity);
    if (!eddyi_queue_is_plain(q) || !ret) {
        eddyi_queue_fetch_slow(q, ret);
        return;
    }
    memcpy(ret, eddyi_queue_slot(q, 0), sizeof(void *));
    q->eddyi_n--;
    q->eddyi_first = eddyi_queue_index(q, 1);
}

#endif
