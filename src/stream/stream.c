#include "stream/stream.h"

#include "base/sys.h"
#include "sync/wait_queue.h"

static struct eddyi_stream *of(struct eddyi_transport *t)
{
    return eddyi_container(t, struct eddyi_stream, transport);
}

static void stream_free(struct eddyi_stream *s)
{
    eddyi_ready_cancel(&s->reader.unused);
    eddyi_connection_gone(&s->connection);
    eddyi_reader_fini(&s->reader);
    eddyi_transport_fini(&s->transport);
    eddyi_free(s);
}

static void free_if_done(struct eddyi_stream *s)
{
    if (s->given_back && s->users == 0 && s->transport.state == EDDYI_LOST)
        stream_free(s);
}

static void unused(struct eddyi_ready *r)
{
    free_if_done(eddyi_container(r, struct eddyi_stream, reader.unused));
}

/* Nobody reads from the pipe any more (rule 161). */
static void read_end_closed(struct eddyi_transport *t)
{
    if (eddyi_buffer_length(&t->out) > 0)
        eddyi_transport_break(t, -EPIPE);
    else
        eddyi_transport_close(t);
}

static void on_readable(struct eddyi_transport *t, ssize_t result)
{
    if (of(t)->write_only)
        read_end_closed(t);
    else
        eddyi_reader_readable(&of(t)->reader, result);
}

/* Each of those who wait looks for himself whether it is little enough. */
static void on_less_kept(struct eddyi_transport *t)
{
    eddyi_wait_queue_wake_all(&of(t)->writer.drained);
}

static void on_lost(struct eddyi_transport *t)
{
    struct eddyi_stream *s = of(t);

    eddyi_reader_lost(&s->reader);
    eddyi_wait_queue_wake_all(&s->writer.drained);
    eddyi_wait_queue_wake_all(&s->writer.closed);
    free_if_done(s);
}

static const struct eddyi_transport_client client = {
    .readable = on_readable,
    .resume_writing = on_less_kept,
    .flushed = on_less_kept,
    .lost = on_lost,
};

struct eddyi_stream *eddyi_stream_new(eddy_carrier *c, size_t limit)
{
    struct eddyi_stream *s = eddyi_zalloc(sizeof *s);

    if (!s) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    if (eddyi_transport_init(&s->transport, c, &client) < 0) {
        eddyi_free(s);
        return NULL;
    }
    eddyi_reader_init(&s->reader, s, limit, unused);
    return s;
}

void eddyi_stream_limit_time(struct eddyi_stream *s, double read_timeout, double write_timeout)
{
    s->reader.time_limit = eddyi_time_limit(read_timeout);
    s->transport.write_limit = eddyi_time_limit(write_timeout);
}

/* Closing may lose it at once, where the loop is closed. */
void eddyi_stream_give_back(struct eddyi_stream *s)
{
    if (s->given_back)
        return;
    s->given_back = true;
    s->users++;
    eddyi_transport_desert(&s->transport);
    s->users--;
    free_if_done(s);
}

void eddyi_stream_leave_last(struct eddyi_stream *s)
{
    if (eddyi_list_empty(&s->reader.unused.link))
        eddyi_loop_ready(s->transport.loop, &s->reader.unused);
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
    struct eddyi_stream *s = eddyi_stream_new(carrier, limit);

    if (!s)
        return -ENOMEM;
    *ret_reader = &s->reader;
    *ret_writer = &s->writer;
    return 0;
}

/* Speaking TLS. */

int eddyi_stream_start_tls(struct eddyi_stream *s, const eddy_start_tls_options *options)
{
    size_t n_ahead;
    int rc = eddy_writer_flush(&s->writer);

    if (rc == 0)
        rc = eddyi_reader_disarm(&s->reader);
    if (rc < 0)
        return rc;
    eddyi_stream_enter(s);
    n_ahead = eddyi_buffer_length(&s->reader.in);
    rc = eddyi_transport_start_tls(&s->transport, options,
                                   options->server_side || (s->connection.server != NULL),
                                   eddyi_buffer_bytes(&s->reader.in), n_ahead);
    if (rc == 0)
        eddyi_buffer_consume(&s->reader.in, n_ahead);
    eddyi_stream_leave(s);
    return rc;
}

int eddy_writer_start_tls_with(eddy_writer *w, const eddy_start_tls_options *options)
{
    if (!options->context)
        return eddy_raise(-EINVAL, "start_tls: no context");
    return eddyi_stream_start_tls(eddyi_stream_of_writer(w), options);
}
