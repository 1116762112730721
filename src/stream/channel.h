/*
 * Channels: a connection, whatever carries it, and whatever face it shows to the user.
 *
 *                 client: a stream (reader and writer), or a protocol's transport
 *                   ^  readable, flow, flushed, lost
 *     in  <---------+
 *      ^         channel         out
 *      | read    carrier    write |
 *
 * A channel owns its carrier and two buffers. What came and was not taken yet is in `in`; at most
 * one read is with the carrier, which goes right behind that, so the buffer must not move
 * meanwhile. It stays there when whoever asked for it does not wait any more, and what it brings
 * serves the next: no byte can get lost, and giving up a read has nothing to wait for. What the
 * carrier did not take at once is in `out`, and goes when the carrier is writable. Its life:
 *
 *     OPEN --close--> CLOSING (what is kept still goes out) --> ENDING (the carrier ends) --> LOST
 *          \---------- abort, or an error of the carrier ---------^
 *
 * A client hears of the end once, by its lost(); nothing comes after that, and then the channel may
 * be freed. The loop ends those that are left when it closes.
 */
#ifndef EDDYI_CHANNEL_H
#define EDDYI_CHANNEL_H

#include "base/direct.h"
#include "base/list.h"
#include "carrier/buffer.h"
#include "eddy/carrier.h"
#include "eddy/error.h"
#include "eddy/stream.h"
#include "eddy/sync.h"
#include "loop/loop.h"

enum eddyi_channel_state { EDDYI_OPEN, EDDYI_CLOSING, EDDYI_ENDING, EDDYI_LOST };

struct eddyi_channel;
struct eddyi_file_wait;

/* The channels of a loop that are not lost; in channels.c. */
struct eddyi_channels {
    struct eddyi_loop_part part;
    struct eddyi_list list;
    eddy_wait_queue ends; /* the task that waits for those that are closing */
    /* there is such a task, which frees this if the loop was closed meanwhile */
    bool waited_for;
    bool closed;
    /* when the run was over: those that were cut off, and what they kept */
    size_t n_cut, bytes_cut;
};

/* Returns the loop's, made at the first use. NULL when memory is short. */
struct eddyi_channels *eddyi_channels_of(eddy_loop *loop);

/*
 * What the one client of a channel is told. flow and flushed may be called from within a call of
 * the client's, and, where the loop is closed, lost.
 */
struct eddyi_channel_client {
    /*
     * The read that was with the carrier is over. This is the carrier's on_readable itself, whose
     * user is the channel; it begins with eddyi_channel_read_done().
     */
    void (*readable)(eddy_carrier *carrier, ssize_t result);
    /* c->paused has changed: more than `high` bytes are kept, or, after that, at most `low`. */
    void (*flow)(struct eddyi_channel *c);
    /* Nothing is kept any more, or there is room for a file. */
    void (*flushed)(struct eddyi_channel *c);
    void (*lost)(struct eddyi_channel *c);
};

/* What a call adds to channel.used: units, and one more for every 4 KiB that it moves. */
enum { EDDYI_READ_UNITS = 1, EDDYI_WRITE_UNITS = 2, EDDYI_UNIT_SHIFT = 12 };

/* Room for a read at first, and when reads fill it; and how much an idle buffer keeps. */
enum { EDDYI_SMALL_CHUNK = 4096, EDDYI_LARGE_CHUNK = 65536, EDDYI_IDLE_MEMORY = 16384 };

struct eddyi_channel {
    eddy_loop *loop;            /* held, until it is freed */
    struct eddyi_list link;     /* among those of the loop, until LOST */
    struct eddyi_channels *all; /* of the loop; NULL: that is closed */
    eddy_carrier *carrier;      /* owned; NULL: LOST */
    const struct eddyi_channel_client *client;
    struct eddyi_tls_start *tls_start; /* stands in for the client; NULL: TLS is not beginning */
    enum eddyi_channel_state state;
    unsigned used; /* of the share that a stream has of a turn: see fairness.c */

    /* Reading, in channel_read.c. */
    struct eddyi_buffer in;
    size_t chunk;   /* how much room a read gets */
    bool armed;     /* a read is with the carrier */
    bool eof;       /* the peer writes no more, or the channel was lost in order */
    int read_error; /* < 0: why nothing can be read any more */

    /* Writing. */
    struct eddyi_buffer out;
    eddy_water_marks marks;
    bool paused;  /* above high, and not yet back to low */
    bool waiting; /* for on_writable */
    /* the task for which the carrier sends a file; NULL: it does not */
    struct eddyi_file_wait *file_wait;
    bool eof_asked; /* write_eof() was called; nothing may be written after it */
    bool eof_sent;

