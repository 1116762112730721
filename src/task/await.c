/*
 * eddy_await: runs a coroutine in the current task, or waits for a future.
 */
#include "base/exception.h"
#include "base/refs.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/switch.h"
#include "task/task.h"

/*
 * The awaitables that this thread has released and not freed yet, linked by fields that are no
 * longer used.
 *
 * The owner of awaitables releases them here when it is freed itself, and they may own others in
 * turn, to any depth. So only the outermost call frees; the calls within it add to the list.
 */
static EDDYI_THREAD_LOCAL struct doomed {
    eddy_awaitable *first, *last;
    bool freeing;
} doomed;

static void **next_of(eddy_awaitable *x)
{
    return x->kind == EDDYI_COROUTINE ? (void **)&((eddy_coroutine *)(void *)x)->outer
                                      : &eddyi_future_of(x)->value;
}

static void doom(struct doomed *d, eddy_awaitable *x)
{
    *next_of(x) = NULL;
    *(d->first ? next_of(d->last) : (void **)&d->first) = x;
    d->last = x;
}

static void free_doomed(struct doomed *d)
{
    d->freeing = true;
    while (d->first) {
        eddy_awaitable *x = d->first;

        d->first = *next_of(x);
        if (x->kind == EDDYI_COROUTINE)
            eddyi_coroutine_free((eddy_coroutine *)(void *)x);
        else
            eddyi_future_of(x)->ops->destroy(eddyi_future_of(x));
    }
    d->freeing = false;
}

/* Drops a reference to @f; returns whether it was the last. */
static bool drop_reference(eddy_future *f)
{
    EDDYI_ASSERT(!eddyi_loop_elsewhere(f->loop));
    return eddyi_refs_drop(&f->refs);
}

void eddy_awaitable_drop(eddy_awaitable *x)
{
    if (!x || eddyi_is_gone(x))
        return;
    if (x->kind == EDDYI_COROUTINE && eddyi_coroutine_is_taken((eddy_coroutine *)(void *)x))
        return;
    if (x->kind == EDDYI_COROUTINE)
        eddyi_coroutine_consume((eddy_coroutine *)(void *)x);
    else if (!drop_reference(eddyi_future_of(x)))
        return;
    doom(&doomed, x);
    if (!doomed.freeing)
        free_doomed(&doomed);
}

void eddyi_awaitables_drop(eddy_awaitable *const *aws, size_t n, bool futures)
{
    /* Goes from the end, where every coroutine can still be read: the last occurrence of a
     * coroutine finds an earlier one, and only the first occurrence is closed. */
    while (n-- > 0) {
        size_t same = 0;

        if (eddy_awaitable_isfuture(aws[n])) {
            if (futures)
                eddy_awaitable_drop(aws[n]);
            continue;
        }
        while (aws[same] != aws[n])
            same++;
        if (same == n)
            eddy_awaitable_drop(aws[n]);
    }
}

bool eddy_awaitable_iscoroutine(const eddy_awaitable *x)
{
    return x && x->kind == EDDYI_COROUTINE;
}

bool eddy_awaitable_isfuture(const eddy_awaitable *x)
{
    return x && x->kind != EDDYI_COROUTINE;
}

EDDYI_THREAD_LOCAL void **eddyi_return_here;

int eddy_return(void *value)
{
    eddy_task *t = eddy_current_task();

    if (!t && !eddyi_return_here)
        return eddyi_raise_no_task_for("eddy_return() is for coroutines and jobs");
    *(t ? &t->future.value : eddyi_return_here) = value;
    return 0;
}

/* An awaited coroutine, and the task that runs it. */
struct call {
    eddy_task *task;
    eddy_coroutine *coro;
};

/* Ends the call, also when a C++ exception has left the coroutine on its way to the caller. */
static void call_ended(struct call *c)
{
    c->task->coro = c->coro->outer;
    eddyi_coroutine_free(c->coro);
}

EDDYI_UNGUARDED static int run_coroutine(eddy_task *t, eddy_coroutine *coro)
{
    EDDY_CLEANUP(call_ended) struct call call = {t, coro};

    return eddyi_coroutine_run(coro);
}

static int await_coroutine(eddy_task *t, eddy_coroutine *coro, void **ret_value)
{
    int rc;

    if (eddyi_coroutine_is_taken(coro))
        return EDDY_EMISUSE;
    eddyi_coroutine_consume(coro);
    coro->outer = t->coro;
    t->coro = coro;
    t->future.value = NULL;
    rc = run_coroutine(t, coro);
    if (rc >= 0 && ret_value)
        *ret_value = t->future.value;
    t->future.value = NULL;
    return rc;
}

