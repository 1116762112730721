/*
 * Carriers: what moves the bytes of a stream.
 *
 * A carrier is one end of something that carries bytes both ways, or one: a socket, a pipe, an end
 * of a pair in memory, a TLS session over another carrier, or something of your own. Above it
 * stands a stream (eddy/stream.h) or a transport with a protocol (eddy/transport.h), which buffers,
 * and sees to flow control.
 *
 * The contract is that of a non-blocking descriptor: a call moves what it can at once, or says
 * -EAGAIN; then its user asks to be called when trying again may help. Nothing here suspends, and
 * nothing calls back from within the call that asked for it.
 *
 * Most programs never need this header: eddy_open_connection() and its kin make their carriers
 * themselves.
 */
#ifndef EDDY_CARRIER_H
#define EDDY_CARRIER_H

#include "defs.h"

#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

typedef struct eddy_carrier eddy_carrier;

typedef struct eddy_carrier_ops {
    const char *name; /* "tcp", "tls", … for messages */

    /* Reads up to @size (> 0) bytes. How many, 0 at the end of the stream, -EAGAIN, or -errno: it
     * is broken. */
    ssize_t (*read)(eddy_carrier *c, void *buf, size_t size);

    /* Writes from the @n (> 0) pieces. How many bytes, at least one; -EAGAIN, or -errno: it is
     * broken. */
    ssize_t (*write)(eddy_carrier *c, const struct iovec *iov, int n);

    /*
     * Has on_readable called once, when reading may get further. A carrier may instead put what
     * comes right into the @size bytes at @buf, which are its own until then; @buf may be NULL. 0,
     * or -errno: then there will be no call. Not asked for again before the call.
     */
    int (*wait_readable)(eddy_carrier *c, void *buf, size_t size);

    /* Has the on_readable that is due come soon, with -ECANCELED unless there is something else to
     * say. */
    void (*cancel_readable)(eddy_carrier *c);

    /* Has on_writable called once, when writing may get further. 0, or -errno. */
    int (*wait_writable)(eddy_carrier *c);

    /*
     * Tells the other side that no more will be written. 0, -EAGAIN (call again when it is
     * writable), -EOPNOTSUPP if it cannot be told, or -errno.
     */
    int (*write_eof)(eddy_carrier *c);

    /*
     * Begins to end it; @abort: without farewell. No on_readable and on_writable any more, but one
     * on_closed, when the memory given to wait_readable is free again: later, or at once where the
     * loop is closed. What is under way without @abort may be followed by a call with it: then it
     * shall not last any longer.
     */
    void (*close)(eddy_carrier *c, bool abort);

    /* Frees it, after on_closed, or before it was ever used. */
    void (*free)(eddy_carrier *c);

    /*
     * Writes what is known by that name ("socket", "peername", "cipher", …; see
     * eddy_writer_get_extra_info()) to the @size bytes at @ret, cut to size. Its whole size, or
     * -ENOENT. NULL: knows nothing.
     */
    ssize_t (*get_extra_info)(eddy_carrier *c, const char *name, void *ret, size_t size);

    /*
     * Sends up to @count (> 0) bytes of the file @fd from @offset on, in a thread or in the kernel,
     * since the disk may keep it waiting, and has on_file_sent called once, before on_closed.
     * Nothing is written, and no on_writable is due, meanwhile. 0, or -errno: then there will be no
     * call. NULL, -EOPNOTSUPP, -EINVAL: it cannot; its user reads and writes.
     */
    int (*send_file)(eddy_carrier *c, int fd, off_t offset, size_t count);

    /* Has the on_file_sent that is due come soon, with -ECANCELED unless something was sent. */
    void (*cancel_file)(eddy_carrier *c);

    /* How many bytes it has taken from write() and not got out yet. NULL: it keeps none. */
    size_t (*kept)(const eddy_carrier *c);

    /*
     * Comes before close(c, true) where something that was written will not go out: the other side
     * shall see that the connection broke, and take it for no end. NULL: it cannot be told, as with
     * pipes and Unix sockets.
     */
    void (*reset)(eddy_carrier *c);

    /*
     * Memory given to wait_readable is not read into by the kernel: a reader that is idle need not
     * keep any.
     */
    bool waits_without_memory;
} eddy_carrier_ops;

/* Each carrier's own struct begins with this. The first two are set by whoever makes it. */
struct eddy_carrier {
    const eddy_carrier_ops *ops;
    eddy_loop *loop; /* borrowed; whoever uses the carrier holds it */

    /* The user's, set before anything is waited for. */
    void *user;
    /* @result: bytes that are in the buffer already, 0 at the end of the stream, -EAGAIN: read()
     * knows; or -errno. */
    void (*on_readable)(eddy_carrier *c, ssize_t result);
    void (*on_writable)(eddy_carrier *c);
    /* @result: bytes, 0 at the end of the file, -EAGAIN: none as yet, see wait_writable; or -errno,
     * also as of send_file. */
    void (*on_file_sent)(eddy_carrier *c, ssize_t result);
    /* < 0: ending it failed; it has ended all the same */
    void (*on_closed)(eddy_carrier *c, int status);
};

/*
 * The carrier of a connected stream socket, which becomes non-blocking, and of the read and write
 * ends of a pipe or of a terminal, of which one may be -1. They own the descriptors, from success
 * on. 0, or as a raised error -EBADF, -EINVAL (a regular file; a socket of another type, or one
 * that listens), -ENOTSOCK, -EBUSY (somebody waits for it already), -ENOMEM, -EOPNOTSUPP (virtual
 * clock).
 */
EDDY_API EDDY_NODISCARD int eddy_socket_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);
EDDY_API EDDY_NODISCARD int eddy_pipe_carrier_new(eddy_loop *loop, int read_fd, int write_fd,
                                                  eddy_carrier **ret);

/*
 * Two carriers that are the ends of one connection in memory: what is written to one can be read
 * from the other, at most @size bytes at a time wait in between (0: 64 KiB). Also under the virtual
 * clock. 0, or -ENOMEM raised.
 */
EDDY_API EDDY_NODISCARD int eddy_memory_carriers_new(eddy_loop *loop, size_t size,
                                                     eddy_carrier **ret_one,
                                                     eddy_carrier **ret_other);

EDDY_END_DECLS

#endif
