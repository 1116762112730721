/*
 * Blocks: memory for small, short-lived objects, coroutines and futures above all.
 *
 * Each thread keeps the blocks that it frees for its next allocations: some 8 instructions, where
 * malloc and free take 190. Blocks come through the door like all memory, and are given back when
 * the thread ends.
 */
#ifndef EDDYI_BLOCK_H
#define EDDYI_BLOCK_H

#include "base/sys.h"
#include "base/thread.h"

#define EDDYI_BLOCK_SIZE ((size_t)128)
/* A second size, for the jobs of executors, which come in floods. */
#define EDDYI_LARGE_BLOCK_SIZE ((size_t)448)

struct eddyi_block {
    uint64_t mark; /* what the last owner left: see task/gone.c */
    struct eddyi_block *next;
};

/* The free blocks of this thread, of one size. */
struct eddyi_blocks {
    struct eddyi_block *first;
    unsigned n, limit; /* how many are kept, and may be; the limit is 0 until it is set */
};

extern EDDYI_THREAD_LOCAL struct eddyi_blocks eddyi_blocks, eddyi_large_blocks;

/* Returns the blocks for that size; NULL: it is larger than a block. */
static inline struct eddyi_blocks *eddyi_blocks_of(size_t size)
{
    return size <= EDDYI_BLOCK_SIZE         ? &eddyi_blocks
           : size <= EDDYI_LARGE_BLOCK_SIZE ? &eddyi_large_blocks
                                            : NULL;
}

/* Allocates as eddyi_alloc() does; a size larger than a block comes from malloc. */
static inline void *eddyi_block_alloc(size_t size)
{
    struct eddyi_blocks *kind = eddyi_blocks_of(size);
    struct eddyi_block *b = kind ? kind->first : NULL;

    if (!b)
        return eddyi_alloc(!kind                   ? size
                           : kind == &eddyi_blocks ? EDDYI_BLOCK_SIZE
                                                   : EDDYI_LARGE_BLOCK_SIZE);
    if (eddyi_fault("malloc"))
        return NULL;
    kind->first = b->next;
    kind->n--;
    eddyi_ledger(+1);
    return b;
}

/* Slow path of eddyi_block_free(): @p is NULL, larger than a block, or beyond the limit. */
void eddyi_block_free_slow(void *p, size_t size);

/* Frees @p, whose @size is that of its allocation. NULL is allowed. */
static inline void eddyi_block_free(void *p, size_t size)
{
    struct eddyi_blocks *kind = eddyi_blocks_of(size);
    struct eddyi_block *b = p;

    if (!p || !kind || kind->n >= kind->limit) {
        eddyi_block_free_slow(p, size);
        return;
    }
    b->next = kind->first;
    kind->first = b;
    kind->n++;
    eddyi_ledger(-1); /* a kept block has no owner; it may have come from another thread */
}

#endif
