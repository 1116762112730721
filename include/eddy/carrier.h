/*
 * Carriers: the objects that move the bytes of a stream.
 *
 * A carrier is one end of a byte channel with one or two directions: a socket, a pipe, an end of a
 * pair in memory, a TLS session over another carrier, or a type that the program defines. Its user
 * is a stream (eddy/stream.h), or a transport with a protocol (eddy/transport.h), which adds
 * buffers and flow control.
 *
 * The contract is that of a non-blocking descriptor: a call moves as much as it can at once, or
 * returns -EAGAIN; its user then asks to be called when another try may succeed. No function here
 * suspends, and no function calls back before it has returned.
 *
 * Most programs do not need this header: eddy_open_connection() and the like make their carriers
 * themselves.
 */
#ifndef EDDY_CARRIER_H
#define EDDY_CARRIER_H

#include "defs.h"

#include <sys/types.h>
#include <sys/uio.h>

EDDY_BEGIN_DECLS

typedef struct eddy_carrier eddy_carrier;

/* The functions of one type of carrier. All are required, unless a comment allows NULL. */
typedef struct eddy_carrier_ops {
    const char *name; /* "tcp", "tls", …; used in messages */

    /*
     * Reads up to @size (> 0) bytes. Returns their number, 0 at the end of the stream, -EAGAIN, or
     * -errno if the carrier is broken.
     */
    ssize_t (*read)(eddy_carrier *c, void *buf, size_t size);

    /*
     * Writes from the @n (> 0) buffers of @iov. Returns the number of bytes, at least one; -EAGAIN,
     * or -errno if the carrier is broken.
     */
    ssize_t (*write)(eddy_carrier *c, const struct iovec *iov, int n);

    /*
     * Requests one call of on_readable, when another read may succeed; it is not called again
     * before that. The carrier may also store incoming bytes in the @size bytes at @buf, which
     * belong to it until on_readable; @buf may be NULL. Returns 0, or -errno, and then on_readable
     * is not called.
     */
    int (*wait_readable)(eddy_carrier *c, void *buf, size_t size);

    /* Makes the requested on_readable come soon: with -ECANCELED, unless it has another result. */
    void (*cancel_readable)(eddy_carrier *c);

    /* Requests one call of on_writable, when another write may succeed. Returns 0 or -errno. */
    int (*wait_writable)(eddy_carrier *c);

    /*
     * Tells the peer that no more will be written. Returns 0, -EAGAIN (to be called again when
     * writable), -EOPNOTSUPP if the carrier cannot tell the peer, or -errno.
     */
    int (*write_eof)(eddy_carrier *c);

    /*
     * Begins to end the carrier; @abort: without notifying the peer. After this call on_readable
     * and on_writable are not called, but on_closed is, once, when the memory given to
     * wait_readable is no longer in use: later, or at once if the loop is closed. A call with
     * @abort may follow one without; it ends the carrier as soon as possible.
     */
    void (*close)(eddy_carrier *c, bool abort);

    /* Frees the carrier, after on_closed or before its first use. */
    void (*free)(eddy_carrier *c);

    /*
     * Copies the property @name ("socket", "peername", "cipher", …; see
     * eddy_writer_get_extra_info()) to the @size bytes at @ret, truncated to @size. Returns the
     * full size, or -ENOENT. NULL: the carrier has no properties.
     */
    ssize_t (*get_extra_info)(eddy_carrier *c, const char *name, void *ret, size_t size);

    /*
     * Sends up to @count (> 0) bytes of the file @fd from @offset on, in a thread or in the kernel,
     * since the disk may block, and then calls on_file_sent once, before on_closed. Meanwhile its
     * user neither writes nor waits for on_writable. Returns 0, or -errno, and then on_file_sent is
     * not called. If this function is NULL, or returns -EOPNOTSUPP or -EINVAL, its user reads and
     * writes the file.
     */
    int (*send_file)(eddy_carrier *c, int fd, off_t offset, size_t count);

    /* Makes the due on_file_sent come soon: with -ECANCELED, unless bytes were sent. */
    void (*cancel_file)(eddy_carrier *c);

    /*
     * Returns the number of bytes that write() has accepted and that are not sent yet. NULL: the
     * carrier buffers none.
     */
    size_t (*kept)(const eddy_carrier *c);

    /*
     * Called before close(c, true) if bytes that were written will not be sent: makes the
     * connection look broken to the peer, not ended. NULL: the carrier cannot do that (pipes and
     * Unix sockets).
     */
    void (*reset)(eddy_carrier *c);

    /*
     * The kernel does not read into the memory given to wait_readable, so an idle reader need not
     * hold any.
     */
    bool waits_without_memory;
    void (*eddyi_reserved[4])(void); /* NULL; see docs/abi.md */
} eddy_carrier_ops;

