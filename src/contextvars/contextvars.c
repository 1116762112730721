#include "contextvars/contextvars.h"

#include "base/refs.h"
#include "base/sys.h"
#include "eddy/error.h"

#include <stdatomic.h>
#include <string.h>

struct var_entry {
    const eddy_contextvar *var;
    void *value;
};

/* Immutable; threads share it with the callbacks that they post to each other. */
struct eddyi_var_map {
    atomic_uint refs;
    size_t n;
    struct var_entry entries[];
};

static EDDYI_THREAD_LOCAL struct eddyi_var_scope thread_scope;
EDDYI_THREAD_LOCAL struct eddyi_var_scope *eddyi_vars_current;

static void clear_thread_scope(void)
{
    eddyi_vars_fini(&thread_scope);
}

static struct eddyi_var_map *map_ref(struct eddyi_var_map *map)
{
    if (map)
        atomic_fetch_add_explicit(&map->refs, 1, memory_order_relaxed);
    return map;
}

static void map_unref(struct eddyi_var_map *map)
{
    if (map && eddyi_refs_drop_shared(&map->refs))
        eddyi_free(map);
}

static struct eddyi_var_scope *scope_here(void)
{
    return eddyi_vars_current ? eddyi_vars_current : &thread_scope;
}

/* Returns the address of the scope's map. */
static struct eddyi_var_map **map_of(struct eddyi_var_scope *scope)
{
    return scope->context ? &scope->context->map : &scope->map;
}

static const struct var_entry *find(const struct eddyi_var_map *map, const eddy_contextvar *var)
{
    for (size_t i = 0; map && i < map->n; i++)
        if (map->entries[i].var == var)
            return &map->entries[i];
    return NULL;
}

/* Replaces *map by a map without @var, and with @var at @value if @set. Returns 0 or -ENOMEM. */
static int replace(struct eddyi_var_map **map, const eddy_contextvar *var, bool set, void *value)
{
    size_t n = *map ? (*map)->n : 0;
    struct eddyi_var_map *fresh = eddyi_alloc(sizeof *fresh + (n + 1) * sizeof fresh->entries[0]);

    if (!fresh)
        return -ENOMEM;
    atomic_init(&fresh->refs, 1);
    fresh->n = 0;
    for (size_t i = 0; i < n; i++)
        if ((*map)->entries[i].var != var)
            fresh->entries[fresh->n++] = (*map)->entries[i];
    if (set)
        fresh->entries[fresh->n++] = (struct var_entry){var, value};
    map_unref(*map);
    *map = fresh;
    return 0;
}

bool(eddy_contextvar_lookup)(const eddy_contextvar *var, void **ret_value)
{
    const struct var_entry *entry = find(*map_of(scope_here()), var);

    if (entry && ret_value)
        *ret_value = entry->value;
    return entry != NULL;
}

void *eddy_contextvar_get(const eddy_contextvar *var)
{
    void *value = var->default_value;

    eddy_contextvar_lookup(var, &value);
    return value;
}

int eddy_contextvar_set(const eddy_contextvar *var, void *value, eddy_token *ret_token)
{
    eddy_token token = {.var = var};

    token.was_set = eddy_contextvar_lookup(var, &token.old_value);
    if (!eddyi_vars_current)
        eddyi_thread_at_exit(clear_thread_scope);
    if (replace(map_of(scope_here()), var, true, value) < 0)
        return eddy_raise(-ENOMEM, NULL);
    if (ret_token)
        *ret_token = token;
    return 0;
}

int eddy_contextvar_reset(const eddy_contextvar *var, eddy_token *token)
{
    if (token->var != var)
        return eddy_raise(EDDY_EMISUSE, "the token was made by another context variable");
    if (token->used)
        return eddy_raise(EDDY_EMISUSE, "the token of '%s' has been used already", var->name);
    if (replace(map_of(scope_here()), var, token->was_set, token->old_value) < 0)
        return eddy_raise(-ENOMEM, NULL);
    token->used = true;
    return 0;
}

static eddy_context *context_new(struct eddyi_var_map *map)
{
    eddy_context *ctx = eddyi_alloc(sizeof *ctx);

    if (!ctx)
        return NULL;
    atomic_init(&ctx->refs, 1);
    ctx->entered = false;
    ctx->map = map_ref(map);
    return ctx;
}

eddy_context *eddy_copy_context(void)
{
    return context_new(*map_of(scope_here()));
}

eddy_context *eddy_context_ref(eddy_context *ctx)
{
    if (ctx)
        atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void eddy_context_unref(eddy_context *ctx)
{
    if (!ctx || !eddyi_refs_drop_shared(&ctx->refs))
        return;
    map_unref(ctx->map);
    eddyi_free(ctx);
}

/* A context while a function runs in it. */
struct entered {
    struct eddyi_var_scope scope, *before;
};

/* Leaves the context, also when a C++ exception has left the function. */
static void leave_context(struct entered *e)
{
    eddyi_vars_current = e->before;
    e->scope.context->entered = false;
    eddy_context_unref(e->scope.context);
}

static int run_entered(eddy_context *ctx, int (*fn)(void *arg), void *arg)
{
    EDDY_CLEANUP(leave_context) struct entered e = {{.context = ctx}, eddyi_vars_current};

    eddyi_vars_current = &e.scope;
    return fn(arg);
}

int eddy_context_run(eddy_context *ctx, int (*fn)(void *arg), void *arg)
{
    const struct eddyi_var_scope *before = eddyi_vars_current;

    if (!ctx)
        return eddy_raise(-ENOMEM, NULL);
    if (!fn)
        return eddy_raise(-EINVAL, "context_run: there is no function");
    /* The second condition: a task or callback that runs in the context has entered it. */
    if (ctx->entered || (before && before->context == ctx))
        return eddy_raise(EDDY_EMISUSE, "the context is already entered");
    eddy_context_ref(ctx); /* fn may drop the caller's reference */
    ctx->entered = true;
    return run_entered(ctx, fn, arg);
}

void eddyi_vars_init_slow(struct eddyi_var_scope *scope, eddy_context *context)
{
    scope->context = eddy_context_ref(context);
    scope->map = context ? NULL : map_ref(*map_of(scope_here()));
}

void eddyi_vars_fini_slow(struct eddyi_var_scope *scope)
{
    map_unref(scope->map);
    eddy_context_unref(scope->context);
    *scope = (struct eddyi_var_scope){0};
}

eddy_context *eddyi_vars_context(struct eddyi_var_scope *scope)
{
    if (!scope->context) {
        scope->context = context_new(scope->map);
        if (scope->context) {
            map_unref(scope->map);
            scope->map = NULL;
        }
    }
    return scope->context;
}
