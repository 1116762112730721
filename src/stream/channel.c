#include "stream/channel.h"

#include "base/assert.h"
#include "base/exception.h"
#include "base/sys.h"
#include "sync/wait_queue.h"

#include <limits.h>
#include <string.h>

/* The longest time that the peer of a deserted channel may take nothing, and the longest time for
 * the peer's close_notify after the run, in nanoseconds. */
static const int64_t DESERTED_LIMIT = 30 * INT64_C(1000000000),
                     FAREWELL_LIMIT = INT64_C(1000000000);

/* Returns the exception of a failure of the carrier, or NULL. An errno has no exception of its own:
 * the one that is there may belong to an earlier failure. */
static eddy_exception *exception_of(int error)
{
    return error <= EDDY_EINVALIDSTATE ? eddy_exception_ref(eddyi_error_of(error)) : NULL;
}

/* Handles the end of the carrier. */
static void on_closed(eddy_carrier *carrier, int status)
{
    struct eddyi_channel *c = carrier->user;

    if (status < 0 && c->error == 0) {
        c->error = status;
        c->exception = exception_of(status);
    }
    EDDYI_ASSERT(c->state == EDDYI_ENDING && c->carrier == carrier);
    c->state = EDDYI_LOST;
    c->armed = false;
    eddyi_channel_read_over(c);
    eddyi_list_remove(&c->link);
    if (c->all)
        eddyi_wait_queue_wake_all(&c->all->ends);
    eddyi_timer_stop(c->loop, &c->patience);
    eddyi_buffer_fini(&c->out);
    c->carrier = NULL;
    carrier->ops->free(carrier);
    if (c->sending)
        eddyi_channel_go_on_sending(c);
    c->client->lost(c);
}

size_t eddyi_channel_kept(const struct eddyi_channel *c)
{
    const eddy_carrier *carrier = c->carrier;

    return eddyi_buffer_length(&c->out) +
           (carrier && carrier->ops->kept ? carrier->ops->kept(carrier) : 0);
}

static void update_flow(struct eddyi_channel *c)
{
    size_t kept = eddyi_buffer_length(&c->out);

    if (c->paused ? kept > c->marks.low : kept <= c->marks.high)
        return;
    c->paused = !c->paused;
    c->client->flow(c);
}

static int64_t shorter(int64_t a, int64_t b)
{
    return a > 0 && (b == 0 || a < b) ? a : b;
}

/* Returns the longest time that the peer may take nothing now, in nanoseconds; 0: no limit. There
 * is one when no task can wait for the peer any more. */
static int64_t limit_of(const struct eddyi_channel *c)
{
    int64_t at_end = c->loop->patience;

    if (at_end == 0)
        at_end = c->deserted ? DESERTED_LIMIT : 0;
    else if (c->state == EDDYI_ENDING && c->kept_before == 0)
        at_end = shorter(at_end, FAREWELL_LIMIT);
    if (at_end == 0 && c->write_limit == 0)
        return c->n_drains > 0 ? c->drain_limit : 0;
    return shorter(c->write_limit, at_end);
}

/* Returns whether progress depends on the peer: bytes are kept, or a task sends a file; or, after
 * the run, the connection is ending. */
static bool waits_for_peer(const struct eddyi_channel *c)
{
    if (c->state > EDDYI_CLOSING)
        return c->loop->patience > 0 && !c->aborted;
    return c->waiting || c->deserted || (c->loop->patience > 0 && c->file_out);
}

/* Starts the peer's time again. Called when something begins to wait for the peer, and whenever the
 * peer has taken bytes. */
static void restart_patience(struct eddyi_channel *c)
{
    int64_t limit;

    eddyi_timer_stop(c->loop, &c->patience);
    c->kept_before = eddyi_channel_kept(c);
    limit = limit_of(c);
    if (limit == 0 || limit > EDDYI_NEVER / 2 || !waits_for_peer(c))
        return;
    if (eddyi_timer_start_after(c->loop, &c->patience, limit) == 0)
        return;
    if (c->state > EDDYI_CLOSING)
        eddyi_channel_abort(c);
    else
        eddyi_channel_break(c, -ENOMEM);
}

