/*
 * The reader: how bytes get into its buffer. How they get out of it is in read.c and readuntil.c.
 */
#include "stream/reader.h"
#include "base/exception.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "stream/stream.h"
#include "task/task.h"
#include "task/wait.h"

#include <string.h>

/* Room for a read at first, and when reads fill it; and what an idle reader keeps. */
enum { SMALL_CHUNK = 4096, LARGE_CHUNK = 65536, IDLE_MEMORY = 16384 };

void eddyi_reader_init(eddy_reader *r, struct eddyi_stream *s, size_t limit,
                       void (*unused)(struct eddyi_ready *r))
{
    *r = (eddy_reader){
        .stream = s, .limit = limit ? limit : EDDY_STREAM_LIMIT, .chunk = SMALL_CHUNK};
    eddyi_ready_init(&r->unused, unused);
}

void eddyi_reader_fini(eddy_reader *r)
{
    eddyi_buffer_fini(&r->in);
    eddy_exception_unref(r->exception);
}

static void free_fed(eddy_reader *r)
{
    eddyi_reader_fini(r);
    eddyi_free(r);
}

static void unused(struct eddyi_ready *r)
{
    free_fed(eddyi_container(r, eddy_reader, unused));
}

int eddy_reader_new(size_t limit, eddy_reader **ret)
{
    eddy_reader *r = eddyi_loop_running ? eddyi_alloc(sizeof *r) : NULL;

    if (!r)
        return eddy_raise(eddyi_loop_running ? -ENOMEM : EDDY_ENOLOOP, NULL);
    eddyi_reader_init(r, NULL, limit, unused);
    *ret = r;
    return 0;
}

void eddy_reader_free(eddy_reader *r)
{
    if (!r)
        return;
    if (r->stream) {
        eddyi_stream_give_back(r->stream);
    } else if (r->waiter) {
        r->deserted = true;
        eddy_reader_feed_eof(r);
    } else if (eddyi_list_empty(&r->unused.link)) {
        free_fed(r);
    }
}

static void wake(eddy_reader *r)
{
    if (r->waiter && !r->waiter->over)
        eddyi_wait_over(r->waiter);
}

/* @n bytes have come into the room, which was @room. Who fills it gets more next time. */
static void came(eddy_reader *r, size_t n, size_t room)
{
    r->in.end += n;
    if (n == room)
        r->chunk = LARGE_CHUNK;
    else if (n < SMALL_CHUNK)
        r->chunk = SMALL_CHUNK;
}

EDDYI_DIRECT void eddyi_reader_readable(eddy_reader *r, ssize_t result)
{
    r->armed = false;
    if (result > 0)
        came(r, (size_t)result, eddyi_buffer_room(&r->in));
    else if (result == 0)
        r->eof = true;
    else if (result != -EAGAIN && result != -ECANCELED)
        eddyi_transport_break(&r->stream->transport, (int)result);
    if (result < 0 && r->stream->transport.error < 0)
        r->error = r->stream->transport.error;
    wake(r);
}

void eddyi_reader_lost(eddy_reader *r)
{
    r->armed = false;
    if (r->stream->transport.error < 0)
        r->error = r->stream->transport.error;
    else
        r->eof = true;
    wake(r);
}

/* Tries to read into the buffer. How many bytes, 0 at the end, -EAGAIN, or -errno. */
static ssize_t try_fill(eddy_reader *r)
{
    eddy_carrier *c = r->stream->transport.carrier;
    size_t room;
    ssize_t n;

    if (eddyi_buffer_length(&r->in) == 0 && r->chunk == SMALL_CHUNK)
        eddyi_buffer_trim(&r->in, IDLE_MEMORY);
    if (eddyi_buffer_reserve(&r->in, r->chunk) < 0)
        return -ENOMEM;
    room = eddyi_buffer_room(&r->in);
    n = c->ops->read(c, r->in.data + r->in.end, room);
    if (n > 0) {
        came(r, (size_t)n, room);
        r->stream->transport.used += (unsigned)((size_t)n >> EDDYI_UNIT_SHIFT);
    }
    return n;
}

