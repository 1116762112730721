#include "stream/reader.h"

#include "base/options.h"
#include "base/sys.h"
#include "sync/wait_queue.h"

static struct eddyi_stream *of(struct eddyi_channel *c)
{
    return eddyi_container(c, struct eddyi_stream, channel);
}

static void stream_free(struct eddyi_stream *s)
{
    eddyi_ready_cancel(&s->unused);
    eddyi_connection_gone(&s->connection);
    eddy_exception_unref(s->reader.exception);
    eddyi_channel_fini(&s->channel);
    eddyi_free(s);
}

static void free_if_done(struct eddyi_stream *s)
{
    if (s->given_back && s->users == 0 && s->channel.state == EDDYI_LOST)
        stream_free(s);
}

static void unused(struct eddyi_ready *r)
{
    free_if_done(eddyi_container(r, struct eddyi_stream, unused));
}

/* Handles the end of the read that was with the carrier. */
static void on_readable(eddy_carrier *carrier, ssize_t result)
{
    struct eddyi_channel *c = carrier->user;

    if (c->ways == EDDYI_WRITE_ONLY) {
        eddyi_channel_read_end_closed(c);
        return;
    }
    eddyi_channel_read_done(c, result);
    if (c->read_error < 0)
        eddyi_channel_break(c, c->read_error);
    eddyi_reader_wake(&of(c)->reader);
}

/* Wakes the waiters, each of which re-checks the low-water mark. */
static void on_flushed(struct eddyi_channel *c)
{
    eddyi_wait_queue_wake_all(&of(c)->writer.drained);
}

static void on_flow(struct eddyi_channel *c)
{
    if (!c->paused)
        on_flushed(c);
}

static void on_lost(struct eddyi_channel *c)
{
    struct eddyi_stream *s = of(c);

    eddyi_reader_wake(&s->reader);
    eddyi_wait_queue_wake_all(&s->writer.drained);
    eddyi_wait_queue_wake_all(&s->writer.closed);
    free_if_done(s);
}

static const struct eddyi_channel_client client = {
    .readable = on_readable,
    .flow = on_flow,
    .flushed = on_flushed,
    .lost = on_lost,
};

/* Allocates a stream without a channel. Raises -ENOMEM. */
static struct eddyi_stream *make(size_t limit)
{
    struct eddyi_stream *s = eddyi_zalloc(sizeof *s);

    if (!s) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    s->reader.limit = limit ? limit : EDDY_STREAM_LIMIT;
    eddyi_ready_init(&s->unused, unused);
    return s;
}

struct eddyi_stream *eddyi_stream_new(eddy_carrier *c, enum eddyi_ways ways, size_t limit)
{
    struct eddyi_stream *s = make(limit);

    if (s && eddyi_channel_init(&s->channel, c, ways, &client) < 0) {
        eddyi_free(s);
        return NULL;
    }
    return s;
}

int eddy_reader_new(size_t limit, eddy_reader **ret)
{
    struct eddyi_stream *s;

    if (!ret)
        return eddy_raise(-EINVAL, "reader_new: there is no place for the reader");
    if (!eddyi_loop_running)
        return eddyi_raise_no_loop();
    s = make(limit);
    if (!s)
        return -ENOMEM;
    eddyi_channel_init_fed(&s->channel, eddyi_loop_running);
    *ret = &s->reader;
    return 0;
}

void eddyi_stream_limit_time(struct eddyi_stream *s, double read_timeout, double write_timeout)
{
    s->reader.time_limit = eddyi_time_limit(read_timeout);
    s->channel.write_limit = eddyi_time_limit(write_timeout);
}

/* Gives the stream back. Closing it may lose the channel at once if the loop is closed, hence the
 * count of users. */
void eddyi_stream_give_back(struct eddyi_stream *s)
{
    if (s->given_back)
        return;
    s->given_back = true;
    s->users++;
    if (eddyi_channel_is_fed(&s->channel))
        eddy_reader_feed_eof(&s->reader);
    else
        eddyi_channel_desert(&s->channel);
    s->users--;
    free_if_done(s);
}

void eddyi_stream_leave_last(struct eddyi_stream *s)
{
    if (eddyi_list_empty(&s->unused.link))
        eddyi_loop_ready(s->channel.loop, &s->unused);
}

void eddyi_stream_end_loan(struct eddyi_stream *s)
{
    s->users--;
    if (s->given_back)
        free_if_done(s);
    else
        eddyi_stream_give_back(s);
}

int eddy_stream_open(eddy_carrier *carrier, size_t limit, eddy_reader **ret_reader,
                     eddy_writer **ret_writer)
{
    struct eddyi_stream *s;

    if (!ret_reader || !ret_writer)
        return eddy_raise(-EINVAL, "stream_open: there is no place for reader or writer");
    s = eddyi_stream_new(carrier, EDDYI_BOTH_WAYS, limit);
    if (!s)
        return -ENOMEM;
    *ret_reader = &s->reader;
    *ret_writer = &s->writer;
    return 0;
}

/* Speaking TLS. */

int eddyi_stream_start_tls(struct eddyi_stream *s, const eddy_start_tls_options *options)
{
    int rc = eddy_writer_flush(&s->writer);

    if (rc == 0)
        rc = eddyi_reader_disarm(&s->reader);
    if (rc < 0)
        return rc;
    eddyi_stream_enter(s);
    rc =
        eddyi_channel_start_tls(&s->channel, options, options->server_side || s->connection.server);
    eddyi_stream_leave(s);
    return rc;
}

int(eddy_writer_start_tls_with)(eddy_writer *w, const eddy_start_tls_options *options,
                                size_t options_size)
{
    EDDYI_OPTIONS(eddy_start_tls_options, options, options_size, -E2BIG);
    if (!options->context)
        return eddy_raise(-EINVAL, "start_tls: no context");
    return eddyi_stream_start_tls(eddyi_stream_of_writer(w), options);
}
