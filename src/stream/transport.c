#include "stream/transport.h"

#include "base/exception.h"
#include "base/sys.h"
#include "stream/sendfile.h"
#include "sync/wait_queue.h"

#include <limits.h>
#include <string.h>

/* asyncio's water marks (rule 154), and how much memory an idle transport keeps. */
enum { HIGH_WATER = 65536, LOW_WATER = 16384, IDLE_MEMORY = 16384 };

/* How long the peer of a deserted one may take nothing, or owe its farewell when the run is
 * over. */
static const int64_t DESERTED_LIMIT = 30 * INT64_C(1000000000),
                     FAREWELL_LIMIT = INT64_C(1000000000);

/* The exception behind a failure of the carrier's. An errno says all there is; what is there for it
 * may be of some earlier failure. */
static eddy_exception *exception_of(int error)
{
    return error <= EDDY_EINVALIDSTATE && eddyi_error_here()->code == error
               ? eddy_exception_ref(eddy_error())
               : NULL;
}

static void on_readable(eddy_carrier *c, ssize_t result)
{
    struct eddyi_transport *t = c->user;

    t->client->readable(t, result);
}

/* The carrier has ended. */
static void on_closed(eddy_carrier *c, int status)
{
    struct eddyi_transport *t = c->user;

    if (status < 0 && t->error == 0) {
        t->error = status;
        t->exception = exception_of(status);
    }
    t->state = EDDYI_LOST;
    eddyi_list_remove(&t->link);
    if (t->all)
        eddyi_wait_queue_wake_all(&t->all->ends);
    eddyi_timer_stop(t->loop, &t->patience);
    eddyi_buffer_fini(&t->out);
    t->carrier = NULL;
    c->ops->free(c);
    t->client->lost(t);
}

size_t eddyi_transport_kept(const struct eddyi_transport *t)
{
    const eddy_carrier *c = t->carrier;

    return eddyi_buffer_length(&t->out) + (c && c->ops->kept ? c->ops->kept(c) : 0);
}

static void update_flow(struct eddyi_transport *t)
{
    size_t kept = eddyi_buffer_length(&t->out);

    if (!t->paused && kept > t->high) {
        t->paused = true;
        if (t->client->pause_writing)
            t->client->pause_writing(t);
    } else if (t->paused && kept <= t->low) {
        t->paused = false;
        if (t->client->resume_writing)
            t->client->resume_writing(t);
    }
}

/* How long the peer may take nothing once nobody waits for it any more; 0: somebody does. */
static int64_t limit_at_end(const struct eddyi_transport *t)
{
    int64_t limit = t->loop->patience;

    if (limit == 0)
        return t->deserted ? DESERTED_LIMIT : 0;
    return t->state == EDDYI_ENDING && t->kept_before == 0 && limit > FAREWELL_LIMIT
               ? FAREWELL_LIMIT
               : limit;
}

/* How long the peer may take nothing as things are; 0: no limit. */
static int64_t limit_of(const struct eddyi_transport *t)
{
    int64_t limit = t->write_limit, at_end = limit_at_end(t);

    if (at_end > 0)
        return limit > 0 && limit < at_end ? limit : at_end;
    return limit > 0 ? limit : t->n_drains > 0 ? t->drain_limit : 0;
}

/*
 * Whether something waits for the peer: bytes that are kept, or a task that sends a file; or, when
 * the run is over, the end of the connection.
 */
static bool waits_for_peer(const struct eddyi_transport *t)
{
    if (t->state > EDDYI_CLOSING)
        return t->loop->patience > 0 && !t->aborted;
    return t->waiting || t->deserted || (t->loop->patience > 0 && t->file_wait);
}

/* Starts the peer's time anew. Called when something begins to wait for it, and whenever it has
 * taken something. */
