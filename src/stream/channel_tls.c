/*
 * Starting TLS on an existing channel: the only place where TLS begins.
 *
 * Until the handshake has ended, the channel's client is the start of TLS, which restores the
 * former client at the end.
 */
#include "base/exception.h"
#include "fiber/stack.h"
#include "stream/channel.h"
#include "stream/tls_hook.h"
#include "task/task.h"
#include "task/wait.h"

/* Restores the client of the channel. */
static struct eddyi_tls_start *give_back(struct eddyi_channel *c)
{
    struct eddyi_tls_start *s = c->tls_start;

    c->tls_start = NULL;
    c->client = s->client;
    if (c->carrier)
        c->carrier->on_readable = c->client->readable;
    return s;
}

/* Ends the start with @rc, which breaks the channel if it is an error of TLS. */
static void end(struct eddyi_channel *c, int rc)
{
    struct eddyi_tls_start *s = give_back(c);

    if (rc < 0 && s->begun)
        eddyi_channel_break(c, rc);
    if (s->done)
        s->done(s, rc);
}

/* Ends the start when the handshake has ended. If end() itself breaks the channel, this call comes
 * too late and does nothing. */
static void agreed(void *arg, int rc)
{
    if (((struct eddyi_channel *)arg)->tls_start)
        end(arg, rc);
}

/* Puts TLS on top of the carrier, and begins the handshake. */
static int wrap(struct eddyi_channel *c, struct eddyi_tls_start *s)
{
    const eddy_start_tls_options *o = &s->options;
    const struct eddyi_tls_ops *ops = ((struct eddyi_tls_context_base *)(void *)o->context)->ops;
    struct eddyi_tls_params params = {
        .server_side = s->server_side,
        .server_hostname = o->server_hostname,
        .handshake_timeout = o->handshake_timeout > 0 ? o->handshake_timeout : 60,
        .shutdown_timeout = o->shutdown_timeout > 0 ? o->shutdown_timeout : 30,
        .ahead = eddyi_buffer_bytes(&c->in),
        .n_ahead = eddyi_buffer_length(&c->in),
    };
    eddy_carrier *tls;
    int rc;

    /* A client speaks first in TLS, so these bytes would be plain text that an attacker has
     * injected in order to have it taken for protected data. */
    if (!s->server_side && params.n_ahead > 0)
        return eddy_raise(-EPROTO, "start_tls: the server sent %zu bytes ahead of TLS",
                          params.n_ahead);
    rc = ops->wrap(o->context, c->carrier, &params, &tls);
    if (rc < 0)
        return rc;
    eddyi_buffer_consume(&c->in, params.n_ahead);
    eddyi_channel_set_carrier(c, tls);
    s->begun = true;
    return ops->handshake(tls, agreed, c);
}

/* Goes on if the channel has no read with the carrier, and the write buffer is empty. */
static int go_on(struct eddyi_channel *c)
{
    if (c->state != EDDYI_OPEN)
        return eddyi_channel_raise(c);
    if (c->tls_start->begun || c->armed || eddyi_buffer_length(&c->out) > 0)
        return 0;
    return wrap(c, c->tls_start);
}

static void go_on_or_end(struct eddyi_channel *c)
{
    int rc = go_on(c);

    if (rc < 0)
        end(c, rc);
}

static void on_readable(eddy_carrier *carrier, ssize_t result)
{
    struct eddyi_channel *c = carrier->user;

    eddyi_channel_read_done(c, result);
    go_on_or_end(c);
}

static void on_flow(struct eddyi_channel *c)
{
    c->tls_start->client->flow(c);
}

static void on_lost(struct eddyi_channel *c)
{
    end(c, eddyi_channel_raise(c));
    c->client->lost(c);
}

static const struct eddyi_channel_client starting = {
    .readable = on_readable,
    .flow = on_flow,
    .flushed = go_on_or_end,
    .lost = on_lost,
};

int eddyi_channel_begin_tls(struct eddyi_channel *c, struct eddyi_tls_start *s)
{
    int rc;

    if (c->state != EDDYI_OPEN)
        return eddyi_channel_raise(c);
    if (c->tls_start)
        return eddy_raise(EDDY_EMISUSE, "start_tls: TLS is beginning already");
    s->client = c->client;
    s->begun = false;
    c->tls_start = s;
    c->client = &starting;
    c->carrier->on_readable = on_readable;
    if (c->armed)
        c->carrier->ops->cancel_readable(c->carrier);
    rc = go_on(c);
    if (rc < 0) {
        give_back(c);
        if (s->begun)
            eddyi_channel_break(c, rc);
    }
    return rc;
}

/* The wait of a task for the start of TLS. */
struct tls_wait {
    struct eddyi_tls_start start;
    struct eddyi_wait wait;
    int rc;
    const eddy_exception *exception; /* the exception of rc, owned */
};

static void done(struct eddyi_tls_start *s, int rc)
{
    struct tls_wait *w = eddyi_container(s, struct tls_wait, start);

    w->rc = rc;
    w->exception = rc < 0 ? eddy_exception_ref(eddy_error()) : NULL;
    if (!w->wait.over)
        eddyi_wait_over(&w->wait);
}

static bool tls_wait_cancel(struct eddyi_wait *w)
{
    eddyi_container(w, struct tls_wait, wait)->start.done = NULL;
    eddyi_wait_over(w);
    return true;
}

int eddyi_channel_start_tls(struct eddyi_channel *c, const eddy_start_tls_options *options,
                            bool server_side)
{
    struct tls_wait w = {.start = {.options = *options, .server_side = server_side, .done = done}};
    int rc = eddyi_wait_init(&w.wait, tls_wait_cancel);

    if (rc == 0)
        rc = eddyi_channel_begin_tls(c, &w.start);
    if (rc < 0)
        return rc;
    /* OpenSSL's frames are deep, and the task may wait for its peer for hours. */
    eddyi_stack_shrink(w.wait.task->stack, __builtin_frame_address(0));
    w.wait.what = "the TLS handshake";
    eddyi_wait_park(&w.wait);
    rc = eddyi_wait_finish(&w.wait);
    if (c->tls_start == &w.start)
        end(c, rc);
    else if (rc == 0 && w.rc < 0)
        rc = eddy_reraise(w.exception);
    eddy_exception_unref(w.exception);
    return rc;
}
