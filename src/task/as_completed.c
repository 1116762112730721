/*
 * as_completed: several awaitables in the order in which they end.
 *
 * What ended goes into a queue; each result asked for waits for one entry of it, as asyncio does with its Queue.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"

/* One of the awaitables. */
struct item {
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    struct eddyi_list link; /* in the queue of those that ended */
    eddy_completions *it;
    eddy_future *future; /* owned */
};

/* A task that waits for the queue to have something; on its stack. */
struct getter {
    struct eddyi_wait wait;
    struct eddyi_list link;
};

struct eddy_completions {
    unsigned refs; /* the user's, and one for each coroutine made by _next() */
    eddy_loop *loop; /* owned */
    struct eddyi_timer timer;
    struct eddyi_list ended;   /* items, to be handed out */
    struct eddyi_list getters; /* first come, first served */
    size_t n;                  /* items */
    size_t n_left;             /* results not asked for yet */
    size_t n_running;          /* items not ended; 0 after the timeout */
    size_t n_timeouts;         /* results that will be -ETIMEDOUT, after those in the queue */
    struct item items[];
};

static bool something_there(const eddy_completions *it)
{
    return !eddyi_list_empty(&it->ended) || it->n_timeouts > 0;
}

static void wake_getter(eddy_completions *it)
{
    struct eddyi_list *l = eddyi_list_pop(&it->getters);

    if (l)
        eddyi_wait_over(&eddyi_container(l, struct getter, link)->wait);
}

static void item_ended(struct eddyi_ready *r)
{
    struct item *item = eddyi_container(r, struct item, ready);
    eddy_completions *it = item->it;

    if (it->n_running == 0)
        return; /* the timeout was first */
    eddyi_list_append(&it->ended, &item->link);
    if (--it->n_running == 0)
        eddyi_timer_stop(it->loop, &it->timer);
    wake_getter(it);
}

static void time_is_over(struct eddyi_ready *r)
{
    eddy_completions *it = eddyi_container(r, struct eddy_completions, timer.ready);

    for (size_t i = 0; i < it->n; i++)
        eddyi_hook_remove(&it->items[i].hook);
    for (; it->n_running > 0; it->n_running--) {
        it->n_timeouts++;
        wake_getter(it);
    }
}

static bool cancel_getter(struct eddyi_wait *w)
{
    eddyi_list_remove(&eddyi_container(w, struct getter, wait)->link);
    eddyi_wait_over(w);
    return true;
}

/* Waits until the queue has something. */
static int wait_for_something(eddy_completions *it)
{
    while (!something_there(it)) {
        struct getter g;
        int rc = eddyi_wait_init(&g.wait, cancel_getter);

        if (rc < 0)
            return rc;
        g.wait.what = "as_completed";
        eddyi_list_append(&it->getters, &g.link);
        eddyi_wait_park(&g.wait);
        eddyi_list_remove(&g.link);
        rc = eddyi_wait_finish(&g.wait);
        if (rc < 0) {
            /* Woken and then cancelled: the wake-up is the next one's. */
            if (something_there(it) && !g.wait.cancelled)
                wake_getter(it);
            return rc;
        }
    }
    return 0;
}

/* The next of those that ended. 1, or why there is none. */
static int get(eddy_completions *it, eddy_future **ret)
{
    int rc = wait_for_something(it);
    struct eddyi_list *l;

    if (rc < 0)
        return rc;
    l = eddyi_list_pop(&it->ended);
    if (!l) {
        it->n_timeouts--;
        return eddy_raise(-ETIMEDOUT, NULL);
    }
    *ret = eddyi_container(l, struct item, link)->future;
    return 1;
}

static void completions_unref(eddy_completions *it)
{
    if (--it->refs > 0)
        return;
    eddyi_timer_stop(it->loop, &it->timer);
    for (size_t i = 0; i < it->n; i++) {
        eddyi_hook_remove(&it->items[i].hook);
        eddyi_ready_cancel(&it->items[i].ready);
        eddy_future_unref(it->items[i].future);
    }
    eddy_loop_unref(it->loop);
    eddyi_free(it);
}

