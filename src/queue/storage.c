#include "queue/storage.h"

#include "base/sys.h"

#include <string.h>

enum { FIRST_CAPACITY = 8 };

static char *slot(const eddy_queue *q, size_t i)
{
    return q->eddyi_items + eddyi_queue_index(q, i) * q->eddyi_item_size;
}

/* Doubles the array. The ring begins at index 0 afterwards. */
static int grow(eddy_queue *q)
{
    size_t capacity = q->eddyi_capacity ? q->eddyi_capacity * 2 : FIRST_CAPACITY;
    size_t size = q->eddyi_item_size, before_end = q->eddyi_capacity - q->eddyi_first;
    char *items;

    if (size > 0 && capacity > SIZE_MAX / size)
        return -ENOMEM;
    items = eddyi_alloc(capacity * size);
    if (!items)
        return -ENOMEM;
    if (before_end > q->eddyi_n)
        before_end = q->eddyi_n;
    if (q->eddyi_n * size > 0) {
        memcpy(items, q->eddyi_items + q->eddyi_first * size, before_end * size);
        memcpy(items + before_end * size, q->eddyi_items, (q->eddyi_n - before_end) * size);
    }
    eddyi_free(q->eddyi_items);
    q->eddyi_items = items;
    q->eddyi_capacity = capacity;
    q->eddyi_first = 0;
    return 0;
}

/* Compares two items: @compare receives the pointers of a queue of pointers, and the addresses of
 * values. */
static bool before(const eddy_queue *q, const void *a, const void *b)
{
    if (q->eddyi_values)
        return q->eddyi_compare(a, b) < 0;
    return q->eddyi_compare(*(void *const *)a, *(void *const *)b) < 0;
}

static void copy(const eddy_queue *q, size_t to, const void *from)
{
    if (q->eddyi_item_size > 0) /* an item of 0 bytes may have no address */
        memcpy(slot(q, to), from, q->eddyi_item_size);
}

static void heap_in(eddy_queue *q, const void *item)
{
    size_t i = q->eddyi_n;

    for (; i > 0 && before(q, item, slot(q, (i - 1) / 2)); i = (i - 1) / 2)
        copy(q, i, slot(q, (i - 1) / 2));
    copy(q, i, item);
}

/* Fills the hole at the top with the last item, sifted down to its place. */
static void heap_out(eddy_queue *q)
{
    size_t n = q->eddyi_n, i = 0, child;
    const void *last = slot(q, n);

    while ((child = 2 * i + 1) < n) {
        if (child + 1 < n && before(q, slot(q, child + 1), slot(q, child)))
            child++;
        if (!before(q, slot(q, child), last))
            break;
        copy(q, i, slot(q, child));
        i = child;
    }
    if (i < n)
        copy(q, i, last);
}

int eddyi_queue_store_slow(eddy_queue *q, const void *item)
{
    if (q->eddyi_order == EDDYI_PRIORITY && !q->eddyi_compare)
        return -EINVAL;
    if (q->eddyi_n == q->eddyi_capacity && grow(q) < 0)
        return -ENOMEM;
    if (q->eddyi_order == EDDYI_PRIORITY)
        heap_in(q, item);
    else
        copy(q, q->eddyi_n, item);
    q->eddyi_n++;
    return 0;
}

void eddyi_queue_fetch_slow(eddy_queue *q, void *ret)
{
    size_t i = q->eddyi_order == EDDYI_LIFO ? q->eddyi_n - 1 : 0;

    if (ret)
        memcpy(ret, slot(q, i), q->eddyi_item_size);
    q->eddyi_n--;
    if (q->eddyi_order == EDDYI_FIFO)
        q->eddyi_first = eddyi_queue_index(q, 1);
    else if (q->eddyi_order == EDDYI_PRIORITY)
        heap_out(q);
}
