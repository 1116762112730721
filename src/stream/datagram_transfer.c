/*
 * How datagrams get from the socket to a protocol, and the other way.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "stream/datagram_transport.h"

#include <poll.h>
#include <string.h>

/* What asyncio adds to the size of each that is kept (rule 160); what a datagram may have; how many
 * are taken in one go. */
enum { HEADER = 8, LARGEST = 65536, AT_ONCE = 16 };

/* One that waits to be sent. */
struct datagram {
    struct eddyi_list link;
    union eddyi_address addr;
    socklen_t addrlen; /* 0: the kernel knows */
    size_t size;
    char bytes[];
};

void eddyi_datagram_tell_error(eddy_datagram_transport *t, int error)
{
    eddy_exception *e = eddy_exception_new(error, "a datagram");

    if (t->protocol->error_received)
        t->protocol->error_received(t->arg, e ? e : eddyi_exception_no_memory());
    eddy_exception_unref(e);
}

/* Receiving. */

static void wait_readable(eddy_datagram_transport *t)
{
    int rc;

    t->in.op.kind = EDDYI_OP_POLL;
    t->in.op.fd = t->ep.fd;
    t->in.op.events = POLLIN;
    rc = t->loop->closed ? -ECANCELED : eddyi_io_submit(eddyi_io_of(t->loop), &t->in);
    if (rc < 0)
        eddyi_datagram_end(t, rc);
}

/* One datagram. Whether there may be more. */
static bool receive(eddy_datagram_transport *t, void *buf)
{
    union eddyi_address from;
    socklen_t size = sizeof from;
    long n = eddyi_sys_recvfrom(t->ep.fd, buf, LARGEST, 0, &from.sa, &size);

    if (n == -EAGAIN || n == -EINTR)
        return false;
    if (n < 0)
        eddyi_datagram_tell_error(t, (int)n);
    else if (t->protocol->datagram_received)
        t->protocol->datagram_received(t->arg, buf, (size_t)n, &from.sa, size);
    return true;
}

/* The memory is there only meanwhile. */
static void receive_some(eddy_datagram_transport *t)
{
    void *buf = eddyi_alloc(LARGEST);
    int n = 0;

    while (buf && n < AT_ONCE && !t->closing && !eddyi_loop_forked(t->loop) && receive(t, buf))
        n++;
    t->in.in_vain = n > 0 ? 0 : t->in.in_vain + 1;
    if (!buf)
        eddyi_datagram_tell_error(t, -ENOMEM);
    eddyi_free(buf);
}

void eddyi_datagram_input(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, input);
    struct eddyi_var_scope *outside = eddyi_datagram_enter(t);

    if (t->begun && !t->loop->closed)
        receive_some(t);
    t->begun = true;
    if (!t->closing)
        wait_readable(t);
    eddyi_datagram_leave(t, outside);
}

void eddyi_datagram_in_done(struct eddyi_io_op *o)
{
    eddy_datagram_transport *t = eddyi_container(o, eddy_datagram_transport, in);

    if (t->loop->closed)
        eddyi_datagram_end(t, -ECANCELED);
    else if (o->op.result < 0 && o->op.result != -ECANCELED)
        eddyi_datagram_end(t, (int)o->op.result);
    else if (!t->closing)
        eddyi_loop_ready(t->loop, &t->input);
    eddyi_datagram_end_if_free(t);
}

void eddyi_datagram_drop_kept(eddy_datagram_transport *t)
{
    struct eddyi_list *l;

    while ((l = eddyi_list_pop(&t->kept)) != NULL)
        eddyi_free(eddyi_container(l, struct datagram, link));
    t->n_kept = 0;
}

/* Sending. */

void eddyi_datagram_update_flow(eddy_datagram_transport *t)
{
    if (!t->paused && t->n_kept > t->high) {
        t->paused = true;
        if (t->protocol->pause_writing)
            t->protocol->pause_writing(t->arg);
    } else if (t->paused && t->n_kept <= t->low) {
        t->paused = false;
        if (t->protocol->resume_writing)
            t->protocol->resume_writing(t->arg);
    }
}

