/*
 * Speaking TLS on a channel that is there already.
 */
#include "stream/channel.h"
#include "stream/tls_hook.h"

int eddyi_channel_start_tls(struct eddyi_channel *c, const eddy_start_tls_options *options,
                            bool server_side)
{
    const struct eddyi_tls_ops *ops =
        ((struct eddyi_tls_context_base *)(void *)options->context)->ops;
    struct eddyi_tls_params params = {
        .server_side = server_side,
        .server_hostname = options->server_hostname,
        .handshake_timeout = options->handshake_timeout > 0 ? options->handshake_timeout : 60,
        .shutdown_timeout = options->shutdown_timeout > 0 ? options->shutdown_timeout : 30,
        .ahead = eddyi_buffer_bytes(&c->in),
        .n_ahead = eddyi_buffer_length(&c->in),
    };
    eddy_carrier *tls;
    int rc;

    if (c->state != EDDYI_OPEN)
        return eddyi_channel_raise(c);
    /* A client speaks first in TLS, so this would be plain text that somebody put there to be taken
     * as protected. */
    if (!server_side && params.n_ahead > 0)
        return eddy_raise(-EPROTO, "start_tls: the server sent %zu bytes ahead of TLS",
                          params.n_ahead);
    rc = ops->wrap(options->context, c->carrier, &params, &tls);
    if (rc < 0)
        return rc;
    eddyi_buffer_consume(&c->in, params.n_ahead);
    eddyi_channel_set_carrier(c, tls);
    rc = ops->handshake(tls);
    if (rc < 0)
        eddyi_channel_break(c, rc);
    return rc;
}
