/*
 * Connections with a protocol: the calls of the loop that make them.
 */
#include "base/options.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "protocol/transport.h"

/*
 * Makes the protocol of the new transport @t, which has only the connection's reference, and waits
 * until it has begun. On failure the transport is closed; a protocol that was made already gets
 * connection_lost().
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
    rc = eddyi_face_wait();
    if (rc < 0)
        eddyi_channel_close(&t->channel);
    if (rc == 0 && ret_transport)
        *ret_transport = t;
    else
        eddy_transport_unref(t);
    return rc;
}

/* Makes a transport over a socket that is connected here or comes from the user. */
static int open_connection(eddy_loop *loop, const eddy_connection_options *o, bool server_side)
{
    eddy_transport *t;
    eddy_carrier *c;
    int rc = eddyi_connect(loop, o, &c);

    if (rc < 0)
        return rc;
    t = eddyi_protocol_transport_new(c);
    if (!t)
        return -ENOMEM;
    eddyi_fd_carrier_own(c);
    t->read_limit = eddyi_time_limit(o->read_timeout);
    t->channel.write_limit = eddyi_time_limit(o->write_timeout);
    rc = eddyi_connect_tls(&t->channel, o, server_side);
    return rc < 0 ? rc : open_transport(t, o->factory, o->arg, o->ret_transport);
}

static int check(eddy_loop *loop, const eddy_connection_options *o)
{
    int rc = eddyi_face_check(loop, o->factory != NULL, o->sock == 0 || o->tls);

    if (rc == 0 && (o->ret_reader || o->ret_writer))
        rc = eddy_raise(-EINVAL, "a connection with a protocol has no reader and no writer");
    return rc;
}

int(eddy_loop_create_connection_with)(eddy_loop *loop, const eddy_connection_options *options,
                                      size_t options_size)
{
    EDDYI_OPTIONS(eddy_connection_options, options, options_size, -E2BIG);
    int rc = check(loop, options);

    return rc < 0 ? rc : open_connection(loop, options, false);
}

int(eddy_loop_connect_accepted_socket_with)(eddy_loop *loop, const eddy_connection_options *options,
                                            size_t options_size)
{
    EDDYI_OPTIONS(eddy_connection_options, options, options_size, -E2BIG);
    int rc = check(loop, options);

    if (rc == 0 && options->sock == 0)
        rc = eddy_raise(-EBADF, "connect_accepted_socket: no socket");
    return rc < 0 ? rc : open_connection(loop, options, true);
}

int eddyi_protocol_pipe_new(eddy_loop *loop, int read_fd, int write_fd, eddy_transport **ret)
{
    eddy_carrier *c;
    int rc = eddy_pipe_carrier_borrow(loop, read_fd, write_fd, &c);

    if (rc < 0)
        return rc;
    *ret = eddyi_protocol_transport_new(c);
    if (!*ret)
        return -ENOMEM;
    eddyi_fd_carrier_own(c);
    return 0;
}

static int open_pipe(eddy_loop *loop, int read_fd, int write_fd, eddy_protocol_factory *factory,
                     void *arg, eddy_transport **ret_transport)
{
    eddy_transport *t = NULL;
    int rc = eddyi_face_check(loop, factory != NULL, false);

    if (rc == 0)
        rc = eddyi_protocol_pipe_new(loop, read_fd, write_fd, &t);
    return rc < 0 ? rc : open_transport(t, factory, arg, ret_transport);
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
