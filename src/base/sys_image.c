/*
 * The calls of sys.h for reports: mapping programs on disk, for names of functions, and writing
 * text.
 */
#include "base/sys.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int map(int fd, const void **ret, size_t *ret_size)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size <= 0)
        return -EINVAL;
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return -errno;
    eddyi_ledger(+1);
    *ret = p;
    *ret_size = (size_t)st.st_size;
    return 0;
}

int eddyi_sys_map_file(const char *path, const void **ret, size_t *ret_size)
{
    int rc = eddyi_fault("map_file"), fd;

    if (rc < 0)
        return rc;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    rc = map(fd, ret, ret_size);
    close(fd);
    return rc;
}

static int64_t nanoseconds(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void eddyi_sys_file_stamp(const char *path, struct eddyi_file_stamp *ret)
{
    struct stat st;

    *ret = (struct eddyi_file_stamp){0};
    if (stat(path, &st) == 0)
        *ret = (struct eddyi_file_stamp){.size = st.st_size,
                                         .inode = (int64_t)st.st_ino,
                                         .changed = nanoseconds(&st.st_ctim),
                                         .written = nanoseconds(&st.st_mtim)};
}

/* Reads until the end, or until @text is full: bytes that are appended meanwhile are left to the
 * next reader. */
static ssize_t read_text(int fd, char *text, size_t size)
{
    size_t total = 0;
    ssize_t n;

    do {
        n = read(fd, text + total, size - total);
        total += n > 0 ? (size_t)n : 0;
    } while (total < size && (n > 0 || (n < 0 && errno == EINTR)));
    return n < 0 ? -errno : (ssize_t)total;
}

static int read_file(int fd, char **ret, size_t *ret_size)
{
    struct stat st;
    ssize_t n;
    char *text;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    text = eddyi_alloc((size_t)st.st_size + 1);
    if (!text)
        return -ENOMEM;
    n = read_text(fd, text, (size_t)st.st_size);
    if (n < 0) {
        eddyi_free(text);
        return (int)n;
    }
    text[n] = '\0';
    *ret = text;
    *ret_size = (size_t)n;
    return 0;
}

int eddyi_sys_read_file(const char *path, char **ret, size_t *ret_size)
{
    int rc = eddyi_fault("read_file"), fd;

    if (rc < 0)
        return rc;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    rc = read_file(fd, ret, ret_size);
    close(fd);
    return rc;
}

int eddyi_sys_write_all(int fd, const char *buf, size_t size)
{
    int saved = errno, rc = eddyi_fault("write_all");

    while (rc == 0 && size > 0) {
        ssize_t n = write(fd, buf, size);

        if (n < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else if (n < 0 && errno != EINTR)
            rc = -errno;
        if (n > 0) {
            buf += n;
            size -= (size_t)n;
        }
    }
    errno = saved; /* errno belongs to the code that the signal handler interrupted */
    return rc;
}
