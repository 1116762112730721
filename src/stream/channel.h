/*
 * Channels: connections, independent of their carrier and of the interface that the user has.
 *
 *                 client: a stream (reader and writer), or a protocol's transport
 *                   ^  readable, flow, flushed, lost
 *     in  <---------+
 *      ^         channel         out
 *      | read    carrier    write |
 *
 * A channel owns its carrier and two buffers. Bytes that have arrived and were not taken yet are in
 * `in`. At most one read is with the carrier; it writes directly behind those bytes, so the buffer
 * must not move meanwhile. The read stays with the carrier when the task that asked for it no
 * longer waits, and its bytes serve the next call: no byte can get lost, and abandoning a read
 * waits for nothing. Bytes that the carrier did not take at once are in `out`, and are sent when
 * the carrier is writable. The life of a channel:
 *
 *     OPEN --close--> CLOSING (kept bytes are still sent) --> ENDING (the carrier ends) --> LOST
 *          \---------- abort, or an error of the carrier ---------^
 *
 * A client learns of the end once, through its lost(); no other callback follows, and the channel
 * may be freed then. The loop ends the remaining channels when it closes.
 */
#ifndef EDDYI_CHANNEL_H
#define EDDYI_CHANNEL_H

#include "backend/backend.h"
#include "base/direct.h"
#include "base/list.h"
#include "carrier/buffer.h"
#include "carrier/fd.h"
#include "eddy/error.h"
#include "eddy/stream.h"
#include "eddy/sync.h"
#include "io/sendfile.h"
#include "loop/loop.h"

enum eddyi_channel_state { EDDYI_OPEN, EDDYI_CLOSING, EDDYI_ENDING, EDDYI_LOST };

struct eddyi_channel;

enum { EDDYI_BATCH = 64 }; /* the most channels whose sends are one batch */

/* The channels of a loop that are not lost; see channels.c. */
struct eddyi_channels {
    struct eddyi_loop_part part;
    struct eddyi_list list;
    eddy_wait_queue ends; /* the task that waits until the closing channels have ended */
    /* there is such a task, which frees this struct if the loop was closed meanwhile */
    bool waited_for;
    bool closed;
    /* Writes that are gathered; see gather.c. */
    struct eddyi_list gathering; /* the channels that gather writes */
    size_t n_gathering;
    struct eddyi_ready turn_end; /* sends them; queued while there are any */
    bool crowded;                /* many channels write in a turn */
    uint64_t turn;               /* the latest turn in which a channel of a batch wrote */
    unsigned n_writers;          /* the channels that have written in it */
    size_t n_spares;
    struct eddyi_buffer spares[EDDYI_BATCH]; /* empty, for channels that begin to gather */
    struct eddyi_send sends[EDDYI_BATCH];
    /* channels that were cut off after the run, and the bytes that they kept */
    size_t n_cut, bytes_cut;
};

/* Returns the struct eddyi_channels of @loop, creating it at the first use. NULL when memory is
 * short. */
struct eddyi_channels *eddyi_channels_of(eddy_loop *loop);

/* The callbacks of a channel's single client. flow and flushed may be called from within a call of
 * the client, and so may lost when the loop is closed. */
struct eddyi_channel_client {
    /* Called when the read that was with the carrier is over. This is the carrier's on_readable
     * itself; carrier->user is the channel. It begins with eddyi_channel_read_done(). */
    void (*readable)(eddy_carrier *carrier, ssize_t result);
    /* Called when c->paused has changed: more than `high` bytes are kept, or, after that, at most
     * `low`. */
    void (*flow)(struct eddyi_channel *c);
    /* Called when the write buffer is empty, or when there is room for a file. May be NULL. */
    void (*flushed)(struct eddyi_channel *c);
    void (*lost)(struct eddyi_channel *c);
};

/* The units that a call adds to channel.used; each 4 KiB that it moves adds one more. */
enum { EDDYI_READ_UNITS = 1, EDDYI_WRITE_UNITS = 2, EDDYI_UNIT_SHIFT = 12 };

/* The room for a read at first, the room after reads that filled it, and the most memory that an
 * idle buffer keeps, in bytes. */
enum { EDDYI_SMALL_CHUNK = 4096, EDDYI_LARGE_CHUNK = 65536, EDDYI_IDLE_MEMORY = 16384 };

