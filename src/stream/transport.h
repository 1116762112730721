/*
 * Transports: the sending half of a connection, its flow control, and its end.
 *
 * A transport has a carrier, through which bytes go out at once as long as they can; what cannot go
 * is kept and goes when the carrier is writable. It belongs to a client, a stream or a protocol,
 * which reads from the carrier by itself. Its life:
 *
 *     OPEN --close--> CLOSING (what is kept still goes out) --> ENDING (the carrier ends) --> LOST
 *          \---------- abort, or an error of the carrier ---------^
 *
 * A client hears of the end once, by its lost(); nothing comes after that, and then the transport
 * may be freed. The loop ends those that are left when it closes.
 */
#ifndef EDDYI_TRANSPORT_H
#define EDDYI_TRANSPORT_H

#include "base/direct.h"
#include "base/list.h"
#include "carrier/buffer.h"
#include "eddy/carrier.h"
#include "eddy/error.h"
#include "eddy/sync.h"
#include "loop/loop.h"

enum eddyi_transport_state { EDDYI_OPEN, EDDYI_CLOSING, EDDYI_ENDING, EDDYI_LOST };

struct eddyi_transport;
struct eddyi_file_wait;

/* The transports of a loop that are not lost; in transports.c. */
struct eddyi_transports {
    struct eddyi_loop_part part;
    struct eddyi_list list;
    eddy_wait_queue ends; /* who waits for those that are closing */
    /* there is such a task, which frees this if the loop was closed meanwhile */
    bool waited_for;
    bool closed;
    /* when the run was over: those that were cut off, and what they kept */
    size_t n_cut, bytes_cut;
};

/* The loop's, made at the first use. NULL when memory is short. */
struct eddyi_transports *eddyi_transports_of(eddy_loop *loop);

/*
 * What its owner is told. Only the three about writing may be called from within a call of the
 * owner's, and, where the loop is closed, lost.
 */
struct eddyi_transport_client {
    void (*readable)(struct eddyi_transport *t, ssize_t result); /* on_readable of the carrier */
    /* more than high bytes are kept; NULL: does not care */
    void (*pause_writing)(struct eddyi_transport *t);
    void (*resume_writing)(struct eddyi_transport *t); /* no more than low are, after a pause */
    /* nothing is kept any more; NULL: does not care */
    void (*flushed)(struct eddyi_transport *t);
    void (*lost)(struct eddyi_transport *t);
};

/* What a call adds to transport.used: units, and one more for every 4 KiB that it moves. */
enum { EDDYI_READ_UNITS = 1, EDDYI_WRITE_UNITS = 2, EDDYI_UNIT_SHIFT = 12 };

struct eddyi_transport {
    eddy_loop *loop;              /* held, until it is freed */
    struct eddyi_list link;       /* among those of the loop, until LOST */
    struct eddyi_transports *all; /* of the loop; NULL: that is closed */
    eddy_carrier *carrier;        /* owned; NULL: LOST */
    const struct eddyi_transport_client *client;
    enum eddyi_transport_state state;
    struct eddyi_buffer out; /* kept until the carrier is writable */
    size_t high, low;        /* the water marks */
    bool paused;             /* above high, and not yet back to low */
    bool waiting;            /* for on_writable */
    /* the task for which the carrier sends a file; NULL: it does not */
    struct eddyi_file_wait *file_wait;
    bool eof_asked; /* write_eof() was called; nothing may be written after it */
    bool eof_sent;
    bool aborted;              /* the carrier was told to end without farewell */
    bool dropped;              /* and something that was kept went with it */
    int error;                 /* what broke it, < 0; 0: it ended in order */
    eddy_exception *exception; /* of that, owned; may be NULL */
    /* Runs while the peer takes nothing, if that has a limit; see transport.c. */
    struct eddyi_timer patience;
    size_t kept_before;  /* when that was started */
    bool deserted;       /* nobody can wait for it any more */
    unsigned used;       /* of the share that a stream has of a turn: see fairness.c */
    bool out_of_time;    /* a limit of time struck: on reading, or on the peer's taking nothing */
    unsigned n_drains;   /* tasks that wait until less is kept */
    int64_t write_limit; /* how long the peer may take nothing, in nanoseconds; 0: no limit */
    int64_t drain_limit; /* the same while a task waits for that; 0: no limit */
};

