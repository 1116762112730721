/*
 * The calls of sys.h on files.
 */
#include "base/kernel.h"
#include "base/libc.h"
#include "base/sys_cached.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* Numbers of file systems that <linux/magic.h> does not have, or not everywhere. */
enum { ZFS_SUPER_MAGIC = 0x2fc12fc1 };
#define BCACHEFS_SUPER_MAGIC 0xca451a4eu

static long preadv_as(const char *name, int fd, const struct iovec *iov, int n, int64_t offset,
                      int flags)
{
    struct iovec piece;
    const struct iovec *asked = eddyi_short_vector(fd, iov, &n, &piece);
    long rc;

    do {
        rc = eddyi_fault(name);
        if (rc == 0)
            rc = eddyi_sys_result(preadv2(fd, asked, n, offset < 0 ? -1 : offset, flags));
    } while (rc == -EINTR);
    return rc;
}

long eddyi_sys_preadv(int fd, const struct iovec *iov, int n, int64_t offset)
{
    return preadv_as("preadv2", fd, iov, n, offset, 0);
}

static bool is_fifo(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Returns the number of bytes in @iov. */
static size_t size_of(const struct iovec *iov, int n)
{
    size_t size = 0;

    for (int i = 0; i < n; i++)
        size += iov[i].iov_len;
    return size;
}

/*
 * Returns true if a read of @iov at @offset goes to the device, as O_DIRECT demands: the call would
 * wait for that, RWF_NOWAIT or not. Such reads are of whole sectors, so no other read is looked up.
 * For a pipe O_DIRECT means something else.
 */
static bool is_direct(int fd, const struct iovec *iov, int n, int64_t offset)
{
    uint64_t sectors = size_of(iov, n) | (offset > 0 ? (uint64_t)offset : 0);
    int flags = sectors % 512 == 0 ? fcntl(fd, F_GETFL) : 0;

    return flags > 0 && (flags & O_DIRECT) && !is_fifo(fd);
}

/* Reads what is cached. A FIFO has no RWF_NOWAIT. A FIFO that is not open for writing is at its
 * end, but does not become ready. */
long eddyi_sys_preadv_nowait(int fd, const struct iovec *iov, int n, int64_t offset)
{
    long rc = -EAGAIN;

    if (!is_direct(fd, iov, n, offset))
        rc = preadv_as("preadv2_nowait", fd, iov, n, offset, RWF_NOWAIT);
    return rc == -EOPNOTSUPP && offset < 0 && is_fifo(fd) ? eddyi_sys_ready_readv(fd, iov, n) : rc;
}

void eddyi_sys_sleep(int64_t nanoseconds)
{
    nanosleep(&(struct timespec){nanoseconds / 1000000000, nanoseconds % 1000000000}, NULL);
}

/*
 * SIGPIPE is sent to the thread that writes. It is blocked meanwhile, and taken if it was not
 * pending before. It may come with a success, if the other side went when a part was out.
 */
struct held {
    sigset_t before;
    bool was_pending; /* for a thread that had blocked it before */
};

static sigset_t sigpipe_alone(void)
{
    sigset_t sigpipe;

    sigemptyset(&sigpipe);
    sigaddset(&sigpipe, SIGPIPE);
    return sigpipe;
}

/* Blocks SIGPIPE. A signal that is not blocked is never pending, so most threads need not ask. */
static void hold_sigpipe(struct held *h)
{
    sigset_t sigpipe = sigpipe_alone(), pending;

    pthread_sigmask(SIG_BLOCK, &sigpipe, &h->before);
    h->was_pending = sigismember(&h->before, SIGPIPE) && sigpending(&pending) == 0 &&
                     sigismember(&pending, SIGPIPE);
}

/* Takes back a SIGPIPE that the call with the result @rc has caused, and ends the block. A call
 * that has moved all of its @size bytes has caused none; one that has moved some may have. */
static void release_sigpipe(const struct held *h, long rc, size_t size)
{
    const struct timespec now = {0};
    sigset_t sigpipe = sigpipe_alone();
    bool broke = rc == -EPIPE || (rc > 0 && (size_t)rc < size);

    if (broke && !h->was_pending)
        sigtimedwait(&sigpipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &h->before, NULL);
}

static long pwritev_as(int fd, const struct iovec *iov, int n, int64_t offset, int flags)
{
    struct iovec piece;
    const struct iovec *asked = eddyi_short_vector(fd, iov, &n, &piece);
    long rc;

    do {
        rc = eddyi_fault("pwritev2");
        if (rc == 0)
            rc = eddyi_sys_result(pwritev2(fd, asked, n, offset < 0 ? -1 : offset, flags));
    } while (rc == -EINTR);
    return rc;
}

/* False once the kernel has refused EDDYI_RWF_NOSIGNAL. */
static atomic_bool has_nosignal = true;

/* Writes at the file's own position, and never causes SIGPIPE. */
static long write_quietly(int fd, const struct iovec *iov, int n, int flags)
{
    bool asks = atomic_load_explicit(&has_nosignal, memory_order_relaxed);
    long rc = asks ? pwritev_as(fd, iov, n, -1, flags | EDDYI_RWF_NOSIGNAL) : -EOPNOTSUPP;
    struct held held;

    if (rc != -EOPNOTSUPP)
        return rc;
    hold_sigpipe(&held);
    rc = pwritev_as(fd, iov, n, -1, flags);
    release_sigpipe(&held, rc, rc > 0 ? size_of(iov, n) : 0);
    if (asks && rc != -EOPNOTSUPP) /* so it was the flag, not the file */
        atomic_store_explicit(&has_nosignal, false, memory_order_relaxed);
    return rc;
}

long eddyi_sys_pwritev(int fd, const struct iovec *iov, int n, int64_t offset)
{
    return offset < 0 ? write_quietly(fd, iov, n, 0) : pwritev_as(fd, iov, n, offset, 0);
}

long eddyi_sys_ready_readv(int fd, const struct iovec *iov, int n)
{
    long rc = preadv_as("preadv2", fd, iov, n, -1, RWF_NOWAIT);
    struct eddyi_borrowed b;

    if (rc != -EOPNOTSUPP)
        return rc;
    rc = eddyi_borrow_nonblocking(fd, &b);
    if (rc < 0)
        return rc;
    rc = preadv_as("preadv2", fd, iov, n, -1, 0);
    eddyi_give_back(&b);
    return rc;
}

long eddyi_sys_ready_writev(int fd, const struct iovec *iov, int n)
{
    long rc = write_quietly(fd, iov, n, RWF_NOWAIT);
    struct eddyi_borrowed b;

    if (rc != -EOPNOTSUPP)
        return rc;
    rc = eddyi_borrow_nonblocking(fd, &b);
    if (rc < 0)
        return rc;
    rc = write_quietly(fd, iov, n, 0);
    eddyi_give_back(&b);
    return rc;
}

int eddyi_sys_openat(int dir, const char *path, int flags, unsigned mode)
{
    int rc;

    do {
        rc = eddyi_fault("openat");
        if (rc == 0)
            rc = (int)eddyi_sys_result(openat(dir, path, flags | O_CLOEXEC | O_NONBLOCK, mode));
    } while (rc == -EINTR);
    return rc;
}

static int openat2_once(int dir, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = {.flags = (unsigned)flags, .resolve = resolve};

    return (int)eddyi_sys_result(syscall(SYS_openat2, dir, path, &how, sizeof how));
}

/* Returns true if the kernel, and its filter of system calls, allow opening from the caches. */
static bool can_open_cached(void)
{
    enum { UNKNOWN, YES, NO };
    static atomic_int answer;
    int known = atomic_load_explicit(&answer, memory_order_relaxed), fd;

    if (known == UNKNOWN) {
        fd = openat2_once(AT_FDCWD, "/", O_PATH | O_CLOEXEC, EDDYI_RESOLVE_CACHED);
        known = fd == -EINVAL || fd == -ENOSYS || fd == -EPERM ? NO : YES;
        if (fd >= 0)
            close(fd);
        atomic_store_explicit(&answer, known, memory_order_relaxed);
    }
    return known == YES;
}

/* Returns the flags as openat2(2) wants them, which refuses those that openat(2) ignores. */
static int strict_flags(int flags)
{
    enum { WITH_PATH = O_PATH | O_DIRECTORY | O_NOFOLLOW };

    return O_CLOEXEC | (flags & O_PATH ? flags & WITH_PATH : flags | O_NONBLOCK);
}

int eddyi_sys_open_cached(int dir, const char *path, int flags)
{
    enum { CHANGES = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY) };
    int rc = flags & CHANGES || !can_open_cached() ? -EAGAIN : eddyi_fault("openat2");

    if (rc == 0)
        rc = openat2_once(dir, path, strict_flags(flags), EDDYI_RESOLVE_CACHED);
    return rc == -EINVAL || rc == -EINTR || rc == -ENOSYS ? -EAGAIN : rc;
}

