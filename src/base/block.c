#include "base/block.h"

/* 128 KiB a thread: more than that many at once are rare, and malloc is good at those. */
enum { KEPT_MAX = 1024 };

EDDYI_THREAD_LOCAL struct eddyi_blocks eddyi_blocks;

static void free_kept(void)
{
    struct eddyi_block *next;

    for (struct eddyi_block *b = eddyi_blocks.first; b; b = next) {
        next = b->next;
        eddyi_ledger(+1);
        eddyi_free(b);
    }
    eddyi_blocks = (struct eddyi_blocks){0};
}

/* AddressSanitizer is to see uses of what was freed. */
static bool may_keep(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return false;
#elif defined(__has_feature)
    return !__has_feature(address_sanitizer);
#else
    return true;
#endif
}

void eddyi_block_free_slowly(void *p, size_t size)
{
    bool keep = p && size <= EDDYI_BLOCK_SIZE && !eddyi_blocks.limit && may_keep();

    if (!keep) {
        eddyi_free(p);
        return;
    }
    eddyi_blocks.limit = KEPT_MAX;
    eddyi_thread_at_exit(free_kept);
    eddyi_block_free(p, size);
}
