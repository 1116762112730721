/*
 * The reader: getting bytes from the channel into the buffer, and taking them out of it.
 *
 * A call that returns a pointer into the buffer leaves the bytes there, and counts them in
 * `partial`: the next call drops them first.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "stream/stream.h"
#include "task/task.h"
#include "task/wait.h"

#include <limits.h>
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
    int rc;

    if (r->deadline == 0)
        r->deadline = eddyi_loop_now(loop) + r->time_limit;
    w->out_of_time = false;
    w->timer.node.place = 0;
    eddyi_ready_init(&w->timer.ready, out_of_time);
    rc = eddyi_timer_start(loop, &w->timer, r->deadline);
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
    r->partial = eddyi_reader_held(r);
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

/* Reads the bytes that are there, or makes the carrier read. Returns the number of bytes, 0 at the
 * end, -EAGAIN if the caller has to wait, or -errno. */
static ssize_t fill_or_arm(struct eddyi_channel *c)
{
    ssize_t n = eddyi_channel_fill(c);
    int rc;

    if (n > 0)
        c->used += (unsigned)((size_t)n >> EDDYI_UNIT_SHIFT);
    if (n != -EAGAIN || !eddyi_task_current())
        return n;
    /* If the kernel does not read into the buffer, an empty one is of no use during the wait. */
    if (c->carrier->ops->waits_without_memory && eddyi_buffer_length(&c->in) == 0)
        eddyi_buffer_trim(&c->in, 0);
    rc = eddyi_channel_arm(c);
    return rc < 0 ? rc : -EAGAIN;
}

EDDYI_DIRECT int eddyi_reader_more(eddy_reader *r)
{
    struct eddyi_channel *c = channel_of(r);
    ssize_t n = -EAGAIN;
    int rc = eddyi_stream_has_had_its_share(eddyi_stream_of_reader(r)) ? let_others_run(r) : 0;

    if (rc < 0)
        return rc;
    if (!c->armed) {
        if (c->state != EDDYI_OPEN) {
            eddyi_channel_read_over(c);
            return check(r);
        }
        n = fill_or_arm(c);
    }
    if (n == -EAGAIN) {
        rc = wait_for_data(r);
        return rc < 0 ? rc : c->read_error < 0 ? check(r) : 0;
    }
    if (n == -ENOMEM)
        return eddy_raise(-ENOMEM, NULL);
    if (n >= 0)
        return 0;
    eddyi_channel_break(c, (int)n); /* for the writer as well */
    c->read_error = (int)n;
    return check(r);
}

/* Reading by size. */

/* Returns @n bytes at the front of the buffer in *ret_data, valid until the next call. */
static ssize_t give(eddy_reader *r, size_t n, const char **ret_data)
{
    *ret_data = eddyi_buffer_bytes(eddyi_reader_in(r));
    r->partial = n;
    return (ssize_t)n;
}

/* Leaves all bytes for eddy_reader_partial(), since the stream has ended too early: returns @rc. */
static int incomplete(eddy_reader *r, int rc)
{
    r->partial = eddyi_reader_held(r);
    return rc;
}

/* Waits until at least one byte, or the end, is there. */
static int some(eddy_reader *r)
{
    int rc = 0;

    while (rc == 0 && eddyi_reader_held(r) == 0 && !channel_of(r)->eof)
        rc = eddyi_reader_more(r);
    return rc;
}

/* Reads directly into @buf if the buffer is empty and @size is large. Returns the number of bytes,
 * or 0 if that was not possible. */
static ssize_t read_directly(eddy_reader *r, void *buf, size_t size)
{
    struct eddyi_channel *c = &eddyi_stream_of_reader(r)->channel;
    ssize_t n;

    if (eddyi_buffer_length(&c->in) > 0 || c->eof || c->armed || size < c->chunk ||
        c->state != EDDYI_OPEN)
        return 0;
    n = c->carrier->ops->read(c->carrier, buf, size);
    if (n <= 0)
        return 0; /* the next read meets the end and errors again */
    c->used += (unsigned)((size_t)n >> EDDYI_UNIT_SHIFT);
    return n;
}

