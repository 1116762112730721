/*
 * Files that are sent through a transport with a protocol.
 */
#include "base/sys.h"
#include "loop/loop.h"
#include "protocol/opening.h"
#include "protocol/transport.h"

static int check(const eddy_transport *t, int64_t offset)
{
    if (offset < 0)
        return eddy_raise(-EINVAL, "sendfile: a negative offset");
    if (eddyi_channel_is_closing(&t->channel))
        return eddyi_channel_raise(&t->channel);
    if (t->busy || t->channel.ways == EDDYI_READ_ONLY)
        return eddy_raise(EDDY_EMISUSE, "sendfile: the transport cannot be written to now");
    return 0;
}

static void end(eddy_transport *t, const struct eddyi_sending *s, int64_t *ret_sent)
{
    t->busy = NULL;
    if (ret_sent)
        *ret_sent = s->sent;
}

int eddy_loop_sendfile(eddy_loop *loop, eddy_transport *t, int file, int64_t offset, int64_t count,
                       int64_t *ret_sent)
{
    struct eddyi_file_sending s = {.base = {.file = file, .offset = offset, .count = count}};
    int rc = eddyi_opening_check(loop, true, true);

    if (rc == 0)
        rc = check(t, offset);
    if (rc < 0)
        return rc;
    eddy_transport_ref(t);
    t->busy = "sendfile";
    rc = eddyi_channel_sendfile(&t->channel, &s);
    end(t, &s.base, ret_sent);
    eddy_transport_unref(t);
    return rc;
}

/* A file that is sent without a task. */
struct sending {
    struct eddyi_file_sending file;
    eddy_transport *transport; /* a reference */
    int64_t *ret_sent;
};

static void sent(struct eddyi_file_sending *file)
{
    struct sending *s = eddyi_container(file, struct sending, file);
    eddy_transport *t = s->transport;

    end(t, &file->base, s->ret_sent);
    eddyi_protocol_tell_done(t, (int)file->base.result);
    eddyi_free(s);
    eddy_transport_unref(t);
}

int eddy_transport_sendfile(eddy_transport *t, int file, int64_t offset, int64_t count,
                            int64_t *ret_sent, eddy_transport_done_fn *done, void *arg)
{
    struct sending *s;
    int rc = check(t, offset);

    if (rc < 0)
        return rc;
    s = eddyi_alloc(sizeof *s);
    if (!s)
        return eddy_raise(-ENOMEM, NULL);
    *s = (struct sending){{.base = {.file = file, .offset = offset, .count = count}, .done = sent},
                          eddy_transport_ref(t),
                          ret_sent};
    t->done = done;
    t->done_arg = arg;
    t->busy = "sendfile";
    eddyi_channel_begin_sendfile(&t->channel, &s->file);
    return 0;
}