static int arm(eddy_reader *r)
{
    eddy_carrier *c = r->stream->transport.carrier;
    int rc;

    /* Where the kernel does not read into it, an empty buffer is of no use while nothing comes. */
    if (c->ops->waits_without_memory && eddyi_buffer_length(&r->in) == 0)
        eddyi_buffer_trim(&r->in, 0);
    rc = c->ops->wait_readable(c, r->in.data ? r->in.data + r->in.end : NULL,
                               eddyi_buffer_room(&r->in));

    r->armed = rc == 0;
    return rc;
}

static bool cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

/* On the stack of a task that reads, where a call has a limit of time. */
struct limited_wait {
    struct eddyi_wait wait;
    struct eddyi_timer timer;
    bool out_of_time;
};

static void out_of_time(struct eddyi_ready *r)
{
    struct limited_wait *w = eddyi_container(r, struct limited_wait, timer.ready);

    if (w->wait.over)
        return;
    w->out_of_time = true;
    eddyi_wait_over(&w->wait);
}

static int raise_out_of_time(eddy_reader *r)
{
    r->stream->transport.out_of_time = true;
    return eddy_raise(-ETIMEDOUT, "the peer has not sent it within %g seconds",
                      (double)r->time_limit * 1e-9);
}

/* All waits of a call together have the limit. */
static int wait_for_data_in_time(eddy_reader *r)
{
    eddy_loop *loop = r->stream->transport.loop;
    struct limited_wait w = {.out_of_time = false};
    int rc = eddyi_wait_init(&w.wait, cancel);

    if (rc < 0)
        return rc;
    if (r->deadline == 0)
        r->deadline = eddyi_loop_now(loop) + r->time_limit;
    eddyi_ready_init(&w.timer.ready, out_of_time);
    rc = eddyi_timer_start(loop, &w.timer, r->deadline);
    if (rc < 0)
        return eddy_raise(rc, NULL);
    w.wait.what = "data from a stream";
    r->waiter = &w.wait;
    eddyi_stream_enter(r->stream);
    eddyi_wait_park(&w.wait);
    r->waiter = NULL;
    eddyi_stream_leave(r->stream);
    eddyi_timer_stop(loop, &w.timer);
    rc = eddyi_wait_finish(&w.wait);
    return rc == 0 && w.out_of_time ? raise_out_of_time(r) : rc;
}

EDDYI_UNGUARDED static int wait_for_data(eddy_reader *r)
{
    struct eddyi_wait w;
    int rc;

    if (r->time_limit > 0)
        return wait_for_data_in_time(r);
    rc = eddyi_wait_init(&w, cancel);
    if (rc < 0)
        return rc;
    w.what = "data from a stream";
    r->waiter = &w;
    if (r->stream)
        eddyi_stream_enter(r->stream);
    eddyi_wait_park(&w);
    r->waiter = NULL;
    if (r->stream)
        eddyi_stream_leave(r->stream);
    else if (r->deserted)
        eddyi_loop_ready(w.task->future.loop, &r->unused);
    return eddyi_wait_finish(&w);
}

/* What breaks a stream while it reads breaks it for the writer as well. */
static int broken(eddy_reader *r, int error)
{
    eddyi_transport_break(&r->stream->transport, error);
    r->error = error;
    return eddyi_reader_check(r);
}

EDDY_COLD static int raise_unusable(eddy_reader *r)
{
    if (r->waiter || r->yields)
        return eddy_raise(-EBUSY, "another task is reading from this stream");
    if (r->stream && eddyi_loop_forked(r->stream->transport.loop))
        return eddy_raise(EDDY_EFORKED, "the connection was made before fork()");
    r->partial = eddyi_buffer_length(&r->in);
    if (r->exception)
        return eddy_reraise(r->exception);
    return r->stream ? eddyi_transport_raise(&r->stream->transport) : eddy_raise(r->error, NULL);
}

/* Drops what the latest call gave out. False: raise_unusable() says why nothing can be read. */
static inline bool drop_partial(eddy_reader *r)
{
    eddyi_buffer_consume(&r->in, r->partial);
    r->partial = 0;
    return !r->waiter && !r->yields && r->error == 0 &&
           !(r->stream && eddyi_loop_forked(r->stream->transport.loop));
}

int eddyi_reader_check(eddy_reader *r)
{
    return drop_partial(r) ? 0 : raise_unusable(r);
}

static int let_others_run(eddy_reader *r)
{
    int rc;

    r->yields = true;
    rc = eddyi_stream_let_others_run(r->stream);
    r->yields = false;
    return rc < 0 ? rc : eddyi_reader_check(r);
}

