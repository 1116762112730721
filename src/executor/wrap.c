/*
 * wrap_future: a future of a loop that ends when a concurrent future does.
 *
 * A wrapper watches its source. The thread that ends the source posts the wrapper's ready item,
 * which allocates nothing; the outcome is copied in the loop's thread. The wrapper holds a
 * reference to itself, and is on the loop's list of pending parts, until the item has run or can no
 * longer come:
 *
 *   unwatched in time          no item was, or will be, posted
 *   told, and posted           the item runs, at the latest while the loop closes
 *   told, but the loop closed  nothing was posted; the loop's close finds the wrapper
 *
 * The wrapper of a private future lies in the memory of that future, and holds a reference to it
 * until it is destroyed: with two pieces of memory per job a flood of jobs was up to a third
 * slower.
 */
#include "executor/wrap.h"

#include "base/block.h"
#include "base/exception.h"
#include "base/sys.h"
#include "loop/loop.h"
#include "task/task.h"

static void release(struct eddyi_wrapped *w)
{
    eddyi_list_remove(&w->pending.link);
    if (w->expected)
        w->future.loop->expected--;
    w->expected = false;
    eddy_future_unref(&w->future);
}

static void loop_closes(struct eddyi_pending *p)
{
    struct eddyi_wrapped *w = eddyi_container(p, struct eddyi_wrapped, pending);

    if (!eddyi_concurrent_unwatch(w->source, &w->watcher)) {
        if (!eddyi_list_empty(&w->ready.link))
            /* The item is still to run. No other is posted, because the loop is closed. */
            return;
        eddyi_concurrent_wait_untold(w->source);
    }
    release(w);
}

/* Cancels the wrapper and its source. The source keeps the result of a running job, and drops
 * it. */
static bool wrapped_cancel(eddy_future *f, const eddy_exception *message)
{
    struct eddyi_wrapped *w = eddyi_container(f, struct eddyi_wrapped, future);
    eddy_concurrent_future *source;

    if (!eddyi_future_cancel_plain(f, message))
        return false;
    source = eddy_concurrent_future_ref(w->source);
    if (eddyi_concurrent_unwatch(source, &w->watcher))
        release(w);
    eddyi_concurrent_cancel(source);
    eddy_concurrent_future_unref(source);
    return true;
}

static void destroy(eddy_future *f)
{
    struct eddyi_wrapped *w = eddyi_container(f, struct eddyi_wrapped, future);
    bool has_memory = !w->source->private; /* of its own */

    /* A value without an owner, cancelled in the moment of its arrival, is dropped by the
     * source. */
    if (f->value_taken)
        eddyi_concurrent_take(w->source);
    eddyi_future_fini(f);
    if (!has_memory)
        eddyi_awaitable_mark_gone(&f->base);
    eddy_concurrent_future_unref(w->source);
    if (has_memory)
        eddyi_awaitable_free(&f->base, sizeof *w);
}

static const struct eddyi_future_ops wrapped_ops = {
    .noun = "result from another thread", .cancel = wrapped_cancel, .destroy = destroy};

/* Posts the ready item, in the thread that ended the source. The wrapper may be gone as soon as the
 * item is posted. */
static bool source_done(struct eddyi_watcher *watcher, bool reference)
{
    struct eddyi_wrapped *w = eddyi_container(watcher, struct eddyi_wrapped, watcher);

    w->has_two = reference;
    if (eddyi_loop_post(w->future.loop, &w->ready) == 0)
        return true;
    w->has_two = false;
    return false;
}

static void copy_outcome(struct eddyi_wrapped *w)
{
    eddy_exception *e;
    void *value = NULL;
    int status;

    if (eddy_concurrent_future_cancelled(w->source)) {
        eddyi_future_cancel_plain(&w->future, NULL);
    } else {
        status = eddyi_concurrent_outcome(w->source, &value, &e);
        eddyi_future_finish(&w->future, status, value, e);
    }
}

static void arrived(struct eddyi_ready *r)
{
    struct eddyi_wrapped *w = eddyi_container(r, struct eddyi_wrapped, ready);

    if (!eddyi_future_done(&w->future))
        copy_outcome(w);
    if (w->has_two)
        eddy_concurrent_future_unref(w->source);
    release(w);
}

static int check(const eddy_loop *loop, const eddy_concurrent_future *cf)
{
    int rc = cf ? eddyi_loop_check(loop) : eddy_raise(-ENOMEM, NULL);

    return rc < 0 ? rc : eddyi_concurrent_check(cf);
}

static eddy_future *wrap(eddy_loop *loop, eddy_concurrent_future *cf, struct eddyi_wrapped *w)
{
    *w = (struct eddyi_wrapped){0};
    eddyi_loop_attach_tasks(loop);
    eddyi_future_init(&w->future, loop, &wrapped_ops);
    w->future.refs = 2;
    w->source = cf;
    w->pending.close = loop_closes;
    eddyi_list_append(&loop->tasks.pending, &w->pending.link);
    eddyi_ready_init(&w->ready, arrived);
    w->expected = cf->loop != loop;
    loop->expected += w->expected;
    w->watcher.done = source_done;
    eddyi_concurrent_watch(cf, &w->watcher);
    return &w->future;
}

eddy_future *eddyi_wrap_private(eddy_loop *loop, eddy_concurrent_future *cf,
                                struct eddyi_wrapped *w)
{
    if (check(loop, cf) == 0)
        return wrap(loop, cf, w);
    eddy_concurrent_future_unref(cf);
    return NULL;
}

eddy_future *eddyi_wrap_future(eddy_loop *loop, eddy_concurrent_future *cf)
{
    struct eddyi_wrapped *w = NULL;

    if (check(loop, cf) == 0) {
        w = eddyi_block_alloc(sizeof *w);
        if (w)
            return wrap(loop, cf, w);
        eddy_raise(-ENOMEM, NULL);
    }
    eddy_concurrent_future_unref(cf);
    return NULL;
}

eddy_future *eddy_wrap_future(eddy_concurrent_future *cf)
{
    return eddyi_wrap_future(eddyi_loop_running, cf);
}

eddy_concurrent_future *eddyi_wrapped_source(const eddy_future *f)
{
    return f && f->ops == &wrapped_ops ? eddyi_container(f, struct eddyi_wrapped, future)->source
                                       : NULL;
}
