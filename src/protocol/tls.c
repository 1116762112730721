/*
 * Starting TLS on an existing transport.
 */
#include "base/options.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "protocol/opening.h"
#include "protocol/transport.h"

static int check(const eddy_transport *t, const eddy_start_tls_options *options)
{
    if (!options->context)
        return eddy_raise(-EINVAL, "start_tls: no context");
    if (t->tls || t->busy || t->channel.ways != EDDYI_BOTH_WAYS)
        return eddy_raise(EDDY_EMISUSE, "start_tls: the transport speaks TLS already, or cannot");
    return 0;
}

static bool is_server_side(const eddy_transport *t, const eddy_start_tls_options *options)
{
    return options->server_side || t->connection.server;
}

static void begin(eddy_transport *t)
{
    eddyi_timer_stop(t->channel.loop, &t->silence);
    t->busy = "start_tls";
}

static void end(eddy_transport *t, int rc)
{
    t->busy = NULL;
    t->tls |= rc == 0;
    if (t->protocol && !eddyi_channel_is_closing(&t->channel))
        eddyi_protocol_want_input(t);
}

static void started(void *arg, int rc)
{
    eddy_transport *t = arg;

    end(t, rc);
    eddyi_protocol_tell_done(t, rc);
}

int(eddy_transport_start_tls)(eddy_transport *t, const eddy_start_tls_options *options,
                              eddy_transport_done_fn *done, void *arg, size_t options_size)
{
    EDDYI_OPTIONS(eddy_start_tls_options, options, options_size, -E2BIG);
    int rc = check(t, options);

    if (rc < 0)
        return rc;
    t->done = done;
    t->done_arg = arg;
    begin(t);
    rc = eddyi_channel_begin_tls(&t->channel, options, is_server_side(t, options), started, t);
    if (rc < 0)
        end(t, rc);
    return rc;
}

int(eddy_loop_start_tls_with)(eddy_loop *loop, eddy_transport *t,
                              const eddy_start_tls_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_start_tls_options, options, options_size, -E2BIG);
    int rc = eddyi_opening_check(loop, true, true);

    if (rc == 0)
        rc = check(t, options);
    if (rc < 0)
        return rc;
    eddy_transport_ref(t);
    begin(t);
    rc = eddyi_channel_start_tls(&t->channel, options, is_server_side(t, options));
    end(t, rc);
    eddy_transport_unref(t);
    return rc;
}
