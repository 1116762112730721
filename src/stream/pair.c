/*
 * Opening streams without connecting: pairs in memory, and pipes.
 */
#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "stream/stream.h"

int eddy_memory_pair_open(size_t size, eddy_reader *ret_readers[2], eddy_writer *ret_writers[2])
{
    struct eddyi_stream *one, *other;
    eddy_carrier *c[2];
    int rc;

    if (!ret_readers || !ret_writers)
        return eddy_raise(-EINVAL, "memory_pair_open: there is no place for readers or writers");
    rc = eddy_memory_carriers_new(eddyi_loop_running, size, &c[0], &c[1]);
    if (rc < 0)
        return rc;
    one = eddyi_stream_new(c[0], EDDYI_BOTH_WAYS, 0);
    other = one ? eddyi_stream_new(c[1], EDDYI_BOTH_WAYS, 0) : NULL;
    if (!other) {
        if (one)
            eddyi_stream_give_back(one);
        else
            c[0]->ops->free(c[0]);
        c[1]->ops->free(c[1]);
        return -ENOMEM;
    }
    ret_readers[0] = &one->reader;
    ret_writers[0] = &one->writer;
    ret_readers[1] = &other->reader;
    ret_writers[1] = &other->writer;
    return 0;
}

static struct eddyi_stream *open_pipe(int read_fd, int write_fd, size_t limit, int *ret_rc)
{
    struct eddyi_stream *s = NULL;
    eddy_carrier *c;

    *ret_rc = eddy_pipe_carrier_new(eddyi_loop_running, read_fd, write_fd, &c);
    if (*ret_rc < 0)
        return NULL;
    s = eddyi_stream_new(c, read_fd >= 0 ? EDDYI_READ_ONLY : EDDYI_WRITE_ONLY, limit);
    if (!s) {
        eddyi_fd_carrier_disown(c);
        *ret_rc = -ENOMEM;
    }
    return s;
}

int eddy_connect_read_pipe(int fd, size_t limit, eddy_reader **ret_reader)
{
    struct eddyi_stream *s;
    int rc;

    if (!ret_reader)
        return eddy_raise(-EINVAL, "connect_read_pipe: there is no place for the reader");
    s = open_pipe(fd, -1, limit, &rc);
    if (s)
        *ret_reader = &s->reader;
    return rc;
}

int eddy_connect_write_pipe(int fd, eddy_writer **ret_writer)
{
    struct eddyi_stream *s;
    int rc;

    if (!ret_writer)
        return eddy_raise(-EINVAL, "connect_write_pipe: there is no place for the writer");
    s = open_pipe(-1, fd, 0, &rc);
    if (!s)
        return rc;
    /* On a terminal, readiness to read means that the user has typed, not that the terminal was
     * closed. */
    rc = eddyi_sys_is_device(fd) ? 0 : eddyi_channel_watch(&s->channel);
    if (rc < 0) {
        eddyi_fd_carrier_let_go(s->channel.carrier);
        eddyi_stream_give_back(s);
        return eddy_raise(rc, "descriptor %d cannot be waited for", fd);
    }
    *ret_writer = &s->writer;
    return 0;
}
