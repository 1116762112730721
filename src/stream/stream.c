#include "stream/stream.h"

#include "base/options.h"
#include "base/sys.h"
#include "sync/wait_queue.h"

static struct eddyi_stream *of(struct eddyi_channel *c)
{
    return eddyi_container(c, struct eddyi_stream, channel);
}

static void free_if_done(struct eddyi_stream *s)
{
    if (!s->given_back || s->users > 0 || s->channel.state != EDDYI_LOST)
        return;
    eddyi_ready_cancel(&s->unused);
    eddyi_connection_gone(&s->connection);
    eddy_exception_unref(s->reader.exception);
    eddyi_channel_fini(&s->channel);
    eddyi_free(s);
}

static void unused(struct eddyi_ready *r)
{
    free_if_done(eddyi_container(r, struct eddyi_stream, unused));
}

/* Handles the end of the read that was with the carrier. */
static void on_readable(eddy_carrier *carrier, ssize_t result)
{
    struct eddyi_channel *c = carrier->user;

    eddyi_channel_read_done(c, result);
    if (c->read_error < 0)
        eddyi_channel_break(c, c->read_error);
    eddyi_reader_wake(&of(c)->reader);
}

/* Wakes the waiters, each of which re-checks the low-water mark. */
static void on_flushed(struct eddyi_channel *c)
{
    eddyi_wait_queue_wake_all(&of(c)->writer.drained);
}

static void on_flow(struct eddyi_channel *c)
{
    if (!c->paused)
        on_flushed(c);
}

static void on_lost(struct eddyi_channel *c)
{
    struct eddyi_stream *s = of(c);

    eddyi_reader_wake(&s->reader);
    eddyi_wait_queue_wake_all(&s->writer.drained);
    eddyi_wait_queue_wake_all(&s->writer.closed);
    free_if_done(s);
}

static const struct eddyi_channel_client client = {
    .readable = on_readable,
    .flow = on_flow,
    .flushed = on_flushed,
    .lost = on_lost,
};

/* Allocates a stream without a channel. Raises -ENOMEM. */
static struct eddyi_stream *make(size_t limit)
{
    struct eddyi_stream *s = eddyi_zalloc(sizeof *s);

    if (!s) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    s->reader.limit = limit ? limit : EDDY_STREAM_LIMIT;
    eddyi_ready_init(&s->unused, unused);
    return s;
}

/* Creates a stream over @c. Takes ownership of @c on success. Raises -ENOMEM. */
static struct eddyi_stream *make_over(eddy_carrier *c, size_t limit)
{
    struct eddyi_stream *s = make(limit);

    if (s && eddyi_channel_init(&s->channel, c, &client) < 0) {
        eddyi_free(s);
        return NULL;
    }
    return s;
}

struct eddyi_stream *eddyi_stream_new(eddy_carrier *c, size_t limit)
{
    struct eddyi_stream *s = make_over(c, limit);

    if (!s)
        c->ops->free(c);
    return s;
}

int eddy_reader_new(size_t limit, eddy_reader **ret)
{
    struct eddyi_stream *s;

    if (!ret)
        return eddy_raise(-EINVAL, "reader_new: there is no place for the reader");
    if (!eddyi_loop_running)
        return eddyi_raise_no_loop();
    s = make(limit);
    if (!s)
        return -ENOMEM;
    eddyi_channel_init_fed(&s->channel, eddyi_loop_running);
    *ret = &s->reader;
    return 0;
}

/* Closing the stream may lose the channel at once if the loop is closed, hence the count of
 * users. */
void eddyi_stream_give_back(struct eddyi_stream *s)
{
    if (s->given_back)
        return;
    s->given_back = true;
    s->users++;
    if (eddyi_channel_is_fed(&s->channel))
        eddy_reader_feed_eof(&s->reader);
    else
        eddyi_channel_desert(&s->channel);
    s->users--;
    free_if_done(s);
}

void eddyi_stream_leave_last(struct eddyi_stream *s)
{
    if (eddyi_list_empty(&s->unused.link))
        eddyi_loop_ready(s->channel.loop, &s->unused);
}

