/*
 * The handshake: the one part of TLS that a task waits for.
 */
#include "base/exception.h"
#include "fiber/stack.h"
#include "task/task.h"
#include "task/wait.h"
#include "tls/carrier.h"

#include <openssl/err.h>

/* The waiting task; lies on its stack. */
struct eddyi_tls_waiter {
    struct eddyi_wait *wait; /* NULL while the task does not wait */
    bool gone;               /* the carrier ended meanwhile, and may be freed */
};

void eddyi_tls_handshake_wake(struct eddyi_tls_carrier *t)
{
    if (t->waiter && t->waiter->wait && !t->waiter->wait->over)
        eddyi_wait_over(t->waiter->wait);
}

void eddyi_tls_handshake_gone(struct eddyi_tls_carrier *t)
{
    if (!t->waiter)
        return;
    t->waiter->gone = true;
    eddyi_tls_handshake_wake(t);
    t->waiter = NULL;
}

static bool cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

static int wait(struct eddyi_tls_waiter *waiter)
{
    struct eddyi_wait w;
    int rc = eddyi_wait_init(&w, cancel);

    if (rc < 0)
        return rc;
    w.what = "the TLS handshake";
    waiter->wait = &w;
    eddyi_wait_park(&w);
    waiter->wait = NULL;
    rc = eddyi_wait_finish(&w);
    if (rc == 0 && waiter->gone)
        return eddy_raise(-ECONNABORTED, "the connection was closed during the TLS handshake");
    return rc;
}

static void out_of_time(struct eddyi_ready *r)
{
    struct eddyi_tls_carrier *t = eddyi_container(r, struct eddyi_tls_carrier, timer.ready);

    t->error = -ECONNABORTED;
    eddyi_tls_handshake_wake(t);
}

static int raise_timeout(struct eddyi_tls_carrier *t)
{
    int rc =
        eddy_raise(-ECONNABORTED, "TLS with %s: the handshake is taking longer than %g seconds",
                   eddyi_tls_peer(t), t->handshake_timeout);

    t->exception = eddy_exception_ref(eddy_error());
    return rc;
}

/*
 * Calls OpenSSL once. OpenSSL takes 33 KiB of memory for a handshake when it is first called, so it
 * is not called before a client has sent something; a silent client costs a quarter of that.
 */
static int go(struct eddyi_tls_carrier *t)
{
    int rc = 0;

    if (t->context->side == EDDY_TLS_SERVER && !t->has_spoken)
        rc = eddyi_tls_hear_first(t);
    if (rc < 0)
        return rc == -EAGAIN ? rc : eddy_raise(rc, NULL);
    t->has_spoken = true;
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

int eddyi_tls_handshake(eddy_carrier *c)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);
    struct eddyi_tls_waiter waiter = {0};
    int rc;

    eddyi_ready_init(&t->timer.ready, out_of_time);
    rc = eddyi_tls_start_timer(t, t->handshake_timeout);
    if (rc < 0)
        return rc;
    t->waiter = &waiter;
    while ((rc = advance(t)) == -EAGAIN) {
        rc = wait(&waiter);
        if (waiter.gone)
            return rc;
        if (rc == 0 && t->error < 0)
            rc = raise_timeout(t);
        if (rc < 0)
            break;
    }
    t->waiter = NULL;
    eddyi_timer_stop(t->base.loop, &t->timer);
    if (rc == 0)
        eddyi_tls_agreed(t);
    /* OpenSSL's frames are deep, and the task may wait for its peer for hours. */
    eddyi_stack_shrink(eddyi_task_here()->stack, __builtin_frame_address(0));
    return rc;
}