/* The wait of a task for a future, on the task's stack. */
struct await {
    struct eddyi_wait wait;
    struct eddyi_hook hook;
};

static bool await_cancel(struct eddyi_wait *w)
{
    int rc = eddyi_future_cancel(w->future, w->message);

    if (rc < 0)
        eddyi_report_circle(w->task);
    return rc > 0;
}

/* Ends a wait whose future leads back to the task itself, so that neither would ever end. Gives up
 * only the wait, not the future. */
void eddyi_await_break(struct eddyi_wait *w)
{
    eddyi_hook_remove(&eddyi_container(w, struct await, wait)->hook);
    eddyi_ready_cancel(&w->task->ready); /* queued by a future that is done already */
    w->task->future.loop->tasks.cancel_round++;
    eddyi_wait_over(w);
    w->cancelled = true;
}

bool eddyi_wait_is_await(const struct eddyi_wait *w)
{
    return w->cancel == await_cancel;
}

/* Waits for a pending future to be done. Raises -ECANCELED if the wait was given up. */
static int wait_done(eddy_task *t, eddy_future *f)
{
    struct await a;

    eddyi_wait_init_of(&a.wait, t, await_cancel);
    a.wait.future = f;
    eddyi_future_hook(f, &a.hook, &t->ready);
    a.hook.waiter = &t->future;
    eddyi_wait_park_here(&a.wait, t);
    if (a.wait.over)
        return eddyi_wait_finish(&a.wait);
    /* The message of a cancellation went to the future, and comes back with its result. */
    if (a.wait.message)
        eddy_exception_unref(a.wait.message);
    return 0;
}

static int await_future(eddy_task *t, eddy_future *f, void **ret_value)
{
    int rc;

    if (eddyi_future_done(f))
        return eddyi_future_retrieve_raise(f, ret_value);
    rc = wait_done(t, f);
    if (rc < 0)
        return rc;
    rc = eddyi_future_retrieve_raise(f, NULL);
    /* The task was cancelled after the future was done: the cancellation wins, and the result is
     * lost (rule 59). */
    if (rc == -ECANCELED)
        t->must_cancel = false;
    else if (eddyi_task_take_cancel(t))
        rc = -ECANCELED;
    if (rc >= 0 && ret_value)
        *ret_value = eddyi_future_take(f);
    return rc;
}

/* Raises a misuse at the task's next step, as asyncio does (rules 39 and 44). */
static int mistake(eddy_task *t, int code, const char *message)
{
    int rc = eddyi_task_yield(t);

    return rc < 0 ? rc : eddy_raise(code, "%s", message);
}

/*
 * Raises the error of a task that awaits itself. CPython leaves a mark on such a task
 * (_asyncio_future_blocking stays set): until the task ends, every further await of it, in any
 * task, fails at once and without a turn of the loop.
 */
static int await_self(eddy_task *t)
{
    t->self_awaited = true;
    return mistake(t, EDDY_EMISUSE, "a task cannot await itself");
}

static bool was_self_awaited(eddy_future *f)
{
    return f->base.kind == EDDYI_TASK && eddyi_task_of(f)->self_awaited && !eddyi_future_done(f);
}

/* Forgets a failure that came before a success: it was handled, and its message is for no later one
 * of the same code. */
static inline int handled(eddy_task *t, int rc)
{
    if (rc >= 0 && __builtin_expect(t->error.code != 0, 0))
        eddyi_error_clear(&t->error);
    return rc;
}

EDDYI_UNGUARDED int eddy_awaitable_await(eddy_awaitable *x, void **ret_value)
{
    eddy_task *t;
    eddy_future *f;
    int rc;

    if (!x)
        return eddy_raise(-ENOMEM, NULL);
    t = eddyi_task_current();
    if (!t) {
        eddy_awaitable_drop(x);
        return eddyi_raise_no_task();
    }
    if (x->kind == EDDYI_COROUTINE)
        return handled(t, await_coroutine(t, (eddy_coroutine *)(void *)x, ret_value));

    if (eddyi_is_gone(x))
        return EDDY_EMISUSE;
    f = eddyi_future_of(x);
    if (f->loop != t->future.loop && !eddyi_future_done(f))
        rc = mistake(t, EDDY_EOTHERLOOP, "the awaited future belongs to another event loop");
    else if (was_self_awaited(f))
        rc = eddy_raise(EDDY_EMISUSE,
                        "the task has tried to await itself; nobody can await it until it ends");
    else if (f == &t->future)
        rc = await_self(t);
    else
        rc = await_future(t, f, ret_value);
    eddyi_future_unref(f);
    return handled(t, rc);
}
