/*
 * Datagram endpoints that call a protocol.
 *
 * While an endpoint is open, either a poll for reading is with the backend, or the input item is
 * queued, which submits the poll again; while datagrams are kept, the same holds for writing and
 * the output item. So the end of the loop is always noticed. The descriptor is closed when the
 * backend has released both operations.
 */
#include "net/datagram.h"

#include "base/exception.h"
#include "base/options.h"
#include "base/sys.h"
#include "eddy/datagram_transport.h"
#include "loop/loop.h"
#include "net/socket.h"
#include "protocol/face.h"
#include "stream/channel.h"

#include <poll.h>
#include <string.h>

/* The bytes that asyncio adds to the size of each kept datagram (rule 160), the largest size of a
 * datagram, and the most datagrams received in one turn. */
enum { HEADER = 8, LARGEST = 65536, AT_ONCE = 16 };

/* A datagram that waits to be sent. */
struct datagram {
    struct eddyi_list link;
    union eddyi_address addr;
    socklen_t addrlen; /* 0: the kernel knows the address */
    size_t size;
    char bytes[];
};

struct eddy_datagram_transport {
    struct eddyi_face face;
    struct eddy_datagram_endpoint ep;
    const eddy_datagram_protocol *protocol; /* NULL: connection_lost() has been called */
    void *arg;
    struct eddyi_io_op in, out;
    struct eddyi_io_claim claim_in, claim_out;
    struct eddyi_ready made, input, output, lost;
    struct eddyi_list kept; /* struct datagram */
    size_t n_kept;          /* sum of their sizes, and HEADER for each */
    eddy_water_marks marks;
    bool paused; /* the latest callback was pause_writing(), not resume_writing() */
    bool closing;
    bool ended; /* closed; lost is queued when the backend has released the operations */
    int error;  /* the reason of the end, < 0; 0: the endpoint was closed */
};

eddy_datagram_transport *eddy_datagram_transport_ref(eddy_datagram_transport *t)
{
    t->face.refs++;
    return t;
}

void eddy_datagram_transport_unref(eddy_datagram_transport *t)
{
    if (t)
        eddyi_face_unref(&t->face);
}

/* The end. */

/* Gives the descriptor up: closes it, or leaves it open if it is @kept. */
static void let_go(eddy_datagram_transport *t, bool kept)
{
    eddyi_io_release(&t->claim_in);
    eddyi_io_release(&t->claim_out);
    eddyi_datagram_let_go(&t->ep, kept);
}

static void end_if_free(eddy_datagram_transport *t)
{
    if (!t->ended || t->in.io || t->out.io || t->ep.fd < 0)
        return;
    let_go(t, false);
    eddyi_loop_ready(t->face.loop, &t->lost);
}

static void end(eddy_datagram_transport *t, int error)
{
    struct eddyi_list *l;

    if (t->ended || eddyi_loop_forked(t->face.loop))
        return;
    t->ended = t->closing = true;
    t->error = error;
    while ((l = eddyi_list_pop(&t->kept)) != NULL)
        eddyi_free(eddyi_container(l, struct datagram, link));
    t->n_kept = 0;
    eddyi_ready_cancel(&t->input);
    eddyi_ready_cancel(&t->output);
    eddyi_io_cancel(&t->in);
    eddyi_io_cancel(&t->out);
    end_if_free(t);
}

static void lost(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, lost);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);
    eddy_exception *e = t->error < 0 ? eddy_exception_new(t->error, "the endpoint is lost") : NULL;

    if (t->protocol && t->protocol->connection_lost)
        t->protocol->connection_lost(t->arg, e || t->error == 0 ? e : eddyi_exception_no_memory());
    eddy_exception_unref(e);
    t->protocol = NULL;
    t->arg = NULL;
    eddyi_face_end(&t->face);
    eddyi_face_leave(&t->face, outside);
}

static void tell_error(eddy_datagram_transport *t, int error)
{
    eddy_exception *e = eddy_exception_new(error, "a datagram");

    if (t->protocol->error_received)
        t->protocol->error_received(t->arg, e ? e : eddyi_exception_no_memory());
    eddy_exception_unref(e);
}

/* Receiving. */

static void wait_for(eddy_datagram_transport *t, struct eddyi_io_op *o, unsigned events)
{
    int rc;

    o->op.kind = EDDYI_OP_POLL;
    o->op.fd = t->ep.fd;
    o->op.events = events;
    rc = t->face.loop->closed ? -ECANCELED : eddyi_io_submit(eddyi_io_of(t->face.loop), o);
    if (rc < 0)
        end(t, rc);
}

