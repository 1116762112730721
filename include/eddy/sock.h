/*
 * Descriptors and sockets on the loop: callbacks for readiness, and socket calls that suspend.
 *
 * The sock_* calls try the system call first, and do not suspend if it succeeds (rule 164), so a
 * task that always finds data should call eddy_sleep(0) now and then. One receive is not tried
 * first: the next after a receive that had to wait and returned fewer bytes than requested, in the
 * same turn of the loop, since the socket was drained.
 *
 * The calls work on blocking and non-blocking sockets. A blocking socket is made non-blocking for
 * the moment in which accept(2) or connect(2) is called on it: several loops, in threads or
 * processes, may accept from one listener, but other users of the same open file could see EAGAIN
 * in that moment.
 *
 * At any moment one task may receive on a descriptor and one may send; a second task in the same
 * direction gets -EBUSY. A negative descriptor gives -EBADF. None of the calls closes @fd, and @fd
 * must not be closed while a call waits.
 */
#ifndef EDDY_SOCK_H
#define EDDY_SOCK_H

#include "defs.h"
#include "loop.h"

#include <sys/socket.h>
#include <sys/types.h>

EDDY_BEGIN_DECLS

/*
 * Call fn(arg) in each turn in which @fd is readable, or writable, until removed, in a copy of the
 * current context (loop.add_reader, loop.add_writer). A hang-up or an error counts as both. A
 * second call for the same descriptor and direction replaces the first, along with its call that is
 * already due. Return 0 or
 *
 *   -EBADF       @fd is not open
 *   -EPERM       @fd is always ready, so it cannot be waited for: a directory, or a regular file,
 *                except for the few that have events (POSIX message queues, some files of /proc)
 *   -EBUSY       a task waits in that direction in one of the calls below
 *   -EINVAL      @fn is NULL
 *   -EOPNOTSUPP  the loop has the virtual clock
 *   -ENOMEM, EDDY_ECLOSED, EDDY_ETHREAD
 *
 * A watched descriptor that is found closed is reported to the exception handler, and is no longer
 * watched.
 *
 * While an error persists and is the only event, the calls of @fn back off, down to one every 64
 * ms. Messages on a socket's error queue (IP_RECVERR, SO_TIMESTAMPING) are such an error until
 * recvmsg(2) with MSG_ERRQUEUE has taken them. A datagram socket counts as writable even if the
 * queue of the receiver is full: leave sends that fail with EAGAIN then to eddy_sock_sendto(),
 * which backs off.
 */
EDDY_API int eddy_loop_add_reader(eddy_loop *loop, int fd, eddy_callback_fn *fn, void *arg);
EDDY_API int eddy_loop_add_writer(eddy_loop *loop, int fd, eddy_callback_fn *fn, void *arg);

/*
 * Remove the callback, along with its call that is already due (loop.remove_reader,
 * loop.remove_writer). Must be called before @fd is closed: after it the kernel no longer refers to
 * @fd, so closing @fd frees its port, and its peer sees the end. Return whether there was a
 * callback.
 */
EDDY_API bool eddy_loop_remove_reader(eddy_loop *loop, int fd);
EDDY_API bool eddy_loop_remove_writer(eddy_loop *loop, int fd);

/*
 * Receives up to @size bytes into @buf (loop.sock_recv, loop.sock_recv_into). Returns their number,
 * 0 at the end of the stream, or -errno.
 *
 * Cancelled: returns -ECANCELED, and nothing is consumed. Bytes that arrive together with the
 * cancellation are delivered, and the cancellation takes effect at the next suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_recv(int fd, void *buf, size_t size);

/*
 * Sends all @size bytes at @buf (loop.sock_sendall). Returns 0 or -errno; a lost peer gives -EPIPE
 * or -ECONNRESET, never SIGPIPE.
 *
 * Cancelled, and on failure: *ret_sent (@ret_sent may be NULL) is the number of bytes that were
 * sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_sendall(int fd, const void *buf, size_t size,
                                                          size_t *ret_sent);

/*
 * Accepts a connection on a listening socket (loop.sock_accept). Returns the new descriptor,
 * non-blocking and close-on-exec, which the caller owns, or -errno. @addr and @addrlen are those of
 * accept(2); both may be NULL.
 *
 * Cancelled: a connection that arrives together with the cancellation is returned, and the
 * cancellation takes effect at the next suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_accept(int fd, struct sockaddr *addr,
                                                         socklen_t *addrlen);

/*
 * Connects a socket to an address (loop.sock_connect). If the queue of a Unix socket is full, waits
 * for room. Returns 0 or -errno.
 *
 * Cancelled: the attempt remains in progress; close the socket.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_connect(int fd, const struct sockaddr *addr,
                                                          socklen_t addrlen);

/*
 * Receives one datagram (loop.sock_recvfrom, loop.sock_recvfrom_into): up to @size bytes of it, the
 * rest is lost. Returns the number of bytes in @buf, 0 for a datagram without bytes, or -errno.
 * *addr (@addr may be NULL) and *addrlen get the sender's address, as from recvfrom(2).
 *
 * Cancelled: as eddy_sock_recv().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_recvfrom(int fd, void *buf, size_t size,
                                                               struct sockaddr *addr,
                                                               socklen_t *addrlen);

/*
 * Sends one datagram to @addr (loop.sock_sendto); NULL means the address that the socket is
 * connected to. Waits while the socket's buffer is full. While the receiver's queue is full, which
 * causes no event, it retries, backing off to once every 64 ms. Returns the number of bytes sent,
 * or -errno; -EMSGSIZE if they are too many for a datagram.
 *
 * Cancelled: the datagram was not sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_sendto(int fd, const void *buf, size_t size,
                                                             const struct sockaddr *addr,
                                                             socklen_t addrlen);

/*
 * Receive or send a message, with an address, descriptors (SCM_RIGHTS), or any other contents of a
 * struct msghdr; received descriptors are close-on-exec. @flags as for recvmsg(2) and sendmsg(2).
 * Return the number of bytes, or -errno. On a stream only a part of the bytes may be sent;
 * descriptors go with the first byte.
 *
 * Cancelled: return -ECANCELED, and nothing is consumed or sent. A message that arrives together
 * with the cancellation is delivered.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_recvmsg(int fd, struct msghdr *msg,
                                                              int flags);
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_sendmsg(int fd, const struct msghdr *msg,
                                                              int flags);

/*
 * Sends @count bytes of the file @file, from @offset on (loop.sock_sendfile). @count < 0 means to
 * the end of the file. The first 64 KiB are read and sent; the rest is sent by sendfile(2), in a
 * thread, or read and sent too if the kernel refuses that.
 *
 * Returns 0 or -errno. In either case *ret_sent (@ret_sent may be NULL) is the number of bytes that
 * were sent: fewer than @count if the file ended early. The file's position is then behind these
 * bytes.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_sendfile(int fd, int file, int64_t offset,
                                                           int64_t count, int64_t *ret_sent);

/*
 * Waits until some of @events, POLLIN and POLLOUT, occur on @fd. Returns these, perhaps with
 * POLLERR or POLLHUP, or -errno. Intended for descriptors to which none of the other calls applies.
 * A regular file is always ready.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_poll(int fd, int events);

EDDY_END_DECLS

#endif
