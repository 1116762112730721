/*
 * Transports: connections that call a protocol (asyncio's transports, and the loop's
 * create_connection and create_server).
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
 *     connection_lost};
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
 * A transport lives until its protocol's connection_lost() has returned. Whoever may use it after
 * that, as a task that suspends may, keeps a reference of its own: on one that is lost every call
 * is harmless. Reading is bounded: what came while nobody wanted it is at most 64 KiB; the rest
 * waits in the kernel.
 *
 * Nothing here suspends but what is marked so. All of it belongs to the loop's thread.
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

/* NULL is allowed in the second. One reference is the connection's own, which an unref too many
 * does not take away. */
EDDY_API eddy_transport *eddy_transport_ref(eddy_transport *t);
EDDY_API void eddy_transport_unref(eddy_transport *t);

/* With gcc and clang: has that done when the enclosing scope is left. */
#if defined(__GNUC__)
#define eddy_transport_unref_at_end(t)                                                             \
    EDDY_CLEANUP(eddyi_transport_unref_guard)                                                      \
    eddy_transport *EDDYI_CAT(eddyi_guard, __LINE__) = (t)
static inline void eddyi_transport_unref_guard(eddy_transport **t)
{
    eddy_transport_unref(*t);
}
#endif

/* Connecting. */

/* Factory, its argument, where to, and the output; the rest may be left out. */
typedef struct eddy_transport_options {
    eddy_protocol_factory *factory;
    void *arg;
    const char *host; /* a name or an address */
    int port;
    eddy_transport **ret_transport; /* gets a reference, the caller's; NULL: not wanted */

    const char *path; /* of a Unix socket, instead of host and port */
    /* a connected stream socket instead, as eddy_open_connection(); 0: none */
    int sock;
    int family, proto, flags; /* hints for the names, as getaddrinfo(3) has them */
    const char *local_host;   /* to connect from */
    int local_port;
    double happy_eyeballs_delay; /* as of eddy_open_connection(), like the next two */
    int interleave;
    bool all_errors;

    eddy_tls_context *tls;       /* speaks TLS; borrowed for the call */
    const char *server_hostname; /* the name that the certificate must have; NULL: @host */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */
} eddy_transport_options;

/*
 * eddy_loop_create_connection(loop, factory, arg, host, port, &transport, .tls = …): connects, and
 * returns after connection_made() (loop.create_connection). TCP_NODELAY is on. 0, or why not, as
 * eddy_open_connection(), or what the factory failed with. A @sock whose TLS or factory fails is
 * closed.
 *
 * eddy_loop_create_unix_connection(loop, factory, arg, path, &transport, …) does so to a Unix
 * socket.
 *
 * Cancelled: nothing is left open; if the protocol was made already, it is told connection_lost()
 * later.
 */
#ifndef __cplusplus
#define eddy_loop_create_connection(loop, make, argument, to_host, to_port, ...)                   \
    eddy_loop_create_connection_with((loop),                                                       \
                                     &(eddy_transport_options){.factory = (make),                  \
                                                               .arg = (argument),                  \
                                                               .host = (to_host),                  \
                                                               .port = (to_port),                  \
                                                               .ret_transport = __VA_ARGS__})
