/*
 * The socket of a datagram endpoint, with the first pair of a local and a remote address of one
 * family that works.
 */
#include "base/given.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/net.h"
#include "net/datagram.h"

#include <stdio.h>
#include <string.h>

static bool has_remote(const eddy_datagram_endpoint_options *o)
{
    return o->remote_host || o->remote_port;
}

static bool has_local(const eddy_datagram_endpoint_options *o)
{
    return o->local_host || o->local_port;
}

/* The addresses of both ends; NULL: none. */
struct ends {
    const struct sockaddr *local, *remote;
    socklen_t local_len, remote_len;
};

static int connect_to(eddy_datagram_endpoint *ep, int fd, const struct ends *e,
                      const eddy_datagram_endpoint_options *o)
{
    int rc = o->allow_broadcast ? 0 : eddyi_sys_connect(fd, e->remote, e->remote_len);

    if (rc < 0)
        return rc;
    memcpy(&ep->remote, e->remote, e->remote_len);
    ep->remote_len = e->remote_len;
    ep->connected = !o->allow_broadcast;
    return 0;
}

static int set_up(eddy_datagram_endpoint *ep, int fd, const struct ends *e,
                  const eddy_datagram_endpoint_options *o)
{
    int rc = 0;

    if (o->reuse_port)
        rc = eddyi_sys_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (rc == 0 && o->allow_broadcast)
        rc = eddyi_sys_set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
    if (rc == 0 && e->local)
        rc = eddyi_sys_bind(fd, e->local, e->local_len);
    return rc == 0 && e->remote ? connect_to(ep, fd, e, o) : rc;
}

static int open_pair(eddy_datagram_endpoint *ep, int family, const struct ends *e,
                     const eddy_datagram_endpoint_options *o)
{
    int fd = eddyi_sys_socket(family, SOCK_DGRAM, o->proto), rc = fd;
    char local[EDDYI_ADDRESS_TEXT] = "any address", remote[EDDYI_ADDRESS_TEXT] = "none";

    if (fd >= 0)
        rc = set_up(ep, fd, e, o);
    if (rc == 0) {
        ep->fd = fd;
        return 0;
    }
    if (fd >= 0 && rc < 0)
        eddyi_sys_close(fd);
    if (e->local)
        eddyi_address_format(e->local, e->local_len, local, sizeof local);
    if (e->remote)
        eddyi_address_format(e->remote, e->remote_len, remote, sizeof remote);
    return eddy_raise(rc, "datagram endpoint: local %s, remote %s", local, remote);
}

static int unix_address(const char *path, union eddyi_address *a, const struct sockaddr **ret,
                        socklen_t *ret_len)
{
    int rc = path ? eddyi_address_unix(path, a, ret_len) : 0;

    if (path)
        *ret = &a->sa;
    return rc < 0 ? eddy_raise(rc, "datagram endpoint '%s'", path) : 0;
}

static int open_unix(eddy_datagram_endpoint *ep, const eddy_datagram_endpoint_options *o)
{
    union eddyi_address local, remote;
    struct ends e = {0};
    int rc = unix_address(o->local_host, &local, &e.local, &e.local_len);

    if (rc == 0)
        rc = unix_address(o->remote_host, &remote, &e.remote, &e.remote_len);
    if (rc == 0 && e.local && o->local_host[0] != '@') {
        rc = eddyi_sys_unlink_socket(o->local_host);
        if (rc < 0)
            eddy_raise(rc, "remove %s", o->local_host);
    }
    return rc < 0 ? rc : open_pair(ep, AF_UNIX, &e, o);
}

static int look_up(const char *host, int port, const eddy_datagram_endpoint_options *o,
                   bool passive, struct addrinfo **ret)
{
    struct addrinfo hints = {.ai_family = o->family,
                             .ai_socktype = SOCK_DGRAM,
                             .ai_protocol = o->proto,
                             .ai_flags = o->flags | (passive && !host ? AI_PASSIVE : 0)};
    char service[16];

    snprintf(service, sizeof service, "%d", port);
    return eddy_getaddrinfo(host, service, &hints, ret);
}

