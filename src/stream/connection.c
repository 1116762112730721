/*
 * The connections of a server.
 */
#include "base/sys.h"
#include "loop/loop.h"
#include "stream/server.h"
#include "stream/stream.h"
#include "sync/wait_queue.h"

/* Goes on after the handshake. A connection that was closed meanwhile needs no report. */
static void shaken(void *arg, int rc)
{
    struct eddyi_connection *c = arg;
    struct eddyi_var_scope *outside = eddyi_vars_current;
    eddy_loop *loop = c->channel->loop;

    if (rc < 0 && rc == c->channel->error)
        eddyi_connection_report(c, rc);
    eddyi_vars_current = &c->server->vars;
    if (c->serve(c, rc) < 0 && rc == 0)
        eddy_loop_call_exception_handler(
            loop, &(eddy_exception_context){.message = "a connection cannot be served",
                                            .exception = eddy_error()});
    eddyi_vars_current = outside;
}

static int begin_tls(struct eddyi_connection *c)
{
    const eddy_server_options *o = &c->server->options;
    eddy_start_tls_options tls = {.context = o->tls,
                                  .handshake_timeout = o->tls_handshake_timeout,
                                  .shutdown_timeout = o->tls_shutdown_timeout};
    int rc = eddyi_channel_begin_tls(c->channel, &tls, shaken, c);

    if (rc < 0) {
        eddyi_connection_report(c, rc);
        eddyi_channel_abort(c->channel);
        c->serve(c, rc);
    }
    return 0;
}

int eddyi_connection_begin(struct eddyi_connection *c, eddy_server *s, struct eddyi_channel *t)
{
    c->server = s;
    c->channel = t;
    t->accepted = true;
    t->write_limit = eddyi_time_limit(s->options.write_timeout);
    eddyi_list_append(&s->connections, &c->link);
    s->n_connections++;
    s->refs++;
    return s->options.tls ? begin_tls(c) : c->serve(c, 0);
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
    eddyi_wait_queue_wake_all(&s->waiters);
    eddyi_server_unref(s);
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

/* Waiting between two requests; the wait ends when the server closes. */

int eddy_connection_next_request(eddy_reader *r)
{
    struct eddyi_stream *stream = eddyi_stream_of_reader(r);
    struct eddyi_connection *c = &stream->connection;
    const eddy_server *s = c->server;
    int rc = eddyi_reader_begin(r);

    if (rc < 0)
        return rc;
    c->between_requests = r;
    while (rc == 0 && eddyi_reader_held(r) == 0 && !stream->channel.eof &&
           !(s && s->state == EDDYI_CLOSED))
        rc = eddyi_reader_more(r);
    c->between_requests = NULL;
    return rc < 0 ? rc : eddyi_reader_held(r) > 0;
}