static void restart_patience(struct eddyi_transport *t)
{
    int64_t limit;

    eddyi_timer_stop(t->loop, &t->patience);
    t->kept_before = eddyi_transport_kept(t);
    limit = limit_of(t);
    if (limit == 0 || limit > EDDYI_NEVER / 2 || !waits_for_peer(t))
        return;
    if (eddyi_timer_start(t->loop, &t->patience, eddyi_loop_now(t->loop) + limit) == 0)
        return;
    if (t->state > EDDYI_CLOSING)
        eddyi_transport_abort(t);
    else
        eddyi_transport_break(t, -ENOMEM);
}

static inline bool has_patience(const struct eddyi_transport *t)
{
    return t->patience.node.place != 0;
}

static void end(struct eddyi_transport *t, bool abort)
{
    t->state = EDDYI_ENDING;
    t->waiting = false;
    t->aborted = abort;
    if (t->loop->patience > 0)
        restart_patience(t);
    if (t->aborted == abort)
        t->carrier->ops->close(t->carrier, abort);
}

/* While a file goes out nobody else waits; what was written meanwhile goes behind this piece of
 * it. */
static void wait_writable(struct eddyi_transport *t)
{
    int rc = t->waiting || t->file_wait ? 0 : t->carrier->ops->wait_writable(t->carrier);

    t->waiting = rc == 0 && !t->file_wait;
    if (rc < 0)
        eddyi_transport_break(t, rc);
    else if (limit_of(t) > 0 && !has_patience(t))
        restart_patience(t);
}

/* All that was kept is out: what waited for that. */
static void flushed(struct eddyi_transport *t)
{
    eddyi_timer_stop(t->loop, &t->patience);
    eddyi_buffer_trim(&t->out, IDLE_MEMORY);
    if (t->eof_asked && !t->eof_sent && t->state == EDDYI_OPEN) {
        int rc = t->carrier->ops->write_eof(t->carrier);

        if (rc == -EAGAIN) {
            wait_writable(t);
            return;
        }
        t->eof_sent = true;
        if (rc < 0 && rc != -EOPNOTSUPP) {
            eddyi_transport_break(t, rc);
            return;
        }
    }
    if (t->state == EDDYI_CLOSING)
        end(t, false);
    else if (t->client->flushed)
        t->client->flushed(t);
}

static void on_writable(eddy_carrier *c)
{
    struct eddyi_transport *t = c->user;
    bool took = eddyi_buffer_length(&t->out) == 0; /* there is room for a file */
    ssize_t n = -EAGAIN;

    t->waiting = false;
    while (eddyi_buffer_length(&t->out) > 0) {
        struct iovec all = {eddyi_buffer_bytes(&t->out), eddyi_buffer_length(&t->out)};

        n = c->ops->write(c, &all, 1);
        if (n < 0)
            break;
        eddyi_buffer_consume(&t->out, (size_t)n);
        took = true;
    }
    if (n < 0 && n != -EAGAIN) {
        eddyi_transport_break(t, (int)n);
        return;
    }
    if (eddyi_buffer_length(&t->out) > 0)
        wait_writable(t);
    else
        flushed(t);
    if (took && has_patience(t))
        restart_patience(t);
    if (t->state <= EDDYI_CLOSING)
        update_flow(t);
}

static void on_file_sent(eddy_carrier *c, ssize_t result)
{
    struct eddyi_transport *t = c->user;

    eddyi_transport_file_sent(t, result);
    if (t->state <= EDDYI_CLOSING && eddyi_buffer_length(&t->out) > 0)
        wait_writable(t);
}

/* What a carrier has got out meanwhile shows only now. Who waits for the end hears why it was cut
 * off. */
static void out_of_patience(struct eddyi_ready *r)
{
    struct eddyi_transport *t = eddyi_container(r, struct eddyi_transport, patience.ready);
    size_t kept = eddyi_transport_kept(t);

    if (kept > 0 && (t->kept_before == 0 || kept < t->kept_before))
        restart_patience(t);
    else if (t->deserted || t->state >= EDDYI_ENDING)
        eddyi_transport_abort(t);
    else
        eddyi_transport_expire(t, "the peer has taken nothing", limit_of(t));
}