    /* The end. */
    bool aborted;              /* the carrier was told to end without farewell */
    bool dropped;              /* and something that was kept went with it */
    bool deserted;             /* nobody can wait for it any more */
    bool out_of_time;          /* a limit of time struck: on reading, or on the peer's taking */
    int error;                 /* what broke it, < 0; 0: it ended in order */
    eddy_exception *exception; /* of that, owned; may be NULL */
    /* Runs while the peer takes nothing, if that has a limit. */
    struct eddyi_timer patience;
    size_t kept_before;  /* when that was started */
    unsigned n_drains;   /* tasks that wait until less is kept */
    int64_t write_limit; /* how long the peer may take nothing, in nanoseconds; 0: no limit */
    int64_t drain_limit; /* the same while a task waits for that; 0: no limit */
};

/* Takes over @carrier from success on. 0, or -ENOMEM raised. */
int eddyi_channel_init(struct eddyi_channel *c, eddy_carrier *carrier,
                       const struct eddyi_channel_client *client);

/* Makes one without carrier and client, whose buffer is filled by hand: as if a read were always
 * with the carrier. */
void eddyi_channel_init_fed(struct eddyi_channel *c, eddy_loop *loop);

/* Only for LOST ones, and those that are fed. */
void eddyi_channel_fini(struct eddyi_channel *c);

/* Puts another carrier in place, which stands upon the present one. */
void eddyi_channel_set_carrier(struct eddyi_channel *c, eddy_carrier *carrier);

static inline bool eddyi_channel_is_fed(const struct eddyi_channel *c)
{
    return !c->client;
}

/* Reading. */

/* Has the carrier read into the @size bytes at @buf, the room in the buffer; NULL: has it say when
 * there is something to be read. 0 or -errno. */
static inline int eddyi_channel_wait_readable(struct eddyi_channel *c, void *buf, size_t size)
{
    int rc = c->carrier->ops->wait_readable(c->carrier, buf, size);

    c->armed = rc == 0;
    return rc;
}

/* Has the carrier read into the buffer behind what is there; there is room. 0 or -errno. */
static inline int eddyi_channel_arm(struct eddyi_channel *c)
{
    return eddyi_channel_wait_readable(c, c->in.data ? c->in.data + c->in.end : NULL,
                                       eddyi_buffer_room(&c->in));
}

/* Has the carrier say when there is something to be read. 0 or -errno. */
static inline int eddyi_channel_watch(struct eddyi_channel *c)
{
    return eddyi_channel_wait_readable(c, NULL, 0);
}

/* Notes @n bytes behind those in the buffer, where there was room for @room. A read that fills its
 * room gets more the next time. */
static inline void eddyi_channel_came(struct eddyi_channel *c, size_t n, size_t room)
{
    eddyi_buffer_extend(&c->in, n);
    if (n == room)
        c->chunk = EDDYI_LARGE_CHUNK;
    else if (n < EDDYI_SMALL_CHUNK)
        c->chunk = EDDYI_SMALL_CHUNK;
}

/* Notes what a read gave other than bytes. */
void eddyi_channel_read_ended(struct eddyi_channel *c, ssize_t result);

/* Notes what the read that was with the carrier came to: bytes, the end, or an error. */
static inline void eddyi_channel_read_done(struct eddyi_channel *c, ssize_t result)
{
    c->armed = false;
    if (__builtin_expect(result > 0, true))
        eddyi_channel_came(c, (size_t)result, eddyi_buffer_room(&c->in));
    else
        eddyi_channel_read_ended(c, result);
}

/* Notes that nothing more will be read, since it ends or has ended. */
static inline void eddyi_channel_read_over(struct eddyi_channel *c)
{
    if (c->error < 0)
        c->read_error = c->error;
    else
        c->eof = true;
}

/* Makes room for a read. 0 or -ENOMEM. */
EDDYI_DIRECT int eddyi_channel_make_room(struct eddyi_channel *c);

/* Reads into the buffer what is there already. How many bytes, 0 at the end, which is noted,
 * -EAGAIN, or -errno. */
EDDYI_DIRECT ssize_t eddyi_channel_fill(struct eddyi_channel *c);

/* Nobody reads any more from the pipe of which this is the write end. */
void eddyi_channel_read_end_closed(struct eddyi_channel *c);

/* Writing. */

