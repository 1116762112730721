/*
 * The channels of a loop, and their end with it.
 *
 * After the run, written bytes are still sent, as long as peers take them; bytes that remain when
 * the loop closes are cut off.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/future.h"
#include "io/io.h"
#include "loop/urgent.h"
#include "stream/channel.h"
#include "sync/wait_queue.h"

static struct eddyi_channels *of(struct eddyi_loop_part *part)
{
    return eddyi_container(part, struct eddyi_channels, part);
}

static void run_over(struct eddyi_loop_part *part)
{
    EDDYI_LIST_EACH(l, &of(part)->list)
        eddyi_channel_run_over(eddyi_container(l, struct eddyi_channel, link));
}

/* Returns whether a channel waits for its peer to end. An aborted one does not: it ends as soon as
 * its carrier has released it. */
static bool any_ends(struct eddyi_channels *all)
{
    EDDYI_LIST_EACH(l, &all->list) {
        const struct eddyi_channel *c = eddyi_container(l, struct eddyi_channel, link);

        if (c->state != EDDYI_OPEN && !c->aborted)
            return true;
    }
    return false;
}

static void report_cut(struct eddyi_channels *all)
{
    eddy_exception *e =
        eddy_exception_new(-ECONNABORTED, "%zu connection%s, and %zu bytes that were not sent",
                           all->n_cut, all->n_cut == 1 ? "" : "s", all->bytes_cut);

    eddy_loop_call_exception_handler(
        all->part.loop,
        &(eddy_exception_context){.message = "connections were cut off before all was sent",
                                  .exception = e});
    eddy_exception_unref(e);
    all->n_cut = all->bytes_cut = 0;
}

static eddy_async(wait_for_ends, (struct eddyi_channels *, all))
{
    int rc = 0;

    all->waited_for = true;
    while (rc == 0 && any_ends(all))
        rc = eddyi_wait_queue_wait(&all->ends, "connections to end", NULL);
    all->waited_for = false;
    if (all->closed)
        eddyi_free(all);
    else if (all->n_cut > 0)
        report_cut(all);
    return rc;
}

/* Closes the open channels that keep bytes, so that these are sent as well. */
static eddy_coroutine *shut_down(struct eddyi_loop_part *part)
{
    struct eddyi_channels *all = of(part);

    EDDYI_LIST_EACH(l, &all->list) {
        struct eddyi_channel *c = eddyi_container(l, struct eddyi_channel, link);

        if (eddyi_channel_kept(c) > 0)
            eddyi_channel_close(c);
    }
    return any_ends(all) ? wait_for_ends(all) : NULL;
}

/* Cuts off @c. A task that waits for it, or uses it later, gets -ECANCELED, and not an end in
 * order. */
static void close_one(struct eddyi_channels *all, struct eddyi_channel *c)
{
    size_t kept = c->aborted ? 0 : eddyi_channel_kept(c);

    all->n_cut += kept > 0;
    all->bytes_cut += kept;
    c->all = NULL;
    /* A channel that is ending no longer waits for its peer. */
    if (c->state == EDDYI_ENDING)
        eddyi_channel_abort(c);
    else
        eddyi_channel_break(c, -ECANCELED);
}

static void close_all(struct eddyi_loop_part *part)
{
    struct eddyi_channels *all = of(part);

    while (!eddyi_list_empty(&all->list))
        close_one(all, eddyi_container(eddyi_list_pop(&all->list), struct eddyi_channel, link));
    eddyi_loop_not_in_turn(all->part.loop, &all->turn_end);
    if (all->n_cut > 0)
        report_cut(all);
    while (all->n_spares > 0)
        eddyi_buffer_fini(&all->spares[--all->n_spares]);
    all->closed = true;
    if (!all->waited_for)
        eddyi_free(all);
}

static void turn_ends(struct eddyi_ready *r)
{
    eddyi_channels_send_gathered(eddyi_container(r, struct eddyi_channels, turn_end));
}

static void init(struct eddyi_loop_part *part)
{
    struct eddyi_channels *all = of(part);

    eddyi_list_init(&all->list);
    eddyi_list_init(&all->gathering);
    eddyi_ready_init(&all->turn_end, turn_ends);
}

/* Reaches the struct eddyi_io first, so that it is older: the operations of descriptors end after
 * the channels. */
struct eddyi_channels *eddyi_channels_of(eddy_loop *loop)
{
    static const struct eddyi_part_kind kind = {.size = sizeof(struct eddyi_channels),
                                                .init = init,
                                                .close = close_all,
                                                .run_over = run_over,
                                                .shutdown = shut_down,
                                                .stage = EDDYI_CONNECTIONS_END};

    return eddyi_io_of(loop) ? eddyi_loop_part(loop, &kind) : NULL;
}