/* Slow path of eddyi_reader_begin(): this stream has had its share. */
EDDY_COLD static int begin_later(eddy_reader *r)
{
    int rc = let_others_run(r);

    r->stream->transport.used += EDDYI_READ_UNITS;
    return rc;
}

/* Its slow paths are calls in the last place, so that no register has to be saved. */
EDDYI_DIRECT int eddyi_reader_begin(eddy_reader *r)
{
    if (__builtin_expect(!drop_partial(r), false))
        return raise_unusable(r);
    r->deadline = 0;
    if (!r->stream)
        return 0;
    if (eddyi_stream_has_had_its_share(r->stream))
        return begin_later(r);
    r->stream->transport.used += EDDYI_READ_UNITS;
    return 0;
}

EDDYI_DIRECT int eddyi_reader_more(eddy_reader *r)
{
    ssize_t n = -EAGAIN;

    if (r->stream && eddyi_stream_has_had_its_share(r->stream)) {
        int rc = let_others_run(r);

        if (rc < 0)
            return rc;
    }

    if (r->stream && !r->armed) {
        if (r->stream->transport.state != EDDYI_OPEN) {
            eddyi_reader_lost(r);
            return r->error < 0 ? eddyi_reader_check(r) : 0;
        }
        n = try_fill(r);
        if (n == -EAGAIN && eddyi_task_here()) {
            int rc = arm(r);

            n = rc < 0 ? rc : -EAGAIN;
        }
    }
    if (n == 0)
        r->eof = true;
    if (n == -EAGAIN) {
        int rc = wait_for_data(r);

        return rc < 0 ? rc : r->error < 0 ? eddyi_reader_check(r) : 0;
    }
    if (n == -ENOMEM)
        return eddy_raise(-ENOMEM, NULL);
    return n < 0 ? broken(r, (int)n) : 0;
}

int eddyi_reader_disarm(eddy_reader *r)
{
    eddy_carrier *c = r->stream->transport.carrier;
    int rc = eddyi_reader_check(r);

    if (rc == 0 && r->armed)
        c->ops->cancel_readable(c);
    while (rc == 0 && r->armed)
        rc = wait_for_data(r);
    return rc < 0 ? rc : eddyi_reader_check(r);
}

/* Feeding by hand. */

int eddy_reader_feed_data(eddy_reader *r, const void *data, size_t size)
{
    if (r->stream)
        return eddy_raise(EDDY_EMISUSE, "this reader is fed by its connection");
    if (r->eof)
        return eddy_raise(EDDY_EMISUSE, "feed_data after feed_eof");
    if (eddyi_buffer_append(&r->in, data, size) < 0)
        return eddy_raise(-ENOMEM, NULL);
    if (size > 0)
        wake(r);
    return 0;
}

void eddy_reader_feed_eof(eddy_reader *r)
{
    r->eof = true;
    wake(r);
}

void eddy_reader_set_exception(eddy_reader *r, const eddy_exception *e)
{
    eddy_exception_unref(r->exception);
    r->exception = eddy_exception_ref(e);
    r->error = e ? eddy_exception_code(e) : -ENOMEM;
    wake(r);
}

/* Looking. */

const eddy_exception *eddy_reader_exception(const eddy_reader *r)
{
    if (r->exception || r->error == 0)
        return r->exception;
    /* Made for whoever asks; where memory is short, that is what it says. */
    ((eddy_reader *)(uintptr_t)r)->exception =
        r->stream && r->stream->transport.exception
            ? eddy_exception_ref(r->stream->transport.exception)
            : eddy_exception_new(r->error, "the connection is lost");
    return r->exception ? r->exception : eddyi_exception_no_memory();
}

bool eddy_reader_at_eof(const eddy_reader *r)
{
    return r->eof && eddyi_buffer_length(&r->in) == r->partial;
}

size_t eddy_reader_buffered(const eddy_reader *r)
{
    return eddyi_buffer_length(&r->in) - r->partial;
}

size_t eddy_reader_partial(const eddy_reader *r, const char **ret_data)
{
    if (r->partial > 0)
        *ret_data = eddyi_buffer_bytes(&r->in);
    return r->partial;
}

size_t eddy_reader_consumed(const eddy_reader *r)
{
    return r->consumed;
}
