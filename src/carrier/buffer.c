#include "carrier/buffer.h"

#include "base/sys.h"

#include <string.h>

enum { SMALLEST = 4096 };

/* Moves the contents to the front. Called only when they are at most half of the memory, or when
 * the memory grows, so that each byte is moved once, on average. */
static void move_to_front(struct eddyi_buffer *b)
{
    size_t n = eddyi_buffer_length(b);

    if (n > 0)
        memmove(b->data, b->data + b->start, n);
    b->start = 0;
    b->end = n;
}

EDDYI_DIRECT int eddyi_buffer_reserve(struct eddyi_buffer *b, size_t n)
{
    size_t held = eddyi_buffer_length(b), size = b->size ? b->size : SMALLEST;
    char *data;

    if (held == 0)
        b->start = b->end = 0;
    if (b->size - b->end >= n)
        return 0;
    if (n > SIZE_MAX / 2 - held)
        return -ENOMEM;
    if (b->size - held >= n && held <= b->size / 2) {
        move_to_front(b);
        return 0;
    }
    while (size - held < n)
        size *= 2;
    if (size == b->size)
        size *= 2;
    move_to_front(b);
    data = eddyi_realloc(b->data, size);
    if (!data)
        return b->size - held >= n ? 0 : -ENOMEM;
    b->data = data;
    b->size = size;
    return 0;
}

EDDYI_DIRECT int eddyi_buffer_append(struct eddyi_buffer *b, const void *bytes, size_t n)
{
    int rc = n > 0 ? eddyi_buffer_reserve(b, n) : 0;

    if (rc == 0 && n > 0) {
        memcpy(b->data + b->end, bytes, n);
        eddyi_buffer_extend(b, n);
    }
    return rc;
}

EDDYI_DIRECT size_t eddyi_buffer_take(struct eddyi_buffer *b, void *to, size_t size)
{
    size_t n = eddyi_buffer_length(b) < size ? eddyi_buffer_length(b) : size;

    if (n > 0)
        memcpy(to, eddyi_buffer_bytes(b), n);
    eddyi_buffer_consume(b, n);
    return n;
}

EDDYI_DIRECT void eddyi_buffer_trim(struct eddyi_buffer *b, size_t keep)
{
    if (b->size > keep && b->start == b->end)
        eddyi_buffer_fini(b);
}

void eddyi_buffer_fini(struct eddyi_buffer *b)
{
    eddyi_free(b->data);
    *b = (struct eddyi_buffer){0};
}