static inline bool has_patience(const struct eddyi_channel *c)
{
    return c->patience.node.place != 0;
}

static void end(struct eddyi_channel *c, bool abort)
{
    EDDYI_ASSERT(c->state < EDDYI_ENDING || abort);
    c->state = EDDYI_ENDING;
    c->waiting = false;
    c->aborted = abort;
    if (c->loop->patience > 0)
        restart_patience(c);
    if (c->aborted == abort)
        c->carrier->ops->close(c->carrier, abort);
}

void eddyi_channel_wait_writable(struct eddyi_channel *c)
{
    int rc = c->waiting || c->file_out ? 0 : c->carrier->ops->wait_writable(c->carrier);

    c->waiting = rc == 0 && !c->file_out;
    if (rc < 0)
        eddyi_channel_break(c, rc);
    else if (limit_of(c) > 0 && !has_patience(c))
        restart_patience(c);
}

/* Handles an empty write buffer: sends the pending EOF, ends a closing channel, or tells the
 * client. */
static void flushed(struct eddyi_channel *c)
{
    eddyi_timer_stop(c->loop, &c->patience);
    eddyi_buffer_trim(&c->out, EDDYI_IDLE_MEMORY);
    if (c->eof_asked && !c->eof_sent && c->state == EDDYI_OPEN) {
        int rc = c->carrier->ops->write_eof(c->carrier);

        if (rc == -EAGAIN) {
            eddyi_channel_wait_writable(c);
            return;
        }
        c->eof_sent = true;
        if (rc < 0 && rc != -EOPNOTSUPP) {
            eddyi_channel_break(c, rc);
            return;
        }
    }
    if (c->state == EDDYI_CLOSING)
        end(c, false);
    else if (c->client->flushed)
        c->client->flushed(c);
    if (c->sending)
        eddyi_channel_go_on_sending(c);
}

static void on_writable(eddy_carrier *carrier)
{
    struct eddyi_channel *c = carrier->user;
    bool took = eddyi_buffer_length(&c->out) == 0; /* there is room for a file */
    ssize_t n = -EAGAIN;

    c->waiting = false;
    while (eddyi_buffer_length(&c->out) > 0) {
        struct iovec all = {eddyi_buffer_bytes(&c->out), eddyi_buffer_length(&c->out)};

        n = carrier->ops->write(carrier, &all, 1);
        if (n < 0)
            break;
        eddyi_buffer_consume(&c->out, (size_t)n);
        took = true;
    }
    if (n < 0 && n != -EAGAIN) {
        eddyi_channel_break(c, (int)n);
        return;
    }
    if (eddyi_buffer_length(&c->out) > 0)
        eddyi_channel_wait_writable(c);
    else
        flushed(c);
    if (took && has_patience(c))
        restart_patience(c);
    if (c->state <= EDDYI_CLOSING)
        update_flow(c);
}

/* Acts when the peer's time is over. Whether a carrier has sent some of the bytes that it keeps is
 * checked only here. A task that waits for the end gets the reason why the channel was aborted. */
static void out_of_patience(struct eddyi_ready *r)
{
    struct eddyi_channel *c = eddyi_container(r, struct eddyi_channel, patience.ready);
    size_t kept = eddyi_channel_kept(c);

    if (kept > 0 && (c->kept_before == 0 || kept < c->kept_before))
        restart_patience(c);
    else if (c->deserted || c->state >= EDDYI_ENDING)
        eddyi_channel_abort(c);
    else
        eddyi_channel_expire(c, "the peer has taken nothing", limit_of(c));
}

void eddyi_channel_drain_begin(struct eddyi_channel *c)
{
    if (c->n_drains++ == 0 && c->drain_limit > 0 && !has_patience(c))
        restart_patience(c);
}

void eddyi_channel_drain_end(struct eddyi_channel *c)
{
    EDDYI_ASSERT(c->n_drains > 0);
    if (--c->n_drains == 0 && limit_of(c) == 0)
        eddyi_timer_stop(c->loop, &c->patience);
}

