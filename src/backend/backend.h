/*
 * The backend contract: submit an operation, get its result.
 *
 * A backend waits for the kernel (the virtual clock waits for nothing) on behalf of one loop, in
 * the loop's thread. It is completion-shaped, as io_uring is; epoll makes the call when the
 * descriptor is ready. Every backend guarantees:
 *
 * - submit() and cancel() never complete an operation; only wait() does, by calling
 *   op->complete(op) exactly once for each. A multishot ACCEPT goes on: op->more says that a call
 *   is not the last. How long it goes on is up to the backend.
 * - An operation, and every buffer that it names, belongs to the backend from submit() until that
 *   call.
 * - A cancelled operation completes as well: with -ECANCELED, or with its result if that came
 *   first.
 * - complete() may submit and cancel other operations, and submit its own again.
 * - wait() does not sleep when a completion is at hand.
 * - Where readiness does not mean that the call succeeds (the queue of the datagram's addressee is
 *   full, a message is on the error queue), an operation waits for a change. Where no change may be
 *   noticed, it completes with -EAGAIN, in vain, and io/ submits it again after a while.
 * - Two operations on one descriptor in the same direction do not overlap; io/ ensures that.
 * - A descriptor that was not adopted may be closed and its number used again between operations,
 *   without a word to the backend.
 */
#ifndef EDDYI_BACKEND_H
#define EDDYI_BACKEND_H

#include "base/list.h"
#include "base/sys.h"
#include "eddy/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* The two directions of a descriptor: each has one operation at a time. */
enum eddyi_direction { EDDYI_READS, EDDYI_WRITES };

enum eddyi_op_kind {
    EDDYI_OP_POLL,    /* result: the poll(2) events that are there */
    EDDYI_OP_RECV,    /* result: bytes, 0 at the end of the stream */
    EDDYI_OP_SEND,    /* result: bytes, at least one */
    EDDYI_OP_ACCEPT,  /* result: a descriptor, non-blocking and close-on-exec */
    EDDYI_OP_CONNECT, /* result: 0 */
    EDDYI_OP_RECVMSG, /* result: bytes; descriptors that come along are close-on-exec */
    EDDYI_OP_SENDMSG, /* result: bytes */
    /* result: bytes, 0 at the end; as preadv(2), for pipes and terminals as readv(2) */
    EDDYI_OP_READ,
    EDDYI_OP_WRITE, /* result: bytes */

    /*
     * Operations on files; none of them waits for readiness. Here fd is the directory that paths
     * start from, usually AT_FDCWD; for SENDFILE it is the socket.
     */
    /* result: a descriptor, close-on-exec, and non-blocking so that opening a FIFO does not wait */
    EDDYI_OP_OPEN,
    EDDYI_OP_CLOSE,  /* result: 0 */
    EDDYI_OP_STAT,   /* result: 0 */
    EDDYI_OP_FSYNC,  /* result: 0 */
    EDDYI_OP_RENAME, /* result: 0 */
    EDDYI_OP_UNLINK, /* result: 0 */
    EDDYI_OP_MKDIR,  /* result: 0 */
    /* result: bytes, 0 at the end; -EAGAIN: no room, and POLL tells when there is */
    EDDYI_OP_SENDFILE,
    /* result: the function's; it may block, and runs in another thread */
    EDDYI_OP_CALL,
};

