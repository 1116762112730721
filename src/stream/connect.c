/*
 * Connecting: an address or a socket becomes a carrier, and a channel on it speaks TLS.
 */
#include "stream/connect.h"

#include "base/given.h"
#include "base/sys.h"
#include "carrier/fd.h"
#include "loop/loop.h"
#include "net/connect.h"
#include "stream/channel.h"

static int connect_to(const eddy_connection_options *o)
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

int eddyi_connect(eddy_loop *loop, const eddy_connection_options *o, eddy_carrier **ret)
{
    bool own = o->sock == 0;
    int fd = own ? connect_to(o) : eddyi_fd_given(o->sock);
    int rc = own && fd < 0 ? fd : eddy_socket_carrier_new(loop, fd, ret);

    if (rc < 0 && own && fd >= 0)
        eddyi_sys_close(fd);
    return rc < 0 ? rc : 0;
}

void eddyi_connect_undo(const eddy_connection_options *o, eddy_carrier *carrier)
{
    if (o->sock == 0)
        carrier->ops->free(carrier);
    else
        eddyi_fd_carrier_disown(carrier);
}

int eddyi_connect_tls(struct eddyi_channel *c, const eddy_connection_options *o, bool server_side)
{
    eddy_start_tls_options tls = {.context = o->tls,
                                  .server_hostname =
                                      o->server_hostname ? o->server_hostname : o->host,
                                  .handshake_timeout = o->tls_handshake_timeout,
                                  .shutdown_timeout = o->tls_shutdown_timeout};
    int rc = o->tls ? eddyi_channel_start_tls(c, &tls, server_side) : 0;

    if (rc < 0)
        eddyi_channel_abort(c);
    return rc;
}