#define eddy_loop_create_unix_connection(loop, make, argument, to_path, ...)                       \
    eddy_loop_create_connection_with((loop),                                                       \
                                     &(eddy_transport_options){.factory = (make),                  \
                                                               .arg = (argument),                  \
                                                               .path = (to_path),                  \
                                                               .ret_transport = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_create_connection_with(eddy_loop *loop, const eddy_transport_options *options);

/*
 * eddy_loop_connect_accepted_socket(loop, factory, arg, sock, &transport, …): the transport of a
 * connection that was accepted elsewhere; with TLS this is the server's side
 * (loop.connect_accepted_socket).
 */
#ifndef __cplusplus
#define eddy_loop_connect_accepted_socket(loop, make, argument, accepted, ...)                     \
    eddy_loop_connect_accepted_socket_with(                                                        \
        (loop), &(eddy_transport_options){.factory = (make),                                       \
                                          .arg = (argument),                                       \
                                          .sock = (accepted),                                      \
                                          .ret_transport = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_connect_accepted_socket_with(eddy_loop *loop, const eddy_transport_options *options);

/*
 * The transport of a pipe's end, a terminal, or another descriptor that can be waited for, which it
 * owns from success on (loop.connect_read_pipe, connect_write_pipe; rule 161). A write end notices
 * that the read end was closed, also without writing: it is lost then, with -EPIPE if something was
 * still to go out. -EINVAL for a file.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_loop_connect_read_pipe(eddy_loop *loop,
                                                                    eddy_protocol_factory *factory,
                                                                    void *arg, int fd,
                                                                    eddy_transport **ret_transport);
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_connect_write_pipe(eddy_loop *loop, eddy_protocol_factory *factory, void *arg, int fd,
                             eddy_transport **ret_transport);

/*
 * The transport over a carrier of one's own, of which it is the owner from success on. Does not
 * suspend: connection_made() is called in the next turn. *ret_transport is a reference, the
 * caller's; it may be NULL. 0, -ENOMEM, -EINVAL.
 */
EDDY_API EDDY_NODISCARD int eddy_transport_open(eddy_carrier *carrier,
                                                const eddy_protocol *protocol, void *arg,
                                                eddy_transport **ret_transport);

/*
 * eddy_loop_create_server(loop, factory, arg, host, port, &server, .backlog = …): listens, and has
 * the factory make a protocol for each connection (loop.create_server). What it gives, and takes,
 * is as with eddy_start_server(); a factory that fails is reported to the loop's exception handler.
 * eddy_server_shutdown() aborts those that are left after its grace.
 *
 * eddy_loop_create_unix_server(loop, factory, arg, path, &server, …) does so on a Unix socket.
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
eddy_loop_create_server_with(eddy_loop *loop, const eddy_server_options *options);

/* The connection. */

/*
 * Begins to close it: reads no more; what is kept still goes out, then comes connection_lost(NULL)
 * (rule 152). abort() drops what is kept; if that is anything, the peer sees a reset. Twice is
 * harmless.
 */
EDDY_API void eddy_transport_close(eddy_transport *t);
EDDY_API void eddy_transport_abort(eddy_transport *t);
EDDY_API bool eddy_transport_is_closing(const eddy_transport *t);

/* As eddy_writer_get_extra_info(); -ENOENT once it is lost. */
EDDY_API ssize_t eddy_transport_get_extra_info(const eddy_transport *t, const char *name, void *ret,
                                               size_t size);

/* Has another protocol called from here on; what came and was not given out goes to that one. */
EDDY_API void eddy_transport_set_protocol(eddy_transport *t, const eddy_protocol *protocol,
                                          void *arg);
/* NULL once it is lost. *ret_arg, which may be NULL, gets its pointer. */
EDDY_API const eddy_protocol *eddy_transport_get_protocol(const eddy_transport *t, void **ret_arg);

/* Reading. */

/* Gives nothing out until resumed; twice is harmless (rule 157). What the kernel had begun to read
 * is kept. */
EDDY_API void eddy_transport_pause_reading(eddy_transport *t);
EDDY_API void eddy_transport_resume_reading(eddy_transport *t);
/* False while paused, and once closing. */
EDDY_API bool eddy_transport_is_reading(const eddy_transport *t);

/* Writing. */

/*
 * Sends, or keeps what cannot go at once, without a limit: see pause_writing(). @data is free on
 * return (rule 153). 0, or a raised error, which may be ignored as asyncio does, for
 * connection_lost() comes:
 *
 *   EDDY_ECLOSED    it is closing, or was closed
 *   -EPIPE, …       what it was, or is now, lost with
 *   EDDY_EMISUSE    after write_eof(), or on the read end of a pipe
 */
EDDY_API int eddy_transport_write(eddy_transport *t, const void *data, size_t size);
EDDY_API int eddy_transport_writelines(eddy_transport *t, const struct iovec *iov, int n);

/* Says, when all that was written has gone, that no more will come. 0 or as write; EDDY_EMISUSE
 * with TLS. */
EDDY_API int eddy_transport_write_eof(eddy_transport *t);
EDDY_API bool eddy_transport_can_write_eof(const eddy_transport *t);

/* Water marks in bytes, 64 KiB and 16 KiB at first; SIZE_MAX: not given (rule 154). Strikes at
 * once. 0, or -EINVAL if @high < @low. */
EDDY_API int eddy_transport_set_write_buffer_limits(eddy_transport *t, size_t high, size_t low);
EDDY_API void eddy_transport_get_write_buffer_limits(const eddy_transport *t, size_t *ret_low,
                                                     size_t *ret_high);
EDDY_API size_t eddy_transport_get_write_buffer_size(const eddy_transport *t);

/*
 * eddy_loop_start_tls(loop, transport, context, .server_hostname = …): from here on the transport
 * speaks TLS (loop.start_tls, which gives a new transport; here it stays the same). What was
 * written goes out first; what a client sent ahead is taken as TLS. Meanwhile nothing is read or
 * may be written, and the transport may be aborted. The protocol hears nothing of it. 0, or a
 * raised error: why the handshake failed, then the connection is lost; or EDDY_EMISUSE where there
 * is TLS already, or a pipe.
 */
#ifndef __cplusplus
#define eddy_loop_start_tls(loop, transport, ...)                                                  \
    eddy_loop_start_tls_with((loop), (transport), &(eddy_start_tls_options){.context = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_loop_start_tls_with(eddy_loop *loop, eddy_transport *t, const eddy_start_tls_options *options);

/*
 * Sends @count bytes of a file from @offset on, < 0: up to its end, after what was written
 * (loop.sendfile). As eddy_writer_sendfile(): the kernel sends it over a socket, and elsewhere it
 * is read, 64 KiB at a time, and written. Meanwhile nobody else may write (rule 156). 0 or an
 * error, raised; *ret_sent, which may be NULL, has in either case how much of it the transport
 * took, fewer than @count if the file ended before. The file's position is behind that then.
 * Cancelled: what was taken still goes out.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_loop_sendfile(eddy_loop *loop, eddy_transport *t,
                                                           int file, int64_t offset, int64_t count,
                                                           int64_t *ret_sent);

EDDY_END_DECLS

#endif