/* Tries each local address, or none, with the first remote one of its family. */
static int try_pairs(eddy_datagram_endpoint *ep, const struct addrinfo *local,
                     const struct addrinfo *remote, const eddy_datagram_endpoint_options *o)
{
    const eddy_exception *first = NULL;
    int rc = -EAFNOSUPPORT;

    for (const struct addrinfo *a = local ? local : remote; a && rc < 0; a = a->ai_next) {
        const struct addrinfo *r = local ? remote : a;
        struct ends e = {0};

        while (r && r->ai_family != a->ai_family)
            r = r->ai_next;
        if (has_remote(o) && !r)
            continue;
        if (local)
            e = (struct ends){.local = a->ai_addr, .local_len = a->ai_addrlen};
        if (r) {
            e.remote = r->ai_addr;
            e.remote_len = r->ai_addrlen;
        }
        rc = open_pair(ep, a->ai_family, &e, o);
        if (rc < 0 && !first)
            first = eddy_exception_ref(eddy_error());
    }
    if (rc < 0)
        rc = first ? eddy_reraise(first)
                   : eddy_raise(
                         rc, "datagram endpoint: local and remote host have no family in common");
    eddy_exception_unref(first);
    return rc;
}

static int open_inet(eddy_datagram_endpoint *ep, const eddy_datagram_endpoint_options *o)
{
    struct addrinfo *local = NULL, *remote = NULL;
    int rc = has_local(o) ? look_up(o->local_host, o->local_port, o, true, &local) : 0;

    if (rc == 0 && has_remote(o))
        rc = look_up(o->remote_host, o->remote_port, o, false, &remote);
    if (rc == 0)
        rc = try_pairs(ep, local, remote, o);
    eddy_freeaddrinfo(local);
    eddy_freeaddrinfo(remote);
    return rc;
}

static int take_over(eddy_datagram_endpoint *ep, const eddy_datagram_endpoint_options *o)
{
    int fd = eddyi_fd_given(o->sock), type = eddyi_sys_get_option(fd, SOL_SOCKET, SO_TYPE), rc;

    if (has_local(o) || has_remote(o) || o->family || o->proto || o->flags || o->reuse_port ||
        o->allow_broadcast)
        return eddy_raise(-EINVAL, "datagram endpoint: .sock goes with no other option");
    if (type < 0)
        return eddy_raise(type, "datagram endpoint on descriptor %d", fd);
    if (type == SOCK_STREAM)
        return eddy_raise(-EINVAL, "datagram endpoint: descriptor %d is a stream", fd);
    if (eddyi_sys_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
        return eddy_raise(-EINVAL, "datagram endpoint: descriptor %d listens", fd);
    rc = eddyi_sys_set_nonblocking(fd);
    if (rc < 0)
        return eddy_raise(rc, "datagram endpoint on descriptor %d", fd);
    ep->was_blocking = rc > 0;
    ep->borrowed = o->borrow_sock;
    ep->remote_len = sizeof ep->remote;
    ep->connected = eddyi_sys_peername(fd, &ep->remote.sa, &ep->remote_len) == 0;
    if (!ep->connected)
        ep->remote_len = 0;
    ep->fd = fd;
    return 0;
}

int eddyi_datagram_open(eddy_datagram_endpoint *ep, const eddy_datagram_endpoint_options *o)
{
    if (o->sock)
        return take_over(ep, o);
    if (o->family == AF_UNIX)
        return open_unix(ep, o);
    if (has_local(o) || has_remote(o))
        return open_inet(ep, o);
    if (!o->family)
        return eddy_raise(-EINVAL, "datagram endpoint: neither an address nor a family");
    return open_pair(ep, o->family, &(struct ends){0}, o);
}

void eddyi_datagram_let_go(eddy_datagram_endpoint *ep, bool kept)
{
    if (ep->was_blocking)
        eddyi_sys_set_blocking(ep->fd);
    if (!kept && !ep->borrowed)
        eddyi_sys_close(ep->fd);
    ep->fd = -1;
}
