/*
 * Tasks: coroutines that run side by side.
 *
 * A task runs its coroutine on a stack of its own, in steps: from one suspension to the next.
 * Creating one runs nothing; its first step is an ordinary turn in the loop's queue. A task is a
 * future; its result is what the coroutine returned. The loop keeps every task alive that has not
 * ended.
 */
#ifndef EDDY_TASK_H
#define EDDY_TASK_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"

EDDY_BEGIN_DECLS

/* The keyword arguments of create_task; all of them may be left out. */
typedef struct eddy_task_options {
    eddy_coroutine *coro;  /* what to run; consumed. The macros' first argument */
    const char *name;      /* copied; "Task-N" if NULL */
    eddy_context *context; /* to run in, shared with others; a copy of the current one if NULL */
    size_t stack_size;     /* bytes of address space, see below; the loop's default if 0 */
    /* run at once, up to the first suspension (ignored if the loop does not run) */
    bool eager_start;
    const char *where; /* "file.c:12", set by the macros */
} eddy_task_options;

/*
 * A task's stack grows as it is used, up to its size (256 KiB unless told otherwise, rounded up to
 * a power of two), and does not go on from there: below it is a guard of 64 KiB that is never
 * accessible. An overflow runs into it and ends the process with a message that names the task. A
 * single frame of more than 64 KiB (a large array, alloca, some functions of C libraries) can step
 * over the guard and write into the stack of another task, unseen unless the task suspends there,
 * which ends the process with the same message. A program that may have such frames is compiled
 * with -fstack-clash-protection, which touches every page on the way and leaves no way around the
 * guard; pkg-config --cflags eddy and the CMake target say so. clang 14 does not know it on
 * AArch64.
 */

/*
 * eddy_create_task(coro, .name = "alarm", …): schedules a coroutine to run as a task of the running
 * loop.
 *
 * Returns a reference the caller owns, usually spent on eddy_await(). NULL when memory is short or
 * no loop runs (eddy_error() says which); the coroutine is consumed in any case.
 *
 * eddy_loop_create_task(loop, coro, …) does so on a loop that need not run yet.
 */
#ifndef __cplusplus
#define eddy_create_task(...)                                                                      \
    eddy_loop_create_task_with(NULL,                                                               \
                               &(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#define eddy_loop_create_task(loop, ...)                                                           \
    eddy_loop_create_task_with((loop),                                                             \
                               &(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#define eddy_spawn(...)                                                                            \
    eddy_spawn_with(&(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#endif
EDDY_API EDDY_NODISCARD eddy_task *eddy_loop_create_task_with(eddy_loop *loop,
                                                              const eddy_task_options *options);

/*
 * eddy_spawn(coro, …): fire and forget. The loop owns the task; if it fails, the loop's exception
 * handler is told. Returns 0 or why it could not be created.
 */
EDDY_API int eddy_spawn_with(const eddy_task_options *options);

/* What a task factory calls in the end: makes the task itself (asyncio.Task). */
EDDY_API EDDY_NODISCARD eddy_task *eddy_task_new(eddy_loop *loop, const eddy_task_options *options);

/*
 * Replaces how tasks of the loop are made (loop.set_task_factory); NULL for the normal way. The
 * factory consumes options->coro and returns a reference, or NULL.
 */
typedef eddy_task *eddy_task_factory(eddy_loop *loop, const eddy_task_options *options, void *arg);
EDDY_API void eddy_loop_set_task_factory(eddy_loop *loop, eddy_task_factory *factory, void *arg);
EDDY_API eddy_task_factory *eddy_loop_get_task_factory(const eddy_loop *loop, void **ret_arg);

/* The factory that starts every task eagerly (asyncio.eager_task_factory). */
EDDY_API eddy_task *eddy_eager_task_factory(eddy_loop *loop, const eddy_task_options *options,
                                            void *arg);

/*
 * Asks the task to end: its next, or present, suspension gives -ECANCELED, with @msg (may be NULL)
 * as the message. What it waits for is cancelled too. Returns false if it was done, or waits for
 * itself in a circle (EDDY_EMISUSE). Never acts at once; the task can clean up, or refuse.
 */
EDDY_API bool eddy_task_cancel(eddy_task *t, const char *msg);

/* How many cancel requests were not withdrawn; and withdraws one, giving the number left. */
EDDY_API int eddy_task_cancelling(const eddy_task *t);
EDDY_API int eddy_task_uncancel(eddy_task *t);

EDDY_API const char *eddy_task_get_name(eddy_task *t);
EDDY_API int eddy_task_set_name(eddy_task *t, const char *name); /* copies; 0 or -ENOMEM */

/* The coroutine it runs, and the context it runs in; both borrowed. The coroutine is NULL once it
 * ended. */
EDDY_API const eddy_coroutine *eddy_task_get_coro(const eddy_task *t);
EDDY_API eddy_context *eddy_task_get_context(eddy_task *t); /* NULL when memory is short */

/* The running task, NULL in a plain callback or outside a loop (asyncio.current_task); borrowed. */
EDDY_API eddy_task *eddy_current_task(void);

/*
 * The tasks of a loop (NULL: the running one) that have not ended, in the order of their creation
 * (asyncio.all_tasks). Stores up to @n borrowed pointers in @ret_tasks and returns how many there
 * are.
 */
EDDY_API size_t eddy_all_tasks(eddy_loop *loop, eddy_task **ret_tasks, size_t n);

/* What eddy/future.h has, spelled for tasks. */
static inline eddy_future *eddy_task_future(eddy_task *t)
{
    return (eddy_future *)(void *)t;
}
static inline bool eddy_task_done(const eddy_task *t)
{
    return eddy_future_done((const eddy_future *)(const void *)t);
}
static inline bool eddy_task_cancelled(const eddy_task *t)
{
    return eddy_future_cancelled((const eddy_future *)(const void *)t);
}
static inline int eddy_task_result(eddy_task *t)
{
    return eddy_future_result(eddy_task_future(t));
}
static inline int eddy_task_result_value(eddy_task *t, void **ret_value)
{
    return eddy_future_result_value(eddy_task_future(t), ret_value);
}
static inline int eddy_task_exception(eddy_task *t, const eddy_exception **ret)
{
    return eddy_future_exception(eddy_task_future(t), ret);
}
static inline int eddy_task_add_done_callback(eddy_task *t, eddy_done_fn *fn, void *arg)
{
    return eddy_future_add_done_callback(eddy_task_future(t), fn, arg);
}
static inline int eddy_task_remove_done_callback(eddy_task *t, eddy_done_fn *fn, void *arg)
{
    return eddy_future_remove_done_callback(eddy_task_future(t), fn, arg);
}
static inline eddy_loop *eddy_task_get_loop(const eddy_task *t)
{
    return eddy_future_get_loop((const eddy_future *)(const void *)t);
}

EDDY_END_DECLS

#ifdef __cplusplus
static inline eddy_task *eddy_loop_create_task(eddy_loop *loop, eddy_coroutine *coro,
                                               eddy_task_options options = eddy_task_options())
{
    options.coro = coro;
    return eddy_loop_create_task_with(loop, &options);
}
static inline eddy_task *eddy_create_task(eddy_coroutine *coro,
                                          eddy_task_options options = eddy_task_options())
{
    return eddy_loop_create_task(nullptr, coro, options);
}
static inline int eddy_spawn(eddy_coroutine *coro, eddy_task_options options = eddy_task_options())
{
    options.coro = coro;
    return eddy_spawn_with(&options);
}
#endif

#endif
