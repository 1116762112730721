/*
 * Whole files at once.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "io/file.h"

#include <fcntl.h>

enum { FIRST = 16 << 10 };

struct bytes {
    char *data;
    size_t size, room;
};

/* Makes room for more bytes and a 0 after them, but no more than shows that @limit is exceeded. */
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

int(eddy_file_read_all)(const char *path, size_t limit, void **ret_data, size_t *ret_size)
{
    struct bytes b = {NULL, 0, 0};
    int fd, rc;

    if (!ret_data || !ret_size)
        return eddy_raise(-EINVAL, "file_read_all '%s': there is no place for data or size", path);
    fd = eddy_file_open(path, O_RDONLY, 0);
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

/* The close may report that an earlier write failed. */
int eddy_file_write_all(const char *path, const void *data, size_t size)
{
    int fd = eddy_file_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666), rc, closed;

    if (fd < 0)
        return fd;
    rc = eddy_file_write_fully(fd, data, size, -1, NULL);
    closed = eddy_file_close(fd);
    return rc < 0 ? rc : closed;
}
