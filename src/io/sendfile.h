/*
 * Sending a file through anything: the order of the pieces, the copying, and the count of the bytes
 * that are out. The callers, sockets and streams, supply the operations for one piece.
 *
 * The first 64 KiB are read and sent: most files are not longer, and copying 64 KiB costs 2 us,
 * while sendfile(2), which may wait for the disk, costs the way to another thread and back.
 * sendfile(2) sends the rest, until it refuses; then the rest is copied as well.
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

/* Operations on the target. Each may suspend and returns -errno if it fails. */
struct eddyi_sending_to {
    /* Makes one call of sendfile(2), with at most @size bytes from @offset on. Returns the bytes, 0
     * at the end of the file, -EAGAIN, or an error that eddyi_sendfile_refused() knows. */
    EDDY_AWAITS int64_t (*send)(struct eddyi_sending *s, int64_t offset, size_t size);
    /* Waits, after -EAGAIN, until another try makes sense. */
    EDDY_AWAITS int64_t (*wait_for_room)(struct eddyi_sending *s);
    /* Writes all @size bytes. Adds the bytes that are out to *sent, also on failure. */
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

/* Returns true if @rc means that sendfile(2) does not work, for these two or at all. */
static inline bool eddyi_sendfile_refused(int64_t rc)
{
    return rc == -EINVAL || rc == -ENOSYS || rc == -EOPNOTSUPP;
}

/* Sends the file. Returns 0 or -errno; s->sent is right in either case, and the file's position is
 * unchanged. */
EDDY_AWAITS int64_t eddyi_send_file(struct eddyi_sending *s);

#endif
