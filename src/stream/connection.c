/*
 * One connection of a server: what its two kinds, a stream with a handler and a protocol, have in
 * common.
 */
#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "stream/server.h"
#include "task/coroutine.h"
#include "task/task.h"

struct eddyi_connection *eddyi_connection_new(eddy_server *s, struct eddyi_transport *t)
{
    struct eddyi_connection *c = eddyi_zalloc(sizeof *c);

    if (!c)
        return NULL;
    c->server = s;
    c->transport = t;
    eddyi_list_append(&s->connections, &c->link);
    s->n_connections++;
    s->refs++;
    return c;
}

void eddyi_connection_gone(struct eddyi_connection *c)
{
    eddy_server *s = c->server;

    eddyi_list_remove(&c->link);
    s->n_connections--;
    eddyi_free(c);
    if (s->state == EDDYI_SERVING)
        eddyi_server_accept(s);
    eddyi_server_wake(s);
    eddyi_server_unref(s);
}

/* A copy of the server's context. */
static int copy_current(void *arg)
{
    *(eddy_context **)arg = eddy_copy_context();
    return 0;
}

eddy_context *eddyi_connection_context(eddy_server *s)
{
    eddy_context *context = NULL;

    eddy_context_run(s->context, copy_current, &context);
    return context;
}

int eddyi_connection_create_task(struct eddyi_connection *c, int (*run)(void *arg),
                                 void (*leave)(void *arg))
{
    eddy_coroutine *coro = eddy_coroutine_new("connection", run, c, "eddy_start_server");
    eddy_context *context;
    eddy_task *t;

    if (!coro) {
        leave(c);
        return -ENOMEM;
    }
    coro->drop = leave;
    context = eddyi_connection_context(c->server);
    if (!context) {
        eddy_coroutine_close(coro);
        return eddy_raise(-ENOMEM, NULL);
    }
    t = eddy_loop_create_task_with(c->server->loop,
                                   &(eddy_task_options){.coro = coro, .context = context});
    eddy_context_unref(context);
    if (t && eddy_task_done(t)) /* it ran eagerly, and has left already */
        eddy_unref(t);
    else
        c->task = t;
    return 0;
}

/*
 * That the peer went away, or was too slow, is nothing that a server's owner has to hear of (rule
 * 158).
 */
void eddyi_connection_report(struct eddyi_connection *c, int rc)
{
    bool its_own = rc == c->transport->error || (rc == -ETIMEDOUT && c->transport->out_of_time);

    if (rc == -ECANCELED || (its_own && !c->server->loop->debug))
        return;
    eddy_loop_call_exception_handler(
        c->server->loop,
        &(eddy_exception_context){.message = "Unhandled error in the handler of a connection",
                                  .exception = eddy_error(),
                                  .task = c->task});
}

int eddyi_connection_start(eddy_server *s, int fd)
{
    eddy_carrier *carrier;
    int rc = eddyi_accepted_carrier_new(s->loop, fd, &carrier);

    if (rc < 0) {
        eddyi_sys_close(fd);
        return rc;
    }
    return s->options.factory ? eddyi_connection_start_protocol(s, carrier)
                              : eddyi_connection_start_handler(s, carrier);
}

void eddyi_connection_cut(struct eddyi_connection *c)
{
    eddyi_transport_abort(c->transport);
    if (c->task)
        eddy_task_cancel(c->task, "the server shuts down");
}
