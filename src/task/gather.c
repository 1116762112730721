/*
 * gather: one future for several.
 */
#include "base/exception.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "eddy/wait.h"
#include "loop/loop.h"
#include "task/task.h"

struct gather;

/* An argument. An awaitable that occurs several times counts once, at its first place. */
struct child {
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    struct gather *gather;
    eddy_future *future; /* owned */
    size_t first;        /* index of the first child with the same awaitable */
    bool made;           /* the future is the task of a coroutine that was passed */
    bool was_done;       /* the future was done when it was added, so no hook reports its end */
};

struct gather {
    struct eddy_future future;
    struct eddyi_pending pending;
    struct eddyi_branching cancel;
    bool return_exceptions;
    bool has_exceptions; /* in outcomes */
    size_t n;
    /* different futures whose end has not been seen; with none, no child has a hook */
    size_t n_left;
    eddy_outcome *outcomes; /* n outcomes behind the children, filled when all have ended */
    struct child children[];
};

static struct gather *gather_of(eddy_future *f)
{
    return eddyi_container(f, struct gather, future);
}

/* Returns the state of a request to cancel, and the next child. The children are cancelled; the
 * gather itself ends when they have ended (rules 83 and 84). */
static struct eddyi_branching *branch(eddy_future *f, eddy_future **ret)
{
    struct gather *g = gather_of(f);
    size_t i = g->cancel.next;

    *ret = i < g->n ? g->children[i].future : NULL;
    return &g->cancel;
}

/* Stops watching the remaining children, and ignores ends that were queued already. */
static void forget_rest(struct gather *g)
{
    for (size_t i = 0; i < g->n && g->n_left > 0; i++) {
        eddyi_hook_remove(&g->children[i].hook);
        eddyi_ready_cancel(&g->children[i].ready);
    }
    g->n_left = 0;
}

static void destroy(eddy_future *f)
{
    struct gather *g = gather_of(f);

    forget_rest(g);
    for (size_t i = 0; i < g->n && g->has_exceptions; i++)
        eddy_exception_unref(g->outcomes[i].exception);
    eddyi_future_fini(f);
    for (size_t i = 0; i < g->n; i++)
        eddyi_future_release(g->children[i].future);
    eddyi_awaitable_free(&f->base, 0);
}

static const struct eddyi_future_ops gather_ops = {
    .noun = "gather", .branch = branch, .destroy = destroy};

static void fill_outcomes(struct gather *g)
{
    for (size_t i = 0; i < g->n; i++) {
        eddy_future *f = g->children[i].future;
        eddy_outcome *o = &g->outcomes[i];

        o->status = f->status;
        o->value = f->status < 0 ? NULL : eddyi_future_take(f);
        o->exception =
            eddy_exception_ref(f->state == EDDYI_CANCELLED ? f->cancel_message : f->exception);
        g->has_exceptions |= o->exception != NULL;
        f->unretrieved = false;
    }
}

/* Ends the gather with the failure of @child. */
static void fail_as(struct gather *g, eddy_future *child)
{
    eddy_exception *e;
    int status = eddyi_future_retrieve(child, NULL, &e);

    eddyi_future_finish(&g->future, status, NULL, e);
}

/* Ends the gather as cancelled. The last child makes the CancelledError, as in CPython, so it
 * determines the message. */
static void fail_cancelled(struct gather *g)
{
    eddy_future *last = g->children[g->n - 1].future;
    eddy_exception *e = NULL;

    if (last->state == EDDYI_CANCELLED)
        eddyi_future_retrieve(last, NULL, &e);
    else
        e = eddy_exception_ref(last->cancel_message);
    eddyi_future_finish(&g->future, -ECANCELED, NULL, e);
}

static void child_ended(struct gather *g, eddy_future *child)
{
    g->n_left--;
    if (eddyi_future_done(&g->future)) {
        child->unretrieved = false;
        return;
    }
    if (!g->return_exceptions && child->status < 0) {
        fail_as(g, child);
        return;
    }
    if (g->n_left > 0)
        return;
    fill_outcomes(g);
    if (g->cancel.requested)
        fail_cancelled(g);
    else
        eddyi_future_finish(&g->future, 0, NULL, NULL);
}

/* Makes the gather hold a reference to itself, in the loop's list of pending futures, while
 * children remain: their ends are handled even if no task waits. */
static void hold(struct gather *g)
{
    eddy_future_ref(&g->future);
    eddyi_list_append(&g->future.loop->tasks.pending, &g->pending.link);
}

static void let_go(struct eddyi_pending *p)
{
    struct gather *g = eddyi_container(p, struct gather, pending);

    eddyi_list_remove(&g->pending.link);
    forget_rest(g);
    eddy_future_unref(&g->future);
}

