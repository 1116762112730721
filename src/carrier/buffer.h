/*
 * A growing first-in, first-out of bytes, in one piece of memory.
 *
 *     data            data+start        data+end            data+size
 *      | consumed      | what it holds   | room              |
 */
#ifndef EDDYI_BUFFER_H
#define EDDYI_BUFFER_H

#include "base/assert.h"
#include "base/direct.h"

#include <stddef.h>

struct eddyi_buffer {
    char *data; /* NULL while size is 0 */
    size_t start, end, size;
};

static inline size_t eddyi_buffer_length(const struct eddyi_buffer *b)
{
    EDDYI_ASSERT(b->start <= b->end && b->end <= b->size);
    return b->end - b->start;
}

/* Returns what it holds; NULL if it never held anything (adding 0 to a null pointer is undefined in
 * C11). */
static inline char *eddyi_buffer_bytes(const struct eddyi_buffer *b)
{
    return b->data ? b->data + b->start : NULL;
}

static inline size_t eddyi_buffer_room(const struct eddyi_buffer *b)
{
    return b->size - b->end;
}

/* Adds the @n bytes that were written into the room. */
static inline void eddyi_buffer_extend(struct eddyi_buffer *b, size_t n)
{
    EDDYI_ASSERT_ALWAYS(n <= eddyi_buffer_room(b));
    b->end += n;
}

/* Makes room for at least @n (> 0) more bytes; what it holds may move. 0 or -ENOMEM. */
EDDYI_DIRECT int eddyi_buffer_reserve(struct eddyi_buffer *b, size_t n);

/* 0 or -ENOMEM */
EDDYI_DIRECT int eddyi_buffer_append(struct eddyi_buffer *b, const void *bytes, size_t n);

/* Takes @n bytes from the front. Nothing moves, the room neither: a read into it may be under
 * way. */
static inline void eddyi_buffer_consume(struct eddyi_buffer *b, size_t n)
{
    EDDYI_ASSERT_ALWAYS(n <= eddyi_buffer_length(b));
    b->start += n;
}

/* Frees the memory of an empty one that is larger than @keep. */
EDDYI_DIRECT void eddyi_buffer_trim(struct eddyi_buffer *b, size_t keep);

void eddyi_buffer_fini(struct eddyi_buffer *b);

#endif
