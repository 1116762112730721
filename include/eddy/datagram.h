/*
 * Datagram endpoints: UDP and Unix datagrams (loop.create_datagram_endpoint).
 *
 *     eddy_datagram_endpoint *ep;
 *
 *     eddy_try(eddy_create_datagram_endpoint(&ep, .local_host = "::", .local_port = 123));
 *     while ((n = eddy_datagram_endpoint_recv(ep, buf, sizeof buf, from, &from_size)) >= 0)
 *         eddy_try(eddy_datagram_endpoint_sendto(ep, buf, n, from, from_size));
 *     eddy_datagram_endpoint_close(ep);
 *
 * What is sent as one datagram is received as one, one without bytes included. A failed send or
 * receive is the failure of that call alone: the endpoint goes on. That a datagram was refused
 * (ICMP) shows as -ECONNREFUSED in a later call on a connected endpoint.
 *
 * At any moment one task may receive on an endpoint and another send; a second one in the same
 * direction gets -EBUSY.
 */
#ifndef EDDY_DATAGRAM_H
#define EDDY_DATAGRAM_H

#include "defs.h"

#include <sys/socket.h>
#include <sys/types.h>

EDDY_BEGIN_DECLS

typedef struct eddy_datagram_endpoint eddy_datagram_endpoint;

/* The keyword arguments of create_datagram_endpoint; all of them may be left out. */
typedef struct eddy_datagram_endpoint_options {
    eddy_datagram_endpoint **ret; /* the macro's first argument */
    /* to bind to; with AF_UNIX a path, or "@name". NULL and a local_port: all interfaces */
    const char *local_host;
    int local_port;
    const char *remote_host; /* to connect to; with AF_UNIX a path */
    int remote_port;
    int family, proto, flags; /* AF_…, IPPROTO_…, AI_… */
    bool reuse_port;          /* SO_REUSEPORT */
    /* SO_BROADCAST; the remote address is then only where send() sends to */
    bool allow_broadcast;
    /* a datagram socket to be taken over, instead of all the others; 0: none; < 0: -EBADF */
    int sock;
} eddy_datagram_endpoint_options;

/*
 * eddy_create_datagram_endpoint(&ep, .local_host = …, .remote_port = …): opens an endpoint. Where
 * hosts have several addresses the first that works is taken, of one family for both. A Unix socket
 * that is left at the local path is replaced.
 *
 * Returns 0; -EINVAL for options that make no sense together, -EAFNOSUPPORT if local and remote
 * host have no family in common, what eddy_getaddrinfo() or the first attempt failed with. @sock is
 * taken over only on success.
 */
#ifndef __cplusplus
#define eddy_create_datagram_endpoint(...)                                                         \
    eddy_create_datagram_endpoint_with(&(eddy_datagram_endpoint_options){.ret = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_create_datagram_endpoint_with(const eddy_datagram_endpoint_options *options);

/*
 * Closes and frees it, and with that its address is free; NULL is allowed. A task that waits in it
 * gets EDDY_ECLOSED.
 */
EDDY_API void eddy_datagram_endpoint_close(eddy_datagram_endpoint *ep);

/*
 * Receives one datagram. Returns how many bytes are in @buf, or -errno. *addr, which may be NULL,
 * and *addrlen get who sent it, as recvfrom(2). Cancelled: -ECANCELED and nothing was taken; a
 * datagram that came together with the cancellation is delivered, and it strikes at the next
 * suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_datagram_endpoint_recv(eddy_datagram_endpoint *ep,
                                                                        void *buf, size_t size,
                                                                        struct sockaddr *addr,
                                                                        socklen_t *addrlen);

/* How many bytes of the datagram that was received last did not fit into the buffer, and are
 * lost. */
EDDY_API size_t eddy_datagram_endpoint_truncated(const eddy_datagram_endpoint *ep);

/*
 * Sends one datagram to the remote address, or to @addr; waits where the socket's buffer is full.
 * Returns 0 or -errno: -EMSGSIZE if it is too large, -EDESTADDRREQ without a remote address,
 * -EINVAL for another address than that of a connected endpoint. Cancelled: it was not sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_datagram_endpoint_send(eddy_datagram_endpoint *ep,
                                                                    const void *buf, size_t size);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_datagram_endpoint_sendto(eddy_datagram_endpoint *ep,
                                                                      const void *buf, size_t size,
                                                                      const struct sockaddr *addr,
                                                                      socklen_t addrlen);

/* Its addresses, as getsockname(2): 0 or -errno; without a remote one -ENOTCONN. */
EDDY_API int eddy_datagram_endpoint_local_address(const eddy_datagram_endpoint *ep,
                                                  struct sockaddr *addr, socklen_t *addrlen);
EDDY_API int eddy_datagram_endpoint_remote_address(const eddy_datagram_endpoint *ep,
                                                   struct sockaddr *addr, socklen_t *addrlen);

/* Its descriptor, for socket options; it stays the endpoint's. */
EDDY_API int eddy_datagram_endpoint_fileno(const eddy_datagram_endpoint *ep);

EDDY_END_DECLS

#endif
