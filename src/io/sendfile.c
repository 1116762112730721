#include "io/sendfile.h"

#include "base/sys_cached.h"
#include "eddy/error.h"
#include "task/outcome.h"

enum { STEP = 1 << 20, BUFFER = 64 << 10 }; /* bytes */

static bool is_all(const struct eddyi_sending *s)
{
    return s->sent == s->count;
}

static size_t next_size(const struct eddyi_sending *s, size_t most)
{
    int64_t left = s->count - s->sent;

    return s->count >= 0 && left < (int64_t)most ? (size_t)left : most;
}

static int64_t over(struct eddyi_sending *s, int64_t result)
{
    s->step = EDDYI_SENDING_OVER;
    s->result = result < 0 ? result : 0;
    eddyi_free(s->buf);
    s->buf = NULL;
    return EDDYI_PENDING;
}

static void read_done(struct eddyi_io_op *o)
{
    eddyi_sending_step(eddyi_container(o, struct eddyi_sending, read), o->op.result);
}

/* Reads more of the piece: what is cached at once, the rest in a thread or in the kernel. */
static int64_t read_more(struct eddyi_sending *s)
{
    int64_t offset = s->offset + s->sent + (int64_t)s->got, n;
    struct eddyi_io *io;
    int rc;

    s->iov = (struct iovec){s->buf + s->got, next_size(s, BUFFER) - s->got};
    n = eddyi_sys_preadv_nowait(s->file, &s->iov, 1, offset);
    if (n != -EAGAIN && n != -EOPNOTSUPP)
        return n;
    io = eddyi_io_of(s->loop);
    s->read.done = read_done;
    s->read.op.kind = EDDYI_OP_READ;
    s->read.op.fd = s->file;
    s->read.op.tried = s->read.op.waits = true;
    s->read.op.rw.iov = &s->iov;
    s->read.op.rw.n = 1;
    s->read.op.rw.offset = offset;
    rc = s->loop->closed ? -ECANCELED : io ? eddyi_io_submit(io, &s->read) : -ENOMEM;
    return rc < 0 ? rc : EDDYI_PENDING;
}

static int64_t begin(struct eddyi_sending *s, enum eddyi_sending_step step)
{
    if (s->cancelled)
        return over(s, -ECANCELED);
    s->step = step;
    switch (step) {
    case EDDYI_SENDING_READ:
        return read_more(s);
    case EDDYI_SENDING_WAIT_TO_WRITE:
    case EDDYI_SENDING_WAIT_TO_SEND:
        return s->to->wait(s, s->full);
    case EDDYI_SENDING_WRITE:
        return s->to->write(s, s->buf + s->written, s->got - s->written);
    default:
        return s->to->send(s, s->offset + s->sent, next_size(s, STEP));
    }
}

/* A file that is cached only in part comes in pieces. An error after the first of those is left for
 * the next read to find. */
static int64_t after_read(struct eddyi_sending *s, int64_t n)
{
    s->got += n > 0 ? (size_t)n : 0;
    if (n > 0 && s->got < next_size(s, BUFFER))
        return begin(s, EDDYI_SENDING_READ);
    if (s->got > 0)
        return begin(s, EDDYI_SENDING_WAIT_TO_WRITE);
    if (n < 0 && n != -ECANCELED)
        eddy_raise((int)n, "file_read on descriptor %d", s->file);
    return over(s, n);
}

/* A piece that is not whole is the last but for the end of the file. */
static int64_t after_write(struct eddyi_sending *s, int64_t n)
{
    bool whole = s->got == BUFFER;

    if (n < 0)
        return over(s, n);
    s->sent += n;
    s->written += (size_t)n;
    if (s->written < s->got)
        return begin(s, EDDYI_SENDING_WAIT_TO_WRITE);
    s->got = s->written = 0;
    if (is_all(s))
        return over(s, 0);
    return begin(s, whole && !s->refused ? EDDYI_SENDING_WAIT_TO_SEND : EDDYI_SENDING_READ);
}

static int64_t after_send(struct eddyi_sending *s, int64_t n)
{
    s->sent += n > 0 ? n : 0;
    s->full = n == -EAGAIN;
    if (eddyi_sendfile_refused(n)) {
        s->refused = true;
        return begin(s, EDDYI_SENDING_READ);
    }
    if ((n <= 0 && !s->full) || is_all(s))
        return over(s, n);
    return begin(s, EDDYI_SENDING_WAIT_TO_SEND);
}

/* Takes the result of the present step and begins the next. */
static int64_t next(struct eddyi_sending *s, int64_t n)
{
    switch (s->step) {
    case EDDYI_SENDING_READ:
        return after_read(s, n);
    case EDDYI_SENDING_WRITE:
        return after_write(s, n);
    case EDDYI_SENDING_SEND:
        return after_send(s, n);
    default:
        s->full = false;
        return n < 0 ? over(s, n) : begin(s, s->step + 1);
    }
}

void eddyi_sending_step(struct eddyi_sending *s, int64_t result)
{
    while (result != EDDYI_PENDING)
        result = next(s, result);
    if (s->step == EDDYI_SENDING_OVER)
        s->done(s);
}

/* Returns the first step. What is cached and too large to be copied is not copied. */
static enum eddyi_sending_step first_step(const struct eddyi_sending *s)
{
    bool large = s->count > BUFFER;

    return large && eddyi_sys_is_cached(s->file, s->offset, next_size(s, STEP))
               ? EDDYI_SENDING_WAIT_TO_SEND
               : EDDYI_SENDING_READ;
}

void eddyi_sending_begin(struct eddyi_sending *s)
{
    s->buf = is_all(s) ? NULL : eddyi_alloc(next_size(s, BUFFER));
    if (s->buf)
        eddyi_sending_step(s, begin(s, first_step(s)));
    else
        eddyi_sending_step(s, over(s, is_all(s) ? 0 : eddy_raise(-ENOMEM, NULL)));
}

/* A task that waits for the end. */
struct sending_wait {
    struct eddyi_outcome outcome;
    struct eddyi_sending *sending;
};

static void wake(struct eddyi_sending *s)
{
    eddyi_outcome_set(s->waiter, s->result);
}

/* Has it end soon, with -ECANCELED unless all of it is out. */
static bool sending_cancel(struct eddyi_wait *w)
{
    struct eddyi_sending *s = eddyi_container(w, struct sending_wait, outcome.wait)->sending;

    s->cancelled = true;
    if (s->step == EDDYI_SENDING_READ)
        eddyi_io_cancel(&s->read);
    else
        s->to->cancel(s);
    return true;
}

int64_t eddyi_send_file(struct eddyi_sending *s)
{
    struct sending_wait w = {.sending = s};
    int64_t rc = eddyi_outcome_init(&w.outcome, sending_cancel, "sendfile");

    if (rc < 0)
        return rc;
    w.outcome.kept = true;
    s->done = wake;
    s->waiter = &w.outcome;
    eddyi_sending_begin(s);
    return eddyi_outcome_wait(&w.outcome);
}
