/*
 * Files that are sent through a transport, whatever carries it: read in pieces, each of which goes out before the next is read.
 */
#include "base/sys.h"
#include "eddy/file.h"
#include "loop/loop.h"
#include "stream/opening.h"
#include "stream/protocol.h"
#include "sync/wait_queue.h"

enum { PIECE = 65536 };

/* Until all that was written is out. */
static int wait_flushed(eddy_transport *t)
{
    int rc = 0;

    while (rc == 0 && t->base.state == EDDYI_OPEN && eddyi_buffer_length(&t->base.out) > 0)
        rc = eddyi_wait_queue_wait(&t->quiet, "the peer to take what was written", NULL);
    return rc < 0 || t->base.state == EDDYI_OPEN ? rc : eddyi_transport_raise(&t->base);
}

static int send_pieces(eddy_transport *t, int file, int64_t offset, int64_t count, char *buf, int64_t *sent)
{
    int rc = wait_flushed(t);

    while (rc == 0 && *sent != count) {
        size_t size = count >= 0 && count - *sent < PIECE ? (size_t)(count - *sent) : PIECE;
        ssize_t n = eddy_file_read(file, buf, size, offset + *sent);

        if (n <= 0)
            return (int)n;
        rc = eddyi_transport_write(&t->base, &(struct iovec){buf, (size_t)n}, 1);
        if (rc == 0) {
            *sent += n;
            rc = wait_flushed(t);
        }
    }
    return rc;
}

static int check(eddy_loop *loop, const eddy_transport *t, int64_t offset, int64_t count)
{
    int rc = eddyi_opening_check(loop, true);

    if (rc < 0)
        return rc;
    if (offset < 0 || count == 0)
        return eddy_raise(-EINVAL, "sendfile: a negative offset, or nothing to send");
    if (eddyi_transport_is_closing(&t->base))
        return eddyi_transport_raise(&t->base);
    if (t->busy || t->direction == EDDYI_READ_ONLY)
        return eddy_raise(EDDY_EMISUSE, "sendfile: the transport cannot be written to now");
    return 0;
}

int eddy_loop_sendfile(eddy_loop *loop, eddy_transport *t, int file, int64_t offset, int64_t count,
                       int64_t *ret_sent)
{
    int64_t sent = 0;
    char *buf;
    int rc = check(loop, t, offset, count);

    if (rc < 0)
        return rc;
    buf = eddyi_alloc(PIECE);
    if (!buf)
        return eddy_raise(-ENOMEM, NULL);
    eddy_transport_ref(t);
    t->busy = "sendfile";
    rc = send_pieces(t, file, offset, count, buf, &sent);
    t->busy = NULL;
    eddy_transport_unref(t);
    eddyi_free(buf);
    if (sent > 0)
        eddyi_sys_seek(file, offset + sent);
    if (ret_sent)
        *ret_sent = sent;
    return rc;
}
