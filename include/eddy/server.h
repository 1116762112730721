/*
 * Servers: a task for each connection (asyncio.start_server).
 *
 *     static int echo(eddy_reader *reader, eddy_writer *writer, void *arg)
 *     {
 *         const char *data;
 *         ssize_t n;
 *
 *         while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
 *             eddy_try(eddy_writer_write(writer, data, n));
 *         return n;
 *     }
 *
 *     eddy_async(amain)
 *     {
 *         eddy_server *server;
 *
 *         eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 8888, &server,
 *                                    .read_timeout = 60, .write_timeout = 60, .grace = 10));
 *         eddy_server_free_at_end(server);
 *         return eddy_server_serve_forever(server);
 *     }
 *
 * A handler that fails is reported to the loop's exception handler, and affects no other
 * connection. When the process runs out of descriptors, the server reports it, backs off, and
 * accepts again when descriptors are available.
 */
#ifndef EDDY_SERVER_H
#define EDDY_SERVER_H

#include "defs.h"
#include "protocol.h"
#include "stream.h"

#include <sys/types.h>

EDDY_BEGIN_DECLS

/* A listening server (asyncio.Server). Opaque. */
typedef struct eddy_server eddy_server;

/*
 * Handles one connection, in a task of its own, in a copy of the context in which the server was
 * made. The server owns the stream: it closes and frees the stream when the function has returned;
 * bytes written before are still sent. Call eddy_writer_close() to close the stream earlier;
 * eddy_writer_free() and eddy_reader_free() do only the same here. A returned status < 0 is
 * reported, unless it is -ECANCELED or the error that the connection itself broke with.
 */
typedef int eddy_connection_fn(eddy_reader *reader, eddy_writer *writer, void *arg);

/*
 * The arguments of eddy_start_server() and eddy_start_unix_server(). Handler, address and output
 * are required.
 */
typedef struct eddy_server_options {
    eddy_connection_fn *handle;
    void *arg;
    const char *host; /* NULL or "": all addresses of this machine */
    int port;         /* 0: a free port; see eddy_server_port() */
    eddy_server **ret_server;

    const char *const *hosts; /* n_hosts names, used in place of @host */
    size_t n_hosts;
    /*
     * A bound stream socket, used in place of an address, of which the server takes ownership on
     * success; 0: none (eddy_fd() passes a 0). A negative number gives -EBADF; a descriptor that is
     * not a stream socket, or is not bound to an address, -ENOTSOCK or -EINVAL.
     */
    int sock;
    size_t limit;      /* of the readers; 0: EDDY_STREAM_LIMIT */
    int family, flags; /* hints for the name lookup, as in getaddrinfo(3) */
    int backlog;       /* 0: 1024 */
    /* several servers can share the port; the kernel distributes connections among them */
    bool reuse_port;
    bool no_reuse_address;  /* leaves SO_REUSEADDR off */
    bool keep_alive;        /* sets SO_KEEPALIVE */
    bool no_start;          /* the server waits for eddy_server_start_serving() */
    size_t max_connections; /* further ones wait in the kernel's queue; 0: no limit */
    /* connections use TLS; the handler runs after the handshake; the server takes a reference */
    eddy_tls_context *tls;
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */

    /* Time limits in seconds, which keep clients from holding a connection forever: see below. */
    double read_timeout; /* of each call that reads; 0: none */
    /* of a client that accepts no bytes; 0: 60, but only while a task waits */
    double write_timeout;
    double grace; /* of the handlers when serve_forever() is cancelled; 0: no limit */

    /* For a Unix socket, with eddy_start_unix_server(): */
    const char *path;       /* a path that begins with '@' is in the abstract namespace */
    mode_t mode;            /* permissions of the socket file; 0: according to umask */
    bool no_cleanup_socket; /* the socket file stays when the server closes */

    /* used in place of handle, with @arg as its argument: eddy_loop_create_server() */
    eddy_protocol_factory *factory;
    size_t stack_size; /* of the handlers' tasks, as in eddy_task_options */
} eddy_server_options;

