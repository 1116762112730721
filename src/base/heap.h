/*
 * A priority queue of deadlines: a 4-ary heap ordered by (when, order of insertion).
 *
 * The nodes live with whoever waits, each on a page of its own if that is a task, so the heap
 * touches as few of them as it can. The array holds the deadlines themselves: finding the least of
 * four siblings touches one cache line and no node. And a node is not told when it moves up, by far
 * the most frequent move: from where it was last told to be, the way to the root leads past it.
 *
 * Most leave before their deadline, a timeout's for instance, so leaving costs a store: a gap stays
 * behind. When more than half are gaps they are closed, which comes to O(1) for each that left.
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
    size_t place;   /* index in the array plus one, or of something below it; 0 while in no heap */
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
    struct eddyi_heap_node gap; /* stands for those that left */
};

/* {0} is an empty heap. */
void eddyi_heap_fini(struct eddyi_heap *h);

/* 0 or -ENOMEM. The node must be in no heap. */
EDDYI_DIRECT int eddyi_heap_insert(struct eddyi_heap *h, struct eddyi_heap_node *node,
                                   int64_t when);

/* Harmless if it is in no heap. */
EDDYI_DIRECT void eddyi_heap_remove(struct eddyi_heap *h, struct eddyi_heap_node *node);

/* Takes out the first, without touching it: it is for the caller to clear its place. There must be
 * one. */
void eddyi_heap_remove_first(struct eddyi_heap *h);

/* The earliest, or NULL; and its deadline, INT64_MAX if there is none. Neither touches it. */
static inline struct eddyi_heap_node *eddyi_heap_first(const struct eddyi_heap *h)
{
    return h->n ? h->entries[0].node : NULL;
}

static inline int64_t eddyi_heap_first_when(const struct eddyi_heap *h)
{
    return h->n ? h->entries[0].when : INT64_MAX;
}

#endif
