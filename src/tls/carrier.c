#include "tls/carrier.h"

#include "base/assert.h"
#include "base/exception.h"
#include "base/options.h"
#include "base/sys.h"

#include <openssl/err.h>

/* Reads into the buffer of the waiting user, who is not woken before there is a whole record. */
static void deliver(struct eddyi_tls_carrier *t)
{
    ssize_t n = -EAGAIN;

    if (!t->wants_to_read)
        return;
    if (t->buf)
        n = eddyi_tls_read(t, t->buf, t->size);
    if (n == -EAGAIN && t->read_cancelled) {
        n = -ECANCELED;
    } else if (n == -EAGAIN && t->read_blocked_on_write) {
        return; /* on_lower_writable() continues */
    } else if (n == -EAGAIN && t->buf) {
        int rc = eddyi_tls_wait_lower(t);

        if (rc == 0)
            return;
        n = rc;
    }
    t->wants_to_read = t->read_cancelled = false;
    t->base.on_readable(&t->base, n);
}

static void on_lower_readable(eddy_carrier *lower, ssize_t result)
{
    struct eddyi_tls_carrier *t = lower->user;

    t->reading = t->lower_fell_short = false;
    if (result == 0)
        t->lower_ended = true;
    else if (result < 0 && result != -EAGAIN && result != -ECANCELED)
        t->read_error = (int)result;
    t->needs_more_input = false;
    if (t->state == EDDYI_TLS_HANDSHAKE)
        eddyi_tls_soon(t, &t->step);
    else if (t->state == EDDYI_TLS_SHUTDOWN)
        eddyi_tls_shutdown_step(t);
    else if (t->state == EDDYI_TLS_OPEN)
        deliver(t);
}

static void on_lower_writable(eddy_carrier *lower)
{
    struct eddyi_tls_carrier *t = lower->user;

    t->writing = false;
    eddyi_tls_flush(t);
    if (t->state == EDDYI_TLS_SHUTDOWN)
        eddyi_tls_shutdown_step(t);
    if (t->state == EDDYI_TLS_HANDSHAKE && t->write_error < 0)
        eddyi_tls_soon(t, &t->step);
    if (t->state != EDDYI_TLS_OPEN)
        return;
    if (t->read_blocked_on_write && t->wants_to_read)
        eddyi_tls_soon(t, &t->readable);
    if (t->wants_to_write && (eddyi_buffer_length(&t->out) == 0 || t->write_error < 0)) {
        t->wants_to_write = false;
        t->base.on_writable(&t->base);
    }
}

static void on_lower_closed(eddy_carrier *lower, int status)
{
    struct eddyi_tls_carrier *t = lower->user;

    lower->ops->free(lower);
    t->lower = NULL;
    t->base.on_closed(&t->base, t->close_status < 0 ? t->close_status : status);
}

static void on_soon_readable(struct eddyi_ready *r)
{
    struct eddyi_tls_carrier *t = eddyi_container(r, struct eddyi_tls_carrier, readable);

    if (t->state == EDDYI_TLS_SHUTDOWN)
        eddyi_tls_shutdown_step(t);
    else
        deliver(t);
}

static void on_soon_writable(struct eddyi_ready *r)
{
    struct eddyi_tls_carrier *t = eddyi_container(r, struct eddyi_tls_carrier, writable);

    t->wants_to_write = false;
    t->base.on_writable(&t->base);
}

static ssize_t tls_read(eddy_carrier *c, void *buf, size_t size)
{
    return eddyi_tls_read(eddyi_tls_of(c), buf, size);
}

static ssize_t tls_write(eddy_carrier *c, const struct iovec *iov, int n)
{
    return eddyi_tls_write(eddyi_tls_of(c), iov, n);
}

static int tls_wait_readable(eddy_carrier *c, void *buf, size_t size)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);
    int rc = 0;

    t->buf = buf;
    t->size = size;
    if (t->state == EDDYI_TLS_HANDSHAKE)
        rc = 0; /* eddyi_tls_agreed() continues */
    else if (t->error < 0 || t->ended || (!t->needs_more_input && SSL_has_pending(t->ssl)))
        eddyi_tls_soon(t, &t->readable);
    else if (!t->read_blocked_on_write)
        rc = eddyi_tls_wait_lower(t);
    t->wants_to_read = rc == 0;
    return rc;
}

