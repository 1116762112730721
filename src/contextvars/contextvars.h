/*
 * Where context variables live.
 *
 * The variables of a context are an immutable, shared map; setting one makes a new map. So a copy
 * of a context, which every task and callback takes, is one reference, and none at all while no
 * variable was ever set.
 *
 * A scope is what a task or callback carries: a map of its own, or, once somebody has a pointer
 * to its context or gave it one, that context.
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
    eddy_context *context;     /* owned; NULL: nobody has seen it */
};

/* The scope as a context, borrowed; NULL when memory is short. */
eddy_context *eddyi_vars_context(struct eddyi_var_scope *scope);

/*
 * The scope of whatever runs in this thread. NULL: the thread's own, in which code outside of tasks
 * and callbacks runs. Whoever changes it puts back what was there; a task does so after each
 * suspension.
 */
extern EDDYI_THREAD_LOCAL struct eddyi_var_scope *eddyi_vars_current;

/* Whether no variable is set in it. */
static inline bool eddyi_vars_empty(const struct eddyi_var_scope *scope)
{
    return !(scope->context ? scope->context->map : scope->map);
}

/* The two below, where there is something to copy or to drop. */
void eddyi_vars_copy(struct eddyi_var_scope *scope, eddy_context *context);
void eddyi_vars_drop(struct eddyi_var_scope *scope);

/* Whether a scope that is @context, or if that is NULL a copy of the current one, is {0}: mostly
 * there are no variables. */
static inline bool eddyi_vars_none(const eddy_context *context)
{
    return !context && eddyi_vars_current && eddyi_vars_empty(eddyi_vars_current);
}

/* Makes it that. */
static inline void eddyi_vars_init(struct eddyi_var_scope *scope, eddy_context *context)
{
    *scope = (struct eddyi_var_scope){0};
    if (!eddyi_vars_none(context))
        eddyi_vars_copy(scope, context);
}

static inline void eddyi_vars_fini(struct eddyi_var_scope *scope)
{
    if ((uintptr_t)scope->map | (uintptr_t)scope->context) /* one branch, not two */
        eddyi_vars_drop(scope);
}

#endif
