/*
 * Task groups: the behaviour of asyncio.TaskGroup, flag by flag.
 */
#include "eddy/group.h"
#include "base/assert.h"

#include "base/block.h"
#include "base/exception.h"
#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "task/scope.h"
#include "task/task.h"
#include "task/wait.h"

#include <stdio.h>

#undef eddy_group_enter

enum { NO_TASK, ENTERED, EXITING, EXITED };

/* The library's view of eddy_group. */
struct group {
    struct eddyi_scope scope; /* the parent's scope */
    eddy_loop *loop;
    struct eddyi_list children;
    struct eddyi_list errors;  /* children that failed, in the order of their failures */
    struct eddyi_wait *waiter; /* the parent's wait, while it waits in _exit */
    const char *again;         /* where the group was entered a second time; may be NULL */
    size_t n_errors;
    int state;
    bool aborting;         /* the children were cancelled; new ones are refused */
    bool parent_cancelled; /* the group cancelled its parent, and must uncancel it */
    bool ended_early;      /* eddy_group_cancel() was called */
    bool no_memory;        /* a child could not be made */
    bool twice;            /* the group was entered a second time */
};

_Static_assert(sizeof(struct group) <= sizeof(eddy_group), "eddy_group is too small");

struct child {
    struct eddyi_hook hook;
    struct eddyi_ready ready;
    struct eddyi_list link; /* in the list of children, later perhaps in that of errors */
    struct group *group;    /* NULL once the end has been seen */
    eddy_task *task;        /* owned */
    eddy_exception *error;  /* owned; the failure of the task */
};

static struct group *group_of(eddy_group *tg)
{
    return (struct group *)(void *)tg;
}

static void child_free(struct child *c)
{
    eddyi_list_remove(&c->link);
    eddyi_hook_remove(&c->hook);
    eddyi_ready_cancel(&c->ready);
    eddy_exception_unref(c->error);
    eddy_unref(c->task);
    eddyi_block_free(c, sizeof *c);
}

/* Cancels the children. Returns false if a child waits for itself: then that child and those after
 * it were not cancelled. */
static bool abort_children(struct group *g)
{
    g->aborting = true;
    for (struct eddyi_list *l = g->children.next, *next; l != &g->children; l = next) {
        eddy_task *t = eddyi_container(l, struct child, link)->task;

        next = l->next;
        if (eddyi_future_cancel(&t->future, NULL) < 0) {
            eddyi_report_circle(t);
            return false;
        }
    }
    return true;
}

static void cancel_parent(struct group *g)
{
    g->parent_cancelled = true;
    if (eddyi_future_cancel(&g->scope.task->future, NULL) < 0)
        eddyi_report_circle(g->scope.task);
}

/* Handles a failure: cancels the children, and interrupts the parent in its block or its _exit. */
static void fail(struct group *g)
{
    if (!g->aborting && !g->parent_cancelled && abort_children(g))
        cancel_parent(g);
}

/* Returns the failure of a child; never NULL. */
static eddy_exception *error_of(eddy_task *t)
{
    eddy_exception *e;
    int status = eddyi_future_retrieve(&t->future, NULL, &e);

    if (!e)
        e = eddy_exception_new(status, NULL);
    return e ? e : eddy_exception_ref(eddyi_exception_no_memory());
}

/* Handles the end of a child. Returns true if the child stays, as an error. */
static bool child_ended(struct group *g, struct child *c)
{
    eddyi_list_remove(&c->link);
    c->group = NULL;
    if (g->waiter && eddyi_list_empty(&g->children) && !g->waiter->over)
        eddyi_wait_over(g->waiter);
    if (c->task->future.state == EDDYI_CANCELLED || c->task->future.status >= 0)
        return false;

    c->error = error_of(c->task);
    eddyi_list_append(&g->errors, &c->link);
    g->n_errors++;
    fail(g);
    return true;
}

static void on_child_done(struct eddyi_ready *r)
{
    struct child *c = eddyi_container(r, struct child, ready);

    /* The end of a child that ended eagerly has been handled already; only its memory remains,
     * which create_task may have given out. */
    if (!c->group || !child_ended(c->group, c))
        child_free(c);
}

