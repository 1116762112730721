/*
 * What a queue keeps its items in: one array, used as a ring, a stack or a heap.
 */
#ifndef EDDYI_QUEUE_STORAGE_H
#define EDDYI_QUEUE_STORAGE_H

#include "eddy/queue.h"

enum eddyi_queue_order { EDDYI_FIFO, EDDYI_LIFO, EDDYI_PRIORITY };

/* Copies an item in. 0 or -ENOMEM. */
int eddyi_queue_store(eddy_queue *q, const void *item);

/* Copies the next item out to @ret, which may be NULL, of a queue that is not empty. */
void eddyi_queue_fetch(eddy_queue *q, void *ret);

#endif
