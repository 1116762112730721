/*
 * Context variables: values that follow a task (contextvars in Python).
 *
 * Each task and each scheduled callback runs in a context of its own, a copy of the one in
 * which it was made; what it sets there nobody else sees. Copying costs nothing until
 * somebody sets a variable. A variable holds a pointer, which must outlive every context
 * that may still hold it: string literals, static data, or something of the program's own
 * keeping.
 */
#ifndef EDDY_CONTEXTVARS_H
#define EDDY_CONTEXTVARS_H

#include "defs.h"

EDDY_BEGIN_DECLS

/* A variable, usually static: `static eddy_contextvar user = EDDY_CONTEXTVAR("user", NULL);` */
typedef struct eddy_contextvar {
    const char *name;
    void *default_value; /* what get gives where no value was set */
} eddy_contextvar;

#define EDDY_CONTEXTVAR(name, default_value)                                                       \
    {                                                                                              \
        (name), (default_value)                                                                    \
    }

/* What a set replaced, for eddy_contextvar_reset(). */
typedef struct eddy_token {
    const eddy_contextvar *var;
    void *old_value;
    bool was_set;
    bool used;
} eddy_token;

/* The variable's value in the current context, or its default (ContextVar.get). */
EDDY_API void *eddy_contextvar_get(const eddy_contextvar *var);

/* Whether the variable has a value here; puts it in *ret_value, which may be NULL. */
EDDY_API bool eddy_contextvar_lookup(const eddy_contextvar *var, void **ret_value);

/*
 * Gives the variable a value in the current context (ContextVar.set). *ret_token, which may
 * be NULL, remembers what was there. Returns 0 or -ENOMEM; the value is unchanged then.
 */
EDDY_API int eddy_contextvar_set(const eddy_contextvar *var, void *value, eddy_token *ret_token);

/*
 * Puts back what the set of @token replaced (ContextVar.reset). Returns 0, -ENOMEM, or
 * EDDY_EMISUSE for a token of another variable or one used before.
 */
EDDY_API int eddy_contextvar_reset(const eddy_contextvar *var, eddy_token *token);

/* A copy of the current context; the caller owns a reference. NULL when memory is short. */
EDDY_API EDDY_NODISCARD eddy_context *eddy_copy_context(void);

EDDY_API eddy_context *eddy_context_ref(eddy_context *ctx);
EDDY_API void eddy_context_unref(eddy_context *ctx); /* NULL is allowed */

/*
 * Calls fn(arg) in @ctx: variables set there stay in @ctx (Context.run). Returns what
 * fn returned, or EDDY_EMISUSE if @ctx is already entered.
 */
EDDY_API int eddy_context_run(eddy_context *ctx, int (*fn)(void *arg), void *arg);

EDDY_END_DECLS

#endif
