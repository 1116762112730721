/*
 * Speaking TLS on a transport that is there already.
 */
#include "stream/tls_hook.h"
#include "stream/transport.h"

int eddyi_transport_start_tls(struct eddyi_transport *t, const eddy_start_tls_options *options,
                              bool server_side, const void *ahead, size_t n_ahead)
{
    const struct eddyi_tls_ops *ops =
        ((struct eddyi_tls_context_base *)(void *)options->context)->ops;
    struct eddyi_tls_params params = {
        .server_side = server_side,
        .server_hostname = options->server_hostname,
        .handshake_timeout = options->handshake_timeout > 0 ? options->handshake_timeout : 60,
        .shutdown_timeout = options->shutdown_timeout > 0 ? options->shutdown_timeout : 30,
        .ahead = ahead,
        .n_ahead = n_ahead,
    };
    eddy_carrier *tls;
    int rc;

    if (t->state != EDDYI_OPEN)
        return eddyi_transport_raise(t);
    /* A client speaks first in TLS, so this would be plain text that somebody put there to be taken
     * as protected. */
    if (!server_side && n_ahead > 0)
        return eddy_raise(-EPROTO, "start_tls: the server sent %zu bytes ahead of TLS", n_ahead);
    rc = ops->wrap(options->context, t->carrier, &params, &tls);
    if (rc < 0)
        return rc;
    eddyi_transport_set_carrier(t, tls);
    rc = ops->handshake(tls);
    if (rc < 0)
        eddyi_transport_break(t, rc);
    return rc;
}
