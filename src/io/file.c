/*
 * Opening files, closing them, and moving bytes. What the kernel's caches can answer is answered at
 * once; the backend does the rest.
 */
#include "io/file.h"

#include "base/sys_cached.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "io/file_cached.h"

#include <fcntl.h>
#include <limits.h>

int64_t eddyi_file_ended(int64_t result, const char *call, int fd)
{
    if (result < 0 && result != -ECANCELED)
        eddy_raise((int)result, "%s on descriptor %d", call, fd);
    return result;
}

int64_t eddyi_file_ended_path(int64_t result, const char *call, const char *path)
{
    if (result < 0 && result != -ECANCELED)
        eddy_raise((int)result, "%s of %s", call, path);
    return result;
}

int64_t eddyi_file_call(int64_t (*fn)(void *arg), void *arg)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin_shared(&c, -1);

    if (rc < 0)
        return rc;
    c.o.op.kind = EDDYI_OP_CALL;
    c.o.op.call.fn = fn;
    c.o.op.call.arg = arg;
    return eddyi_io_wait(&c);
}

/* The first and the longest pause of an open that waits for a lease, in nanoseconds. */
enum { FIRST_RETRY = 1000000, LAST_RETRY = 64000000 };

static int64_t nap(void *delay)
{
    eddyi_sys_sleep(*(int64_t *)delay);
    return 0;
}

/* Pauses for @delay nanoseconds. On the virtual clock, where files take no time, a thread sleeps
 * instead of the task. */
static int64_t pause_for(int64_t delay)
{
    eddy_loop *loop = eddy_get_running_loop();

    if (eddyi_backend_is_virtual(loop->backend))
        return eddyi_file_call(nap, &delay);
    return eddy_sleep((double)delay / 1e9);
}

static int64_t open_once(const char *path, int flags, mode_t mode)
{
    struct eddyi_io_call c;
    int64_t fd = eddyi_cached_open(AT_FDCWD, path, flags);
    int rc = fd == -EAGAIN ? eddyi_io_begin_shared(&c, AT_FDCWD) : 0;

    if (fd != -EAGAIN || rc < 0)
        return rc < 0 ? rc : fd;
    c.o.op.kind = EDDYI_OP_OPEN;
    c.o.op.file.path = path;
    c.o.op.file.flags = flags;
    c.o.op.file.mode = mode;
    return eddyi_io_wait(&c);
}

/*
 * Opens a file. The call is non-blocking for the sake of FIFOs; then open(2) gives EAGAIN for a
 * file on which another process has a lease, and asks that process to give the lease up. Without
 * the flag open(2) would wait in a thread, up to 45 seconds.
 */
static int64_t open_file(const char *path, int flags, mode_t mode)
{
    int64_t delay = FIRST_RETRY, fd = open_once(path, flags, mode), rc = 0;

    while (fd == -EAGAIN && !(flags & O_NONBLOCK) && rc >= 0) {
        rc = pause_for(delay);
        delay = delay * 2 < LAST_RETRY ? delay * 2 : LAST_RETRY;
        fd = rc < 0 ? rc : open_once(path, flags, mode);
    }
    return fd;
}

int eddy_file_open(const char *path, int flags, mode_t mode)
{
    int fd = (int)open_file(path, flags, mode);

    if (fd >= 0 && !(flags & O_NONBLOCK))
        eddyi_sys_block_on_opened(fd, flags);
    return (int)eddyi_file_ended_path(fd, "file_open", path);
}

int eddy_file_close(int fd)
{
    return (int)eddyi_file_ended(eddyi_cached_close(fd), "file_close", fd);
}

/* Begins a call. Calls with an offset may overlap; those at the file's position may not. */
static int begin(struct eddyi_io_call *c, int fd, int64_t offset, enum eddyi_direction direction)
{
    return offset >= 0 ? eddyi_io_begin_shared(c, fd) : eddyi_io_begin(c, fd, direction);
}

static int64_t transfer(struct eddyi_io_call *c, enum eddyi_op_kind kind, const struct iovec *iov,
                        int n, int64_t offset)
{
    c->o.op.kind = kind;
    c->o.op.rw.iov = iov;
    c->o.op.rw.n = n;
    c->o.op.rw.offset = offset;
    return eddyi_io_wait(c);
}

