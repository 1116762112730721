/*
 * How bytes get from the carrier to a protocol.
 *
 * One step is one turn of the input item: what came is given out, and a read is with the carrier
 * again. The first only does the latter, so that whoever waits for the connection hears of it
 * before any data (rule 149). For a plain protocol that read goes right into the transport's
 * buffer; a buffered one is asked for its memory only when there is something to read, so that it
 * never has to leave memory with the kernel.
 */
#include "eddy/error.h"
#include "loop/loop.h"
#include "protocol/transport.h"
#include "sync/wait_queue.h"

#include <string.h>

/* Room for a read at first, and when reads fill it; and what an idle transport keeps. */
enum { SMALL_CHUNK = 4096, LARGE_CHUNK = 65536, IDLE_MEMORY = 16384 };

static bool is_buffered(const eddy_transport *t)
{
    return t->protocol->get_buffer != NULL;
}

void eddyi_protocol_want_input(eddy_transport *t)
{
    if (eddyi_list_empty(&t->input.link) && !t->base.loop->closed)
        eddyi_loop_ready(t->base.loop, &t->input);
}

/* @n bytes have come into the room, which was @room. Who fills it gets more next time. */
static void came(eddy_transport *t, size_t n, size_t room)
{
    t->in.end += n;
    if (n == room)
        t->fills = true;
    else if (n < SMALL_CHUNK)
        t->fills = false;
}

/* What a read gave other than bytes. */
static void note(eddy_transport *t, ssize_t result)
{
    t->news = result == -EAGAIN || result == -ECANCELED ? EDDYI_NO_NEWS : (int)result;
}

void eddyi_protocol_readable(struct eddyi_transport *base, ssize_t result)
{
    eddy_transport *t = eddyi_protocol_transport(base);

    t->armed = false;
    eddyi_timer_stop(t->base.loop, &t->silence);
    if (result > 0)
        came(t, (size_t)result, eddyi_buffer_room(&t->in));
    else if (result == -EAGAIN)
        t->news = EDDYI_READ_KNOWS;
    else
        note(t, result);
    eddyi_wait_queue_wake_all(&t->quiet);
    eddyi_protocol_want_input(t);
}

/* The memory that a buffered protocol wants filled, NULL if it is none: then the transport is
 * broken (rule 159). */
static void *ask_for_buffer(eddy_transport *t, size_t hint, size_t *ret_size)
{
    size_t size = 0;
    void *buf = t->protocol->get_buffer(t->arg, hint, &size);

    if (buf && size > 0) {
        *ret_size = size;
        return buf;
    }
    eddyi_transport_break(&t->base,
                          eddy_raise(EDDY_EMISUSE, "get_buffer() returned an empty buffer"));
    return NULL;
}

static void tell_updated(eddy_transport *t, size_t n)
{
    if (t->protocol->buffer_updated)
        t->protocol->buffer_updated(t->arg, n);
}

/* Gives a buffered protocol a piece of what was read before it was there. */
static void give_copy(eddy_transport *t)
{
    size_t held = eddyi_buffer_length(&t->in), size;
    void *buf = ask_for_buffer(t, held, &size);

    if (!buf)
        return;
    size = size < held ? size : held;
    memcpy(buf, eddyi_buffer_bytes(&t->in), size);
    eddyi_buffer_consume(&t->in, size);
    tell_updated(t, size);
}

/* Gives out all; what the protocol does meanwhile, pausing and closing included, counts for the
 * rest. */
static void give_out(eddy_transport *t)
{
    while (eddyi_buffer_length(&t->in) > 0 && eddy_transport_is_reading(t)) {
        size_t n = eddyi_buffer_length(&t->in);

        if (is_buffered(t)) {
            give_copy(t);
            continue;
        }
        eddyi_buffer_consume(&t->in, n);
        if (t->protocol->data_received)
            t->protocol->data_received(t->arg, eddyi_buffer_bytes(&t->in) - n, n);
    }
}

/* One read into a buffered protocol's own memory. */
static void read_buffered(eddy_transport *t)
{
    size_t size;
    void *buf = ask_for_buffer(t, SIZE_MAX, &size);
    ssize_t n;

    if (!buf || !eddy_transport_is_reading(t))
        return;
    n = t->base.carrier->ops->read(t->base.carrier, buf, size);
    note(t, n > 0 ? -EAGAIN : n);
    if (n > 0)
        tell_updated(t, (size_t)n);
}