static bool is_bad_buffer(const void *buf, size_t size)
{
    return (!buf && size > 0) || size > (size_t)SSIZE_MAX;
}

ssize_t eddy_reader_read(eddy_reader *r, void *buf, size_t size)
{
    int rc = eddyi_reader_begin(r);
    ssize_t n;

    if (rc < 0)
        return rc;
    if (is_bad_buffer(buf, size))
        return eddy_raise(-EINVAL, "read: not a buffer of %zu bytes", size);
    if (size == 0)
        return 0;
    n = read_directly(r, buf, size);
    if (n > 0)
        return n;
    rc = some(r);
    return rc < 0 ? rc : (ssize_t)eddyi_buffer_take(eddyi_reader_in(r), buf, size);
}

ssize_t eddy_reader_read_some(eddy_reader *r, size_t max, const char **ret_data)
{
    int rc = eddyi_reader_begin(r);

    if (rc == 0 && !ret_data)
        rc = eddy_raise(-EINVAL, "read_some: there is no place for the data");
    if (rc == 0 && max > 0)
        rc = some(r);
    return rc < 0 ? rc : give(r, eddyi_reader_held(r) < max ? eddyi_reader_held(r) : max, ret_data);
}

ssize_t eddy_reader_read_all(eddy_reader *r, size_t max, const char **ret_data)
{
    int rc = eddyi_reader_begin(r);

    if (rc == 0 && !ret_data)
        rc = eddy_raise(-EINVAL, "read_all: there is no place for the data");
    while (rc == 0 && !channel_of(r)->eof && eddyi_reader_held(r) <= max)
        rc = eddyi_reader_more(r);
    if (rc < 0)
        return rc;
    if (eddyi_reader_held(r) > max)
        return eddy_raise(EDDY_ELIMIT, "the stream is longer than %zu bytes", max);
    return give(r, eddyi_reader_held(r), ret_data);
}

ssize_t eddy_reader_readexactly(eddy_reader *r, void *buf, size_t size)
{
    int rc = eddyi_reader_begin(r);

    if (rc == 0 && is_bad_buffer(buf, size))
        rc = eddy_raise(-EINVAL, "readexactly: not a buffer of %zu bytes", size);
    while (rc == 0 && eddyi_reader_held(r) < size && !channel_of(r)->eof)
        rc = eddyi_reader_more(r);
    if (rc < 0)
        return rc;
    if (eddyi_reader_held(r) >= size)
        return (ssize_t)eddyi_buffer_take(eddyi_reader_in(r), buf, size);
    return incomplete(r, eddy_raise(EDDY_EINCOMPLETE,
                                    "%zu bytes read on a total of %zu expected bytes",
                                    eddyi_reader_held(r), size));
}

/* Reading up to a separator. */

/* A match in the buffer, as offsets from its front. */
struct match {
    size_t start, end;
};

/* Stores the lengths of the shortest and the longest separator. */
static void measure(const eddy_separator *seps, size_t n, size_t *ret_shortest, size_t *ret_longest)
{
    *ret_shortest = *ret_longest = seps->n;
    for (size_t i = 1; i < n; i++) {
        *ret_shortest = seps[i].n < *ret_shortest ? seps[i].n : *ret_shortest;
        *ret_longest = seps[i].n > *ret_longest ? seps[i].n : *ret_longest;
    }
}

/* Searches for the separators from @offset on, and finds the match that ends first (rule 137). */
static bool find(const eddy_reader *r, const eddy_separator *seps, size_t n, size_t offset,
                 struct match *ret)
{
    const char *from = eddyi_buffer_bytes(eddyi_reader_in(r));
    size_t end = eddyi_reader_held(r);
    bool found = false;

