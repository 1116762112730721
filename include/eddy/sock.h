/*
 * Descriptors and sockets on the loop: callbacks for readiness, and suspending socket calls.
 *
 * The sock_* calls try the system call first and do not suspend if it succeeds (rule 164), so a
 * task that only ever finds data should eddy_sleep(0) now and then. One receive is not tried: that
 * after another which had to wait and came out short, in the same turn of the loop; nothing was
 * left for it to find. They work on blocking and non-blocking sockets alike; a blocking one is made
 * non-blocking for the moment in which accept(2) or connect(2) is called on it: several loops, in
 * threads or processes, may accept from one listener, but others that have the same open file could
 * see EAGAIN in that moment. At any moment one
 * task may receive on a descriptor and another send; a second one in the same direction gets
 * -EBUSY; a negative number, -EBADF. None of them closes @fd, and @fd must not be closed while one
 * waits.
 */
#ifndef EDDY_SOCK_H
#define EDDY_SOCK_H

#include "defs.h"
#include "loop.h"

#include <sys/socket.h>
#include <sys/types.h>

EDDY_BEGIN_DECLS

/*
 * Has fn(arg) called in each turn in which @fd is readable, or writable, until removed, in a copy
 * of the current context (loop.add_reader, add_writer). A hang-up or an error counts as both. A
 * second call for the same descriptor and direction replaces the first, and a call already due with
 * it. Returns 0 or
 *
 *   -EBADF       @fd is not open
 *   -EPERM       always ready, so nothing to wait for: a directory, or a regular file, but for
 *                those few that have events (POSIX message queues, some of /proc)
 *   -EBUSY       a task waits in that direction in one of the calls below
 *   -EINVAL      @fn is NULL
 *   -EOPNOTSUPP  the loop has the virtual clock
 *   -ENOMEM, EDDY_ECLOSED, EDDY_ETHREAD
 *
 * A descriptor that is found closed while it is watched is reported to the exception handler, and
 * watched no more.
 *
 * An error that stays although @fn was called for it, and for nothing else, has @fn called less and
 * less often, in the end every 64 ms. Messages on a socket's error queue (IP_RECVERR,
 * SO_TIMESTAMPING) are such an error until recvmsg(2) with MSG_ERRQUEUE has taken them. And a
 * datagram socket counts as writable although the queue of whom it would send to is full: what
 * fails with EAGAIN then is better left to eddy_sock_sendto(), which pauses.
 */
EDDY_API int eddy_loop_add_reader(eddy_loop *loop, int fd, eddy_callback_fn *fn, void *arg);
EDDY_API int eddy_loop_add_writer(eddy_loop *loop, int fd, eddy_callback_fn *fn, void *arg);

/*
 * Removes it, and a call already due with it; do so before closing @fd. True if there was one. The
 * kernel has let go of @fd then: closing it frees its port, and its peer sees the end.
 */
EDDY_API bool eddy_loop_remove_reader(eddy_loop *loop, int fd);
EDDY_API bool eddy_loop_remove_writer(eddy_loop *loop, int fd);

/*
 * Receives up to @size bytes into @buf (loop.sock_recv, sock_recv_into); returns how many, 0 at the
 * end of the stream, or -errno. Cancelled: -ECANCELED and nothing was taken; bytes that came
 * together with the cancellation are delivered, and it strikes at the next suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_recv(int fd, void *buf, size_t size);

/*
 * Sends all @size bytes at @buf (loop.sock_sendall). Returns 0 or -errno; a peer that is gone gives
 * -EPIPE or -ECONNRESET, never SIGPIPE. Cancelled, or failed half-way: *ret_sent, which may be
 * NULL, has how many bytes went out.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_sendall(int fd, const void *buf, size_t size,
                                                          size_t *ret_sent);

/*
 * Accepts a connection on a listening socket (loop.sock_accept). Returns the new descriptor,
 * non-blocking and close-on-exec, or -errno. *addr and *addrlen as accept(2); both may be NULL.
 * Cancelled: a connection that came together with the cancellation is delivered, and it strikes at
 * the next suspension.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_accept(int fd, struct sockaddr *addr,
                                                         socklen_t *addrlen);

/*
 * Connects a socket to an address (loop.sock_connect). Returns 0 or -errno. Where the queue of a
 * Unix socket is full it waits for room. Cancelled: the attempt is left as it is, close the socket.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_connect(int fd, const struct sockaddr *addr,
                                                          socklen_t addrlen);

/*
 * Receives one datagram (loop.sock_recvfrom, sock_recvfrom_into), up to @size bytes of it; what
 * does not fit is lost. Returns how many are in @buf, 0 being a datagram without any, or -errno.
 * *addr, which may be NULL, and *addrlen get who sent it, as recvfrom(2). Cancelled: -ECANCELED and
 * nothing was taken, or the datagram is delivered, as for eddy_sock_recv().
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_recvfrom(int fd, void *buf, size_t size,
                                                               struct sockaddr *addr,
                                                               socklen_t *addrlen);

/*
 * Sends one datagram to an address (loop.sock_sendto); NULL: to where the socket is connected.
 * Waits where the socket's buffer is full; and where the addressee's is, which nothing tells of, it
 * tries again, every 64 ms at last. Returns how many bytes went, or -errno; -EMSGSIZE if it is too
 * large for a datagram. Cancelled: it was not sent.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_sendto(int fd, const void *buf, size_t size,
                                                             const struct sockaddr *addr,
                                                             socklen_t addrlen);

/*
 * Receives or sends a message, with an address, or descriptors (SCM_RIGHTS), or whatever else a
 * struct msghdr holds; descriptors that are received are close-on-exec. @flags as for recvmsg(2)
 * and sendmsg(2). Returns the number of bytes, or -errno. Of a stream part of the bytes may be
 * sent; descriptors go with the first. Cancelled: -ECANCELED and nothing was taken or sent; a
 * message that came together with the cancellation is delivered.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_recvmsg(int fd, struct msghdr *msg,
                                                              int flags);
EDDY_API EDDY_AWAITS EDDY_NODISCARD ssize_t eddy_sock_sendmsg(int fd, const struct msghdr *msg,
                                                              int flags);

/*
 * Sends @count bytes of a file from @offset on, < 0: up to its end (loop.sock_sendfile). The first
 * 64 KiB are read and sent; the rest goes by sendfile(2), in a thread, or the same way as the first
 * where the kernel refuses that. Returns 0 or -errno; *ret_sent, which may be NULL, has how many
 * went out in either case, fewer than @count if the file ended before. The file's position is
 * behind them then.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_sock_sendfile(int fd, int file, int64_t offset,
                                                           int64_t count, int64_t *ret_sent);

/*
 * Waits until some of @events, POLLIN and POLLOUT, are there. Returns which, with POLLERR or
 * POLLHUP perhaps, or -errno. For descriptors that none of the other calls is right for. A file is
 * always ready.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_poll(int fd, int events);

EDDY_END_DECLS

#endif
