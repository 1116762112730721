/*
 * Task groups: child tasks that end before their parent's block does (asyncio.TaskGroup).
 *
 *     eddy_group tg;
 *     eddy_group_enter(&tg);
 *     eddy_group_create_task(&tg, say_after(1, "hello"));
 *     eddy_group_create_task(&tg, say_after(2, "world"));
 *     eddy_try(eddy_group_exit(&tg, 0));     // waits for both; 0: the status of the block
 *
 * The first child that fails cancels the others and the block; a cancelled child has not failed.
 * _exit then gives EDDY_EGROUP, whose members are all failures, the block's own included. A scope
 * that is left without _exit (by return or eddy_try) cancels its children and waits for them
 * automatically.
 */
#ifndef EDDY_GROUP_H
#define EDDY_GROUP_H

#include "coroutine.h"
#include "defs.h"
#include "task.h"

EDDY_BEGIN_DECLS

/* The caller provides the storage; all fields are private to the library. */
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
    void *eddyi_reserved[4]; /* zero; see docs/abi.md */
} eddy_group;

/*
 * Begins the scope. Outside a task no child can be created in it, and _exit gives EDDY_ENOTASK. If
 * this task has entered @tg already, block and children are cancelled, and _exit gives
 * EDDY_EMISUSE; if another task has, its scope goes on, and only this task's _exit gives
 * EDDY_EMISUSE.
 */
EDDY_API void eddy_group_enter(eddy_group *tg);

/*
 * Creates a task as a child of the group (TaskGroup.create_task): eddy_group_create_task(&tg, coro,
 * .name = …, .ret_task = &t). Consumes @coro. The group owns the task and releases it when it has
 * ended; .ret_task gives the caller a reference of its own. Returns 0, or raises -ENOMEM, or
 * EDDY_EMISUSE if the group accepts no children (it is not entered, finished, or ending after a
 * failure). The result may be ignored: a task that cannot be created fails the group as a failed
 * child does.
 */
#ifndef __cplusplus
#define eddy_group_create_task(tg, ...)                                                            \
    eddy_group_create_task_with((tg),                                                              \
                                &(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#endif
EDDY_API int eddy_group_create_task_with(eddy_group *tg, const eddy_task_options *options,
                                         size_t options_size);
#define eddy_group_create_task_with(...)                                                           \
    eddy_group_create_task_with(__VA_ARGS__, sizeof(eddy_task_options))

/*
 * Ends the scope: waits for every child. @rc is the status of the block; an error cancels the
 * children. Returns @rc if it is >= 0 or the cancellation of this task; EDDY_EGROUP if a child or
 * the block failed.
 *
 * Returns EDDY_EMISUSE at once, and leaves the scope as it is, if it was left before, if another
 * task entered it, or if a scope within it was not left (eddy/timeout.h explains scopes).
 *
 * Cancelled: cancels the children, waits for them, and returns -ECANCELED.
 */
EDDY_API EDDY_AWAITS EDDY_NODISCARD int eddy_group_exit(eddy_group *tg, int rc);

/*
 * Ends the group early and without an error (TaskGroup.cancel, Python 3.15): children and block are
 * cancelled, and _exit gives 0 unless something else failed. May be called again, and at any time.
 */
EDDY_API void eddy_group_cancel(eddy_group *tg);

/* Ends a scope that was left without _exit; called by the guard below. */
EDDY_API EDDY_AWAITS void eddy_group_abandon(eddy_group *const *tg);

/* Begins the scope and declares the guard that ends it when the block is left (gcc and clang). */
#if defined(__GNUC__)
#define eddy_group_enter(tg)                                                                       \
    EDDYI_GUARD(eddy_group *const, eddy_group_abandon, eddyi_group_enter((tg), EDDYI_WHERE))
#endif
EDDY_API eddy_group *eddyi_group_enter(eddy_group *tg, const char *where);

EDDY_END_DECLS

#ifdef __cplusplus
static inline int eddy_group_create_task(eddy_group *tg, eddy_coroutine *coro,
                                         eddy_task_options options = eddy_task_options())
{
    options.coro = coro;
    return eddy_group_create_task_with(tg, &options);
}
#endif

#endif
