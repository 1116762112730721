/*
 * The end of a TLS connection: the last bytes are sent, both sides send close_notify, and the lower
 * carrier ends.
 */
#include "base/assert.h"
#include "base/exception.h"
#include "tls/carrier.h"

#include <openssl/err.h>

/* How often the other side's last bytes are read before others have their turn. */
enum { PATIENCE = 16 };

int eddyi_tls_start_timer(struct eddyi_tls_carrier *t, double seconds)
{
    int rc = eddyi_timer_start_after(t->base.loop, &t->timer, eddyi_nanoseconds(seconds));

    return rc < 0 ? eddy_raise(rc, NULL) : 0;
}

static void end(struct eddyi_tls_carrier *t, bool abort, int status)
{
    EDDYI_ASSERT(t->state != EDDYI_TLS_ENDING || t->lower);
    t->state = EDDYI_TLS_ENDING;
    t->close_status = status;
    t->aborted = abort;
    eddyi_timer_stop(t->base.loop, &t->timer);
    eddyi_tls_handshake_gone(t);
    t->lower->ops->close(t->lower, abort);
}

/* Reads and drops the bytes before the other side's close_notify. Returns 0 or an error at the end
 * of input. */
static ssize_t drain(struct eddyi_tls_carrier *t)
{
    char space[4096];
    ssize_t n = 1;

    for (int i = 0; i < PATIENCE && n > 0; i++)
        n = eddyi_tls_read(t, space, sizeof space);
    return n;
}

void eddyi_tls_shutdown_step(struct eddyi_tls_carrier *t)
{
    ssize_t n;

    if (t->write_error < 0) {
        end(t, true, t->had_unsent ? t->write_error : 0);
        return;
    }
    if (eddyi_buffer_length(&t->out) > 0) /* continues when the lower carrier has taken them */
        return;
    n = t->shutdown_timeout > 0 ? drain(t) : 0;
    if (n > 0) {
        if (eddyi_list_empty(&t->readable.link))
            eddyi_loop_ready(t->base.loop, &t->readable);
        return;
    }
    if (n != -EAGAIN || (!t->read_blocked_on_write && eddyi_tls_wait_lower(t) < 0))
        end(t, false, 0);
}

static void out_of_time(struct eddyi_ready *r)
{
    struct eddyi_tls_carrier *t = eddyi_container(r, struct eddyi_tls_carrier, timer.ready);

    if (eddyi_buffer_length(&t->out) > 0)
        eddyi_tls_reset(&t->base);
    end(t, true, -ETIMEDOUT);
}

static void begin(struct eddyi_tls_carrier *t)
{
    EDDYI_ASSERT(t->state == EDDYI_TLS_OPEN);
    t->state = EDDYI_TLS_SHUTDOWN;
    eddyi_ready_init(&t->timer.ready, out_of_time);
    if (eddyi_tls_start_timer(t, t->shutdown_timeout) < 0) {
        end(t, true, -ENOMEM);
        return;
    }
    t->had_unsent = eddyi_buffer_length(&t->out) > 0;
    ERR_clear_error();
    if (!t->eof_sent)
        SSL_shutdown(t->ssl);
    ERR_clear_error();
    t->eof_sent = true;
    eddyi_tls_shutdown_step(t);
}

/* Closes as a carrier does. A broken connection sends no close_notify. */
void eddyi_tls_close(eddy_carrier *c, bool abort)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);

    t->wants_to_read = t->wants_to_write = false;
    eddyi_ready_cancel(&t->readable);
    eddyi_ready_cancel(&t->writable);
    if (t->state == EDDYI_TLS_ENDING) {
        if (abort && !t->aborted && t->lower) {
            t->aborted = true;
            t->lower->ops->close(t->lower, true);
        }
    } else if (abort || c->loop->closed || t->state != EDDYI_TLS_OPEN || t->error < 0 ||
               t->write_error < 0) {
        end(t, true, 0);
    } else {
        begin(t);
    }
}
