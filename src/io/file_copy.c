/*
 * Copying between files: with copy_file_range(2), and by hand where the kernel refuses, as it does
 * for some pairs of file systems. Holes stay holes; the kernel would fill them with zeros.
 */
#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bytes of one call at most (a thread that copies cannot be stopped), and of one piece by
 * hand. */
enum { STEP = 4 << 20, BUFFER = 128 << 10 };

struct copy {
    int in, out;
    size_t size;
    const char *refused; /* the reason why this copy is refused, or NULL */
};

static int64_t write_out(const struct copy *c, const char *buf, size_t size)
{
    size_t written = 0;
    int64_t n = 0;

    while (n >= 0 && written < size) {
        struct iovec rest = {(void *)(uintptr_t)(buf + written), size - written};

        n = eddyi_sys_pwritev(c->out, &rest, 1, -1);
        n = n == 0 ? -EIO : n;
        written += n > 0 ? (size_t)n : 0;
    }
    /* The next call reads again the bytes that were read and not written. */
    if (written < size)
        eddyi_sys_seek_back(c->in, size - written);
    return written > 0 ? (int64_t)written : n;
}

static int64_t by_hand(const struct copy *c)
{
    struct iovec iov = {.iov_len = c->size < BUFFER ? c->size : BUFFER};
    int64_t n;

    iov.iov_base = eddyi_alloc(iov.iov_len);
    if (!iov.iov_base)
        return -ENOMEM;
    n = eddyi_sys_preadv(c->in, &iov, 1, -1);
    if (n > 0)
        n = write_out(c, iov.iov_base, (size_t)n);
    eddyi_free(iov.iov_base);
    return n;
}

static bool is_refusal(int64_t rc)
{
    return rc == -EXDEV || rc == -EINVAL || rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM ||
           rc == -EBADF || rc == -ETXTBSY;
}

/* Refuses files on which a call may wait: they would keep the thread, and with it other calls on
 * files. */
static int refuse(struct copy *c)
{
    struct statx in, out;
    int rc = eddyi_sys_statx(c->in, "", AT_EMPTY_PATH, &in);

    if (rc == 0)
        rc = eddyi_sys_statx(c->out, "", AT_EMPTY_PATH, &out);
    if (rc < 0)
        return rc;
    if (in.stx_ino == out.stx_ino && in.stx_dev_major == out.stx_dev_major &&
        in.stx_dev_minor == out.stx_dev_minor)
        c->refused = "source and target are one file";
    else if (eddyi_sys_pollable(c->in) == 0 || eddyi_sys_pollable(c->out) == 0)
        c->refused = "a pipe, a socket or a terminal is no file";
    return c->refused ? -EINVAL : 0;
}

/* Returns true if skipping bytes at @at leaves a hole, which it does at the end of a file. */
static bool can_have_hole(int out, int64_t at)
{
    struct statx st;

    return at >= 0 && eddyi_sys_statx(out, "", AT_EMPTY_PATH, &st) == 0 && S_ISREG(st.stx_mode) &&
           at >= (int64_t)st.stx_size && !eddyi_sys_appends(out);
}

/* Returns where the hole at @at ends, or @at if there is none. Moves the position. */
static int64_t end_of_hole(int in, int64_t at)
{
    int64_t data = eddyi_sys_lseek(in, at, SEEK_DATA);

    if (data == -ENXIO) /* the hole reaches to the end */
        data = eddyi_sys_lseek(in, 0, SEEK_END);
    return data > at ? data : at;
}

/* Skips a hole at the positions of both files, and leaves one in the target. Returns its size, 0 if
 * there is no hole, or -errno. */
static int64_t skip_hole(struct copy *c)
{
    int64_t at = eddyi_sys_lseek(c->in, 0, SEEK_CUR), to = eddyi_sys_lseek(c->out, 0, SEEK_CUR);
    int64_t size = at < 0 ? 0 : end_of_hole(c->in, at) - at, rc = 0;

    if (at < 0)
        return 0;
    if (size > 0 && (uint64_t)size > c->size)
        size = (int64_t)c->size;
    if (size > 0 && !can_have_hole(c->out, to))
        size = 0;
    if (size > 0)
        rc = eddyi_sys_ftruncate(c->out, to + size);
    if (rc == 0 && size > 0)
        rc = eddyi_sys_seek(c->out, to + size);
    if (rc < 0)
        size = 0;
    eddyi_sys_seek(c->in, at + size);
    return rc < 0 ? rc : size;
}

/* Limits the copy to the next hole and to the size of one call. */
static void limit(struct copy *c)
{
    int64_t at = eddyi_sys_lseek(c->in, 0, SEEK_CUR), hole;

    if (c->size > STEP)
        c->size = STEP;
    if (at < 0)
        return;
    hole = eddyi_sys_lseek(c->in, at, SEEK_HOLE);
    eddyi_sys_seek(c->in, at);
    if (hole > at && (uint64_t)(hole - at) < c->size)
        c->size = (size_t)(hole - at);
}

/* Copies one piece, in a thread. A result of 0 need not be the end: files of /proc claim to be
 * empty. */
static int64_t copy(void *arg)
{
    struct copy *c = arg;
    int64_t n = refuse(c);

    if (n == 0)
        n = skip_hole(c);
    if (n != 0)
        return n;
    limit(c);
    n = eddyi_sys_copy_range(c->in, c->out, c->size);
    return n == 0 || is_refusal(n) ? by_hand(c) : n;
}

ssize_t eddy_file_copy(int in, int out, size_t size)
{
    struct copy c = {.in = in, .out = out, .size = size < SSIZE_MAX ? size : SSIZE_MAX};
    int64_t n = in < 0 || out < 0 ? -EBADF : eddyi_file_call(copy, &c);

    if (c.refused)
        return eddy_raise((int)n, "file_copy from descriptor %d to %d: %s", in, out, c.refused);
    return eddyi_file_ended(n, "file_copy", in < 0 || out >= 0 ? in : out);
}
