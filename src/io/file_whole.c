/*
 * Whole files at once.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { FIRST = 16 << 10 };

struct bytes {
    char *data;
    size_t size, room;
};

/* Room for something more, and for a 0 behind it; no more than is needed to see that the limit is passed. */
static int grow(struct bytes *b, size_t limit)
{
    size_t room = b->room ? 2 * b->room : FIRST;
    char *data;

    if (room / 2 > limit)
        room = limit + 1;
    data = room > b->room ? eddyi_realloc(b->data, room + 1) : NULL;
    if (!data)
        return -ENOMEM;
    b->data = data;
    b->room = room;
    return 0;
}

static int read_to_end(int fd, struct bytes *b, size_t limit)
{
    ssize_t n;
    int rc;

    do {
        rc = b->size < b->room ? 0 : grow(b, limit);
        if (rc < 0)
            return eddy_raise(rc, NULL);
        n = eddy_file_read(fd, b->data + b->size, b->room - b->size, -1);
        b->size += n > 0 ? (size_t)n : 0;
        if (b->size > limit)
            return eddy_raise(EDDY_ELIMIT, "file_read_all: there are more than %zu bytes", limit);
    } while (n > 0);
    b->data[b->size] = '\0';
    return (int)n;
}

int eddy_file_read_all(const char *path, size_t limit, void **ret_data, size_t *ret_size)
{
    struct bytes b = {NULL, 0, 0};
    int fd = eddy_file_open(path, O_RDONLY, 0), rc;

    if (fd < 0)
        return fd;
    rc = read_to_end(fd, &b, limit < SIZE_MAX / 4 ? limit : SIZE_MAX / 4);
    eddy_file_close(fd);
    if (rc < 0) {
        eddyi_free(b.data);
        return rc;
    }
    *ret_data = b.data;
    *ret_size = b.size;
    return 0;
}

void eddy_file_free(void *data)
{
    eddyi_free(data);
}

/* Closing may bring the news that an earlier write failed. */
static int write_and_close(int fd, const void *data, size_t size, bool sync)
{
    int rc = eddy_file_write_fully(fd, data, size, -1, NULL), closed;

    if (rc == 0 && sync)
        rc = eddy_file_fsync(fd);
    closed = eddy_file_close(fd);
    return rc < 0 ? rc : closed;
}

int eddy_file_write_all(const char *path, const void *data, size_t size)
{
    int fd = eddy_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

    return fd < 0 ? fd : write_and_close(fd, data, size, false);
}

/* A name beside @path that nobody else uses: the process and a count make it so, and O_EXCL sees to the rest. */
static int open_beside(const char *path, char *name, size_t size, unsigned mode)
{
    static atomic_uint count;
    int fd;

    do {
        snprintf(name, size, "%s.%ld-%u.tmp", path, eddyi_sys_pid(), atomic_fetch_add(&count, 1));
        fd = eddy_file_open(name, O_WRONLY | O_CREAT | O_EXCL, mode);
    } while (fd == -EEXIST);
    return fd;
}

static int replace(const char *path, char *name, size_t name_size, const void *data, size_t size)
{
    struct stat before;
    int rc = eddy_file_stat(path, &before), fd;

    if (rc < 0 && rc != -ENOENT)
        return rc;
    fd = open_beside(path, name, name_size, rc == 0 ? before.st_mode & 0777 : 0666);
    if (fd < 0)
        return fd;
    rc = write_and_close(fd, data, size, true);
    if (rc == 0)
        rc = eddy_file_rename(name, path);
    if (rc < 0)
        eddyi_file_unlink_own(name);
    return rc;
}

int eddy_file_replace(const char *path, const void *data, size_t size)
{
    size_t name_size = strlen(path) + 40;
    char *name = eddyi_alloc(name_size);
    int rc = name ? replace(path, name, name_size, data, size) : eddy_raise(-ENOMEM, NULL);

    eddyi_free(name);
    return rc;
}
