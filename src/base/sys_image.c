/*
 * The calls of sys.h for reports: programs on disk, where names of functions are, and text on its way out.
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
    errno = saved; /* belongs to whom the signal handler interrupted */
    return rc;
}
