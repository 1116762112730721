/*
 * Streams: buffered reading and writing of a connection (asyncio.StreamReader, StreamWriter).
 *
 *     eddy_reader *reader;
 *     eddy_writer *writer;
 *
 *     eddy_try(eddy_open_connection("example.org", 80, &reader, &writer));
 *     eddy_writer_free_at_end(writer);             // however this function is left
 *     eddy_try(eddy_writer_write(writer, "GET / HTTP/1.0\r\n\r\n", 18));
 *     while ((n = eddy_reader_readline(reader, &line)) > 0)
 *         fwrite(line, 1, n, stdout);
 *
 * A connection has a reader and a writer, which are one object: eddy_writer_free() frees both.
 *
 * Reading happens in the task that calls, when it calls, so memory is bounded by the sizes that the
 * task asks for; all other bytes wait in the kernel. Writing sends at once as many bytes as the
 * kernel takes. The rest goes to the write buffer, from which it is sent in the background; a task
 * that writes while the buffer is above its high-water mark waits first.
 *
 * At any moment one task may read and any number may write. The bytes of one eddy_writer_write()
 * are never interleaved with those of another.
 *
 * A call that need not wait returns at once, within a limit that keeps streams fair: a stream that
 * has used up its share of a turn of the loop while others are ready (64 reading calls, 32 writing
 * calls, or 256 KiB) yields as eddy_sleep(0) does before its next call.
 */
#ifndef EDDY_STREAM_H
#define EDDY_STREAM_H

#include "carrier.h"
#include "defs.h"
#include "protocol.h"

#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

/* The reading half of a stream (asyncio.StreamReader). Opaque. */
typedef struct eddy_reader eddy_reader;

/* The writing half of a stream (asyncio.StreamWriter). Opaque. */
typedef struct eddy_writer eddy_writer;

typedef struct eddy_tls_context eddy_tls_context;

/*
 * Default limit of a reader: the number of bytes that it searches for a separator (64 KiB, as in
 * asyncio).
 */
#define EDDY_STREAM_LIMIT 65536

/* Making streams. */

/*
 * The options of connecting, for both interfaces of a connection: eddy_open_connection(), which
 * makes a reader and a writer, and eddy_loop_create_connection() of eddy/transport.h, which makes a
 * protocol with a factory. The outputs or the factory, and an address or a socket, are required.
 */
typedef struct eddy_connection_options {
    const char *host; /* a name or an address */
    int port;
    eddy_reader **ret_reader; /* of eddy_open_connection(), as the next */
    eddy_writer **ret_writer;

    eddy_protocol_factory *factory; /* of eddy_loop_create_connection(), as the next two */
    void *arg;
    eddy_transport **ret_transport; /* a reference, which the caller owns; NULL: not wanted */

    const char *path;         /* of a Unix socket, in place of host and port */
    size_t limit;             /* of the reader; 0: EDDY_STREAM_LIMIT */
    int family, proto, flags; /* hints for the name lookup, as in getaddrinfo(3) */
    const char *local_host;   /* the local address to connect from */
    int local_port;
    /* seconds until the next address is tried in parallel; 0: 0.25, EDDY_FOREVER: never */
    double happy_eyeballs_delay;
    int interleave; /* addresses of the first family to try first (RFC 8305); 0: 1 */
    /* fails with EDDY_EGROUP, which has the error of each address, not with one summary error */
    bool all_errors;
    /*
     * A connected stream socket, in place of an address, of which the connection takes ownership on
     * success; 0: none (eddy_fd() passes a 0). A negative number gives -EBADF; a descriptor that is
     * not a stream socket, or listens, -ENOTSOCK or -EINVAL.
     */
    int sock;

    eddy_tls_context *tls;       /* the connection uses TLS; borrowed for the call */
    const char *server_hostname; /* the name that the certificate must match; NULL: @host */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */

    /* Time limits in seconds, see eddy/server.h; 0: none. Exceeding one gives -ETIMEDOUT. */
    double read_timeout, write_timeout;
} eddy_connection_options;

/*
 * Connects to a TCP server (asyncio.open_connection): eddy_open_connection(host, port, &reader,
 * &writer, .limit = …, .tls = …).
 *
 * Sets TCP_NODELAY. Returns 0, or raises an error whose message has the host and the address: of
 * the name lookup (EDDY_ENONAME, …), of connecting (-ECONNREFUSED, …), or of TLS (EDDY_ECERT, …). A
 * connection to itself, which can arise on a local port without a listener, counts as refused. The
 * caller owns the stream, and frees it with eddy_writer_free().
 *
 * Cancelled: nothing is left open.
 */