/* Handles the end of a pipe's reader. */
static void on_read_end_closed(eddy_carrier *carrier, ssize_t result)
{
    struct eddyi_channel *c = carrier->user;

    if (eddyi_buffer_length(&c->out) > 0)
        eddyi_channel_break(c, -EPIPE);
    else
        eddyi_channel_close(c);
}

void eddyi_channel_set_carrier(struct eddyi_channel *c, eddy_carrier *carrier)
{
    c->carrier = carrier;
    c->tls = strcmp(carrier->ops->name, "tls") == 0;
    c->batches = c->loop->backend->ops->send_batch && eddyi_carrier_socket(carrier) >= 0;
    carrier->user = c;
    carrier->on_readable = c->ways == EDDYI_WRITE_ONLY ? on_read_end_closed : c->client->readable;
    carrier->on_writable = on_writable;
    carrier->on_file_sent = eddyi_channel_file_sent;
    carrier->on_closed = on_closed;
}

int eddyi_channel_init(struct eddyi_channel *c, eddy_carrier *carrier,
                       const struct eddyi_channel_client *client)
{
    struct eddyi_channels *all = eddyi_channels_of(carrier->loop);

    if (!all)
        return eddy_raise(-ENOMEM, NULL);
    *c = (struct eddyi_channel){.loop = eddyi_loop_hold(carrier->loop),
                                .all = all,
                                .client = client,
                                .ways = eddyi_carrier_ways(carrier),
                                .chunk = EDDYI_SMALL_CHUNK,
                                .marks = EDDYI_WATER_MARKS};
    eddyi_ready_init(&c->patience.ready, out_of_patience);
    eddyi_list_append(&all->list, &c->link);
    eddyi_channel_set_carrier(c, carrier);
    return 0;
}

void eddyi_channel_init_fed(struct eddyi_channel *c, eddy_loop *loop)
{
    *c = (struct eddyi_channel){.loop = eddyi_loop_hold(loop), .state = EDDYI_LOST, .armed = true};
    eddyi_ready_init(&c->patience.ready, out_of_patience);
}

void eddyi_channel_fini(struct eddyi_channel *c)
{
    eddyi_timer_stop(c->loop, &c->patience);
    eddyi_buffer_fini(&c->in);
    eddyi_buffer_fini(&c->out);
    eddy_exception_unref(c->exception);
    eddyi_loop_release(c->loop);
}

int eddyi_channel_raise(const struct eddyi_channel *c)
{
    if (c->error < 0)
        return c->exception ? eddy_reraise(c->exception)
                            : eddy_raise(c->error, "the connection is lost");
    /* The connection belongs to the parent; a child must send neither bytes nor an end on it. */
    if (eddyi_loop_forked(c->loop))
        return eddy_raise(EDDY_EFORKED, "the connection was made before fork()");
    return eddy_raise(EDDY_ECLOSED, "the stream is closed");
}

const eddy_exception *eddyi_channel_reason(struct eddyi_channel *c)
{
    if (c->error < 0 && !c->exception)
        c->exception = eddy_exception_new(c->error, "the connection is lost");
    return c->error == 0 ? NULL : c->exception ? c->exception : eddyi_exception_no_memory();
}

/* Reading. */

void eddyi_channel_read_ended(struct eddyi_channel *c, ssize_t result)
{
    if (result == 0)
        c->eof = true;
    else if (result != -EAGAIN && result != -ECANCELED)
        c->read_error = (int)result;
}

/* Frees the memory of an empty buffer that had grown, when reads are small again. */
EDDYI_DIRECT int eddyi_channel_make_room(struct eddyi_channel *c)
{
    if (c->chunk == EDDYI_SMALL_CHUNK && eddyi_buffer_length(&c->in) == 0)
        eddyi_buffer_trim(&c->in, EDDYI_IDLE_MEMORY);
    return eddyi_buffer_reserve(&c->in, c->chunk);
}