struct eddyi_op {
    enum eddyi_op_kind kind;
    int fd;
    union {
        unsigned events; /* POLL: POLLIN and/or POLLOUT */
        struct {
            void *buf;
            size_t size;
        } io; /* RECV, SEND */
        struct {
            struct sockaddr *addr;
            socklen_t *addrlen;
            bool multishot; /* only on a non-blocking socket, and without @addr */
        } accept;           /* @addr and @addrlen may be NULL */
        struct {
            const struct sockaddr *addr;
            socklen_t addrlen;
        } connect;
        struct {
            struct msghdr *msg;
            int flags;
        } message; /* RECVMSG, SENDMSG */
        struct {
            const struct iovec *iov;
            int n;
            /* < 0: the file's own position, and the only choice for files without offsets */
            int64_t offset;
        } rw; /* READ, WRITE */
        struct {
            const char *path;
            int flags;
            unsigned mode;
        } file; /* OPEN, UNLINK, MKDIR: each uses the fields that it needs */
        struct {
            const char *path; /* "" with AT_EMPTY_PATH: fd itself */
            int flags;
            struct statx *ret;
        } stat;
        struct {
            bool data_only;
        } fsync;
        struct {
            const char *from, *to; /* both from the same directory */
        } rename;
        struct {
            int file;
            int64_t offset; /* >= 0; the file's position does not move */
            size_t size;
        } sendfile;
        struct {
            int64_t (*fn)(void *arg);
            void *arg;
        } call;
    };
    bool tried;     /* the call was just made and would have blocked */
    bool waits;     /* the call would have blocked some time ago, so it probably has to wait */
    int64_t result; /* as above, or -errno; valid in complete() and after */
    bool more;      /* in complete(): there will be another */
    bool in_vain;   /* with -EAGAIN: poll(2) says ready, and the call would block all the same */
    void (*complete)(struct eddyi_op *op);

    /* the backend's own, while it has the operation */
    struct eddyi_identity caller; /* of operations with names: the identity of the submitter */
    struct eddyi_list link;
    unsigned state;
    bool cancelled;
    bool in_kernel; /* the kernel or a table still refers to the operation: it may not complete */
};

/* One of the sends of a batch, on a non-blocking stream socket. */
struct eddyi_send {
    int fd;
    const void *buf;
    size_t size; /* at least 1 */
    long result; /* bytes, or -errno; -EAGAIN: there is no room */
};

struct eddyi_backend;

struct eddyi_backend_ops {
    const char *name;

    /* Opens a backend. On failure returns -errno and a sentence in @reason (which may be "" for
     * -ENOMEM and the like). */
    int (*open)(struct eddyi_backend **ret, char *reason, size_t reason_size);
    /* Closes the backend. No operation is outstanding. */
    void (*close)(struct eddyi_backend *b);

    /* Submits an operation. Returns 0, or -errno: then the operation was not taken and will not
     * complete. */
    int (*submit)(struct eddyi_backend *b, struct eddyi_op *op);
    /* Asks an outstanding operation to end early. */
    void (*cancel)(struct eddyi_backend *b, struct eddyi_op *op);
    /*
     * Cancels an operation that waits for readiness, and releases its file before it returns, so
     * that closing the descriptor has its full effect: the port is free, the peer sees the end. The
     * operation still completes in wait(). NULL: cancel() does as much.
     */
    void (*withdraw)(struct eddyi_backend *b, struct eddyi_op *op);

    /*
     * Tries each of the @n sends once, in fewer system calls than there are sends. All have their
     * results when it returns. They are no operations: no other may send on their descriptors at
     * the time. NULL: send(2) for each is as good.
     */
    void (*send_batch)(struct eddyi_backend *b, struct eddyi_send *sends, size_t n);

    /*
     * Adopts a descriptor whose owner promises to call forget() before closing it, so that it can
     * be registered once. Returns 0 or -errno. At forget() no operation on it is outstanding. Both
     * NULL: there is no gain.
     */
    int (*adopt)(struct eddyi_backend *b, int fd);
    void (*forget)(struct eddyi_backend *b, int fd);
    /*
     * Notes that the owner of an adopted descriptor has just read from it, and got fewer bytes than
     * it had room for (@short_read), or -EAGAIN. NULL: the backend remembers no readiness.
     */
    void (*emptied)(struct eddyi_backend *b, int fd, bool short_read);

