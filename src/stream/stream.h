/*
 * Streams: the interface of a channel for tasks, a reader and a writer.
 *
 * A stream is one object, freed when its owner has given it back, the channel is lost, and no call
 * is in flight. For one end of a pipe, either the reader or the writer is not used; a reader that
 * the program feeds has a channel without a carrier. A server's handler, or the user of a
 * subprocess, only borrows its streams: if it gives a stream back, the stream is closed, and the
 * memory stays until the lender has released it as well.
 */
#ifndef EDDYI_STREAM_H
#define EDDYI_STREAM_H

#include "base/direct.h"
#include "carrier/buffer.h"
#include "eddy/stream.h"
#include "eddy/sync.h"
#include "stream/channel.h"
#include "stream/server.h"
#include "stream/tls_hook.h"
#include "task/wait.h"

struct eddy_reader {
    size_t limit;
    struct eddyi_wait *waiter; /* the wait of the task that reads; NULL: none waits */
    bool yields;               /* the task that reads lets others run first */
    int64_t time_limit;        /* of each call, in nanoseconds; 0: no limit */
    int64_t deadline;          /* of the call in flight; 0: it has not waited yet */
    /* bytes at the front that the latest call returned, to be dropped by the next */
    size_t partial;
    size_t consumed;
    eddy_exception *exception; /* set by eddy_reader_set_exception(), owned; NULL: none */
};

struct eddy_writer {
    eddy_wait_queue drained; /* tasks that wait until fewer bytes are kept */
    eddy_wait_queue closed;
};

struct eddyi_stream {
    struct eddyi_channel channel;
    struct eddy_reader reader;
    struct eddy_writer writer;
    bool given_back; /* by the owner; freed when lost, and when users is 0 */
    unsigned users;  /* calls that suspend on it, and its lender */
    uint64_t turn;   /* turn of the loop in which channel.used began to count; see fairness.c */
    struct eddyi_ready unused; /* frees the stream after the last call that used it has returned */
    struct eddyi_connection connection; /* of a server, until the memory is about to be freed */
};

static inline struct eddyi_stream *eddyi_stream_of_reader(const eddy_reader *r)
{
    return eddyi_container(r, struct eddyi_stream, reader);
}

static inline struct eddyi_stream *eddyi_stream_of_writer(const eddy_writer *w)
{
    return eddyi_container(w, struct eddyi_stream, writer);
}

/* Creates a stream over @c, and consumes @c. Raises -ENOMEM. */
struct eddyi_stream *eddyi_stream_new(eddy_carrier *c, size_t limit);

/* Gives @s back for its owner. A second call is harmless while there are users. */
void eddyi_stream_give_back(struct eddyi_stream *s);

/*
 * Enters a call that suspends: if the stream is given back meanwhile, it stays in memory until the
 * calling task has suspended once more. So the rest of the call need not check that the stream
 * still exists.
 */
static inline void eddyi_stream_enter(struct eddyi_stream *s)
{
    s->users++;
}

/* Slow path of eddyi_stream_leave(): the owner and the last user are gone. */
EDDY_COLD void eddyi_stream_leave_last(struct eddyi_stream *s);

static inline void eddyi_stream_leave(struct eddyi_stream *s)
{
    s->users--;
    if (s->given_back && s->users == 0)
        eddyi_stream_leave_last(s);
}

/* Ends the use of a borrowed stream, which began with eddyi_stream_enter(): @s is given back, and
 * may be freed at once. */
void eddyi_stream_end_loan(struct eddyi_stream *s);

/* Reading, for calls that are made of others. */

static inline struct eddyi_buffer *eddyi_reader_in(const eddy_reader *r)
{
    return &eddyi_stream_of_reader(r)->channel.in;
}

/* Returns the number of bytes in the buffer of @r. */
static inline size_t eddyi_reader_held(const eddy_reader *r)
{
    return eddyi_buffer_length(eddyi_reader_in(r));
}

/* Wakes the task that reads from @r, if it waits. */
static inline void eddyi_reader_wake(eddy_reader *r)
{
    struct eddyi_wait *w = r->waiter;

    if (!w)
        return;
    eddyi_wait_fetch(w, sizeof *w);
    if (!w->over)
        eddyi_wait_over(w);
}

/* Begins a call: drops the bytes that the latest call returned, and lets others run if the stream
 * has used up its share. Returns 0, or raises -EBUSY, or the error that broke the stream: then all
 * bytes that had arrived are available through eddy_reader_partial(). */
EDDYI_DIRECT EDDY_AWAITS int eddyi_reader_begin(eddy_reader *r);

/* Gets more bytes into the buffer, or the end. Suspends until there may be something new; the
 * caller checks again. Returns 0, or raises an error. The buffer may have moved. */
EDDYI_DIRECT EDDY_AWAITS int eddyi_reader_more(eddy_reader *r);

/* A call on a stream that has used up its share of the turn lets others run before it moves more
 * bytes: see fairness.c. The latter returns 0, or raises -ECANCELED. */
enum { EDDYI_SHARE = 64 };

static inline bool eddyi_stream_has_had_its_share(const struct eddyi_stream *s)
{
    return __builtin_expect(s->channel.used >= EDDYI_SHARE, false);
}

EDDY_AWAITS int eddyi_stream_let_others_run(struct eddyi_stream *s);

#endif