EDDYI_DIRECT ssize_t eddyi_channel_fill(struct eddyi_channel *c)
{
    eddy_carrier *carrier = c->carrier;
    size_t room;
    ssize_t n;

    if (eddyi_channel_make_room(c) < 0)
        return -ENOMEM;
    room = eddyi_buffer_room(&c->in);
    n = carrier->ops->read(carrier, c->in.data + c->in.end, room);
    if (n > 0)
        eddyi_channel_came(c, (size_t)n, room);
    else if (n == 0)
        c->eof = true;
    return n;
}

/* On a terminal, readiness to read means that the user has typed, not that the terminal was
 * closed. */
int eddyi_channel_watch_read_end(struct eddyi_channel *c)
{
    int fd = -1;

    (void)eddyi_channel_info(c, "pipe", &fd, sizeof fd);
    return eddyi_sys_is_device(fd) ? 0 : eddyi_channel_wait_readable(c, NULL, 0);
}

/* Writing. */

/* Returns 0, or raises the reason why nothing can be sent. */
static inline int check_open(const struct eddyi_channel *c)
{
    return c->state != EDDYI_OPEN || eddyi_loop_forked(c->loop) ? eddyi_channel_raise(c) : 0;
}

/* Resets the connection, since bytes that were written will not be sent: the peer must not take the
 * end of the connection for the end of the data. */
static void reset(struct eddyi_channel *c)
{
    if (c->carrier->ops->reset)
        c->carrier->ops->reset(c->carrier);
}

/* Writes immediately, unless earlier bytes are kept. Returns the number of bytes written, or
 * -errno. */
static ssize_t write_at_once(struct eddyi_channel *c, const struct iovec *iov, int n)
{
    ssize_t written;

    if (eddyi_buffer_length(&c->out) > 0)
        return 0;
    written = c->carrier->ops->write(c->carrier, iov, n < IOV_MAX ? n : IOV_MAX);
    return written == -EAGAIN ? 0 : written;
}

/* Keeps the @n pieces of @iov, except for the first @skip bytes. */
static int keep(struct eddyi_channel *c, const struct iovec *iov, int n, size_t skip)
{
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++) {
        size_t skipped = skip < iov[i].iov_len ? skip : iov[i].iov_len;

        skip -= skipped;
        rc = eddyi_buffer_append(&c->out, (const char *)iov[i].iov_base + skipped,
                                 iov[i].iov_len - skipped);
    }
    return rc;
}

EDDYI_DIRECT int eddyi_channel_write(struct eddyi_channel *c, const struct iovec *iov, int n)
{
    ssize_t written;
    size_t total = 0;
    int rc = check_open(c);

    if (rc < 0)
        return rc;
    if (c->eof_asked)
        return eddy_raise(EDDY_EMISUSE, "write after write_eof");
    for (int i = 0; i < n; i++) {
        if (iov[i].iov_len > SSIZE_MAX - total)
            return eddy_raise(-EINVAL, "write: no buffer has %zu bytes", iov[i].iov_len);
        total += iov[i].iov_len;
    }
    if (total == 0)
        return 0;

    c->used += EDDYI_WRITE_UNITS + (unsigned)(total >> EDDYI_UNIT_SHIFT);
    if (__builtin_expect(c->wrote_in == c->loop->schedule.turns || c->several || c->batches,
                         false) &&
        eddyi_channel_gather(c, iov, n, total))
        return 0;
    if (c->state != EDDYI_OPEN) /* sending what was gathered has broken it */
        return eddyi_channel_raise(c);
    c->wrote_in = c->loop->schedule.turns;
    written = write_at_once(c, iov, n);
    rc = written < 0 ? (int)written : keep(c, iov, n, (size_t)written);
    if (rc < 0) {
        reset(c);
        eddyi_channel_break(c, rc);
        return eddyi_channel_raise(c);
    }
    if (eddyi_buffer_length(&c->out) > 0) {
        eddyi_channel_wait_writable(c);
        update_flow(c);
    }
    return c->error < 0 ? eddyi_channel_raise(c) : 0;
}

