/*
 * Tasks: coroutines that run concurrently.
 *
 * A task runs its coroutine on a stack of its own, in steps: each step leads from one suspension to
 * the next. Creating a task runs nothing; its first step is an ordinary turn in the loop's queue. A
 * task is a future; its result is that of its coroutine. The loop keeps every task alive that has
 * not ended.
 */
#ifndef EDDY_TASK_H
#define EDDY_TASK_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"

EDDY_BEGIN_DECLS

/* The keyword arguments of create_task. Only .coro is required. */
typedef struct eddy_task_options {
    eddy_coroutine *coro; /* the coroutine to run, consumed; the macros' first argument */
    const char *name;     /* copied; NULL: "Task-N" */
    /* runs in this context, not in a copy; NULL: a copy of the current context */
    eddy_context *context;
    size_t stack_size; /* bytes of address space, see below; 0: the loop's default */
    /* runs the first step at once, up to the first suspension (ignored unless the loop runs) */
    bool eager_start;
    const char *where; /* "file.c:12", set by the macros */
    /*
     * gets a reference to the task, which the caller owns: for eddy_group_create_task() and
     * eddy_spawn(), which return none; untouched on failure; NULL: not wanted
     */
    eddy_task **ret_task;
} eddy_task_options;

/*
 * A task's stack grows as it is used, up to its size: 256 KiB by default, rounded up to a power of
 * two. Below the stack lies a guard area of 64 KiB that is never accessible. An overflow hits the
 * guard and ends the process with a message that names the task.
 *
 * A single frame of more than 64 KiB (a large array, alloca, some functions of C libraries) can
 * step over the guard and write to the stack of another task. This is detected only if the task
 * suspends there; the process then ends with the same message. Compile a program that may have such
 * frames with -fstack-clash-protection: it touches every page of a frame, so that no frame can step
 * over the guard. `pkg-config --cflags eddy` and the CMake target contain the flag. clang 14 does
 * not support it on AArch64.
 */

/*
 * Creates a task of the running loop that will run @coro (asyncio.create_task):
 * eddy_create_task(coro, .name = "alarm", …).
 *
 * Consumes @coro, even on failure. The caller owns the result, and usually hands it to
 * eddy_await(). Returns NULL when memory is short or no loop runs; eddy_error() says which. The
 * stack is taken at the first step; a task for which there is none then fails with -ENOMEM.
 * eddy_loop_create_task(loop, coro, …) creates a task of @loop (loop.create_task), which need not
 * run yet.
 */
#ifndef __cplusplus
#define eddy_create_task(...)                                                                      \
    eddy_loop_create_task_with(NULL,                                                               \
                               &(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#define eddy_loop_create_task(loop, ...)                                                           \
    eddy_loop_create_task_with((loop),                                                             \
                               &(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#endif
EDDY_API EDDY_NODISCARD eddy_task *
eddy_loop_create_task_with(eddy_loop *loop, const eddy_task_options *options, size_t options_size);
#define eddy_loop_create_task_with(...)                                                            \
    eddy_loop_create_task_with(__VA_ARGS__, sizeof(eddy_task_options))

/*
 * Creates a task that the loop owns: eddy_spawn(coro, …). If the task fails, the loop's exception
 * handler is called. Returns 0, or the reason why the task could not be created.
 */
#ifndef __cplusplus
#define eddy_spawn(...)                                                                            \
    eddy_spawn_with(&(eddy_task_options){.where = EDDYI_WHERE, .coro = __VA_ARGS__})
#endif
EDDY_API int eddy_spawn_with(const eddy_task_options *options, size_t options_size);
#define eddy_spawn_with(...) eddy_spawn_with(__VA_ARGS__, sizeof(eddy_task_options))

/* Makes the task itself (asyncio.Task); a task factory calls this function in the end. */
EDDY_API EDDY_NODISCARD eddy_task *eddy_task_new(eddy_loop *loop, const eddy_task_options *options,
                                                 size_t options_size);
#define eddy_task_new(...) eddy_task_new(__VA_ARGS__, sizeof(eddy_task_options))

/*
 * Replaces the function that makes the tasks of @loop (loop.set_task_factory); NULL restores the
 * default. The factory consumes options->coro and returns a reference that its caller owns, or
 * NULL.
 */
typedef eddy_task *eddy_task_factory(eddy_loop *loop, const eddy_task_options *options, void *arg);
EDDY_API void eddy_loop_set_task_factory(eddy_loop *loop, eddy_task_factory *factory, void *arg);
EDDY_API eddy_task_factory *eddy_loop_get_task_factory(const eddy_loop *loop, void **ret_arg);

/* Starts every task eagerly, as a task factory (asyncio.eager_task_factory). */
EDDY_API eddy_task *eddy_eager_task_factory(eddy_loop *loop, const eddy_task_options *options,
                                            void *arg);

/*
 * Requests that the task @t end (Task.cancel): its present or next suspension gives -ECANCELED,
 * with @msg as the message (NULL: none). The awaitable that @t waits for is cancelled too. Returns
 * false if @t is done, or if it waits for itself in a cycle (raises EDDY_EMISUSE). Never takes
 * effect at once; the task can clean up first, or ignore the request.
 */
EDDY_API bool eddy_task_cancel(eddy_task *t, const char *msg);

/* Returns the number of cancel requests that were not withdrawn (Task.cancelling). */
EDDY_API int eddy_task_cancelling(const eddy_task *t);

/* Withdraws one cancel request and returns the number of those left (Task.uncancel). */
EDDY_API int eddy_task_uncancel(eddy_task *t);

/*
 * Get and set the name of @t (Task.get_name, Task.set_name). The setter copies @name and returns 0
 * or -ENOMEM.
 */
EDDY_API const char *eddy_task_get_name(eddy_task *t);
EDDY_API int eddy_task_set_name(eddy_task *t, const char *name);

/* Returns the coroutine that @t runs (Task.get_coro), valid until its next step; NULL: it ended. */
EDDY_API const eddy_coroutine *eddy_task_get_coro(const eddy_task *t);

/*
 * Returns the context that @t runs in, or NULL when memory is short (Task.get_context). Borrowed.
 */
EDDY_API eddy_context *eddy_task_get_context(eddy_task *t);

/*
 * Returns the running task, or NULL in a plain callback or outside a loop (asyncio.current_task).
 * Borrowed.
 */
EDDY_API eddy_task *eddy_current_task(void);

/*
 * Stores the tasks of @loop that have not ended in @ret_tasks, in the order of their creation, and
 * returns their number (asyncio.all_tasks). @loop NULL means the running loop. At most @n pointers
 * are stored, all borrowed; @ret_tasks NULL stores none.
 */
EDDY_API size_t eddy_all_tasks(eddy_loop *loop, eddy_task **ret_tasks, size_t n);

/* The functions of eddy/future.h, for tasks. */
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
#define eddy_task_result_value(t, ret_value) eddy_task_result_value((t), EDDYI_OUT(ret_value))
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
