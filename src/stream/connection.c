#include "stream/connection.h"

#include "base/sys.h"
#include "loop/loop.h"
#include "stream/server.h"

void eddyi_connection_begin(struct eddyi_connection *c, eddy_server *s, struct eddyi_channel *t)
{
    c->server = s;
    c->channel = t;
    eddyi_list_append(&s->connections, &c->link);
    s->n_connections++;
    s->refs++;
}

void eddyi_connection_gone(struct eddyi_connection *c)
{
    eddy_server *s = c->server;

    if (!s)
        return;
    c->server = NULL;
    eddyi_list_remove(&c->link);
    s->n_connections--;
    if (s->state == EDDYI_SERVING)
        eddyi_server_accept(s);
    eddyi_server_wake(s);
    eddyi_server_unref(s);
}

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

void eddyi_connection_report(struct eddyi_connection *c, int rc)
{
    bool its_own = rc == c->channel->error || (rc == -ETIMEDOUT && c->channel->out_of_time);

    if (rc == -ECANCELED || (its_own && !c->server->loop->debug))
        return;
    eddy_loop_call_exception_handler(
        c->server->loop,
        &(eddy_exception_context){.message = "Unhandled error in the handler of a connection",
                                  .exception = eddy_error(),
                                  .task = c->task});
}
