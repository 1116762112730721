#include "executor/concurrent.h"

#include "base/sys.h"
#include "loop/loop.h"

struct concurrent_callback {
    struct concurrent_callback *next;
    eddy_concurrent_done_fn *fn;
    void *arg;
};

void eddyi_concurrent_init(eddy_concurrent_future *cf, const struct eddyi_concurrent_ops *ops)
{
    eddyi_watch_forks();
    *cf = (eddy_concurrent_future){.fork_number = eddyi_fork_number, .ops = ops};
    atomic_init(&cf->refs, 1);
    pthread_mutex_init(&cf->mutex, NULL);
    pthread_cond_init(&cf->ended, NULL);
    eddyi_list_init(&cf->watchers);
    cf->last_callback = &cf->callbacks;
}

static void free_callbacks(struct concurrent_callback *cb)
{
    for (struct concurrent_callback *next; cb; cb = next) {
        next = cb->next;
        eddyi_free(cb);
    }
}

void eddyi_concurrent_fini(eddy_concurrent_future *cf)
{
    free_callbacks(cf->callbacks);
    eddy_exception_unref(cf->exception);
    pthread_cond_destroy(&cf->ended);
    pthread_mutex_destroy(&cf->mutex);
}

static void destroy(eddy_concurrent_future *cf)
{
    eddyi_concurrent_fini(cf);
    eddyi_free(cf);
}

static const struct eddyi_concurrent_ops plain_ops = {.destroy = destroy};

eddy_concurrent_future *eddy_concurrent_future_new(void)
{
    eddy_concurrent_future *cf = eddyi_alloc(sizeof *cf);

    if (cf)
        eddyi_concurrent_init(cf, &plain_ops);
    else
        eddy_raise(-ENOMEM, NULL);
    return cf;
}

eddy_concurrent_future *eddy_concurrent_future_ref(eddy_concurrent_future *cf)
{
    if (cf)
        atomic_fetch_add_explicit(&cf->refs, 1, memory_order_relaxed);
    return cf;
}

void eddy_concurrent_future_unref(eddy_concurrent_future *cf)
{
    if (cf && atomic_fetch_sub_explicit(&cf->refs, 1, memory_order_acq_rel) == 1)
        cf->ops->destroy(cf);
}

int eddyi_concurrent_check(const eddy_concurrent_future *cf)
{
    if (cf->fork_number != eddyi_fork_number)
        return eddy_raise(EDDY_EFORKED,
                          "the concurrent future was made before fork(); its threads are not here");
    return 0;
}

static bool owns_state(const eddy_concurrent_future *cf, enum eddyi_concurrent_state state)
{
    return atomic_load_explicit(&cf->state, memory_order_relaxed) == (int)state;
}

bool eddyi_concurrent_begin(eddy_concurrent_future *cf)
{
    bool pending;

    pthread_mutex_lock(&cf->mutex);
    pending = owns_state(cf, EDDYI_CF_PENDING);
    if (pending)
        atomic_store_explicit(&cf->state, EDDYI_CF_RUNNING, memory_order_release);
    pthread_mutex_unlock(&cf->mutex);
    return pending;
}

/* What a state turns into for good. */
struct ending {
    enum eddyi_concurrent_state state;
    bool only_pending; /* not if it is running */
    int status;
    void *value;
    eddy_exception *exception;
};

/* The outcome first, then the state that says it is there. Returns the callbacks to be called. */
static struct concurrent_callback *settle(eddy_concurrent_future *cf, const struct ending *how)
{
    struct concurrent_callback *callbacks = cf->callbacks;
    struct eddyi_list *l;

    cf->callbacks = NULL;
    cf->status = how->status;
    cf->value = how->value;
    cf->exception = how->exception;
    atomic_store_explicit(&cf->state, how->state, memory_order_release);
    while ((l = eddyi_list_pop(&cf->watchers)) != NULL) {
        struct eddyi_watcher *w = eddyi_container(l, struct eddyi_watcher, link);

        w->done(w);
    }
    pthread_cond_broadcast(&cf->ended);
    return callbacks;
}