/* Takes over the carrier from success on. 0 or -ENOMEM. */
int eddyi_transport_init(struct eddyi_transport *t, eddy_carrier *c,
                         const struct eddyi_transport_client *client);

/* Only LOST ones. */
void eddyi_transport_fini(struct eddyi_transport *t);

/*
 * Sends, or keeps, all of it; never suspends. 0, or as a raised error what broke the transport,
 * EDDY_ECLOSED once it is closing, EDDY_EMISUSE after write_eof(), -ENOMEM: then nothing of it was
 * kept that was not sent, and the transport is broken.
 */
EDDYI_DIRECT int eddyi_transport_write(struct eddyi_transport *t, const struct iovec *iov, int n);

/* Around the wait of a task until less is kept: meanwhile drain_limit counts. */
void eddyi_transport_drain_begin(struct eddyi_transport *t);
void eddyi_transport_drain_end(struct eddyi_transport *t);

/* Has the client's flushed() called when the carrier is writable again; nothing is kept. */
void eddyi_transport_wait_writable(struct eddyi_transport *t);

int eddyi_transport_write_eof(
    struct eddyi_transport *t); /* when all that is kept has gone; twice is harmless */

void eddyi_transport_close(struct eddyi_transport *t); /* when all that is kept has gone */
void eddyi_transport_abort(struct eddyi_transport *t);
void eddyi_transport_break(struct eddyi_transport *t,
                           int error); /* abort, because of that; takes eddy_error() along */

/* Abort, because of a limit of time: "@what for @limit seconds". */
void eddyi_transport_expire(struct eddyi_transport *t, const char *what, int64_t limit);

/* An option of the user's in nanoseconds; 0: no limit. */
int64_t eddyi_time_limit(double seconds);

/* Nobody will wait for it: it is closed, and aborted if its peer takes nothing for half a
 * minute. */
void eddyi_transport_desert(struct eddyi_transport *t);

/* The run is over: from here on it waits for its peer only so long. */
void eddyi_transport_run_over(struct eddyi_transport *t);

/* How many bytes were written to it that are not out, in its carriers too. */
size_t eddyi_transport_kept(const struct eddyi_transport *t);

/* NULL-safe high, low as set_write_buffer_limits (rule 154): SIZE_MAX is "not given". 0 or -EINVAL
 * raised. */
int eddyi_transport_set_limits(struct eddyi_transport *t, size_t high, size_t low);

/* Completes water marks, of which SIZE_MAX is "not given", as that has it. 0 or -EINVAL raised. */
int eddyi_water_marks(size_t *high, size_t *low);

/* The error that it was lost with, or why it cannot be used, raised. */
int eddyi_transport_raise(const struct eddyi_transport *t);

struct eddy_start_tls_options;

/*
 * Speaks TLS from here on: suspends until the two sides agree. Nothing may be kept, and no read be
 * with the carrier; @ahead are bytes that were read already. 0, or a raised error: then it is
 * broken, unless nothing was begun.
 */
EDDY_AWAITS int eddyi_transport_start_tls(struct eddyi_transport *t,
                                          const struct eddy_start_tls_options *options,
                                          bool server_side, const void *ahead, size_t n_ahead);

/* Puts another carrier in place, which stands upon the present one. */
void eddyi_transport_set_carrier(struct eddyi_transport *t, eddy_carrier *c);

static inline bool eddyi_transport_is_closing(const struct eddyi_transport *t)
{
    return t->state != EDDYI_OPEN;
}

#endif
