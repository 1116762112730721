/*
 * Task groups: children that end before their parent's block does (asyncio.TaskGroup).
 *
 *     eddy_group tg;
 *     eddy_group_enter(&tg);
 *     eddy_group_create_task(&tg, say_after(1, "hello"));
 *     eddy_group_create_task(&tg, say_after(2, "world"));
 *     eddy_try(eddy_group_exit(&tg, 0));     // waits for both; 0: how the block ended
 *
 * The first child that fails (being cancelled is no failure) cancels the others and the block;
 * _exit then gives EDDY_EGROUP with all failures, the block's own included, as members. A scope
 * that is left without _exit (by return or eddy_try) cancels its children and waits for them by
 * itself.
 */
#ifndef EDDY_GROUP_H
#define EDDY_GROUP_H

#include "coroutine.h"
#include "defs.h"
#include "task.h"

EDDY_BEGIN_DECLS

/* In the caller's own storage; every field is the library's. */
typedef struct eddy_group {
    void *eddyi_scope[7];
    eddy_loop *eddyi_loop;
    void *eddyi_children[2];
    void *eddyi_errors[2];
    void *eddyi_waiter;
    const char *eddyi_again;
    size_t eddyi_n_errors;
    int eddyi_state;
    bool eddyi_flags[5];
} eddy_group;

/*
 * Begins the scope. Outside a task nothing can be created in it, and _exit gives EDDY_ENOTASK. If
 * @tg is entered already, the block and the children are cancelled, and _exit gives EDDY_EMISUSE;
 * if another task has entered it, its scope goes on, and only the caller's _exit gives that error.
 */
EDDY_API void eddy_group_enter(eddy_group *tg);

/*
 * eddy_group_create_task(&tg, coro, .name = …): as eddy_create_task(), as a child of the group. The
 * task is the group's, which lets go of it when it has ended; whoever wants to look at it later
 * takes eddy_ref() of what is returned, before anything suspends. NULL if the group takes no more
 * (EDDY_EMISUSE: not entered, finished, or ending after a failure) or memory is short; a failure to
 * create fails the group as a child's failure does.
 */
#ifndef __cplusplus
#define eddy_group_create_task(tg, ...)                                                            \
    eddy_group_create_task_with((tg),                                                              \
                                &(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#endif
EDDY_API eddy_task *eddy_group_create_task_with(eddy_group *tg, const eddy_task_options *options);

/*
 * Ends the scope: waits for every child. @rc is how the block ended; an error cancels the children.
 * Returns @rc if it is >= 0 or the cancellation of this task; EDDY_EGROUP if a child or the block
 * failed; -ECANCELED if the task is cancelled meanwhile (the children are cancelled and waited for
 * first).
 *
 * EDDY_EMISUSE at once, and the scope is as it was: it has been left already, another task entered
 * it, or a scope within it has not been left (eddy/timeout.h says more about scopes).
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_group_exit(eddy_group *tg, int rc);

/*
 * Ends the group early and without an error (TaskGroup.cancel, Python 3.15): children and block are
 * cancelled, and _exit gives 0 unless something else failed. May be called again, and at any time.
 */
EDDY_API void eddy_group_cancel(eddy_group *tg);

/* Ends a scope that was left without _exit; the guard below calls it. */
EDDY_API EDDY_AWAITS void eddy_group_abandon(eddy_group *const *tg);

/* With gcc and clang entering also declares the guard that watches over the scope. */
#if defined(__GNUC__)
#define eddy_group_enter(tg)                                                                       \
    EDDY_CLEANUP(eddy_group_abandon)                                                               \
    eddy_group *const EDDYI_CAT(eddyi_guard, __LINE__) = eddyi_group_enter((tg), EDDYI_WHERE)
#endif
EDDY_API eddy_group *eddyi_group_enter(eddy_group *tg, const char *where);

EDDY_END_DECLS

#ifdef __cplusplus
static inline eddy_task *eddy_group_create_task(eddy_group *tg, eddy_coroutine *coro,
                                                eddy_task_options options = eddy_task_options())
{
    options.coro = coro;
    return eddy_group_create_task_with(tg, &options);
}
#endif

#endif
