/*
 * A connection of a server that has a protocol. Only a TLS handshake needs a task.
 */
#include "loop/loop.h"
#include "stream/protocol.h"
#include "stream/server.h"

static eddy_transport *transport_of(struct eddyi_connection *c)
{
    return eddyi_protocol_transport(c->transport);
}

/* The protocol, and its first callbacks; without one the connection ends. */
static int open_protocol(struct eddyi_connection *c)
{
    const eddy_server_options *o = &c->server->options;
    eddy_transport *t = transport_of(c);
    int rc = eddyi_protocol_make(t, o->factory, o->arg);

    if (rc == 0)
        eddyi_protocol_begin(t);
    return rc;
}

static void end(struct eddyi_connection *c, int rc)
{
    if (rc < 0) {
        eddyi_connection_report(c, rc);
        eddyi_transport_abort(c->transport);
    }
}

/* As a callback of the loop: the factory is the user's (rule 149). */
static void opening(struct eddyi_ready *r)
{
    struct eddyi_connection *c = eddyi_container(r, struct eddyi_connection, opening);
    eddy_transport *t = transport_of(c);
    struct eddyi_var_scope *outside;

    if (eddyi_transport_is_closing(c->transport))
        return;
    outside = eddyi_protocol_enter(t);
    end(c, open_protocol(c));
    eddyi_protocol_leave(t, outside);
}

/* The task has ended, or will never run. */
static void leave(void *arg)
{
    struct eddyi_connection *c = arg;
    eddy_transport *t = transport_of(c);

    eddy_unref(c->task);
    c->task = NULL;
    if (!t->protocol)
        eddyi_transport_abort(c->transport);
    c->in_task = false;
    if (t->base.state == EDDYI_LOST)
        eddyi_loop_ready(t->base.loop, &t->lost);
}

static int shake_hands(void *arg)
{
    struct eddyi_connection *c = arg;
    const eddy_server_options *o = &c->server->options;
    eddy_transport *t = transport_of(c);
    int rc = eddyi_transport_start_tls(
        c->transport,
        &(eddy_start_tls_options){.context = o->tls,
                                  .handshake_timeout = o->tls_handshake_timeout,
                                  .shutdown_timeout = o->tls_shutdown_timeout},
        true, NULL, 0);

    t->tls = true;
    if (rc >= 0)
        rc = open_protocol(c);
    end(c, rc);
    leave(c);
    return rc == -ECANCELED ? rc : 0;
}

int eddyi_connection_start_protocol(eddy_server *s, eddy_carrier *carrier)
{
    eddy_transport *t = eddyi_protocol_transport_new(carrier, EDDYI_BOTH_WAYS);
    struct eddyi_connection *c;
    eddy_context *context;

    if (!t) {
        carrier->ops->free(carrier);
        return -ENOMEM;
    }
    context = eddyi_connection_context(s);
    c = context ? eddyi_connection_new(s, &t->base) : NULL;
    if (context) {
        eddyi_vars_fini(&t->vars);
        eddyi_vars_init(&t->vars, context);
        eddy_context_unref(context);
    }
    if (!c) {
        eddyi_transport_abort(&t->base);
        return eddy_raise(-ENOMEM, NULL);
    }
    t->connection = c;
    t->read_limit = eddyi_time_limit(s->options.read_timeout);
    t->base.write_limit = eddyi_time_limit(s->options.write_timeout);
    if (s->options.tls)
        return eddyi_connection_create_task(c, shake_hands, leave);
    eddyi_ready_init(&c->opening, opening);
    eddyi_loop_ready(s->loop, &c->opening);
    return 0;
}
