/*
 * Sending files: through the kernel where the carrier can, else by reading and writing.
 */
#include "base/sys.h"
#include "eddy/file.h"
#include "stream/stream.h"

enum { PIECE = 65536, MOST_AT_ONCE = 1 << 20 }; /* bytes */

struct sending {
    eddy_writer *writer;
    int fd;
    off_t offset;
    size_t left;
    size_t sent;
};

static void advance(struct sending *s, size_t n)
{
    s->offset += (off_t)n;
    s->left -= n;
    s->sent += n;
}

/* Reads and writes. */
static int copy(struct sending *s)
{
    char *piece = eddyi_alloc(PIECE);
    int rc = piece ? 0 : eddy_raise(-ENOMEM, NULL);

    while (rc == 0 && s->left > 0) {
        ssize_t n = eddy_file_read(s->fd, piece, s->left < PIECE ? s->left : PIECE, s->offset);

        if (n <= 0) {
            rc = (int)n;
            break;
        }
        rc = eddy_writer_write(s->writer, piece, (size_t)n);
        if (rc == 0)
            advance(s, (size_t)n);
    }
    eddyi_free(piece);
    return rc;
}

/* Waits until the socket takes more. */
static int wait_writable(struct sending *s)
{
    eddyi_transport_wait_writable(&eddyi_stream_of_writer(s->writer)->transport);
    return eddyi_writer_wait(s->writer);
}

/* Has the kernel send. -EOPNOTSUPP if it cannot with this file or carrier; part may be out by then. */
static int send_by_kernel(struct sending *s)
{
    struct eddyi_transport *t = &eddyi_stream_of_writer(s->writer)->transport;
    int rc = eddy_writer_flush(s->writer);

    while (rc == 0 && s->left > 0) {
        size_t count = s->left < MOST_AT_ONCE ? s->left : MOST_AT_ONCE;
        ssize_t n;

        if (t->state != EDDYI_OPEN || t->eof_asked)
            return eddyi_transport_write(t, &(struct iovec){(void *)"", 1}, 1);
        n = t->carrier->ops->send_file ? t->carrier->ops->send_file(t->carrier, s->fd, s->offset, count)
                                       : -EOPNOTSUPP;
        if (n == 0)
            return 0;
        if (n > 0)
            advance(s, (size_t)n);
        else if (n == -EAGAIN)
            rc = wait_writable(s);
        else
            return n == -EINVAL || n == -ENOSYS ? -EOPNOTSUPP : (int)n;
    }
    return rc;
}

/* An error of sendfile(2) can be the file's or the socket's; only the latter ends the stream. */
static int failed(struct sending *s, int rc)
{
    if (rc == -EPIPE || rc == -ECONNRESET || rc == -ETIMEDOUT || rc == -EHOSTUNREACH)
        eddyi_transport_break(&eddyi_stream_of_writer(s->writer)->transport, rc);
    return rc == -ECANCELED ? rc : eddy_raise(rc, "sendfile");
}

int eddy_writer_sendfile(eddy_writer *w, int fd, off_t offset, size_t count, size_t *ret_sent)
{
    struct sending s = {.writer = w, .fd = fd, .offset = offset, .left = count};
    int rc = offset < 0 ? -EINVAL : send_by_kernel(&s);

    if (rc == -EOPNOTSUPP)
        rc = copy(&s);
    else if (rc < 0)
        rc = failed(&s, rc);
    if (ret_sent)
        *ret_sent = s.sent;
    return rc;
}
