/*
 * Streams: buffered reading and writing of a connection (asyncio's StreamReader and StreamWriter).
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
 * A connection has a reader and a writer, which are one object: eddy_writer_free() gives both back.
 * Reading is done by the task that wants bytes, when it wants them, so memory is bounded by what is
 * asked for; bytes that arrive while nobody asks wait in the kernel. Writing goes out at once as
 * far as possible; the rest is kept and goes out by itself, and whoever writes more while much is
 * kept waits first.
 *
 * At any moment one task may read and any number may write; each eddy_writer_write() stays in one
 * piece.
 *
 * A call that need not wait returns at once, but not for ever: a stream that has had its share of a
 * turn of the loop (64 calls that read or 32 that write, or 256 KiB, while others are ready) lets
 * them run before the next call, as eddy_sleep(0) does.
 */
#ifndef EDDY_STREAM_H
#define EDDY_STREAM_H

#include "carrier.h"
#include "defs.h"

#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

typedef struct eddy_reader eddy_reader;
typedef struct eddy_writer eddy_writer;
typedef struct eddy_tls_context eddy_tls_context;

/* How much a reader looks at in search of a separator, in bytes, unless told otherwise (64 KiB, as
 * asyncio's). */
#define EDDY_STREAM_LIMIT 65536

/* Making streams. */

/* Host, port and the two outputs; the rest may be left out. */
typedef struct eddy_connection_options {
    const char *host; /* a name or an address; NULL: @sock is connected already */
    int port;
    eddy_reader **ret_reader;
    eddy_writer **ret_writer;

    size_t limit;             /* of the reader; 0: EDDY_STREAM_LIMIT */
    int family, proto, flags; /* hints for the names, as getaddrinfo(3) has them */
    const char *local_host;   /* to connect from */
    int local_port;
    /* seconds until the next address is tried beside the last; 0: 0.25, EDDY_FOREVER: never */
    double happy_eyeballs_delay;
    int interleave; /* see RFC 8305; 0: 1 */
    /* EDDY_EGROUP with the error of each address, instead of one that sums them up */
    bool all_errors;
    /*
     * A connected stream socket, owned by the stream from success on; 0: none. A negative number is
     * -EBADF; no stream socket, or one that listens, -ENOTSOCK or -EINVAL.
     */
    int sock;

    eddy_tls_context *tls;       /* speaks TLS; borrowed for the call */
    const char *server_hostname; /* the name that the certificate must have; NULL: @host */
    double tls_handshake_timeout, tls_shutdown_timeout; /* seconds; 0: 60 and 30 */

    /* Limits of time in seconds, 0: none; what strikes is -ETIMEDOUT, as in eddy/server.h. */
    double read_timeout, write_timeout;
} eddy_connection_options;

/*
 * eddy_open_connection(host, port, &reader, &writer, .limit = …, .tls = …): connects to a TCP
 * server (asyncio.open_connection). TCP_NODELAY is on. Returns 0, or why it failed, with host and
 * address in the message: that of the name (EDDY_ENONAME, …), of connecting (-ECONNREFUSED, …), or
 * of TLS (EDDY_ECERT, …). A connection that would meet itself, which a port of this machine can
 * come to where nobody listens, counts as refused.
 *
 * Cancelled: nothing is left open.
 */
