/*
 * Operations with a callback, for code without tasks, such as the binding of another language: the
 * calls of eddy/sock.h and eddy/file.h, begun at once and reported later. The loop never blocks:
 * operations on files go to io_uring, or to a pool of threads.
 *
 * Each function begins an operation and returns 0; or it raises an error, and then the callback is
 * not called. An operation tries nothing at once: a caller that expects success tries the system
 * call itself first. Memory that the caller passes belongs to the operation until its callback is
 * called, also if it is cancelled; addresses and paths are copied. @ret_op may be NULL. It is
 * borrowed, and valid until the callback is called. The errors are
 *
 *   -EBADF       @fd is negative, or not open
 *   -EBUSY       another operation or call waits in that direction of @fd
 *   -EINVAL      there is no callback
 *   -EPERM       the file cannot be waited for
 *   -EOPNOTSUPP  the loop has the virtual clock, which has files only
 *   -ENOMEM, EDDY_ECLOSED, EDDY_ETHREAD, EDDY_EFORKED
 */
#ifndef EDDY_OPERATION_H
#define EDDY_OPERATION_H

#include "defs.h"
#include "loop.h"

#include <sys/socket.h>
#include <sys/types.h>

struct statx;

EDDY_BEGIN_DECLS

/* An operation that the kernel or a thread carries out. Opaque. */
typedef struct eddy_operation eddy_operation;

/*
 * Receives the result of an operation: >= 0, or -errno. Called once, as the loop calls callbacks,
 * but outside of any context. The result is -ECANCELED after eddy_operation_cancel(), unless
 * another came first, and if the loop was closed: then eddy_loop_close() makes the call.
 */
typedef void eddy_operation_fn(void *arg, int64_t result);

/*
 * Cancels @op, whose callback is still called. For operations on sockets and pipes, the descriptor
 * is free for another operation on return, and may be closed.
 */
EDDY_API void eddy_operation_cancel(eddy_operation *op);

/* Sockets. */

/*
 * Receives up to @size bytes. The result is their number, 0 at the end of the stream.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_recv(eddy_loop *loop, int fd, void *buf, size_t size,
                                                eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);

/* Sends bytes. The result is the number of bytes sent, at least one. */
EDDY_API EDDY_NODISCARD int eddy_operation_send(eddy_loop *loop, int fd, const void *buf,
                                                size_t size, eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);

/*
 * Receive and send a message, as recvmsg(2) and sendmsg(2) do. The result is a number of bytes.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_recvmsg(eddy_loop *loop, int fd, struct msghdr *msg,
                                                   int flags, eddy_operation_fn *done, void *arg,
                                                   eddy_operation **ret_op);
EDDY_API EDDY_NODISCARD int eddy_operation_sendmsg(eddy_loop *loop, int fd,
                                                   const struct msghdr *msg, int flags,
                                                   eddy_operation_fn *done, void *arg,
                                                   eddy_operation **ret_op);

/*
 * Accepts one connection; @addr and @addrlen as of accept(2), or NULL. The result is its
 * descriptor, non-blocking and close-on-exec, which the callback owns. For many connections see
 * eddy_loop_accept().
 */
EDDY_API EDDY_NODISCARD int eddy_operation_accept(eddy_loop *loop, int fd, struct sockaddr *addr,
                                                  socklen_t *addrlen, eddy_operation_fn *done,
                                                  void *arg, eddy_operation **ret_op);

/*
 * Connects a socket. The result is 0; -EAGAIN if the queue of a Unix socket is full. Cancelled, the
 * attempt remains in progress: close the socket. Raises -EINVAL for an address that is too long.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_connect(eddy_loop *loop, int fd,
                                                   const struct sockaddr *addr, socklen_t addrlen,
                                                   eddy_operation_fn *done, void *arg,
                                                   eddy_operation **ret_op);

/*
 * Waits until some of @events, POLLIN or POLLOUT, occur. The result is these, perhaps with POLLERR
 * or POLLHUP.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_poll(eddy_loop *loop, int fd, int events,
                                                eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);

/* Files, pipes and terminals. */

