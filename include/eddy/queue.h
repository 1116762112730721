/*
 * Queues between tasks of one loop: Queue, LifoQueue, PriorityQueue.
 *
 *     eddy_queue q;
 *     eddy_queue_init(&q, 10);                  // at most 10 items; 0: any number
 *     eddy_try(eddy_queue_put(&q, job));        // waits while it is full
 *     eddy_try(eddy_queue_get(&q, &job));       // waits while it is empty
 *     eddy_queue_fini(&q);
 *
 * A queue holds pointers, or values of a fixed size that it copies in and out (the _value calls,
 * for queues made by an _init_values call). The caller provides the storage of the queue; the
 * memory for its items grows with their number.
 */
#ifndef EDDY_QUEUE_H
#define EDDY_QUEUE_H

#include "defs.h"
#include "sync.h"

EDDY_BEGIN_DECLS

/*
 * Compares two items; < 0: *a comes before *b. For a queue of pointers @a and @b are the items
 * themselves, for a queue of values the addresses of the values.
 */
typedef int eddy_compare_fn(const void *a, const void *b);

/* The caller provides the storage; all fields are private to the library. */
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
    void *eddyi_reserved[4]; /* zero; see docs/abi.md */
} eddy_queue;

/*
 * Initialize a queue of pointers: first in, first out (asyncio.Queue); last in, first out
 * (asyncio.LifoQueue); lowest first, equal items in any order (asyncio.PriorityQueue). @maxsize is
 * the number of items at which the queue is full, 0 for no limit. Cannot fail.
 */
EDDY_API void eddy_queue_init(eddy_queue *q, size_t maxsize);
EDDY_API void eddy_lifo_queue_init(eddy_queue *q, size_t maxsize);
EDDY_API void eddy_priority_queue_init(eddy_queue *q, size_t maxsize, eddy_compare_fn *compare);

/* Initialize a queue of values of @size bytes each; otherwise as above. */
EDDY_API void eddy_queue_init_values(eddy_queue *q, size_t maxsize, size_t size);
EDDY_API void eddy_lifo_queue_init_values(eddy_queue *q, size_t maxsize, size_t size);
EDDY_API void eddy_priority_queue_init_values(eddy_queue *q, size_t maxsize, size_t size,
                                              eddy_compare_fn *compare);

/*
 * Frees the queue's memory, but not the memory that its pointers point to. No task may wait on the
 * queue.
 */
EDDY_API void eddy_queue_fini(eddy_queue *q);

/*
 * Put an item in, waiting while the queue is full (Queue.put). Return 0; EDDY_EQUEUESHUTDOWN,
 * -ECANCELED, -ENOMEM, EDDY_EMISUSE (a queue of the other kind); or, only if the call would have to
 * wait, EDDY_ENOTASK or EDDY_EOTHERLOOP. On any error the item was not put in.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_put(eddy_queue *q, void *item);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_put_value(eddy_queue *q, const void *value);

/*
 * Put an item in without waiting (Queue.put_nowait). Return EDDY_EQUEUEFULL if the queue is full.
 */
EDDY_API EDDY_NODISCARD int eddy_queue_put_nowait(eddy_queue *q, void *item);
EDDY_API EDDY_NODISCARD int eddy_queue_put_value_nowait(eddy_queue *q, const void *value);

/*
 * Take an item out, waiting while the queue is empty (Queue.get). *ret_item is the pointer,
 * *ret_value a copy of the value. Return 0, EDDY_EQUEUESHUTDOWN once the queue is shut down and
 * empty, or the errors of eddy_queue_put(). On any error no item was taken.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_get(eddy_queue *q, void **ret_item);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_get_value(eddy_queue *q, void *ret_value);

/*
 * Take an item out without waiting (Queue.get_nowait). Return EDDY_EQUEUEEMPTY if the queue is
 * empty, which leaves eddy_error() as it was: a clean-up may drain a queue.
 */
EDDY_API EDDY_NODISCARD int eddy_queue_get_nowait(eddy_queue *q, void **ret_item);
EDDY_API EDDY_NODISCARD int eddy_queue_get_value_nowait(eddy_queue *q, void *ret_value);

/*
 * Take an item out of a queue of pointers: @ret_item is the address of a pointer of any type,
 * `struct job *job; eddy_queue_get(&q, &job)`. The pointer itself in its place, as in
 * eddy_queue_get(&q, job), does not compile.
 */
#ifndef __cplusplus
#define eddy_queue_get(q, ret_item) eddy_queue_get((q), EDDYI_ADDRESS_OF_POINTER(ret_item))
#define eddy_queue_get_nowait(q, ret_item)                                                         \
    eddy_queue_get_nowait((q), EDDYI_ADDRESS_OF_POINTER(ret_item))
#define EDDYI_ADDRESS_OF_POINTER(p) ((void)sizeof(&**(p)), (void **)(void *)(p))
#endif

/*
 * Return the number of items, the number at which the queue is full, and whether it is empty or
 * full (Queue.qsize, maxsize, empty, full).
 */
EDDY_API size_t eddy_queue_qsize(const eddy_queue *q);
EDDY_API size_t eddy_queue_maxsize(const eddy_queue *q);
EDDY_API bool eddy_queue_empty(const eddy_queue *q);
EDDY_API bool eddy_queue_full(const eddy_queue *q);

/*
 * Reports that an item that was taken out has been processed (Queue.task_done). Returns 0, or
 * EDDY_EMISUSE if called more often than items were put in.
 */
EDDY_API int eddy_queue_task_done(eddy_queue *q);

/*
 * Waits until every item that was put in has been processed (Queue.join). Returns 0 or -ECANCELED.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_queue_join(eddy_queue *q);

/*
 * Shuts the queue down (Queue.shutdown): puts fail from now on, those that wait included; gets fail
 * once the queue is empty. @immediate drops the items and counts them as processed, so that
 * eddy_queue_join() does not wait for them; the caller still owns the memory that dropped pointers
 * point to.
 */
EDDY_API void eddy_queue_shutdown(eddy_queue *q, bool immediate);

EDDY_END_DECLS

#ifdef __cplusplus
template <typename T> EDDY_NODISCARD int eddy_queue_get(eddy_queue *q, T **ret_item)
{
    void *item;
    int rc = eddy_queue_get(q, &item);

    if (rc >= 0)
        *ret_item = static_cast<T *>(item);
    return rc;
}
template <typename T> EDDY_NODISCARD int eddy_queue_get_nowait(eddy_queue *q, T **ret_item)
{
    void *item;
    int rc = eddy_queue_get_nowait(q, &item);

    if (rc >= 0)
        *ret_item = static_cast<T *>(item);
    return rc;
}
#endif

#endif
