/*
 * Datagram transports: their beginning and end, and what their users ask.
 */
#include "stream/datagram_transport.h"
#include "base/exception.h"
#include "base/sys.h"
#include "carrier/socket_info.h"
#include "loop/loop.h"
#include "stream/opening.h"
#include "stream/transport.h"
#include "task/task.h"

/* asyncio's water marks. */
enum { HIGH_WATER = 65536, LOW_WATER = 16384 };

struct eddyi_var_scope *eddyi_datagram_enter(eddy_datagram_transport *t)
{
    struct eddyi_var_scope *outside = eddyi_vars_current;

    t->refs++;
    eddyi_vars_current = &t->vars;
    return outside;
}

void eddyi_datagram_leave(eddy_datagram_transport *t, struct eddyi_var_scope *outside)
{
    eddyi_vars_current = outside;
    eddy_datagram_transport_unref(t);
}

eddy_datagram_transport *eddy_datagram_transport_ref(eddy_datagram_transport *t)
{
    t->refs++;
    return t;
}

void eddy_datagram_transport_unref(eddy_datagram_transport *t)
{
    if (!t || --t->refs > 0)
        return;
    eddyi_vars_fini(&t->vars);
    eddyi_loop_release(t->loop);
    eddyi_free(t);
}

/* Its end. */

void eddyi_datagram_end_if_free(eddy_datagram_transport *t)
{
    if (!t->ended || t->in.io || t->out.io || t->ep.fd < 0)
        return;
    eddyi_io_release(&t->claim_in);
    eddyi_io_release(&t->claim_out);
    eddyi_datagram_let_go(&t->ep, false);
    eddyi_loop_ready(t->loop, &t->lost);
}

void eddyi_datagram_end(eddy_datagram_transport *t, int error)
{
    if (t->ended || eddyi_loop_forked(t->loop))
        return;
    t->ended = t->closing = true;
    t->error = error;
    eddyi_datagram_drop_kept(t);
    eddyi_ready_cancel(&t->input);
    eddyi_ready_cancel(&t->output);
    eddyi_io_cancel(&t->in);
    eddyi_io_cancel(&t->out);
    eddyi_datagram_end_if_free(t);
}

static void lost(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, lost);
    struct eddyi_var_scope *outside = eddyi_datagram_enter(t);
    eddy_exception *e = t->error < 0 ? eddy_exception_new(t->error, "the endpoint is lost") : NULL;

    if (t->protocol && t->protocol->connection_lost)
        t->protocol->connection_lost(t->arg, e || t->error == 0 ? e : eddyi_exception_no_memory());
    eddy_exception_unref(e);
    t->protocol = NULL;
    t->arg = NULL;
    eddy_datagram_transport_unref(t);
    eddyi_datagram_leave(t, outside);
}

void eddy_datagram_transport_close(eddy_datagram_transport *t)
{
    if (t->closing || eddyi_loop_forked(t->loop))
        return;
    t->closing = true;
    eddyi_ready_cancel(&t->input);
    if (eddyi_list_empty(&t->kept))
        eddyi_datagram_end(t, 0);
    else
        eddyi_io_cancel(&t->in);
}

void eddy_datagram_transport_abort(eddy_datagram_transport *t)
{
    eddyi_datagram_end(t, 0);
}

bool eddy_datagram_transport_is_closing(const eddy_datagram_transport *t)
{
    return t->closing;
}

