/*
 * Starting TLS on an existing channel: the only place where TLS begins.
 *
 * Until the handshake has ended, the channel's client is the start of TLS, which restores the
 * former client at the end.
 */
#include "base/sys.h"
#include "fiber/stack.h"
#include "stream/channel.h"
#include "stream/tls_hook.h"
#include "task/outcome.h"

struct eddyi_tls_start {
    eddy_start_tls_options options; /* the objects that it points to are borrowed */
    eddyi_tls_done_fn *done;
    void *arg;
    const struct eddyi_channel_client *client; /* the channel's client, to be restored at the end */
    bool begun;                                /* the TLS carrier is in place */
};

/* Restores the client of the channel, since the start has ended with @rc, which breaks the channel
 * if it is an error of TLS. The caller owns the result. */
static struct eddyi_tls_start *give_back(struct eddyi_channel *c, int rc)
{
    struct eddyi_tls_start *s = c->tls_start;

    c->tls_start = NULL;
    c->client = s->client;
    if (c->carrier)
        c->carrier->on_readable = c->client->readable;
    if (rc < 0 && s->begun)
        eddyi_channel_break(c, rc);
    return s;
}

/* Tells the result @rc. The channel may be freed by that call. */
static void tell(struct eddyi_tls_start *s, int rc)
{
    s->done(s->arg, rc);
    eddyi_free(s);
}

static void end(struct eddyi_channel *c, int rc)
{
    tell(give_back(c, rc), rc);
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
    const struct eddyi_tls_ops *ops = eddyi_tls_ops_of(o->context);
    eddy_tls_carrier_options options = {.server_hostname = o->server_hostname,
                                        .handshake_timeout = o->handshake_timeout,
                                        .shutdown_timeout = o->shutdown_timeout,
                                        .ahead = eddyi_buffer_bytes(&c->in),
                                        .n_ahead = eddyi_buffer_length(&c->in)};
    eddy_carrier *tls;
    int rc;

    /* A client speaks first in TLS, so these bytes would be plain text that an attacker has
     * injected in order to have it taken for protected data. */
    if (!o->server_side && options.n_ahead > 0)
        return eddy_raise(-EPROTO, "start_tls: the server sent %zu bytes ahead of TLS",
                          options.n_ahead);
    rc = ops->wrap(o->context, o->server_side, c->carrier, &options, &tls);
    if (rc < 0)
        return rc;
    eddyi_buffer_consume(&c->in, options.n_ahead);
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
    int rc = eddyi_channel_raise(c);
    struct eddyi_tls_start *s = give_back(c, rc);

    c->client->lost(c);
    tell(s, rc);
}

static const struct eddyi_channel_client starting = {
    .readable = on_readable,
    .flow = on_flow,
    .flushed = go_on_or_end,
    .lost = on_lost,
};

int eddyi_channel_begin_tls(struct eddyi_channel *c, const eddy_start_tls_options *options,
                            eddyi_tls_done_fn *done, void *arg)
{
    struct eddyi_tls_start *s;
    int rc;

    eddyi_channel_send_gathered(c);
    if (c->state != EDDYI_OPEN)
        return eddyi_channel_raise(c);
    if (c->tls_start || c->ways != EDDYI_BOTH_WAYS)
        return eddy_raise(EDDY_EMISUSE, "start_tls: TLS is beginning already, or cannot");
    s = eddyi_alloc(sizeof *s);
    if (!s)
        return eddy_raise(-ENOMEM, NULL);
    *s = (struct eddyi_tls_start){
        .options = *options, .done = done, .arg = arg, .client = c->client};
    s->options.server_side |= c->accepted;
    c->tls_start = s;
    c->client = &starting;
    c->carrier->on_readable = on_readable;
    if (c->armed)
        c->carrier->ops->cancel_readable(c->carrier);
    rc = go_on(c);
    if (rc < 0)
        eddyi_free(give_back(c, rc));
    return rc;
}

int eddyi_channel_start_tls(struct eddyi_channel *c, const eddy_start_tls_options *options)
{
    struct eddyi_outcome o;
    int rc = eddyi_outcome_init(&o, eddyi_outcome_cancel, "the TLS handshake");

    if (rc == 0)
        rc = eddyi_channel_begin_tls(c, options, eddyi_outcome_done, &o);
    if (rc < 0)
        return rc;
    /* OpenSSL's frames are deep, and the task may wait for its peer for hours. */
    eddyi_stack_shrink(o.wait.task->stack, __builtin_frame_address(0));
    rc = (int)eddyi_outcome_wait(&o);
    if (c->tls_start && c->tls_start->arg == &o)
        end(c, rc);
    return rc;
}
