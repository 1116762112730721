/*
 * Connections with a protocol: the calls of the loop that make them.
 */
#include "net/connect.h"
#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "protocol/opening.h"
#include "protocol/transport.h"

/*
 * The protocol of a new transport, which has the connection's reference only. On failure it is
 * closed, and told so if it was made already.
 */
static int open_transport(eddy_transport *t, eddy_protocol_factory *factory, void *arg,
                          eddy_transport **ret_transport)
{
    int rc = eddyi_protocol_make(t, factory, arg);

    if (rc < 0) {
        eddyi_channel_abort(&t->channel);
        return rc;
    }
    eddy_transport_ref(t);
    eddyi_protocol_begin(t);
    rc = eddyi_opening_wait(t->channel.loop);
    if (rc < 0)
        eddyi_channel_close(&t->channel);
    if (rc == 0 && ret_transport)
        *ret_transport = t;
    else
        eddy_transport_unref(t);
    return rc;
}

static int connect_to(const eddy_transport_options *o)
{
    if (o->path)
        return eddyi_connect_unix(o->path);
    return eddyi_connect_tcp(
        &(struct eddyi_connect){.host = o->host,
                                .port = o->port,
                                .family = o->family,
                                .proto = o->proto,
                                .flags = o->flags,
                                .local_host = o->local_host,
                                .local_port = o->local_port,
                                .happy_eyeballs_delay = o->happy_eyeballs_delay,
                                .interleave = o->interleave,
                                .all_errors = o->all_errors});
}

/* The transport of a connected socket, without a protocol yet; the socket is closed on failure if
 * it is not the caller's own. */
static int transport_of(eddy_loop *loop, int fd, bool own, eddy_transport **ret)
{
    eddy_carrier *c;
    int rc = eddy_socket_carrier_new(loop, fd, &c);

    if (rc == 0) {
        *ret = eddyi_protocol_transport_new(c, EDDYI_BOTH_WAYS);
        if (*ret)
            return 0;
        rc = -ENOMEM;
        eddyi_fd_carrier_disown(c);
    }
    if (own)
        eddyi_sys_close(fd);
    return rc;
}

static int start_tls(eddy_transport *t, const eddy_transport_options *o, bool server_side)
{
    int rc = eddyi_channel_start_tls(
        &t->channel,
        &(eddy_start_tls_options){.context = o->tls,
                                  .server_hostname =
                                      o->server_hostname ? o->server_hostname : o->host,
                                  .handshake_timeout = o->tls_handshake_timeout,
                                  .shutdown_timeout = o->tls_shutdown_timeout},
        server_side);

    t->tls = true;
    if (rc < 0)
        eddyi_channel_abort(&t->channel);
    return rc;
}

/* From a connected socket on. */
static int open_socket(eddy_loop *loop, int fd, bool own, const eddy_transport_options *o,
                       bool server_side)
{
    eddy_transport *t;
    int rc = transport_of(loop, fd, own, &t);

    if (rc == 0 && o->tls)
        rc = start_tls(t, o, server_side);
    return rc < 0 ? rc : open_transport(t, o->factory, o->arg, o->ret_transport);
}

int eddy_loop_create_connection_with(eddy_loop *loop, const eddy_transport_options *options)
{
    bool own = options->sock == 0;
    int rc = eddyi_opening_check(loop, options->factory != NULL), fd = options->sock;

    if (rc == 0 && own)
        rc = fd = connect_to(options);
    return rc < 0 ? rc : open_socket(loop, fd, own, options, false);
}

int eddy_loop_connect_accepted_socket_with(eddy_loop *loop, const eddy_transport_options *options)
{
    int rc = eddyi_opening_check(loop, options->factory != NULL);

    if (rc == 0 && options->sock == 0)
        rc = eddy_raise(-EBADF, "connect_accepted_socket: no socket");
    return rc < 0 ? rc : open_socket(loop, options->sock, false, options, true);
}

static int open_pipe(eddy_loop *loop, int read_fd, int write_fd, eddy_protocol_factory *factory,
                     void *arg, eddy_transport **ret_transport)
{
    eddy_transport *t;
    eddy_carrier *c;
    int rc = eddyi_opening_check(loop, factory != NULL);

    if (rc == 0)
        rc = eddy_pipe_carrier_new(loop, read_fd, write_fd, &c);
    if (rc < 0)
        return rc;
    t = eddyi_protocol_transport_new(c, read_fd >= 0 ? EDDYI_READ_ONLY : EDDYI_WRITE_ONLY);
    if (!t) {
        eddyi_fd_carrier_disown(c);
        return -ENOMEM;
    }
    return open_transport(t, factory, arg, ret_transport);
}

int eddy_loop_connect_read_pipe(eddy_loop *loop, eddy_protocol_factory *factory, void *arg, int fd,
                                eddy_transport **ret_transport)
{
    return open_pipe(loop, fd, -1, factory, arg, ret_transport);
}

int eddy_loop_connect_write_pipe(eddy_loop *loop, eddy_protocol_factory *factory, void *arg, int fd,
                                 eddy_transport **ret_transport)
{
    return open_pipe(loop, -1, fd, factory, arg, ret_transport);
}
