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
 * Carriers in memory are not gathered for: their bytes cost no system call, and arrive in the same
 * turn. Nor is anything while time is virtual.
 */
#include "loop/urgent.h"
#include "stream/channel.h"

/* The most bytes of a write that is kept. Sending more costs more than the call. */
enum { MOST = 16384 };

static bool costs_system_calls(const eddy_carrier *carrier)
{
    return carrier->ops->send_file || carrier->ops->kept;
}

/* Returns true if @total more bytes may wait for the end of the turn. */
static bool may_wait(const struct eddyi_channel *c, size_t total)
{
    const eddy_loop *loop = c->loop;
    bool in_item = eddyi_loop_running == loop && loop->schedule.item && !loop->closed && c->all;
    bool idle = !c->waiting && !c->file_out && !c->sending && !c->tls_start;

    return in_item && idle && total <= MOST &&
           total + eddyi_buffer_length(&c->out) <= c->marks.high &&
           costs_system_calls(c->carrier) && !eddyi_backend_is_virtual(loop->backend);
}

/* Takes note of a write. Returns true if others are likely to follow in this turn. */
static bool others_follow(struct eddyi_channel *c)
{
    bool first = c->wrote_in != c->loop->schedule.turns;

    c->wrote_in = c->loop->schedule.turns;
    if (first) {
        c->often = c->several;
        c->several = false;
        return c->often;
    }
    return c->often = c->several = true;
}

static void begin(struct eddyi_channel *c)
{
    struct eddyi_channels *all = c->all;

    c->gathers = true;
    if (eddyi_list_empty(&all->gathering))
        eddyi_loop_soon_in_turn(c->loop, &all->turn_end);
    eddyi_list_append(&all->gathering, &c->gathering);
}

bool eddyi_channel_gather(struct eddyi_channel *c, const struct iovec *iov, int n, size_t total)
{
    if (!others_follow(c) || !may_wait(c, total) || eddyi_buffer_reserve(&c->out, total) < 0) {
        eddyi_channel_send_gathered(c);
        return false;
    }
    if (!c->gathers)
        begin(c);
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
    if (all && eddyi_list_empty(&all->gathering))
        eddyi_loop_not_in_turn(c->loop, &all->turn_end);
}