static int64_t read_once(struct eddyi_io_call *c, const struct iovec *iov, int n, int64_t offset)
{
    int64_t rc = eddyi_sys_preadv_nowait(c->fd, iov, n, offset);

    if (rc == -EAGAIN || rc == -EOPNOTSUPP)
        rc = transfer(c, EDDYI_OP_READ, iov, n, offset);
    return rc;
}

ssize_t eddy_file_readv(int fd, const struct iovec *iov, int n, int64_t offset)
{
    struct eddyi_io_call c;
    int64_t rc = begin(&c, fd, offset, EDDYI_READS);

    if (rc < 0)
        return rc;
    rc = read_once(&c, iov, n, offset);
    eddyi_io_end(&c);
    return eddyi_file_ended(rc, "file_readv", fd);
}

/* Reads the rest of a file that is cached only in part and therefore comes in pieces. An error
 * after the first piece is left for the next call to find. */
static int64_t read_on(struct eddyi_io_call *c, char *buf, size_t size, int64_t offset)
{
    size_t got = 0;
    int64_t n;

    do {
        struct iovec rest = {buf + got, size - got};

        n = read_once(c, &rest, 1, offset < 0 ? offset : offset + (int64_t)got);
        got += n > 0 ? (size_t)n : 0;
    } while (n > 0 && got < size && offset >= 0);
    return got > 0 ? (int64_t)got : n;
}

ssize_t eddy_file_read(int fd, void *buf, size_t size, int64_t offset)
{
    struct eddyi_io_call c;
    int64_t rc = begin(&c, fd, offset, EDDYI_READS);

    if (rc < 0)
        return rc;
    if ((!buf && size > 0) || size > (size_t)SSIZE_MAX)
        return eddy_raise(-EINVAL, "file_read: not a buffer of %zu bytes", size);
    rc = read_on(&c, buf, size, offset);
    eddyi_io_end(&c);
    return eddyi_file_ended(rc, "file_read", fd);
}

ssize_t eddy_file_writev(int fd, const struct iovec *iov, int n, int64_t offset)
{
    struct eddyi_io_call c;
    int64_t rc = begin(&c, fd, offset, EDDYI_WRITES);

    if (rc < 0)
        return rc;
    rc = transfer(&c, EDDYI_OP_WRITE, iov, n, offset);
    eddyi_io_end(&c);
    return eddyi_file_ended(rc, "file_write", fd);
}

ssize_t eddy_file_write(int fd, const void *buf, size_t size, int64_t offset)
{
    struct iovec iov = {(void *)(uintptr_t)buf, size};

    if ((!buf && size > 0) || size > (size_t)SSIZE_MAX)
        return eddy_raise(-EINVAL, "file_write: not a buffer of %zu bytes", size);
    return eddy_file_writev(fd, &iov, 1, offset);
}

int eddy_file_write_fully(int fd, const void *buf, size_t size, int64_t offset, size_t *ret_written)
{
    const char *p = buf;
    size_t written = 0;
    ssize_t n = 0;

    while (n >= 0 && written < size) {
        n = eddy_file_write(fd, p + written, size - written,
                            offset < 0 ? offset : offset + (int64_t)written);
        if (n == 0)
            n = eddy_raise(-EIO, "file_write on descriptor %d takes nothing", fd);
        written += n > 0 ? (size_t)n : 0;
    }
    if (ret_written)
        *ret_written = written;
    return n < 0 ? (int)n : 0;
}

static int sync_as(int fd, bool data_only)
{
    struct eddyi_io_call c;
    int rc = eddyi_io_begin_shared(&c, fd);

    if (rc < 0)
        return rc;
    c.o.op.kind = EDDYI_OP_FSYNC;
    c.o.op.fsync.data_only = data_only;
    return (int)eddyi_file_ended(eddyi_io_wait(&c), data_only ? "file_fdatasync" : "file_fsync",
                                 fd);
}

int eddy_file_fsync(int fd)
{
    return sync_as(fd, false);
}

int eddy_file_fdatasync(int fd)
{
    return sync_as(fd, true);
}