#ifndef __cplusplus
#define eddy_open_connection(to_host, to_port, reader, ...)                                        \
    eddy_open_connection_with(&(eddy_connection_options){                                          \
        .host = (to_host), .port = (to_port), .ret_reader = (reader), .ret_writer = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_open_connection_with(const eddy_connection_options *options, size_t options_size);
#define eddy_open_connection_with(...)                                                             \
    eddy_open_connection_with(__VA_ARGS__, sizeof(eddy_connection_options))

/*
 * Connects to the Unix socket at @path (asyncio.open_unix_connection). A @path that begins with '@'
 * is in the abstract namespace. @limit is the reader's; 0: EDDY_STREAM_LIMIT. Returns 0, or raises
 * -ENOENT, -ECONNREFUSED, -ENAMETOOLONG, ….
 *
 * Cancelled: nothing is left open.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_open_unix_connection(const char *path, size_t limit,
                                                                  eddy_reader **ret_reader,
                                                                  eddy_writer **ret_writer);

/*
 * Make the stream of a pipe's read or write end, of a terminal, or of any other descriptor that can
 * be polled (loop.connect_read_pipe, loop.connect_write_pipe).
 *
 * Take ownership of @fd on success, and make it non-blocking until the stream closes it: other
 * processes may share the open file, as a shell shares its terminal. Do not suspend. Return 0, or
 * raise the errors of eddy_pipe_carrier_new(). The caller owns *ret_reader or *ret_writer, and
 * frees it with eddy_reader_free() or eddy_writer_free().
 */
EDDY_API EDDY_NODISCARD int eddy_connect_read_pipe(int fd, size_t limit, eddy_reader **ret_reader);
EDDY_API EDDY_NODISCARD int eddy_connect_write_pipe(int fd, eddy_writer **ret_writer);

/*
 * Makes the stream over @carrier. Takes ownership of @carrier on success. Does not suspend. Returns
 * 0 or -ENOMEM.
 */
EDDY_API EDDY_NODISCARD int eddy_stream_open(eddy_carrier *carrier, size_t limit,
                                             eddy_reader **ret_reader, eddy_writer **ret_writer);

/*
 * Makes two streams that are the ends of one connection in memory, for tests and for tasks that
 * talk to each other. Works under the virtual clock. Each direction buffers up to @size bytes (0:
 * 64 KiB). Does not suspend. Returns 0, -ENOMEM or EDDY_ENOLOOP.
 */
EDDY_API EDDY_NODISCARD int eddy_memory_pair_open(size_t size, eddy_reader *ret_readers[2],
                                                  eddy_writer *ret_writers[2]);

/* Reading. */

/*
 * Reads up to @size bytes into @buf, as soon as any are there (StreamReader.read). Returns their
 * number, or 0 at the end of the stream and if @size is 0. It and each of the functions below raise
 *
 *   -ECONNRESET, …  the connection broke. Every later call fails with the same error, even if bytes
 *                   had arrived before (rule 142); eddy_reader_partial() returns those
 *   -EBUSY          another task is reading
 *   EDDY_ENOTASK    the call would have to wait, but was not made by a task
 *
 * Cancelled: nothing is consumed, so each of these calls can be repeated.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_read(eddy_reader *r, void *buf,
                                                             size_t size);

/*
 * Reads up to @max bytes, at least one, without copying them. *ret_data points to the bytes, in the
 * reader's buffer, and is valid until the next call on @r. Otherwise as eddy_reader_read().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_read_some(eddy_reader *r, size_t max,
                                                                  const char **ret_data);

/*
 * Reads until the end of the stream (StreamReader.read(-1)). *ret_data is valid until the next call
 * on @r. Returns the length in bytes, or EDDY_ELIMIT if it exceeds @max bytes, which remain in the
 * buffer. SIZE_MAX sets no limit, as in asyncio.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_read_all(eddy_reader *r, size_t max,
                                                                 const char **ret_data);

/*
 * Reads exactly @size bytes into @buf (StreamReader.readexactly); @size may exceed the reader's
 * limit. Returns @size, or EDDY_EINCOMPLETE if the stream ends before; eddy_reader_partial() then
 * returns the bytes that came.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readexactly(eddy_reader *r, void *buf,
                                                                    size_t size);

/*
 * Reads a line with its '\n' (StreamReader.readline); the last line may lack it. *ret_line is not
 * terminated by a null byte, and is valid until the next call on @r. Returns the length in bytes, 0
 * at the end of the stream, or EDDY_ELIMIT if the line exceeds the reader's limit. In that case the
 * line is dropped if its end has arrived, else all bytes in the buffer are (rule 138).
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readline(eddy_reader *r,
                                                                 const char **ret_line);

/*
 * Reads until @sep has been seen, and no further (StreamReader.readuntil).
 *
 * @sep       n_sep bytes, at least one
 * @ret_data  points into the reader's buffer, separator included; valid until the next call on @r
 *
 * Returns the length in bytes, or
 *
 *   EDDY_ELIMIT       no separator within the reader's limit, which does not count the separator;
 *                     the bytes stay, and eddy_reader_consumed() returns how many can be skipped
 *   EDDY_EINCOMPLETE  the stream ended first; eddy_reader_partial() has the piece
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readuntil(eddy_reader *r, const void *sep,
                                                                  size_t n_sep,
                                                                  const char **ret_data);

/* One of several separators: @n bytes. */
typedef struct eddy_separator {
    const void *bytes;
    size_t n;
} eddy_separator;

/*
 * Reads until one of @seps has been seen (StreamReader.readuntil with a tuple): the match that ends
 * first counts. Otherwise as eddy_reader_readuntil().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readuntil_any(eddy_reader *r,
                                                                      const eddy_separator *seps,
                                                                      size_t n_seps,
                                                                      const char **ret_data);

/*
 * Returns the number of bytes that had arrived, and were not read, when a call ended with
 * EDDY_EINCOMPLETE (IncompleteReadError.partial) or because the connection broke. *ret_data points
 * to them, and is valid until the next call on @r; @ret_data may be NULL.
 */
EDDY_API size_t eddy_reader_partial(const eddy_reader *r, const char **ret_data);

/*
 * Returns the number of bytes that can be skipped after readuntil gave EDDY_ELIMIT
 * (LimitOverrunError.consumed).
 */
EDDY_API size_t eddy_reader_consumed(const eddy_reader *r);

/*
 * Returns whether the end of the stream, and all bytes before it, have been read
 * (StreamReader.at_eof). The end is noticed only by a call that reads.
 */
EDDY_API bool eddy_reader_at_eof(const eddy_reader *r);

/* Returns the error that broke the connection, or NULL (StreamReader.exception). Borrowed. */
EDDY_API const eddy_exception *eddy_reader_exception(const eddy_reader *r);

/* Returns the number of bytes in the reader's buffer. */
EDDY_API size_t eddy_reader_buffered(const eddy_reader *r);

/*
 * Makes a reader without a connection, for parsers and their tests (asyncio.StreamReader). Returns
 * 0, -ENOMEM, or EDDY_ENOLOOP outside of a running loop. The caller owns *ret, and frees it with
 * eddy_reader_free().
 */
EDDY_API EDDY_NODISCARD int eddy_reader_new(size_t limit, eddy_reader **ret);

/*
 * Feed a reader made by eddy_reader_new(): with a copy of the @size bytes at @data, with the end of
 * the stream, or with the error @e (StreamReader.feed_data, feed_eof, set_exception). Wake the task
 * that waits in a call on @r. Borrow @e.
 */
EDDY_API EDDY_NODISCARD int eddy_reader_feed_data(eddy_reader *r, const void *data, size_t size);
EDDY_API void eddy_reader_feed_eof(eddy_reader *r);
EDDY_API void eddy_reader_set_exception(eddy_reader *r, const eddy_exception *e);

/*
 * Frees a reader that has no writer, and closes its descriptor or carrier. A task that waits in a
 * read wakes up, and reads the end of the stream. NULL is allowed.
 */
EDDY_API void eddy_reader_free(eddy_reader *r);

/* Writing. */

/*
 * Writes the @size bytes at @data, which may be reused on return (StreamWriter.write, after drain
 * if need be).
 *
 * Sends at once as much as the kernel takes, and buffers the rest. A later write in the same turn
 * of the loop may be buffered until the end of the turn, so that several go out in one system call.
 * If the write buffer is above the high-water mark (64 KiB) because of earlier calls, first waits
 * until it is down to the low-water mark; so memory is bounded without configuration. Returns 0, or
 * raises
 *
 *   -EPIPE, -ECONNRESET, …  the connection is lost
 *   EDDY_ECLOSED            the writer was closed
 *   EDDY_EMISUSE            eddy_writer_write_eof() was called before
 *   -EINVAL                 more than SSIZE_MAX bytes; the connection goes on
 *
 * Cancelled while waiting: nothing of @data is sent.
 */
EDDY_API EDDY_AWAITS int eddy_writer_write(eddy_writer *w, const void *data, size_t size);

/*
 * Writes the @n buffers of @iov as one piece (StreamWriter.writelines); otherwise as
 * eddy_writer_write().
 */
EDDY_API EDDY_AWAITS int eddy_writer_writelines(eddy_writer *w, const struct iovec *iov, int n);

/* Writes text from a printf-style format; otherwise as eddy_writer_write(). */
EDDY_API EDDY_AWAITS EDDY_PRINTF(2, 3) int eddy_writer_printf(eddy_writer *w, const char *fmt, ...);

/*
 * Writes as eddy_writer_write() does, but never waits: returns -EAGAIN, and writes nothing, if the
 * write buffer is above the high-water mark. Callbacks may call it too.
 */
EDDY_API EDDY_NODISCARD int eddy_writer_write_nowait(eddy_writer *w, const void *data, size_t size);

/*
 * Sends @count bytes of the file @file, from @offset on, after all bytes written before
 * (loop.sendfile). @count < 0 means to the end of the file.
 *
 * The first 64 KiB are read and written. On a socket the kernel then copies the rest itself
 * (sendfile(2)), in a thread, since the disk may block it. With TLS, on any other carrier, and for
 * files that the kernel refuses, all bytes are read and written. No other call may write meanwhile.
 *
 * Returns 0, also if the file ends early. Raises the errors of eddy_writer_write() and of reading
 * the file. *ret_sent (may be NULL) is set in any case, also on failure and when cancelled, to the
 * number of bytes that were sent or buffered. The file's position is then behind these bytes.
 */
EDDY_API EDDY_AWAITS int eddy_writer_sendfile(eddy_writer *w, int file, int64_t offset,
                                              int64_t count, int64_t *ret_sent);

/*
 * Waits, if the write buffer is above the high-water mark, until it is down to the low-water mark
 * (StreamWriter.drain). Returns 0, or raises the error that broke the connection, on the reading or
 * the writing side. Any number of tasks may wait.
 */
EDDY_API EDDY_AWAITS int eddy_writer_drain(eddy_writer *w);

/*
 * Waits until the write buffer is empty, that is, until everything has been handed to the kernel.
 * Raises -ECONNRESET if eddy_writer_abort() dropped bytes; otherwise as eddy_writer_drain().
 */
EDDY_API EDDY_AWAITS int eddy_writer_flush(eddy_writer *w);

/*
 * Sends the end of the stream after all bytes written before; reading goes on
 * (StreamWriter.write_eof). Returns 0, or raises the errors of eddy_writer_write().
 */
EDDY_API int eddy_writer_write_eof(eddy_writer *w);

/* Returns whether eddy_writer_write_eof() can be called (StreamWriter.can_write_eof). */
EDDY_API bool eddy_writer_can_write_eof(const eddy_writer *w);

/*
 * The water marks of a write buffer, in bytes: above .high writers wait, or a protocol is paused,
 * until no more than .low are left. When marks are set, SIZE_MAX means not given: .low is then a
 * quarter of .high, .high four times .low, and both are 16 KiB and 64 KiB (rule 154).
 */
typedef struct eddy_water_marks {
    size_t low, high;
} eddy_water_marks;

/*
 * Sets the water marks (WriteTransport.set_write_buffer_limits), which take effect at once:
 * eddy_writer_set_write_buffer_limits(w, (eddy_water_marks){.low = …, .high = …}). Returns 0, or
 * -EINVAL if .high < .low.
 */
EDDY_API int eddy_writer_set_write_buffer_limits(eddy_writer *w, eddy_water_marks marks);

/* Returns the water marks (WriteTransport.get_write_buffer_limits). */
EDDY_API eddy_water_marks eddy_writer_get_write_buffer_limits(const eddy_writer *w);

/* Returns the number of bytes in the write buffer (WriteTransport.get_write_buffer_size). */
EDDY_API size_t eddy_writer_get_write_buffer_size(const eddy_writer *w);

/*
 * Begins to close the connection: buffered bytes are still sent, nothing more is read
 * (StreamWriter.close). Closing twice is harmless.
 */
EDDY_API void eddy_writer_close(eddy_writer *w);

/*
 * Closes the connection and drops the write buffer (WriteTransport.abort). If bytes were dropped,
 * the connection ends with a reset, so that the peer does not mistake the bytes it received for all
 * of them. Pipes and Unix sockets have no reset.
 */
EDDY_API void eddy_writer_abort(eddy_writer *w);

/* Returns whether the connection is closed or being closed (StreamWriter.is_closing). */
EDDY_API bool eddy_writer_is_closing(const eddy_writer *w);

/*
 * Waits until the connection is closed (StreamWriter.wait_closed). Returns 0, or raises the error
 * that the connection was lost with. Any number of tasks may wait.
 */
EDDY_API EDDY_AWAITS int eddy_writer_wait_closed(eddy_writer *w);

/*
 * Frees the stream, both reader and writer; must be the last call on either. Closes the stream
 * first if it is open. Buffered bytes are still sent in the background, unless the peer accepts
 * none for 30 seconds; eddy_run() waits for that (eddy/run.h).
 *
 * Tasks that are inside a call on the stream continue as after eddy_writer_close(); no new call may
 * begin. In a server's handler, where the server owns the stream, calling it twice, and any call
 * after it, is harmless. NULL is allowed.
 */
EDDY_API void eddy_writer_free(eddy_writer *w);

/* Declare a guard that frees @w or @r when the enclosing scope is left (gcc and clang). */
#if defined(__GNUC__)
#define eddy_writer_free_at_end(w) EDDYI_GUARD(eddy_writer *, eddyi_writer_free_guard, w)
#define eddy_reader_free_at_end(r) EDDYI_GUARD(eddy_reader *, eddyi_reader_free_guard, r)
static inline void eddyi_writer_free_guard(eddy_writer **w)
{
    eddy_writer_free(*w);
}
static inline void eddyi_reader_free_guard(eddy_reader **r)
{
    eddy_reader_free(*r);
}
#endif

/*
 * Copies a property of the connection to the @size bytes at @ret, truncated to @size
 * (StreamWriter.get_extra_info):
 *
 *   "socket", "pipe"        int: the descriptor, which the stream still owns
 *   "peername", "sockname"  struct sockaddr of some kind; use a struct sockaddr_storage
 *   with TLS                "peercert", "cipher", "version", "alpn", …: see eddy/tls.h
 *
 * Returns the full size of the property, or -ENOENT if the connection does not have it.
 */
EDDY_API ssize_t eddy_writer_get_extra_info(const eddy_writer *w, const char *name, void *ret,
                                            size_t size);

/* The arguments of eddy_writer_start_tls(). Only .context is required. */
typedef struct eddy_start_tls_options {
    eddy_tls_context *context;   /* borrowed for the call */
    const char *server_hostname; /* of a client: the name that the certificate must match */
    double handshake_timeout;    /* seconds; 0: 60 */
    double shutdown_timeout;     /* seconds; 0: 30 */
    bool server_side;            /* implied for a stream that a server accepted */
} eddy_start_tls_options;

/*
 * Starts TLS on the stream (StreamWriter.start_tls): eddy_writer_start_tls(w, context,
 * .server_hostname = …). Bytes written before are sent in plain text first; bytes that a client
 * sent ahead are taken as TLS. No task may be reading. Returns 0, or raises the error of the
 * handshake; the connection is then broken. Raises EDDY_EMISUSE while TLS is beginning already,
 * and for one end of a pipe; the stream is then as before.
 */
#ifndef __cplusplus
#define eddy_writer_start_tls(w, ...)                                                              \
    eddy_writer_start_tls_with((w), &(eddy_start_tls_options){.context = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_writer_start_tls_with(eddy_writer *w, const eddy_start_tls_options *options,
                           size_t options_size);
#define eddy_writer_start_tls_with(...)                                                            \
    eddy_writer_start_tls_with(__VA_ARGS__, sizeof(eddy_start_tls_options))

EDDY_END_DECLS

#ifdef __cplusplus
EDDY_NODISCARD static inline int
eddy_open_connection(const char *host, int port, eddy_reader **ret_reader, eddy_writer **ret_writer,
                     eddy_connection_options options = eddy_connection_options())
{
    options.host = host;
    options.port = port;
    options.ret_reader = ret_reader;
    options.ret_writer = ret_writer;
    return eddy_open_connection_with(&options);
}
EDDY_NODISCARD static inline int
eddy_writer_start_tls(eddy_writer *w, eddy_tls_context *context,
                      eddy_start_tls_options options = eddy_start_tls_options())
{
    options.context = context;
    return eddy_writer_start_tls_with(w, &options);
}
#endif

#endif
