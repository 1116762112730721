#include "base/heap.h"

#include "base/assert.h"
#include "base/sys.h"

enum { ARITY = 4, FIRST_CAPACITY = 64, GAPS_MIN = 64 };

static bool before(const struct eddyi_heap_entry *a, const struct eddyi_heap_entry *b)
{
    return a->when != b->when ? a->when < b->when : a->node->order < b->node->order;
}

/* Puts an entry into place @i and tells its node. Only a move up into the parent's place is not
 * told. */
static void put(struct eddyi_heap *h, size_t i, struct eddyi_heap_entry e)
{
    h->entries[i] = e;
    e.node->place = i + 1;
}

/* Moves @e up from the hole at @i to its place. */
static void sift_up(struct eddyi_heap *h, size_t i, struct eddyi_heap_entry e)
{
    while (i > 0) {
        size_t parent = (i - 1) / ARITY;

        if (!before(&e, &h->entries[parent]))
            break;
        put(h, i, h->entries[parent]);
        i = parent;
    }
    put(h, i, e);
}

/* Moves @e down from the hole at @i to its place. */
static void sift_down(struct eddyi_heap *h, size_t i, struct eddyi_heap_entry e)
{
    for (;;) {
        size_t first = i * ARITY + 1, least = first;

        if (first >= h->n)
            break;
        for (size_t child = first + 1; child < first + ARITY && child < h->n; child++)
            if (before(&h->entries[child], &h->entries[least]))
                least = child;
        if (!before(&h->entries[least], &e))
            break;
        h->entries[i] = h->entries[least];
        i = least;
    }
    put(h, i, e);
}

static int grow(struct eddyi_heap *h)
{
    size_t capacity = h->capacity ? h->capacity * 2 : FIRST_CAPACITY;
    struct eddyi_heap_entry *entries = eddyi_realloc(h->entries, capacity * sizeof *entries);

    if (!entries)
        return -ENOMEM;
    h->entries = entries;
    h->capacity = capacity;
    return 0;
}

EDDYI_DIRECT int eddyi_heap_insert(struct eddyi_heap *h, struct eddyi_heap_node *node, int64_t when)
{
    EDDYI_ASSERT(node->place == 0 && "it is in one heap, once");
    if (h->n == h->capacity && grow(h) < 0)
        return -ENOMEM;
    node->when = when;
    node->order = ++h->latest_order;
    sift_up(h, h->n++, (struct eddyi_heap_entry){when, node});
    return 0;
}

static bool is_gap(const struct eddyi_heap *h, size_t i)
{
    return h->entries[i].node == &h->gap;
}

/* Removes the first entry, and the gaps that become first thereby. */
void eddyi_heap_remove_first(struct eddyi_heap *h)
{
    for (;;) {
        struct eddyi_heap_entry last = h->entries[--h->n];

        if (h->n == 0)
            return;
        sift_down(h, 0, last);
        if (!is_gap(h, 0))
            return;
        h->gaps--;
    }
}

/* Closes all gaps at once, when they are more than half of the entries. */
static void close_gaps(struct eddyi_heap *h)
{
    size_t n = 0;

    for (size_t i = 0; i < h->n; i++)
        if (!is_gap(h, i))
            put(h, n++, h->entries[i]);
    h->n = n;
    h->gaps = 0;
    for (size_t i = (n + ARITY - 2) / ARITY; i-- > 0;)
        sift_down(h, i, h->entries[i]);
}

/*
 * Removes a node. The gap that it leaves has the least order of its deadline, so it may come before
 * its parent. That does no harm: it still comes before everything below it, and the order of the
 * nodes needs no more, because later nodes stop at a gap or pass it by their deadline.
 */
EDDYI_DIRECT void eddyi_heap_remove(struct eddyi_heap *h, struct eddyi_heap_node *node)
{
    size_t i = node->place - 1;

    if (!node->place)
        return;
    EDDYI_ASSERT(i < h->capacity);
    node->place = 0;
    while (h->entries[i].node != node) {
        EDDYI_ASSERT_ALWAYS(i > 0);
        i = (i - 1) / ARITY;
    }
    if (i == 0) {
        eddyi_heap_remove_first(h);
    } else if (i == h->n - 1) {
        h->n--;
    } else {
        h->entries[i].node = &h->gap;
        if (++h->gaps > GAPS_MIN && h->gaps > h->n / 2)
            close_gaps(h);
    }
}

void eddyi_heap_fini(struct eddyi_heap *h)
{
    eddyi_free(h->entries);
    *h = (struct eddyi_heap){0};
}