static void tls_cancel_readable(eddy_carrier *c)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);

    if (!t->wants_to_read)
        return;
    t->read_cancelled = true;
    if (t->reading && t->state == EDDYI_TLS_OPEN)
        t->lower->ops->cancel_readable(t->lower);
    else
        eddyi_tls_soon(t, &t->readable);
}

static int tls_wait_writable(eddy_carrier *c)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);

    t->wants_to_write = true;
    if (t->state == EDDYI_TLS_HANDSHAKE)
        return 0;
    if (eddyi_buffer_length(&t->out) == 0 || t->write_error < 0)
        eddyi_tls_soon(t, &t->writable);
    return 0;
}

void eddyi_tls_agreed(struct eddyi_tls_carrier *t)
{
    EDDYI_ASSERT(t->state == EDDYI_TLS_HANDSHAKE);
    t->state = EDDYI_TLS_OPEN;
    if (t->wants_to_read)
        eddyi_tls_soon(t, &t->readable);
    if (t->wants_to_write && eddyi_buffer_length(&t->out) == 0)
        eddyi_tls_soon(t, &t->writable);
}

/* Sends this side's close_notify; the other side may go on. */
static int tls_write_eof(eddy_carrier *c)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);

    if (t->error < 0)
        return eddyi_tls_broken(t);
    if (t->state == EDDYI_TLS_HANDSHAKE || eddyi_buffer_length(&t->out) > 0)
        return -EAGAIN;
    ERR_clear_error();
    if (!t->eof_sent && SSL_shutdown(t->ssl) < 0 && t->write_error < 0)
        return t->write_error;
    ERR_clear_error();
    t->eof_sent = true;
    return 0;
}

static void tls_free(eddy_carrier *c)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);

    eddyi_timer_stop(t->base.loop, &t->timer);
    eddyi_ready_cancel(&t->readable);
    eddyi_ready_cancel(&t->writable);
    eddyi_ready_cancel(&t->step);
    if (t->lower)
        t->lower->ops->free(t->lower);
    if (t->context->given && t->ssl)
        SSL_set_bio(t->ssl, NULL, NULL); /* the program may use it further, but not this carrier */
    SSL_free(t->ssl);
    eddy_tls_context_unref(t->context);
    eddyi_buffer_fini(&t->ahead);
    eddyi_buffer_fini(&t->out);
    eddy_exception_unref(t->lower_reason);
    eddy_exception_unref(t->exception);
    eddyi_free(t->refusal);
    eddyi_free(t->host);
    eddyi_free(t->asked_for);
    eddyi_free(t);
}

static size_t tls_kept(const eddy_carrier *c)
{
    const struct eddyi_tls_carrier *t = eddyi_tls_of((eddy_carrier *)(uintptr_t)c);
    const eddy_carrier *lower = t->lower;

    return eddyi_buffer_length(&t->out) + (lower && lower->ops->kept ? lower->ops->kept(lower) : 0);
}

void eddyi_tls_reset(eddy_carrier *c)
{
    eddy_carrier *lower = eddyi_tls_of(c)->lower;

    if (lower && lower->ops->reset)
        lower->ops->reset(lower);
}

static const eddy_carrier_ops carrier_ops = {
    .name = "tls",
    .read = tls_read,
    .write = tls_write,
    .wait_readable = tls_wait_readable,
    .cancel_readable = tls_cancel_readable,
    .wait_writable = tls_wait_writable,
    .write_eof = tls_write_eof,
    .close = eddyi_tls_close,
    .free = tls_free,
    .get_extra_info = eddyi_tls_get_extra_info,
    .kept = tls_kept,
    .reset = eddyi_tls_reset,
    .waits_without_memory = true,
};

static struct eddyi_tls_carrier *make(eddy_tls_context *context, eddy_loop *loop,
                                      const eddy_tls_carrier_options *o)
{
    struct eddyi_tls_carrier *t = eddyi_zalloc(sizeof *t);

    if (!t)
        return NULL;
    t->base.ops = &carrier_ops;
    t->base.loop = loop;
    t->context = eddy_tls_context_ref(context);
    t->rules = atomic_load_explicit(&context->rules, memory_order_acquire);
    t->handshake_timeout = o->handshake_timeout > 0 ? o->handshake_timeout : 60;
    t->shutdown_timeout = o->shutdown_timeout > 0 ? o->shutdown_timeout : 30;
    eddyi_ready_init(&t->readable, on_soon_readable);
    eddyi_ready_init(&t->writable, on_soon_writable);
    eddyi_ready_init(&t->step, eddyi_tls_handshake_step);
    eddyi_ready_init(&t->timer.ready, NULL);
    return t;
}