int eddyi_channel_write_eof(struct eddyi_channel *c)
{
    int rc;

    if (c->ways == EDDYI_WRITE_ONLY) {
        eddyi_channel_close(c);
        return 0;
    }
    eddyi_channel_send_gathered(c);
    rc = check_open(c);
    if (rc < 0 || c->eof_asked)
        return rc;
    c->eof_asked = true;
    if (eddyi_buffer_length(&c->out) == 0)
        flushed(c);
    return c->error < 0 ? eddyi_channel_raise(c) : 0;
}

void eddyi_channel_close(struct eddyi_channel *c)
{
    eddyi_channel_send_gathered(c);
    if (c->state != EDDYI_OPEN || eddyi_loop_forked(c->loop))
        return;
    c->state = EDDYI_CLOSING;
    if (eddyi_buffer_length(&c->out) == 0)
        end(c, false);
}

void eddyi_channel_abort(struct eddyi_channel *c)
{
    size_t kept;

    if (c->error == 0)
        eddyi_channel_send_gathered(c);
    if (c->aborted || c->state == EDDYI_LOST || eddyi_loop_forked(c->loop))
        return;
    eddyi_channel_stop_gathering(c);
    kept = eddyi_channel_kept(c);
    c->dropped = kept > 0 || c->file_out;
    if (c->dropped)
        reset(c);
    if (c->all && c->loop->patience && c->dropped) {
        c->all->n_cut++;
        c->all->bytes_cut += kept;
    }
    if (c->all)
        eddyi_wait_queue_wake_all(&c->all->ends);
    eddyi_buffer_consume(&c->out, eddyi_buffer_length(&c->out));
    end(c, true);
}

void eddyi_channel_break(struct eddyi_channel *c, int error)
{
    if (c->state >= EDDYI_ENDING)
        return;
    c->error = error;
    c->exception = exception_of(error);
    eddyi_channel_abort(c);
}

void eddyi_channel_expire(struct eddyi_channel *c, const char *what, int64_t limit)
{
    if (c->state >= EDDYI_ENDING)
        return;
    c->out_of_time = true;
    c->error = eddy_raise(-ETIMEDOUT, "%s for %g seconds", what, (double)limit * 1e-9);
    c->exception = eddy_exception_ref(eddy_error());
    eddyi_channel_abort(c);
}

int64_t eddyi_time_limit(double seconds)
{
    int64_t ns = seconds > 0 ? eddyi_nanoseconds(seconds) : 0;

    return ns > EDDYI_NEVER / 2 ? 0 : seconds > 0 && ns == 0 ? 1 : ns;
}

void eddyi_channel_desert(struct eddyi_channel *c)
{
    c->deserted = true;
    eddyi_channel_close(c);
    if (c->state == EDDYI_CLOSING)
        restart_patience(c);
}

void eddyi_channel_run_over(struct eddyi_channel *c)
{
    if (c->state > EDDYI_OPEN || eddyi_channel_kept(c) > 0 || c->file_out)
        restart_patience(c);
}

int eddyi_water_marks_complete(eddy_water_marks *m)
{
    if (m->high == SIZE_MAX)
        m->high = m->low == SIZE_MAX      ? EDDYI_WATER_MARKS.high
                  : m->low > SIZE_MAX / 8 ? SIZE_MAX / 2
                                          : 4 * m->low;
    if (m->low == SIZE_MAX)
        m->low = m->high / 4;
    return m->high < m->low
               ? eddy_raise(-EINVAL, "high (%zu) must be at least low (%zu)", m->high, m->low)
               : 0;
}

int eddyi_channel_set_limits(struct eddyi_channel *c, eddy_water_marks marks)
{
    int rc = eddyi_water_marks_complete(&marks);

    if (rc < 0)
        return rc;
    if (eddyi_buffer_length(&c->out) > marks.high)
        eddyi_channel_send_gathered(c);
    c->marks = marks;
    if (c->state <= EDDYI_CLOSING)
        update_flow(c);
    return 0;
}

ssize_t eddyi_channel_info(const struct eddyi_channel *c, const char *name, void *ret, size_t size)
{
    return c->carrier && c->carrier->ops->get_extra_info
               ? c->carrier->ops->get_extra_info(c->carrier, name, ret, size)
               : -ENOENT;
}
