/*
 * Servers with a handler: each connection is a stream, and a task that runs the handler.
 */
#include "base/options.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "stream/server.h"
#include "stream/stream.h"
#include "task/coroutine.h"
#include "task/task.h"

/* The longest time that a client may take nothing while the handler waits for that, in
 * nanoseconds. */
static const int64_t DRAIN_LIMIT = 60 * INT64_C(1000000000);

/* Ends the handler's use of the stream: the task has ended, or will never run. */
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
    int rc = o->handle(&stream->reader, &stream->writer, o->arg);

    if (rc < 0)
        eddyi_connection_report(&stream->connection, rc);
    leave(stream);
    return rc == -ECANCELED ? rc : 0;
}

/* Runs the handler in a task. Without a task, leave() is called. */
static int serve(struct eddyi_connection *c, int rc)
{
    struct eddyi_stream *stream = eddyi_container(c, struct eddyi_stream, connection);
    eddy_coroutine *coro =
        rc < 0 ? NULL : eddy_coroutine_new("connection", handle, stream, "eddy_start_server");
    eddy_task *t;

    if (!coro) {
        leave(stream);
        return rc < 0 ? rc : eddy_raise(-ENOMEM, NULL);
    }
    coro->drop = leave;
    t = eddy_loop_create_task(stream->channel.loop, coro,
                              .stack_size = c->server->options.stack_size);
    if (t && eddy_task_done(t)) /* it ran eagerly, and has left already */
        eddy_unref(t);
    else if (t)
        c->task = t;
    return 0;
}

static int start(eddy_server *s, eddy_carrier *carrier)
{
    struct eddyi_stream *stream = eddyi_stream_new(carrier, s->options.limit);

    if (!stream)
        return -ENOMEM;
    stream->reader.time_limit = eddyi_time_limit(s->options.read_timeout);
    if (s->options.write_timeout < EDDY_FOREVER)
        stream->channel.drain_limit = DRAIN_LIMIT;
    stream->connection.serve = serve;
    eddyi_stream_enter(stream);
    return eddyi_connection_begin(&stream->connection, s, &stream->channel);
}

int(eddy_start_server_with)(const eddy_server_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_server_options, options, options_size, -E2BIG);
    eddy_task *t = eddyi_task_current();
    int rc = t ? eddyi_loop_check(t->future.loop) : eddyi_raise_no_task();

    if (rc == 0 && (!options->handle || options->factory))
        rc = eddy_raise(-EINVAL, "start_server: it takes a handler, and no protocol factory");
    else if (rc == 0 && options->stack_size > EDDYI_STACK_MAX)
        rc = eddy_raise(-EINVAL, "a stack of %zu bytes is above the limit of %zu",
                        options->stack_size, EDDYI_STACK_MAX);
    return rc < 0 ? rc : eddyi_server_open(t->future.loop, options, start);
}
