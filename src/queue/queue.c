/*
 * Queues with asyncio's semantics, step by step: a getter or putter is woken by a token and then
 * checks the queue again itself (rules 129, 130).
 */
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "queue/storage.h"
#include "sync/wait_here.h"

static void init(eddy_queue *q, size_t maxsize, int order, eddy_compare_fn *compare)
{
    *q = (eddy_queue){
        .eddyi_maxsize = maxsize,
        .eddyi_item_size = sizeof(void *),
        .eddyi_order = order,
        .eddyi_compare = compare,
        .eddyi_finished.eddyi_set = true,
    };
}

static void init_values(eddy_queue *q, size_t maxsize, size_t size, int order,
                        eddy_compare_fn *compare)
{
    init(q, maxsize, order, compare);
    q->eddyi_item_size = size;
    q->eddyi_values = true;
}

void eddy_queue_init(eddy_queue *q, size_t maxsize)
{
    init(q, maxsize, EDDYI_FIFO, NULL);
}

void eddy_lifo_queue_init(eddy_queue *q, size_t maxsize)
{
    init(q, maxsize, EDDYI_LIFO, NULL);
}

void eddy_priority_queue_init(eddy_queue *q, size_t maxsize, eddy_compare_fn *compare)
{
    init(q, maxsize, EDDYI_PRIORITY, compare);
}

void eddy_queue_init_values(eddy_queue *q, size_t maxsize, size_t size)
{
    init_values(q, maxsize, size, EDDYI_FIFO, NULL);
}

void eddy_lifo_queue_init_values(eddy_queue *q, size_t maxsize, size_t size)
{
    init_values(q, maxsize, size, EDDYI_LIFO, NULL);
}

void eddy_priority_queue_init_values(eddy_queue *q, size_t maxsize, size_t size,
                                     eddy_compare_fn *compare)
{
    init_values(q, maxsize, size, EDDYI_PRIORITY, compare);
}

void eddy_queue_fini(eddy_queue *q)
{
    eddyi_free(q->eddyi_items);
    q->eddyi_items = NULL;
    q->eddyi_n = q->eddyi_capacity = 0;
}

size_t eddy_queue_qsize(const eddy_queue *q)
{
    return q->eddyi_n;
}

size_t eddy_queue_maxsize(const eddy_queue *q)
{
    return q->eddyi_maxsize;
}

bool eddy_queue_empty(const eddy_queue *q)
{
    return q->eddyi_n == 0;
}

static inline bool full(const eddy_queue *q)
{
    return q->eddyi_maxsize > 0 && q->eddyi_n >= q->eddyi_maxsize;
}

bool eddy_queue_full(const eddy_queue *q)
{
    return full(q);
}

EDDY_COLD static int not_stored(const eddy_queue *q)
{
    if (q->eddyi_order == EDDYI_PRIORITY && !q->eddyi_compare)
        return eddy_raise(-EINVAL, "a priority queue was made without a function that compares");
    return eddy_raise(-ENOMEM, NULL);
}

/* Stores the item, for which there is room, and wakes a getter; raises EDDY_EQUEUESHUTDOWN after a
 * shutdown. */
static inline int add(eddy_queue *q, const void *item)
{
    if (q->eddyi_shut_down)
        return eddy_raise(EDDY_EQUEUESHUTDOWN, NULL);
    if (eddyi_queue_store(q, item) < 0)
        return not_stored(q);
    q->eddyi_unfinished++;
    eddy_event_clear(&q->eddyi_finished);
    eddyi_wait_queue_wake(&q->eddyi_getters);
    return 0;
}

/* A full or empty queue is no failure: the code is returned and not raised, so that a clean-up that
 * drains a queue keeps the message of the failure on its way. */
static int put_nowait(eddy_queue *q, const void *item)
{
    return full(q) && !q->eddyi_shut_down ? EDDY_EQUEUEFULL : add(q, item);
}

__attribute__((always_inline)) static inline int get_nowait(eddy_queue *q, void *ret)
{
    if (q->eddyi_n == 0)
        return q->eddyi_shut_down ? EDDY_EQUEUESHUTDOWN : EDDY_EQUEUEEMPTY;
    eddyi_queue_fetch(q, ret);
    eddyi_wait_queue_wake(&q->eddyi_putters);
    return 0;
}

/* Waits in @mine. Getters and putters are bound to one loop, that of the first waiter of either
 * kind. */
__attribute__((always_inline)) static inline int
wait(eddy_wait_queue *mine, eddy_wait_queue *others, const char *what, bool *ret_woken)
{
    if (!mine->eddyi_loop)
        mine->eddyi_loop = others->eddyi_loop;
    return eddyi_wait_queue_wait_here(mine, what, NULL, ret_woken);
}

/* Waits for room in a queue that is full, and stores the item. */
__attribute__((always_inline)) static inline int wait_and_put(eddy_queue *q, const void *item)
{
    do {
        bool woken = false;
        int rc;

        if (q->eddyi_shut_down)
            return eddy_raise(EDDY_EQUEUESHUTDOWN, NULL);
        rc = wait(&q->eddyi_putters, &q->eddyi_getters, "room in a queue", &woken);
        if (rc < 0) {
            /* This putter was woken and cannot use the room: the next one in line can. */
            if (!full(q) && woken)
                eddyi_wait_queue_wake(&q->eddyi_putters);
            return rc;
        }
    } while (full(q));
    return add(q, item);
}

