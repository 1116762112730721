/*
 * Transports: connections that call a protocol (asyncio.Transport, loop.create_connection,
 * loop.create_server).
 *
 *     struct echo { eddy_transport *transport; };
 *
 *     static void connection_made(void *arg, eddy_transport *transport)
 *     {
 *         ((struct echo *)arg)->transport = transport;
 *     }
 *
 *     static void data_received(void *arg, const void *data, size_t size)
 *     {
 *         eddy_transport_write(((struct echo *)arg)->transport, data, size);
 *     }
 *
 *     static void connection_lost(void *arg, const eddy_exception *e)
 *     {
 *         free(arg);
 *     }
 *
 *     static const eddy_protocol echo_protocol = {connection_made, data_received, NULL,
 *                                                 connection_lost};
 *
 *     static int make_echo(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
 *     {
 *         *ret_protocol = &echo_protocol;
 *         *ret_arg = calloc(1, sizeof(struct echo));
 *         return *ret_arg ? 0 : -ENOMEM;
 *     }
 *
 *     eddy_try(eddy_loop_create_server(loop, make_echo, NULL, "127.0.0.1", 8888, &server,
 *                                      .read_timeout = 60, .write_timeout = 60, .grace = 10));
 *
 * A transport lives until its protocol's connection_lost() has returned. Code that may use it
 * later, such as a task that suspends, keeps a reference of its own; every call on a lost transport
 * is harmless. Reading is bounded: at most 64 KiB are buffered while reading is paused; all other
 * bytes wait in the kernel.
 *
 * Only the functions marked EDDY_AWAITS suspend.
 */
#ifndef EDDY_TRANSPORT_H
#define EDDY_TRANSPORT_H

#include "carrier.h"
#include "defs.h"
#include "loop.h"
#include "protocol.h"
#include "server.h"

#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

/* Adds a reference to @t and returns @t. */
EDDY_API eddy_transport *eddy_transport_ref(eddy_transport *t);

/*
 * Drops a reference to @t. The connection holds one itself, which an excess unref does not drop.
 * NULL is allowed.
 */
EDDY_API void eddy_transport_unref(eddy_transport *t);

/* Declares a guard that drops the reference @t when the enclosing scope is left (gcc and clang). */
#if defined(__GNUC__)
#define eddy_transport_unref_at_end(t) EDDYI_GUARD(eddy_transport *, eddyi_transport_unref_guard, t)
static inline void eddyi_transport_unref_guard(eddy_transport **t)
{
    eddy_transport_unref(*t);
}
#endif

/* Connecting. */

/*
 * In a task each of the functions below returns after connection_made() was called. A call that
 * need not wait, because it has a socket (without TLS), a pipe, or a path to listen on, can also be
 * made outside of a task, in the loop's thread: it then returns at once, and connection_made() is
 * called in the next turn.
 */

/*
 * Connects, and returns after connection_made() was called (loop.create_connection):
 * eddy_loop_create_connection(loop, factory, arg, host, port, &transport, .tls = …).
 *
 * Sets TCP_NODELAY. Returns 0, or raises the errors of eddy_open_connection() or of the factory.
 * Takes ownership of @sock on success; a @sock whose TLS handshake or factory fails is closed.
 *
 * eddy_loop_create_unix_connection(loop, factory, arg, path, &transport, …) connects to a Unix
 * socket (loop.create_unix_connection).
 *
 * Cancelled: nothing is left open. If the protocol was already made, its connection_lost() is
 * called later.
 */
#ifndef __cplusplus
#define eddy_loop_create_connection(loop, make, argument, to_host, to_port, ...)                   \
    eddy_loop_create_connection_with((loop),                                                       \
                                     &(eddy_connection_options){.factory = (make),                 \
                                                                .arg = (argument),                 \
                                                                .host = (to_host),                 \
                                                                .port = (to_port),                 \
                                                                .ret_transport = __VA_ARGS__})