/*
 * The time limits. asyncio has none; a server that is open to unknown clients needs all three:
 *
 *   .read_timeout   A call on the reader that has not completed by then gives -ETIMEDOUT. The bytes
 *                   that arrived stay in the buffer, and the stream remains usable: the handler may
 *                   send a last answer, or try again. A protocol makes no calls: for a protocol the
 *                   limit is the time in which the client may send nothing while the transport
 *                   reads; after that connection_lost() gets -ETIMEDOUT.
 *   .write_timeout  A client that accepts none of the buffered bytes for this long is reset, and
 *                   every call then gives -ETIMEDOUT. 0 means 60 seconds while a task waits in
 *                   write(), drain(), flush() or sendfile(), and no limit otherwise; EDDY_FOREVER
 *                   means no limit at all.
 *   .grace          When serve_forever() is cancelled, handlers have this long to end; after that
 *                   they are cancelled, as by eddy_server_shutdown(). 0 means to wait until all
 *                   handlers end, so a client that keeps sending requests keeps the server running.
 *
 * A handler that ends with -ETIMEDOUT because of one of the first two limits is not reported.
 */

/*
 * Listens on a TCP port and serves from then on (asyncio.start_server): eddy_start_server(handle,
 * arg, host, port, &server, .backlog = …). Returns 0, or raises an error whose message has the
 * address: -EADDRINUSE, -EACCES, EDDY_ENONAME, …. The caller owns the server, and frees it with
 * eddy_server_free().
 *
 * Cancelled: nothing is left open.
 *
 * eddy_start_unix_server(handle, arg, path, &server, …) listens on a Unix socket
 * (asyncio.start_unix_server). A stale socket file at @path is removed first. The server removes
 * its own file when it closes, even if the program has changed its working directory. The file
 * never has more permissions than .mode allows.
 */
#ifndef __cplusplus
#define eddy_start_server(handler, argument, at_host, at_port, ...)                                \
    eddy_start_server_with(&(eddy_server_options){.handle = (handler),                             \
                                                  .arg = (argument),                               \
                                                  .host = (at_host),                               \
                                                  .port = (at_port),                               \
                                                  .ret_server = __VA_ARGS__})
