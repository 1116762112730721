#include "io/sendfile.h"

#include "base/sys.h"
#include "eddy/file.h"

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

static int64_t copy_piece(struct eddyi_sending *s, char *buf)
{
    int64_t n = eddy_file_read(s->file, buf, next_size(s, BUFFER), s->offset + s->sent), rc = 0;
    size_t sent = 0;

    if (n > 0)
        rc = s->to->write(s, buf, (size_t)n, &sent);
    s->sent += (int64_t)sent;
    return rc < 0 ? rc : n;
}

/* Copies pieces with @buf: all of them if @all, otherwise up to the first whole one, since after a
 * short piece only the end is expected. Returns > 0 if there may be more. */
static int64_t copy(struct eddyi_sending *s, char *buf, bool all)
{
    int64_t n;

    do
        n = copy_piece(s, buf);
    while (n > 0 && (all || n < BUFFER) && !is_all(s));
    return n;
}

static int64_t send_by_kernel(struct eddyi_sending *s)
{
    int64_t n, rc = 1;

    do {
        n = s->to->send(s, s->offset + s->sent, next_size(s, STEP));
        s->sent += n > 0 ? n : 0;
        if (n == -EAGAIN)
            rc = s->to->wait_for_room(s);
    } while (rc >= 0 && (n > 0 || n == -EAGAIN) && !is_all(s));
    return rc < 0 ? rc : n;
}

static int64_t send_with(struct eddyi_sending *s, char *buf)
{
    int64_t n = copy(s, buf, false);

    if (n > 0 && !is_all(s)) {
        n = send_by_kernel(s);
        if (eddyi_sendfile_refused(n))
            n = copy(s, buf, true);
    }
    return n;
}

int64_t eddyi_send_file(struct eddyi_sending *s)
{
    char *buf = is_all(s) ? NULL : eddyi_alloc(next_size(s, BUFFER));
    int64_t n = buf ? send_with(s, buf) : is_all(s) ? 0 : eddy_raise(-ENOMEM, NULL);

    eddyi_free(buf);
    return n < 0 ? n : 0;
}
