/*
 * A connection in memory: two carriers, each with a box for the bytes that the other writes.
 */
#include "base/sys.h"
#include "carrier/buffer.h"
#include "eddy/carrier.h"
#include "eddy/error.h"
#include "loop/loop.h"

enum { DEFAULT_SIZE = 65536 };

struct memory_carrier {
    eddy_carrier base;
    struct memory_carrier *other; /* NULL: it is gone */
    struct eddyi_buffer box;      /* the bytes to be read here */
    size_t size;                  /* the most bytes in the box */
    bool ended;                   /* the other side writes no more */
    bool broken;                  /* the other side ended before all its bytes arrived here */
    bool wants_to_read, wants_to_write;
    bool read_cancelled;
    struct eddyi_ready readable, writable, closed;
};

static struct memory_carrier *of(eddy_carrier *c)
{
    return eddyi_container(c, struct memory_carrier, base);
}

static void tell(struct memory_carrier *c, bool *wants, struct eddyi_ready *r)
{
    if (!*wants)
        return;
    *wants = false;
    if (!c->base.loop->closed)
        eddyi_loop_ready(c->base.loop, r);
}

static void on_readable(struct eddyi_ready *r)
{
    struct memory_carrier *c = eddyi_container(r, struct memory_carrier, readable);
    bool cancelled = c->read_cancelled && eddyi_buffer_length(&c->box) == 0 && !c->ended;

    c->read_cancelled = false;
    c->base.on_readable(&c->base, cancelled ? -ECANCELED : -EAGAIN);
}

static void on_writable(struct eddyi_ready *r)
{
    struct memory_carrier *c = eddyi_container(r, struct memory_carrier, writable);

    c->base.on_writable(&c->base);
}

static void on_closed(struct eddyi_ready *r)
{
    struct memory_carrier *c = eddyi_container(r, struct memory_carrier, closed);

    c->base.on_closed(&c->base, 0);
}

static ssize_t memory_read(eddy_carrier *base, void *buf, size_t size)
{
    struct memory_carrier *c = of(base);
    size_t n = eddyi_buffer_take(&c->box, buf, size);

    if (n == 0)
        return c->broken ? -ECONNRESET : c->ended ? 0 : -EAGAIN;
    if (c->other)
        tell(c->other, &c->other->wants_to_write, &c->other->writable);
    return (ssize_t)n;
}

static ssize_t memory_write(eddy_carrier *base, const struct iovec *iov, int n)
{
    struct memory_carrier *to = of(base)->other;
    size_t written = 0;

    if (!to)
        return -EPIPE;
    for (int i = 0; i < n; i++) {
        size_t room = to->size - eddyi_buffer_length(&to->box);
        size_t part = iov[i].iov_len < room ? iov[i].iov_len : room;

        if (eddyi_buffer_append(&to->box, iov[i].iov_base, part) < 0)
            return written > 0 ? (ssize_t)written : -ENOMEM;
        written += part;
    }
    if (written == 0)
        return -EAGAIN;
    tell(to, &to->wants_to_read, &to->readable);
    return (ssize_t)written;
}

static int memory_wait_readable(eddy_carrier *base, void *buf, size_t size)
{
    struct memory_carrier *c = of(base);

    c->wants_to_read = true;
    if (eddyi_buffer_length(&c->box) > 0 || c->ended)
        tell(c, &c->wants_to_read, &c->readable);
    return 0;
}

static void memory_cancel_readable(eddy_carrier *base)
{
    struct memory_carrier *c = of(base);

    c->read_cancelled = c->wants_to_read;
    tell(c, &c->wants_to_read, &c->readable);
}

static int memory_wait_writable(eddy_carrier *base)
{
    struct memory_carrier *c = of(base);

    c->wants_to_write = true;
    if (!c->other || eddyi_buffer_length(&c->other->box) < c->other->size)
        tell(c, &c->wants_to_write, &c->writable);
    return 0;
}

static int memory_write_eof(eddy_carrier *base)
{
    struct memory_carrier *to = of(base)->other;

    if (to) {
        to->ended = true;
        tell(to, &to->wants_to_read, &to->readable);
    }
    return 0;
}

/* Leaves the connection: nothing will be read or written here any more. */
static void leave(struct memory_carrier *c)
{
    struct memory_carrier *other = c->other;

    if (!other)
        return;
    memory_write_eof(&c->base);
    c->other = other->other = NULL;
    tell(other, &other->wants_to_write, &other->writable);
}

static void stop(struct memory_carrier *c)
{
    c->wants_to_read = c->wants_to_write = false;
    eddyi_ready_cancel(&c->readable);
    eddyi_ready_cancel(&c->writable);
}

static void memory_close(eddy_carrier *base, bool abort)
{
    struct memory_carrier *c = of(base);

    if (!eddyi_list_empty(&c->closed.link))
        return;
    stop(c);
    leave(c);
    if (c->base.loop->closed)
        c->base.on_closed(&c->base, 0);
    else
        eddyi_loop_ready(c->base.loop, &c->closed);
}

static void memory_free(eddy_carrier *base)
{
    struct memory_carrier *c = of(base);

    stop(c);
    eddyi_ready_cancel(&c->closed);
    leave(c);
    eddyi_buffer_fini(&c->box);
    eddyi_free(c);
}

static void memory_reset(eddy_carrier *base)
{
    if (of(base)->other)
        of(base)->other->broken = true;
}

static const eddy_carrier_ops memory_ops = {
    .name = "memory",
    .read = memory_read,
    .write = memory_write,
    .wait_readable = memory_wait_readable,
    .cancel_readable = memory_cancel_readable,
    .wait_writable = memory_wait_writable,
    .write_eof = memory_write_eof,
    .close = memory_close,
    .free = memory_free,
    .reset = memory_reset,
};

static struct memory_carrier *make(eddy_loop *loop, size_t size)
{
    struct memory_carrier *c = eddyi_zalloc(sizeof *c);

    if (!c)
        return NULL;
    c->base.ops = &memory_ops;
    c->base.loop = loop;
    c->size = size ? size : DEFAULT_SIZE;
    eddyi_ready_init(&c->readable, on_readable);
    eddyi_ready_init(&c->writable, on_writable);
    eddyi_ready_init(&c->closed, on_closed);
    return c;
}

int eddy_memory_carriers_new(eddy_loop *loop, size_t size, eddy_carrier **ret_one,
                             eddy_carrier **ret_other)
{
    struct memory_carrier *one, *other;
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return rc;
    if (!ret_one || !ret_other)
        return eddy_raise(-EINVAL, "there is no place for one of the carriers");
    one = make(loop, size);
    other = make(loop, size);
    if (!one || !other) {
        eddyi_free(one);
        eddyi_free(other);
        return eddy_raise(-ENOMEM, NULL);
    }
    one->other = other;
    other->other = one;
    *ret_one = &one->base;
    *ret_other = &other->base;
    return 0;
}