static void wait_writable(eddy_datagram_transport *t)
{
    int rc;

    if (t->out.io || !eddyi_list_empty(&t->output.link))
        return;
    t->out.op.kind = EDDYI_OP_POLL;
    t->out.op.fd = t->ep.fd;
    t->out.op.events = POLLOUT;
    rc = t->loop->closed ? -ECANCELED : eddyi_io_submit(eddyi_io_of(t->loop), &t->out);
    if (rc < 0)
        eddyi_datagram_end(t, rc);
}

/* The first that is kept. Whether to go on. */
static bool send_first(eddy_datagram_transport *t)
{
    struct datagram *d = eddyi_container(t->kept.next, struct datagram, link);
    long n =
        eddyi_sys_sendto(t->ep.fd, d->bytes, d->size, d->addrlen ? &d->addr.sa : NULL, d->addrlen);

    if (n == -EAGAIN || n == -EINTR)
        return false;
    eddyi_list_remove(&d->link);
    t->n_kept -= d->size + HEADER;
    eddyi_free(d);
    if (n < 0)
        eddyi_datagram_tell_error(t, (int)n);
    return true;
}

void eddyi_datagram_output(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, output);
    struct eddyi_var_scope *outside = eddyi_datagram_enter(t);
    size_t kept = t->n_kept;

    while (!t->ended && !eddyi_loop_forked(t->loop) && !eddyi_list_empty(&t->kept) && send_first(t))
        ;
    t->out.in_vain = t->n_kept < kept ? 0 : t->out.in_vain + 1;
    if (!t->ended)
        eddyi_datagram_update_flow(t);
    if (!t->ended && !eddyi_list_empty(&t->kept))
        wait_writable(t);
    else if (!t->ended && t->closing)
        eddyi_datagram_end(t, 0);
    eddyi_datagram_leave(t, outside);
}

void eddyi_datagram_out_done(struct eddyi_io_op *o)
{
    eddy_datagram_transport *t = eddyi_container(o, eddy_datagram_transport, out);

    if (t->loop->closed)
        eddyi_datagram_end(t, -ECANCELED);
    else if (o->op.result < 0 && o->op.result != -ECANCELED)
        eddyi_datagram_end(t, (int)o->op.result);
    else if (!t->ended)
        eddyi_loop_ready(t->loop, &t->output);
    eddyi_datagram_end_if_free(t);
}

static int keep(eddy_datagram_transport *t, const void *data, size_t size,
                const struct sockaddr *addr, socklen_t addrlen)
{
    struct datagram *d = eddyi_alloc(sizeof *d + size);

    if (!d)
        return eddy_raise(-ENOMEM, NULL);
    d->addrlen = addrlen;
    d->size = size;
    if (addrlen > 0)
        memcpy(&d->addr, addr, addrlen);
    if (size > 0)
        memcpy(d->bytes, data, size);
    eddyi_list_append(&t->kept, &d->link);
    t->n_kept += size + HEADER;
    wait_writable(t);
    if (!t->ended)
        eddyi_datagram_update_flow(t);
    return 0;
}

int eddy_datagram_transport_sendto(eddy_datagram_transport *t, const void *data, size_t size,
                                   const struct sockaddr *addr, socklen_t addrlen)
{
    long n = -EAGAIN;
    int rc;

    if (t->closing)
        return eddy_raise(EDDY_ECLOSED, "the endpoint is closed");
    if (eddyi_loop_forked(t->loop))
        return eddy_raise(EDDY_EFORKED, "the endpoint was made before fork()");
    rc = eddyi_datagram_target(&t->ep, &addr, &addrlen);
    if (rc < 0)
        return rc;
    if (addrlen > sizeof(union eddyi_address))
        return eddy_raise(-EINVAL, "sendto: no address has %u bytes", (unsigned)addrlen);
    if (eddyi_list_empty(&t->kept))
        n = eddyi_sys_sendto(t->ep.fd, data, size, addr, addrlen);
    if (n == -EAGAIN || n == -EINTR)
        return keep(t, data, size, addr, addrlen);
    if (n >= 0)
        return 0;
    eddyi_datagram_tell_error(t, (int)n);
    return eddy_raise((int)n, "sendto");
}
