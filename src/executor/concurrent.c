#include "executor/concurrent.h"

#include "base/assert.h"
#include "base/condition.h"
#include "base/refs.h"
#include "base/sys.h"
#include "loop/loop.h"

#include <sched.h>

struct concurrent_callback {
    struct concurrent_callback *next;
    eddy_concurrent_done_fn *fn;
    void *arg;
};

/*
 * Mutexes and conditions are shared: of the ten thousand futures of a thread pool hardly one needs
 * its own, and with a mutex and a condition each future took half as much memory again.
 */
enum { N_STRIPES = 16 };
static struct stripe {
    _Alignas(64) pthread_mutex_t mutex;
    pthread_cond_t ended;
} stripes[N_STRIPES];
static pthread_once_t stripes_once = PTHREAD_ONCE_INIT;

static struct stripe *stripe_of(const eddy_concurrent_future *cf)
{
    return &stripes[(uintptr_t)cf / 64 % N_STRIPES];
}

/* Makes new mutexes; in a forked child, threads that do not exist there may have locked the old
 * ones. */
static void init_stripes(void)
{
    for (int i = 0; i < N_STRIPES; i++) {
        pthread_mutex_init(&stripes[i].mutex, NULL);
        eddyi_condition_init(&stripes[i].ended);
    }
}

static void begin_stripes(void)
{
    init_stripes();
    pthread_atfork(NULL, NULL, init_stripes);
    eddyi_watch_forks();
}

void eddyi_concurrent_lock(eddy_concurrent_future *cf)
{
    pthread_mutex_lock(&stripe_of(cf)->mutex);
}

void eddyi_concurrent_unlock(eddy_concurrent_future *cf)
{
    pthread_mutex_unlock(&stripe_of(cf)->mutex);
}

int eddyi_concurrent_sleep(eddy_concurrent_future *cf, const struct timespec *deadline)
{
    struct stripe *s = stripe_of(cf);

    return deadline ? pthread_cond_timedwait(&s->ended, &s->mutex, deadline)
                    : pthread_cond_wait(&s->ended, &s->mutex);
}

void eddyi_concurrent_init(eddy_concurrent_future *cf, const struct eddyi_concurrent_ops *ops)
{
    pthread_once(&stripes_once, begin_stripes);
    *cf = (eddy_concurrent_future){.fork_number = eddyi_fork_number, .ops = ops};
    atomic_init(&cf->refs, 1);
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
    /* The only reference needs no atomic step. */
    if (cf && (atomic_load_explicit(&cf->refs, memory_order_acquire) == 1 ||
               eddyi_refs_drop_shared(&cf->refs)))
        cf->ops->destroy(cf);
}

int eddyi_concurrent_check(const eddy_concurrent_future *cf)
{
    if (cf->fork_number != eddyi_fork_number)
        return eddy_raise(EDDY_EFORKED,
                          "the concurrent future was made before fork(); its threads are not here");
    return 0;
}

bool eddyi_concurrent_begin(eddy_concurrent_future *cf)
{
    int state = EDDYI_CF_PENDING;

    if (atomic_compare_exchange_strong(&cf->state, &state, EDDYI_CF_RUNNING))
        return true;
    /* The cancelling thread has the mutex until it no longer uses the executor. */
    eddyi_concurrent_lock(cf);
    eddyi_concurrent_unlock(cf);
    return false;
}

static bool claim(eddy_concurrent_future *cf, bool only_pending)
{
    int state = atomic_load(&cf->state);

    while (state == EDDYI_CF_PENDING || (state == EDDYI_CF_RUNNING && !only_pending))
        if (atomic_compare_exchange_weak(&cf->state, &state, EDDYI_CF_ENDING))
            return true;
    return false;
}

/* The outcome with which a future ends. */
struct ending {
    enum eddyi_concurrent_state state;
    bool only_pending; /* fail if the future is running */
    int status;
    void *value;
    eddy_exception *exception;
};

/* Writes the outcome before the state that publishes it. */
static void set_outcome(eddy_concurrent_future *cf, const struct ending *how)
{
    cf->status = how->status;
    cf->value = how->value;
    cf->exception = how->exception;
    atomic_store_explicit(&cf->state, how->state, memory_order_release);
}

/* Values of @sole_watcher besides a watcher. */
static struct eddyi_watcher telling, untold;

