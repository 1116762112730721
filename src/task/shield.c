/*
 * shield: a future that ends as another one does, and does not pass its cancellation on.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/future.h"

struct shield {
    struct eddy_future future;
    struct eddyi_pending pending;
    struct eddyi_hook hook; /* on inner, until either future is done */
    struct eddyi_ready ready;
    eddy_future *inner; /* owned */
};

/* Drops the reference that the shield holds to itself until either future is done, so that the
 * outcome is passed on even if no task waits. */
static void let_go(struct eddyi_pending *p)
{
    struct shield *s = eddyi_container(p, struct shield, pending);

    eddyi_list_remove(&s->pending.link);
    eddyi_hook_remove(&s->hook);
    eddyi_ready_cancel(&s->ready);
    eddy_future_unref(&s->future);
}

static bool shield_cancel(eddy_future *f, const eddy_exception *message)
{
    struct shield *s = eddyi_container(f, struct shield, future);
    bool queued = eddyi_future_done(s->inner);

    if (!eddyi_future_cancel_plain(f, message))
        return false;
    if (!queued)
        let_go(&s->pending);
    return true;
}

static void destroy(eddy_future *f)
{
    struct shield *s = eddyi_container(f, struct shield, future);

    eddyi_future_fini(f);
    eddyi_future_release(s->inner);
    eddyi_awaitable_free(&f->base, 0);
}

static const struct eddyi_future_ops shield_ops = {
    .noun = "shield", .cancel = shield_cancel, .destroy = destroy};

static void inner_done(struct eddyi_ready *r)
{
    struct shield *s = eddyi_container(r, struct shield, ready);
    eddy_future *inner = s->inner;
    eddy_exception *e;
    void *value = NULL;
    int status;

    if (eddyi_future_done(&s->future)) {
        inner->unretrieved = false;
    } else if (inner->state == EDDYI_CANCELLED) {
        eddyi_future_cancel_plain(&s->future, NULL);
    } else {
        status = eddyi_future_retrieve(inner, &value, &e);
        eddyi_future_finish(&s->future, status, value, e);
    }
    let_go(&s->pending);
}

static eddy_future *shield_new(eddy_future *inner, struct shield *s)
{
    eddyi_future_init(&s->future, inner->loop, &shield_ops);
    s->future.refs = 2;
    s->inner = inner;
    s->pending.close = let_go;
    eddyi_list_append(&inner->loop->tasks.pending, &s->pending.link);
    eddyi_ready_init(&s->ready, inner_done);
    eddyi_future_hook(inner, &s->hook, &s->ready);
    s->hook.waiter = &s->future;
    return &s->future;
}

eddy_future *eddy_awaitable_shield(eddy_awaitable *x)
{
    struct shield *s;
    eddy_future *inner;

    if (x && eddyi_is_gone(x))
        return NULL;
    if (eddy_awaitable_isfuture(x) && eddyi_future_done(eddyi_future_of(x)))
        return eddyi_future_of(x);
    /* The memory is allocated first, so that no task is started in vain. */
    s = x ? eddyi_alloc(sizeof *s) : NULL;
    if (!s) {
        eddy_awaitable_drop(x);
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    inner = eddy_awaitable_ensure_future(x, NULL);
    if (inner && !eddyi_future_done(inner))
        return shield_new(inner, s);
    eddyi_free(s);
    return inner;
}
