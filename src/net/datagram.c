#include "net/datagram.h"

#include "base/options.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "task/task.h"

#include <string.h>

int(eddy_create_datagram_endpoint_with)(const eddy_datagram_endpoint_options *options,
                                        size_t options_size)
{
    EDDYI_OPTIONS(eddy_datagram_endpoint_options, options, options_size, -E2BIG);
    eddy_datagram_endpoint *ep;
    int rc;

    if (!eddyi_task_current())
        return eddyi_raise_no_task();
    if (!options->ret)
        return eddy_raise(-EINVAL, "there is no place for the datagram endpoint");
    ep = eddyi_zalloc(sizeof *ep);
    if (!ep)
        return eddy_raise(-ENOMEM, NULL);
    rc = eddyi_datagram_open(ep, options);
    if (rc < 0)
        eddyi_free(ep);
    else
        *options->ret = ep;
    return rc;
}

static void free_endpoint(eddy_datagram_endpoint *ep)
{
    eddyi_free(ep->batches[EDDYI_READS]);
    eddyi_free(ep->batches[EDDYI_WRITES]);
    eddyi_free(ep);
}

/* Frees a closed endpoint when its last call has left. */
static void endpoint_leave(eddy_datagram_endpoint *ep)
{
    if (ep->closed && !ep->calls[EDDYI_READS] && !ep->calls[EDDYI_WRITES])
        free_endpoint(ep);
}

/* Ends a call before its task runs again; the number may be another descriptor's by then. */
static void end_call(struct eddyi_io_call *c)
{
    eddyi_io_withdraw(&c->o);
    eddyi_io_release(&c->claim);
    c->fd = -1;
}

void eddy_datagram_endpoint_close(eddy_datagram_endpoint *ep)
{
    if (!ep)
        return;
    ep->closed = true;
    for (int d = EDDYI_READS; d <= EDDYI_WRITES; d++)
        if (ep->calls[d])
            end_call(ep->calls[d]);
    eddyi_datagram_let_go(ep, false);
    endpoint_leave(ep);
}

int eddyi_datagram_enter(eddy_datagram_endpoint *ep, enum eddyi_direction direction,
                         struct eddyi_io_call *c, const char *name)
{
    if (ep->calls[direction])
        return eddy_raise(-EBUSY, "%s: another task is in it", name);
    ep->calls[direction] = c;
    return 0;
}

/* A call that waited while the endpoint was closed was cancelled, although the task was not. */
int64_t eddyi_datagram_leave(eddy_datagram_endpoint *ep, enum eddyi_direction direction,
                             int64_t result)
{
    bool cancelled = result == -ECANCELED && ep->calls[direction]->wait.cancelled;
    bool was_closed = result < 0 && ep->closed && !cancelled;

    ep->calls[direction] = NULL;
    endpoint_leave(ep);
    return was_closed ? eddy_raise(EDDY_ECLOSED, "the datagram endpoint was closed") : result;
}

ssize_t eddy_datagram_endpoint_recv(eddy_datagram_endpoint *ep, void *buf, size_t size,
                                    struct sockaddr *addr, socklen_t *addrlen)
{
    struct eddyi_io_call call = {.loop = NULL};
    int64_t n = eddyi_datagram_enter(ep, EDDYI_READS, &call, "datagram_recv");

    if (n < 0)
        return n;
    n = eddyi_io_recvfrom(&call, "datagram_recv", ep->fd, buf, size, MSG_TRUNC, addr, addrlen);
    if (n >= 0) {
        ep->truncated = n > (int64_t)size ? (size_t)n - size : 0;
        n -= (int64_t)ep->truncated;
    }
    return eddyi_datagram_leave(ep, EDDYI_READS, n);
}

size_t eddy_datagram_endpoint_truncated(const eddy_datagram_endpoint *ep)
{
    return ep->truncated;
}

static int send_to(eddy_datagram_endpoint *ep, const void *buf, size_t size,
                   const struct sockaddr *addr, socklen_t addrlen)
{
    struct eddyi_io_call call = {.loop = NULL};
    int64_t n = eddyi_datagram_enter(ep, EDDYI_WRITES, &call, "datagram_send");

    if (n < 0)
        return (int)n;
    n = eddyi_io_sendto(&call, "datagram_send", ep->fd, buf, size, addr, addrlen);
    n = eddyi_datagram_leave(ep, EDDYI_WRITES, n);
    return n < 0 ? (int)n : 0;
}

static bool is_remote(const eddy_datagram_endpoint *ep, const struct sockaddr *addr,
                      socklen_t addrlen)
{
    if (addrlen < sizeof addr->sa_family || addr->sa_family != ep->remote.sa.sa_family)
        return false;
    if (addr->sa_family == AF_INET || addr->sa_family == AF_INET6)
        return addrlen >= eddyi_address_size(addr->sa_family) &&
               eddyi_address_equal(addr, &ep->remote.sa);
    return addrlen == ep->remote_len && memcmp(addr, &ep->remote, addrlen) == 0;
}

int eddyi_datagram_target(const eddy_datagram_endpoint *ep, const struct sockaddr **addr,
                          socklen_t *addrlen)
{
    char text[EDDYI_ADDRESS_TEXT];

    if (!*addr) {
        if (ep->remote_len == 0)
            return eddy_raise(-EDESTADDRREQ, "datagram_send: the endpoint has no remote address");
        *addr = ep->connected ? NULL : &ep->remote.sa;
        *addrlen = ep->connected ? 0 : ep->remote_len;
        return 0;
    }
    if (!ep->connected)
        return 0;
    if (!is_remote(ep, *addr, *addrlen))
        return eddy_raise(-EINVAL,
                          "datagram_sendto %s: the endpoint is connected to another address",
                          eddyi_address_format(*addr, *addrlen, text, sizeof text));
    *addr = NULL;
    *addrlen = 0;
    return 0;
}

int eddy_datagram_endpoint_sendto(eddy_datagram_endpoint *ep, const void *buf, size_t size,
                                  const struct sockaddr *addr, socklen_t addrlen)
{
    int rc = eddyi_datagram_target(ep, &addr, &addrlen);

    return rc < 0 ? rc : send_to(ep, buf, size, addr, addrlen);
}

int eddy_datagram_endpoint_send(eddy_datagram_endpoint *ep, const void *buf, size_t size)
{
    return eddy_datagram_endpoint_sendto(ep, buf, size, NULL, 0);
}

int eddy_datagram_endpoint_local_address(const eddy_datagram_endpoint *ep, struct sockaddr *addr,
                                         socklen_t *addrlen)
{
    int rc = addr && addrlen ? eddyi_sys_sockname(ep->fd, addr, addrlen) : -EINVAL;

    return rc < 0 ? eddy_raise(rc, "the local address of a datagram endpoint") : 0;
}

int eddy_datagram_endpoint_remote_address(const eddy_datagram_endpoint *ep, struct sockaddr *addr,
                                          socklen_t *addrlen)
{
    socklen_t room = addrlen ? *addrlen : 0;

    if (!addrlen || (!addr && room > 0))
        return eddy_raise(-EINVAL, "there is no place for the remote address");
    if (ep->remote_len == 0)
        return eddy_raise(-ENOTCONN, "the datagram endpoint has no remote address");
    if (room > 0)
        memcpy(addr, &ep->remote, ep->remote_len < room ? ep->remote_len : room);
    *addrlen = ep->remote_len;
    return 0;
}

int eddy_datagram_endpoint_fileno(const eddy_datagram_endpoint *ep)
{
    return ep->fd;
}