    for (size_t i = 0; i < n; i++) {
        const char *p =
            seps[i].n == 1
                ? memchr(from + offset, *(const unsigned char *)seps[i].bytes, end - offset)
                : memmem(from + offset, end - offset, seps[i].bytes, seps[i].n);
        size_t match_end = p ? (size_t)(p - from) + seps[i].n : 0;

        if (!p || (found && match_end >= ret->end))
            continue;
        found = true;
        *ret = (struct match){.start = (size_t)(p - from), .end = match_end};
    }
    return found;
}

static int over_limit(eddy_reader *r, size_t consumed, const char *what)
{
    r->consumed = consumed;
    return eddy_raise(EDDY_ELIMIT, "%s", what);
}

/* Finds the first separator. Bytes that were searched before are not searched again. Returns 0, or
 * raises an error. */
static int search(eddy_reader *r, const eddy_separator *seps, size_t n, struct match *ret)
{
    size_t shortest, longest, offset = 0;

    measure(seps, n, &shortest, &longest);
    for (;;) {
        int rc;

        if (eddyi_reader_held(r) - offset >= shortest) {
            if (find(r, seps, n, offset, ret))
                break;
            offset = eddyi_reader_held(r) + 1 > longest ? eddyi_reader_held(r) + 1 - longest : 0;
            if (offset > r->limit)
                return over_limit(r, offset, "separator is not found, and chunk exceed the limit");
        }
        if (channel_of(r)->eof)
            return incomplete(r,
                              eddy_raise(EDDY_EINCOMPLETE,
                                         "the stream ended after %zu bytes, before the separator",
                                         eddyi_reader_held(r)));
        rc = eddyi_reader_more(r);
        if (rc < 0)
            return rc;
    }
    if (ret->start > r->limit)
        return over_limit(r, ret->start, "separator is found, but chunk is longer than limit");
    return 0;
}

ssize_t eddy_reader_readuntil_any(eddy_reader *r, const eddy_separator *seps, size_t n_seps,
                                  const char **ret_data)
{
    struct match m = {0};
    int rc = eddyi_reader_begin(r);

    for (size_t i = 0; rc == 0 && i < n_seps; i++) {
        if (seps[i].n == 0)
            rc = eddy_raise(-EINVAL, "separator should be at least one-byte string");
    }
    if (rc == 0 && n_seps == 0)
        rc = eddy_raise(-EINVAL, "separator should contain at least one element");
    if (rc == 0 && !ret_data)
        rc = eddy_raise(-EINVAL, "readuntil: there is no place for the data");
    if (rc == 0)
        rc = search(r, seps, n_seps, &m);
    return rc < 0 ? rc : give(r, m.end, ret_data);
}

ssize_t eddy_reader_readuntil(eddy_reader *r, const void *sep, size_t n_sep, const char **ret_data)
{
    return eddy_reader_readuntil_any(r, &(eddy_separator){sep, n_sep}, 1, ret_data);
}

/* Drops the line that was too long, together with its newline if that has arrived (rule 138). */
static void drop_line(eddy_reader *r)
{
    const char *from = eddyi_buffer_bytes(eddyi_reader_in(r));
    const char *newline = memchr(from + r->consumed, '\n', eddyi_reader_held(r) - r->consumed);

    if (newline == from + r->consumed)
        eddyi_buffer_consume(eddyi_reader_in(r), r->consumed + 1);
    else
        eddyi_buffer_consume(eddyi_reader_in(r), eddyi_reader_held(r));
}

ssize_t eddy_reader_readline(eddy_reader *r, const char **ret_line)
{
    ssize_t n = eddy_reader_readuntil(r, "\n", 1, ret_line);

    if (n == EDDY_ELIMIT)
        drop_line(r);
    if (n != EDDY_EINCOMPLETE)
        return n;
    *ret_line = eddyi_buffer_bytes(eddyi_reader_in(r));
    return (ssize_t)r->partial;
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
