/*
 * What the reading calls of a reader stand on.
 *
 * A call that gives a pointer into the buffer leaves the bytes there, and counts them in `partial`:
 * the next call drops them first.
 */
#ifndef EDDYI_READER_H
#define EDDYI_READER_H

#include "base/direct.h"
#include "stream/stream.h"
#include "task/wait.h"

static inline struct eddyi_buffer *eddyi_reader_in(const eddy_reader *r)
{
    return &eddyi_stream_of_reader(r)->channel.in;
}

/* Returns how many bytes are in its buffer. */
static inline size_t eddyi_reader_held(const eddy_reader *r)
{
    return eddyi_buffer_length(eddyi_reader_in(r));
}

static inline bool eddyi_reader_is_at_end(const eddy_reader *r)
{
    return eddyi_stream_of_reader(r)->channel.eof;
}

/* Wakes the task that reads, if it waits. */
static inline void eddyi_reader_wake(eddy_reader *r)
{
    if (r->waiter && !r->waiter->over)
        eddyi_wait_over(r->waiter);
}

/*
 * Drops what the latest call gave out. 0; or as a raised error -EBUSY, or what broke the stream:
 * then all that had come is given out, for eddy_reader_partial().
 */
int eddyi_reader_check(eddy_reader *r);

/* Begins a call: does that, and lets others run if this stream has had its share. */
EDDYI_DIRECT EDDY_AWAITS int eddyi_reader_begin(eddy_reader *r);

/*
 * Gets more bytes into the buffer, or the end: suspends until there is something new, maybe in
 * vain. 0, or a raised error. The buffer may have moved.
 */
EDDYI_DIRECT EDDY_AWAITS int eddyi_reader_more(eddy_reader *r);

/* Gives out @n bytes of the front, until the next call. */
static inline ssize_t eddyi_reader_give(eddy_reader *r, size_t n, const char **ret_data)
{
    *ret_data = eddyi_buffer_bytes(eddyi_reader_in(r));
    r->partial = n;
    return (ssize_t)n;
}

#endif
