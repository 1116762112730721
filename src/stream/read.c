/*
 * Reading by size.
 */
#include "base/sys.h"
#include "stream/reader.h"

#include <limits.h>
#include <string.h>

/* Copies out the buffered bytes, at most @size. */
static ssize_t take(eddy_reader *r, void *buf, size_t size)
{
    size_t n = eddyi_reader_held(r) < size ? eddyi_reader_held(r) : size;

    if (n > 0)
        memcpy(buf, eddyi_buffer_bytes(eddyi_reader_in(r)), n);
    eddyi_buffer_consume(eddyi_reader_in(r), n);
    return (ssize_t)n;
}

/* Waits until at least one byte, or the end, is there. */
static int some(eddy_reader *r)
{
    int rc = 0;

    while (rc == 0 && eddyi_reader_held(r) == 0 && !eddyi_reader_is_at_end(r))
        rc = eddyi_reader_more(r);
    return rc;
}

/* Reads directly into @buf if the buffer is empty and @size is large. Returns the number of bytes,
 * or 0 if that was not possible. */
static ssize_t read_directly(eddy_reader *r, void *buf, size_t size)
{
    struct eddyi_channel *c = &eddyi_stream_of_reader(r)->channel;
    ssize_t n;

    if (eddyi_buffer_length(&c->in) > 0 || c->eof || c->armed || size < c->chunk ||
        c->state != EDDYI_OPEN)
        return 0;
    n = c->carrier->ops->read(c->carrier, buf, size);
    if (n <= 0)
        return 0; /* the next read meets the end and errors again */
    c->used += (unsigned)((size_t)n >> EDDYI_UNIT_SHIFT);
    return n;
}

static bool is_bad_buffer(const void *buf, size_t size)
{
    return (!buf && size > 0) || size > (size_t)SSIZE_MAX;
}

ssize_t eddy_reader_read(eddy_reader *r, void *buf, size_t size)
{
    int rc = eddyi_reader_begin(r);
    ssize_t n;

    if (rc < 0)
        return rc;
    if (is_bad_buffer(buf, size))
        return eddy_raise(-EINVAL, "read: not a buffer of %zu bytes", size);
    if (size == 0)
        return 0;
    n = read_directly(r, buf, size);
    if (n > 0)
        return n;
    rc = some(r);
    return rc < 0 ? rc : take(r, buf, size);
}

ssize_t eddy_reader_read_some(eddy_reader *r, size_t max, const char **ret_data)
{
    int rc = eddyi_reader_begin(r);

    if (rc == 0 && !ret_data)
        rc = eddy_raise(-EINVAL, "read_some: there is no place for the data");
    if (rc == 0 && max > 0)
        rc = some(r);
    return rc < 0 ? rc
                  : eddyi_reader_give(r, eddyi_reader_held(r) < max ? eddyi_reader_held(r) : max,
                                      ret_data);
}

ssize_t eddy_reader_read_all(eddy_reader *r, size_t max, const char **ret_data)
{
    int rc = eddyi_reader_begin(r);

    if (rc == 0 && !ret_data)
        rc = eddy_raise(-EINVAL, "read_all: there is no place for the data");
    while (rc == 0 && !eddyi_reader_is_at_end(r) && eddyi_reader_held(r) <= max)
        rc = eddyi_reader_more(r);
    if (rc < 0)
        return rc;
    if (eddyi_reader_held(r) > max)
        return eddy_raise(EDDY_ELIMIT, "the stream is longer than %zu bytes", max);
    return eddyi_reader_give(r, eddyi_reader_held(r), ret_data);
}

ssize_t eddy_reader_readexactly(eddy_reader *r, void *buf, size_t size)
{
    int rc = eddyi_reader_begin(r);
    const char *piece;

    if (rc == 0 && is_bad_buffer(buf, size))
        rc = eddy_raise(-EINVAL, "readexactly: not a buffer of %zu bytes", size);
    while (rc == 0 && eddyi_reader_held(r) < size && !eddyi_reader_is_at_end(r))
        rc = eddyi_reader_more(r);
    if (rc < 0)
        return rc;
    if (eddyi_reader_held(r) >= size)
        return take(r, buf, size);
    rc = eddy_raise(EDDY_EINCOMPLETE, "%zu bytes read on a total of %zu expected bytes",
                    eddyi_reader_held(r), size);
    eddyi_reader_give(r, eddyi_reader_held(r), &piece);
    return rc;
}