struct eddyi_channel {
    eddy_loop *loop;            /* held until the channel is freed */
    struct eddyi_list link;     /* in the list of the loop's channels, until LOST */
    struct eddyi_channels *all; /* the loop's channels; NULL: the loop is closed */
    eddy_carrier *carrier;      /* owned; NULL: LOST */
    const struct eddyi_channel_client *client;
    /* replaces the client while TLS starts; NULL: TLS is not starting */
    struct eddyi_tls_start *tls_start;
    enum eddyi_channel_state state;
    enum eddyi_ways ways;
    bool accepted; /* by a server: it is the server's side of TLS */
    bool tls;      /* the carrier is TLS */
    unsigned used; /* units of the stream's share of a turn that are used: see fairness.c */

    /* Reading. */
    struct eddyi_buffer in;
    size_t chunk;   /* bytes of room that a read gets */
    bool armed;     /* a read is with the carrier */
    bool eof;       /* the peer's data has ended, or the channel was lost in order */
    int read_error; /* < 0: the reason why nothing can be read any more */

    /* Writing. */
    struct eddyi_buffer out;
    eddy_water_marks marks;
    /* more than `high` bytes were kept, and the buffer has not fallen to `low` since */
    bool paused;
    bool waiting; /* waits for on_writable */
    /* Writes that are gathered; see gather.c. */
    bool gathers;                /* `out` is sent at the end of the turn; not waiting */
    bool batches;                /* the backend sends for many such channels in one system call */
    bool several;                /* it has written several times in the turn wrote_in */
    uint64_t wrote_in;           /* the latest turn in which it wrote */
    struct eddyi_list gathering; /* in the list of the loop's channels that gather */
    struct eddyi_file_sending *sending; /* a file that is being sent; NULL: none */
    bool file_out;                      /* the carrier sends a piece of it */
    bool eof_asked; /* write_eof() was called; nothing may be written after it */
    bool eof_sent;

    /* The end. */
    bool aborted;     /* the carrier was told to end without a close_notify */
    bool dropped;     /* kept bytes were dropped by the abort */
    bool deserted;    /* no task can wait for the channel any more */
    bool out_of_time; /* a time limit has expired: of reading, or of the peer's taking bytes */
    int error;        /* the error that broke the channel, < 0; 0: it ended in order */
    eddy_exception *exception; /* the exception of that error, owned; may be NULL */
    /* armed while the peer takes nothing, if that time is limited */
    struct eddyi_timer patience;
    size_t kept_before; /* bytes kept when the timer was started */
    unsigned n_drains;  /* tasks that wait until fewer bytes are kept */
    /* longest time that the peer may take nothing, in nanoseconds; 0: no limit */
    int64_t write_limit;
    int64_t drain_limit; /* such a limit while tasks drain, in nanoseconds; 0: no limit */
};

/* Initializes @c over @carrier, and takes ownership of @carrier on success. Returns 0, or raises
 * -ENOMEM. */
int eddyi_channel_init(struct eddyi_channel *c, eddy_carrier *carrier,
                       const struct eddyi_channel_client *client);

/* Initializes @c without carrier and client, with a buffer that the program feeds, as if a read
 * were always with the carrier. */
void eddyi_channel_init_fed(struct eddyi_channel *c, eddy_loop *loop);

/* Releases the resources of @c, which is LOST or fed. */
void eddyi_channel_fini(struct eddyi_channel *c);

/* Replaces the carrier of @c with @carrier, which is built upon it. */
void eddyi_channel_set_carrier(struct eddyi_channel *c, eddy_carrier *carrier);

static inline bool eddyi_channel_is_fed(const struct eddyi_channel *c)
{
    return !c->client;
}

/* Reading. */

/* Makes the carrier read into the @size bytes at @buf, the room in the buffer; with NULL, makes it
 * report when there are bytes to read. Returns 0 or -errno. */
static inline int eddyi_channel_wait_readable(struct eddyi_channel *c, void *buf, size_t size)
{
    int rc = c->carrier->ops->wait_readable(c->carrier, buf, size);

    c->armed = rc == 0;
    return rc;
}

/* Makes the carrier read into the buffer, behind the bytes in it; there must be room. Returns 0 or
 * -errno. */
static inline int eddyi_channel_arm(struct eddyi_channel *c)
{
    return eddyi_channel_wait_readable(c, c->in.data ? c->in.data + c->in.end : NULL,
                                       eddyi_buffer_room(&c->in));
}