/* Releases the children, whose ends will not be reported any more. */
static void let_go_of_children(struct group *g)
{
    while (!eddyi_list_empty(&g->children))
        child_free(eddyi_container(g->children.next, struct child, link));
}

static void free_errors(struct group *g)
{
    while (!eddyi_list_empty(&g->errors))
        child_free(eddyi_container(g->errors.next, struct child, link));
    g->n_errors = 0;
}

static void orphan(struct eddyi_scope *s)
{
    struct group *g = eddyi_container(s, struct group, scope);

    abort_children(g);
    let_go_of_children(g);
    free_errors(g);
    g->state = EXITED;
}

static const struct eddyi_scope_kind kind = {"task group", orphan};

/* Handles entering storage that is in use: the entered scope goes on, but ends as a failure if it
 * is a group of the same task. */
static void enter_again(struct eddyi_scope *s, const eddy_task *t, const char *where)
{
    struct group *g = eddyi_container(s, struct group, scope);

    eddyi_scope_raise_twice(s, where);
    if (s->task != t || s->kind != &kind)
        return;
    g->twice = true;
    g->again = where;
    fail(g);
}

eddy_group *eddyi_group_enter(eddy_group *tg, const char *where)
{
    struct group *g = group_of(tg);
    eddy_task *t = eddy_current_task();
    struct eddyi_scope *entered = eddyi_scope_entered(t, tg);

    if (entered) {
        enter_again(entered, t, where);
        return tg;
    }
    *g = (struct group){.state = t ? ENTERED : NO_TASK};
    eddyi_list_init(&g->children);
    eddyi_list_init(&g->errors);
    if (t) {
        g->loop = t->future.loop;
        eddyi_scope_enter(&g->scope, t, &kind, where);
    }
    return tg;
}

void eddy_group_enter(eddy_group *tg)
{
    eddyi_group_enter(tg, NULL);
}

static int may_create(const struct group *g)
{
    if (g->state == NO_TASK)
        return eddy_raise(EDDY_EMISUSE, "the task group has not been entered in a task");
    if (g->state == EXITED || (g->state == EXITING && eddyi_list_empty(&g->children)))
        return eddy_raise(EDDY_EMISUSE, "the task group is finished");
    if (g->aborting)
        return eddy_raise(EDDY_EMISUSE, "the task group is shutting down");
    return eddyi_loop_check(g->loop);
}

/* Fails the group because a child could not be made, as a failing child would. @c is NULL if there
 * was no memory for it. */
static int not_made(struct group *g, struct child *c)
{
    int rc = eddyi_error_latest(-ENOMEM);

    if (c) {
        c->group = NULL;
        c->error = eddy_exception_ref(eddy_error());
        eddyi_list_append(&g->errors, &c->link);
        g->n_errors++;
    } else {
        g->no_memory = true;
    }
    fail(g);
    return rc;
}

int(eddy_group_create_task_with)(eddy_group *tg, const eddy_task_options *options,
                                 size_t options_size)
{
    EDDYI_OPTIONS(eddy_task_options, options, options_size,
                  (eddy_coroutine_close(options->coro), -E2BIG));
    struct group *g = group_of(tg);
    struct child *c;
    int rc = may_create(g);

    if (rc < 0) {
        eddy_coroutine_close(options->coro);
        return rc;
    }
    c = eddyi_block_alloc(sizeof *c);
    if (!c) {
        eddy_coroutine_close(options->coro);
        eddy_raise(-ENOMEM, NULL);
        return not_made(g, NULL);
    }
    *c = (struct child){.group = g};
    eddyi_ready_init(&c->ready, on_child_done);
    eddyi_hook_init(&c->hook);
    eddyi_list_init(&c->link);
    c->task = eddy_loop_create_task_with(g->loop, options);
    if (!c->task)
        return not_made(g, c);
    if (options->ret_task)
        *options->ret_task = eddy_ref(c->task);
    if (!eddyi_future_done(&c->task->future)) {
        eddyi_list_append(&g->children, &c->link);
        eddyi_future_hook(&c->task->future, &c->hook, &c->ready);
        c->hook.waiter = &g->scope.task->future;
    } else if (!child_ended(g, c)) {
        eddyi_loop_ready(g->loop, &c->ready);
    }
    return 0;
}

