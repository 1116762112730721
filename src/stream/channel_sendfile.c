/*
 * Sending a file through a channel.
 */
#include "base/sys.h"
#include "stream/channel.h"

static struct eddyi_file_sending *of(struct eddyi_sending *s)
{
    return eddyi_container(s, struct eddyi_file_sending, base);
}

/*
 * Converts the result of sendfile(2). An error can be the file's or the socket's; only the latter
 * ends the channel. -ECANCELED without a cancellation: the channel was aborted, and its carrier
 * with it.
 */
static int64_t result_of(const struct eddyi_sending *s, struct eddyi_channel *c, int64_t rc)
{
    if (rc == -ECANCELED)
        return s->cancelled ? rc : eddyi_channel_raise(c);
    if (rc >= 0 || rc == -EAGAIN || eddyi_sendfile_refused(rc))
        return rc;
    if (rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT || rc == -EHOSTUNREACH)
        eddyi_channel_break(c, (int)rc);
    return eddy_raise((int)rc, "sendfile");
}

static bool is_free(const struct eddyi_channel *c)
{
    return !c->waiting && eddyi_buffer_length(&c->out) == 0;
}

static int64_t channel_wait(struct eddyi_sending *s, bool full)
{
    struct eddyi_channel *c = of(s)->channel;

    if (full && c->state == EDDYI_OPEN)
        eddyi_channel_wait_writable(c);
    if (c->state != EDDYI_OPEN)
        return eddyi_channel_raise(c);
    of(s)->waiting = !is_free(c);
    return of(s)->waiting ? EDDYI_PENDING : 0;
}

void eddyi_channel_go_on_sending(struct eddyi_channel *c)
{
    struct eddyi_file_sending *s = c->sending;

    if (!s->waiting || (c->state <= EDDYI_CLOSING && !is_free(c)))
        return;
    s->waiting = false;
    eddyi_sending_step(&s->base, c->state == EDDYI_OPEN ? 0 : eddyi_channel_raise(c));
}

static int64_t channel_write(struct eddyi_sending *s, const char *bytes, size_t size)
{
    int rc =
        eddyi_channel_write(of(s)->channel, &(struct iovec){(void *)(uintptr_t)bytes, size}, 1);

    return rc < 0 ? rc : (int64_t)size;
}

static int64_t channel_send(struct eddyi_sending *s, int64_t offset, size_t size)
{
    struct eddyi_channel *c = of(s)->channel;
    int rc;

    if (!c->carrier->ops->send_file)
        return -EOPNOTSUPP;
    if (c->eof_asked)
        return eddy_raise(EDDY_EMISUSE, "sendfile after write_eof");
    rc = c->loop->closed ? -ECANCELED
                         : c->carrier->ops->send_file(c->carrier, s->file, offset, size);
    c->file_out = rc == 0;
    /* -EAGAIN means that there was no thread for the call, not that the socket has no room. */
    return rc == 0 ? EDDYI_PENDING : rc == -EAGAIN ? -ENOSYS : result_of(s, c, rc);
}

void eddyi_channel_file_sent(eddy_carrier *carrier, ssize_t result)
{
    struct eddyi_channel *c = carrier->user;

    c->file_out = false;
    if (c->sending)
        eddyi_sending_step(&c->sending->base, result_of(&c->sending->base, c, result));
    if (c->state <= EDDYI_CLOSING && eddyi_buffer_length(&c->out) > 0)
        eddyi_channel_wait_writable(c);
}

static void channel_cancel(struct eddyi_sending *s)
{
    struct eddyi_channel *c = of(s)->channel;

    if (c->file_out) {
        c->carrier->ops->cancel_file(c->carrier);
    } else if (of(s)->waiting) {
        of(s)->waiting = false;
        eddyi_sending_step(s, -ECANCELED);
    }
}

static const struct eddyi_sending_to to_channel = {channel_wait, channel_write, channel_send,
                                                   channel_cancel};

static void take(struct eddyi_channel *c, struct eddyi_file_sending *s)
{
    s->base.to = &to_channel;
    s->base.loop = c->loop;
    s->channel = c;
    eddyi_channel_send_gathered(c);
    c->sending = s;
    eddyi_channel_drain_begin(c);
}

static void give_back(struct eddyi_channel *c)
{
    const struct eddyi_sending *s = &c->sending->base;

    if (s->sent > 0)
        eddyi_sys_seek(s->file, s->offset + s->sent);
    eddyi_channel_drain_end(c);
    c->sending = NULL;
}

static void done(struct eddyi_sending *base)
{
    give_back(of(base)->channel);
    of(base)->done(of(base));
}

void eddyi_channel_begin_sendfile(struct eddyi_channel *c, struct eddyi_file_sending *s)
{
    take(c, s);
    s->base.done = done;
    eddyi_sending_begin(&s->base);
}

int eddyi_channel_sendfile(struct eddyi_channel *c, struct eddyi_file_sending *s)
{
    int rc;

    if (c->sending)
        return eddy_raise(-EBUSY, "another file is being sent through this connection");
    take(c, s);
    rc = (int)eddyi_send_file(&s->base);
    give_back(c);
    return rc;
}
