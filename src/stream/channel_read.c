/*
 * Reading from the carrier into a channel's buffer.
 */
#include "stream/channel.h"

void eddyi_channel_read_ended(struct eddyi_channel *c, ssize_t result)
{
    if (result == 0)
        c->eof = true;
    else if (result != -EAGAIN && result != -ECANCELED)
        c->read_error = (int)result;
}

/* Frees the memory of an empty buffer that had grown, when reads are small again. */
EDDYI_DIRECT int eddyi_channel_make_room(struct eddyi_channel *c)
{
    if (c->chunk == EDDYI_SMALL_CHUNK && eddyi_buffer_length(&c->in) == 0)
        eddyi_buffer_trim(&c->in, EDDYI_IDLE_MEMORY);
    return eddyi_buffer_reserve(&c->in, c->chunk);
}

EDDYI_DIRECT ssize_t eddyi_channel_fill(struct eddyi_channel *c)
{
    eddy_carrier *carrier = c->carrier;
    size_t room;
    ssize_t n;

    if (eddyi_channel_make_room(c) < 0)
        return -ENOMEM;
    room = eddyi_buffer_room(&c->in);
    n = carrier->ops->read(carrier, c->in.data + c->in.end, room);
    if (n > 0)
        eddyi_channel_came(c, (size_t)n, room);
    else if (n == 0)
        c->eof = true;
    return n;
}

void eddyi_channel_read_end_closed(struct eddyi_channel *c)
{
    if (eddyi_buffer_length(&c->out) > 0)
        eddyi_channel_break(c, -EPIPE);
    else
        eddyi_channel_close(c);
}
