/*
 * Sending a file, whatever it is sent through: the order of pieces, who copies them, and how many
 * bytes are out. A socket's calls and the streams' fill in how one piece goes.
 *
 * The first 64 KiB are read and sent: most files are not longer, and copying that much costs 2 us,
 * where sendfile(2), which may wait for the disk, costs the way to another thread and back. What is
 * behind is sendfile's, until it refuses; then it is copied, too.
 */
#ifndef EDDYI_SENDFILE_H
#define EDDYI_SENDFILE_H

#include "eddy/defs.h"
#include "eddy/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct eddyi_sending;

/* Where the bytes go. All of these may suspend, and give -errno if that fails. */
struct eddyi_sending_to {
    /* One sendfile(2), of @size bytes at most from @offset on. Bytes, 0 at the end of the file,
     * -EAGAIN, or as below. */
    EDDY_AWAITS int64_t (*send)(struct eddyi_sending *s, int64_t offset, size_t size);
    /* After -EAGAIN, until it is worth trying again. */
    EDDY_AWAITS int64_t (*wait_for_room)(struct eddyi_sending *s);
    /* All of @size bytes; *sent is added to either way. */
    EDDY_AWAITS int64_t (*write)(struct eddyi_sending *s, const char *buf, size_t size,
                                 size_t *sent);
};

struct eddyi_sending {
    const struct eddyi_sending_to *to;
    int file;
    int64_t offset;
    int64_t count; /* < 0: to the end */
    int64_t sent;
};

/* That sendfile(2) cannot, with these two or at all. */
static inline bool eddyi_sendfile_refused(int64_t rc)
{
    return rc == -EINVAL || rc == -ENOSYS || rc == -EOPNOTSUPP;
}

/* 0 or -errno; s->sent is true in either case, and the file's position where it was. */
EDDY_AWAITS int64_t eddyi_send_file(struct eddyi_sending *s);

#endif
