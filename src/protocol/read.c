/*
 * Reading: the way of the bytes from the carrier to a protocol.
 *
 * A step is one turn of the input item: it gives the bytes that have arrived to the protocol, and
 * submits the next read to the carrier. The first step only submits the read, so that a task that
 * waits for the connection is woken before any data arrives (rule 149). For a plain protocol, the
 * read goes directly into the transport's buffer. A buffered protocol is asked for its memory only
 * when there are bytes to read, so that it never has to leave memory with the kernel.
 */
#include "eddy/error.h"
#include "loop/loop.h"
#include "protocol/transport.h"

static bool is_buffered(const eddy_transport *t)
{
    return t->protocol->get_buffer != NULL;
}

void eddyi_protocol_readable(eddy_carrier *carrier, ssize_t result)
{
    eddy_transport *t = eddyi_protocol_transport(carrier->user);

    eddyi_channel_read_done(&t->channel, result);
    t->readable = result == -EAGAIN;
    eddyi_timer_stop(t->channel.loop, &t->silence);
    eddyi_protocol_queue(t, &t->input);
}

/* Returns true if input is wanted, and neither a read nor the start of TLS is under way. */
static bool may_go_on(const eddy_transport *t)
{
    return eddy_transport_is_reading(t) && !t->ended && !t->channel.armed && !t->channel.tls_start;
}

static bool has_bytes(const eddy_transport *t)
{
    return eddyi_buffer_length(&t->channel.in) > 0 || t->readable;
}

static bool has_end(const eddy_transport *t)
{
    return t->channel.eof || t->channel.read_error < 0;
}

/* Returns the memory that a buffered protocol wants filled. Returns NULL, and breaks the transport,
 * if the memory is NULL or empty (rule 159). */
static void *ask_for_buffer(eddy_transport *t, size_t hint, size_t *ret_size)
{
    size_t size = 0;
    void *buf = t->protocol->get_buffer(t->arg, hint, &size);

    if (buf && size > 0) {
        *ret_size = size;
        return buf;
    }
    eddyi_channel_break(&t->channel,
                        eddy_raise(EDDY_EMISUSE, "get_buffer() returned an empty buffer"));
    return NULL;
}

/* Fills memory of the buffered protocol once: with bytes that were read before it was set, or else
 * by reading. */
static void fill_buffer(eddy_transport *t)
{
    struct eddyi_channel *c = &t->channel;
    size_t held = eddyi_buffer_length(&c->in), size;
    void *buf = ask_for_buffer(t, held > 0 ? held : SIZE_MAX, &size);
    ssize_t n;

    if (!buf || (held == 0 && !eddy_transport_is_reading(t)))
        return;
    if (held > 0) {
        n = (ssize_t)eddyi_buffer_take(&c->in, buf, size);
    } else {
        n = c->carrier->ops->read(c->carrier, buf, size);
        t->readable = false;
    }
    if (n <= 0)
        eddyi_channel_read_ended(c, n);
    else if (t->protocol->buffer_updated)
        t->protocol->buffer_updated(t->arg, (size_t)n);
}

/* Gives all bytes to the protocol. The protocol's calls meanwhile, such as pausing, closing or
 * setting another protocol, apply to the remaining bytes. */
static void give_out(eddy_transport *t)
{
    struct eddyi_buffer *in = &t->channel.in;

    while (eddyi_buffer_length(in) > 0 && eddy_transport_is_reading(t)) {
        size_t n = eddyi_buffer_length(in);

        if (is_buffered(t)) {
            fill_buffer(t);
            continue;
        }
        eddyi_buffer_consume(in, n);
        if (t->protocol->data_received)
            t->protocol->data_received(t->arg, eddyi_buffer_bytes(in) - n, n);
    }
}

static void read_plain(eddy_transport *t)
{
    ssize_t n = eddyi_channel_fill(&t->channel);

    t->readable = false;
    if (n < 0)
        eddyi_channel_read_ended(&t->channel, n);
}

/* Reports the end of the input. */
static void end_input(eddy_transport *t)
{
    struct eddyi_channel *c = &t->channel;

    t->ended = true;
    if (c->read_error < 0)
        eddyi_channel_break(c, c->read_error);
    else if (!t->protocol->eof_received || !t->protocol->eof_received(t->arg) || c->tls ||
             c->ways == EDDYI_READ_ONLY)
        eddyi_channel_close(c);
}

static int arm(eddy_transport *t)
{
    int rc;

    if (t->channel.ways == EDDYI_WRITE_ONLY)
        return eddyi_channel_watch_read_end(&t->channel);
    if (is_buffered(t))
        return eddyi_channel_wait_readable(&t->channel, NULL, 0);
    rc = eddyi_channel_make_room(&t->channel);
    return rc < 0 ? rc : eddyi_channel_arm(&t->channel);
}

/* Submits a read to the carrier, unless something else has to be done first. */
static void go_on(eddy_transport *t)
{
    struct eddyi_channel *c = &t->channel;
    int rc;

    if (!may_go_on(t))
        return;
    if (has_bytes(t) || has_end(t)) {
        eddyi_protocol_queue(t, &t->input);
        return;
    }
    rc = arm(t);
    if (rc == 0 && t->read_limit > 0)
        rc = eddyi_timer_start_after(c->loop, &t->silence, t->read_limit);
    if (rc < 0)
        eddyi_channel_break(c, rc);
}

/* Expires the read timeout. While the user has paused reading, the timeout does not expire but
 * starts again. */
void eddyi_protocol_silence(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, silence.ready);

    if (!t->channel.armed)
        return;
    if (!t->paused || eddyi_timer_start_after(t->channel.loop, &t->silence, t->read_limit) < 0)
        eddyi_channel_expire(&t->channel, "the peer has sent nothing", t->read_limit);
}

/* Reads if the carrier has reported readiness, gives the bytes to the protocol, then reports the
 * end. */
static void step(eddy_transport *t)
{
    bool read = eddyi_buffer_length(&t->channel.in) == 0 && t->readable;

    if (read && is_buffered(t))
        fill_buffer(t);
    else if (read)
        read_plain(t);
    give_out(t);
    if (eddy_transport_is_reading(t) && !has_bytes(t) && has_end(t))
        end_input(t);
}

void eddyi_protocol_input(struct eddyi_ready *r)
{
    eddy_transport *t = eddyi_container(r, eddy_transport, input);
    struct eddyi_var_scope *outside;

    if (!may_go_on(t))
        return;
    outside = eddyi_face_enter(&t->face);
    step(t);
    go_on(t);
    eddyi_face_leave(&t->face, outside);
}

void eddy_transport_pause_reading(eddy_transport *t)
{
    t->paused = t->channel.ways != EDDYI_WRITE_ONLY;
}

void eddy_transport_resume_reading(eddy_transport *t)
{
    if (!t->paused)
        return;
    t->paused = false;
    if (!eddyi_channel_is_closing(&t->channel) && t->protocol)
        eddyi_protocol_queue(t, &t->input);
}

bool eddy_transport_is_reading(const eddy_transport *t)
{
    return !t->paused && !eddyi_channel_is_closing(&t->channel);
}
