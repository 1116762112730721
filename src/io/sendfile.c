/*
 * Files that are sent over sockets. sendfile(2) may wait for the disk, so it is called in a thread, when the socket has room.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/sock.h"
#include "io/file.h"
#include "io/sock.h"

#include <poll.h>

enum { STEP = 1 << 20, BUFFER = 64 << 10 };

struct sending {
    struct eddyi_io_call call; /* has the socket all the time */
    int file;
    int64_t offset, count, sent; /* count < 0: to the end */
};

static size_t step_of(const struct sending *s, size_t most)
{
    int64_t left = s->count - s->sent;

    return s->count >= 0 && left < (int64_t)most ? (size_t)left : most;
}

static int64_t one_call(void *arg)
{
    const struct sending *s = arg;

    return eddyi_sys_sendfile(s->call.fd, s->file, s->offset + s->sent, step_of(s, STEP));
}

static int64_t wait_for_room(struct sending *s)
{
    s->call.o.op.kind = EDDYI_OP_POLL;
    s->call.o.op.events = POLLOUT;
    return eddyi_io_wait(&s->call);
}

static int64_t by_kernel(struct sending *s)
{
    int64_t n = 1;

    while (n > 0 && s->sent != s->count) {
        n = eddyi_file_call(one_call, s);
        s->sent += n > 0 ? n : 0;
        if (n == -EAGAIN)
            n = wait_for_room(s);
    }
    return n < 0 ? n : 0;
}

static int64_t read_and_send(struct sending *s, char *buf)
{
    int64_t n = 1, rc = 0;

    while (n > 0 && rc == 0 && s->sent != s->count) {
        size_t sent = 0;

        n = eddy_file_read(s->file, buf, step_of(s, BUFFER), s->offset + s->sent);
        if (n > 0)
            rc = eddyi_sock_send_all(&s->call, buf, (size_t)n, &sent);
        s->sent += (int64_t)sent;
    }
    return n < 0 ? n : rc;
}

static int64_t by_hand(struct sending *s)
{
    char *buf = eddyi_alloc(BUFFER);
    int64_t rc = buf ? read_and_send(s, buf) : -ENOMEM;

    eddyi_free(buf);
    return rc;
}

static bool is_refusal(int64_t rc)
{
    return rc == -EINVAL || rc == -ENOSYS || rc == -EOPNOTSUPP;
}

/* The socket is claimed from the beginning: nobody else's bytes shall come in between. */
static int64_t send_claimed(struct sending *s)
{
    struct eddyi_io *io = s->call.loop->closed ? NULL : eddyi_io_of(s->call.loop);
    int64_t rc = io ? eddyi_io_claim(io, &s->call.claim, s->call.fd, EDDYI_IO_WRITE) : -ECANCELED;

    if (rc == 0)
        rc = by_kernel(s);
    if (is_refusal(rc) && s->sent == 0)
        rc = by_hand(s);
    if (s->sent > 0)
        eddyi_sys_seek(s->file, s->offset + s->sent);
    return rc;
}

int eddy_sock_sendfile(int fd, int file, int64_t offset, int64_t count, int64_t *ret_sent)
{
    struct sending s = {.file = file, .offset = offset, .count = count};
    int64_t rc = eddyi_io_begin(&s.call, fd, EDDYI_IO_WRITE);

    if (rc < 0)
        return (int)rc;
    if (fd < 0)
        rc = -EBADF;
    else if (offset < 0 || count == 0)
        rc = -EINVAL;
    else
        rc = send_claimed(&s);
    eddyi_io_end(&s.call);
    if (ret_sent)
        *ret_sent = s.sent;
    return (int)eddyi_sock_ended(rc, "sock_sendfile", fd);
}
