/* Temporary files that become complete ones, or nothing. */
#include "output.h"

#include <eddy/error.h>
#include <eddy/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool is_standard_output(const struct output *out)
{
    return out->name && strcmp(out->name, "-") == 0;
}

static int fail(const struct output *out, const char *action, int status)
{
    if (is_standard_output(out))
        return eddy_raise(status, "standard output: %s", strerror(-status));
    return eddy_raise(status, "cannot %s the file %s: %s", action, out->name, strerror(-status));
}

/* Returns true for what is there and must not be replaced: devices, pipes, sockets. */
static bool is_special(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, 0) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int open_in_place(struct output *out)
{
    struct stat st;

    out->fd = openat(out->dir, out->name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (out->fd < 0 || fstat(out->fd, &st) < 0)
        return fail(out, "open", -errno);
    out->offset = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    return 0;
}

/* Makes a temporary file in the directory that the final one will be in. */
static int open_temporary(struct output *out)
{
    const char *slash = strrchr(out->name, '/');
    static unsigned counter;

    do {
        free(out->temporary);
        if (asprintf(&out->temporary, "%.*s.eddy-fetch-%ld-%u",
                     slash ? (int)(slash + 1 - out->name) : 0, out->name, (long)getpid(),
                     ++counter) < 0) {
            out->temporary = NULL;
            return fail(out, "create", -ENOMEM);
        }
        out->fd = openat(out->dir, out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (out->fd < 0 && errno == EEXIST);
    return out->fd < 0 ? fail(out, "create", -errno) : 0;
}

int output_open(struct output *out, int dir, const char *name, bool resume)
{
    int status;

    *out = (struct output){.dir = dir, .fd = -1, .name = name};
    if (!name)
        return 0;
    if (is_standard_output(out)) {
        out->fd = STDOUT_FILENO;
        return 0;
    }
    status = resume || is_special(dir, name) ? open_in_place(out) : open_temporary(out);
    if (status < 0)
        output_discard(out);
    return status;
}

int output_restart(struct output *out)
{
    out->offset = 0;
    if (out->fd >= 0 && ftruncate(out->fd, 0) < 0)
        out->error = -errno;
    return out->error;
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

/* Puts a complete file on the disk, under its own name. Returns 0 or -errno. */
static int complete(struct output *out, const char **ret_action)
{
    int status = eddy_file_fsync(out->fd);
    int fd = out->fd;

    if (!out->temporary && (status == -EINVAL || status == -EROFS))
        status = 0; /* no file that has a place on a disk */
    out->fd = -1;   /* closed, whatever close() returns */
    if (close(fd) < 0 && status >= 0)
        status = -errno;
    if (status < 0 || !out->temporary)
        return status;
    *ret_action = "rename";
    return renameat(out->dir, out->temporary, out->dir, out->name) < 0 ? -errno : 0;
}

int output_commit(struct output *out)
{
    const char *action = "write";
    int status = out->error;

    if (out->fd < 0)
        return 0;
    if (is_standard_output(out))
        return status < 0 ? fail(out, action, status) : 0;
    if (status >= 0)
        status = complete(out, &action);
    if (status >= 0) {
        free(out->temporary);
        out->temporary = NULL;
        return 0;
    }
    output_discard(out);
    return fail(out, action, status);
}

void output_discard(struct output *out)
{
    if (out->fd >= 0 && !is_standard_output(out))
        close(out->fd);
    out->fd = -1;
    if (out->temporary)
        unlinkat(out->dir, out->temporary, 0);
    free(out->temporary);
    out->temporary = NULL;
}
