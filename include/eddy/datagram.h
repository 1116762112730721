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
 * Bytes sent as one datagram are received as one; a datagram may have no bytes. A failed send or
 * receive fails only that call; the endpoint stays usable. A refused datagram (ICMP) shows as
 * -ECONNREFUSED in a later call on a connected endpoint.
 *
 * At any moment one task may receive on an endpoint and one may send; a second task in the same
 * direction gets -EBUSY.
 */
#ifndef EDDY_DATAGRAM_H
#define EDDY_DATAGRAM_H

#include "defs.h"

#include <sys/socket.h>
#include <sys/types.h>

EDDY_BEGIN_DECLS

/* A socket for datagrams, used from tasks. Opaque. */
typedef struct eddy_datagram_endpoint eddy_datagram_endpoint;

/* The keyword arguments of create_datagram_endpoint. None is required. */
typedef struct eddy_datagram_endpoint_options {
    eddy_datagram_endpoint **ret; /* the macro's first argument */
    /* the address to bind to; with AF_UNIX a path, or "@name". NULL and a port: all interfaces */
    const char *local_host;
    int local_port;
    const char *remote_host; /* the address to connect to; with AF_UNIX a path */
    int remote_port;
    int family, proto, flags; /* AF_…, IPPROTO_…, AI_… */
    bool reuse_port;          /* SO_REUSEPORT */
    /* SO_BROADCAST; the remote address is then only the destination of send() */
    bool allow_broadcast;
    /*
     * a datagram socket, used in place of all other options; 0: none (eddy_fd() passes a 0); < 0:
     * -EBADF
     */
    int sock;
    /*
     * @sock stays the caller's, borrowed until eddy_datagram_endpoint_close(), or until
     * connection_lost() of a datagram transport
     */
    bool borrow_sock;
} eddy_datagram_endpoint_options;

/*
 * Opens an endpoint: eddy_create_datagram_endpoint(&ep, .local_host = …, .remote_port = …). If the
 * hosts have several addresses, the first that works is used, of the same family for both. A stale
 * Unix socket at the local path is replaced. Takes ownership of @sock on success. The caller owns
 * *ret, and frees it with eddy_datagram_endpoint_close().
 *
 * Returns 0, or raises -EINVAL for options that contradict each other, -EAFNOSUPPORT if the local
 * and the remote host have no family in common, or the error of eddy_getaddrinfo() or of the first
 * attempt.
 */
#ifndef __cplusplus
#define eddy_create_datagram_endpoint(...)                                                         \
    eddy_create_datagram_endpoint_with(&(eddy_datagram_endpoint_options){.ret = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_create_datagram_endpoint_with(const eddy_datagram_endpoint_options *options,
                                   size_t options_size);
#define eddy_create_datagram_endpoint_with(...)                                                    \
    eddy_create_datagram_endpoint_with(__VA_ARGS__, sizeof(eddy_datagram_endpoint_options))

/*
 * Closes and frees the endpoint; its address is free when the call returns. A task that waits in a
 * call on @ep gets EDDY_ECLOSED. NULL is allowed.
 */
EDDY_API void eddy_datagram_endpoint_close(eddy_datagram_endpoint *ep);

/*
 * Receives one datagram. Returns the number of bytes in @buf, or -errno. *addr (@addr may be NULL)
 * and *addrlen get the sender's address, as from recvfrom(2).
 *
 * Cancelled: returns -ECANCELED, and nothing is consumed. A datagram that arrives together with the
 * cancellation is delivered, and the cancellation takes effect at the next suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_datagram_endpoint_recv(eddy_datagram_endpoint *ep,
                                                                        void *buf, size_t size,
                                                                        struct sockaddr *addr,
                                                                        socklen_t *addrlen);

/*
 * Returns the number of bytes of the last received datagram that did not fit into the buffer, and
 * are lost.
 */
EDDY_API size_t eddy_datagram_endpoint_truncated(const eddy_datagram_endpoint *ep);

/*
 * Send one datagram to the remote address, or to @addr; wait while the socket's buffer is full.
 * Return 0 or -errno: -EMSGSIZE if the datagram is too large, -EDESTADDRREQ without a remote
 * address, -EINVAL for an address other than that of a connected endpoint.
 *
 * Cancelled: the datagram was not sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_datagram_endpoint_send(eddy_datagram_endpoint *ep,
                                                                    const void *buf, size_t size);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_datagram_endpoint_sendto(eddy_datagram_endpoint *ep,
                                                                      const void *buf, size_t size,
                                                                      const struct sockaddr *addr,
                                                                      socklen_t addrlen);

/*
 * Get the addresses of @ep, as getsockname(2) does. Return 0 or -errno; -ENOTCONN if there is no
 * remote address.
 */
EDDY_API int eddy_datagram_endpoint_local_address(const eddy_datagram_endpoint *ep,
                                                  struct sockaddr *addr, socklen_t *addrlen);
EDDY_API int eddy_datagram_endpoint_remote_address(const eddy_datagram_endpoint *ep,
                                                   struct sockaddr *addr, socklen_t *addrlen);

/* Returns the descriptor, for socket options. Borrowed. */
EDDY_API int eddy_datagram_endpoint_fileno(const eddy_datagram_endpoint *ep);

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int eddy_create_datagram_endpoint(
    eddy_datagram_endpoint **ret,
    eddy_datagram_endpoint_options options = eddy_datagram_endpoint_options())
{
    options.ret = ret;
    return eddy_create_datagram_endpoint_with(&options);
}
#endif

#endif
