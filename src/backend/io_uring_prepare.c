#include "backend/io_uring_prepare.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

int eddyi_uring_opcode(const struct eddyi_op *op)
{
    static const int opcodes[] = {
        [EDDYI_OP_POLL] = IORING_OP_POLL_ADD,
        /*
         * Not in multishot mode into a ring of buffers: that saves arming a poll each time, but the
         * data have to be copied to where they are wanted. Measured by hand with 10 000
         * connections, it is 4 % less work without the copy and 3 % more with it (Linux 6.18); and
         * no descriptor is read ahead of its owner's demand.
         */
        [EDDYI_OP_RECV] = IORING_OP_RECV,
        [EDDYI_OP_SEND] = IORING_OP_SEND,
        [EDDYI_OP_ACCEPT] = IORING_OP_ACCEPT,
        [EDDYI_OP_CONNECT] = IORING_OP_CONNECT,
        [EDDYI_OP_RECVMSG] = IORING_OP_RECVMSG,
        [EDDYI_OP_SENDMSG] = -1, /* the kernel only polls */
        [EDDYI_OP_READ] = IORING_OP_READV,
        [EDDYI_OP_WRITE] = IORING_OP_WRITEV,
        [EDDYI_OP_OPEN] = IORING_OP_OPENAT,
        /* A ring that is given up may have closed it already, and closing twice would be wrong. */
        [EDDYI_OP_CLOSE] = -1,
        [EDDYI_OP_STAT] = IORING_OP_STATX,
        [EDDYI_OP_FSYNC] = IORING_OP_FSYNC,
        [EDDYI_OP_RENAME] = IORING_OP_RENAMEAT,
        [EDDYI_OP_UNLINK] = IORING_OP_UNLINKAT,
        [EDDYI_OP_MKDIR] = IORING_OP_MKDIRAT,
        /*
         * Not IORING_OP_SPLICE, from the file into a pipe and from there into the socket: the
         * kernel makes each of the two calls in a thread of its own, for every pipeful anew. For a
         * cached file that is 1.9 GB/s, where sendfile(2) in the pool gives 4.7 GB/s for half the
         * work (Linux 6.18). Such a thread then waits for the socket, one for each slow peer. And a
         * pipe is two more descriptors, with data left in it when the transfer is cancelled.
         */
        [EDDYI_OP_SENDFILE] = -1,
        [EDDYI_OP_CALL] = -1,
    };

    return opcodes[op->kind];
}

static unsigned clamped(int fd, size_t size)
{
    return (unsigned)eddyi_short(fd, size > INT32_MAX ? INT32_MAX : size);
}

static bool reads(const struct eddyi_op *op)
{
    return op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_ACCEPT ||
           op->kind == EDDYI_OP_RECVMSG || op->kind == EDDYI_OP_READ;
}

void eddyi_uring_prepare_poll(struct io_uring_sqe *sqe, const struct eddyi_op *op)
{
    io_uring_prep_poll_add(sqe, op->fd, reads(op) ? POLLIN : POLLOUT);
}

static void prepare_of_files(struct io_uring_sqe *sqe, struct eddyi_op *op)
{
    switch (op->kind) {
    case EDDYI_OP_OPEN:
        io_uring_prep_openat(sqe, op->fd, op->file.path, op->file.flags | O_CLOEXEC | O_NONBLOCK,
                             op->file.mode);
        break;
    case EDDYI_OP_STAT:
        io_uring_prep_statx(sqe, op->fd, op->stat.path, op->stat.flags, STATX_BASIC_STATS,
                            op->stat.ret);
        break;
    case EDDYI_OP_FSYNC:
        io_uring_prep_fsync(sqe, op->fd, op->fsync.data_only ? IORING_FSYNC_DATASYNC : 0);
        break;
    case EDDYI_OP_RENAME:
        io_uring_prep_renameat(sqe, op->fd, op->rename.from, op->fd, op->rename.to, 0);
        break;
    case EDDYI_OP_UNLINK:
        io_uring_prep_unlinkat(sqe, op->fd, op->file.path, op->file.flags);
        break;
    default:
        io_uring_prep_mkdirat(sqe, op->fd, op->file.path, op->file.mode);
        break;
    }
}

/*
 * Prepares a transfer that is cut short for a test: the first piece, as an operation without a
 * vector, which would have to live until it is submitted. Returns false if it is not cut.
 */
