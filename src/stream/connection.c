/*
 * One connection of a server: the task that handles it, and its end.
 */
#include "base/sys.h"
#include "loop/loop.h"
#include "stream/fd_carrier.h"
#include "stream/server.h"
#include "task/coroutine.h"
#include "task/task.h"

/* The stream is gone, and so is the task. */
static void on_gone(struct eddyi_stream *stream)
{
    struct eddyi_connection *c = stream->owner;
    eddy_server *s = c->server;

    eddyi_list_remove(&c->link);
    s->n_connections--;
    eddyi_free(c);
    if (s->state == EDDYI_SERVING)
        eddyi_server_accept(s);
    eddyi_server_wake(s);
    eddyi_server_unref(s);
}

/* Its task has ended, or will never run. */
static void leave(void *arg)
{
    struct eddyi_connection *c = arg;

    eddy_unref(c->task);
    c->task = NULL;
    eddyi_stream_give_back(c->stream);
}

/* That the peer went away is nothing that a server's owner has to hear of (rule 158). */
static void report(struct eddyi_connection *c, int rc)
{
    bool its_own = rc == c->stream->transport.error;

    if (rc == -ECANCELED || (its_own && !c->server->loop->debug))
        return;
    eddy_loop_call_exception_handler(
        c->server->loop,
        &(eddy_exception_context){.message = "Unhandled error in the handler of a connection",
                                  .exception = eddy_error(),
                                  .task = c->task});
}

static int handle(void *arg)
{
    struct eddyi_connection *c = arg;
    const eddy_server_options *o = &c->server->options;
    int rc = 0;

    if (o->tls)
        rc = eddyi_stream_start_tls(c->stream,
                                    &(eddy_start_tls_options){.context = o->tls,
                                                              .handshake_timeout = o->tls_handshake_timeout,
                                                              .shutdown_timeout = o->tls_shutdown_timeout});
    if (rc >= 0)
        rc = o->handle(&c->stream->reader, &c->stream->writer, o->arg);
    if (rc < 0)
        report(c, rc);
    leave(c);
    return rc == -ECANCELED ? rc : 0;
}

static struct eddyi_stream *stream_of(eddy_loop *loop, int fd, size_t limit)
{
    struct eddyi_stream *stream;
    eddy_carrier *carrier;

    if (eddyi_accepted_carrier_new(loop, fd, &carrier) < 0) {
        eddyi_sys_close(fd);
        return NULL;
    }
    stream = eddyi_stream_new(carrier, limit);
    if (!stream)
        carrier->ops->free(carrier);
    return stream;
}

/* A copy of the server's context. */
static int copy_current(void *arg)
{
    *(eddy_context **)arg = eddy_copy_context();
    return 0;
}

static int start_task(struct eddyi_connection *c)
{
    eddy_coroutine *coro = eddy_coroutine_new("connection", handle, c, "eddy_start_server");
    eddy_context *context = NULL;

    if (!coro) {
        eddyi_stream_give_back(c->stream);
        return -ENOMEM;
    }
    coro->drop = leave;
    eddy_context_run(c->server->context, copy_current, &context);
    if (!context) {
        eddy_coroutine_close(coro);
        return eddy_raise(-ENOMEM, NULL);
    }
    c->task =
        eddy_loop_create_task_with(c->server->loop, &(eddy_task_options){.coro = coro, .context = context});
    eddy_context_unref(context);
    return 0;
}

int eddyi_connection_start(eddy_server *s, int fd)
{
    struct eddyi_stream *stream = stream_of(s->loop, fd, s->options.limit);
    struct eddyi_connection *c = stream ? eddyi_zalloc(sizeof *c) : NULL;

    if (!c) {
        if (stream)
            eddyi_stream_give_back(stream);
        return eddy_raise(-ENOMEM, NULL);
    }
    *c = (struct eddyi_connection){.server = s, .stream = stream};
    stream->accepted = true;
    stream->owner = c;
    stream->on_gone = on_gone;
    eddyi_list_append(&s->connections, &c->link);
    s->n_connections++;
    s->refs++;
    return start_task(c);
}

void eddyi_connection_cut(struct eddyi_connection *c)
{
    eddyi_transport_abort(&c->stream->transport);
    if (c->task)
        eddy_task_cancel(c->task, "the server shuts down");
}
