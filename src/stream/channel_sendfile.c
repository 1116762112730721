/*
 * Sending a file through a channel.
 */

#include "io/sendfile.h"
#include "stream/channel.h"
#include "task/wait.h"

struct sending {
    struct eddyi_sending base;
    struct eddyi_channel *channel;
    int (*wait)(struct eddyi_channel *c);
};

/* The task that waits while the carrier sends the file. */
struct eddyi_file_wait {
    struct eddyi_wait wait;
    struct eddyi_channel *channel;
    ssize_t result;
};

/* Waits until the write buffer is empty and the carrier is free. */
static int wait_until_free(struct sending *s)
{
    struct eddyi_channel *c = s->channel;
    int rc = 0;

    while (rc == 0 && c->state == EDDYI_OPEN && (c->waiting || eddyi_buffer_length(&c->out) > 0))
        rc = s->wait(c);
    return rc < 0 || c->state == EDDYI_OPEN ? rc : eddyi_channel_raise(c);
}

static bool cancel(struct eddyi_wait *w)
{
    eddy_carrier *carrier = eddyi_container(w, struct eddyi_file_wait, wait)->channel->carrier;

    carrier->ops->cancel_file(carrier);
    return true;
}

void eddyi_channel_file_sent(struct eddyi_channel *c, ssize_t result)
{
    struct eddyi_file_wait *w = c->file_wait;

    c->file_wait = NULL;
    w->result = result;
    eddyi_wait_over(&w->wait);
}

static int64_t have_carrier_send(struct eddyi_channel *c, int file, int64_t offset, size_t size)
{
    struct eddyi_file_wait w = {.channel = c};
    int rc = eddyi_wait_init(&w.wait, cancel);

    w.wait.what = "sendfile";
    if (rc == 0 && c->loop->closed)
        rc = eddy_raise(-ECANCELED, NULL);
    if (rc == 0)
        rc = c->carrier->ops->send_file(c->carrier, file, offset, size);
    /* -EAGAIN means that there was no thread for the call, not that the socket has no room. */
    if (rc < 0)
        return rc == -EAGAIN ? -ENOSYS : rc;
    c->file_wait = &w;
    eddyi_wait_park(&w.wait);
    /* The channel was aborted, and its carrier with it. */
    if (w.result == -ECANCELED && !w.wait.cancelled)
        return eddyi_channel_raise(c);
    return eddyi_wait_finish_with(&w.wait, w.result);
}

/* Raises an error of sendfile(2). It can be an error of the file or of the socket; only the latter
 * ends the stream. */
static int64_t failed(struct eddyi_channel *c, int64_t rc)
{
    if (rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT || rc == -EHOSTUNREACH)
        eddyi_channel_break(c, (int)rc);
    return eddy_raise((int)rc, "sendfile");
}

static int64_t channel_send(struct eddyi_sending *base, int64_t offset, size_t size)
{
    struct sending *s = eddyi_container(base, struct sending, base);
    struct eddyi_channel *c = s->channel;
    int64_t rc = wait_until_free(s);

    if (rc < 0)
        return rc;
    if (!c->carrier->ops->send_file)
        return -EOPNOTSUPP;
    if (c->eof_asked)
        return eddy_raise(EDDY_EMISUSE, "sendfile after write_eof");
    rc = have_carrier_send(c, base->file, offset, size);
    if (rc >= 0 || rc == -EAGAIN || rc == -ECANCELED || eddyi_sendfile_refused(rc))
        return rc;
    return failed(c, rc);
}

static int64_t channel_wait_for_room(struct eddyi_sending *base)
{
    eddyi_channel_wait_writable(eddyi_container(base, struct sending, base)->channel);
    return 0; /* the next piece waits */
}

/* Writes the bytes after a wait for the earlier ones, which can be sent while the next piece is
 * read. */
static int64_t channel_write(struct eddyi_sending *base, const char *buf, size_t size, size_t *sent)
{
    struct sending *s = eddyi_container(base, struct sending, base);
    int rc = wait_until_free(s);

    if (rc == 0)
        rc = eddyi_channel_write(s->channel, &(struct iovec){(void *)(uintptr_t)buf, size}, 1);
    *sent += rc == 0 ? size : 0;
    return rc;
}

static const struct eddyi_sending_to to_channel = {channel_send, channel_wait_for_room,
                                                   channel_write};

int eddyi_channel_sendfile(struct eddyi_channel *c, int (*wait)(struct eddyi_channel *c), int file,
                           int64_t offset, int64_t count, int64_t *ret_sent)
{
    struct sending s = {
        {.to = &to_channel, .file = file, .offset = offset, .count = count}, c, wait};
    int rc = (int)eddyi_send_file(&s.base);

    if (s.base.sent > 0)
        eddyi_sys_seek(file, offset + s.base.sent);
    *ret_sent = s.base.sent;
    return rc;
}