static int make_room(eddy_transport *t)
{
    if (!t->fills)
        eddyi_buffer_trim(&t->in, IDLE_MEMORY);
    return eddyi_buffer_reserve(&t->in, t->fills ? LARGE_CHUNK : SMALL_CHUNK);
}

static void read_plain(eddy_transport *t)
{
    eddy_carrier *c = t->base.carrier;
    int rc = make_room(t);
    size_t room = eddyi_buffer_room(&t->in);
    ssize_t n = rc < 0 ? rc : c->ops->read(c, t->in.data + t->in.end, room);

    note(t, n > 0 ? -EAGAIN : n);
    if (n > 0)
        came(t, (size_t)n, room);
}

/* The peer writes no more (rule 151). */
static void end_of_input(eddy_transport *t)
{
    bool keep = t->protocol->eof_received && t->protocol->eof_received(t->arg);

    if (!keep || t->tls || t->ways == EDDYI_READ_ONLY)
        eddyi_transport_close(&t->base);
}

/* Nobody reads from the pipe any more (rule 161). */
static void read_end_closed(eddy_transport *t)
{
    if (eddyi_buffer_length(&t->base.out) > 0)
        eddyi_transport_break(&t->base, -EPIPE);
    else
        eddyi_transport_close(&t->base);
}

static int arm(eddy_transport *t)
{
    eddy_carrier *c = t->base.carrier;
    int rc;

    if (t->ways == EDDYI_WRITE_ONLY || is_buffered(t))
        return c->ops->wait_readable(c, NULL, 0);
    rc = make_room(t);
    return rc < 0 ? rc
                  : c->ops->wait_readable(c, t->in.data + t->in.end, eddyi_buffer_room(&t->in));
}

/* A read with the carrier, if there is nothing else to do first. */
static void go_on(eddy_transport *t)
{
    int rc;

    if (eddy_transport_is_closing(t) || t->eof || t->armed || t->paused || t->starting_tls)
        return;
    if (eddyi_buffer_length(&t->in) > 0 || t->news != EDDYI_NO_NEWS) {
        eddyi_protocol_want_input(t);
        return;
    }
    rc = arm(t);
    t->armed = rc == 0;
    if (rc == 0 && t->read_limit > 0)
        rc = eddyi_timer_start(t->base.loop, &t->silence,
                               eddyi_loop_now(t->base.loop) + t->read_limit);
    if (rc < 0)
        eddyi_transport_break(&t->base, rc);
}

/* While the user wants nothing, nothing is amiss; the time begins anew. */
void eddyi_protocol_silence(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, silence.ready);

    if (!t->armed)
        return;
    if (!t->paused || eddyi_timer_start(t->base.loop, &t->silence,
                                        eddyi_loop_now(t->base.loop) + t->read_limit) < 0)
        eddyi_transport_expire(&t->base, "the peer has sent nothing", t->read_limit);
}

/* What the carrier said, and what it has. */
static void step(eddy_transport *t)
{
    if (eddyi_buffer_length(&t->in) == 0 && t->news == EDDYI_READ_KNOWS) {
        if (is_buffered(t))
            read_buffered(t);
        else
            read_plain(t);
    }
    give_out(t);
    if (!eddy_transport_is_reading(t) || eddyi_buffer_length(&t->in) > 0 ||
        t->news == EDDYI_NO_NEWS)
        return;
    t->eof = true;
    if (t->news == 0)
        end_of_input(t);
    else
        eddyi_transport_break(&t->base, t->news);
}

void eddyi_protocol_input(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, input);
    struct eddyi_var_scope *outside;

    if (t->armed || t->eof || t->starting_tls || !eddy_transport_is_reading(t))
        return;
    outside = eddyi_protocol_enter(t);
    if (t->ways != EDDYI_WRITE_ONLY)
        step(t);
    else if (t->news != EDDYI_NO_NEWS)
        read_end_closed(t);
    go_on(t);
    eddyi_protocol_leave(t, outside);
}

void eddy_transport_pause_reading(eddy_transport *t)
{
    t->paused = t->ways != EDDYI_WRITE_ONLY;
}

void eddy_transport_resume_reading(eddy_transport *t)
{
    if (!t->paused)
        return;
    t->paused = false;
    if (!eddyi_transport_is_closing(&t->base) && t->protocol)
        eddyi_protocol_want_input(t);
}

bool eddy_transport_is_reading(const eddy_transport *t)
{
    return !t->paused && !eddyi_transport_is_closing(&t->base);
}
