/*
 * The handshake. Its first step is taken at once; the others are callbacks on the loop's stack,
 * because OpenSSL's frames are deep, and a task's stack may be small.
 */
#include "base/exception.h"
#include "tls/carrier.h"

#include <openssl/err.h>

/* Ends the handshake and calls done() with its result; @rc < 0 is raised. The carrier may be freed
 * by that call. */
static void end(struct eddyi_tls_carrier *t, int rc)
{
    void (*done)(void *arg, int rc) = t->handshake_done;

    t->handshake_done = NULL;
    eddyi_ready_cancel(&t->step);
    eddyi_timer_stop(t->base.loop, &t->timer);
    if (rc == 0)
        eddyi_tls_agreed(t);
    done(t->handshake_arg, rc);
}

void eddyi_tls_handshake_gone(struct eddyi_tls_carrier *t)
{
    if (t->handshake_done)
        end(t, eddy_raise(-ECONNABORTED, "the connection was closed during the TLS handshake"));
}

static void out_of_time(struct eddyi_ready *r)
{
    struct eddyi_tls_carrier *t = eddyi_container(r, struct eddyi_tls_carrier, timer.ready);

    t->error =
        eddy_raise(-ECONNABORTED, "TLS with %s: the handshake is taking longer than %g seconds",
                   eddyi_tls_peer(t), t->handshake_timeout);
    t->exception = eddy_exception_ref(eddy_error());
    end(t, t->error);
}

/*
 * Calls OpenSSL once. OpenSSL takes 33 KiB of memory for a handshake when it is first called, so it
 * is not called before a client has sent something; a silent client costs a quarter of that.
 */
static int go(struct eddyi_tls_carrier *t)
{
    int rc = 0;

    if (t->context->side == EDDY_TLS_SERVER && !t->has_sent)
        rc = eddyi_tls_hear_first(t);
    if (rc < 0)
        return rc == -EAGAIN ? rc : eddy_raise(rc, NULL);
    t->has_sent = true;
    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);
    return rc == 1 ? 0 : eddyi_tls_outcome(t, rc);
}

/* Takes one step. Returns 0 when done, -EAGAIN if the other side must send something, or a raised
 * error. */
static int advance(struct eddyi_tls_carrier *t)
{
    int rc = go(t);

    if (rc != -EAGAIN)
        return rc;
    rc = eddyi_tls_wait_lower(t);
    return rc < 0 ? eddy_raise(rc, "TLS with %s", eddyi_tls_peer(t)) : -EAGAIN;
}

void eddyi_tls_handshake_step(struct eddyi_ready *r)
{
    struct eddyi_tls_carrier *t = eddyi_container(r, struct eddyi_tls_carrier, step);
    int rc = t->handshake_done ? advance(t) : -EAGAIN;

    if (rc != -EAGAIN)
        end(t, rc);
}

int eddyi_tls_handshake_later(eddy_carrier *c, void (*done)(void *arg, int rc), void *arg)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);
    int rc;

    eddyi_ready_init(&t->timer.ready, out_of_time);
    rc = eddyi_tls_start_timer(t, t->handshake_timeout);
    if (rc < 0)
        return rc;
    t->handshake_done = done;
    t->handshake_arg = arg;
    eddyi_tls_soon(t, &t->step);
    return 0;
}

int eddyi_tls_handshake(eddy_carrier *c, void (*done)(void *arg, int rc), void *arg)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);
    int rc;

    if (c->loop->closed)
        return eddy_raise(-ECANCELED, NULL);
    eddyi_ready_init(&t->timer.ready, out_of_time);
    rc = eddyi_tls_start_timer(t, t->handshake_timeout);
    if (rc < 0)
        return rc;
    rc = advance(t);
    if (rc < 0 && rc != -EAGAIN) {
        eddyi_timer_stop(c->loop, &t->timer);
        return rc;
    }
    t->handshake_done = done;
    t->handshake_arg = arg;
    if (rc == 0)
        eddyi_tls_soon(t, &t->step);
    return 0;
}