#define eddy_loop_create_unix_connection(loop, make, argument, to_path, ...)                       \
    eddy_loop_create_connection_with((loop),                                                       \
                                     &(eddy_connection_options){.factory = (make),                 \
                                                                .arg = (argument),                 \
                                                                .path = (to_path),                 \
                                                                .ret_transport = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_create_connection_with(eddy_loop *loop, const eddy_connection_options *options,
                                 size_t options_size);
#define eddy_loop_create_connection_with(...)                                                      \
    eddy_loop_create_connection_with(__VA_ARGS__, sizeof(eddy_connection_options))

/*
 * Makes the transport of a connection that was accepted elsewhere (loop.connect_accepted_socket):
 * eddy_loop_connect_accepted_socket(loop, factory, arg, sock, &transport, …). With TLS it is the
 * server's side.
 */
#ifndef __cplusplus
#define eddy_loop_connect_accepted_socket(loop, make, argument, accepted, ...)                     \
    eddy_loop_connect_accepted_socket_with(                                                        \
        (loop), &(eddy_connection_options){.factory = (make),                                      \
                                           .arg = (argument),                                      \
                                           .sock = eddy_fd(accepted),                              \
                                           .ret_transport = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_connect_accepted_socket_with(eddy_loop *loop, const eddy_connection_options *options,
                                       size_t options_size);
#define eddy_loop_connect_accepted_socket_with(...)                                                \
    eddy_loop_connect_accepted_socket_with(__VA_ARGS__, sizeof(eddy_connection_options))

/*
 * Make the transport of a pipe's end, a terminal, or another descriptor that can be polled
 * (loop.connect_read_pipe, loop.connect_write_pipe; rule 161). Take ownership of @fd on success. A
 * write end notices that the read end was closed even if nothing is written: its connection is then
 * lost, with -EPIPE if bytes were still buffered. The caller owns *ret_transport; @ret_transport
 * may be NULL. Raise -EINVAL for a regular file.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_loop_connect_read_pipe(eddy_loop *loop,
                                                                    eddy_protocol_factory *factory,
                                                                    void *arg, int fd,
                                                                    eddy_transport **ret_transport);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_connect_write_pipe(eddy_loop *loop, eddy_protocol_factory *factory, void *arg, int fd,
                             eddy_transport **ret_transport);

/*
 * Makes the transport over @carrier; over a pipe with one end, a transport with one direction.
 * Takes ownership of @carrier on success. Does not suspend: connection_made() is called in the next
 * turn. The caller owns *ret_transport; @ret_transport may
 * be NULL. Returns 0, -ENOMEM or -EINVAL.
 */
EDDY_API EDDY_NODISCARD int eddy_transport_open(eddy_carrier *carrier,
                                                const eddy_protocol *protocol, void *arg,
                                                eddy_transport **ret_transport);

/*
 * Listens, and makes a protocol for each connection with the factory (loop.create_server):
 * eddy_loop_create_server(loop, factory, arg, host, port, &server, .backlog = …). Options and
 * results are those of eddy_start_server(). A factory that fails is reported to the loop's
 * exception handler. eddy_server_shutdown() aborts the connections that are left when its grace
 * period has passed.
 *
 * eddy_loop_create_unix_server(loop, factory, arg, path, &server, …) listens on a Unix socket
 * (loop.create_unix_server).
 */
#ifndef __cplusplus
#define eddy_loop_create_server(loop, make, argument, at_host, at_port, ...)                       \
    eddy_loop_create_server_with((loop), &(eddy_server_options){.factory = (make),                 \
                                                                .arg = (argument),                 \
                                                                .host = (at_host),                 \
                                                                .port = (at_port),                 \
                                                                .ret_server = __VA_ARGS__})
#define eddy_loop_create_unix_server(loop, make, argument, at_path, ...)                           \
    eddy_loop_create_server_with((loop), &(eddy_server_options){.factory = (make),                 \
                                                                .arg = (argument),                 \
                                                                .path = (at_path),                 \
                                                                .ret_server = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_create_server_with(eddy_loop *loop, const eddy_server_options *options,
                             size_t options_size);
#define eddy_loop_create_server_with(...)                                                          \
    eddy_loop_create_server_with(__VA_ARGS__, sizeof(eddy_server_options))

/* The connection. */

/*
 * Begins to close the connection: reads no more, sends the buffered bytes, and then calls
 * connection_lost(NULL) (Transport.close; rule 152). Closing twice is harmless.
 */
EDDY_API void eddy_transport_close(eddy_transport *t);

/*
 * Closes the connection and drops the write buffer (Transport.abort). If bytes were dropped, the
 * peer sees a reset.
 */
EDDY_API void eddy_transport_abort(eddy_transport *t);

/* Returns whether the connection is closed or being closed (Transport.is_closing). */
EDDY_API bool eddy_transport_is_closing(const eddy_transport *t);

/*
 * Copies a property of the connection (Transport.get_extra_info), as eddy_writer_get_extra_info()
 * does. Returns -ENOENT once the connection is lost.
 */
EDDY_API ssize_t eddy_transport_get_extra_info(const eddy_transport *t, const char *name, void *ret,
                                               size_t size);

/*
 * Replaces the protocol (Transport.set_protocol): later callbacks go to @protocol, and so do bytes
 * that arrived but were not delivered.
 */
EDDY_API void eddy_transport_set_protocol(eddy_transport *t, const eddy_protocol *protocol,
                                          void *arg);

/*
 * Returns the protocol, or NULL once the connection is lost (Transport.get_protocol), and stores
 * its argument in *ret_arg (@ret_arg may be NULL).
 */
EDDY_API const eddy_protocol *eddy_transport_get_protocol(const eddy_transport *t, void **ret_arg);

/* Reading. */

/*
 * Pause and resume reading (Transport.pause_reading, Transport.resume_reading; rule 157). While
 * reading is paused nothing is delivered; the bytes of a read that the kernel had begun are
 * buffered. Calling either twice is harmless.
 */
EDDY_API void eddy_transport_pause_reading(eddy_transport *t);
EDDY_API void eddy_transport_resume_reading(eddy_transport *t);

/*
 * Returns whether the transport reads: false while paused and once closing (Transport.is_reading).
 */
EDDY_API bool eddy_transport_is_reading(const eddy_transport *t);

/* Writing. */

/*
 * Write @size bytes, or the @n buffers of @iov (Transport.write, Transport.writelines; rule 153).
 * Send at once as much as the kernel takes, and buffer the rest, without a limit: see
 * pause_writing(). @data may be reused on return. Return 0, or raise an error. It can be ignored,
 * as in asyncio, since connection_lost() follows:
 *
 *   EDDY_ECLOSED  the connection is closed or being closed
 *   -EPIPE, …     the error that the connection was lost with, before or now
 *   EDDY_EMISUSE  eddy_transport_write_eof() was called before, or this is the read end of a pipe
 *   -EINVAL       more than SSIZE_MAX bytes; the connection goes on
 */
EDDY_API int eddy_transport_write(eddy_transport *t, const void *data, size_t size);
EDDY_API int eddy_transport_writelines(eddy_transport *t, const struct iovec *iov, int n);

/*
 * Sends the end of the stream after all bytes written before (WriteTransport.write_eof). Returns 0,
 * or raises the errors of eddy_transport_write(); EDDY_EMISUSE with TLS.
 */
EDDY_API int eddy_transport_write_eof(eddy_transport *t);

/*
 * Returns whether the connection supports eddy_transport_write_eof()
 * (WriteTransport.can_write_eof).
 */
EDDY_API bool eddy_transport_can_write_eof(const eddy_transport *t);

/*
 * Set and get the water marks of the write buffer (WriteTransport.set_write_buffer_limits,
 * WriteTransport.get_write_buffer_limits; rule 154), as eddy_writer_set_write_buffer_limits() and
 * eddy_writer_get_write_buffer_limits() do.
 */
EDDY_API int eddy_transport_set_write_buffer_limits(eddy_transport *t, eddy_water_marks marks);
EDDY_API eddy_water_marks eddy_transport_get_write_buffer_limits(const eddy_transport *t);

/* Returns the number of bytes in the write buffer (WriteTransport.get_write_buffer_size). */
EDDY_API size_t eddy_transport_get_write_buffer_size(const eddy_transport *t);

/*
 * Starts TLS on the transport (loop.start_tls): eddy_loop_start_tls(loop, transport, context,
 * .server_hostname = …). asyncio returns a new transport; here the transport stays the same.
 *
 * Bytes written before are sent in plain text first; bytes that a client sent ahead are taken as
 * TLS. During the handshake nothing is delivered, no call may write, and the transport may be
 * aborted; the protocol is not called. Returns 0, or raises the error of the handshake, with which
 * the connection is then lost, or EDDY_EMISUSE if the connection already uses TLS or is a pipe.
 */
#ifndef __cplusplus
#define eddy_loop_start_tls(loop, transport, ...)                                                  \
    eddy_loop_start_tls_with((loop), (transport), &(eddy_start_tls_options){.context = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_start_tls_with(eddy_loop *loop, eddy_transport *t, const eddy_start_tls_options *options,
                         size_t options_size);
#define eddy_loop_start_tls_with(...)                                                              \
    eddy_loop_start_tls_with(__VA_ARGS__, sizeof(eddy_start_tls_options))

/*
 * Receives the result of an operation on a transport: 0, or an error < 0, whose message is in
 * eddy_error(). Called once, by the loop, in the connection's context; if the connection ends
 * meanwhile, from within the call that ends it.
 */
typedef void eddy_transport_done_fn(void *arg, int status);

/*
 * Starts TLS as eddy_loop_start_tls() does, without a task: returns at once, and calls done(@arg,
 * status) when the handshake is over. Borrows the objects in @options until then. Returns 0, or
 * raises an error and does not call @done.
 */
EDDY_API EDDY_NODISCARD int eddy_transport_start_tls(eddy_transport *t,
                                                     const eddy_start_tls_options *options,
                                                     eddy_transport_done_fn *done, void *arg,
                                                     size_t options_size);
#define eddy_transport_start_tls(...)                                                              \
    eddy_transport_start_tls(__VA_ARGS__, sizeof(eddy_start_tls_options))

/*
 * Sends @count bytes of the file @file, from @offset on, after all bytes written before
 * (loop.sendfile; rule 156). @count < 0 means to the end of the file. As in eddy_writer_sendfile(),
 * the kernel sends the file over a socket; over other carriers it is read and written in pieces of
 * 64 KiB. No other call may write meanwhile.
 *
 * Returns 0 or raises an error. In either case *ret_sent (may be NULL) is the number of bytes that
 * the transport took: fewer than @count if the file ended early. The file's position is then behind
 * these bytes.
 *
 * Cancelled: bytes that the transport took are still sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_loop_sendfile(eddy_loop *loop, eddy_transport *t,
                                                           int file, int64_t offset, int64_t count,
                                                           int64_t *ret_sent);

/*
 * Sends a file as eddy_loop_sendfile() does, without a task: calls done(@arg, status) when all its
 * bytes are sent or buffered, possibly before the call returns. Borrows @ret_sent until then.
 * Returns 0, or raises an error and does not call @done.
 */
EDDY_API EDDY_NODISCARD int eddy_transport_sendfile(eddy_transport *t, int file, int64_t offset,
                                                    int64_t count, int64_t *ret_sent,
                                                    eddy_transport_done_fn *done, void *arg);

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int
eddy_loop_create_connection(eddy_loop *loop, eddy_protocol_factory *factory, void *arg,
                            const char *host, int port, eddy_transport **ret_transport,
                            eddy_connection_options options = eddy_connection_options())
{
    options.factory = factory;
    options.arg = arg;
    options.host = host;
    options.port = port;
    options.ret_transport = ret_transport;
    return eddy_loop_create_connection_with(loop, &options);
}
EDDY_NODISCARD static inline int
eddy_loop_create_unix_connection(eddy_loop *loop, eddy_protocol_factory *factory, void *arg,
                                 const char *path, eddy_transport **ret_transport,
                                 eddy_connection_options options = eddy_connection_options())
{
    options.factory = factory;
    options.arg = arg;
    options.path = path;
    options.ret_transport = ret_transport;
    return eddy_loop_create_connection_with(loop, &options);
}
EDDY_NODISCARD static inline int
eddy_loop_connect_accepted_socket(eddy_loop *loop, eddy_protocol_factory *factory, void *arg,
                                  int sock, eddy_transport **ret_transport,
                                  eddy_connection_options options = eddy_connection_options())
{
    options.factory = factory;
    options.arg = arg;
    options.sock = eddy_fd(sock);
    options.ret_transport = ret_transport;
    return eddy_loop_connect_accepted_socket_with(loop, &options);
}
EDDY_NODISCARD static inline int
eddy_loop_create_server(eddy_loop *loop, eddy_protocol_factory *factory, void *arg,
                        const char *host, int port, eddy_server **ret_server,
                        eddy_server_options options = eddy_server_options())
{
    options.factory = factory;
    options.arg = arg;
    options.host = host;
    options.port = port;
    options.ret_server = ret_server;
    return eddy_loop_create_server_with(loop, &options);
}
EDDY_NODISCARD static inline int
eddy_loop_create_unix_server(eddy_loop *loop, eddy_protocol_factory *factory, void *arg,
                             const char *path, eddy_server **ret_server,
                             eddy_server_options options = eddy_server_options())
{
    options.factory = factory;
    options.arg = arg;
    options.path = path;
    options.ret_server = ret_server;
    return eddy_loop_create_server_with(loop, &options);
}
EDDY_NODISCARD static inline int
eddy_loop_start_tls(eddy_loop *loop, eddy_transport *t, eddy_tls_context *context,
                    eddy_start_tls_options options = eddy_start_tls_options())
{
    options.context = context;
    return eddy_loop_start_tls_with(loop, t, &options);
}
#endif

#endif
