/*
 * Servers with a protocol factory. Only a TLS handshake needs a task.
 */
#include "stream/server.h"

#include "loop/loop.h"
#include "protocol/opening.h"
#include "protocol/transport.h"

/* Makes the protocol and queues its first callbacks. 0, or as a raised error what the factory
 * said. */
static int open_protocol(eddy_transport *t)
{
    const eddy_server_options *o = &t->connection.server->options;
    int rc = eddyi_protocol_make(t, o->factory, o->arg);

    if (rc == 0)
        eddyi_protocol_begin(t);
    return rc;
}

static void end(eddy_transport *t, int rc)
{
    if (rc < 0) {
        eddyi_connection_report(&t->connection, rc);
        eddyi_channel_abort(&t->channel);
    }
}

/* Runs as a callback of the loop, since the factory is the user's. */
static void opening(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, opening);
    struct eddyi_var_scope *outside;

    if (eddyi_channel_is_closing(&t->channel))
        return;
    outside = eddyi_protocol_enter(t);
    end(t, open_protocol(t));
    eddyi_protocol_leave(t, outside);
}

/* The task has ended, or will never run. */
static void leave(void *arg)
{
    eddy_transport *t = arg;

    eddy_unref(t->connection.task);
    t->connection.task = NULL;
    if (!t->protocol)
        eddyi_channel_abort(&t->channel);
    t->in_task = false;
    if (t->channel.state == EDDYI_LOST)
        eddyi_loop_ready(t->channel.loop, &t->lost);
}

static int shake_hands(void *arg)
{
    eddy_transport *t = arg;
    const eddy_server_options *o = &t->connection.server->options;
    int rc = eddyi_channel_start_tls(
        &t->channel,
        &(eddy_start_tls_options){.context = o->tls,
                                  .handshake_timeout = o->tls_handshake_timeout,
                                  .shutdown_timeout = o->tls_shutdown_timeout},
        true);

    t->tls = true;
    if (rc >= 0)
        rc = open_protocol(t);
    end(t, rc);
    leave(t);
    return rc == -ECANCELED ? rc : 0;
}

static int start(eddy_server *s, eddy_carrier *carrier)
{
    eddy_context *context = eddyi_connection_context(s);
    eddy_transport *t = context ? eddyi_protocol_transport_new(carrier, EDDYI_BOTH_WAYS) : NULL;

    if (!t) {
        eddy_context_unref(context);
        carrier->ops->free(carrier);
        return eddy_raise(-ENOMEM, NULL);
    }
    eddyi_vars_fini(&t->vars);
    eddyi_vars_init(&t->vars, context);
    eddy_context_unref(context);
    eddyi_connection_begin(&t->connection, s, &t->channel);
    t->read_limit = eddyi_time_limit(s->options.read_timeout);
    t->channel.write_limit = eddyi_time_limit(s->options.write_timeout);
    if (s->options.tls) {
        t->in_task = true;
        return eddyi_connection_create_task(&t->connection, shake_hands, leave, t);
    }
    eddyi_ready_init(&t->opening, opening);
    eddyi_loop_ready(s->loop, &t->opening);
    return 0;
}

int eddy_loop_create_server_with(eddy_loop *loop, const eddy_server_options *options)
{
    int rc = eddyi_opening_check(loop, options->factory != NULL);

    if (rc == 0 && options->handle)
        rc = eddy_raise(-EINVAL, "create_server: it takes a protocol factory, and no handler");
    return rc < 0 ? rc : eddyi_server_open(options, start);
}
