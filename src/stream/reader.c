/*
 * The reader: reading from the channel into the buffer. read.c and readuntil.c take bytes out of
 * it.
 */
#include "stream/reader.h"
#include "base/exception.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "stream/stream.h"
#include "task/task.h"
#include "task/wait.h"

#include <string.h>

static struct eddyi_channel *channel_of(const eddy_reader *r)
{
    return &eddyi_stream_of_reader(r)->channel;
}

void eddy_reader_free(eddy_reader *r)
{
    if (r)
        eddyi_stream_give_back(eddyi_stream_of_reader(r));
}

static bool cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

/* The wait of the task that reads, on its stack. */
struct data_wait {
    struct eddyi_wait wait;
    struct eddyi_timer timer; /* valid if the calls have a time limit */
    bool out_of_time;
};

static void out_of_time(struct eddyi_ready *r)
{
    struct data_wait *w = eddyi_container(r, struct data_wait, timer.ready);

    if (w->wait.over)
        return;
    w->out_of_time = true;
    eddyi_wait_over(&w->wait);
}

/* Starts the timer. The time limit applies to all waits of a call together. */
EDDY_COLD static int start_timer(eddy_reader *r, struct data_wait *w)
{
    eddy_loop *loop = channel_of(r)->loop;
    int64_t now = eddyi_loop_now(loop);
    int rc;

    if (r->deadline == 0)
        r->deadline = now + r->time_limit;
    w->out_of_time = false;
    w->timer.node.place = 0;
    eddyi_ready_init(&w->timer.ready, out_of_time);
    rc = eddyi_timer_start(loop, &w->timer, r->deadline, now);
    return rc < 0 ? eddy_raise(rc, NULL) : 0;
}

/* Stops the timer. Returns @rc, or raises -ETIMEDOUT. */
EDDY_COLD static int stop_timer(eddy_reader *r, struct data_wait *w, int rc)
{
    eddyi_timer_stop(channel_of(r)->loop, &w->timer);
    if (rc < 0 || !w->out_of_time)
        return rc;
    channel_of(r)->out_of_time = true;
    return eddy_raise(-ETIMEDOUT, "the peer has not sent it within %g seconds",
                      (double)r->time_limit * 1e-9);
}

EDDYI_UNGUARDED static int wait_for_data(eddy_reader *r)
{
    struct data_wait w;
    int rc = eddyi_wait_init(&w.wait, cancel);

    if (rc == 0 && r->time_limit > 0)
        rc = start_timer(r, &w);
    if (rc < 0)
        return rc;
    w.wait.what = "data from a stream";
    r->waiter = &w.wait;
    eddyi_stream_enter(eddyi_stream_of_reader(r));
    eddyi_wait_park(&w.wait);
    r->waiter = NULL;
    eddyi_stream_leave(eddyi_stream_of_reader(r));
    rc = eddyi_wait_finish(&w.wait);
    return r->time_limit > 0 ? stop_timer(r, &w, rc) : rc;
}

EDDY_COLD static int raise_unusable(eddy_reader *r)
{
    struct eddyi_channel *c = channel_of(r);

    if (r->waiter || r->yields)
        return eddy_raise(-EBUSY, "another task is reading from this stream");
    if (eddyi_loop_forked(c->loop))
        return eddy_raise(EDDY_EFORKED, "the connection was made before fork()");
    r->partial = eddyi_buffer_length(&c->in);
    return r->exception ? eddy_reraise(r->exception) : eddyi_channel_raise(c);
}

/* Drops the bytes that the latest call returned. Returns false if nothing can be read; then
 * raise_unusable() raises the reason. */
static inline bool drop_partial(eddy_reader *r)
{
    struct eddyi_channel *c = channel_of(r);

    eddyi_buffer_consume(&c->in, r->partial);
    r->partial = 0;
    return !r->waiter && !r->yields && c->read_error == 0 && !eddyi_loop_forked(c->loop);
}

static int check(eddy_reader *r)
{
    return drop_partial(r) ? 0 : raise_unusable(r);
}

static int let_others_run(eddy_reader *r)
{
    int rc;

    r->yields = true;
    rc = eddyi_stream_let_others_run(eddyi_stream_of_reader(r));
    r->yields = false;
    return rc < 0 ? rc : check(r);
}

/* Slow path of eddyi_reader_begin(): the stream has used up its share. */
EDDY_COLD static int begin_later(eddy_reader *r)
{
    int rc = let_others_run(r);

    channel_of(r)->used += EDDYI_READ_UNITS;
    return rc;
}

