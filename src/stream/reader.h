/*
 * The basis of the reading calls of a reader.
 *
 * A call that returns a pointer into the buffer leaves the bytes there, and counts them in
 * `partial`: the next call drops them first.
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

/* Returns the number of bytes in the buffer of @r. */
static inline size_t eddyi_reader_held(const eddy_reader *r)
{
    return eddyi_buffer_length(eddyi_reader_in(r));
}

static inline bool eddyi_reader_is_at_end(const eddy_reader *r)
{
    return eddyi_stream_of_reader(r)->channel.eof;
}

/* Wakes the task that reads from @r, if it waits. */
static inline void eddyi_reader_wake(eddy_reader *r)
{
    if (r->waiter && !r->waiter->over)
        eddyi_wait_over(r->waiter);
}

/* Begins a call: drops the bytes that the latest call returned, and lets others run if the stream
 * has used up its share. Returns 0, or raises -EBUSY, or the error that broke the stream: then all
 * bytes that had arrived are available through eddy_reader_partial(). */
EDDYI_DIRECT EDDY_AWAITS int eddyi_reader_begin(eddy_reader *r);

/* Gets more bytes into the buffer, or the end. Suspends until there may be something new; the
 * caller checks again. Returns 0, or raises an error. The buffer may have moved. */
EDDYI_DIRECT EDDY_AWAITS int eddyi_reader_more(eddy_reader *r);

/* Returns @n bytes at the front of the buffer in *ret_data, valid until the next call. */
static inline ssize_t eddyi_reader_give(eddy_reader *r, size_t n, const char **ret_data)
{
    *ret_data = eddyi_buffer_bytes(eddyi_reader_in(r));
    r->partial = n;
    return (ssize_t)n;
}

#endif