/* The calls that wait are not inlined, so that those that need not wait have no frame for it. */
EDDYI_UNGUARDED __attribute__((noinline)) static int wait_and_put_pointer(eddy_queue *q, void *item)
{
    return wait_and_put(q, &item);
}

EDDYI_UNGUARDED __attribute__((noinline)) static int wait_and_put_value(eddy_queue *q,
                                                                        const void *value)
{
    return wait_and_put(q, value);
}

/* Waits for an item of a queue that is empty. */
EDDYI_UNGUARDED __attribute__((noinline)) static int wait_and_get(eddy_queue *q, void *ret)
{
    do {
        bool woken = false;
        int rc;

        if (q->eddyi_shut_down)
            return eddy_raise(EDDY_EQUEUESHUTDOWN, NULL);
        rc = wait(&q->eddyi_getters, &q->eddyi_putters, "an item of a queue", &woken);
        if (rc < 0) {
            /* This getter was woken and cannot take the item: the next one in line can. */
            if (q->eddyi_n > 0 && woken)
                eddyi_wait_queue_wake(&q->eddyi_getters);
            return rc;
        }
    } while (q->eddyi_n == 0);
    return get_nowait(q, ret);
}

static inline int get(eddy_queue *q, void *ret)
{
    return q->eddyi_n == 0 ? wait_and_get(q, ret) : get_nowait(q, ret);
}

/* Raises EDDY_EMISUSE if @q is used with the calls of the other kind: with those for values, a
 * queue of pointers would copy memory beyond the pointer. */
static int check_kind(const eddy_queue *q, bool values)
{
    if (q->eddyi_values != values)
        return eddy_raise(EDDY_EMISUSE, values
                                            ? "the queue holds pointers, not values"
                                            : "the queue holds values: use the calls with _value");
    return 0;
}

static int check_value(const eddy_queue *q, const void *value)
{
    int rc = check_kind(q, true);

    if (rc == 0 && !value && q->eddyi_item_size > 0)
        rc = eddy_raise(-EINVAL, "there is no value to put into the queue");
    return rc;
}

static int check_output(const eddy_queue *q, bool values, const void *ret)
{
    int rc = check_kind(q, values);

    if (rc == 0 && !ret && q->eddyi_item_size > 0)
        rc = eddy_raise(-EINVAL, "there is no place for an item of the queue");
    return rc;
}

int eddy_queue_put(eddy_queue *q, void *item)
{
    int rc = check_kind(q, false);

    if (rc < 0)
        return rc;
    return full(q) ? wait_and_put_pointer(q, item) : add(q, &item);
}

int eddy_queue_put_value(eddy_queue *q, const void *value)
{
    int rc = check_value(q, value);

    if (rc < 0)
        return rc;
    return full(q) ? wait_and_put_value(q, value) : add(q, value);
}

int eddy_queue_put_nowait(eddy_queue *q, void *item)
{
    int rc = check_kind(q, false);

    return rc < 0 ? rc : put_nowait(q, &item);
}

int eddy_queue_put_value_nowait(eddy_queue *q, const void *value)
{
    int rc = check_value(q, value);

    return rc < 0 ? rc : put_nowait(q, value);
}

int(eddy_queue_get)(eddy_queue *q, void **ret_item)
{
    int rc = check_output(q, false, ret_item);

    return rc < 0 ? rc : get(q, ret_item);
}

int eddy_queue_get_value(eddy_queue *q, void *ret_value)
{
    int rc = check_output(q, true, ret_value);

    return rc < 0 ? rc : get(q, ret_value);
}

int(eddy_queue_get_nowait)(eddy_queue *q, void **ret_item)
{
    int rc = check_output(q, false, ret_item);

    return rc < 0 ? rc : get_nowait(q, ret_item);
}

int eddy_queue_get_value_nowait(eddy_queue *q, void *ret_value)
{
    int rc = check_output(q, true, ret_value);

    return rc < 0 ? rc : get_nowait(q, ret_value);
}

int eddy_queue_task_done(eddy_queue *q)
{
    if (q->eddyi_unfinished == 0)
        return eddy_raise(EDDY_EMISUSE, "task_done() called too many times");
    if (--q->eddyi_unfinished == 0)
        eddy_event_set(&q->eddyi_finished);
    return 0;
}

int eddy_queue_join(eddy_queue *q)
{
    return q->eddyi_unfinished > 0 ? eddy_event_wait(&q->eddyi_finished) : 0;
}

void eddy_queue_shutdown(eddy_queue *q, bool immediate)
{
    q->eddyi_shut_down = true;
    while (immediate && !eddy_queue_empty(q)) {
        eddyi_queue_fetch(q, NULL);
        if (q->eddyi_unfinished > 0)
            q->eddyi_unfinished--;
    }
    if (immediate && q->eddyi_unfinished == 0)
        eddy_event_set(&q->eddyi_finished);
    eddyi_wait_queue_wake_all(&q->eddyi_getters);
    eddyi_wait_queue_wake_all(&q->eddyi_putters);
}