static bool stop_waiting(struct eddyi_wait *w)
{
    eddyi_wait_over(w);
    return true;
}

/* Waits once for the last child to end. Raises -ECANCELED if the parent is cancelled meanwhile. */
static int wait_for_children(struct group *g)
{
    struct eddyi_wait w;
    int rc = eddyi_wait_init(&w, stop_waiting);

    if (rc < 0)
        return rc;
    w.what = "the tasks of its group";
    EDDYI_ASSERT(!g->waiter && "one task waits for a group"); /* its frame would be gone */
    g->waiter = &w;
    eddyi_wait_park(&w);
    g->waiter = NULL;
    rc = eddyi_wait_finish(&w);
    if (g->loop->closed)
        let_go_of_children(g); /* their ends will not be reported any more */
    return rc;
}

/* Returns the running task's present error if its code is @rc, else an exception of @rc. */
static eddy_exception *error_for(int rc)
{
    const eddy_exception *e = eddyi_error_of(rc);

    return e ? eddy_exception_ref(e) : eddy_exception_new(rc, NULL);
}

/* Raises all failures as one exception, together with @body, which may be NULL. Uses up the
 * errors. */
static int raise_group(struct group *g, eddy_exception *body)
{
    size_t n = 0, total = g->n_errors + (body != NULL) + g->no_memory;
    eddy_exception **members = eddyi_alloc(total * sizeof *members), *e = NULL;

    if (members) {
        EDDYI_LIST_EACH(l, &g->errors)
            members[n++] = eddyi_container(l, struct child, link)->error;
        if (g->no_memory)
            members[n++] = eddyi_exception_no_memory();
        if (body)
            members[n++] = body;
        e = eddy_exception_group_new("unhandled errors in a TaskGroup", members, n);
        eddyi_free(members);
    }
    eddyi_error_set(&g->scope.task->error, EDDY_EGROUP, e);
    return EDDY_EGROUP;
}

/* Returns the outcome of the scope, which has no children left. @cancelled, which may be NULL, is
 * the cancellation to pass on. */
static int outcome(struct group *g, int rc, bool was_cancelled, eddy_exception *cancelled)
{
    eddy_task *parent = g->scope.task;
    eddy_exception *body = NULL;

    if (g->parent_cancelled && eddy_task_uncancel(parent) == 0)
        was_cancelled = false;
    if (was_cancelled && g->n_errors == 0 && !g->no_memory) {
        eddyi_error_set(&parent->error, -ECANCELED, eddy_exception_ref(cancelled));
        return -ECANCELED;
    }
    if (g->twice && (rc >= 0 || rc == -ECANCELED))
        rc = eddyi_scope_raise_twice(&g->scope, g->again);
    if (g->twice && g->n_errors == 0 && !g->no_memory)
        return rc;
    if (rc < 0 && rc != -ECANCELED)
        body = error_for(rc);
    if (g->n_errors == 0 && !g->no_memory && (rc >= 0 || rc == -ECANCELED))
        return rc < 0 && g->ended_early ? 0 : rc;

    /* A cancellation from outside stays pending: it is raised again at the next suspension (rule
     * 114). */
    if (parent->cancelling > 0) {
        eddy_task_uncancel(parent);
        eddyi_future_cancel(&parent->future, NULL);
    }
    raise_group(g, body);
    eddy_exception_unref(body);
    return EDDY_EGROUP;
}

/* Returns the number of cancel requests to the parent that are not the group's own. */
static int requests_from_outside(const struct group *g)
{
    return g->scope.task->cancelling - g->parent_cancelled;
}

/*
 * Waits for all children. Returns whether the parent was cancelled meanwhile, and then stores the
 * cancellation in *cancelled. If children and block are already being cancelled by
 * eddy_group_cancel(), the wait is also interrupted by the group's own request, which the number of
 * requests tells from one that comes from outside.
 */
