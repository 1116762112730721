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

static int64_t sock_send(struct eddyi_sending *s, int64_t offset, size_t size)
{
    struct eddyi_io_call *c = &of(s)->call;
    int64_t n;

    c->o.op.kind = EDDYI_OP_SENDFILE;
    c->o.op.sendfile.file = s->file;
    c->o.op.sendfile.offset = offset;
    c->o.op.sendfile.size = size;
    n = eddyi_io_wait(c);
    /* No thread was available. That is not a full socket, so the file is copied instead. */
    if (n == -EAGAIN && !c->submitted)
        return -ENOSYS;
    c->o.in_vain += n == -EAGAIN;
    return n;
}

static int64_t sock_wait_for_room(struct eddyi_sending *s)
{
    struct eddyi_io_call *c = &of(s)->call;

    c->o.op.kind = EDDYI_OP_POLL;
    c->o.op.events = POLLOUT;
    return eddyi_io_wait(c);
}

static int64_t sock_write(struct eddyi_sending *s, const char *buf, size_t size, size_t *sent)
{
    return eddyi_sock_send_all(&of(s)->call, buf, size, sent);
}

static const struct eddyi_sending_to to_socket = {sock_send, sock_wait_for_room, sock_write};

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
    rc = offset < 0 ? -EINVAL : send_claimed(&s);
    eddyi_io_end(&s.call);
    if (ret_sent)
        *ret_sent = s.base.sent;
    return (int)eddyi_sock_ended(rc, "sock_sendfile", fd);
}
