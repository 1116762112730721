/*
 * Servers with a protocol factory. No connection needs a task.
 */
#include "stream/server.h"

#include "base/options.h"
#include "loop/loop.h"
#include "protocol/transport.h"

/* Makes the protocol and queues its first callbacks; runs as a callback of the loop, since the
 * factory is user code. */
static void opening(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, opening);
    const eddy_server_options *o = &t->connection.server->options;
    struct eddyi_var_scope *outside;
    int rc;

    if (eddyi_channel_is_closing(&t->channel))
        return;
    outside = eddyi_face_enter(&t->face);
    rc = eddyi_protocol_make(t, o->factory, o->arg);
    if (rc == 0) {
        eddyi_protocol_begin(t);
    } else {
        eddyi_connection_report(&t->connection, rc);
        eddyi_channel_abort(&t->channel);
    }
    eddyi_face_leave(&t->face, outside);
}

static int serve(struct eddyi_connection *c, int rc)
{
    eddy_transport *t = eddyi_container(c, eddy_transport, connection);

    if (rc == 0)
        eddyi_loop_ready(t->channel.loop, &t->opening);
    return rc;
}

static int start(eddy_server *s, eddy_carrier *carrier)
{
    eddy_transport *t = eddyi_protocol_transport_new(carrier);

    if (!t)
        return -ENOMEM;
    t->read_limit = eddyi_time_limit(s->options.read_timeout);
    t->connection.serve = serve;
    eddyi_ready_init(&t->opening, opening);
    return eddyi_connection_begin(&t->connection, s, &t->channel);
}

int(eddy_loop_create_server_with)(eddy_loop *loop, const eddy_server_options *options,
                                  size_t options_size)
{
    EDDYI_OPTIONS(eddy_server_options, options, options_size, -E2BIG);
    bool looks_up = !options->sock && !options->path;
    int rc = eddyi_face_check(loop, options->factory != NULL, looks_up);

    if (rc == 0 && options->handle)
        rc = eddy_raise(-EINVAL, "create_server: it takes a protocol factory, and no handler");
    return rc < 0 ? rc : eddyi_server_open(loop, options, start);
}
