/*
 * Sending a file through a transport with a protocol.
 */
#include "loop/loop.h"
#include "protocol/opening.h"
#include "protocol/transport.h"
#include "sync/wait_queue.h"

static int wait_flushed(struct eddyi_channel *t)
{
    return eddyi_wait_queue_wait(&eddyi_protocol_transport(t)->quiet,
                                 "the peer to take what was written", NULL);
}

static int check(eddy_loop *loop, const eddy_transport *t, int64_t offset)
{
    int rc = eddyi_opening_check(loop, true, true);

    if (rc < 0)
        return rc;
    if (offset < 0)
        return eddy_raise(-EINVAL, "sendfile: a negative offset");
    if (eddyi_channel_is_closing(&t->channel))
        return eddyi_channel_raise(&t->channel);
    if (t->busy || t->ways == EDDYI_READ_ONLY)
        return eddy_raise(EDDY_EMISUSE, "sendfile: the transport cannot be written to now");
    return 0;
}

int eddy_loop_sendfile(eddy_loop *loop, eddy_transport *t, int file, int64_t offset, int64_t count,
                       int64_t *ret_sent)
{
    int64_t sent = 0;
    int rc = check(loop, t, offset);

    if (rc < 0)
        return rc;
    eddy_transport_ref(t);
    t->busy = "sendfile";
    rc = eddyi_channel_sendfile(&t->channel, wait_flushed, file, offset, count, &sent);
    t->busy = NULL;
    eddy_transport_unref(t);
    if (ret_sent)
        *ret_sent = sent;
    return rc;
}