/*
 * Read and write up to @size bytes at @offset. @offset < 0 means the file's own position, and is
 * the only choice for pipes and terminals. The result is a number of bytes, 0 at the end.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_read(eddy_loop *loop, int fd, void *buf, size_t size,
                                                int64_t offset, eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);
EDDY_API EDDY_NODISCARD int eddy_operation_write(eddy_loop *loop, int fd, const void *buf,
                                                 size_t size, int64_t offset,
                                                 eddy_operation_fn *done, void *arg,
                                                 eddy_operation **ret_op);

/*
 * Opens a file, as open(2) does. The result is a descriptor, close-on-exec, which the callback
 * owns. Never waits for the other side of a FIFO.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_open(eddy_loop *loop, const char *path, int flags,
                                                mode_t mode, eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);

/* Closes @fd, which may wait for the disk or the network. Result 0. */
EDDY_API EDDY_NODISCARD int eddy_operation_close(eddy_loop *loop, int fd, eddy_operation_fn *done,
                                                 void *arg, eddy_operation **ret_op);

/* Inspects a file, as statx(2) with STATX_BASIC_STATS does. Result 0. */
EDDY_API EDDY_NODISCARD int eddy_operation_stat(eddy_loop *loop, int dir, const char *path,
                                                int flags, struct statx *ret,
                                                eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);

/* Writes a file to the disk, as fdatasync(2) does if @data_only, else as fsync(2). Result 0. */
EDDY_API EDDY_NODISCARD int eddy_operation_fsync(eddy_loop *loop, int fd, bool data_only,
                                                 eddy_operation_fn *done, void *arg,
                                                 eddy_operation **ret_op);

/* Rename a file, remove one (@flags as of unlinkat(2)), and make a directory. Result 0. */
EDDY_API EDDY_NODISCARD int eddy_operation_rename(eddy_loop *loop, const char *from, const char *to,
                                                  eddy_operation_fn *done, void *arg,
                                                  eddy_operation **ret_op);
EDDY_API EDDY_NODISCARD int eddy_operation_unlink(eddy_loop *loop, const char *path, int flags,
                                                  eddy_operation_fn *done, void *arg,
                                                  eddy_operation **ret_op);
EDDY_API EDDY_NODISCARD int eddy_operation_mkdir(eddy_loop *loop, const char *path, mode_t mode,
                                                 eddy_operation_fn *done, void *arg,
                                                 eddy_operation **ret_op);

/*
 * Sends up to @count bytes of the file @file, from @offset on, to the socket @fd. The result is
 * their number, 0 at the end of the file; -EAGAIN: the socket has no room, and
 * eddy_operation_poll() reports when it has.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_sendfile(eddy_loop *loop, int fd, int file,
                                                    int64_t offset, size_t count,
                                                    eddy_operation_fn *done, void *arg,
                                                    eddy_operation **ret_op);

/*
 * Calls fn(@fn_arg), which may block, in a thread. The result is the function's. Cancelled: a call
 * that has begun is waited for.
 */
EDDY_API EDDY_NODISCARD int eddy_operation_call(eddy_loop *loop, int64_t (*fn)(void *arg),
                                                void *fn_arg, eddy_operation_fn *done, void *arg,
                                                eddy_operation **ret_op);

/* Accepting connections. */

/* A listening socket whose connections a function receives. Opaque. */
typedef struct eddy_acceptor eddy_acceptor;

/*
 * Receives a connection, a non-blocking and close-on-exec descriptor, which the function owns; or
 * an error < 0. Memory or descriptors that are short (-EMFILE, -ENFILE, -ENOBUFS, -ENOMEM): the
 * acceptor goes on after a second. Any other error ends accepting: the socket does not listen any
 * more, or -ECANCELED, its loop was closed. Called as the loop calls callbacks, but outside of any
 * context.
 */
typedef void eddy_accept_fn(void *arg, int fd);

/*
 * Calls fn(@arg, …) for each connection to the listening socket @fd, which becomes non-blocking.
 * Borrows @fd until eddy_acceptor_close(). The caller owns *ret. Returns 0, or raises the errors of
 * an operation.
 */
EDDY_API EDDY_NODISCARD int eddy_loop_accept(eddy_loop *loop, int fd, eddy_accept_fn *fn, void *arg,
                                             eddy_acceptor **ret);

/*
 * Ends accepting and frees @a; the function is not called any more. Connections that it has not
 * received are closed. The socket may be closed on return. NULL is allowed.
 */
EDDY_API void eddy_acceptor_close(eddy_acceptor *a);

EDDY_END_DECLS

#endif
