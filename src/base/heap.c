#include "base/heap.h"

#include "base/sys.h"

enum { ARITY = 4, FIRST_CAPACITY = 64 };

static bool before(const struct eddyi_heap_entry *a, const struct eddyi_heap_entry *b)
{
    return a->when != b->when ? a->when < b->when : a->node->order < b->node->order;
}

static void put(struct eddyi_heap *h, size_t i, struct eddyi_heap_entry e)
{
    h->entries[i] = e;
    e.node->place = i + 1;
}

/* Moves @e up from the hole at @i to where it belongs. */
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

/* Moves @e down from the hole at @i to where it belongs. */
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
        put(h, i, h->entries[least]);
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

int eddyi_heap_insert(struct eddyi_heap *h, struct eddyi_heap_node *node, int64_t when)
{
    if (h->n == h->capacity && grow(h) < 0)
        return -ENOMEM;
    node->when = when;
    node->order = h->next_order++;
    sift_up(h, h->n++, (struct eddyi_heap_entry){when, node});
    return 0;
}

void eddyi_heap_remove(struct eddyi_heap *h, struct eddyi_heap_node *node)
{
    struct eddyi_heap_entry last;
    size_t i;

    if (!node->place)
        return;
    i = node->place - 1;
    node->place = 0;
    last = h->entries[--h->n];
    if (last.node == node)
        return;
    if (i > 0 && before(&last, &h->entries[(i - 1) / ARITY]))
        sift_up(h, i, last);
    else
        sift_down(h, i, last);
}

void eddyi_heap_fini(struct eddyi_heap *h)
{
    eddyi_free(h->entries);
    *h = (struct eddyi_heap){0};
}
