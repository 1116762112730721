/*
 * Blocks: memory for what is small and lives briefly, coroutines and futures above all.
 *
 * Freed ones are kept, each thread its own, for the next: some 8 instructions where malloc and free take 190. They come
 * through the door like all memory, and go back when the thread ends.
 */
#ifndef EDDYI_BLOCK_H
#define EDDYI_BLOCK_H

#include "base/sys.h"
#include "base/thread.h"

#define EDDYI_BLOCK_SIZE ((size_t)128)

struct eddyi_block {
    struct eddyi_block *next;
};

/* Of this thread. */
struct eddyi_blocks {
    struct eddyi_block *first;
    unsigned n, limit; /* how many are kept, and may be; no limit yet: 0 */
};

extern EDDYI_THREAD_LOCAL struct eddyi_blocks eddyi_blocks;

/* As eddyi_alloc(); what is larger than a block is no block. */
static inline void *eddyi_block_alloc(size_t size)
{
    struct eddyi_block *b = eddyi_blocks.first;

    if (size > EDDYI_BLOCK_SIZE || !b)
        return eddyi_alloc(size > EDDYI_BLOCK_SIZE ? size : EDDYI_BLOCK_SIZE);
    if (eddyi_fault("malloc"))
        return NULL;
    eddyi_blocks.first = b->next;
    eddyi_blocks.n--;
    eddyi_ledger(+1);
    return b;
}

void eddyi_block_free_slowly(void *p, size_t size);

/* @size as it was allocated. NULL is allowed. */
static inline void eddyi_block_free(void *p, size_t size)
{
    struct eddyi_block *b = p;

    if (!p || size > EDDYI_BLOCK_SIZE || eddyi_blocks.n >= eddyi_blocks.limit) {
        eddyi_block_free_slowly(p, size);
        return;
    }
    b->next = eddyi_blocks.first;
    eddyi_blocks.first = b;
    eddyi_blocks.n++;
    eddyi_ledger(-1); /* what is kept is nobody's; it may have come from another thread */
}

#endif
