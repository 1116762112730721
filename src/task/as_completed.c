/*
 * as_completed: several awaitables in the order in which they end.
 *
 * Awaitables that have ended go into a queue; each requested result waits for one entry of it, as
 * asyncio does with its Queue.
 */
#include "base/exception.h"
#include "base/refs.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/coroutine.h"
#include "task/task.h"
#include "task/wait.h"

/* An awaitable that was passed. */
struct item {
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    struct eddyi_list link; /* in the queue of ended items */
    eddy_completions *it;
    eddy_future *future; /* owned */
    bool made;           /* the future is the task of a coroutine that was passed */
    bool repeated;       /* the argument at this index was passed at an earlier index as well */
};

/* The wait of a task until the queue has an entry, on the task's stack. */
struct getter {
    struct eddyi_wait wait;
    struct eddyi_list link;
};

struct eddy_completions {
    unsigned refs;   /* the user's, and one for each coroutine made by _next() */
    eddy_loop *loop; /* owned */
    /* owned; the task that made the object, and so most likely waits for it; NULL: none */
    eddy_future *maker;
    struct eddyi_timer timer;
    struct eddyi_list ended;   /* items, to be handed out */
    struct eddyi_list getters; /* served in the order of their arrival */
    size_t n;                  /* number of items */
    size_t n_left;             /* results not requested yet */
    size_t n_running;          /* items that have not ended; 0 after the timeout */
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
        return; /* the timeout came first */
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

/* Waits until the queue has an entry, or a timeout is due. */
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
            /* The getter was woken and then cancelled: the wake-up passes to the next getter. */
            if (something_there(it) && !g.wait.cancelled)
                wake_getter(it);
            return rc;
        }
    }
    return 0;
}

/* Takes the next awaitable that has ended. Returns 1, or raises the reason why there is none. */
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
    if (!eddyi_refs_drop(&it->refs))
        return;
    eddyi_timer_stop(it->loop, &it->timer);
    for (size_t i = 0; i < it->n; i++) {
        eddyi_hook_remove(&it->items[i].hook);
        eddyi_ready_cancel(&it->items[i].ready);
        eddyi_future_release(it->items[i].future);
    }
    eddy_future_unref(it->maker);
    eddyi_loop_release(it->loop);
    eddyi_free(it);
}

/* Marks arguments that were passed before. This comes first, because a coroutine that was passed
 * twice cannot be read after it was consumed. */
static void find_repeated(eddy_completions *it, eddy_awaitable *const *aws, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        it->items[i].repeated = aws[i] && aws[i]->marked;
        if (aws[i])
            aws[i]->marked = true;
    }
    for (size_t i = 0; i < n; i++)
        if (aws[i])
            aws[i]->marked = false;
}

/* Adds an argument. Consumes a coroutine; takes a reference of its own to a future. */
static int add_item(eddy_completions *it, eddy_awaitable *x)
{
    struct item *item = &it->items[it->n];

    *item = (struct item){.it = it, .made = eddy_awaitable_iscoroutine(x)};
    if (eddy_awaitable_isfuture(x))
        eddy_future_ref(eddyi_future_of(x));
    item->future = eddy_awaitable_ensure_future(x, it->loop);
    if (!item->future)
        return eddyi_error_latest(-ENOMEM);
    eddyi_hook_init(&item->hook);
    eddyi_ready_init(&item->ready, item_ended);
    eddyi_list_init(&item->link);
    it->n++;
    return 0;
}

static int add_items(eddy_completions *it, eddy_awaitable *const *aws, size_t n)
{
    int rc = 0;

    find_repeated(it, aws, n);
    for (size_t i = 0; i < n; i++) {
        if (it->items[i].repeated)
            continue;
        if (rc == 0)
            rc = add_item(it, aws[i]);
        else if (eddy_awaitable_iscoroutine(aws[i]))
            eddy_awaitable_drop(aws[i]);
    }
    return rc;
}

static int start_timer(eddy_completions *it, double timeout)
{
    int64_t delay = eddyi_nanoseconds(timeout);

    if (timeout != timeout)
        return eddy_raise(-EINVAL, "as_completed: the timeout is not a number");
    if (it->n == 0 || delay == EDDYI_NEVER)
        return 0;
    return eddyi_timer_start_after(it->loop, &it->timer, delay) < 0 ? eddy_raise(-ENOMEM, NULL) : 0;
}

static void start(eddy_completions *it)
{
    it->n_left = it->n_running = it->n;
    for (size_t i = 0; i < it->n; i++) {
        struct item *item = &it->items[i];

        if (eddyi_future_done(item->future)) {
            eddyi_loop_ready(it->loop, &item->ready);
            continue;
        }
        eddyi_future_hook(item->future, &item->hook, &item->ready);
        item->hook.waiter = it->maker;
    }
}

static eddy_completions *completions_new(eddy_loop *loop, size_t n)
{
    eddy_completions *it = eddyi_zalloc(sizeof *it + n * sizeof it->items[0]);

    if (!it)
        return NULL;
    it->refs = 1;
    it->loop = eddyi_loop_hold(loop);
    it->maker = loop->tasks.current ? eddy_future_ref(&loop->tasks.current->future) : NULL;
    eddyi_list_init(&it->ended);
    eddyi_list_init(&it->getters);
    eddyi_ready_init(&it->timer.ready, time_is_over);
    return it;
}

/* Gives up an object that could not be completed: cancels the tasks that were made for it. */
static eddy_completions *give_up(eddy_completions *it)
{
    for (size_t i = 0; i < it->n; i++)
        if (it->items[i].made)
            eddyi_future_cancel(it->items[i].future, NULL);
    completions_unref(it);
    return NULL;
}

eddy_completions *eddy_as_completed(eddy_awaitable *const *aws, size_t n, double timeout)
{
    eddy_loop *loop = eddyi_loop_running;
    eddy_completions *it = loop ? completions_new(loop, n) : NULL;

    if (!it) {
        eddyi_awaitables_drop(aws, n, false);
        (void)(loop ? eddy_raise(-ENOMEM, NULL) : eddyi_raise_no_loop());
        return NULL;
    }
    if (add_items(it, aws, n) < 0 || start_timer(it, timeout) < 0)
        return give_up(it);
    start(it);
    return it;
}

int eddy_completions_anext(eddy_completions *it, eddy_future **ret)
{
    int rc;

    if (!it)
        return eddy_raise(-ENOMEM, NULL);
    if (!ret)
        return eddy_raise(-EINVAL, "completions_anext: there is no place for the future");
    if (it->n_left == 0)
        return 0;
    it->n_left--;
    it->refs++; /* another task may free the object meanwhile */
    rc = get(it, ret);
    completions_unref(it);
    return rc;
}

static int next_result(void *arg)
{
    eddy_completions *it = *(eddy_completions **)arg;
    eddy_future *f = NULL;
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
    coro = eddy_coroutine_new_copy("as_completed", next_result, &it, sizeof it,
                                   __builtin_return_address(0));
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