/* Records @n bytes that were read into the buffer's room of @room bytes. A read that fills its room
 * makes the next room larger. */
static inline void eddyi_channel_came(struct eddyi_channel *c, size_t n, size_t room)
{
    eddyi_buffer_extend(&c->in, n);
    if (n == room)
        c->chunk = EDDYI_LARGE_CHUNK;
    else if (n < EDDYI_SMALL_CHUNK)
        c->chunk = EDDYI_SMALL_CHUNK;
}

/* Records the @result of a read that gave no bytes. */
void eddyi_channel_read_ended(struct eddyi_channel *c, ssize_t result);

/* Records the @result of the read that was with the carrier: bytes, the end, or an error. */
static inline void eddyi_channel_read_done(struct eddyi_channel *c, ssize_t result)
{
    c->armed = false;
    if (__builtin_expect(result > 0, true))
        eddyi_channel_came(c, (size_t)result, eddyi_buffer_room(&c->in));
    else
        eddyi_channel_read_ended(c, result);
}

/* Records that nothing more will be read, since the channel ends or has ended. */
static inline void eddyi_channel_read_over(struct eddyi_channel *c)
{
    if (c->error < 0)
        c->read_error = c->error;
    else
        c->eof = true;
}

/* Makes room for a read. Returns 0 or -ENOMEM. */
EDDYI_DIRECT int eddyi_channel_make_room(struct eddyi_channel *c);

/* Reads the bytes that have arrived into the buffer. Returns their number, 0 at the end, which it
 * records, -EAGAIN, or -errno. */
EDDYI_DIRECT ssize_t eddyi_channel_fill(struct eddyi_channel *c);

/* Ends the channel of a pipe's write end as soon as the read end is closed. Returns 0 or -errno. */
int eddyi_channel_watch_read_end(struct eddyi_channel *c);

/* Writing. */

/*
 * Sends or keeps all bytes of the @n pieces of @iov; never suspends. Returns 0, or raises the error
 * that broke the channel, EDDY_ECLOSED on a closing channel, EDDY_EMISUSE after write_eof(),
 * -EINVAL for more than SSIZE_MAX bytes, or -ENOMEM: then the channel is broken, and no unsent byte
 * of the call was kept.
 */
EDDYI_DIRECT int eddyi_channel_write(struct eddyi_channel *c, const struct iovec *iov, int n);

/*
 * Keeps the @total (> 0) bytes of a write until the end of the turn and returns true, if others are
 * likely to be sent then, too. Else sends what was gathered and returns false: the caller makes the
 * write now.
 */
bool eddyi_channel_gather(struct eddyi_channel *c, const struct iovec *iov, int n, size_t total);

/* Sends the bytes that are gathered, if any. An error breaks the channel. */
void eddyi_channel_send_gathered(struct eddyi_channel *c);

/* Sends the gathered bytes of all channels. Calls back no client. */
void eddyi_channels_send_gathered(struct eddyi_channels *all);

/* Forgets that bytes are gathered: they are sent otherwise, or dropped. */
void eddyi_channel_stop_gathering(struct eddyi_channel *c);

/* Enclose a task's wait until fewer bytes are kept; drain_limit applies meanwhile. */
void eddyi_channel_drain_begin(struct eddyi_channel *c);
void eddyi_channel_drain_end(struct eddyi_channel *c);

/* Waits for the carrier to become writable, to send the kept bytes; if there are none, the client's
 * flushed() is called then. While a file is being sent, there is no other wait; bytes written
 * meanwhile follow the present piece of the file. */
void eddyi_channel_wait_writable(struct eddyi_channel *c);

/* Sends EOF after all kept bytes; closes the write end of a pipe. A second call is harmless. */
int eddyi_channel_write_eof(struct eddyi_channel *c);

/* Returns the number of bytes that were written and not sent, including those in its carriers. */
size_t eddyi_channel_kept(const struct eddyi_channel *c);

/* asyncio's water marks. */
#define EDDYI_WATER_MARKS ((eddy_water_marks){.low = 16384, .high = 65536})

/* Sets the water marks as set_write_buffer_limits() does; SIZE_MAX means "not given". Returns 0, or
 * raises -EINVAL. */
int eddyi_channel_set_limits(struct eddyi_channel *c, eddy_water_marks marks);

/* Replaces the marks of *m that are SIZE_MAX ("not given") as set_write_buffer_limits() does.
 * Returns 0, or raises -EINVAL. */
