/*
 * The writer: writing with flow control, and the end of the stream.
 */
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/wait.h"
#include "stream/stream.h"
#include "sync/wait_queue.h"
#include "task/task.h"

#include <stdarg.h>
#include <stdio.h>

static struct eddyi_channel *channel_of(const eddy_writer *w)
{
    return &eddyi_stream_of_writer(w)->channel;
}

/* Returns 0, or raises the error that broke the connection, on either side. */
static int check(const eddy_writer *w)
{
    struct eddyi_stream *s = eddyi_stream_of_writer(w);

    if (s->channel.error < 0)
        return eddyi_channel_raise(&s->channel);
    if (s->channel.state == EDDYI_LOST)
        return eddy_raise(-ECONNRESET, "the connection is lost");
    return 0;
}

/* Waits until fewer bytes are kept than before, or the carrier is writable again. Returns 0, or
 * raises -ECANCELED or the error that broke the connection. */
static int wait_for_room(eddy_writer *w)
{
    struct eddyi_stream *s = eddyi_stream_of_writer(w);
    int rc;

    eddyi_stream_enter(s);
    eddyi_channel_drain_begin(&s->channel);
    rc = eddyi_wait_queue_wait(&w->drained, "the peer to take what was written", NULL);
    eddyi_channel_drain_end(&s->channel);
    eddyi_stream_leave(s);
    return rc < 0 ? rc : check(w);
}

/* Waits until the write buffer is at most at the low-water mark. */
static int wait_drained(eddy_writer *w)
{
    int rc = check(w);

    while (rc == 0 && channel_of(w)->paused && channel_of(w)->state <= EDDYI_CLOSING)
        rc = wait_for_room(w);
    return rc;
}

/* Writes after the wait, since bytes that are sent or kept cannot be taken back. */
int eddy_writer_writelines(eddy_writer *w, const struct iovec *iov, int n)
{
    struct eddyi_stream *s = eddyi_stream_of_writer(w);
    const struct eddyi_channel *c = &s->channel;
    int rc = eddyi_stream_has_had_its_share(s) ? eddyi_stream_let_others_run(s) : 0;

    if (rc == 0 && c->paused && c->state == EDDYI_OPEN && !c->eof_asked)
        rc = wait_drained(w);
    return rc < 0 ? rc : eddyi_channel_write(&s->channel, iov, n);
}

EDDYI_UNGUARDED int eddy_writer_write(eddy_writer *w, const void *data, size_t size)
{
    return eddy_writer_writelines(w, &(struct iovec){(void *)(uintptr_t)data, size}, 1);
}

int eddy_writer_write_nowait(eddy_writer *w, const void *data, size_t size)
{
    struct eddyi_channel *t = channel_of(w);

    if (t->paused && t->state == EDDYI_OPEN)
        return -EAGAIN;
    return eddyi_channel_write(t, &(struct iovec){(void *)(uintptr_t)data, size}, 1);
}

int eddy_writer_printf(eddy_writer *w, const char *fmt, ...)
{
    char space[512], *text = space;
    va_list args;
    int n, rc;

    va_start(args, fmt);
    n = vsnprintf(space, sizeof space, fmt, args);
    va_end(args);
    if (n < 0)
        return eddy_raise(-EINVAL, "printf: a format that cannot be printed");
    if ((size_t)n >= sizeof space) {
        text = eddyi_alloc((size_t)n + 1);
        if (!text)
            return eddy_raise(-ENOMEM, NULL);
        va_start(args, fmt);
        vsnprintf(text, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    rc = eddy_writer_write(w, text, (size_t)n);
    if (text != space)
        eddyi_free(text);
    return rc;
}

/* Drains the write buffer. On a closing stream it lets others run first, so that a task that writes
 * continuously sees the end (rule 143). */
int eddy_writer_drain(eddy_writer *w)
{
    struct eddyi_stream *s = eddyi_stream_of_writer(w);
    int rc = check(w);

    if (rc == 0 && s->channel.state != EDDYI_OPEN) {
        eddyi_stream_enter(s);
        rc = eddy_sleep(0);
        eddyi_stream_leave(s);
    }
    return rc < 0 ? rc : wait_drained(w);
}

int eddy_writer_flush(eddy_writer *w)
{
    int rc;

    eddyi_channel_send_gathered(channel_of(w));
    rc = channel_of(w)->dropped ? 0 : eddy_writer_drain(w);
    while (rc == 0 && eddyi_buffer_length(&channel_of(w)->out) > 0)
        rc = wait_for_room(w);
    if (rc == 0 && channel_of(w)->dropped)
        rc = eddy_raise(-ECONNRESET, "the connection was aborted, and what was kept is lost");
    return rc;
}

int eddy_writer_sendfile(eddy_writer *w, int file, int64_t offset, int64_t count, int64_t *ret_sent)
{
    struct eddyi_stream *s = eddyi_stream_of_writer(w);
    struct eddyi_file_sending f = {.base = {.file = file, .offset = offset, .count = count}};
    int rc = offset < 0 ? eddy_raise(-EINVAL, "sendfile: a negative offset") : check(w);

    if (rc == 0) {
        eddyi_stream_enter(s);
        rc = eddyi_channel_sendfile(&s->channel, &f);
        eddyi_stream_leave(s);
    }
    if (ret_sent)
        *ret_sent = f.base.sent;
    return rc;
}

int eddy_writer_write_eof(eddy_writer *w)
{
    return eddyi_channel_write_eof(channel_of(w));
}

bool eddy_writer_can_write_eof(const eddy_writer *w)
{
    return channel_of(w)->state == EDDYI_OPEN;
}

int eddy_writer_set_write_buffer_limits(eddy_writer *w, eddy_water_marks marks)
{
    return eddyi_channel_set_limits(channel_of(w), marks);
}

eddy_water_marks eddy_writer_get_write_buffer_limits(const eddy_writer *w)
{
    return channel_of(w)->marks;
}

size_t eddy_writer_get_write_buffer_size(const eddy_writer *w)
{
    return eddyi_buffer_length(&channel_of(w)->out);
}

void eddy_writer_close(eddy_writer *w)
{
    eddyi_channel_close(channel_of(w));
}

void eddy_writer_abort(eddy_writer *w)
{
    eddyi_channel_abort(channel_of(w));
}

bool eddy_writer_is_closing(const eddy_writer *w)
{
    return eddyi_channel_is_closing(channel_of(w));
}

int eddy_writer_wait_closed(eddy_writer *w)
{
    struct eddyi_stream *s = eddyi_stream_of_writer(w);
    struct eddyi_channel *t = &s->channel;
    int rc = 0;

    eddyi_stream_enter(s);
    while (rc == 0 && t->state != EDDYI_LOST)
        rc = eddyi_wait_queue_wait(&w->closed, "a stream to be closed", NULL);
    eddyi_stream_leave(s);
    return rc < 0 || t->error == 0 ? rc : eddyi_channel_raise(t);
}

ssize_t eddy_writer_get_extra_info(const eddy_writer *w, const char *name, void *ret, size_t size)
{
    return eddyi_channel_info(channel_of(w), name, ret, size);
}

void eddy_writer_free(eddy_writer *w)
{
    if (w)
        eddyi_stream_give_back(eddyi_stream_of_writer(w));
}
