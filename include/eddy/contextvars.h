/*
 * Context variables: values that follow a task (contextvars in Python).
 *
 * Each task and each scheduled callback runs in a context of its own, a copy of the context in
 * which it was made; a variable set there is not visible elsewhere. Copying costs nothing until a
 * variable is set. A variable holds a pointer, which must outlive every context that may still hold
 * it: a string literal, static data, or memory that the program manages.
 */
#ifndef EDDY_CONTEXTVARS_H
#define EDDY_CONTEXTVARS_H

#include "defs.h"

EDDY_BEGIN_DECLS

/*
 * A variable (contextvars.ContextVar), usually static: `static eddy_contextvar user =
 * EDDY_CONTEXTVAR("user", NULL);`
 */
typedef struct eddy_contextvar {
    const char *name;
    void *default_value; /* the value where none was set */
} eddy_contextvar;

/* Initializes a context variable: its name, for reports, and its default value. */
#define EDDY_CONTEXTVAR(name, default_value)                                                       \
    {                                                                                              \
        (name), (default_value)                                                                    \
    }

/* The value that a set replaced, for eddy_contextvar_reset() (contextvars.Token). */
typedef struct eddy_token {
    const eddy_contextvar *var;
    void *old_value;
    bool was_set;
    bool used;
} eddy_token;

/* Returns the value of @var in the current context, or its default (ContextVar.get). */
EDDY_API void *eddy_contextvar_get(const eddy_contextvar *var);

/*
 * Returns whether @var has a value in the current context, and stores the value in *ret_value
 * (@ret_value may be NULL).
 */
EDDY_API bool eddy_contextvar_lookup(const eddy_contextvar *var, void **ret_value);
#define eddy_contextvar_lookup(var, ret_value) eddy_contextvar_lookup((var), EDDYI_OUT(ret_value))

/*
 * Sets @var to @value in the current context (ContextVar.set). *ret_token (@ret_token may be NULL)
 * records the former value. Returns 0, or -ENOMEM without a change.
 */
EDDY_API int eddy_contextvar_set(const eddy_contextvar *var, void *value, eddy_token *ret_token);

/*
 * Restores the value that the set of @token replaced (ContextVar.reset). Returns 0, -ENOMEM, or
 * EDDY_EMISUSE for a token of another variable or a token used before.
 */
EDDY_API int eddy_contextvar_reset(const eddy_contextvar *var, eddy_token *token);

/*
 * Copies the current context (contextvars.copy_context). The caller owns the result. Returns NULL
 * when memory is short.
 */
EDDY_API EDDY_NODISCARD eddy_context *eddy_copy_context(void);

/* Add a reference to @ctx and return @ctx, or drop one. NULL is allowed. */
EDDY_API eddy_context *eddy_context_ref(eddy_context *ctx);
EDDY_API void eddy_context_unref(eddy_context *ctx);

/*
 * Calls fn(arg) in @ctx (Context.run): variables that fn sets stay in @ctx. Returns the result of
 * fn, or EDDY_EMISUSE if @ctx is already entered.
 */
EDDY_API int eddy_context_run(eddy_context *ctx, int (*fn)(void *arg), void *arg);

EDDY_END_DECLS

#endif
