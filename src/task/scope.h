/*
 * Scopes: the timeouts and groups that a task has entered and not left, innermost first.
 *
 * They lie in the user's storage, which is not initialized before it is entered, so it cannot tell
 * whether it is in use. The task's list tells for storage on its own stack; a table of the loop
 * tells for any other storage, which another task may have entered.
 */
#ifndef EDDYI_SCOPE_H
#define EDDYI_SCOPE_H

#include "eddy/defs.h"

/* The common beginning of a timeout and a group. */
struct eddyi_scope {
    eddy_task *task; /* the task that entered it; NULL: none */
    /* the scope entered before it by the same task; valid, as the other links, while it is
     * entered */
    struct eddyi_scope *outer;
    struct eddyi_scope *next, **at; /* in its row of the loop's table */
    /* the innermost generator that the task was running; NULL: none */
    struct eddyi_generator *generator;
    const struct eddyi_scope_kind *kind;
    const char *where; /* "file.c:12" where it was entered, or NULL */
};

struct eddyi_scope_kind {
    const char *noun;
    /* Ends a scope that was not left before its task ends. The scope then counts as left, and does
     * not refer to the task any more. */
    void (*orphan)(struct eddyi_scope *s);
};

/* Returns the scope in @storage, which need not be initialized, if a task of the loop that runs
 * here has entered it and not left it; else NULL. @t is the running task, NULL if there is none. */
struct eddyi_scope *eddyi_scope_entered(const eddy_task *t, const void *storage);

/* Enters a scope of @t, in storage that is not in use by a scope. */
void eddyi_scope_enter(struct eddyi_scope *s, eddy_task *t, const struct eddyi_scope_kind *kind,
                       const char *where);

/* Checks that the running task may leave @s now: it entered @s, and has left all scopes within it.
 * Returns 0, or raises EDDY_EMISUSE. */
int eddyi_scope_check(const struct eddyi_scope *s);

void eddyi_scope_leave(struct eddyi_scope *s);

/* Returns whether the guard that runs now belongs to @s: it runs in the task that entered @s, or in
 * the generator that did, which another task may close. */
bool eddyi_scope_is_guarded_here(const struct eddyi_scope *s);

/* Raises EDDY_EMISUSE: @s was entered again, at @again (may be NULL), without being left. */
int eddyi_scope_raise_twice(const struct eddyi_scope *s, const char *again);

/*
 * Ends the scopes of a task that ends within them: in a suspended generator, or without guards. If
 * the storage of a scope lies in the task's frames, which are gone, ends the process with a
 * message.
 */
void eddyi_scopes_orphan(eddy_task *t);

#endif
