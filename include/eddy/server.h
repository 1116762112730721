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
 * A handler that fails is reported to the loop's exception handler and harms nobody else. When
 * descriptors run out, the server says so, waits, and goes on when there are some again.
 */
#ifndef EDDY_SERVER_H
#define EDDY_SERVER_H

#include "defs.h"
#include "protocol.h"
#include "stream.h"

#include <sys/types.h>

EDDY_BEGIN_DECLS

typedef struct eddy_server eddy_server;

/*
 * Handles one connection, in a task of its own, in a copy of the context in which the server was
 * made. The stream is the server's: it is closed, and freed, when the function has returned; what
 * was written still goes out. To close it earlier, use eddy_writer_close(); eddy_writer_free() and
 * eddy_reader_free() do no more than that here. A status < 0 is reported, unless it is -ECANCELED,
 * or what the connection itself broke with.
 */
typedef int eddy_connection_fn(eddy_reader *reader, eddy_writer *writer, void *arg);

/* Handler, its argument, where to listen, and the output; the rest may be left out. */
typedef struct eddy_server_options {
    eddy_connection_fn *handle;
    void *arg;
    const char *host; /* NULL or "": all addresses of this machine */
    int port;         /* 0: a free one; see eddy_server_port() */
    eddy_server **ret_server;

    const char *const *hosts; /* n_hosts of them, instead of @host */
    size_t n_hosts;
    /*
     * A bound stream socket, owned by the server from success on, instead of an address; 0: none. A
     * negative number is -EBADF; what is no stream socket, or is bound to no address, -ENOTSOCK or
     * -EINVAL.
     */
    int sock;
    size_t limit;      /* of the readers; 0: EDDY_STREAM_LIMIT */
    int family, flags; /* hints for the names */
    int backlog;       /* 0: 1024 */
    /* several servers share the port, and the kernel spreads connections over them */
    bool reuse_port;
    bool no_reuse_address;  /* SO_REUSEADDR is on otherwise */
    bool keep_alive;        /* SO_KEEPALIVE */
    bool no_start;          /* eddy_server_start_serving() will be called */
    size_t max_connections; /* more wait in the kernel's queue until there is room; 0: no limit */
    eddy_tls_context
        *tls; /* speaks TLS; the handler runs after the handshake. The server takes a reference */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */

    /*
     * Limits of time in seconds, which keep clients from holding a connection for ever: see below.
     */
    double read_timeout;  /* of each call that reads; 0: none */
    double write_timeout; /* of a client that takes nothing; 0: 60, but only while a task waits */
    double grace;         /* of the handlers when serve_forever() is cancelled; 0: none */

    /* A Unix socket's: eddy_start_unix_server() */
    const char *path;       /* one that begins with '@' is of the abstract namespace */
    mode_t mode;            /* permissions of the socket file; 0: as umask says */
    bool no_cleanup_socket; /* the file stays when the server closes */

    /* instead of handle, with @arg as its own: eddy_loop_create_server() */
    eddy_protocol_factory *factory;
} eddy_server_options;

/*
 * The limits of time. asyncio has none; a server that faces strangers needs all three:
 *
 *   .read_timeout A call on the reader that has not got what it wants by then gives -ETIMEDOUT.
 *       What has come stays, and the stream is as good as before: the handler may say goodbye, or
 *       try again. Of a protocol, which makes no calls, it is how long the client may send nothing
 *       while it is read from; then connection_lost() is told -ETIMEDOUT. .write_timeout A client
 *       that takes nothing of what is kept for it for so long is reset, and every call gives
 *       -ETIMEDOUT. 0 is 60 seconds while a task waits in write(), drain(), flush() or sendfile(),
 *       and no limit otherwise; EDDY_FOREVER is no limit at all. .grace When serve_forever() is
 *       cancelled, handlers have so long to end; then they are cancelled, as by
 *       eddy_server_shutdown(). 0: it waits until they end, so a client that goes on asking keeps
 *       the server.
 *
 * A handler that ends with -ETIMEDOUT because of the first two is not reported.
 */

