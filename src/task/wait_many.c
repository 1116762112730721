/*
 * asyncio.wait: waits until some of several futures are done, or a time has passed.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/task.h"
#include "task/wait.h"

struct waiting;

/* A watched future. Its end is reported through a turn of the loop even if it is done already (rule
 * 91). */
struct watched {
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    struct waiting *waiting;
    eddy_future *future;
};

/* The wait, on the waiting task's stack. */
struct waiting {
    struct eddyi_wait wait;
    struct eddyi_timer timer;
    enum eddy_return_when when;
    size_t n_left;
};

/* The number of futures that are watched without an allocation. */
enum { FEW = 8 };

static void release(struct waiting *w)
{
    eddyi_timer_stop(w->wait.task->future.loop, &w->timer);
    if (!w->wait.over)
        eddyi_wait_over(&w->wait);
}

static void time_is_over(struct eddyi_ready *r)
{
    release(eddyi_container(r, struct waiting, timer.ready));
}

static bool wait_many_cancel(struct eddyi_wait *wait)
{
    release(eddyi_container(wait, struct waiting, wait));
    return true;
}

static bool failed(eddy_future *f)
{
    if (f->state != EDDYI_FINISHED || f->status >= 0)
        return false;
    f->unretrieved = false;
    return true;
}

static void completed(struct eddyi_ready *r)
{
    struct watched *one = eddyi_container(r, struct watched, ready);
    struct waiting *w = one->waiting;

    w->n_left--;
    if (w->n_left == 0 || w->when == EDDY_FIRST_COMPLETED ||
        (w->when == EDDY_FIRST_EXCEPTION && failed(one->future)))
        release(w);
}

/* Watches each different future once. */
static void watch_all(struct waiting *w, struct watched *all, eddy_future *const *fs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        eddyi_hook_init(&all[i].hook);
        eddyi_ready_init(&all[i].ready, completed);
        all[i].waiting = w;
        all[i].future = eddy_future_ref(fs[i]); /* other owners may drop theirs meanwhile */
        if (fs[i]->base.marked)
            continue;
        fs[i]->base.marked = true;
        w->n_left++;
        if (eddyi_future_done(fs[i])) {
            eddyi_loop_ready(fs[i]->loop, &all[i].ready);
            continue;
        }
        eddyi_future_hook(fs[i], &all[i].hook, &all[i].ready);
        all[i].hook.waiter = &w->wait.task->future;
    }
    for (size_t i = 0; i < n; i++)
        fs[i]->base.marked = false;
}

/* Ends the watching; returns the number of futures that are done. */
static int unwatch_all(struct watched *all, size_t n)
{
    int done = 0;

    for (size_t i = 0; i < n; i++) {
        eddyi_hook_remove(&all[i].hook);
        eddyi_ready_cancel(&all[i].ready);
        done += eddyi_future_done(all[i].future);
        eddy_future_unref(all[i].future);
    }
    return done;
}

static int wait_watched(struct waiting *w, struct watched *all, eddy_future *const *fs, size_t n,
                        double timeout)
{
    eddy_loop *loop = w->wait.task->future.loop;
    int64_t delay = eddyi_nanoseconds(timeout);
    int rc, done;

    eddyi_ready_init(&w->timer.ready, time_is_over);
    if (delay != EDDYI_NEVER) {
        rc = eddyi_timer_start_after(loop, &w->timer, delay);
        if (rc < 0)
            return eddy_raise(rc, NULL);
    }
    watch_all(w, all, fs, n);
    eddyi_wait_park(&w->wait);
    eddyi_timer_stop(loop, &w->timer);
    done = unwatch_all(all, n);
    rc = eddyi_wait_finish(&w->wait);
    return rc < 0 ? rc : done;
}

static int check(eddy_future *const *fs, size_t n, double timeout, const eddy_task *t)
{
    if (n == 0)
        return eddy_raise(-EINVAL, "wait: there is nothing to wait for");
    if (timeout != timeout)
        return eddy_raise(-EINVAL, "wait: the timeout is not a number");
    for (size_t i = 0; i < n; i++) {
        if (!fs[i])
            return eddy_raise(-EINVAL, "wait: future %zu is NULL", i);
        if (eddyi_is_gone(&fs[i]->base))
            return EDDY_EMISUSE;
        if (fs[i]->loop != t->future.loop)
            return eddy_raise(EDDY_EOTHERLOOP, "wait: future %zu belongs to another event loop", i);
    }
    return 0;
}

int eddy_wait_list(eddy_future *const *fs, size_t n, double timeout, enum eddy_return_when when)
{
    struct waiting w = {.when = when};
    struct watched few[FEW], *all = few;
    int rc = eddyi_wait_init(&w.wait, wait_many_cancel);

    if (rc == 0)
        rc = check(fs, n, timeout, w.wait.task);
    if (rc < 0)
        return rc;
    w.wait.what = "one of several futures";
    if (n > FEW)
        all = eddyi_alloc(n * sizeof *all);
    if (!all)
        return eddy_raise(-ENOMEM, NULL);
    rc = wait_watched(&w, all, fs, n, timeout);
    if (all != few)
        eddyi_free(all);
    return rc;
}
