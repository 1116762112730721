/*
 * Streams inside: the waiting face of a channel, a reader and a writer.
 *
 * It is one object, freed when its owner has given it back, the channel is lost, and no call is
 * under way. Of a pipe's end one of the two is not used; a reader that is fed by hand has a channel
 * without a carrier. A server's handler, or a subprocess, only lends its streams: there a user's
 * giving back closes the stream, and the memory stays until the lender is done with it as well.
 */
#ifndef EDDYI_STREAM_H
#define EDDYI_STREAM_H

#include "base/direct.h"
#include "carrier/buffer.h"
#include "eddy/stream.h"
#include "eddy/sync.h"
#include "stream/channel.h"
#include "stream/connection.h"
#include "stream/tls_hook.h"

struct eddyi_wait;

struct eddy_reader {
    size_t limit;
    struct eddyi_wait *waiter; /* the task that reads, while it waits */
    bool yields;               /* a task that reads lets others run first */
    int64_t time_limit;        /* for each call, in nanoseconds; 0: none */
    int64_t deadline;          /* of the call under way; 0: it has not waited yet */
    /* bytes at the front that the latest call left behind, to be dropped by the next */
    size_t partial;
    size_t consumed;
    eddy_exception *exception; /* that it was given, owned; NULL: none */
};

struct eddy_writer {
    eddy_wait_queue drained; /* those who wait until less is kept */
    eddy_wait_queue closed;
};

struct eddyi_stream {
    struct eddyi_channel channel;
    struct eddy_reader reader;
    struct eddy_writer writer;
    bool given_back; /* the owner is gone; freed when lost, and when users is 0 */
    unsigned users;  /* calls that suspend on it, and whoever lends it to its owner */
    bool write_only; /* a pipe's write end; its carrier waits for the read end to be closed */
    uint64_t turn;   /* of the loop, as channel.used began to count; see fairness.c */
    struct eddyi_ready unused;          /* frees it behind the call that was the last to use it */
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
 * more; and that: 0, or -ECANCELED raised. Calls count in channel.used. See fairness.c.
 */
enum { EDDYI_SHARE = 64 };

static inline bool eddyi_stream_has_had_its_share(const struct eddyi_stream *s)
{
    return __builtin_expect(s->channel.used >= EDDYI_SHARE, false);
}

EDDY_AWAITS int eddyi_stream_let_others_run(struct eddyi_stream *s);

/* Speaks TLS from here on. */
EDDY_AWAITS int eddyi_stream_start_tls(struct eddyi_stream *s,
                                       const eddy_start_tls_options *options);

#endif