static bool prepare_short(struct io_uring_sqe *sqe, struct eddyi_op *op)
{
    bool message = op->kind == EDDYI_OP_RECVMSG;
    bool file = op->kind == EDDYI_OP_READ || op->kind == EDDYI_OP_WRITE;
    struct iovec piece = {0};
    uint64_t offset = file && op->rw.offset >= 0 ? (uint64_t)op->rw.offset : UINT64_MAX;
    int n = file ? op->rw.n : 0;

    if (message ? !eddyi_short_message(op->fd, op->message.msg, op->message.flags, &piece)
                : !file || eddyi_short_vector(op->fd, op->rw.iov, &n, &piece) != &piece)
        return false;
    if (op->kind == EDDYI_OP_READ)
        io_uring_prep_read(sqe, op->fd, piece.iov_base, (unsigned)piece.iov_len, offset);
    else if (op->kind == EDDYI_OP_WRITE)
        io_uring_prep_write(sqe, op->fd, piece.iov_base, (unsigned)piece.iov_len, offset);
    else
        io_uring_prep_recv(sqe, op->fd, piece.iov_base, piece.iov_len, op->message.flags);
    if (op->kind == EDDYI_OP_RECVMSG) /* as a stream does for a message */
        op->message.msg->msg_namelen = op->message.msg->msg_controllen = 0,
        op->message.msg->msg_flags = 0;
    return true;
}

void eddyi_uring_prepare(struct io_uring_sqe *sqe, struct eddyi_op *op)
{
    if (prepare_short(sqe, op))
        return;
    switch (op->kind) {
    case EDDYI_OP_POLL:
        io_uring_prep_poll_add(sqe, op->fd, op->events);
        break;
    case EDDYI_OP_RECV:
        io_uring_prep_recv(sqe, op->fd, op->io.buf, clamped(op->fd, op->io.size), 0);
        break;
    case EDDYI_OP_SEND:
        io_uring_prep_send(sqe, op->fd, op->io.buf, clamped(op->fd, op->io.size), MSG_NOSIGNAL);
        break;
    case EDDYI_OP_ACCEPT:
        io_uring_prep_accept(sqe, op->fd, op->accept.addr, op->accept.addrlen,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
    case EDDYI_OP_CONNECT:
        io_uring_prep_connect(sqe, op->fd, op->connect.addr, op->connect.addrlen);
        break;
    case EDDYI_OP_RECVMSG:
        io_uring_prep_recvmsg(sqe, op->fd, op->message.msg,
                              (unsigned)op->message.flags | MSG_CMSG_CLOEXEC);
        break;
    case EDDYI_OP_READ:
        io_uring_prep_readv(sqe, op->fd, op->rw.iov, (unsigned)op->rw.n,
                            op->rw.offset < 0 ? UINT64_MAX : (uint64_t)op->rw.offset);
        break;
    case EDDYI_OP_WRITE:
        io_uring_prep_writev(sqe, op->fd, op->rw.iov, (unsigned)op->rw.n,
                             op->rw.offset < 0 ? UINT64_MAX : (uint64_t)op->rw.offset);
        break;
    default:
        prepare_of_files(sqe, op);
        break;
    }
}

void eddyi_uring_poll_first(struct io_uring_sqe *sqe, const struct eddyi_op *op)
{
    if (op->kind == EDDYI_OP_RECV || op->kind == EDDYI_OP_SEND || op->kind == EDDYI_OP_RECVMSG)
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
}

static void wrote_vector(const struct iovec *iov, size_t n, size_t size)
{
    for (size_t i = 0; i < n && size > 0; i++) {
        size_t piece = size < iov[i].iov_len ? size : iov[i].iov_len;

        eddyi_sys_uring_wrote(iov[i].iov_base, piece);
        size -= piece;
    }
}

static void wrote_message(const struct msghdr *msg, size_t size)
{
    eddyi_sys_uring_wrote(&msg->msg_namelen, sizeof msg->msg_namelen);
    eddyi_sys_uring_wrote(&msg->msg_controllen, sizeof msg->msg_controllen);
    eddyi_sys_uring_wrote(&msg->msg_flags, sizeof msg->msg_flags);
    if (msg->msg_name)
        eddyi_sys_uring_wrote(msg->msg_name, msg->msg_namelen);
    if (msg->msg_control)
        eddyi_sys_uring_wrote(msg->msg_control, msg->msg_controllen);
    wrote_vector(msg->msg_iov, msg->msg_iovlen, size);
}

void eddyi_uring_wrote(const struct eddyi_op *op, size_t result)
{
    switch (op->kind) {
    case EDDYI_OP_RECV:
        eddyi_sys_uring_wrote(op->io.buf, result);
        break;
    case EDDYI_OP_ACCEPT:
        if (op->accept.addr)
            eddyi_sys_uring_wrote(op->accept.addr, *op->accept.addrlen);
        break;
    case EDDYI_OP_RECVMSG:
        wrote_message(op->message.msg, result);
        break;
    case EDDYI_OP_READ:
        wrote_vector(op->rw.iov, (size_t)op->rw.n, result);
        break;
    case EDDYI_OP_STAT:
        eddyi_sys_uring_wrote(op->stat.ret, sizeof *op->stat.ret);
        break;
    default:
        break;
    }
}

void eddyi_uring_drop(const struct eddyi_op *op, int result)
{
    if (op->kind == EDDYI_OP_ACCEPT || op->kind == EDDYI_OP_OPEN)
        eddyi_sys_close(result);
    if (op->kind == EDDYI_OP_RECVMSG)
        eddyi_sys_drop_rights(op->message.msg);
}
