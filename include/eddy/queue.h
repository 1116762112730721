/*
 * Queues between tasks of one loop: Queue, LifoQueue, PriorityQueue.
 *
 *     eddy_queue q;
 *     eddy_queue_init(&q, 10);                  // at most 10 items; 0: any number
 *     eddy_try(eddy_queue_put(&q, job));        // waits while it is full
 *     eddy_try(eddy_queue_get(&q, &job));       // waits while it is empty
 *     eddy_queue_fini(&q);
 *
 * A queue holds pointers, or values of a fixed size that it copies in and out (the _value calls, on
 * a queue made by an _init_values). It lives in the caller's storage; its memory grows with what is
 * in it.
 */
#ifndef EDDY_QUEUE_H
#define EDDY_QUEUE_H

#include "defs.h"
#include "sync.h"

EDDY_BEGIN_DECLS

/* < 0: *a goes before *b. Of a queue of pointers @a and @b are the items, of values their
 * addresses. */
typedef int eddy_compare_fn(const void *a, const void *b);

typedef struct eddy_queue {
    eddy_wait_queue eddyi_getters, eddyi_putters;
    eddy_event eddyi_finished;
    size_t eddyi_maxsize;
    size_t eddyi_item_size;
    size_t eddyi_capacity, eddyi_first, eddyi_n;
    size_t eddyi_unfinished;
    char *eddyi_items;
    eddy_compare_fn *eddyi_compare;
    int eddyi_order;
    bool eddyi_values;
    bool eddyi_shut_down;
} eddy_queue;

/*
 * A queue of pointers: first in, first out; last in, first out; lowest first (equal ones in any
 * order).
 * @maxsize is the number of items at which it is full, 0 for no limit. Cannot fail.
 */
EDDY_API void eddy_queue_init(eddy_queue *q, size_t maxsize);
EDDY_API void eddy_lifo_queue_init(eddy_queue *q, size_t maxsize);
EDDY_API void eddy_priority_queue_init(eddy_queue *q, size_t maxsize, eddy_compare_fn *compare);

/* The same for values of @size bytes. */
EDDY_API void eddy_queue_init_values(eddy_queue *q, size_t maxsize, size_t size);
EDDY_API void eddy_lifo_queue_init_values(eddy_queue *q, size_t maxsize, size_t size);
EDDY_API void eddy_priority_queue_init_values(eddy_queue *q, size_t maxsize, size_t size,
                                              eddy_compare_fn *compare);

/* Frees the queue's memory, not what its pointers point to. Nobody may wait on it any more. */
EDDY_API void eddy_queue_fini(eddy_queue *q);

/*
 * Puts an item in, waiting while the queue is full. Returns 0, or EDDY_EQUEUESHUTDOWN, -ECANCELED,
 * -ENOMEM, EDDY_EMISUSE (a queue of the other kind), and only if it would have to wait
 * EDDY_ENOTASK, EDDY_EOTHERLOOP: then the item was not put.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_put(eddy_queue *q, void *item);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_put_value(eddy_queue *q, const void *value);

/* The same without waiting: EDDY_EQUEUEFULL. */
EDDY_API EDDY_NODISCARD int eddy_queue_put_nowait(eddy_queue *q, void *item);
EDDY_API EDDY_NODISCARD int eddy_queue_put_value_nowait(eddy_queue *q, const void *value);

/*
 * Takes an item out, waiting while the queue is empty; *ret_item is the pointer, *ret_value a copy
 * of the value. Returns 0, EDDY_EQUEUESHUTDOWN once it is shut down and empty, or an error as
 * above: nothing was taken.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_get(eddy_queue *q, void *ret_item);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_get_value(eddy_queue *q, void *ret_value);

/* The same without waiting: EDDY_EQUEUEEMPTY. */
EDDY_API EDDY_NODISCARD int eddy_queue_get_nowait(eddy_queue *q, void *ret_item);
EDDY_API EDDY_NODISCARD int eddy_queue_get_value_nowait(eddy_queue *q, void *ret_value);

EDDY_API size_t eddy_queue_qsize(const eddy_queue *q);
EDDY_API size_t eddy_queue_maxsize(const eddy_queue *q);
EDDY_API bool eddy_queue_empty(const eddy_queue *q);
EDDY_API bool eddy_queue_full(const eddy_queue *q);

/* An item that was got has been dealt with. EDDY_EMISUSE if called more often than items were
 * put. */
EDDY_API int eddy_queue_task_done(eddy_queue *q);

/* Waits until every item that was put has been dealt with. 0, -ECANCELED. */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_join(eddy_queue *q);

/*
 * Shuts the queue down: puts fail from now on, also those that wait; gets fail once it is empty.
 * With
 * @immediate its items are dropped and counted as dealt with, so that join does not wait for them;
 * of pointers, what they point to stays the caller's.
 */
EDDY_API void eddy_queue_shutdown(eddy_queue *q, bool immediate);

EDDY_END_DECLS

#endif
