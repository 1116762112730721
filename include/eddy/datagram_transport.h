/*
 * Datagrams by callbacks (asyncio.DatagramProtocol, asyncio.DatagramTransport); in a task use
 * eddy/datagram.h.
 *
 * As in eddy/transport.h, the loop calls the callbacks, in the endpoint's own copy of the context.
 * The transport lives until connection_lost() has returned, or until its last reference is dropped.
 */
#ifndef EDDY_DATAGRAM_TRANSPORT_H
#define EDDY_DATAGRAM_TRANSPORT_H

#include "datagram.h"
#include "defs.h"
#include "loop.h"
#include "stream.h"

EDDY_BEGIN_DECLS

/* A socket for datagrams that calls a protocol. Opaque. */
typedef struct eddy_datagram_transport eddy_datagram_transport;

/*
 * A table of functions, which must outlive the endpoints that use it. A function that is NULL does
 * nothing.
 */
typedef struct eddy_datagram_protocol {
    void (*connection_made)(void *arg, eddy_datagram_transport *transport);

    /*
     * Called with one datagram, perhaps of no bytes; @data and @addr are valid during the call. A
     * datagram is truncated to 64 KiB.
     */
    void (*datagram_received)(void *arg, const void *data, size_t size, const struct sockaddr *addr,
                              socklen_t addrlen);

    /*
     * Called when a send or receive failed, for example because the peer refused an earlier
     * datagram; the endpoint stays usable (rule 160). Borrows @e.
     */
    void (*error_received)(void *arg, const eddy_exception *e);

    /*
     * Called last, exactly once. @e is NULL if the endpoint was closed or aborted; otherwise it is
     * the error because of which the endpoint cannot go on, -ECANCELED if its loop was closed.
     * Borrows @e.
     */
    void (*connection_lost)(void *arg, const eddy_exception *e);

    /* Called when the queue exceeds the high-water mark. */
    void (*pause_writing)(void *arg);

    /* Called when the queue is down to the low-water mark again. */
    void (*resume_writing)(void *arg);
    void (*eddyi_reserved[4])(void); /* NULL; see docs/abi.md */
} eddy_datagram_protocol;

/* Makes the protocol of one endpoint, as eddy_protocol_factory does for a connection. */
typedef int eddy_datagram_protocol_factory(void *arg, const eddy_datagram_protocol **ret_protocol,
                                           void **ret_arg);

/*
 * Opens an endpoint, and returns after connection_made() was called
 * (loop.create_datagram_endpoint): eddy_loop_create_datagram_endpoint(loop, factory, arg,
 * &transport, .local_port = …). Takes the options of eddy_create_datagram_endpoint() except for its
 * output; at least one is required. The caller owns *ret_transport; @ret_transport may be NULL.
 * Returns 0, or raises the errors of that call or of the factory; if the factory fails, .sock is
 * closed.
 *
 * With .sock, or with Unix sockets, the call can also be made outside of a task, in the loop's
 * thread: it then returns at once, and connection_made() is called in the next turn.
 */
#ifndef __cplusplus
#define eddy_loop_create_datagram_endpoint(loop, factory, arg, ret_transport, ...)                 \
    eddy_loop_create_datagram_endpoint_with((loop), (factory), (arg), (ret_transport),             \
                                            &(eddy_datagram_endpoint_options){__VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_create_datagram_endpoint_with(eddy_loop *loop, eddy_datagram_protocol_factory *factory,
                                        void *arg, eddy_datagram_transport **ret_transport,
                                        const eddy_datagram_endpoint_options *options,
                                        size_t options_size);
#define eddy_loop_create_datagram_endpoint_with(...)                                               \
    eddy_loop_create_datagram_endpoint_with(__VA_ARGS__, sizeof(eddy_datagram_endpoint_options))

/* Adds a reference to @t and returns @t. */
EDDY_API eddy_datagram_transport *eddy_datagram_transport_ref(eddy_datagram_transport *t);

/* Drops a reference to @t. NULL is allowed. */
EDDY_API void eddy_datagram_transport_unref(eddy_datagram_transport *t);

/*
 * Sends one datagram to @addr, or to the remote address if @addr is NULL
 * (DatagramTransport.sendto); queues it if the kernel does not take it at once. Returns 0, or
 * raises
 *
 *   -EINVAL        an address other than that of a connected endpoint
 *   -EDESTADDRREQ  no address at all
 *   EDDY_ECLOSED   the endpoint is closed or being closed
 *   -ENOMEM
 *   -EMSGSIZE, …   sending failed; error_received() was called too, as in asyncio
 */
EDDY_API int eddy_datagram_transport_sendto(eddy_datagram_transport *t, const void *data,
                                            size_t size, const struct sockaddr *addr,
                                            socklen_t addrlen);

/*
 * Begins to close the endpoint (DatagramTransport.close): receives no more, sends the queued
 * datagrams, and then calls connection_lost(NULL).
 */
EDDY_API void eddy_datagram_transport_close(eddy_datagram_transport *t);

/* Closes the endpoint and drops the queued datagrams (DatagramTransport.abort). */
EDDY_API void eddy_datagram_transport_abort(eddy_datagram_transport *t);

/* Returns whether the endpoint is closed or being closed (Transport.is_closing). */
EDDY_API bool eddy_datagram_transport_is_closing(const eddy_datagram_transport *t);

/*
 * Copies a property, "socket" (int), "sockname" or "peername", as eddy_writer_get_extra_info() does
 * (Transport.get_extra_info). Returns -ENOENT once the endpoint is lost.
 */
EDDY_API ssize_t eddy_datagram_transport_get_extra_info(const eddy_datagram_transport *t,
                                                        const char *name, void *ret, size_t size);

/*
 * Set and get the protocol (Transport.set_protocol, Transport.get_protocol), as
 * eddy_transport_set_protocol() and eddy_transport_get_protocol() do.
 */
EDDY_API void eddy_datagram_transport_set_protocol(eddy_datagram_transport *t,
                                                   const eddy_datagram_protocol *protocol,
                                                   void *arg);
EDDY_API const eddy_datagram_protocol *
eddy_datagram_transport_get_protocol(const eddy_datagram_transport *t, void **ret_arg);

/*
 * Set and get the water marks of the queue, and get its size, in bytes, as the functions of
 * eddy/transport.h do. Each queued datagram counts as its size plus 8 bytes (rule 160).
 */
EDDY_API int eddy_datagram_transport_set_write_buffer_limits(eddy_datagram_transport *t,
                                                             eddy_water_marks marks);
EDDY_API eddy_water_marks
eddy_datagram_transport_get_write_buffer_limits(const eddy_datagram_transport *t);
EDDY_API size_t eddy_datagram_transport_get_write_buffer_size(const eddy_datagram_transport *t);

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int eddy_loop_create_datagram_endpoint(
    eddy_loop *loop, eddy_datagram_protocol_factory *factory, void *arg,
    eddy_datagram_transport **ret_transport,
    const eddy_datagram_endpoint_options &options = eddy_datagram_endpoint_options())
{
    return eddy_loop_create_datagram_endpoint_with(loop, factory, arg, ret_transport, &options);
}
#endif

#endif
