/*
 * Streams inside: a transport, and the reader and writer that are its client.
 *
 * It is one object, freed when its owner has given it back, the transport is lost, and no call is
 * under way. Of a pipe's end one of the two is not used. A server's handler, or a subprocess, only
 * lends its streams: there a user's giving back closes the stream, and the memory stays until the
 * lender is done with it as well.
 *
 * The reader has at most one read with the carrier, which goes right into its buffer; it stays
 * there when the task that asked is cancelled, and what it brings serves the next. So no byte can
 * get lost, and cancelling has nothing to wait for. While it is there the buffer must not move.
 */
#ifndef EDDYI_STREAM_H
#define EDDYI_STREAM_H

#include "base/direct.h"
#include "carrier/buffer.h"
#include "eddy/stream.h"
#include "eddy/sync.h"
#include "stream/connection.h"
#include "stream/tls_hook.h"
#include "stream/transport.h"

struct eddyi_wait;

struct eddy_reader {
    struct eddyi_stream *stream; /* NULL: fed by hand */
    struct eddyi_buffer in;
    size_t limit;
    size_t chunk;              /* how much room a read gets: more, if reads fill it */
    struct eddyi_wait *waiter; /* the task that reads, while it waits */
    bool yields;               /* a task that reads lets others run first */
    int64_t time_limit;        /* for each call, in nanoseconds; 0: none */
    int64_t deadline;          /* of the call under way; 0: it has not waited yet */
    bool armed;                /* a read is with the carrier */
    bool eof;
    int error;                 /* < 0: broken */
    eddy_exception *exception; /* of that, owned, made when needed */
    bool deserted;             /* one that is fed by hand was given back while a task waits */
    /* frees it, or its stream, behind the call that was the last to use it */
    struct eddyi_ready unused;
    /* bytes at the front that the latest call left behind, to be dropped by the next */
    size_t partial;
    size_t consumed;
};

struct eddy_writer {
    eddy_wait_queue drained; /* those who wait until less is kept */
    eddy_wait_queue closed;
};

struct eddyi_stream {
    struct eddyi_transport transport;
    struct eddy_reader reader;
    struct eddy_writer writer;
    bool given_back; /* the owner is gone; freed when lost, and when users is 0 */
    unsigned users;  /* calls that suspend on it, and whoever lends it to its owner */
    bool write_only; /* a pipe's write end; its carrier waits for the read end to be closed */
    uint64_t turn;   /* of the loop, as transport.used began to count; see fairness.c */
    struct eddyi_connection connection; /* of a server, until the memory is about to be freed */
};

static inline struct eddyi_stream *eddyi_stream_of_writer(const eddy_writer *w)
{
    return eddyi_container(w, struct eddyi_stream, writer);
}

/* A stream over a carrier, which it owns from success on. NULL, with -ENOMEM raised. */
struct eddyi_stream *eddyi_stream_new(eddy_carrier *c, size_t limit);

/* The owner is done with it. Twice is harmless while there are users. */
void eddyi_stream_give_back(struct eddyi_stream *s);

/*
 * Around a call that suspends: the stream stays in memory, although it is given back meanwhile,
 * until the task that called has suspended once more. So what is left of the call need not look
 * whether it is still there.
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

/* Lends it to a user, who may give it back or not; and its end: it is given back, and may be freed
 * at once. */
static inline void eddyi_stream_lend(struct eddyi_stream *s)
{
    s->users++;
}
void eddyi_stream_end_loan(struct eddyi_stream *s);

/* The reader's part of what happens. */
void eddyi_reader_init(eddy_reader *r, struct eddyi_stream *s, size_t limit,
                       void (*unused)(struct eddyi_ready *r));
void eddyi_reader_fini(eddy_reader *r);
EDDYI_DIRECT void eddyi_reader_readable(eddy_reader *r, ssize_t result);
void eddyi_reader_lost(eddy_reader *r);

/* Takes back the read that is with the carrier, so that somebody else may use it. 0, or -ECANCELED
 * and so on, raised. */
EDDY_AWAITS int eddyi_reader_disarm(eddy_reader *r);

/* Waits until less is kept than before, or the carrier is writable again. 0; -ECANCELED, or what
 * broke the connection, raised. */
EDDY_AWAITS int eddyi_writer_wait(eddy_writer *w);

/* Limits the time of each call that reads, and of the peer's taking nothing; seconds, 0: none. */
void eddyi_stream_limit_time(struct eddyi_stream *s, double read_timeout, double write_timeout);

/*
 * Fairness: whether the stream has had its share, so that a call lets others run before it moves
 * more; and that: 0, or -ECANCELED raised. Calls count in transport.used. See fairness.c.
 */
enum { EDDYI_SHARE = 64 };

static inline bool eddyi_stream_has_had_its_share(const struct eddyi_stream *s)
{
    return __builtin_expect(s->transport.used >= EDDYI_SHARE, false);
}

EDDY_AWAITS int eddyi_stream_let_others_run(struct eddyi_stream *s);

/* Speaks TLS from here on. */
EDDY_AWAITS int eddyi_stream_start_tls(struct eddyi_stream *s,
                                       const eddy_start_tls_options *options);

#endif