#ifndef __cplusplus
#define eddy_open_connection(...)                                                                  \
    eddy_open_connection_with(&(eddy_connection_options){.host = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_open_connection_with(const eddy_connection_options *options);

/*
 * Connects to the Unix socket at @path; one that begins with '@' is of the abstract namespace
 * (asyncio.open_unix_connection).
 * @limit 0: EDDY_STREAM_LIMIT. Returns 0, -ENOENT, -ECONNREFUSED, -ENAMETOOLONG, …; cancelled:
 *        nothing is left open.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_open_unix_connection(const char *path, size_t limit,
                                                                  eddy_reader **ret_reader,
                                                                  eddy_writer **ret_writer);

/*
 * The stream of a pipe's read or write end, of a terminal, or of any descriptor that can be waited
 * for (loop.connect_read_pipe, connect_write_pipe). The stream owns @fd from success on, and makes
 * it non-blocking until it closes it: others may have the same open file, such as a shell its
 * terminal. Does not suspend. 0, or as a raised error what eddy_pipe_carrier_new() gives. Freed
 * with eddy_reader_free() and eddy_writer_free().
 */
EDDY_API EDDY_NODISCARD int eddy_connect_read_pipe(int fd, size_t limit, eddy_reader **ret_reader);
EDDY_API EDDY_NODISCARD int eddy_connect_write_pipe(int fd, eddy_writer **ret_writer);

/* The stream over a carrier, of which it is the owner from success on. Does not suspend. 0 or
 * -ENOMEM. */
EDDY_API EDDY_NODISCARD int eddy_stream_open(eddy_carrier *carrier, size_t limit,
                                             eddy_reader **ret_reader, eddy_writer **ret_writer);

/*
 * Two streams that are the ends of one connection in memory, for tests and for tasks that talk to
 * each other; works under the virtual clock. Up to @size bytes wait in between (0: 64 KiB). Does
 * not suspend. 0, -ENOMEM, EDDY_ENOLOOP.
 */
EDDY_API EDDY_NODISCARD int eddy_memory_pair_open(size_t size, eddy_reader *ret_readers[2],
                                                  eddy_writer *ret_writers[2]);

/* Reading. */

/*
 * Reads up to @size bytes into @buf, as soon as there are any (StreamReader.read). How many; 0 at
 * the end of the stream, or if
 * @size is 0; or, as for each of the functions below, a raised error:
 *
 *   -ECONNRESET, … what broke the connection; from then on every call says so, also about bytes
 *                   that had arrived (rule 142); eddy_reader_partial() has those -EBUSY another
 *                   task is reading EDDY_ENOTASK it would have to wait, but this is no task
 *
 * Cancelled: nothing is taken; the bytes stay, so each of these can be tried again.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_read(eddy_reader *r, void *buf,
                                                             size_t size);

/*
 * The same without copying: *ret_data points to what there is, at most @max bytes, at least one;
 * valid until the next call on @r.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_read_some(eddy_reader *r, size_t max,
                                                                  const char **ret_data);

/*
 * Reads until the end of the stream (StreamReader.read(-1)). *ret_data is valid until the next
 * call. The length, or EDDY_ELIMIT if it is more than @max bytes, which stay (asyncio knows no
 * maximum; SIZE_MAX says the same).
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_read_all(eddy_reader *r, size_t max,
                                                                 const char **ret_data);

/*
 * Reads exactly @size bytes into @buf (StreamReader.readexactly). @size, or EDDY_EINCOMPLETE if the
 * stream ends before: eddy_reader_partial() has what came. @size may be more than the limit.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readexactly(eddy_reader *r, void *buf,
                                                                    size_t size);

/*
 * Reads a line with its '\n' (StreamReader.readline); the last one may have none. *ret_line is not
 * terminated by a null byte; valid until the next call. The length; 0 at the end; or EDDY_ELIMIT:
 * longer than the limit. Then the line is dropped if its end was there already, else all that was
 * buffered (rule 138).
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readline(eddy_reader *r,
                                                                 const char **ret_line);

/*
 * Reads until @sep has been seen, and no further (StreamReader.readuntil).
 *
 * @sep       n_sep bytes, at least one
 * @ret_data  points into the reader's buffer, separator included; valid until the next call on @r
 *
 * The length in bytes, or EDDY_ELIMIT no separator within the reader's limit, which does not count
 *   the separator; the bytes stay, and eddy_reader_consumed() says how many could be read past
 *   EDDY_EINCOMPLETE the stream ended first; eddy_reader_partial() has the piece
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readuntil(eddy_reader *r, const void *sep,
                                                                  size_t n_sep,
                                                                  const char **ret_data);

/* The same with several separators (a tuple, in asyncio): the match that ends first counts. */
typedef struct eddy_separator {
    const void *bytes;
    size_t n;
} eddy_separator;
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_reader_readuntil_any(eddy_reader *r,
                                                                      const eddy_separator *seps,
                                                                      size_t n_seps,
                                                                      const char **ret_data);

/*
 * What had come, and was not read, when a call ended with EDDY_EINCOMPLETE
 * (IncompleteReadError.partial), or because the connection broke; until the next call on @r.
 */
EDDY_API size_t eddy_reader_partial(const eddy_reader *r, const char **ret_data);

/* After EDDY_ELIMIT of readuntil: LimitOverrunError.consumed. */
EDDY_API size_t eddy_reader_consumed(const eddy_reader *r);

/* Whether the end has been read, and all before it (StreamReader.at_eof). It is not known before
 * somebody reads. */
EDDY_API bool eddy_reader_at_eof(const eddy_reader *r);

/* The exception that broke it, borrowed, or NULL (StreamReader.exception). */
EDDY_API const eddy_exception *eddy_reader_exception(const eddy_reader *r);

/* How many bytes are in its buffer. */
EDDY_API size_t eddy_reader_buffered(const eddy_reader *r);

/*
 * A reader without a connection, which is fed by hand, for parsers and their tests
 * (StreamReader()). Outside of a running loop EDDY_ENOLOOP. feed_data copies. Whoever waits in a
 * call is woken.
 */
EDDY_API EDDY_NODISCARD int eddy_reader_new(size_t limit, eddy_reader **ret);
EDDY_API EDDY_NODISCARD int eddy_reader_feed_data(eddy_reader *r, const void *data, size_t size);
EDDY_API void eddy_reader_feed_eof(eddy_reader *r);
EDDY_API void eddy_reader_set_exception(eddy_reader *r, const eddy_exception *e);

/*
 * Gives back a reader that has no writer beside it; closes what it reads from. A task that waits in
 * a read is woken, with the end of the stream. NULL is allowed.
 */
EDDY_API void eddy_reader_free(eddy_reader *r);

/* Writing. */

/*
 * Sends all @size bytes, or keeps what cannot go at once; @data is free on return
 * (StreamWriter.write, and drain before it where need be: if more than the high-water mark (64 KiB)
 * is kept from earlier calls, it waits until that is down to the low-water mark. So memory is
 * bounded, with nothing to configure.) Returns 0, or a raised error:
 *
 *   -EPIPE, -ECONNRESET, …  the connection is lost
 *   EDDY_ECLOSED            the writer was closed
 *   EDDY_EMISUSE            after write_eof()
 *
 * Cancelled while it waits: nothing of @data is sent.
 */
EDDY_API EDDY_AWAITS int eddy_writer_write(eddy_writer *w, const void *data, size_t size);
EDDY_API EDDY_AWAITS int eddy_writer_writelines(eddy_writer *w, const struct iovec *iov, int n);

/* The same as text, from a printf-style format. */
EDDY_API EDDY_AWAITS EDDY_PRINTF(2, 3) int eddy_writer_printf(eddy_writer *w, const char *fmt, ...);

/* Never waits, as asyncio's write: -EAGAIN if more than the high-water mark is kept. Also from
 * callbacks. */
EDDY_API EDDY_NODISCARD int eddy_writer_write_nowait(eddy_writer *w, const void *data, size_t size);

/*
 * Sends @count bytes of the file @fd, from @offset on, after what was written before
 * (loop.sendfile); SIZE_MAX: to its end. The first 64 KiB are read and written; behind that a
 * socket has the kernel copy them itself (sendfile(2)), in a thread, since the disk may keep it
 * waiting. What is no socket, TLS, and files the kernel refuses are read and written throughout.
 * Nothing else may be written meanwhile. Returns 0, also where the file ends before that:
 * *ret_sent, which may be NULL, has how many bytes are out, or kept to go out, in any case; also
 * when cancelled. Errors as write, and of reading. The file's position stays.
 */
EDDY_API EDDY_AWAITS int eddy_writer_sendfile(eddy_writer *w, int fd, off_t offset, size_t count,
                                              size_t *ret_sent);

/*
 * Waits, if more than the high-water mark is kept, until it is down to the low one
 * (StreamWriter.drain). 0, or what broke the connection, on either side. Any number of tasks may
 * wait.
 */
EDDY_API EDDY_AWAITS int eddy_writer_drain(eddy_writer *w);

/* Waits until nothing is kept: all is with the kernel. -ECONNRESET if eddy_writer_abort() dropped
 * some of it; else as drain. */
EDDY_API EDDY_AWAITS int eddy_writer_flush(eddy_writer *w);

/* Says, after what was written, that no more will come; reading goes on (StreamWriter.write_eof). 0
 * or as write. */
EDDY_API int eddy_writer_write_eof(eddy_writer *w);
EDDY_API bool eddy_writer_can_write_eof(const eddy_writer *w);

/* Water marks in bytes, SIZE_MAX: not given (rule 154). 0, or -EINVAL if @high < @low. */
EDDY_API int eddy_writer_set_write_buffer_limits(eddy_writer *w, size_t high, size_t low);
EDDY_API size_t eddy_writer_get_write_buffer_size(const eddy_writer *w);

/*
 * Begins to close the connection: what is kept still goes out, nothing more is read
 * (StreamWriter.close). Twice is harmless. eddy_writer_abort() drops what is kept; if that is
 * anything, the connection ends with a reset, so that the peer does not take what it got for all
 * there was. A pipe and a Unix socket know no reset.
 */
EDDY_API void eddy_writer_close(eddy_writer *w);
EDDY_API void eddy_writer_abort(eddy_writer *w);
EDDY_API bool eddy_writer_is_closing(const eddy_writer *w);

/* Waits until it is closed (StreamWriter.wait_closed). 0, or what the connection was lost with. Any
 * number of tasks may wait. */
EDDY_API EDDY_AWAITS int eddy_writer_wait_closed(eddy_writer *w);

/*
 * Gives back the stream, reader and writer: the last call on either. Closes it, if that was not
 * done; what is kept still goes out, in the background, unless the peer takes nothing for 30
 * seconds; eddy_run() waits for that (eddy/run.h). Tasks that are in a call on the stream go on as
 * after eddy_writer_close(); nobody may begin another one. In the handler of a server, whose stream
 * it is, it is harmless also twice, and calls that come after it. NULL is allowed.
 */
EDDY_API void eddy_writer_free(eddy_writer *w);

/* With gcc and clang: has that done when the enclosing scope is left. */
#if defined(__GNUC__)
#define eddy_writer_free_at_end(w)                                                                 \
    EDDY_CLEANUP(eddyi_writer_free_guard) eddy_writer *EDDYI_CAT(eddyi_guard, __LINE__) = (w)
#define eddy_reader_free_at_end(r)                                                                 \
    EDDY_CLEANUP(eddyi_reader_free_guard) eddy_reader *EDDYI_CAT(eddyi_guard, __LINE__) = (r)
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
 * What is known of the connection (StreamWriter.get_extra_info), copied to the @size bytes at @ret
 * and cut to size:
 *
 *   "socket", "pipe"          int: the descriptor, which stays the stream's
 *   "peername", "sockname"    struct sockaddr of some kind; use a struct sockaddr_storage
 *   with TLS                  "peercert", "cipher", "version", "alpn", …: see eddy/tls.h
 *
 * Returns the size of the whole, or -ENOENT if there is no such thing.
 */
EDDY_API ssize_t eddy_writer_get_extra_info(const eddy_writer *w, const char *name, void *ret,
                                            size_t size);

/* The keyword arguments of start_tls; the context comes first. */
typedef struct eddy_start_tls_options {
    eddy_tls_context *context;   /* borrowed for the call */
    const char *server_hostname; /* a client: the name that the certificate must have */
    double handshake_timeout;    /* seconds; 0: 60 */
    double shutdown_timeout;     /* seconds; 0: 30 */
    bool server_side;            /* of a stream that a server accepted it is so anyhow */
} eddy_start_tls_options;

/*
 * eddy_writer_start_tls(w, context, .server_hostname = …): from here on the stream speaks TLS
 * (StreamWriter.start_tls). What was written goes out first; what a client sent ahead is taken as
 * TLS. Nobody may be reading. 0; or why the handshake failed: then the connection is broken.
 */
#ifndef __cplusplus
#define eddy_writer_start_tls(w, ...)                                                              \
    eddy_writer_start_tls_with((w), &(eddy_start_tls_options){.context = __VA_ARGS__})
#endif
EDDY_API EDDY_AWAITS EDDY_NODISCARD int
eddy_writer_start_tls_with(eddy_writer *w, const eddy_start_tls_options *options);

EDDY_END_DECLS

#endif