#define eddy_start_unix_server(handler, argument, at, ...)                                         \
    eddy_start_server_with(&(eddy_server_options){                                                 \
        .handle = (handler), .arg = (argument), .path = (at), .ret_server = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_start_server_with(const eddy_server_options *options,
                                                               size_t options_size);
#define eddy_start_server_with(...) eddy_start_server_with(__VA_ARGS__, sizeof(eddy_server_options))

/*
 * Starts a server that was made with no_start (Server.start_serving); harmless if it is serving
 * already. Returns 0 or EDDY_ECLOSED.
 */
EDDY_API int eddy_server_start_serving(eddy_server *s);

/*
 * Called by a handler between two requests: waits until bytes of the next request are in the buffer
 * of @reader.
 *
 *     while ((rc = eddy_connection_next_request(reader)) > 0) {
 *         eddy_try(read_request(reader, &request));
 *         eddy_try(write_answer(writer, &request));
 *     }
 *
 * Returns 1 if there are bytes, which stay in the buffer. Returns 0 if the handler should end,
 * because the client has closed the connection, or because the server is closed and no byte has
 * arrived: so an idle client does not delay eddy_server_shutdown(). Other reads of a handler are
 * not interrupted. Errors are those of a read: -ETIMEDOUT after .read_timeout, -EBUSY, …. Readers
 * of other streams are accepted too.
 *
 * Cancelled: nothing is consumed.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_connection_next_request(eddy_reader *reader);

/*
 * Returns whether the server accepts connections: false once it, or its loop, was closed
 * (Server.is_serving).
 */
EDDY_API bool eddy_server_is_serving(const eddy_server *s);

/*
 * Serves until the calling task is cancelled or the server is closed, and then returns -ECANCELED
 * (Server.serve_forever). Raises EDDY_EMISUSE while another task is in this call, EDDY_ECLOSED if
 * the server is closed.
 *
 * Cancelled: closes the server and waits as eddy_server_wait_closed() does or, with .grace, as
 * eddy_server_shutdown() does.
 */
EDDY_API EDDY_AWAITS int eddy_server_serve_forever(eddy_server *s);

/*
 * Stops listening; open connections go on (Server.close), except those whose handlers wait in
 * eddy_connection_next_request(), which gives 0. When the call returns, the listening sockets are
 * closed and their addresses free. Closing twice is harmless.
 */
EDDY_API void eddy_server_close(eddy_server *s);

/*
 * Waits until the server is closed and its last connection has ended (Server.wait_closed). Returns
 * 0 or -ECANCELED.
 */
EDDY_API EDDY_AWAITS int eddy_server_wait_closed(eddy_server *s);

/* Closes all connections; bytes written before are still sent (Server.close_clients). */
EDDY_API void eddy_server_close_clients(eddy_server *s);

/* Closes all connections and drops their write buffers (Server.abort_clients). */
EDDY_API void eddy_server_abort_clients(eddy_server *s);

/*
 * Shuts the server down gracefully: stops listening, ends the connections whose handlers wait in
 * eddy_connection_next_request(), gives the other handlers @grace seconds to end, cancels the
 * remaining handlers and drops their connections, and waits until all have ended. Returns 0, or
 * -ETIMEDOUT if handlers had to be cancelled.
 *
 * Cancelled: the remaining handlers are cancelled at once; returns -ECANCELED.
 */
EDDY_API EDDY_AWAITS int eddy_server_shutdown(eddy_server *s, double grace);

/*
 * Returns the listening sockets and stores their number in *ret_n (may be NULL): 0 once the server
 * is closed (Server.sockets). Borrowed.
 */
EDDY_API const int *eddy_server_sockets(const eddy_server *s, size_t *ret_n);

/* Returns the port of the first listening socket, or 0 if there is none. */
EDDY_API int eddy_server_port(const eddy_server *s);

/* Returns the number of connections that have not ended. */
EDDY_API size_t eddy_server_connections(const eddy_server *s);

/* Returns the loop of @s (Server.get_loop). Borrowed. */
EDDY_API eddy_loop *eddy_server_get_loop(const eddy_server *s);

/*
 * Closes the server and frees it; open connections go on. Tasks that wait in a call on @s continue
 * as after eddy_server_close(), so a handler may call this function; no new call on @s may begin.
 * NULL is allowed.
 */
EDDY_API void eddy_server_free(eddy_server *s);

/* Declares a guard that frees @s when the enclosing scope is left (gcc and clang). */
#if defined(__GNUC__)
#define eddy_server_free_at_end(s) EDDYI_GUARD(eddy_server *, eddyi_server_free_guard, s)
static inline void eddyi_server_free_guard(eddy_server **s)
{
    eddy_server_free(*s);
}
#endif

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int
eddy_start_server(eddy_connection_fn *handle, void *arg, const char *host, int port,
                  eddy_server **ret_server, eddy_server_options options = eddy_server_options())
{
    options.handle = handle;
    options.arg = arg;
    options.host = host;
    options.port = port;
    options.ret_server = ret_server;
    return eddy_start_server_with(&options);
}
EDDY_NODISCARD static inline int
eddy_start_unix_server(eddy_connection_fn *handle, void *arg, const char *path,
                       eddy_server **ret_server,
                       eddy_server_options options = eddy_server_options())
{
    options.handle = handle;
    options.arg = arg;
    options.path = path;
    options.ret_server = ret_server;
    return eddy_start_server_with(&options);
}
#endif

#endif
