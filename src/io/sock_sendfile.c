/*
 * Sending files over sockets.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/sock.h"
#include "io/sendfile.h"
#include "io/sock.h"

#include <poll.h>

struct sending {
    struct eddyi_sending base;
    struct eddyi_io_call call; /* claims the socket from begin to end */
};

static struct sending *of(struct eddyi_sending *s)
{
    return eddyi_container(s, struct sending, base);
}

static void done(struct eddyi_io_op *o)
{
    struct sending *s = eddyi_container(o, struct sending, call.o);
    int64_t n = o->op.result;

    o->in_vain += o->op.kind == EDDYI_OP_SENDFILE && n == -EAGAIN;
    eddyi_sending_step(&s->base, n);
}

static int64_t submit(struct eddyi_io_call *c, enum eddyi_op_kind kind)
{
    struct eddyi_io *io = c->loop->closed ? NULL : eddyi_io_of(c->loop);
    int rc;

    c->o.done = done;
    c->o.op.kind = kind;
    c->o.op.fd = c->fd;
    c->o.op.tried = c->o.op.waits = true;
    rc = io ? eddyi_io_submit(io, &c->o) : -ECANCELED;
    return rc < 0 ? rc : EDDYI_PENDING;
}

static int64_t sock_wait(struct eddyi_sending *s, bool full)
{
    of(s)->call.o.op.events = POLLOUT;
    return full ? submit(&of(s)->call, EDDYI_OP_POLL) : 0;
}

/* The first try fills the socket's buffer; further ones wait for room. */
static int64_t sock_write(struct eddyi_sending *s, const char *bytes, size_t size)
{
    struct eddyi_io_call *c = &of(s)->call;
    int64_t n = s->written == 0 ? eddyi_sys_send(c->fd, bytes, size) : -EAGAIN;

    if (n != -EAGAIN)
        return n;
    c->o.op.io.buf = (void *)(uintptr_t)bytes;
    c->o.op.io.size = size;
    return submit(c, EDDYI_OP_SEND);
}

static int64_t sock_send(struct eddyi_sending *s, int64_t offset, size_t size)
{
    struct eddyi_io_call *c = &of(s)->call;
    int64_t rc;

    c->o.op.sendfile.file = s->file;
    c->o.op.sendfile.offset = offset;
    c->o.op.sendfile.size = size;
    rc = submit(c, EDDYI_OP_SENDFILE);
    /* No thread was available. That is not a full socket, so the file is copied instead. */
    return rc == -EAGAIN ? -ENOSYS : rc;
}

static void sock_cancel(struct eddyi_sending *s)
{
    eddyi_io_cancel(&of(s)->call.o);
}

static const struct eddyi_sending_to to_socket = {sock_wait, sock_write, sock_send, sock_cancel};

/* Sends the file with the socket claimed from the beginning, so that no other bytes come in
 * between. */
static int64_t send_claimed(struct sending *s)
{
    struct eddyi_io *io = s->call.loop->closed ? NULL : eddyi_io_of(s->call.loop);
    int64_t rc = io ? eddyi_io_claim(io, &s->call.claim, s->call.fd, EDDYI_WRITES) : -ECANCELED;

    if (rc == 0)
        rc = eddyi_send_file(&s->base);
    if (s->base.sent > 0)
        eddyi_sys_seek(s->base.file, s->base.offset + s->base.sent);
    return rc;
}

int eddy_sock_sendfile(int fd, int file, int64_t offset, int64_t count, int64_t *ret_sent)
{
    struct sending s = {.base = {.to = &to_socket, .file = file, .offset = offset, .count = count}};
    int64_t rc = eddyi_io_begin(&s.call, fd, EDDYI_WRITES);

    if (rc < 0)
        return (int)rc;
    s.base.loop = s.call.loop;
    rc = offset < 0 ? -EINVAL : send_claimed(&s);
    eddyi_io_end(&s.call);
    if (ret_sent)
        *ret_sent = s.base.sent;
    return (int)eddyi_sock_ended(rc, "sock_sendfile", fd);
}
