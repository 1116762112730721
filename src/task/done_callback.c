/*
 * The done-callbacks of users: a function, its argument and its context, called through the loop.
 */
#include "base/block.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/future.h"

struct done_callback {
    struct eddyi_hook hook; /* keep is the future, with a reference of its own when queued */
    struct eddyi_ready ready;
    eddy_done_fn *fn;
    void *arg;
    struct eddyi_var_scope vars;
};

static void free_callback(struct done_callback *cb)
{
    eddyi_vars_fini(&cb->vars);
    eddyi_block_free(cb, sizeof *cb);
}

/* Frees the callback after its call, also when an exception has left it. */
static void called(struct done_callback **called)
{
    struct done_callback *cb = *called;
    eddy_future *f = cb->hook.keep;

    eddyi_vars_current = NULL;
    eddyi_cleaned_up = &cb->ready;
    free_callback(cb);
    eddy_future_unref(f);
}

EDDYI_UNGUARDED static void run(struct eddyi_ready *r)
{
    EDDY_CLEANUP(called) struct done_callback *cb = eddyi_container(r, struct done_callback, ready);

    eddyi_vars_current = &cb->vars;
    cb->fn(cb->hook.keep, cb->arg);
}

int eddy_future_add_done_callback_in(eddy_future *f, eddy_done_fn *fn, void *arg,
                                     eddy_context *context)
{
    struct done_callback *cb;
    int rc;

    if (!f)
        return eddy_raise(-ENOMEM, NULL);
    if (eddyi_is_gone(&f->base))
        return EDDY_EMISUSE;
    rc = eddyi_loop_check(f->loop);
    if (rc < 0)
        return rc;
    if (!fn)
        return eddy_raise(-EINVAL, "add_done_callback: there is no callback");
    cb = eddyi_block_alloc(sizeof *cb);
    if (!cb)
        return eddy_raise(-ENOMEM, NULL);
    cb->fn = fn;
    cb->arg = arg;
    eddyi_vars_init(&cb->vars, context);
    eddyi_ready_init(&cb->ready, run);
    eddyi_hook_init(&cb->hook);
    if (eddyi_future_done(f))
        eddyi_loop_ready(f->loop, &cb->ready);
    else
        eddyi_future_hook(f, &cb->hook, &cb->ready);
    cb->hook.keep = eddyi_future_done(f) ? eddy_future_ref(f) : f;
    return 0;
}

int eddy_future_add_done_callback(eddy_future *f, eddy_done_fn *fn, void *arg)
{
    return eddy_future_add_done_callback_in(f, fn, arg, NULL);
}

/* Returns the user's callback of a hook, or NULL for a hook of another kind. */
static struct done_callback *callback_of(struct eddyi_list *l)
{
    struct eddyi_hook *hook = eddyi_container(l, struct eddyi_hook, link);

    return hook->ready->run == run ? eddyi_container(hook, struct done_callback, hook) : NULL;
}

int eddy_future_remove_done_callback(eddy_future *f, eddy_done_fn *fn, void *arg)
{
    int removed = 0;

    if (!f)
        return eddy_raise(-ENOMEM, NULL);
    if (eddyi_is_gone(&f->base))
        return EDDY_EMISUSE;
    if (eddyi_loop_elsewhere(f->loop))
        return eddyi_loop_check(f->loop);
    for (struct eddyi_list *l = f->hooks.next, *next; l != &f->hooks; l = next) {
        struct done_callback *cb = callback_of(l);

        next = l->next;
        if (cb && cb->fn == fn && cb->arg == arg) {
            eddyi_list_remove(l);
            free_callback(cb);
            removed++;
        }
    }
    return removed;
}

void eddyi_done_callbacks_drop(struct eddyi_list *hooks)
{
    for (struct eddyi_list *l = hooks->next, *next; l != hooks; l = next) {
        struct done_callback *cb = callback_of(l);

        next = l->next;
        eddyi_list_remove(l);
        if (cb)
            free_callback(cb);
    }
}

void eddyi_done_callbacks_drop_queued(struct eddyi_list *list)
{
    struct eddyi_list *l;

    while ((l = eddyi_list_pop(list)) != NULL) {
        struct eddyi_ready *r = EDDYI_READY(l);

        if (r->run == run) {
            struct done_callback *cb = eddyi_container(r, struct done_callback, ready);

            eddy_future_unref(cb->hook.keep);
            free_callback(cb);
        } else {
            r->run(r);
        }
    }
}