/* Calls its slow paths last, so that it need not save registers. */
EDDYI_DIRECT int eddyi_reader_begin(eddy_reader *r)
{
    if (__builtin_expect(!drop_partial(r), false))
        return raise_unusable(r);
    r->deadline = 0;
    if (eddyi_channel_is_fed(channel_of(r)))
        return 0;
    if (eddyi_stream_has_had_its_share(eddyi_stream_of_reader(r)))
        return begin_later(r);
    channel_of(r)->used += EDDYI_READ_UNITS;
    return 0;
}

/* Breaks the stream, for the writer as well, because of an error of reading. */
static int broken(eddy_reader *r, int error)
{
    struct eddyi_channel *c = channel_of(r);

    eddyi_channel_break(c, error);
    c->read_error = error;
    return check(r);
}

/* Makes the carrier read. If the kernel does not read into the buffer, an empty one is of no use
 * during the wait, and is freed. */
static int arm(struct eddyi_channel *c)
{
    if (c->carrier->ops->waits_without_memory && eddyi_buffer_length(&c->in) == 0)
        eddyi_buffer_trim(&c->in, 0);
    return eddyi_channel_arm(c);
}

/* Reads the bytes that are there, or makes the carrier read. Returns the number of bytes, 0 at the
 * end, -EAGAIN if the caller has to wait, or -errno. */
static ssize_t fill_or_arm(struct eddyi_channel *c)
{
    ssize_t n = eddyi_channel_fill(c);

    if (n > 0)
        c->used += (unsigned)((size_t)n >> EDDYI_UNIT_SHIFT);
    if (n == -EAGAIN && eddyi_task_current()) {
        int rc = arm(c);

        return rc < 0 ? rc : -EAGAIN;
    }
    return n;
}

EDDYI_DIRECT int eddyi_reader_more(eddy_reader *r)
{
    struct eddyi_channel *c = channel_of(r);
    ssize_t n = -EAGAIN;

    if (eddyi_stream_has_had_its_share(eddyi_stream_of_reader(r))) {
        int rc = let_others_run(r);

        if (rc < 0)
            return rc;
    }
    if (!c->armed) {
        if (c->state != EDDYI_OPEN) {
            eddyi_channel_read_over(c);
            return check(r);
        }
        n = fill_or_arm(c);
    }
    if (n == -EAGAIN) {
        int rc = wait_for_data(r);

        return rc < 0 ? rc : c->read_error < 0 ? check(r) : 0;
    }
    if (n == -ENOMEM)
        return eddy_raise(-ENOMEM, NULL);
    return n < 0 ? broken(r, (int)n) : 0;
}

int eddyi_reader_disarm(eddy_reader *r)
{
    struct eddyi_channel *c = channel_of(r);
    int rc = check(r);

    if (rc == 0 && c->armed)
        c->carrier->ops->cancel_readable(c->carrier);
    while (rc == 0 && c->armed)
        rc = wait_for_data(r);
    return rc < 0 ? rc : check(r);
}

/* Feeding by the program. */

int eddy_reader_feed_data(eddy_reader *r, const void *data, size_t size)
{
    struct eddyi_channel *c = channel_of(r);

    if (!eddyi_channel_is_fed(c))
        return eddy_raise(EDDY_EMISUSE, "this reader is fed by its connection");
    if (c->eof)
        return eddy_raise(EDDY_EMISUSE, "feed_data after feed_eof");
    if (eddyi_buffer_append(&c->in, data, size) < 0)
        return eddy_raise(-ENOMEM, NULL);
    if (size > 0)
        eddyi_reader_wake(r);
    return 0;
}

void eddy_reader_feed_eof(eddy_reader *r)
{
    channel_of(r)->eof = true;
    eddyi_reader_wake(r);
}

void eddy_reader_set_exception(eddy_reader *r, const eddy_exception *e)
{
    struct eddyi_channel *c = channel_of(r);

    eddy_exception_unref(r->exception);
    r->exception = eddy_exception_ref(e ? e : eddyi_exception_no_memory());
    c->read_error = eddy_exception_code(r->exception);
    eddyi_reader_wake(r);
}

/* Queries. */

const eddy_exception *eddy_reader_exception(const eddy_reader *r)
{
    struct eddyi_channel *c = channel_of(r);

    return r->exception || c->read_error == 0 ? r->exception : eddyi_channel_reason(c);
}

bool eddy_reader_at_eof(const eddy_reader *r)
{
    return channel_of(r)->eof && eddyi_reader_held(r) == r->partial;
}

size_t eddy_reader_buffered(const eddy_reader *r)
{
    return eddyi_reader_held(r) - r->partial;
}

size_t eddy_reader_partial(const eddy_reader *r, const char **ret_data)
{
    if (r->partial > 0 && ret_data)
        *ret_data = eddyi_buffer_bytes(eddyi_reader_in(r));
    return r->partial;
}

size_t eddy_reader_consumed(const eddy_reader *r)
{
    return r->consumed;
}