/* Tells the watcher of a private future. Returns true if the watcher took a reference; then the
 * watcher, and the future with it, may be gone. */
static bool tell_sole_watcher(eddy_concurrent_future *cf, bool reference)
{
    struct eddyi_watcher *w = atomic_exchange(&cf->sole_watcher, &telling);

    if (!w)
        return false;
    if (w->done(w, reference))
        return reference;
    atomic_store(&cf->sole_watcher, &untold);
    return false;
}

/* Ends the future and tells its watchers. Returns the callbacks to call. */
static struct concurrent_callback *settle(eddy_concurrent_future *cf, const struct ending *how)
{
    struct concurrent_callback *callbacks = cf->callbacks;
    struct eddyi_list *l;

    cf->callbacks = NULL;
    set_outcome(cf, how);
    if (cf->private)
        tell_sole_watcher(cf, false);
    while ((l = eddyi_list_pop(&cf->watchers)) != NULL) {
        struct eddyi_watcher *w = eddyi_container(l, struct eddyi_watcher, link);

        w->done(w, false);
    }
    pthread_cond_broadcast(&stripe_of(cf)->ended);
    return callbacks;
}

static bool end(eddy_concurrent_future *cf, const struct ending *how)
{
    struct concurrent_callback *callbacks = NULL;
    bool now;

    eddyi_concurrent_lock(cf);
    now = claim(cf, how->only_pending);
    if (now)
        callbacks = settle(cf, how);
    if (now && how->only_pending && cf->ops->cancelled)
        cf->ops->cancelled(cf);
    eddyi_concurrent_unlock(cf);

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

void eddyi_concurrent_finish_begun(eddy_concurrent_future *cf, int status, void *value,
                                   eddy_exception *e)
{
    bool passed_on = false;

    EDDYI_ASSERT(!eddyi_concurrent_done(cf) || !cf->private);
    if (cf->private) {
        set_outcome(cf, &(struct ending){EDDYI_CF_FINISHED, false, status, value, e});
        passed_on = tell_sole_watcher(cf, true);
    } else {
        eddyi_concurrent_finish(cf, status, value, e);
    }
    if (!passed_on)
        eddy_concurrent_future_unref(cf);
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

int eddy_concurrent_future_add_done_callback(eddy_concurrent_future *cf,
                                             eddy_concurrent_done_fn *fn, void *arg)
{
    struct concurrent_callback *cb;
    bool done;

    if (eddyi_concurrent_check(cf) < 0)
        return EDDY_EFORKED;
    if (!fn)
        return eddy_raise(-EINVAL, "add_done_callback: there is no callback");
    cb = eddyi_alloc(sizeof *cb);
    if (!cb)
        return eddy_raise(-ENOMEM, NULL);
    *cb = (struct concurrent_callback){NULL, fn, arg};
    eddyi_concurrent_lock(cf);
    done = eddyi_concurrent_done(cf);
    if (!done) {
        *cf->last_callback = cb;
        cf->last_callback = &cb->next;
    }
    eddyi_concurrent_unlock(cf);
    if (done) {
        fn(cf, arg);
        eddyi_free(cb);
    }
    return 0;
}

void eddyi_concurrent_watch(eddy_concurrent_future *cf, struct eddyi_watcher *w)
{
    eddyi_list_init(&w->link);
    if (cf->private) {
        atomic_store_explicit(&cf->sole_watcher, w, memory_order_relaxed);
        return;
    }
    eddyi_concurrent_lock(cf);
    if (eddyi_concurrent_done(cf))
        w->done(w, false);
    else
        eddyi_list_append(&cf->watchers, &w->link);
    eddyi_concurrent_unlock(cf);
}

bool eddyi_concurrent_unwatch(eddy_concurrent_future *cf, struct eddyi_watcher *w)
{
    struct eddyi_watcher *expected = w;
    bool watching;

    if (cf->private)
        return atomic_compare_exchange_strong(&cf->sole_watcher, &expected, NULL);
    eddyi_concurrent_lock(cf);
    watching = !eddyi_list_empty(&w->link);
    eddyi_list_remove(&w->link);
    eddyi_concurrent_unlock(cf);
    return watching;
}

/* Waits for a few steps of the other thread, or longer if that thread loses its processor just
 * then. */
void eddyi_concurrent_wait_untold(eddy_concurrent_future *cf)
{
    while (cf->private && atomic_load(&cf->sole_watcher) != &untold)
        sched_yield();
}