int eddyi_water_marks_complete(eddy_water_marks *m);

/* A file on its way; the memory is the caller's, until done is called. */
struct eddyi_file_sending {
    struct eddyi_sending base; /* of which file, offset and count are set by the caller */
    struct eddyi_channel *channel;
    bool waiting; /* until all that was written is out, and the carrier is free */
    /* base.result and base.sent are there: how much is out, or kept to go out. */
    void (*done)(struct eddyi_file_sending *s);
};

/*
 * Sends a file: through the carrier if it can (eddy_carrier_ops.send_file), otherwise by reading
 * and writing. Calls done at the end, possibly at once; the file's position is then behind the
 * bytes that were sent or buffered. No other call may write or send a file meanwhile.
 */
void eddyi_channel_begin_sendfile(struct eddyi_channel *c, struct eddyi_file_sending *s);

/* Does so and suspends until the end. 0, or a raised error; base.sent is right in either case. */
EDDY_AWAITS int eddyi_channel_sendfile(struct eddyi_channel *c, struct eddyi_file_sending *s);

/* Handles the carrier's on_file_sent. */
void eddyi_channel_file_sent(eddy_carrier *carrier, ssize_t result);

/* Goes on with the file that is being sent, when all else is out or the channel is lost. */
void eddyi_channel_go_on_sending(struct eddyi_channel *c);

/* The end. */

/* Closes @c when all kept bytes have been sent. */
void eddyi_channel_close(struct eddyi_channel *c);
void eddyi_channel_abort(struct eddyi_channel *c);

/* Aborts @c because of @error, and keeps eddy_error() as its exception. */
void eddyi_channel_break(struct eddyi_channel *c, int error);

/* Aborts @c because a time limit has expired. The message is "@what for @limit seconds"; @limit is
 * in nanoseconds. */
void eddyi_channel_expire(struct eddyi_channel *c, const char *what, int64_t limit);

/* Closes @c, for which no task will wait, and aborts it if its peer takes nothing for half a
 * minute. */
void eddyi_channel_desert(struct eddyi_channel *c);

/* Limits, now that the run is over, the time for which @c waits for its peer. */
void eddyi_channel_run_over(struct eddyi_channel *c);

/* Raises the error with which @c was lost, or the reason why it cannot be used. */
int eddyi_channel_raise(const struct eddyi_channel *c);

/* Returns the exception with which @c was lost, borrowed; NULL: it ended in order. */
const eddy_exception *eddyi_channel_reason(struct eddyi_channel *c);

/* Answers get_extra_info(); -ENOENT once the channel is lost. */
ssize_t eddyi_channel_info(const struct eddyi_channel *c, const char *name, void *ret, size_t size);

static inline bool eddyi_channel_is_closing(const struct eddyi_channel *c)
{
    return c->state != EDDYI_OPEN;
}

/* Converts a user's time limit from seconds to nanoseconds; 0: no limit. */
int64_t eddyi_time_limit(double seconds);

/* Speaking TLS. */

/* Receives the end of the start of TLS: @rc is 0, or a raised error, and then the channel is broken
 * if TLS had begun. */
typedef void eddyi_tls_done_fn(void *arg, int rc);

/*
 * Starts TLS on @c. The handshake begins when the read that is with the carrier has ended and the
 * write buffer is empty; bytes that were read already are its first input. Borrows the objects in
 * @options until the end. Returns 0, and calls done(@arg, rc) later; or raises an error.
 */
int eddyi_channel_begin_tls(struct eddyi_channel *c, const eddy_start_tls_options *options,
                            eddyi_tls_done_fn *done, void *arg);

/* Starts TLS on @c and suspends until the handshake has ended. Returns 0, or raises the error of
 * the handshake. */
EDDY_AWAITS int eddyi_channel_start_tls(struct eddyi_channel *c,
                                        const eddy_start_tls_options *options);

/* Connecting. */

/* Connects according to @o, or takes the socket of @o. The caller owns *ret, which borrows such a
 * socket until eddyi_fd_carrier_own(). Returns 0, or raises an error. */
EDDY_AWAITS int eddyi_connect(eddy_loop *loop, const eddy_connection_options *o,
                              eddy_carrier **ret);

/* Starts TLS if @o has a context. Returns 0, or aborts the channel and raises an error. */
EDDY_AWAITS int eddyi_connect_tls(struct eddyi_channel *c, const eddy_connection_options *o,
                                  bool server_side);

#endif
