/*
 * run_coroutine_threadsafe: a coroutine that the loop of another thread runs.
 *
 * The loop holds a reference until the task has ended: first through the item that starts it, then
 * through the list of its pending parts. So when the loop closes, whatever has not ended is found
 * and cancelled, and no thread waits for it in vain.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/task.h"
#include "executor/concurrent.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

struct remote {
    struct eddy_concurrent_future cf;
    /* borrowed; NULL when the loop no longer uses this object. Guarded by the mutex of cf */
    eddy_loop *loop;
    struct eddyi_ready start;  /* creates the task */
    struct eddyi_ready ended;  /* the task has ended */
    struct eddyi_ready cancel; /* posted at most once */
    struct eddyi_hook hook;
    struct eddyi_pending pending;
    eddy_coroutine *coro;        /* until there is a task */
    eddy_future *task;           /* owned by the loop's thread; NULL before and after */
    struct eddyi_var_scope vars; /* the caller's variables, of which the task gets a copy */
};

static struct remote *remote_of(eddy_concurrent_future *cf)
{
    return eddyi_container(cf, struct remote, cf);
}

/* Posts the cancellation to the loop. The task goes the way of all of the loop's objects: it is
 * released in the loop's thread, when the task has been told or ends. */
static void cancelled(eddy_concurrent_future *cf)
{
    struct remote *r = remote_of(cf);

    if (!r->loop)
        return;
    eddy_concurrent_future_ref(cf);
    if (eddyi_loop_post(r->loop, &r->cancel) < 0)
        atomic_fetch_sub(&cf->refs, 1); /* not the last: the cancelling thread holds one */
}

static void destroy(eddy_concurrent_future *cf)
{
    struct remote *r = remote_of(cf);

    eddyi_vars_fini(&r->vars);
    eddyi_concurrent_fini(cf);
    eddyi_free(r);
}

static const struct eddyi_concurrent_ops remote_ops = {cancelled, destroy};

/* Releases everything that the loop holds. */
static void release(struct remote *r)
{
    eddyi_concurrent_lock(&r->cf);
    r->loop = NULL;
    eddyi_concurrent_unlock(&r->cf);
    eddyi_list_remove(&r->pending.link);
    eddyi_hook_remove(&r->hook);
    eddyi_ready_cancel(&r->ended);
    eddy_future_unref(r->task);
    r->task = NULL;
    eddy_concurrent_future_unref(&r->cf);
}

/* Copies the task's outcome. As in CPython, the failure of a task whose concurrent future was
 * cancelled counts as not retrieved. */
static void copy_outcome(struct remote *r)
{
    eddy_exception *e;
    void *value = NULL;
    int status;

    if (eddyi_concurrent_done(&r->cf))
        return;
    status = eddyi_future_retrieve(r->task, &value, &e);
    if (r->task->state == EDDYI_CANCELLED)
        eddyi_concurrent_finish_cancelled(&r->cf, e);
    else
        eddyi_concurrent_finish(&r->cf, status, value, e);
}

static void run_ended(struct eddyi_ready *ready)
{
    struct remote *r = eddyi_container(ready, struct remote, ended);

    copy_outcome(r);
    release(r);
}

static void loop_closes(struct eddyi_pending *p)
{
    struct remote *r = eddyi_container(p, struct remote, pending);

    if (eddyi_future_done(r->task))
        copy_outcome(r);
    else
        eddyi_concurrent_finish_cancelled(&r->cf, NULL);
    release(r);
}

static void watch_task(struct remote *r, eddy_loop *loop, eddy_task *t)
{
    r->task = eddy_task_future(t);
    eddyi_list_append(&loop->tasks.pending, &r->pending.link);
    if (eddyi_future_done(r->task))
        eddyi_loop_ready(loop, &r->ended);
    else
        eddyi_future_hook(r->task, &r->hook, &r->ended);
}

static void run_start(struct eddyi_ready *ready)
{
    struct remote *r = eddyi_container(ready, struct remote, start);
    eddy_loop *loop = r->loop;
    struct eddyi_var_scope *vars = eddyi_vars_current;
    eddy_task *t;

    if (loop->closed) {
        eddyi_coroutine_free(r->coro);
        eddyi_concurrent_finish_cancelled(&r->cf, NULL);
        release(r);
        return;
    }
    eddyi_vars_current = &r->vars;
    t = eddy_loop_create_task_with(loop, &(eddy_task_options){.coro = r->coro});
    eddyi_vars_current = vars;
    if (t) {
        watch_task(r, loop, t);
    } else {
        eddyi_concurrent_finish(&r->cf, eddy_exception_code(eddy_error()), NULL,
                                eddy_exception_ref(eddy_error()));
        release(r);
    }
}

static void run_cancel(struct eddyi_ready *ready)
{
    struct remote *r = eddyi_container(ready, struct remote, cancel);

    if (r->task)
        eddyi_future_cancel(r->task, NULL);
    eddy_concurrent_future_unref(&r->cf);
}

static struct remote *remote_new(eddy_coroutine *coro, eddy_loop *loop)
{
    struct remote *r = eddyi_zalloc(sizeof *r);

    if (!r)
        return NULL;
    eddyi_concurrent_init(&r->cf, &remote_ops);
    atomic_store(&r->cf.refs, 2); /* the caller's and the loop's */
    r->cf.loop = loop;
    r->loop = loop;
    r->coro = coro;
    r->pending.close = loop_closes;
    eddyi_list_init(&r->pending.link);
    eddyi_hook_init(&r->hook);
    eddyi_ready_init(&r->start, run_start);
    eddyi_ready_init(&r->ended, run_ended);
    eddyi_ready_init(&r->cancel, run_cancel);
    eddyi_vars_init(&r->vars, NULL);
    return r;
}

eddy_concurrent_future *eddy_run_coroutine_threadsafe(eddy_coroutine *coro, eddy_loop *loop)
{
    struct remote *r;
    int rc;

    if (!coro || !loop) {
        (void)(coro ? eddyi_raise_no_loop() : eddy_raise(-ENOMEM, NULL));
        eddy_coroutine_close(coro);
        return NULL;
    }
    if (eddyi_is_gone((eddy_awaitable *)(void *)coro) || eddyi_coroutine_is_taken(coro))
        return NULL;
    eddyi_coroutine_consume(coro); /* leaves this thread's list before another thread gets it */
    r = remote_new(coro, loop);
    rc = r ? eddyi_loop_post(loop, &r->start) : -ENOMEM;
    if (rc < 0) {
        eddy_raise(rc, NULL);
        eddyi_coroutine_free(coro);
        if (r)
            destroy(&r->cf);
        return NULL;
    }
    return &r->cf;
}