/*
 * eddy_start_server(handle, arg, host, port, &server, .backlog = …): listens, and serves from here
 * on. Returns 0, or a raised error that names the address: -EADDRINUSE, -EACCES, EDDY_ENONAME, ….
 * Cancelled: nothing is left.
 *
 * eddy_start_unix_server(handle, arg, path, &server, …) does so on a Unix socket. A socket file
 * that was left behind at @path is removed first; the server's own is removed when it closes, also
 * where the program has gone to another directory. At no moment has it more permissions than .mode
 * says.
 */
#ifndef __cplusplus
#define eddy_start_server(...) eddy_start_server_with(&(eddy_server_options){.handle = __VA_ARGS__})
#define eddy_start_unix_server(handler, argument, at, ...)                                         \
    eddy_start_server_with(&(eddy_server_options){                                                 \
        .handle = (handler), .arg = (argument), .path = (at), .ret_server = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_start_server_with(const eddy_server_options *options);

/* Serves one that was made with no_start (Server.start_serving); harmless on one that does. 0, or
 * EDDY_ECLOSED. */
EDDY_API int eddy_server_start_serving(eddy_server *s);
/* Not once it, or its loop, was closed. */
EDDY_API bool eddy_server_is_serving(const eddy_server *s);

/*
 * Serves until the task is cancelled or the server closed, and returns -ECANCELED
 * (Server.serve_forever). Cancelled, it closes the server and waits as eddy_server_wait_closed()
 * does, or, with .grace, as eddy_server_shutdown(). EDDY_EMISUSE while another task does so,
 * EDDY_ECLOSED.
 */
EDDY_API EDDY_AWAITS int eddy_server_serve_forever(eddy_server *s);

/*
 * Stops listening; connections that are there go on (Server.close). The sockets are closed when it
 * returns, so their addresses are free. Twice is harmless.
 */
EDDY_API void eddy_server_close(eddy_server *s);

/* Waits until it is closed, by whomever, and the last connection has ended (Server.wait_closed). 0
 * or -ECANCELED. */
EDDY_API EDDY_AWAITS int eddy_server_wait_closed(eddy_server *s);

/* Closes all connections: what was written still goes out; or drops that, too
 * (Server.close_clients, abort_clients). */
EDDY_API void eddy_server_close_clients(eddy_server *s);
EDDY_API void eddy_server_abort_clients(eddy_server *s);

/*
 * Ends the server with grace: stops listening, gives the handlers @grace seconds to end by
 * themselves, then cancels them and drops their connections; waits for all of that. 0; -ETIMEDOUT
 * if some had to be cancelled; -ECANCELED: then those were cancelled at once.
 */
EDDY_API EDDY_AWAITS int eddy_server_shutdown(eddy_server *s, double grace);

/* The listening sockets, *ret_n of them, the server's; none once it is closed (Server.sockets). */
EDDY_API const int *eddy_server_sockets(const eddy_server *s, size_t *ret_n);
/* The port of the first; 0 if it has none. */
EDDY_API int eddy_server_port(const eddy_server *s);
/* How many connections have not ended. */
EDDY_API size_t eddy_server_connections(const eddy_server *s);
EDDY_API eddy_loop *eddy_server_get_loop(const eddy_server *s);

/*
 * Closes it and gives it back; connections that are there go on. Tasks that wait on it go on as
 * after eddy_server_close(), so a handler may call this as well; nobody may begin another call on
 * it. NULL is allowed.
 */
EDDY_API void eddy_server_free(eddy_server *s);

/* With gcc and clang: has that done when the enclosing scope is left. */
#if defined(__GNUC__)
#define eddy_server_free_at_end(s)                                                                 \
    EDDY_CLEANUP(eddyi_server_free_guard) eddy_server *EDDYI_CAT(eddyi_guard, __LINE__) = (s)
static inline void eddyi_server_free_guard(eddy_server **s)
{
    eddy_server_free(*s);
}
#endif

EDDY_END_DECLS

#endif
