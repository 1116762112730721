/*
 * Gathering: what a channel is given in several calls of one turn goes out in one system call.
 *
 * The first write of a turn is sent at once, so a task that asks and waits pays nothing. A second
 * one in the same turn shows that more may come: it is kept in `out`, and sent with all that
 * follows when the turn ends, before the loop polls the kernel, or between two items if the turn
 * takes longer than 50 us. A channel that wrote several times in the latest turn in which it wrote
 * keeps the first write, too: an answer of two writes is sent as one.
 *
 * Gathered bytes are not waited for, so no writer is paused: a write that would go past the
 * high-water mark sends them first. So does every call that needs the carrier for something else,
 * or ends the channel; no other call can tell gathered bytes from sent ones.
 *
 * Where the backend can send for many connections in one system call (io_uring), and many write in
 * one turn, the first write is kept, too, and all of them go out together, up to 64 at a time.
 * Below eight connections in a turn, each sends at once, and so does a write of more than 4 KiB,
 * which costs more to copy than the call.
 *
 * The buffers of gathered bytes are lent: connections that write one after the other use those that
 * are still in the cache.
 *
 * Carriers in memory are not gathered for: their bytes cost no system call, and arrive in the same
 * turn. Nor is anything while time is virtual.
 */
#include "loop/urgent.h"
#include "stream/channel.h"

/* The most bytes of a write that is kept: sending more costs more than the call. The number of
 * channels that write in one turn from which on batches are made. */
enum { MOST = 16384, CROWD = 8 };

/* Returns true if @total more bytes may wait for the end of the turn. */
static bool may_wait(const struct eddyi_channel *c, size_t total)
{
    const eddy_loop *loop = c->loop;
    bool in_item = eddyi_loop_running == loop && loop->schedule.item && !loop->closed && c->all;
    bool idle = !c->waiting && !c->file_out && !c->sending && !c->tls_start;
    bool costs_calls = c->carrier->ops->send_file || c->carrier->ops->kept;

    return in_item && idle && total <= MOST &&
           total + eddyi_buffer_length(&c->out) <= c->marks.high && costs_calls &&
           !eddyi_backend_is_virtual(loop->backend);
}

/* Counts a channel that writes for the first time in a turn. Returns true if many do, in this one
 * so far or in the one before. */
static bool is_crowded(struct eddyi_channels *all, uint64_t turn)
{
    if (all->turn != turn) {
        all->crowded = all->n_writers >= CROWD;
        all->n_writers = 0;
        all->turn = turn;
    }
    if (++all->n_writers >= CROWD)
        all->crowded = true;
    return all->crowded;
}

/* Takes note of a write of @total bytes. Returns true if others are likely to follow in this turn:
 * of this channel, or of many, whose bytes should fit into spare buffers. */
static bool others_follow(struct eddyi_channel *c, size_t total)
{
    bool first = c->wrote_in != c->loop->schedule.turns, often = c->several;

    c->wrote_in = c->loop->schedule.turns;
    c->several = !first;
    return !first ||
           (c->batches && is_crowded(c->all, c->wrote_in) && total <= EDDYI_SMALL_CHUNK) || often;
}

/* Keeps the memory of the empty buffer for the next channel that gathers, while it is still in the
 * cache. */
static void give_spare(struct eddyi_channel *c)
{
    struct eddyi_channels *all = c->all;

    if (all && all->n_spares < EDDYI_BATCH && c->out.size == EDDYI_SMALL_CHUNK) {
        all->spares[all->n_spares++] = c->out;
        c->out = (struct eddyi_buffer){0};
    } else {
        eddyi_buffer_trim(&c->out, EDDYI_IDLE_MEMORY);
    }
}

bool eddyi_channel_gather(struct eddyi_channel *c, const struct iovec *iov, int n, size_t total)
{
    bool gathers = others_follow(c, total) && may_wait(c, total);
    struct eddyi_channels *all = c->all;

    if (gathers && !c->gathers && all->n_gathering >= EDDYI_BATCH)
        eddyi_channels_send_gathered(all);
    if (gathers && !c->out.data && all->n_spares > 0)
        c->out = all->spares[--all->n_spares];
    if (!gathers || eddyi_buffer_reserve(&c->out, total) < 0) {
        eddyi_channel_send_gathered(c);
        return false;
    }
    if (!c->gathers) {
        c->gathers = true;
        if (all->n_gathering++ == 0)
            eddyi_loop_soon_in_turn(c->loop, &all->turn_end);
        eddyi_list_append(&all->gathering, &c->gathering);
    }
    for (int i = 0; i < n; i++)
        (void)eddyi_buffer_append(&c->out, iov[i].iov_base, iov[i].iov_len); /* there is room */
    return true;
}

void eddyi_channel_stop_gathering(struct eddyi_channel *c)
{
    struct eddyi_channels *all = c->all;

    if (!c->gathers)
        return;
    c->gathers = false;
    eddyi_list_remove(&c->gathering);
    if (all && --all->n_gathering == 0)
        eddyi_loop_not_in_turn(c->loop, &all->turn_end);
}

/* Handles the result @n of the send of all gathered bytes. No more bytes are kept than the
 * high-water mark allows, so no writer is paused. */
static void sent(struct eddyi_channel *c, ssize_t n)
{
    if (n < 0 && n != -EAGAIN) {
        eddyi_channel_break(c, (int)n);
        return;
    }
    eddyi_buffer_consume(&c->out, n > 0 ? (size_t)n : 0);
    if (eddyi_buffer_length(&c->out) > 0)
        eddyi_channel_wait_writable(c);
    else
        give_spare(c);
}

void eddyi_channel_send_gathered(struct eddyi_channel *c)
{
    struct iovec all = {eddyi_buffer_bytes(&c->out), eddyi_buffer_length(&c->out)};

    if (!c->gathers || eddyi_loop_forked(c->loop))
        return;
    eddyi_channel_stop_gathering(c);
    sent(c, c->carrier->ops->write(c->carrier, &all, 1));
}

/* Sends for the channels that can be in a batch, in the order of the list. */
static void send_batch(struct eddyi_channels *all)
{
    struct eddyi_backend *b = all->part.loop->backend;
    size_t n = 0;

    EDDYI_LIST_EACH(l, &all->gathering) {
        struct eddyi_channel *c = eddyi_container(l, struct eddyi_channel, gathering);

        EDDYI_ASSERT(n < EDDYI_BATCH);
        if (c->batches)
            all->sends[n++] = (struct eddyi_send){.fd = eddyi_carrier_socket(c->carrier),
                                                  .buf = eddyi_buffer_bytes(&c->out),
                                                  .size = eddyi_buffer_length(&c->out)};
    }
    if (n > 0)
        b->ops->send_batch(b, all->sends, n);
}

/* Channels that cannot be in a batch send for themselves. In a child of fork() the bytes are the
 * parent's. */
void eddyi_channels_send_gathered(struct eddyi_channels *all)
{
    eddy_loop *loop = all->part.loop;
    const struct eddyi_send *next = all->sends;

    if (!eddyi_loop_forked(loop))
        send_batch(all);
    while (!eddyi_list_empty(&all->gathering) && !eddyi_loop_forked(loop)) {
        struct eddyi_channel *c =
            eddyi_container(all->gathering.next, struct eddyi_channel, gathering);

        if (!c->batches) {
            eddyi_channel_send_gathered(c);
            continue;
        }
        EDDYI_ASSERT(next->fd == eddyi_carrier_socket(c->carrier));
        eddyi_channel_stop_gathering(c);
        sent(c, next++->result);
    }
}
