/*
 * A connection of a server whose handler runs in a task.
 */
#include "loop/loop.h"
#include "stream/server.h"

/* How long a client may take nothing while the handler waits for that, in nanoseconds. */
static const int64_t DRAIN_LIMIT = 60 * INT64_C(1000000000);

static struct eddyi_stream *stream_of(struct eddyi_connection *c)
{
    return eddyi_container(c->transport, struct eddyi_stream, transport);
}

/* The stream is gone, and so is the task. */
static void on_gone(struct eddyi_stream *stream)
{
    eddyi_connection_gone(stream->owner);
}

/* Its task has ended, or will never run. */
static void leave(void *arg)
{
    struct eddyi_connection *c = arg;

    eddy_unref(c->task);
    c->task = NULL;
    eddyi_stream_end_loan(stream_of(c));
}

static int handle(void *arg)
{
    struct eddyi_connection *c = arg;
    const eddy_server_options *o = &c->server->options;
    struct eddyi_stream *stream = stream_of(c);
    int rc = 0;

    if (o->tls)
        rc = eddyi_stream_start_tls(
            stream, &(eddy_start_tls_options){.context = o->tls,
                                              .handshake_timeout = o->tls_handshake_timeout,
                                              .shutdown_timeout = o->tls_shutdown_timeout});
    if (rc >= 0)
        rc = o->handle(&stream->reader, &stream->writer, o->arg);
    if (rc < 0)
        eddyi_connection_report(c, rc);
    leave(c);
    return rc == -ECANCELED ? rc : 0;
}

int eddyi_connection_start_handler(eddy_server *s, eddy_carrier *carrier)
{
    struct eddyi_stream *stream = eddyi_stream_new(carrier, s->options.limit);
    struct eddyi_connection *c;

    if (!stream) {
        carrier->ops->free(carrier);
        return -ENOMEM;
    }
    c = eddyi_connection_new(s, &stream->transport);
    if (!c) {
        eddyi_stream_give_back(stream);
        return eddy_raise(-ENOMEM, NULL);
    }
    stream->accepted = true;
    eddyi_stream_limit_time(stream, s->options.read_timeout, s->options.write_timeout);
    if (s->options.write_timeout < EDDY_FOREVER)
        stream->transport.drain_limit = DRAIN_LIMIT;
    stream->owner = c;
    stream->on_gone = on_gone;
    eddyi_stream_lend(stream);
    return eddyi_connection_create_task(c, handle, leave);
}