void eddyi_stream_end_loan(struct eddyi_stream *s)
{
    s->users--;
    if (s->given_back)
        free_if_done(s);
    else
        eddyi_stream_give_back(s);
}

/* Opening streams without connecting. */

int eddy_stream_open(eddy_carrier *carrier, size_t limit, eddy_reader **ret_reader,
                     eddy_writer **ret_writer)
{
    struct eddyi_stream *s;

    if (!ret_reader || !ret_writer)
        return eddy_raise(-EINVAL, "stream_open: there is no place for reader or writer");
    s = make_over(carrier, limit);
    if (!s)
        return -ENOMEM;
    *ret_reader = &s->reader;
    *ret_writer = &s->writer;
    return 0;
}

int eddy_memory_pair_open(size_t size, eddy_reader *ret_readers[2], eddy_writer *ret_writers[2])
{
    struct eddyi_stream *s[2];
    eddy_carrier *c[2];
    int rc;

    if (!ret_readers || !ret_writers)
        return eddy_raise(-EINVAL, "memory_pair_open: there is no place for readers or writers");
    rc = eddy_memory_carriers_new(eddyi_loop_running, size, &c[0], &c[1]);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 2; i++)
        s[i] = eddyi_stream_new(c[i], 0);
    for (int i = 0; i < 2; i++) {
        if (s[0] && s[1]) {
            ret_readers[i] = &s[i]->reader;
            ret_writers[i] = &s[i]->writer;
        } else if (s[i]) {
            eddyi_stream_give_back(s[i]);
        }
    }
    return s[0] && s[1] ? 0 : -ENOMEM;
}

/* Opens the stream of a pipe's end; the other descriptor is -1. Takes ownership of the descriptor
 * on success. */
static int open_pipe(int read_fd, int write_fd, size_t limit, struct eddyi_stream **ret)
{
    eddy_carrier *c;
    int rc = eddy_pipe_carrier_borrow(eddyi_loop_running, read_fd, write_fd, &c);

    if (rc < 0)
        return rc;
    *ret = eddyi_stream_new(c, limit);
    if (!*ret)
        return -ENOMEM;
    rc = read_fd < 0 ? eddyi_channel_watch_read_end(&(*ret)->channel) : 0;
    if (rc < 0) {
        eddyi_stream_give_back(*ret);
        return eddy_raise(rc, "descriptor %d cannot be waited for", write_fd);
    }
    eddyi_fd_carrier_own(c);
    return 0;
}

int eddy_connect_read_pipe(int fd, size_t limit, eddy_reader **ret_reader)
{
    struct eddyi_stream *s = NULL;
    int rc = ret_reader
                 ? open_pipe(fd, -1, limit, &s)
                 : eddy_raise(-EINVAL, "connect_read_pipe: there is no place for the reader");

    if (rc == 0)
        *ret_reader = &s->reader;
    return rc;
}

int eddy_connect_write_pipe(int fd, eddy_writer **ret_writer)
{
    struct eddyi_stream *s = NULL;
    int rc = ret_writer
                 ? open_pipe(-1, fd, 0, &s)
                 : eddy_raise(-EINVAL, "connect_write_pipe: there is no place for the writer");

    if (rc == 0)
        *ret_writer = &s->writer;
    return rc;
}

int(eddy_writer_start_tls_with)(eddy_writer *w, const eddy_start_tls_options *options,
                                size_t options_size)
{
    EDDYI_OPTIONS(eddy_start_tls_options, options, options_size, -E2BIG);
    struct eddyi_stream *s = eddyi_stream_of_writer(w);
    int rc = options->context ? eddy_writer_flush(w) : eddy_raise(-EINVAL, "start_tls: no context");

    if (rc == 0)
        rc = eddyi_reader_begin(&s->reader);
    if (rc < 0)
        return rc;
    eddyi_stream_enter(s);
    rc = eddyi_channel_start_tls(&s->channel, options);
    eddyi_stream_leave(s);
    return rc;
}