void eddyi_transport_drain_begin(struct eddyi_transport *t)
{
    if (t->n_drains++ == 0 && t->drain_limit > 0 && !has_patience(t))
        restart_patience(t);
}

void eddyi_transport_drain_end(struct eddyi_transport *t)
{
    if (--t->n_drains == 0 && limit_of(t) == 0)
        eddyi_timer_stop(t->loop, &t->patience);
}

void eddyi_transport_set_carrier(struct eddyi_transport *t, eddy_carrier *c)
{
    t->carrier = c;
    c->user = t;
    c->on_readable = on_readable;
    c->on_writable = on_writable;
    c->on_file_sent = on_file_sent;
    c->on_closed = on_closed;
}

int eddyi_transport_init(struct eddyi_transport *t, eddy_carrier *c,
                         const struct eddyi_transport_client *client)
{
    struct eddyi_transports *all = eddyi_transports_of(c->loop);

    if (!all)
        return eddy_raise(-ENOMEM, NULL);
    *t = (struct eddyi_transport){.loop = eddyi_loop_hold(c->loop),
                                  .all = all,
                                  .client = client,
                                  .high = HIGH_WATER,
                                  .low = LOW_WATER};
    eddyi_ready_init(&t->patience.ready, out_of_patience);
    eddyi_list_append(&all->list, &t->link);
    eddyi_transport_set_carrier(t, c);
    return 0;
}

void eddyi_transport_fini(struct eddyi_transport *t)
{
    eddyi_timer_stop(t->loop, &t->patience);
    eddyi_buffer_fini(&t->out);
    eddy_exception_unref(t->exception);
    eddyi_loop_release(t->loop);
}

int eddyi_transport_raise(const struct eddyi_transport *t)
{
    if (t->error < 0)
        return t->exception ? eddy_reraise(t->exception)
                            : eddy_raise(t->error, "the connection is lost");
    return eddy_raise(EDDY_ECLOSED, "the stream is closed");
}

/* The connection is the parent's: no byte of its child goes there, and no end. */
static int raise_forked(void)
{
    return eddy_raise(EDDY_EFORKED, "the connection was made before fork()");
}

/* Something that was written will not go out: the peer shall not take the end for that of the
 * data. */
static void reset(struct eddyi_transport *t)
{
    if (t->carrier->ops->reset)
        t->carrier->ops->reset(t->carrier);
}

/* Writes what goes at once, if nothing waits to go before it. How many bytes, or -errno. */
static ssize_t write_at_once(struct eddyi_transport *t, const struct iovec *iov, int n)
{
    ssize_t written;

    if (eddyi_buffer_length(&t->out) > 0)
        return 0;
    written = t->carrier->ops->write(t->carrier, iov, n < IOV_MAX ? n : IOV_MAX);
    return written == -EAGAIN ? 0 : written;
}

/* Keeps the pieces, but for the first @skip bytes. */
static int keep(struct eddyi_transport *t, const struct iovec *iov, int n, size_t skip)
{
    int rc = 0;

    for (int i = 0; i < n && rc == 0; i++) {
        size_t skipped = skip < iov[i].iov_len ? skip : iov[i].iov_len;

        skip -= skipped;
        rc = eddyi_buffer_append(&t->out, (const char *)iov[i].iov_base + skipped,
                                 iov[i].iov_len - skipped);
    }
    return rc;
}

EDDYI_DIRECT int eddyi_transport_write(struct eddyi_transport *t, const struct iovec *iov, int n)
{
    ssize_t written;
    size_t total = 0;
    int rc;

    if (t->state != EDDYI_OPEN)
        return eddyi_transport_raise(t);
    if (eddyi_loop_forked(t->loop))
        return raise_forked();
    if (t->eof_asked)
        return eddy_raise(EDDY_EMISUSE, "write after write_eof");
    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    if (total == 0)
        return 0;

    t->used += EDDYI_WRITE_UNITS + (unsigned)(total >> EDDYI_UNIT_SHIFT);
    written = write_at_once(t, iov, n);
    rc = written < 0 ? (int)written : keep(t, iov, n, (size_t)written);
    if (rc < 0) {
        reset(t);
        eddyi_transport_break(t, rc);
        return eddyi_transport_raise(t);
    }
    if (eddyi_buffer_length(&t->out) > 0) {
        wait_writable(t);
        update_flow(t);
    }
    return t->error < 0 ? eddyi_transport_raise(t) : 0;
}

