/*
 * Directories. The kernel fills a buffer with entries, in a thread; the entries are handed out one
 * by one.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

struct eddy_dir {
    int fd;
    size_t next, end; /* the unread part of the buffer */
    char buf[32 << 10] __attribute__((aligned(8)));
};

int eddy_dir_open(const char *path, eddy_dir **ret)
{
    eddy_dir *d;
    int fd;

    if (!ret)
        return eddy_raise(-EINVAL, "dir_open '%s': there is no place for the directory", path);
    d = eddyi_alloc(sizeof *d);
    if (!d)
        return eddy_raise(-ENOMEM, NULL);
    fd = eddy_file_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) {
        eddyi_free(d);
        return fd;
    }
    d->fd = fd;
    d->next = d->end = 0;
    *ret = d;
    return 0;
}

static int64_t refill(void *arg)
{
    eddy_dir *d = arg;

    return eddyi_sys_getdents(d->fd, d->buf, sizeof d->buf);
}

/* Reads the next entry, whatever its name. Returns 1, 0 at the end, or a raised error. */
static int next(eddy_dir *d, eddy_dir_entry *ret)
{
    const struct dirent64 *entry;
    int64_t n;

    if (d->next == d->end) {
        n = eddyi_file_call(refill, d);
        if (n <= 0)
            return (int)eddyi_file_ended(n, "dir_next", d->fd);
        d->next = 0;
        d->end = (size_t)n;
    }
    entry = (const struct dirent64 *)(d->buf + d->next);
    d->next += entry->d_reclen;
    *ret = (eddy_dir_entry){.name = entry->d_name, .type = entry->d_type};
    return 1;
}

int eddy_dir_next(eddy_dir *d, eddy_dir_entry *ret)
{
    eddy_dir_entry entry;
    int rc;

    if (!ret)
        return eddy_raise(-EINVAL, "dir_next: there is no place for the entry");
    do
        rc = next(d, &entry);
    while (rc == 1 && (strcmp(entry.name, ".") == 0 || strcmp(entry.name, "..") == 0));
    if (rc == 1)
        *ret = entry;
    return rc;
}

void eddy_dir_close(eddy_dir *d)
{
    if (!d)
        return;
    eddy_file_close(d->fd);
    eddyi_free(d);
}
