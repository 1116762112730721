/*
 * Scopes: the timeouts and groups that a task has entered and not left, innermost first.
 *
 * They lie in the users' storage, which is not initialised before it is entered, so it cannot be
 * asked whether it is in use. The task's list says so of storage on its own stack; of any other,
 * which another task may have entered, a table of the loop's.
 */
#ifndef EDDYI_SCOPE_H
#define EDDYI_SCOPE_H

#include "eddy/defs.h"

/* What a timeout and a group begin with. */
struct eddyi_scope {
    eddy_task *task; /* the one that entered it; NULL: none */
    struct eddyi_scope
        *outer; /* the one entered before it by the same task; as the rest, while it is entered */
    struct eddyi_scope *next, **at;    /* in its row of the loop's table */
    struct eddyi_generator *generator; /* the innermost that the task was running; NULL: none */
    const struct eddyi_scope_kind *kind;
    const char *where; /* "file.c:12" where it was entered, or NULL */
};

struct eddyi_scope_kind {
    const char *noun;
    /* Its task ends although it was not left. Afterwards nothing of it refers to the task; it is
     * left. */
    void (*orphan)(struct eddyi_scope *s);
};

/*
 * The scope in this storage, which need not be initialised, if a task of the loop that runs here
 * has entered it and not left it; else NULL. @t is the running task, NULL if there is none.
 */
struct eddyi_scope *eddyi_scope_entered(const eddy_task *t, const void *storage);

/* Begins a scope of @t, in storage that is no scope now. */
void eddyi_scope_enter(struct eddyi_scope *s, eddy_task *t, const struct eddyi_scope_kind *kind,
                       const char *where);

/* 0 if the running task may leave @s now: it entered it, and nothing within it is still entered.
 * Else EDDY_EMISUSE, raised. */
int eddyi_scope_check(const struct eddyi_scope *s);

void eddyi_scope_leave(struct eddyi_scope *s);

/* Whether a guard of the scope that runs now is that of who entered it: of its task, or of its
 * generator, which another closes. */
bool eddyi_scope_is_guarded_here(const struct eddyi_scope *s);

/* EDDY_EMISUSE, raised: @s, which is entered, was entered again at @again (may be NULL). */
int eddyi_scope_raise_twice(const struct eddyi_scope *s, const char *again);

/*
 * The task ends within scopes: in a generator that is suspended, or without guards. Those whose
 * storage is gone with the task's frames cannot be ended any more: then the process is, with a
 * message.
 */
void eddyi_scopes_orphan(eddy_task *t);

#endif