ssize_t eddy_datagram_transport_get_extra_info(const eddy_datagram_transport *t, const char *name,
                                               void *ret, size_t size)
{
    return t->ep.fd < 0 ? -ENOENT : eddyi_socket_info(t->ep.fd, true, name, ret, size);
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

int eddy_datagram_transport_set_write_buffer_limits(eddy_datagram_transport *t, size_t high,
                                                    size_t low)
{
    int rc = eddyi_water_marks(&high, &low);

    if (rc < 0)
        return rc;
    t->high = high;
    t->low = low;
    if (!t->ended)
        eddyi_datagram_update_flow(t);
    return 0;
}

void eddy_datagram_transport_get_write_buffer_limits(const eddy_datagram_transport *t,
                                                     size_t *ret_low, size_t *ret_high)
{
    *ret_low = t->low;
    *ret_high = t->high;
}

size_t eddy_datagram_transport_get_write_buffer_size(const eddy_datagram_transport *t)
{
    return t->n_kept;
}

/* Its beginning. */

static void made(struct eddyi_ready *r)
{
    eddy_datagram_transport *t = eddyi_container(r, eddy_datagram_transport, made);
    struct eddyi_var_scope *outside = eddyi_datagram_enter(t);

    if (t->protocol->connection_made)
        t->protocol->connection_made(t->arg, t);
    eddyi_datagram_leave(t, outside);
}

static eddy_datagram_transport *transport_new(eddy_loop *loop)
{
    eddy_datagram_transport *t = eddyi_zalloc(sizeof *t);

    if (!t)
        return NULL;
    t->loop = eddyi_loop_hold(loop);
    t->refs = 1;
    t->high = HIGH_WATER;
    t->low = LOW_WATER;
    eddyi_vars_init(&t->vars, NULL);
    t->in.done = eddyi_datagram_in_done;
    t->out.done = eddyi_datagram_out_done;
    eddyi_list_init(&t->kept);
    eddyi_ready_init(&t->made, made);
    eddyi_ready_init(&t->input, eddyi_datagram_input);
    eddyi_ready_init(&t->output, eddyi_datagram_output);
    eddyi_ready_init(&t->lost, lost);
    return t;
}

static int claim(eddy_datagram_transport *t)
{
    struct eddyi_io *io = eddyi_io_of(t->loop);
    int rc = io ? 0 : -ENOMEM;

    if (rc == 0 && (eddyi_io_claimed(io, t->ep.fd, EDDYI_IO_READ) ||
                    eddyi_io_claimed(io, t->ep.fd, EDDYI_IO_WRITE)))
        rc = -EBUSY;
    if (rc == 0)
        rc = eddyi_io_claim(io, &t->claim_in, t->ep.fd, EDDYI_IO_READ);
    if (rc == 0)
        rc = eddyi_io_claim(io, &t->claim_out, t->ep.fd, EDDYI_IO_WRITE);
    return rc < 0 ? eddy_raise(rc, "a datagram endpoint on descriptor %d", t->ep.fd) : 0;
}

static int make_protocol(eddy_datagram_transport *t, eddy_datagram_protocol_factory *factory,
                         void *arg)
{
    const eddy_datagram_protocol *protocol = NULL;
    int rc = factory(arg, &protocol, &t->arg);

    if (rc == 0 && !protocol)
        rc = eddy_raise(-EINVAL, "the protocol factory gave no protocol");
    t->protocol = rc < 0 ? NULL : protocol;
    return rc;
}

/* Opens the socket and makes the protocol. */
static int open_endpoint(eddy_datagram_transport *t, eddy_datagram_protocol_factory *factory,
                         void *arg, const eddy_datagram_endpoint_options *options)
{
    int rc = eddyi_datagram_open(&t->ep, options);
    bool own = !options->sock;

    if (rc < 0)
        return rc;
    rc = claim(t);
    if (rc == 0) {
        own = true;
        rc = make_protocol(t, factory, arg);
    }
    if (rc < 0) {
        eddyi_io_release(&t->claim_in);
        eddyi_io_release(&t->claim_out);
        eddyi_datagram_let_go(&t->ep, !own);
    }
    return rc;
}

int eddy_loop_create_datagram_endpoint_with(eddy_loop *loop,
                                            eddy_datagram_protocol_factory *factory, void *arg,
                                            eddy_datagram_transport **ret_transport,
                                            const eddy_datagram_endpoint_options *options)
{
    eddy_datagram_transport *t;
    int rc = eddyi_opening_check(loop, factory != NULL);

    if (rc < 0)
        return rc;
    t = transport_new(loop);
    rc = t ? open_endpoint(t, factory, arg, options) : eddy_raise(-ENOMEM, NULL);
    if (rc < 0) {
        eddy_datagram_transport_unref(t);
        return rc;
    }
    eddy_datagram_transport_ref(t);
    eddyi_loop_ready(loop, &t->made);
    eddyi_loop_ready(loop, &t->input);
    rc = eddyi_opening_wait(loop);
    if (rc < 0)
        eddy_datagram_transport_close(t);
    if (rc == 0 && ret_transport)
        *ret_transport = t;
    else
        eddy_datagram_transport_unref(t);
    return rc;
}