/*
 * The first member of every carrier's own struct. The function that makes the carrier sets ops and
 * loop.
 */
struct eddy_carrier {
    const eddy_carrier_ops *ops;
    eddy_loop *loop; /* borrowed; the carrier's user holds a reference */

    /* The user's pointer, set before the first wait. */
    void *user;
    /*
     * @result is the number of bytes that are already in the buffer, 0 at the end of the stream,
     * -EAGAIN if read() has to be called to learn more, or -errno.
     */
    void (*on_readable)(eddy_carrier *c, ssize_t result);
    void (*on_writable)(eddy_carrier *c);
    /*
     * @result is a number of bytes, 0 at the end of the file, -EAGAIN if none could be sent yet
     * (see wait_writable), or -errno, with the same meanings as of send_file.
     */
    void (*on_file_sent)(eddy_carrier *c, ssize_t result);
    /*
     * @status < 0: ending the carrier failed; it has ended all the same
     */
    void (*on_closed)(eddy_carrier *c, int status);
    void *eddyi_reserved[2]; /* zero; see docs/abi.md */
};

/*
 * Makes the carrier of a connected stream socket, which becomes non-blocking. Takes ownership of
 * @fd on success. The caller owns *ret. Returns 0, or raises -EBADF, -EINVAL (a regular file, a
 * socket of another type, or a listening socket), -ENOTSOCK, -EBUSY (the descriptor is already
 * being waited for), -ENOMEM, or -EOPNOTSUPP (virtual clock).
 */
EDDY_API EDDY_NODISCARD int eddy_socket_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/*
 * Makes the carrier of a connected stream socket that the caller still owns, for example as an
 * object of another language. Borrows @fd until the carrier has ended, which its user learns by
 * on_closed(), connection_lost() or the end of eddy_writer_wait_closed(). The peer sees the end of
 * the connection when the caller then closes @fd. Otherwise as eddy_socket_carrier_new().
 */
EDDY_API EDDY_NODISCARD int eddy_socket_carrier_borrow(eddy_loop *loop, int fd, eddy_carrier **ret);

/*
 * Makes the carrier of the read and write ends of a pipe or a terminal; one of the two may be -1.
 * Takes ownership of both descriptors on success. Otherwise as eddy_socket_carrier_new().
 */
EDDY_API EDDY_NODISCARD int eddy_pipe_carrier_new(eddy_loop *loop, int read_fd, int write_fd,
                                                  eddy_carrier **ret);

/*
 * Makes the carrier of the ends of a pipe or a terminal that the caller still owns. Borrows the
 * descriptors as eddy_socket_carrier_borrow() does. Otherwise as eddy_pipe_carrier_new().
 *
 * With a socket of datagrams as both ends, a caller that receives and sends by itself can wait:
 * wait_readable() and wait_writable() work as for a pipe.
 */
EDDY_API EDDY_NODISCARD int eddy_pipe_carrier_borrow(eddy_loop *loop, int read_fd, int write_fd,
                                                     eddy_carrier **ret);

/*
 * Makes two carriers that are the ends of one connection in memory: bytes written to one can be
 * read from the other. Each direction buffers up to @size bytes (0: 64 KiB). Works under the
 * virtual clock. The caller owns *ret_one and *ret_other. Returns 0 or raises -ENOMEM.
 */
EDDY_API EDDY_NODISCARD int eddy_memory_carriers_new(eddy_loop *loop, size_t size,
                                                     eddy_carrier **ret_one,
                                                     eddy_carrier **ret_other);

EDDY_END_DECLS

#endif
