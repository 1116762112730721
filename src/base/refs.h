/*
 * Reference counts. Dropping one reference too many ends the process, because the object would be
 * used after it was freed.
 */
#ifndef EDDYI_REFS_H
#define EDDYI_REFS_H

#include "base/assert.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Drops one of @refs, which one thread uses. Returns true if it was the last. */
static inline bool eddyi_refs_drop(unsigned *refs)
{
    EDDYI_ASSERT_ALWAYS(*refs > 0);
    return --*refs == 0;
}

/* Drops one of @refs, which threads share. Returns true if it was the last. */
static inline bool eddyi_refs_drop_shared(atomic_uint *refs)
{
    unsigned before = atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel);

    EDDYI_ASSERT_ALWAYS(before > 0);
    return before == 1;
}

#endif
