/*
 * Sending a file through anything: the order of the pieces, the copying, and the count of the bytes
 * that are out. The callers, sockets and channels, supply the operations for one piece.
 *
 * The first 64 KiB are read and sent: most files are not longer, and copying 64 KiB costs 2 us,
 * while sendfile(2), which may wait for the disk, costs the way to another thread and back.
 * sendfile(2) sends the rest, until it refuses; then the rest is copied as well.
 *
 * A file is sent in a row of steps, each of which may be pending until a callback of the loop goes
 * on; a task may wait for the end.
 */
#ifndef EDDYI_SENDFILE_H
#define EDDYI_SENDFILE_H

#include "io/io.h"

#include <sys/uio.h>

/* The result of a step that is not over: eddyi_sending_step() will be called. */
#define EDDYI_PENDING INT64_MIN

struct eddyi_sending;
struct eddyi_outcome;

/* Operations on the target. Each returns EDDYI_PENDING, its result, or -errno. */
struct eddyi_sending_to {
    /* Waits until something can be sent; @full: the last try found no room. 0. */
    int64_t (*wait)(struct eddyi_sending *s, bool full);
    /* Writes some of @size bytes. Returns how many. */
    int64_t (*write)(struct eddyi_sending *s, const char *bytes, size_t size);
    /* Makes one call of sendfile(2), with at most @size bytes from @offset on. Returns the bytes, 0
     * at the end of the file, -EAGAIN, or an error that eddyi_sendfile_refused() knows. */
    int64_t (*send)(struct eddyi_sending *s, int64_t offset, size_t size);
    /* Has the step that is pending end soon, with -ECANCELED unless it has done something. */
    void (*cancel)(struct eddyi_sending *s);
};

enum eddyi_sending_step {
    EDDYI_SENDING_READ,
    EDDYI_SENDING_WAIT_TO_WRITE,
    EDDYI_SENDING_WRITE,
    EDDYI_SENDING_WAIT_TO_SEND,
    EDDYI_SENDING_SEND,
    EDDYI_SENDING_OVER
};

struct eddyi_sending {
    const struct eddyi_sending_to *to;
    eddy_loop *loop;
    int file;
    int64_t offset;
    int64_t count; /* < 0: to the end */
    int64_t sent;
    int64_t result; /* at the end: 0, or -errno */
    /* Called once, at the end, maybe from within eddyi_sending_begin(). */
    void (*done)(struct eddyi_sending *s);
    struct eddyi_outcome *waiter; /* of eddyi_send_file() */

    enum eddyi_sending_step step; /* the present one */
    bool cancelled;
    bool refused;   /* sendfile(2) does not work */
    bool full;      /* it found no room */
    char *buf;      /* owned */
    size_t got;     /* how many bytes of the piece are in it */
    size_t written; /* and how many of those are out */
    struct iovec iov;
    struct eddyi_io_op read;
};

/* Returns true if @rc means that sendfile(2) does not work, for these two or at all. */
static inline bool eddyi_sendfile_refused(int64_t rc)
{
    return rc == -EINVAL || rc == -ENOSYS || rc == -EOPNOTSUPP;
}

/* Begins to send the file; to, loop, file, offset, count and done are set, the rest is 0. */
void eddyi_sending_begin(struct eddyi_sending *s);

/* Goes on with the result of the step that was pending. */
void eddyi_sending_step(struct eddyi_sending *s, int64_t result);

/* Begins to send the file and suspends until the end. Returns 0, or raises the error; s->sent is
 * right in either case, and the file's position is unchanged. */
EDDY_AWAITS int64_t eddyi_send_file(struct eddyi_sending *s);

#endif