static bool wait_for_all(struct group *g, bool block_failed, eddy_exception **cancelled)
{
    bool was_cancelled = false;
    int before = requests_from_outside(g);

    while (!eddyi_list_empty(&g->children)) {
        if (wait_for_children(g) < 0 &&
            !(g->aborting && (block_failed || requests_from_outside(g) <= before))) {
            was_cancelled = true;
            eddy_exception_unref(*cancelled);
            *cancelled = error_for(-ECANCELED);
            if (!g->aborting)
                abort_children(g);
        }
    }
    return was_cancelled;
}

int eddy_group_exit(eddy_group *tg, int rc)
{
    struct group *g = group_of(tg);
    bool was_cancelled = rc == -ECANCELED;
    eddy_exception *cancelled = NULL, *body = NULL;
    int misuse;

    if (g->state == NO_TASK)
        return rc < 0 ? rc : eddyi_raise_no_task_for("a task group can only be used in a task");
    if (g->state != ENTERED)
        return eddy_raise(EDDY_EMISUSE, "the task group has been left already");
    misuse = eddyi_scope_check(&g->scope);
    if (misuse < 0)
        return misuse;
    g->state = EXITING;
    if (rc < 0) {
        body = error_for(rc);
        if (was_cancelled)
            cancelled = eddy_exception_ref(body);
        if (!g->aborting)
            abort_children(g);
    }
    if (wait_for_all(g, rc < 0, &cancelled))
        was_cancelled = true;
    g->state = EXITED;
    eddyi_scope_leave(&g->scope);
    if (body)
        eddyi_error_set(&g->scope.task->error, rc, body);
    rc = outcome(g, rc, was_cancelled, cancelled);
    eddy_exception_unref(cancelled);
    free_errors(g);
    return rc;
}

void eddy_group_cancel(eddy_group *tg)
{
    struct group *g = group_of(tg);

    if ((g->state != ENTERED && g->state != EXITING) || g->ended_early)
        return;
    g->ended_early = true;
    if (!g->aborting)
        abort_children(g);
    if (!g->parent_cancelled && (g->state == ENTERED || g->waiter))
        cancel_parent(g);
}

static void report_errors(struct group *g)
{
    EDDYI_LIST_EACH(l, &g->errors) {
        struct child *c = eddyi_container(l, struct child, link);
        eddy_exception_context context = {
            .message = "A task failed whose group was left without eddy_group_exit()",
            .exception = c->error,
            .task = c->task,
            .where = g->scope.where,
        };

        eddy_loop_call_exception_handler(g->loop, &context);
    }
}

/* Waits for the children, or releases them where no task can wait: a generator may be closed
 * outside of a task. */
static int wait_or_let_go(struct group *g)
{
    if (eddy_current_task())
        return wait_for_children(g);
    let_go_of_children(g);
    return 0;
}

/*
 * Ends a group that its block left without eddy_group_exit(). Runs while the block returns, so it
 * preserves the status, value and error that the block returns. The block of a generator may be
 * closed by another task than the group's.
 */
void eddy_group_abandon(eddy_group *const *guarded)
{
    struct group *g = group_of(*guarded);
    eddy_task *t = eddy_current_task();
    struct eddyi_error kept;
    void *value;
    bool cancelled = false;

    /* After a fork the tasks belong to the parent process. */
    if (g->state != ENTERED || eddyi_loop_forked(g->loop) ||
        !eddyi_scope_is_guarded_here(&g->scope))
        return;
    if (g->loop->debug)
        eddyi_log(EDDY_LOG_WARNING,
                  "the task group entered at %s was left without eddy_group_exit()",
                  g->scope.where ? g->scope.where : "?");
    g->state = EXITING;
    kept = eddyi_error_put_aside();
    value = t ? t->future.value : NULL;
    abort_children(g);
    while (!eddyi_list_empty(&g->children))
        if (wait_or_let_go(g) < 0)
            cancelled = true;
    g->state = EXITED;
    eddyi_scope_leave(&g->scope);
    if (g->parent_cancelled && eddy_task_uncancel(g->scope.task) == 0)
        cancelled = false;
    if (cancelled)
        t->must_cancel = true; /* raised at the next suspension instead */
    report_errors(g);
    free_errors(g);
    eddyi_error_put_back(kept);
    if (t)
        t->future.value = value;
}