/* Queues @item, which moves datagrams, unless it is NULL or the endpoint has ended. */
static void ready(eddy_datagram_transport *t, const struct eddyi_io_op *o, struct eddyi_ready *item)
{
    if (t->face.loop->closed)
        end(t, -ECANCELED);
    else if (o->op.result < 0 && o->op.result != -ECANCELED)
        end(t, (int)o->op.result);
    else if (item)
        eddyi_loop_ready(t->face.loop, item);
    end_if_free(t);
}

/* Receives one datagram and gives it to the protocol. Returns whether there may be more. */
static bool receive(eddy_datagram_transport *t, void *buf)
{
    union eddyi_address from;
    socklen_t size = sizeof from;
    long n = eddyi_sys_recvfrom(t->ep.fd, buf, LARGEST, 0, &from.sa, &size);

    if (n == -EAGAIN || n == -EINTR)
        return false;
    if (n < 0)
        tell_error(t, (int)n);
    else if (t->protocol->datagram_received)
        t->protocol->datagram_received(t->arg, buf, (size_t)n, &from.sa, size);
    return true;
}

/* Receives up to AT_ONCE datagrams. The buffer exists only during the call. */
static void receive_some(eddy_datagram_transport *t)
{
    void *buf = eddyi_alloc(LARGEST);
    int n = 0;

    while (buf && n < AT_ONCE && !t->closing && !eddyi_loop_forked(t->face.loop) && receive(t, buf))
        n++;
    t->in.in_vain = n > 0 ? 0 : t->in.in_vain + 1;
    if (!buf)
        tell_error(t, -ENOMEM);
    eddyi_free(buf);
}

static void input(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, input);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    if (!t->face.loop->closed)
        receive_some(t);
    if (!t->closing)
        wait_for(t, &t->in, POLLIN);
    eddyi_face_leave(&t->face, outside);
}

static void in_done(struct eddyi_io_op *o)
{
    eddy_datagram_transport *t = eddyi_container(o, eddy_datagram_transport, in);

    ready(t, o, t->closing ? NULL : &t->input);
}

/* Sending. */

static void update_flow(eddy_datagram_transport *t)
{
    if (!t->paused && t->n_kept > t->marks.high) {
        t->paused = true;
        if (t->protocol->pause_writing)
            t->protocol->pause_writing(t->arg);
    } else if (t->paused && t->n_kept <= t->marks.low) {
        t->paused = false;
        if (t->protocol->resume_writing)
            t->protocol->resume_writing(t->arg);
    }
}

static void wait_writable(eddy_datagram_transport *t)
{
    if (!t->out.io && eddyi_list_empty(&t->output.link))
        wait_for(t, &t->out, POLLOUT);
}

/* Sends the first kept datagram. Returns false if the socket takes none now. */
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
        tell_error(t, (int)n);
    return true;
}

static void output(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, output);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);
    size_t kept = t->n_kept;

    while (!t->ended && !eddyi_loop_forked(t->face.loop) && !eddyi_list_empty(&t->kept) &&
           send_first(t))
        ;
    t->out.in_vain = t->n_kept < kept ? 0 : t->out.in_vain + 1;
    if (!t->ended)
        update_flow(t);
    if (!t->ended && !eddyi_list_empty(&t->kept))
        wait_writable(t);
    else if (!t->ended && t->closing)
        end(t, 0);
    eddyi_face_leave(&t->face, outside);
}

static void out_done(struct eddyi_io_op *o)
{
    eddy_datagram_transport *t = eddyi_container(o, eddy_datagram_transport, out);

    ready(t, o, t->ended ? NULL : &t->output);
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
        update_flow(t);
    return 0;
}

int eddy_datagram_transport_sendto(eddy_datagram_transport *t, const void *data, size_t size,
                                   const struct sockaddr *addr, socklen_t addrlen)
{
    long n = -EAGAIN;
    int rc;

    if (t->closing)
        return eddy_raise(EDDY_ECLOSED, "the endpoint is closed");
    if (eddyi_loop_forked(t->face.loop))
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
    tell_error(t, (int)n);
    return eddy_raise((int)n, "sendto");
}

/* The public calls. */

void eddy_datagram_transport_close(eddy_datagram_transport *t)
{
    if (t->closing || eddyi_loop_forked(t->face.loop))
        return;
    t->closing = true;
    eddyi_ready_cancel(&t->input);
    if (eddyi_list_empty(&t->kept))
        end(t, 0);
    else
        eddyi_io_cancel(&t->in);
}

void eddy_datagram_transport_abort(eddy_datagram_transport *t)
{
    end(t, 0);
}

bool eddy_datagram_transport_is_closing(const eddy_datagram_transport *t)
{
    return t->closing;
}