static bool end(eddy_concurrent_future *cf, const struct ending *how)
{
    struct concurrent_callback *callbacks = NULL;
    bool now;

    pthread_mutex_lock(&cf->mutex);
    now = !eddyi_concurrent_done(cf) && !(how->only_pending && owns_state(cf, EDDYI_CF_RUNNING));
    if (now)
        callbacks = settle(cf, how);
    if (now && how->only_pending && cf->ops->cancelled)
        cf->ops->cancelled(cf);
    pthread_mutex_unlock(&cf->mutex);

    if (!now)
        eddy_exception_unref(how->exception);
    for (struct concurrent_callback *cb = callbacks; cb; cb = cb->next)
        cb->fn(cf, cb->arg);
    free_callbacks(callbacks);
    return now;
}

bool eddyi_concurrent_finish(eddy_concurrent_future *cf, int status, void *value, eddy_exception *e)
{
    return end(cf, &(struct ending){EDDYI_CF_FINISHED, false, status, value, e});
}

bool eddyi_concurrent_finish_cancelled(eddy_concurrent_future *cf, eddy_exception *e)
{
    return end(cf, &(struct ending){EDDYI_CF_CANCELLED, false, -ECANCELED, NULL, e});
}

bool eddyi_concurrent_cancel(eddy_concurrent_future *cf)
{
    return end(cf, &(struct ending){EDDYI_CF_CANCELLED, true, -ECANCELED, NULL, NULL});
}

bool eddy_concurrent_future_cancel(eddy_concurrent_future *cf)
{
    return eddyi_concurrent_check(cf) == 0 &&
           (eddyi_concurrent_cancel(cf) || eddy_concurrent_future_cancelled(cf));
}

bool eddy_concurrent_future_running(const eddy_concurrent_future *cf)
{
    return atomic_load(&cf->state) == EDDYI_CF_RUNNING;
}

bool eddy_concurrent_future_done(const eddy_concurrent_future *cf)
{
    return eddyi_concurrent_done(cf);
}

bool eddy_concurrent_future_cancelled(const eddy_concurrent_future *cf)
{
    return atomic_load(&cf->state) == EDDYI_CF_CANCELLED;
}

int eddy_concurrent_future_add_done_callback(eddy_concurrent_future *cf, eddy_concurrent_done_fn *fn,
                                             void *arg)
{
    struct concurrent_callback *cb;
    bool done;

    if (eddyi_concurrent_check(cf) < 0)
        return EDDY_EFORKED;
    cb = eddyi_alloc(sizeof *cb);
    if (!cb)
        return eddy_raise(-ENOMEM, NULL);
    *cb = (struct concurrent_callback){NULL, fn, arg};
    pthread_mutex_lock(&cf->mutex);
    done = eddyi_concurrent_done(cf);
    if (!done) {
        *cf->last_callback = cb;
        cf->last_callback = &cb->next;
    }
    pthread_mutex_unlock(&cf->mutex);
    if (done) {
        fn(cf, arg);
        eddyi_free(cb);
    }
    return 0;
}

void eddyi_concurrent_watch(eddy_concurrent_future *cf, struct eddyi_watcher *w)
{
    eddyi_list_init(&w->link);
    pthread_mutex_lock(&cf->mutex);
    if (eddyi_concurrent_done(cf))
        w->done(w);
    else
        eddyi_list_append(&cf->watchers, &w->link);
    pthread_mutex_unlock(&cf->mutex);
}

bool eddyi_concurrent_unwatch(eddy_concurrent_future *cf, struct eddyi_watcher *w)
{
    bool watching;

    pthread_mutex_lock(&cf->mutex);
    watching = !eddyi_list_empty(&w->link);
    eddyi_list_remove(&w->link);
    pthread_mutex_unlock(&cf->mutex);
    return watching;
}
