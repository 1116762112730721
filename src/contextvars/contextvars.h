/*
 * The representation of context variables.
 *
 * The variables of a context are an immutable, shared map; setting a variable creates a new map. So
 * a copy of a context, which every task and callback takes, is one reference, and no reference
 * while no variable was ever set.
 *
 * Every task and callback carries a scope: a map of its own, or a context, once a pointer to that
 * context was given or asked for.
 */
#ifndef EDDYI_CONTEXTVARS_H
#define EDDYI_CONTEXTVARS_H

#include "base/thread.h"
#include "eddy/contextvars.h"

#include <stdatomic.h>
#include <stdbool.h>

struct eddyi_var_map;

struct eddy_context {
    atomic_uint refs;
    bool entered;              /* by eddy_context_run() */
    struct eddyi_var_map *map; /* owned; NULL: no variable is set */
};

struct eddyi_var_scope {
    struct eddyi_var_map *map; /* owned; NULL: no variable is set. Unused once there is a context */
    eddy_context *context;     /* owned; NULL: it was not asked for */
};

/* Returns the scope as a context, or NULL when memory is short. The scope owns the context. */
eddy_context *eddyi_vars_context(struct eddyi_var_scope *scope);

/*
 * The scope of the code that runs in this thread. NULL is the thread's own scope, in which code
 * outside of tasks and callbacks runs. Code that changes this pointer restores it; a task does so
 * after each suspension.
 */
extern EDDYI_THREAD_LOCAL struct eddyi_var_scope *eddyi_vars_current;

/* Returns true if no variable is set in @scope. */
static inline bool eddyi_vars_empty(const struct eddyi_var_scope *scope)
{
    return !(scope->context ? scope->context->map : scope->map);
}

/* Slow paths of eddyi_vars_init() and eddyi_vars_fini(), for scopes that are not {0}. */
void eddyi_vars_init_slow(struct eddyi_var_scope *scope, eddy_context *context);
void eddyi_vars_fini_slow(struct eddyi_var_scope *scope);

/* Returns true if the scope for @context, or for a copy of the current context if @context is NULL,
 * is {0}. That is the common case: there are no variables. */
static inline bool eddyi_vars_none(const eddy_context *context)
{
    return !context && eddyi_vars_current && eddyi_vars_empty(eddyi_vars_current);
}

/* Makes @scope that of @context, or of a copy of the current context if @context is NULL. */
static inline void eddyi_vars_init(struct eddyi_var_scope *scope, eddy_context *context)
{
    *scope = (struct eddyi_var_scope){0};
    if (!eddyi_vars_none(context))
        eddyi_vars_init_slow(scope, context);
}

static inline void eddyi_vars_fini(struct eddyi_var_scope *scope)
{
    if ((uintptr_t)scope->map | (uintptr_t)scope->context) /* one branch instead of two */
        eddyi_vars_fini_slow(scope);
}

#endif