static bool is_file_or_directory(int fd)
{
    struct statx st;

    return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &st) == 0 &&
           (S_ISREG(st.stx_mode) || S_ISDIR(st.stx_mode));
}

void eddyi_sys_block_on_file(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0 && is_file_or_directory(fd))
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

void eddyi_sys_block_on_opened(int fd, int flags)
{
    if (!(flags & O_PATH) && is_file_or_directory(fd))
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

int eddyi_sys_close_file(int fd)
{
    int f = eddyi_fault("close_file");
    int rc = (int)eddyi_sys_result(close(fd));

    /* interrupted, but closed all the same */
    return f < 0 ? f : rc == -EINTR ? 0 : rc;
}

int eddyi_sys_statx(int dir, const char *path, int flags, struct statx *ret)
{
    int f = eddyi_fault("statx");

    return f < 0 ? f : (int)eddyi_sys_result(statx(dir, path, flags, STATX_BASIC_STATS, ret));
}

int eddyi_sys_statx_cached(int fd, struct statx *ret, uint64_t *ret_mount)
{
    enum { MOUNT = STATX_MNT_ID | EDDYI_STATX_MNT_ID_UNIQUE };
    int f = eddyi_fault("statx");

    if (f == 0)
        f = (int)eddyi_sys_result(
            statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS | MOUNT, ret));
    *ret_mount = f == 0 && ret->stx_mask & MOUNT ? ret->stx_mnt_id : 0;
    return f;
}