void eddyi_transport_wait_writable(struct eddyi_transport *t)
{
    wait_writable(t);
}

int eddyi_transport_write_eof(struct eddyi_transport *t)
{
    if (t->state != EDDYI_OPEN)
        return eddyi_transport_raise(t);
    if (eddyi_loop_forked(t->loop))
        return raise_forked();
    if (t->eof_asked)
        return 0;
    t->eof_asked = true;
    if (eddyi_buffer_length(&t->out) == 0)
        flushed(t);
    return t->error < 0 ? eddyi_transport_raise(t) : 0;
}

void eddyi_transport_close(struct eddyi_transport *t)
{
    if (t->state != EDDYI_OPEN || eddyi_loop_forked(t->loop))
        return;
    t->state = EDDYI_CLOSING;
    if (eddyi_buffer_length(&t->out) == 0)
        end(t, false);
}

void eddyi_transport_abort(struct eddyi_transport *t)
{
    size_t kept = eddyi_transport_kept(t);

    if (t->aborted || t->state == EDDYI_LOST || eddyi_loop_forked(t->loop))
        return;
    t->dropped = kept > 0 || t->file_wait;
    if (t->dropped)
        reset(t);
    if (t->all && t->loop->patience && t->dropped) {
        t->all->n_cut++;
        t->all->bytes_cut += kept;
    }
    if (t->all)
        eddyi_wait_queue_wake_all(&t->all->ends);
    eddyi_buffer_consume(&t->out, eddyi_buffer_length(&t->out));
    end(t, true);
}

void eddyi_transport_break(struct eddyi_transport *t, int error)
{
    if (t->state >= EDDYI_ENDING)
        return;
    t->error = error;
    t->exception = exception_of(error);
    eddyi_transport_abort(t);
}

void eddyi_transport_expire(struct eddyi_transport *t, const char *what, int64_t limit)
{
    if (t->state >= EDDYI_ENDING)
        return;
    t->out_of_time = true;
    t->error = eddy_raise(-ETIMEDOUT, "%s for %g seconds", what, (double)limit * 1e-9);
    t->exception = eddy_exception_ref(eddy_error());
    eddyi_transport_abort(t);
}

int64_t eddyi_time_limit(double seconds)
{
    int64_t ns = seconds > 0 ? eddyi_nanoseconds(seconds) : 0;

    return ns > EDDYI_NEVER / 2 ? 0 : seconds > 0 && ns == 0 ? 1 : ns;
}

void eddyi_transport_desert(struct eddyi_transport *t)
{
    t->deserted = true;
    eddyi_transport_close(t);
    if (t->state == EDDYI_CLOSING)
        restart_patience(t);
}

void eddyi_transport_run_over(struct eddyi_transport *t)
{
    if (t->state > EDDYI_OPEN || eddyi_transport_kept(t) > 0 || t->file_wait)
        restart_patience(t);
}

int eddyi_water_marks(size_t *high, size_t *low)
{
    if (*high == SIZE_MAX)
        *high = *low == SIZE_MAX ? HIGH_WATER : *low > SIZE_MAX / 8 ? SIZE_MAX / 2 : 4 * *low;
    if (*low == SIZE_MAX)
        *low = *high / 4;
    return *high < *low ? eddy_raise(-EINVAL, "high (%zu) must be at least low (%zu)", *high, *low)
                        : 0;
}

int eddyi_transport_set_limits(struct eddyi_transport *t, size_t high, size_t low)
{
    int rc = eddyi_water_marks(&high, &low);

    if (rc < 0)
        return rc;
    t->high = high;
    t->low = low;
    if (t->state <= EDDYI_CLOSING)
        update_flow(t);
    return 0;
}
