/*
 * Datagrams by callbacks (asyncio.DatagramProtocol and DatagramTransport); with tasks, see
 * eddy/datagram.h.
 *
 * As eddy/transport.h has it: callbacks are called by the loop, in the endpoint's own copy of the
 * context; the transport lives until connection_lost() has returned, or until the last reference
 * goes.
 */
#ifndef EDDY_DATAGRAM_TRANSPORT_H
#define EDDY_DATAGRAM_TRANSPORT_H

#include "datagram.h"
#include "defs.h"
#include "loop.h"

EDDY_BEGIN_DECLS

typedef struct eddy_datagram_transport eddy_datagram_transport;

/* What is NULL does nothing. Must outlive the endpoints that use it. */
typedef struct eddy_datagram_protocol {
    void (*connection_made)(void *arg, eddy_datagram_transport *transport);

    /* One datagram, maybe of no bytes; data and address are valid during the call. At most 64 KiB,
     * the rest is cut off. */
    void (*datagram_received)(void *arg, const void *data, size_t size, const struct sockaddr *addr,
                              socklen_t addrlen);

    /* A send or receive failed, as because the peer refused an earlier datagram; the endpoint goes
     * on (rule 160). */
    void (*error_received)(void *arg, const eddy_exception *e);

    /* The last call, exactly one. @e is NULL: closed or aborted; else why the endpoint cannot go
     * on, -ECANCELED if its loop was closed. */
    void (*connection_lost)(void *arg, const eddy_exception *e);

    /* More than the high-water mark waits to be sent; later: no more than the low one. */
    void (*pause_writing)(void *arg);
    void (*resume_writing)(void *arg);
} eddy_datagram_protocol;

/* As eddy_protocol_factory. */
typedef int eddy_datagram_protocol_factory(void *arg, const eddy_datagram_protocol **ret_protocol,
                                           void **ret_arg);

/*
 * eddy_loop_create_datagram_endpoint(loop, factory, arg, &transport, .local_port = …): opens an
 * endpoint, and returns after connection_made() (loop.create_datagram_endpoint). The options are
 * those of eddy_create_datagram_endpoint(), but for its output; at least one is needed.
 * *ret_transport is a reference, the caller's; it may be NULL. 0, or an error as there, or of the
 * factory, which closes a .sock.
 */
#ifndef __cplusplus
#define eddy_loop_create_datagram_endpoint(loop, factory, arg, ret_transport, ...)                 \
    eddy_loop_create_datagram_endpoint_with((loop), (factory), (arg), (ret_transport),             \
                                            &(eddy_datagram_endpoint_options){__VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_create_datagram_endpoint_with(eddy_loop *loop, eddy_datagram_protocol_factory *factory,
                                        void *arg, eddy_datagram_transport **ret_transport,
                                        const eddy_datagram_endpoint_options *options);

/* NULL is allowed in the second. */
EDDY_API eddy_datagram_transport *eddy_datagram_transport_ref(eddy_datagram_transport *t);
EDDY_API void eddy_datagram_transport_unref(eddy_datagram_transport *t);

/*
 * Sends one datagram to @addr, or to the remote address if that is NULL; keeps it where it cannot
 * go at once. 0, or a raised error:
 *
 *   -EINVAL            another address than that of a connected endpoint
 *   -EDESTADDRREQ      no address at all
 *   EDDY_ECLOSED       it is closing
 *   -ENOMEM
 *   -EMSGSIZE, …       sending failed; error_received() has been told so, too, as in asyncio
 */
EDDY_API int eddy_datagram_transport_sendto(eddy_datagram_transport *t, const void *data,
                                            size_t size, const struct sockaddr *addr,
                                            socklen_t addrlen);

/* Receives no more; what is kept still goes out, then comes connection_lost(NULL). abort() drops
 * that. */
EDDY_API void eddy_datagram_transport_close(eddy_datagram_transport *t);
EDDY_API void eddy_datagram_transport_abort(eddy_datagram_transport *t);
EDDY_API bool eddy_datagram_transport_is_closing(const eddy_datagram_transport *t);

/* "socket" (int), "sockname", "peername"; as eddy_writer_get_extra_info(). -ENOENT once it is
 * lost. */
EDDY_API ssize_t eddy_datagram_transport_get_extra_info(const eddy_datagram_transport *t,
                                                        const char *name, void *ret, size_t size);

EDDY_API void eddy_datagram_transport_set_protocol(eddy_datagram_transport *t,
                                                   const eddy_datagram_protocol *protocol,
                                                   void *arg);
EDDY_API const eddy_datagram_protocol *
eddy_datagram_transport_get_protocol(const eddy_datagram_transport *t, void **ret_arg);

/* As of eddy/transport.h; each datagram counts 8 bytes more than it has (rule 160). */
EDDY_API int eddy_datagram_transport_set_write_buffer_limits(eddy_datagram_transport *t,
                                                             size_t high, size_t low);
EDDY_API void eddy_datagram_transport_get_write_buffer_limits(const eddy_datagram_transport *t,
                                                              size_t *ret_low, size_t *ret_high);
EDDY_API size_t eddy_datagram_transport_get_write_buffer_size(const eddy_datagram_transport *t);

EDDY_END_DECLS

#endif
