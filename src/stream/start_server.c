/*
 * Servers with a handler: each connection is a stream, and a task that the handler runs in.
 */
#include "loop/loop.h"
#include "stream/server.h"
#include "stream/stream.h"

/* How long a client may take nothing while the handler waits for that, in nanoseconds. */
static const int64_t DRAIN_LIMIT = 60 * INT64_C(1000000000);

/* Its task has ended, or will never run. */
static void leave(void *arg)
{
    struct eddyi_stream *stream = arg;

    eddy_unref(stream->connection.task);
    stream->connection.task = NULL;
    eddyi_stream_end_loan(stream);
}

static int handle(void *arg)
{
    struct eddyi_stream *stream = arg;
    const eddy_server_options *o = &stream->connection.server->options;
    int rc = 0;

    if (o->tls)
        rc = eddyi_stream_start_tls(
            stream, &(eddy_start_tls_options){.context = o->tls,
                                              .handshake_timeout = o->tls_handshake_timeout,
                                              .shutdown_timeout = o->tls_shutdown_timeout});
    if (rc >= 0)
        rc = o->handle(&stream->reader, &stream->writer, o->arg);
    if (rc < 0)
        eddyi_connection_report(&stream->connection, rc);
    leave(stream);
    return rc == -ECANCELED ? rc : 0;
}

static int start(eddy_server *s, eddy_carrier *carrier)
{
    struct eddyi_stream *stream = eddyi_stream_new(carrier, s->options.limit);

    if (!stream) {
        carrier->ops->free(carrier);
        return -ENOMEM;
    }
    eddyi_stream_limit_time(stream, s->options.read_timeout, s->options.write_timeout);
    if (s->options.write_timeout < EDDY_FOREVER)
        stream->channel.drain_limit = DRAIN_LIMIT;
    eddyi_connection_begin(&stream->connection, s, &stream->channel);
    eddyi_stream_lend(stream);
    return eddyi_connection_create_task(&stream->connection, handle, leave, stream);
}

int eddy_start_server_with(const eddy_server_options *options)
{
    if (!options->handle || options->factory)
        return eddy_raise(-EINVAL, "start_server: it takes a handler, and no protocol factory");
    return eddyi_server_open(options, start);
}
