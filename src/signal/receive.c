/*
 * Tasks that wait for signals.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/signal.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "task/wait.h"

/* The object behind an eddy_signals. */
struct receiver {
    struct eddyi_signal_fifo arrived;
    struct eddyi_wait *waiter; /* the task in eddy_signals_next(), or NULL */
    eddy_loop *loop;           /* holds a reference */
    size_t n;
    struct subscription {
        struct eddyi_signal_subscriber subscriber;
        struct receiver *receiver;
    } subscriptions[];
};

static void deliver(struct eddyi_signal_subscriber *s)
{
    struct receiver *r = eddyi_container(s, struct subscription, subscriber)->receiver;

    eddyi_signal_fifo_put(&r->arrived, s->signo);
    if (r->waiter && !r->waiter->over)
        eddyi_wait_over(r->waiter);
}

static void unsubscribe(struct receiver *r)
{
    while (r->n > 0)
        eddyi_signal_unsubscribe(&r->subscriptions[--r->n].subscriber);
}

static void receiver_free(struct receiver *r)
{
    unsubscribe(r);
    eddy_loop_unref(r->loop);
    eddyi_free(r);
}

static bool is_among(const int *signos, size_t n, int signo)
{
    for (size_t i = 0; i < n; i++)
        if (signos[i] == signo)
            return true;
    return false;
}

static int subscribe(struct receiver *r, int signo)
{
    struct subscription *s = &r->subscriptions[r->n];
    int rc;

    s->receiver = r;
    s->subscriber.deliver = deliver;
    rc = eddyi_signal_subscribe(r->loop, &s->subscriber, signo);
    if (rc == 0)
        r->n++;
    return rc;
}

int eddy_signals_open_list(eddy_signals *s, const int *signos, size_t n)
{
    struct receiver *r;
    int rc = s ? eddyi_loop_check(eddyi_loop_running)
               : eddy_raise(-EINVAL, "signals_open: there is no place for them");

    if (!s)
        return rc;
    s->eddyi_receiver = NULL;
    if (rc < 0)
        return rc;
    if (n == 0)
        return eddy_raise(-EINVAL, "there is no signal to wait for");
    r = eddyi_zalloc(sizeof *r + n * sizeof r->subscriptions[0]);
    if (!r)
        return eddy_raise(-ENOMEM, NULL);
    r->loop = eddy_loop_ref(eddyi_loop_running);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (!is_among(signos, i, signos[i]))
            rc = subscribe(r, signos[i]);
    if (rc < 0)
        receiver_free(r);
    else
        s->eddyi_receiver = r;
    return rc;
}

static bool signals_cancel(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

/* Waits for the next signal to arrive. */
static int wait_for_one(struct receiver *r)
{
    struct eddyi_wait w;
    int rc = eddyi_wait_init(&w, signals_cancel), signo;

    if (rc < 0)
        return rc;
    w.what = "a signal";
    r->waiter = &w;
    eddyi_wait_park(&w);
    r->waiter = NULL;
    signo = eddyi_signal_fifo_take(&r->arrived);
    return (int)eddyi_wait_finish_with(&w, signo ? signo : -ECANCELED);
}

int eddy_signals_next(eddy_signals *s)
{
    struct receiver *r = s->eddyi_receiver;
    int signo;

    if (!r)
        return eddy_raise(EDDY_EMISUSE, "eddy_signals_next: it is not open");
    if (r->waiter)
        return eddy_raise(-EBUSY, "another task waits for these signals already");
    signo = eddyi_signal_fifo_take(&r->arrived);
    if (signo)
        return signo;
    if (r->loop->closed)
        return eddy_raise(EDDY_ECLOSED, NULL);
    return wait_for_one(r);
}

/*
 * Ends the subscriptions and frees @r. Signals that arrived and were not taken are raised again, so
 * that they have the effect they have without eddy, except for a number that another subscriber has
 * heard of, and for @taken (0: none), of which one delivery was enough.
 */
static void end(struct receiver *r, int taken)
{
    int signo;

    if (!eddyi_loop_forked(r->loop))
        eddyi_signal_look(r->loop);
    unsubscribe(r);
    while ((signo = eddyi_signal_fifo_take(&r->arrived)) != 0)
        if (signo != taken && !eddyi_signal_is_subscribed(signo))
            raise(signo);
    receiver_free(r);
}

void eddy_signals_close(eddy_signals *s)
{
    struct receiver *r = s->eddyi_receiver;

    s->eddyi_receiver = NULL;
    if (r)
        end(r, 0);
}

int eddy_signal_wait_list(const int *signos, size_t n)
{
    eddy_signals s;
    int rc = eddy_signals_open_list(&s, signos, n);

    if (rc < 0)
        return rc;
    rc = eddy_signals_next(&s);
    end(s.eddyi_receiver, rc);
    return rc;
}
