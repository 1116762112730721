/*
 * A transport that is there already begins to speak TLS.
 */
#include "loop/loop.h"
#include "protocol/opening.h"
#include "protocol/transport.h"
#include "sync/wait_queue.h"

/* Until the carrier has no read of ours, and all that was written is out. */
static int wait_quiet(eddy_transport *t)
{
    int rc = 0;

    if (t->channel.armed)
        t->channel.carrier->ops->cancel_readable(t->channel.carrier);
    while (rc == 0 && t->channel.state == EDDYI_OPEN &&
           (t->channel.armed || eddyi_buffer_length(&t->channel.out) > 0))
        rc = eddyi_wait_queue_wait(&t->quiet, "a transport to be free for TLS", NULL);
    return rc;
}

static int start_tls(eddy_transport *t, const eddy_start_tls_options *options)
{
    int rc = wait_quiet(t);

    if (rc == 0)
        rc = eddyi_channel_start_tls(&t->channel, options,
                                     options->server_side || t->connection.server);
    t->tls |= rc == 0;
    return rc;
}

int eddy_loop_start_tls_with(eddy_loop *loop, eddy_transport *t,
                             const eddy_start_tls_options *options)
{
    int rc = eddyi_opening_check(loop, true);

    if (rc < 0)
        return rc;
    if (!options->context)
        return eddy_raise(-EINVAL, "start_tls: no context");
    if (t->tls || t->busy || t->ways != EDDYI_BOTH_WAYS)
        return eddy_raise(EDDY_EMISUSE, "start_tls: the transport speaks TLS already, or cannot");
    eddy_transport_ref(t);
    t->starting_tls = true;
    t->busy = "start_tls";
    rc = start_tls(t, options);
    t->starting_tls = false;
    t->busy = NULL;
    if (!eddyi_channel_is_closing(&t->channel))
        eddyi_protocol_want_input(t);
    eddy_transport_unref(t);
    return rc;
}
