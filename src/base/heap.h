/*
 * A priority queue of deadlines: a 4-ary heap ordered by (when, order of insertion).
 *
 * The nodes belong to the waiting code, each on a page of its own if that is a task, so the heap
 * touches as few nodes as it can. The array holds the deadlines themselves: finding the least of
 * four siblings touches one cache line and no node. And a node is not updated when it moves up, by
 * far the most frequent move: the way from its recorded place to the root leads past it.
 *
 * Most nodes leave before their deadline, a timeout's for instance, so leaving costs one store: a
 * gap stays behind. When more than half of the entries are gaps they are closed, which is O(1) per
 * node that left.
 */
#ifndef EDDYI_HEAP_H
#define EDDYI_HEAP_H

#include "base/direct.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eddyi_heap_node {
    int64_t when;   /* nanoseconds */
    uint64_t order; /* among equal deadlines the smaller goes first */
    /* index in the array plus one, or that of an entry below it; 0 while in no heap */
    size_t place;
};

struct eddyi_heap_entry {
    int64_t when;
    struct eddyi_heap_node *node;
};

struct eddyi_heap {
    struct eddyi_heap_entry *entries; /* the first is no gap */
    size_t n, capacity;               /* gaps included */
    size_t gaps;
    uint64_t latest_order;      /* counted from 1 */
    struct eddyi_heap_node gap; /* stands for nodes that have left */
};

/* Frees the memory of a heap. {0} is an empty heap. */
void eddyi_heap_fini(struct eddyi_heap *h);

/* Inserts a node that is in no heap. Returns 0 or -ENOMEM. */
EDDYI_DIRECT int eddyi_heap_insert(struct eddyi_heap *h, struct eddyi_heap_node *node,
                                   int64_t when);

/* Removes a node; harmless if it is in no heap. */
EDDYI_DIRECT void eddyi_heap_remove(struct eddyi_heap *h, struct eddyi_heap_node *node);

/* Removes the first node, which must exist, without touching it: the caller clears its place. */
void eddyi_heap_remove_first(struct eddyi_heap *h);

/* Return the node with the earliest deadline, or NULL, and that deadline, or INT64_MAX. Neither
 * touches the node. */
static inline struct eddyi_heap_node *eddyi_heap_first(const struct eddyi_heap *h)
{
    return h->n ? h->entries[0].node : NULL;
}

static inline int64_t eddyi_heap_first_when(const struct eddyi_heap *h)
{
    return h->n ? h->entries[0].when : INT64_MAX;
}

#endif