static SSL *new_ssl(eddy_tls_context *context)
{
    if (eddyi_fault("SSL_new"))
        return NULL;
    if (!context->given)
        return SSL_new(context->ssl);
    SSL_up_ref(context->given);
    return context->given;
}

static int set_up(struct eddyi_tls_carrier *t, bool server_side, const eddy_tls_carrier_options *o)
{
    BIO *bio;

    ERR_clear_error();
    t->ssl = new_ssl(t->context);
    bio = t->ssl ? eddyi_tls_bio_new(t) : NULL;
    if (!bio)
        return eddy_raise(-ENOMEM, NULL);
    SSL_set_bio(t->ssl, bio, bio);
    if (!t->context->given)
        SSL_set_app_data(t->ssl, t);
    if (o->n_ahead > 0 && eddyi_buffer_append(&t->ahead, o->ahead, o->n_ahead) < 0)
        return eddy_raise(-ENOMEM, NULL);
    if (t->context->given)
        return 0;
    if (server_side) {
        SSL_set_accept_state(t->ssl);
        return 0;
    }
    SSL_set_connect_state(t->ssl);
    return eddyi_tls_expect(t, o->server_hostname);
}

static int wrap(eddy_tls_context *context, bool server_side, eddy_carrier *lower,
                const eddy_tls_carrier_options *options, eddy_carrier **ret)
{
    struct eddyi_tls_carrier *t;
    int rc;

    if ((context->side == EDDY_TLS_SERVER) != server_side)
        return eddy_raise(-EINVAL, "a %s cannot use a TLS context for %s",
                          server_side ? "server" : "client", server_side ? "clients" : "servers");
    rc = context->given ? 0 : eddyi_tls_context_prepare(context);
    if (rc < 0)
        return rc;
    t = make(context, lower->loop, options);
    if (!t)
        return eddy_raise(-ENOMEM, NULL);
    rc = set_up(t, server_side, options);
    if (rc < 0) {
        tls_free(&t->base);
        return rc;
    }
    t->lower = lower;
    lower->user = t;
    lower->on_readable = on_lower_readable;
    lower->on_writable = on_lower_writable;
    lower->on_closed = on_lower_closed;
    if (!server_side && !context->given)
        eddyi_tls_session_resume(t);
    *ret = &t->base;
    return 0;
}

/* Gives @lower back, which has not been used, and frees the carrier over it. */
static void unwrap(eddy_carrier *c)
{
    eddyi_tls_of(c)->lower = NULL;
    tls_free(c);
}

int(eddy_tls_carrier_new)(eddy_carrier *lower, eddy_tls_context *context,
                          const eddy_tls_carrier_options *options, eddy_tls_done_fn *done,
                          void *arg, eddy_carrier **ret, size_t options_size)
{
    static const eddy_tls_carrier_options defaults;
    EDDYI_OPTIONS(eddy_tls_carrier_options, options, options_size, -E2BIG);
    eddy_carrier *c;
    int rc;

    if (!lower || !context || !done || !ret)
        return eddy_raise(-EINVAL, "tls_carrier_new: a carrier, a context and a callback");
    rc = eddyi_loop_check(lower->loop);
    if (rc == 0)
        rc = wrap(context, context->side == EDDY_TLS_SERVER, lower, options ? options : &defaults,
                  &c);
    if (rc < 0)
        return rc;
    rc = eddyi_tls_handshake_later(c, done, arg);
    if (rc < 0)
        unwrap(c);
    else
        *ret = c;
    return rc;
}

static void ref(eddy_tls_context *context)
{
    eddy_tls_context_ref(context);
}

const struct eddyi_tls_ops eddyi_tls_ops = {
    .ref = ref,
    .unref = eddy_tls_context_unref,
    .wrap = wrap,
    .handshake = eddyi_tls_handshake,
};