/*
 * Sends, or keeps, all of it; never suspends. 0, or as a raised error what broke the channel,
 * EDDY_ECLOSED once it is closing, EDDY_EMISUSE after write_eof(), -ENOMEM: then nothing of it was
 * kept that was not sent, and the channel is broken.
 */
EDDYI_DIRECT int eddyi_channel_write(struct eddyi_channel *c, const struct iovec *iov, int n);

/* Around the wait of a task until less is kept: meanwhile drain_limit counts. */
void eddyi_channel_drain_begin(struct eddyi_channel *c);
void eddyi_channel_drain_end(struct eddyi_channel *c);

/* Has the client's flushed() called when the carrier is writable again; nothing is kept. */
void eddyi_channel_wait_writable(struct eddyi_channel *c);

/* Says, when all that is kept has gone, that no more will come. Twice is harmless. */
int eddyi_channel_write_eof(struct eddyi_channel *c);

/* Returns how many bytes were written to it that are not out, in its carriers too. */
size_t eddyi_channel_kept(const struct eddyi_channel *c);

/* Sets the water marks as set_write_buffer_limits does, where SIZE_MAX is "not given". 0, or
 * -EINVAL raised. */
int eddyi_channel_set_limits(struct eddyi_channel *c, eddy_water_marks marks);

/* Completes water marks, of which SIZE_MAX is "not given", as that has it. 0, or -EINVAL raised. */
int eddyi_water_marks_complete(eddy_water_marks *m);

/*
 * Sends a file: by the carrier where it can (eddy_carrier_ops.send_file), else by reading and
 * writing. @wait suspends until the client's flushed() or lost() was called; 0, or a raised error.
 * Returns 0, or a raised error; *ret_sent has in either case how much of it is out, or kept to go
 * out. Nothing else may be written meanwhile.
 */
EDDY_AWAITS int eddyi_channel_sendfile(struct eddyi_channel *c,
                                       int (*wait)(struct eddyi_channel *c), int file,
                                       int64_t offset, int64_t count, int64_t *ret_sent);

/* The carrier's on_file_sent. */
void eddyi_channel_file_sent(struct eddyi_channel *c, ssize_t result);

/* The end. */

/* Closes it when all that is kept has gone. */
void eddyi_channel_close(struct eddyi_channel *c);
void eddyi_channel_abort(struct eddyi_channel *c);

/* Aborts it because of @error; takes eddy_error() along. */
void eddyi_channel_break(struct eddyi_channel *c, int error);

/* Aborts it because of a limit of time: "@what for @limit seconds". */
void eddyi_channel_expire(struct eddyi_channel *c, const char *what, int64_t limit);

/* Closes it, and aborts it if its peer takes nothing for half a minute: nobody will wait for it. */
void eddyi_channel_desert(struct eddyi_channel *c);

/* The run is over: from here on it waits for its peer only so long. */
void eddyi_channel_run_over(struct eddyi_channel *c);

/* Raises the error that it was lost with, or why it cannot be used. */
int eddyi_channel_raise(const struct eddyi_channel *c);

/* Returns what it was lost with, borrowed; NULL: it ended in order. */
const eddy_exception *eddyi_channel_reason(struct eddyi_channel *c);

static inline bool eddyi_channel_is_closing(const struct eddyi_channel *c)
{
    return c->state != EDDYI_OPEN;
}

/* Converts a limit of time of the user's to nanoseconds; 0: no limit. */
int64_t eddyi_time_limit(double seconds);

/* Speaking TLS. */

/* A start of TLS under way; the memory is the caller's, until done is called. */
struct eddyi_tls_start {
    eddy_start_tls_options options; /* what it points to is borrowed until then */
    bool server_side;
    /* @rc < 0: a raised error, and the channel is broken unless TLS was not begun. NULL: nobody
     * waits any more. */
    void (*done)(struct eddyi_tls_start *s, int rc);
    const struct eddyi_channel_client *client; /* of the channel, for as long */
    bool begun;                                /* TLS is in place */
};

/*
 * Speaks TLS from here on: when the read that is with the carrier has ended, and all that was
 * written is out, the handshake begins, of which what was read already is the beginning. 0, and
 * done is called later; or a raised error.
 */
int eddyi_channel_begin_tls(struct eddyi_channel *c, struct eddyi_tls_start *s);

/* Does so and suspends until the two sides agree. 0, or a raised error as that of done. */
EDDY_AWAITS int eddyi_channel_start_tls(struct eddyi_channel *c,
                                        const eddy_start_tls_options *options, bool server_side);

#endif
