#include "task/scope.h"

#include "base/log.h"
#include "eddy/error.h"
#include "fiber/stack.h"
#include "loop/loop.h"
#include "task/task.h"

#include <stdio.h>
#include <stdlib.h>

static struct eddyi_scope **row_of(eddy_loop *loop, const void *storage)
{
    uintptr_t hash = (uintptr_t)storage / 16;

    return &loop->tasks.scopes[(hash ^ hash / EDDYI_SCOPE_ROWS) % EDDYI_SCOPE_ROWS];
}

static bool is_on_stack(const eddy_task *t, const void *storage)
{
    return (const char *)storage >= t->stack->limit &&
           (const char *)storage < (const char *)t->stack->object;
}

struct eddyi_scope *eddyi_scope_entered(const eddy_task *t, const void *storage)
{
    struct eddyi_scope *s;

    if (t && is_on_stack(t, storage)) {
        for (s = t->scopes; s && s != storage; s = s->outer)
            continue;
        return s;
    }
    s = eddyi_loop_running ? *row_of(eddyi_loop_running, storage) : NULL;
    while (s && s != storage)
        s = s->next;
    return s;
}

void eddyi_scope_enter(struct eddyi_scope *s, eddy_task *t, const struct eddyi_scope_kind *kind,
                       const char *where)
{
    struct eddyi_scope **row = row_of(t->future.loop, s);

    *s = (struct eddyi_scope){.task = t,
                              .outer = t->scopes,
                              .next = *row,
                              .at = row,
                              .generator = t->generator,
                              .kind = kind,
                              .where = where};
    t->scopes = s;
    if (s->next)
        s->next->at = &s->next;
    *row = s;
}

void eddyi_scope_leave(struct eddyi_scope *s)
{
    struct eddyi_scope **i = &s->task->scopes;

    while (*i != s)
        i = &(*i)->outer;
    *i = s->outer;
    if (s->next)
        s->next->at = s->at;
    *s->at = s->next;
}

static const char *place(const struct eddyi_scope *s)
{
    return s->where ? s->where : "?";
}

bool eddyi_scope_is_guarded_here(const struct eddyi_scope *s)
{
    const eddy_task *t = eddyi_task_current();

    if (eddyi_loop_elsewhere(s->task->future.loop)) {
        eddyi_log(EDDY_LOG_FATAL,
                  "a generator is ended in another thread than that of the loop where it "
                  "entered the %s at %s",
                  s->kind->noun, place(s));
        abort();
    }
    return t == s->task || (s->generator && (!t || t->generator == s->generator));
}

/* Checks the order of scopes separately for each generator: a generator may return a value within a
 * scope, and its caller may leave scopes of its own meanwhile. */
int eddyi_scope_check(const struct eddyi_scope *s)
{
    eddy_task *t = eddyi_task_current();
    const struct eddyi_scope *inner = NULL, *i;

    if (eddyi_loop_forked(s->task->future.loop))
        return eddy_raise(EDDY_EFORKED, "the %s entered at %s is the parent's", s->kind->noun,
                          place(s));
    if (t != s->task)
        return eddy_raise(EDDY_EMISUSE, "a %s can only be left by the task that entered it (at %s)",
                          s->kind->noun, place(s));
    for (i = t->scopes; i && i != s; i = i->outer)
        if (i->generator == s->generator)
            inner = i;
    if (!i)
        return eddy_raise(EDDY_EMISUSE, "this is no %s, but a copy of one", s->kind->noun);
    if (inner)
        return eddy_raise(
            EDDY_EMISUSE,
            "the %s entered at %s cannot be left before the %s entered within it, at %s",
            s->kind->noun, place(s), inner->kind->noun, place(inner));
    return 0;
}

int eddyi_scope_raise_twice(const struct eddyi_scope *s, const char *again)
{
    return eddy_raise(EDDY_EMISUSE,
                      "the %s entered at %s was entered again, at %s, without being left",
                      s->kind->noun, place(s), again ? again : "?");
}

static void die(eddy_task *t)
{
    eddyi_log(
        EDDY_LOG_FATAL,
        "task '%s' ends within a timeout or task group that it has not left: it was entered by "
        "another way than its macro, which declares a guard, or by longjmp() the guard was "
        "jumped over",
        eddy_task_get_name(t));
    abort();
}

void eddyi_scopes_orphan(eddy_task *t)
{
    /* the scopes belong to the parent process, and no code here will read them */
    if (eddyi_loop_forked(t->future.loop))
        return;
    while (t->scopes) {
        struct eddyi_scope *s = t->scopes;

        if (is_on_stack(t, s))
            die(t);
        s->kind->orphan(s);
        eddyi_scope_leave(s);
        s->task = NULL;
    }
}