    /*
     * Delivers completions, after waiting for the first at most @timeout nanoseconds (0: not at
     * all, < 0: without limit); also returns when woken. Returns 0, or -errno if the kernel's wait
     * failed for good; -EDEADLK from the virtual clock, which waits for no event.
     */
    int (*wait)(struct eddyi_backend *b, int64_t timeout);

    /*
     * Waits in real time until woken, or interrupted by a signal, without moving virtual time.
     * Returns 0. NULL: time is real, and wait() without a limit does the same.
     */
    int (*wait_for_wake)(struct eddyi_backend *b);

    /*
     * Prepares for another thread to wait: finishes the kernel's work that would be done anyway, so
     * that it is not done twice. Completes nothing; may block until files have answered. NULL: not
     * needed.
     */
    void (*leave)(struct eddyi_backend *b);

    /* Makes the present or the next wait() return at once. May be called from any thread, and from
     * signal handlers. */
    void (*wake)(struct eddyi_backend *b);

    /* Returns the clock in nanoseconds. */
    int64_t (*now)(struct eddyi_backend *b);

    /*
     * Called in a child of fork(): gives up the descriptors and memory that it shares with the
     * parent, so that a wait that the fork interrupted ends without touching them. NULL: it shares
     * none.
     */
    void (*forked)(struct eddyi_backend *b);
};

/* Functions of the program that enclose each wait that may block, called with @arg; NULL: none. */
struct eddyi_wait_hooks {
    void (*before)(void *arg);
    void (*after)(void *arg);
    void *arg;
};

/* The beginning of each backend's own struct. */
struct eddyi_backend {
    const struct eddyi_backend_ops *ops;
    struct eddyi_wait_hooks hooks;
};

/* Enclose a wait that may block, in the loop's thread; nothing is delivered in between. */
static inline void eddyi_backend_before_wait(const struct eddyi_backend *b)
{
    if (__builtin_expect(b->hooks.before != NULL, false))
        b->hooks.before(b->hooks.arg);
}

static inline void eddyi_backend_after_wait(const struct eddyi_backend *b)
{
    if (__builtin_expect(b->hooks.after != NULL, false))
        b->hooks.after(b->hooks.arg);
}

/* Tells if the backend's time is virtual. */
static inline bool eddyi_backend_is_virtual(const struct eddyi_backend *b)
{
    return b->ops->wait_for_wake != NULL;
}

static inline bool eddyi_op_is_of_files(const struct eddyi_op *op)
{
    return op->kind >= EDDYI_OP_OPEN;
}

/*
 * Returns true if the identity of the caller matters. A program may change its identity for one
 * call (setfsuid(2)), while its operation is performed later, or by another thread.
 */
static inline bool eddyi_op_looks_at_names(const struct eddyi_op *op)
{
    return op->kind == EDDYI_OP_OPEN || op->kind == EDDYI_OP_STAT || op->kind == EDDYI_OP_RENAME ||
           op->kind == EDDYI_OP_UNLINK || op->kind == EDDYI_OP_MKDIR || op->kind == EDDYI_OP_CALL;
}

static inline void eddyi_op_note_caller(struct eddyi_op *op)
{
    if (eddyi_op_looks_at_names(op))
        op->caller = eddyi_sys_identity();
}

extern const struct eddyi_backend_ops eddyi_backend_io_uring, eddyi_backend_epoll,
    eddyi_backend_virtual;

/*
 * Opens the wanted backend; for EDDY_BACKEND_DEFAULT the one that $EDDY_BACKEND names, else
 * io_uring, and epoll where io_uring is refused. @reason says why it is not io_uring ("" if it is,
 * or was not wanted), and on failure what failed. Returns 0 or -errno.
 */
int eddyi_backend_open(eddy_backend wanted, struct eddyi_backend **ret, char *reason,
                       size_t reason_size);

/*
 * Called in a child of fork() for each backend of its parent: from now on @b takes no operation,
 * completes none, and waits for nothing. Async-signal-safe.
 */
void eddyi_backend_after_fork(struct eddyi_backend *b);

#endif
