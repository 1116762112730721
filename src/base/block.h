/*
 * Blocks: memory for what is small and lives briefly, coroutines and futures above all.
 *
 * Freed ones are kept, each thread its own, for the next: some 8 instructions where malloc and free
 * take 190. They come through the door like all memory, and go back when the thread ends.
 */
#ifndef EDDYI_BLOCK_H
#define EDDYI_BLOCK_H

#include "base/sys.h"
#include "base/thread.h"

#define EDDYI_BLOCK_SIZE ((size_t)128)
/* Of those there is a second kind, for the jobs of executors, which come in floods. */
#define EDDYI_LARGE_BLOCK_SIZE ((size_t)448)

struct eddyi_block {
    struct eddyi_block *next;
};

/* Of this thread. */
struct eddyi_blocks {
    struct eddyi_block *first;
    unsigned n, limit; /* how many are kept, and may be; no limit yet: 0 */
};

extern EDDYI_THREAD_LOCAL struct eddyi_blocks eddyi_blocks, eddyi_large_blocks;

/* The kind for that size; NULL: it is larger than a block. */
static inline struct eddyi_blocks *eddyi_blocks_of(size_t size)
{
    return size <= EDDYI_BLOCK_SIZE         ? &eddyi_blocks
           : size <= EDDYI_LARGE_BLOCK_SIZE ? &eddyi_large_blocks
                                            : NULL;
}

/* As eddyi_alloc(); what is larger than a block is no block. */
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

void eddyi_block_free_slowly(void *p, size_t size);

/* @size as it was allocated. NULL is allowed. */
static inline void eddyi_block_free(void *p, size_t size)
{
    struct eddyi_blocks *kind = eddyi_blocks_of(size);
    struct eddyi_block *b = p;

    if (!p || !kind || kind->n >= kind->limit) {
        eddyi_block_free_slowly(p, size);
        return;
    }
    b->next = kind->first;
    kind->first = b;
    kind->n++;
    eddyi_ledger(-1); /* what is kept is nobody's; it may have come from another thread */
}

#endif