/* Adds one, unless it is among them. -ENOMEM: @x could not be made a task. */
static int add_item(eddy_completions *it, eddy_awaitable *x)
{
    struct item *item = &it->items[it->n];
    bool is_future = eddy_awaitable_isfuture(x);

    if (is_future && eddyi_future_of(x)->marked)
        return 0;
    item->future = eddy_awaitable_ensure_future(x, it->loop);
    if (!item->future)
        return eddy_exception_code(eddy_error());
    if (is_future)
        eddy_future_ref(item->future); /* borrowed from the caller */
    item->future->marked = true;
    item->it = it;
    eddyi_hook_init(&item->hook);
    eddyi_ready_init(&item->ready, item_ended);
    eddyi_list_init(&item->link);
    it->n++;
    return 0;
}

static int add_items(eddy_completions *it, eddy_awaitable *const *aws, size_t n)
{
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        if (rc == 0)
            rc = add_item(it, aws[i]);
        else if (eddy_awaitable_iscoroutine(aws[i]))
            eddy_awaitable_drop(aws[i]);
    }
    for (size_t i = 0; i < it->n; i++)
        it->items[i].future->marked = false;
    return rc;
}

static void start(eddy_completions *it)
{
    it->n_left = it->n_running = it->n;
    for (size_t i = 0; i < it->n; i++) {
        struct item *item = &it->items[i];

        if (eddyi_future_done(item->future))
            eddyi_loop_ready(it->loop, &item->ready);
        else
            eddyi_future_hook(item->future, &item->hook, &item->ready);
    }
}

static eddy_completions *completions_new(eddy_loop *loop, size_t n)
{
    eddy_completions *it = eddyi_zalloc(sizeof *it + n * sizeof it->items[0]);

    if (!it)
        return NULL;
    it->refs = 1;
    it->loop = eddy_loop_ref(loop);
    eddyi_list_init(&it->ended);
    eddyi_list_init(&it->getters);
    eddyi_ready_init(&it->timer.ready, time_is_over);
    return it;
}

static eddy_completions *give_up(eddy_completions *it, int rc)
{
    eddy_raise(rc, NULL);
    if (it)
        completions_unref(it);
    return NULL;
}

eddy_completions *eddy_as_completed(eddy_awaitable *const *aws, size_t n, double timeout)
{
    eddy_loop *loop = eddyi_loop_running;
    eddy_completions *it = loop ? completions_new(loop, n) : NULL;
    int64_t deadline;
    int rc;

    if (!it) {
        for (size_t i = 0; i < n; i++)
            if (eddy_awaitable_iscoroutine(aws[i]))
                eddy_awaitable_drop(aws[i]);
        return give_up(NULL, loop ? -ENOMEM : EDDY_ENOLOOP);
    }
    rc = timeout != timeout ? -EINVAL : 0;
    if (add_items(it, aws, n) < 0)
        return give_up(it, eddy_exception_code(eddy_error()));
    deadline = eddyi_deadline(loop, timeout);
    if (rc == 0 && it->n > 0 && deadline != EDDYI_NEVER)
        rc = eddyi_timer_start(loop, &it->timer, deadline);
    if (rc < 0)
        return give_up(it, rc);
    start(it);
    return it;
}

int eddy_completions_anext(eddy_completions *it, eddy_future **ret)
{
    if (!it)
        return eddy_raise(-ENOMEM, NULL);
    if (it->n_left == 0)
        return 0;
    it->n_left--;
    return get(it, ret);
}

static int next_result(void *arg)
{
    eddy_completions *it = *(eddy_completions **)arg;
    eddy_future *f;
    void *value = NULL;
    int rc = get(it, &f);

    if (rc > 0)
        rc = eddyi_future_retrieve_raise(f, &value);
    completions_unref(it);
    if (rc >= 0)
        eddy_return(value);
    return rc;
}

static void drop_next(void *arg)
{
    completions_unref(*(eddy_completions **)arg);
}

eddy_coroutine *eddy_completions_next(eddy_completions *it)
{
    eddy_coroutine *coro;

    if (!it || it->n_left == 0)
        return NULL;
    coro = eddy_coroutine_new_copy("as_completed", next_result, &it, sizeof it, __builtin_return_address(0));
    if (coro) {
        it->n_left--;
        it->refs++;
        coro->drop = drop_next;
    }
    return coro;
}

void eddy_completions_free(eddy_completions *it)
{
    if (it)
        completions_unref(it);
}
