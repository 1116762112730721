/*
 * Connecting: makes a carrier of an address or a socket, and starts TLS on the channel over it.
 */
#include "net/connect.h"
#include "base/given.h"
#include "base/options.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "stream/stream.h"
#include "task/task.h"

int eddyi_connect(eddy_loop *loop, const eddy_connection_options *o, eddy_carrier **ret)
{
    int fd, rc;

    if (o->sock != 0)
        return eddy_socket_carrier_borrow(loop, eddyi_fd_given(o->sock), ret);
    fd = o->path ? eddyi_connect_unix(o->path) : eddyi_connect_tcp(o);
    rc = fd < 0 ? fd : eddy_socket_carrier_new(loop, fd, ret);
    if (rc < 0 && fd >= 0)
        eddyi_sys_close(fd);
    return rc;
}

int eddyi_connect_tls(struct eddyi_channel *c, const eddy_connection_options *o, bool server_side)
{
    eddy_start_tls_options tls = {.context = o->tls,
                                  .server_side = server_side,
                                  .server_hostname =
                                      o->server_hostname ? o->server_hostname : o->host,
                                  .handshake_timeout = o->tls_handshake_timeout,
                                  .shutdown_timeout = o->tls_shutdown_timeout};
    int rc = o->tls ? eddyi_channel_start_tls(c, &tls) : 0;

    if (rc < 0)
        eddyi_channel_abort(c);
    return rc;
}

/* Opening streams by connecting. */

int(eddy_open_connection_with)(const eddy_connection_options *options, size_t options_size)
{
    EDDYI_OPTIONS(eddy_connection_options, options, options_size, -E2BIG);
    int rc = eddyi_task_current() ? 0 : eddyi_raise_no_task();
    struct eddyi_stream *s;
    eddy_carrier *c;

    if (rc == 0 && options->factory)
        rc = eddy_raise(-EINVAL, "open_connection: it takes no protocol factory");
    if (rc == 0 && (!options->ret_reader || !options->ret_writer))
        rc = eddy_raise(-EINVAL, "open_connection: there is no place for reader or writer");
    if (rc == 0)
        rc = eddyi_connect(eddyi_loop_running, options, &c);
    if (rc < 0)
        return rc;
    s = eddyi_stream_new(c, options->limit);
    if (!s)
        return -ENOMEM;
    eddyi_fd_carrier_own(c);
    s->reader.time_limit = eddyi_time_limit(options->read_timeout);
    s->channel.write_limit = eddyi_time_limit(options->write_timeout);
    rc = eddyi_connect_tls(&s->channel, options, false);
    if (rc < 0) {
        eddyi_stream_give_back(s);
        return rc;
    }
    *options->ret_reader = &s->reader;
    *options->ret_writer = &s->writer;
    return 0;
}

int eddy_open_unix_connection(const char *path, size_t limit, eddy_reader **ret_reader,
                              eddy_writer **ret_writer)
{
    return eddy_open_connection_with(&(eddy_connection_options){.path = path ? path : "",
                                                                .limit = limit,
                                                                .ret_reader = ret_reader,
                                                                .ret_writer = ret_writer});
}
