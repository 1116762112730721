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
 * Batches
 *
 * One system call moves many datagrams, where datagrams are small and many: DNS, games, QUIC. A
 * received array can be sent back as it is.
 *
 *     eddy_datagram batch[32] = {0};
 *
 *     for (int i = 0; i < 32; i++)
 *         batch[i].data = buffers[i], batch[i].room = sizeof buffers[i];
 *     while ((n = eddy_datagram_endpoint_recv_some(ep, batch, 32)) > 0)
 *         for (ssize_t sent = 0, more; sent < n; sent += more)
 *             eddy_try(more = eddy_datagram_endpoint_send_some(ep, batch + sent, n - sent));
 */

/* The most datagrams that one call moves. */
enum { EDDY_DATAGRAMS_AT_ONCE = 64 };

/*
 * A datagram of a batch. A struct begins as zeros.
 *
 * @data          the bytes to send, or the room for those to receive; the caller's
 * @room          bytes of room at @data; only receiving reads it
 * @size          bytes of the datagram in @data: receiving sets it, sending reads it
 * @truncated     set by receiving: bytes that did not fit into @room, and are lost
 * @segment_size  not 0: @data holds several datagrams of @segment_size bytes each, the last of
 *                which may be shorter, which cross the kernel as one. Sending divides them
 *                (UDP_SEGMENT): at most 64 segments and 65507 bytes. Receiving sets it where the
 *                caller has switched UDP_GRO on, by setsockopt(2) on the endpoint's descriptor;
 *                @room should then be 64 KiB
 * @addr          the sender, or the addressee
 * @addrlen       bytes of @addr. Sending with 0: to the endpoint's remote address
 */
typedef struct eddy_datagram {
    void *data;
    size_t room;
    size_t size;
    size_t truncated;
    size_t segment_size;
    struct sockaddr_storage addr;
    socklen_t addrlen;
    void *eddyi_reserved[3];
} eddy_datagram;

/*
 * Receives datagrams: waits until there is one, and takes all that have arrived, at most @n and
 * EDDY_DATAGRAMS_AT_ONCE. Borrows the @n @datagrams and their bytes.
 *
 * Returns their number, or -errno: -EINVAL if @n is 0. An error that comes after some datagrams,
 * such as -ECONNREFUSED, is the next call's. Raises -ENOMEM at an endpoint's first batch.
 *
 * Cancelled: returns -ECANCELED, and nothing is consumed. Datagrams that arrive together with the
 * cancellation are delivered, and the cancellation takes effect at the next suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t
eddy_datagram_endpoint_recv_some(eddy_datagram_endpoint *ep, eddy_datagram *datagrams, size_t n);

/*
 * Sends datagrams, in order: waits until the socket's buffer has room for one, and sends as many as
 * it takes, at most @n and EDDY_DATAGRAMS_AT_ONCE. Borrows the @n @datagrams and their bytes.
 *
 * Returns the number that was sent, at least one unless @n is 0, or the error of the first, as
 * eddy_datagram_endpoint_sendto() does; -EOPNOTSUPP if it has segments and the socket is not UDP.
 * If a later datagram fails, those before it are sent, and the next call, which begins with it, has
 * the error. A refusal (ICMP) that arrives in the middle of a batch only ends it there: the kernel
 * does not tell, but the datagram that is sent again is refused again.
 *
 * Cancelled: none was sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_datagram_endpoint_send_some(
    eddy_datagram_endpoint *ep, const eddy_datagram *datagrams, size_t n);

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