bool eddyi_sys_is_local(int fd)
{
    static const uint32_t local[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC,       BTRFS_SUPER_MAGIC,
                                     F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC,
                                     RAMFS_MAGIC,      ZFS_SUPER_MAGIC,       BCACHEFS_SUPER_MAGIC};
    struct statfs found;

    if (eddyi_fault("fstatfs") < 0 || fstatfs(fd, &found) < 0)
        return false;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if ((uint32_t)found.f_type == local[i])
            return true;
    }
    return false;
}

bool eddyi_sys_is_for_reading(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

int eddyi_sys_fsync(int fd, bool data_only)
{
    int f = eddyi_fault("fsync");

    return f < 0 ? f : (int)eddyi_sys_result(data_only ? fdatasync(fd) : fsync(fd));
}

int eddyi_sys_renameat(int dir, const char *from, const char *to)
{
    int f = eddyi_fault("renameat");

    return f < 0 ? f : (int)eddyi_sys_result(renameat(dir, from, dir, to));
}

int eddyi_sys_unlinkat(int dir, const char *path, int flags)
{
    int f = eddyi_fault("unlinkat");

    return f < 0 ? f : (int)eddyi_sys_result(unlinkat(dir, path, flags));
}

int eddyi_sys_mkdirat(int dir, const char *path, unsigned mode)
{
    int f = eddyi_fault("mkdirat");

    return f < 0 ? f : (int)eddyi_sys_result(mkdirat(dir, path, mode));
}

int eddyi_sys_readlinkat(int dir, const char *path, char *buf, size_t size)
{
    int f = eddyi_fault("readlinkat");

    return f < 0 ? f : (int)eddyi_sys_result(readlinkat(dir, path, buf, size));
}

int eddyi_sys_fchown(int fd, unsigned uid, unsigned gid)
{
    int f = eddyi_fault("fchown");

    return f < 0 ? f : (int)eddyi_sys_result(fchown(fd, uid, gid));
}

int eddyi_sys_fchmod(int fd, unsigned mode)
{
    int f = eddyi_fault("fchmod");

    return f < 0 ? f : (int)eddyi_sys_result(fchmod(fd, mode));
}

int eddyi_sys_make_temporary(char *pattern)
{
    int f = eddyi_fault("mkostemp");

    return f < 0 ? f : (int)eddyi_sys_result(mkostemp(pattern, O_CLOEXEC));
}

long eddyi_sys_getdents(int fd, void *buf, size_t size)
{
    int f = eddyi_fault("getdents64");

    return f < 0 ? f : eddyi_sys_result(syscall(SYS_getdents64, fd, buf, size));
}

int eddyi_sys_seek(int fd, int64_t position)
{
    return lseek(fd, position, SEEK_SET) < 0 ? -errno : 0;
}

int64_t eddyi_sys_lseek(int fd, int64_t offset, int whence)
{
    return eddyi_sys_result(lseek(fd, offset, whence));
}

int eddyi_sys_ftruncate(int fd, int64_t size)
{
    int f = eddyi_fault("ftruncate");

    return f < 0 ? f : (int)eddyi_sys_result(ftruncate(fd, size));
}

bool eddyi_sys_appends(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && flags & O_APPEND;
}

long eddyi_sys_sendfile_nonblocking(int out, int in, int64_t offset, size_t size)
{
    struct held held;
    off_t at = offset;
    long n;

    hold_sigpipe(&held);
    do {
        n = eddyi_fault("sendfile");
        if (n == 0)
            n = eddyi_sys_result(sendfile(out, in, &at, eddyi_short(out, size)));
    } while (n == -EINTR);
    release_sigpipe(&held, n, size);
    return n;
}

long eddyi_sys_sendfile(int out, int in, int64_t offset, size_t size)
{
    struct eddyi_borrowed b;
    long n = eddyi_borrow_nonblocking(out, &b);

    if (n < 0)
        return n;
    n = eddyi_sys_sendfile_nonblocking(out, in, offset, size);
    eddyi_give_back(&b);
    return n;
}

/* Returns true if the byte at @offset can be read at once. */
static bool is_readable_now(int fd, int64_t offset)
{
    char byte;

    return preadv2(fd, &(struct iovec){&byte, 1}, 1, offset, RWF_NOWAIT) == 1;
}

/* The kernel also counts pages that are just being read. It reads them in order, so the last one
 * tells if they have come. */
bool eddyi_sys_is_cached(int fd, int64_t offset, size_t size)
{
    struct eddyi_cachestat_range range = {(uint64_t)offset, size};
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end = range.offset + size;
    struct eddyi_cachestat found;
    int rc = size == 0 ? -EINVAL : eddyi_fault("cachestat");

    if (rc == 0)
        rc = (int)eddyi_sys_result(syscall(EDDYI_SYS_CACHESTAT, fd, &range, &found, 0));
    return rc == 0 && found.cached >= (end - 1) / page - range.offset / page + 1 &&
           is_readable_now(fd, (int64_t)end - 1);
}

long eddyi_sys_copy_range(int in, int out, size_t size)
{
    int f = eddyi_fault("copy_file_range");

    return f < 0 ? f
                 : eddyi_sys_result(copy_file_range(in, NULL, out, NULL, eddyi_short(in, size), 0));
}

void eddyi_sys_seek_back(int fd, size_t n)
{
    lseek(fd, -(off_t)n, SEEK_CUR);
}
