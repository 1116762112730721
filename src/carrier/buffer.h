/*
 * A growing first-in, first-out queue of bytes, in one piece of memory.
 *
 *     data            data+start        data+end            data+size
 *      | consumed      | contents        | room              |
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

/* Returns the contents; NULL if there never were any (adding 0 to a null pointer is undefined in
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

/* Makes room for at least @n (> 0) more bytes; the contents may move. Returns 0 or -ENOMEM. */
EDDYI_DIRECT int eddyi_buffer_reserve(struct eddyi_buffer *b, size_t n);

/* Appends @n bytes. Returns 0 or -ENOMEM. */
EDDYI_DIRECT int eddyi_buffer_append(struct eddyi_buffer *b, const void *bytes, size_t n);

/* Drops @n bytes at the front. Neither the contents nor the room move: a read into the room may
 * be in flight. */
static inline void eddyi_buffer_consume(struct eddyi_buffer *b, size_t n)
{
    EDDYI_ASSERT_ALWAYS(n <= eddyi_buffer_length(b));
    b->start += n;
}

/* Takes up to @size bytes from the front, and copies them to @to. Returns their number. */
EDDYI_DIRECT size_t eddyi_buffer_take(struct eddyi_buffer *b, void *to, size_t size);

/* Frees the memory of an empty buffer that is larger than @keep. */
EDDYI_DIRECT void eddyi_buffer_trim(struct eddyi_buffer *b, size_t keep);

void eddyi_buffer_fini(struct eddyi_buffer *b);

#endif
