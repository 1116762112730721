/*
 * Copying between files: copy_file_range(2), and where it is refused, as by some pairs of file systems, a read and writes.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

/* What one call takes at most: a thread that copies cannot be stopped meanwhile. */
enum { STEP = 4 << 20, BUFFER = 128 << 10 };

struct copy {
    int in, out;
    size_t size;
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
    /* What was read and not written is read again by whoever goes on. */
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

/* 0 need not be the end: files of /proc pretend to be empty. */
static int64_t copy(void *arg)
{
    const struct copy *c = arg;
    int64_t n = eddyi_sys_copy_range(c->in, c->out, c->size);

    return n == 0 || is_refusal(n) ? by_hand(c) : n;
}

ssize_t eddy_file_copy(int in, int out, size_t size)
{
    struct copy c = {in, out, size < STEP ? size : STEP};

    return eddyi_file_ended(eddyi_file_call(copy, &c), "file_copy", in);
}
