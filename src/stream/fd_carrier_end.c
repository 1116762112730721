/*
 * How a carrier on descriptors ends: they are closed when the backend has let go of them.
 */
#include "base/sys.h"
#include "stream/fd_carrier.h"

static void give_flag_back(struct eddyi_fd_carrier *c, int fd)
{
    bool *was_blocking = fd == c->fd_in ? &c->was_blocking_in : &c->was_blocking_out;

    if (fd >= 0 && *was_blocking)
        eddyi_sys_set_blocking(fd);
    *was_blocking = false;
}

/* The backend forgets it first, while there is one; what the loop knows of descriptors may be gone
 * before the carrier is. */
void eddyi_fd_carrier_close_fd(struct eddyi_fd_carrier *c, int fd)
{
    struct eddyi_backend *b = c->base.loop->drained ? NULL : c->base.loop->backend;

    if (b && b->ops->forget)
        b->ops->forget(b, fd);
    give_flag_back(c, fd);
    eddyi_sys_close(fd);
}

static void close_all(struct eddyi_fd_carrier *c)
{
    eddyi_io_release(&c->claim_in);
    eddyi_io_release(&c->claim_out);
    if (c->fd_in >= 0)
        eddyi_fd_carrier_close_fd(c, c->fd_in);
    if (c->fd_out >= 0 && c->fd_out != c->fd_in)
        eddyi_fd_carrier_close_fd(c, c->fd_out);
    c->fd_in = c->fd_out = -1;
}

/* The backend has let go of everything. */
static void end(struct eddyi_fd_carrier *c)
{
    close_all(c);
    c->base.on_closed(&c->base, 0);
}

void eddyi_fd_carrier_end_if_free(struct eddyi_fd_carrier *c)
{
    if (!c->in.io && !c->out.io)
        end(c);
}

void eddyi_fd_carrier_closed(struct eddyi_ready *r)
{
    end(eddyi_container(r, struct eddyi_fd_carrier, closed));
}

void eddyi_fd_carrier_close(eddy_carrier *base, bool abort)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    if (c->closing)
        return;
    c->closing = true;
    if (c->in.io)
        eddyi_io_cancel(&c->in);
    if (c->out.io)
        eddyi_io_cancel(&c->out);
    if (c->in.io || c->out.io)
        return;
    if (c->base.loop->closed)
        end(c);
    else
        eddyi_loop_ready(c->base.loop, &c->closed);
}

void eddyi_fd_carrier_free(eddy_carrier *base)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    close_all(c);
    eddyi_free(c);
}

void eddyi_fd_carrier_let_go(eddy_carrier *base)
{
    struct eddyi_fd_carrier *c = eddyi_fd_carrier_of(base);

    give_flag_back(c, c->fd_in);
    give_flag_back(c, c->fd_out);
    c->fd_in = c->fd_out = -1;
}

void eddyi_fd_carrier_disown(eddy_carrier *base)
{
    eddyi_fd_carrier_let_go(base);
    eddyi_fd_carrier_free(base);
}
