/*
 * wait_for: a timeout around one await, in the awaiting task (rules 99 to 103).
 */
#include "base/block.h"
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/timeout.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"
#include "task/wait.h"

struct wait_for {
    eddy_awaitable *x; /* owned until it is awaited */
    double timeout;
};

/* The wait for the end of a future that was cancelled, on the waiting task's stack. */
struct ending {
    struct eddyi_wait wait;
    struct eddyi_hook hook;
    struct eddyi_ready ready;
};

static void ended(struct eddyi_ready *r)
{
    struct ending *e = eddyi_container(r, struct ending, ready);

    if (!e->wait.over)
        eddyi_wait_over(&e->wait);
}

static bool stop_waiting(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

static int cancel_and_wait(eddy_future *f)
{
    struct ending e;
    int rc = eddyi_wait_init(&e.wait, stop_waiting);

    if (rc < 0)
        return rc;
    e.wait.what = "the end of what it cancelled";
    eddyi_ready_init(&e.ready, ended);
    eddyi_future_hook(f, &e.hook, &e.ready);
    e.hook.waiter = &e.wait.task->future;
    rc = eddyi_future_cancel(f, NULL);
    if (rc >= 0)
        eddyi_wait_park(&e.wait);
    eddyi_hook_remove(&e.hook);
    eddyi_ready_cancel(&e.ready);
    return rc < 0 ? rc : eddyi_wait_finish(&e.wait);
}

/* Waits without any time: only a future that is done already has a result. */
static int without_time(eddy_awaitable *x, void **ret_value)
{
    eddy_future *f = eddy_awaitable_ensure_future(x, NULL);
    bool was_done;
    int rc;

    if (!f)
        return eddyi_error_latest(-ENOMEM);
    was_done = eddyi_future_done(f);
    if (!was_done && f->loop != eddyi_loop_running)
        rc = eddy_raise(EDDY_EOTHERLOOP, "the awaited future belongs to another event loop");
    else
        rc = was_done ? 0 : cancel_and_wait(f);
    if (rc == 0) {
        rc = eddyi_future_done(f) ? eddyi_future_retrieve_raise(f, ret_value) : -ECANCELED;
        if (rc == -ECANCELED && !was_done)
            rc = eddy_raise(-ETIMEDOUT, NULL);
    }
    eddy_future_unref(f);
    return rc;
}

static int within_time(eddy_awaitable *x, double timeout, void **ret_value)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, timeout);
    return eddy_timeout_exit(&tm, eddy_awaitable_await(x, ret_value));
}

/* Returns the awaitable of @w, and disowns a coroutine, so that it can be run or closed. */
static eddy_awaitable *take(struct wait_for *w)
{
    if (w->x->kind == EDDYI_COROUTINE)
        ((eddy_coroutine *)(void *)w->x)->owned = false;
    return w->x;
}

static int run_one(struct wait_for *w, void **ret_value)
{
    eddy_awaitable *x = take(w);

    if (w->timeout != w->timeout) {
        eddy_awaitable_drop(x);
        return eddy_raise(-EINVAL, "wait_for: the timeout is not a number");
    }
    if (w->timeout <= 0)
        return without_time(x, ret_value);
    return within_time(x, w->timeout, ret_value);
}

static int run(void *arg);

static bool is_wait_for(const eddy_awaitable *x)
{
    return eddy_awaitable_iscoroutine(x) && ((const eddy_coroutine *)(const void *)x)->fn == run;
}

/* A wait_for within another one. */
struct inner {
    struct inner *outer;
    eddy_coroutine *coro; /* in the state in which eddy_await() runs it */
    eddy_timeout limit;   /* the timeout of the outer one */
};

/* Begins the next wait_for within @w, if there is one and memory suffices. */
static struct inner *begin_inner(eddy_task *t, const struct wait_for *w, struct inner *outer)
{
    struct inner *i = w->timeout > 0 && is_wait_for(w->x) ? eddyi_block_alloc(sizeof *i) : NULL;

    if (!i)
        return NULL;
    i->outer = outer;
    i->coro = (eddy_coroutine *)(void *)w->x;
    eddyi_timeout_enter(&i->limit, w->timeout, NULL);
    i->coro->drop = NULL;
    i->coro->outer = t->coro;
    t->coro = i->coro;
    return i;
}

static int end_inner(eddy_task *t, struct inner *i, int rc)
{
    t->coro = i->coro->outer;
    eddyi_coroutine_free(i->coro);
    rc = eddy_timeout_exit(&i->limit, rc);
    eddyi_block_free(i, sizeof *i);
    return rc;
}

/* Ends the inner ones that a C++ exception passes through; without an exception none are left. */
static void end_all(struct inner **innermost)
{
    struct inner *i;

    while ((i = *innermost) != NULL) {
        *innermost = i->outer;
        (void)!end_inner(eddyi_task_current(), i, 0);
    }
}

/* Runs a wait_for. They may be nested more deeply than would fit on a stack, so loops begin and end
 * the inner ones. */
static int run(void *arg)
{
    eddy_task *t = eddyi_task_current();
    struct wait_for *w = arg;
    EDDY_CLEANUP(end_all) struct inner *innermost = NULL;
    struct inner *i;
    void *value = NULL;
    int rc;

    while ((i = begin_inner(t, w, innermost)) != NULL) {
        innermost = i;
        w = i->coro->arg;
    }
    rc = run_one(w, &value);
    while ((i = innermost) != NULL) {
        innermost = i->outer;
        rc = end_inner(t, i, rc);
    }
    if (rc >= 0)
        eddy_return(value);
    return rc;
}

static void drop(void *arg)
{
    eddy_awaitable_drop(take(arg));
}

/* Consumes @coro; returns false, with EDDY_EMISUSE raised, if it has another owner. */
static bool take_over(eddy_coroutine *coro)
{
    if (eddyi_coroutine_is_taken(coro))
        return false;
    eddyi_coroutine_consume(coro);
    coro->owned = true;
    return true;
}

eddy_coroutine *eddy_awaitable_wait_for(eddy_awaitable *x, double timeout)
{
    struct wait_for args = {x, timeout};
    eddy_coroutine *coro;

    if (!x || eddyi_is_gone(x))
        return NULL;
    /* From here on the coroutine owns the awaitable. */
    if (x->kind == EDDYI_COROUTINE && !take_over((eddy_coroutine *)(void *)x))
        return NULL;
    coro =
        eddy_coroutine_new_copy("wait_for", run, &args, sizeof args, __builtin_return_address(0));
    if (coro)
        coro->drop = drop;
    else
        drop(&args);
    return coro;
}