EDDYI_UNGUARDED static void run(struct eddyi_ready *r)
{
    struct child *c = eddyi_container(r, struct child, ready);
    struct gather *g = c->gather;

    child_ended(g, c->future);
    if (g->n_left == 0)
        let_go(&g->pending);
}

static struct gather *gather_new(eddy_loop *loop, size_t n, bool return_exceptions)
{
    struct gather *g = eddyi_alloc(sizeof *g + n * (sizeof g->children[0] + sizeof g->outcomes[0]));

    if (!g) {
        eddy_raise(-ENOMEM, NULL);
        return NULL;
    }
    *g = (struct gather){
        .pending = {.close = let_go},
        .return_exceptions = return_exceptions,
        .outcomes = (eddy_outcome *)(void *)&g->children[n],
    };
    eddyi_loop_attach_tasks(loop);
    eddyi_future_init(&g->future, loop, &gather_ops);
    return g;
}

static size_t index_of(eddy_awaitable *const *aws, const eddy_awaitable *x)
{
    size_t i = 0;

    while (aws[i] != x)
        i++;
    return i;
}

/*
 * Fills in the fields that depend on the arguments alone, since a coroutine cannot be read after it
 * was consumed. An argument with this gather's number was probably passed twice; if not, index_of()
 * finds its own place.
 */
static void prepare(struct gather *g, eddy_awaitable *const *aws, size_t n)
{
    eddy_loop *loop = g->future.loop;

    if (++loop->tasks.gathers == 0)
        loop->tasks.gathers = 1;
    for (size_t i = 0; i < n; i++) {
        struct child *c = &g->children[i];

        *c = (struct child){.gather = g, .first = i, .made = eddy_awaitable_iscoroutine(aws[i])};
        eddyi_hook_init(&c->hook);
        eddyi_ready_init(&c->ready, run);
        if (!aws[i])
            continue;
        if (aws[i]->gathered == loop->tasks.gathers)
            c->first = index_of(aws, aws[i]);
        aws[i]->gathered = loop->tasks.gathers;
    }
}

/* Watches for the end of an argument. */
static void watch(struct gather *g, struct child *c)
{
    g->n_left++;
    c->was_done = eddyi_future_done(c->future);
    if (c->was_done)
        return;
    eddyi_future_hook(c->future, &c->hook, &c->ready);
    c->hook.waiter = &g->future;
}

/* Consumes the next argument. */
static int add_child(struct gather *g, eddy_awaitable *x)
{
    struct child *c = &g->children[g->n];

    /* A coroutine that was passed before has become the task of its first place. */
    if (c->first < g->n && c->made)
        c->future = eddy_future_ref(g->children[c->first].future);
    else
        c->future = eddy_awaitable_ensure_future(x, g->future.loop);
    if (!c->future)
        return eddyi_error_latest(-ENOMEM);
    if (c->first == g->n)
        watch(g, c);
    g->n++;
    return 0;
}

/* Gives up a gather whose next argument could not be added: cancels the tasks that it made. */
static eddy_future *give_up(struct gather *g, eddy_awaitable *const *aws, size_t n)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->children[i].made)
            eddyi_future_cancel(g->children[i].future, NULL);
    for (size_t i = g->n + 1; i < n; i++)
        if (g->children[i].first == i || !g->children[i].made)
            eddy_awaitable_drop(aws[i]);
    eddy_future_unref(&g->future);
    return NULL;
}

/* Returns the loop of the first argument if that is a future, else the current loop. */
static eddy_loop *loop_for(eddy_awaitable *const *aws, size_t n)
{
    if (n > 0 && eddy_awaitable_isfuture(aws[0]) && !eddyi_was_freed(aws[0]))
        return eddyi_future_of(aws[0])->loop;
    return eddy_get_event_loop();
}

eddy_future *eddy_gather_list(eddy_awaitable *const *aws, size_t n, bool return_exceptions)
{
    eddy_loop *loop = loop_for(aws, n);
    struct gather *g = eddyi_loop_check(loop) < 0 ? NULL : gather_new(loop, n, return_exceptions);

    if (!g) {
        eddyi_awaitables_drop(aws, n, true);
        return NULL;
    }
    prepare(g, aws, n);
    while (g->n < n)
        if (add_child(g, aws[g->n]) < 0)
            return give_up(g, aws, n);

    if (n == 0)
        eddyi_future_finish(&g->future, 0, NULL, NULL);
    else
        hold(g);

    /* Children that are done need no turn of the loop; if all are done, neither does the gather
     * (rule 75). */
    for (size_t i = 0; i < n && g->n_left > 0; i++)
        if (g->children[i].was_done)
            run(&g->children[i].ready);
    return &g->future;
}

const eddy_outcome *eddy_gather_outcomes(const eddy_future *f)
{
    if (!f || f->ops != &gather_ops || f->state != EDDYI_FINISHED || f->status < 0)
        return NULL;
    return eddyi_container(f, struct gather, future)->outcomes;
}
