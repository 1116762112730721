#include "stream/sendfile.h"

#include "io/sendfile.h"
#include "task/wait.h"

struct sending {
    struct eddyi_sending base;
    struct eddyi_transport *transport;
    int (*wait)(struct eddyi_transport *t);
};

/* The task, while the carrier has the file. */
struct eddyi_file_wait {
    struct eddyi_wait wait;
    struct eddyi_transport *transport;
    ssize_t result;
};

/* Until all that was written is out, and the carrier is free. */
static int wait_until_free(struct sending *s)
{
    struct eddyi_transport *t = s->transport;
    int rc = 0;

    while (rc == 0 && t->state == EDDYI_OPEN && (t->waiting || eddyi_buffer_length(&t->out) > 0))
        rc = s->wait(t);
    return rc < 0 || t->state == EDDYI_OPEN ? rc : eddyi_transport_raise(t);
}

static bool cancel(struct eddyi_wait *w)
{
    eddy_carrier *c = eddyi_container(w, struct eddyi_file_wait, wait)->transport->carrier;

    c->ops->cancel_file(c);
    return true;
}

void eddyi_transport_file_sent(struct eddyi_transport *t, ssize_t result)
{
    struct eddyi_file_wait *w = t->file_wait;

    t->file_wait = NULL;
    w->result = result;
    eddyi_wait_over(&w->wait);
}

static int64_t have_carrier_send(struct eddyi_transport *t, int file, int64_t offset, size_t size)
{
    struct eddyi_file_wait w = {.transport = t};
    int rc = eddyi_wait_init(&w.wait, cancel);

    w.wait.what = "sendfile";
    if (rc == 0 && t->loop->closed)
        rc = eddy_raise(-ECANCELED, NULL);
    if (rc == 0)
        rc = t->carrier->ops->send_file(t->carrier, file, offset, size);
    /* No thread could be had for it: that is not the socket's want of room. */
    if (rc < 0)
        return rc == -EAGAIN ? -ENOSYS : rc;
    t->file_wait = &w;
    eddyi_wait_park(&w.wait);
    /* The transport was given up, and its carrier with it. */
    if (w.result == -ECANCELED && !w.wait.cancelled)
        return eddyi_transport_raise(t);
    return eddyi_wait_finish_with(&w.wait, w.result);
}

/* An error of sendfile(2) can be the file's or the socket's; only the latter ends the stream. */
static int64_t failed(struct eddyi_transport *t, int64_t rc)
{
    if (rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT || rc == -EHOSTUNREACH)
        eddyi_transport_break(t, (int)rc);
    return eddy_raise((int)rc, "sendfile");
}

static int64_t transport_send(struct eddyi_sending *base, int64_t offset, size_t size)
{
    struct sending *s = eddyi_container(base, struct sending, base);
    struct eddyi_transport *t = s->transport;
    int64_t rc = wait_until_free(s);

    if (rc < 0)
        return rc;
    if (!t->carrier->ops->send_file)
        return -EOPNOTSUPP;
    if (t->eof_asked)
        return eddy_raise(EDDY_EMISUSE, "sendfile after write_eof");
    rc = have_carrier_send(t, base->file, offset, size);
    if (rc >= 0 || rc == -EAGAIN || rc == -ECANCELED || eddyi_sendfile_refused(rc))
        return rc;
    return failed(t, rc);
}

static int64_t transport_wait_for_room(struct eddyi_sending *base)
{
    eddyi_transport_wait_writable(eddyi_container(base, struct sending, base)->transport);
    return 0; /* the next piece waits */
}

/* Waits first: what is kept can still go out while the next piece is read. */
static int64_t transport_write(struct eddyi_sending *base, const char *buf, size_t size,
                               size_t *sent)
{
    struct sending *s = eddyi_container(base, struct sending, base);
    int rc = wait_until_free(s);

    if (rc == 0)
        rc = eddyi_transport_write(s->transport, &(struct iovec){(void *)(uintptr_t)buf, size}, 1);
    *sent += rc == 0 ? size : 0;
    return rc;
}

static const struct eddyi_sending_to to_transport = {transport_send, transport_wait_for_room,
                                                     transport_write};

int eddyi_transport_sendfile(struct eddyi_transport *t, int (*wait)(struct eddyi_transport *t),
                             int file, int64_t offset, int64_t count, int64_t *ret_sent)
{
    struct sending s = {
        {.to = &to_transport, .file = file, .offset = offset, .count = count}, t, wait};
    int rc = (int)eddyi_send_file(&s.base);

    *ret_sent = s.base.sent;
    return rc;
}