ssize_t eddy_datagram_transport_get_extra_info(const eddy_datagram_transport *t, const char *name,
                                               void *ret, size_t size)
{
    return t->ep.fd < 0 ? -ENOENT : eddyi_socket_info(t->ep.fd, name, ret, size);
}

void eddy_datagram_transport_set_protocol(eddy_datagram_transport *t,
                                          const eddy_datagram_protocol *protocol, void *arg)
{
    if (!protocol || !t->protocol)
        return;
    t->protocol = protocol;
    t->arg = arg;
}

const eddy_datagram_protocol *eddy_datagram_transport_get_protocol(const eddy_datagram_transport *t,
                                                                   void **ret_arg)
{
    if (ret_arg)
        *ret_arg = t->arg;
    return t->protocol;
}

int eddy_datagram_transport_set_write_buffer_limits(eddy_datagram_transport *t,
                                                    eddy_water_marks marks)
{
    int rc = eddyi_water_marks_complete(&marks);

    if (rc < 0)
        return rc;
    t->marks = marks;
    if (!t->ended)
        update_flow(t);
    return 0;
}

eddy_water_marks eddy_datagram_transport_get_write_buffer_limits(const eddy_datagram_transport *t)
{
    return t->marks;
}

size_t eddy_datagram_transport_get_write_buffer_size(const eddy_datagram_transport *t)
{
    return t->n_kept;
}

/* The beginning. */

static void made(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, made);
    struct eddyi_var_scope *outside = eddyi_face_enter(&t->face);

    if (t->protocol->connection_made)
        t->protocol->connection_made(t->arg, t);
    if (!t->closing)
        wait_for(t, &t->in, POLLIN);
    eddyi_face_leave(&t->face, outside);
}

static eddy_datagram_transport *transport_new(eddy_loop *loop)
{
    eddy_datagram_transport *t = eddyi_zalloc(sizeof *t);

    if (!t)
        return NULL;
    t->marks = EDDYI_WATER_MARKS;
    eddyi_face_init(&t->face, loop, NULL);
    t->in.done = in_done;
    t->out.done = out_done;
    eddyi_list_init(&t->kept);
    eddyi_ready_init(&t->made, made);
    eddyi_ready_init(&t->input, input);
    eddyi_ready_init(&t->output, output);
    eddyi_ready_init(&t->lost, lost);
    return t;
}

/* Opens the socket and makes the protocol. */
static int open_endpoint(eddy_datagram_transport *t, eddy_datagram_protocol_factory *factory,
                         void *arg, const eddy_datagram_endpoint_options *options)
{
    int rc = eddyi_datagram_open(&t->ep, options);
    struct eddyi_io *io;
    bool claimed;

    if (rc < 0)
        return rc;
    io = eddyi_io_of(t->face.loop);
    rc = io ? eddyi_io_claim(io, &t->claim_in, t->ep.fd, EDDYI_READS) : -ENOMEM;
    if (rc == 0)
        rc = eddyi_io_claim(io, &t->claim_out, t->ep.fd, EDDYI_WRITES);
    claimed = rc == 0;
    if (claimed)
        rc = factory(arg, &t->protocol, &t->arg);
    else
        eddy_raise(rc, "a datagram endpoint on descriptor %d", t->ep.fd);
    if (rc == 0 && !t->protocol)
        rc = eddy_raise(-EINVAL, "the protocol factory gave no protocol");
    if (rc < 0)
        let_go(t, options->sock && !claimed);
    return rc;
}

int(eddy_loop_create_datagram_endpoint_with)(eddy_loop *loop,
                                             eddy_datagram_protocol_factory *factory, void *arg,
                                             eddy_datagram_transport **ret_transport,
                                             const eddy_datagram_endpoint_options *options,
                                             size_t options_size)
{
    EDDYI_OPTIONS(eddy_datagram_endpoint_options, options, options_size, -E2BIG);
    eddy_datagram_transport *t;
    bool looks_up = !options->sock && options->family != AF_UNIX;
    int rc = eddyi_face_check(loop, factory != NULL, looks_up);

    if (rc < 0)
        return rc;
    t = transport_new(loop);
    rc = t ? open_endpoint(t, factory, arg, options) : eddy_raise(-ENOMEM, NULL);
    if (rc < 0) {
        if (t)
            eddyi_face_end(&t->face);
        return rc;
    }
    eddy_datagram_transport_ref(t);
    eddyi_loop_ready(loop, &t->made);
    rc = eddyi_face_wait();
    if (rc < 0)
        eddy_datagram_transport_close(t);
    if (rc == 0 && ret_transport)
        *ret_transport = t;
    else
        eddy_datagram_transport_unref(t);
    return rc;
}
