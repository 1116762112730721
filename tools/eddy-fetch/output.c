/* Temporary files that become complete ones, or nothing. */
#include "output.h"

#include <eddy/error.h>
#include <eddy/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open_directory(const char *path)
{
    int fd, status;

    if (mkdir(path, 0777) < 0 && errno != EEXIST) {
        status = -errno;
        fprintf(stderr, "eddy-fetch: cannot make the directory %s: %s\n", path, strerror(-status));
        return status;
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        status = -errno;
        fprintf(stderr, "eddy-fetch: cannot open the directory %s: %s\n", path, strerror(-status));
        return status;
    }
    return fd;
}

static int fail(const struct output *out, const char *action, int status)
{
    return eddy_raise(status, "cannot %s the file %s: %s", action, out->name, strerror(-status));
}

int output_open(struct output *out, int dir, const char *name)
{
    static unsigned counter;

    *out = (struct output){.dir = dir, .fd = -1, .name = name};
    if (dir < 0)
        return 0;
    do {
        snprintf(out->temporary, sizeof out->temporary, ".eddy-fetch-%ld-%u", (long)getpid(),
                 ++counter);
        out->fd = openat(dir, out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (out->fd < 0 && errno == EEXIST);
    return out->fd < 0 ? fail(out, "create", -errno) : 0;
}

int output_write(struct output *out, const void *data, size_t size)
{
    const char *p = data;

    while (out->fd >= 0 && size > 0) {
        ssize_t n = write(out->fd, p, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return out->error = -errno;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

int output_commit(struct output *out)
{
    const char *action = "write";
    int status = out->error;
    int fd = out->fd;

    if (fd < 0)
        return 0;
    if (status >= 0)
        status = eddy_file_fsync(fd);
    out->fd = -1; /* closed, whatever close() returns */
    if (close(fd) < 0 && status >= 0)
        status = -errno;
    if (status >= 0 && renameat(out->dir, out->temporary, out->dir, out->name) < 0) {
        action = "rename";
        status = -errno;
    }
    if (status >= 0)
        return 0;
    unlinkat(out->dir, out->temporary, 0);
    return fail(out, action, status);
}

void output_discard(struct output *out)
{
    if (out->fd < 0)
        return;
    close(out->fd);
    out->fd = -1;
    unlinkat(out->dir, out->temporary, 0);
}
