/*
 * Streams that begin with connecting.
 */
#include "net/connect.h"

#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "stream/stream.h"
#include "task/task.h"

/* The stream of a connected socket, which is closed if that fails and it is not the caller's
 * own. */
static int open_socket(int fd, bool own, size_t limit, struct eddyi_stream **ret)
{
    struct eddyi_stream *s = NULL;
    eddy_carrier *c;
    int rc = eddy_socket_carrier_new(eddyi_loop_running, fd, &c);

    if (rc == 0) {
        s = eddyi_stream_new(c, limit);
        if (!s) {
            rc = -ENOMEM;
            eddyi_fd_carrier_disown(c);
        }
    }
    if (rc < 0 && own)
        eddyi_sys_close(fd);
    *ret = s;
    return rc;
}

static int connect_to(const eddy_connection_options *o)
{
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

static int start_tls(struct eddyi_stream *s, const eddy_connection_options *o)
{
    return eddyi_stream_start_tls(
        s, &(eddy_start_tls_options){.context = o->tls,
                                     .server_hostname =
                                         o->server_hostname ? o->server_hostname : o->host,
                                     .handshake_timeout = o->tls_handshake_timeout,
                                     .shutdown_timeout = o->tls_shutdown_timeout});
}

int eddy_open_connection_with(const eddy_connection_options *options)
{
    bool own = options->sock == 0;
    struct eddyi_stream *s;
    int rc = eddyi_task_here() ? 0 : EDDY_ENOTASK, fd = options->sock;

    if (rc == 0 && own)
        rc = fd = connect_to(options);
    if (rc >= 0)
        rc = open_socket(fd, own, options->limit, &s);
    if (rc < 0)
        return rc;
    eddyi_stream_limit_time(s, options->read_timeout, options->write_timeout);
    if (options->tls) {
        rc = start_tls(s, options);
        if (rc < 0) {
            eddyi_channel_abort(&s->channel);
            eddyi_stream_give_back(s);
            return rc;
        }
    }
    *options->ret_reader = &s->reader;
    *options->ret_writer = &s->writer;
    return 0;
}

int eddy_open_unix_connection(const char *path, size_t limit, eddy_reader **ret_reader,
                              eddy_writer **ret_writer)
{
    struct eddyi_stream *s;
    int rc = eddyi_connect_unix(path);

    if (rc >= 0)
        rc = open_socket(rc, true, limit, &s);
    if (rc < 0)
        return rc;
    *ret_reader = &s->reader;
    *ret_writer = &s->writer;
    return 0;
}
