/*
 * Callbacks for signals: add_signal_handler and its removal.
 *
 * As in asyncio, a delivery is noticed in one turn, and the callback that was registered then is
 * called in the next. Deliveries that are noticed together are called together, so one item of the
 * ready queue serves all of them.
 */
#include "base/refs.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/signal.h"
#include "loop/loop.h"
#include "loop/signal.h"

struct handler {
    unsigned refs; /* one as the signal's present handler, one while a call is due */
    struct eddyi_signal_subscriber subscriber;
    struct handlers *owner;
    eddy_callback_fn *fn;
    void *arg;
    struct eddyi_var_scope vars;
};

/* The signal handlers of one loop. */
struct handlers {
    struct eddyi_loop_part part;
    struct handler *present[EDDYI_SIGNALS];
    struct handler *due[EDDYI_SIGNALS]; /* the handlers to call for the numbers in @calls */
    struct eddyi_signal_fifo calls;
    struct eddyi_ready ready;
};

static void handler_unref(struct handler *h)
{
    if (!h || !eddyi_refs_drop(&h->refs))
        return;
    eddyi_vars_fini(&h->vars);
    eddyi_free(h);
}

static void deliver(struct eddyi_signal_subscriber *s)
{
    struct handler *h = eddyi_container(s, struct handler, subscriber);
    struct handlers *owner = h->owner;

    if (!owner->due[s->signo]) {
        h->refs++;
        owner->due[s->signo] = h;
    }
    eddyi_signal_fifo_put(&owner->calls, s->signo);
    if (eddyi_list_empty(&owner->ready.link))
        eddyi_loop_ready(s->loop, &owner->ready);
}

static void drop_due(struct handlers *all)
{
    for (int signo = 1; signo < EDDYI_SIGNALS; signo++) {
        handler_unref(all->due[signo]);
        all->due[signo] = NULL;
    }
}

/* Ends the calls, also when a C++ exception has left a callback: then the remaining calls are
 * lost. */
static void called(struct handlers **all)
{
    eddyi_vars_current = NULL;
    eddyi_cleaned_up = &(*all)->ready;
    while (eddyi_signal_fifo_take(&(*all)->calls) != 0)
        ;
    drop_due(*all);
}

static void call_due(struct eddyi_ready *r)
{
    EDDY_CLEANUP(called) struct handlers *all = eddyi_container(r, struct handlers, ready);
    int signo;

    while ((signo = eddyi_signal_fifo_take(&all->calls)) != 0) {
        struct handler *h = all->due[signo];

        eddyi_vars_current = &h->vars;
        h->fn(h->arg);
        eddyi_vars_current = NULL;
    }
}

static bool remove_handler(struct handlers *all, int signo)
{
    struct handler *h = all->present[signo];

    if (!h)
        return false;
    all->present[signo] = NULL;
    eddyi_signal_unsubscribe(&h->subscriber);
    handler_unref(h);
    return true;
}

static void close_part(struct eddyi_loop_part *part)
{
    struct handlers *all = eddyi_container(part, struct handlers, part);

    eddyi_ready_cancel(&all->ready);
    drop_due(all);
    for (int signo = 1; signo < EDDYI_SIGNALS; signo++)
        remove_handler(all, signo);
    eddyi_free(all);
}

static void init_part(struct eddyi_loop_part *part)
{
    eddyi_ready_init(&eddyi_container(part, struct handlers, part)->ready, call_due);
}

static const struct eddyi_part_kind kind = {
    .size = sizeof(struct handlers), .init = init_part, .close = close_part};

static struct handler *handler_new(struct handlers *owner, eddy_callback_fn *fn, void *arg)
{
    struct handler *h = owner ? eddyi_zalloc(sizeof *h) : NULL;

    if (!h)
        return NULL;
    h->refs = 1;
    h->owner = owner;
    h->fn = fn;
    h->arg = arg;
    h->subscriber.deliver = deliver;
    eddyi_vars_init(&h->vars, NULL);
    return h;
}

int eddy_loop_add_signal_handler(eddy_loop *loop, int signo, eddy_callback_fn *fn, void *arg)
{
    struct handlers *all;
    struct handler *h;
    int rc = eddyi_loop_check(loop);

    if (rc == 0 && !fn)
        rc = eddy_raise(-EINVAL, "add_signal_handler: there is no callback");
    if (rc == 0)
        rc = eddyi_signal_check(signo);
    if (rc < 0)
        return rc;
    all = eddyi_loop_part(loop, &kind);
    h = handler_new(all, fn, arg);
    if (!h)
        return eddy_raise(-ENOMEM, NULL);
    rc = eddyi_signal_subscribe(loop, &h->subscriber, signo);
    if (rc < 0) {
        handler_unref(h);
        return rc;
    }
    remove_handler(all, signo); /* only now, so that the signal always had a handler */
    all->present[signo] = h;
    return 0;
}

bool eddy_loop_remove_signal_handler(eddy_loop *loop, int signo)
{
    struct handlers *all;

    if (signo < 1 || signo >= EDDYI_SIGNALS || eddyi_loop_check(loop) < 0)
        return false;
    all = eddyi_loop_part_find(loop, &kind);
    return all && remove_handler(all, signo);
}
