/*
 * The event loop: callbacks in first-come order, timers, descriptors, and one wait for the next
 * event.
 *
 * A loop belongs to the thread that runs it. Other threads may call only the functions marked "May
 * be called from any thread"; any other call raises EDDY_ETHREAD where it is detected. Most
 * programs never make a loop: eddy_run() does.
 *
 * A program that runs with more rights than the user that started it (set-user-ID, file
 * capabilities) ignores all environment variables that are named in these headers.
 */
#ifndef EDDY_LOOP_H
#define EDDY_LOOP_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"

EDDY_BEGIN_DECLS

/* The interface to the kernel that a loop uses. */
typedef enum eddy_backend {
    /*
     * io_uring if the kernel allows it, else epoll. EDDY_BACKEND=epoll overrides it;
     * EDDY_BACKEND=io_uring adds a warning, once, if the kernel refuses.
     */
    EDDY_BACKEND_DEFAULT,
    EDDY_BACKEND_IO_URING, /* fails if the kernel refuses it */
    EDDY_BACKEND_EPOLL,
    EDDY_BACKEND_VIRTUAL /* virtual time, no descriptors: see eddy_loop_new() */
} eddy_backend;

/* The arguments of eddy_loop_new(). None is required. */
typedef struct eddy_loop_options {
    eddy_backend backend;
    size_t stack_size; /* of each task, in bytes of address space; 0: 256 KiB (task.h) */
    bool debug;        /* also switched on by EDDY_DEBUG=1 */
    /*
     * Installs neither a handler for SIGSEGV and SIGBUS nor an alternate signal stack for the
     * threads that run the loop: a task whose stack overflows ends the process without a message.
     * Intended for programs that have handlers of their own, such as other languages' runtimes.
     */
    bool no_fault_handler;
} eddy_loop_options;

/*
 * Makes a loop (asyncio.new_event_loop). @options may be NULL. The caller owns the result. Returns
 * NULL on failure; eddy_error() then has -ENOMEM, -EMFILE, or the reason why the requested backend
 * is not available.
 *
 * With EDDY_BACKEND_VIRTUAL the loop's clock starts at 0 and moves only when nothing is ready,
 * straight to the next deadline: a program that sleeps for a day ends at once, and always takes the
 * same course. If nothing is ready and no timer is left, the program is deadlocked: the run ends
 * with -EDEADLK, and the message in eddy_error() lists the tasks and their awaitables.
 */
EDDY_API EDDY_NODISCARD eddy_loop *eddy_loop_new(const eddy_loop_options *options,
                                                 size_t options_size);
#define eddy_loop_new(...) eddy_loop_new(__VA_ARGS__, sizeof(eddy_loop_options))

/*
 * Add a reference to @loop and return @loop; drop one, and close the loop with the last, in the
 * calling thread; the loop must not be running then. A loop that is closed stays in memory until
 * its last reference is dropped. NULL is allowed. May be called from any thread.
 */
EDDY_API eddy_loop *eddy_loop_ref(eddy_loop *loop);
EDDY_API void eddy_loop_unref(eddy_loop *loop);

/*
 * Runs the loop until eddy_loop_stop() is called (loop.run_forever). Returns 0, or
 *
 *   EDDY_ERUNNING  a loop already runs in this thread
 *   EDDY_ECLOSED   the loop is closed
 *   -EDEADLK       nothing is left to wait for (virtual clock only)
 *   EDDY_EFORKED   the process is a child that one of the loop's tasks or callbacks forked
 *   -errno         the kernel's wait failed
 *
 * During the run pthread_cancel() does not cancel the thread; it takes effect when the run has
 * ended.
 */
EDDY_API int eddy_loop_run_forever(eddy_loop *loop);

/*
 * Runs the loop until @x is done, and returns the status of @x (loop.run_until_complete). Consumes
 * @x. *ret_value is set as by eddy_await_value(). Returns EDDY_ESTOPPED if the loop was stopped
 * earlier; other errors as eddy_loop_run_forever().
 */
#define eddy_loop_run_until_complete(loop, x)                                                      \
    eddy_loop_run_until_complete_value((loop), EDDY_AWAITABLE(x), NULL)
EDDY_API int eddy_loop_run_until_complete_value(eddy_loop *loop, eddy_awaitable *x,
                                                void **ret_value);
#define eddy_loop_run_until_complete_value(loop, x, ret_value)                                     \
    eddy_loop_run_until_complete_value((loop), (x), EDDYI_OUT(ret_value))

/*
 * Ends the loop's run after the present turn (loop.stop); called before a run, limits that run to
 * one turn. May be called from any thread that holds a reference to the loop (asyncio allows only
 * the loop's thread). If the run is just ending by itself, the call may end the next run instead.
 */
EDDY_API void eddy_loop_stop(eddy_loop *loop);

/*
 * Closes the loop (loop.close). Callbacks that did not run are dropped; tasks that did not end and
 * coroutines that were never awaited are reported to the exception handler. A closed loop schedules
 * nothing. Returns 0, also if it was closed before, or EDDY_ERUNNING.
 */
EDDY_API int eddy_loop_close(eddy_loop *loop);

/* Return whether the loop runs, or is closed (loop.is_running, loop.is_closed). */
EDDY_API bool eddy_loop_is_running(const eddy_loop *loop);
EDDY_API bool eddy_loop_is_closed(const eddy_loop *loop);

/* Returns the time of the loop's monotonic clock, in seconds (loop.time). */
EDDY_API double eddy_loop_time(const eddy_loop *loop);

/* Returns the name of the loop's backend: "io_uring", "epoll" or "virtual". */
EDDY_API const char *eddy_loop_backend_name(const eddy_loop *loop);

/* Returns the reason why the backend is not io_uring, or "" if it was not refused. */
EDDY_API const char *eddy_loop_backend_reason(const eddy_loop *loop);

/*
 * A scheduled callback (asyncio.Handle): a plain value that owns nothing. It becomes stale once its
 * callback has run, or was cancelled and skipped. Every call on a stale handle is harmless until
 * the loop is freed.
 */
typedef struct eddy_handle {
    void *slot; /* NULL: scheduling failed; eddy_error() has the reason */
    uint64_t generation;
} eddy_handle;

/* A callback of the loop: must not block; it runs outside of tasks, so it cannot await. */
typedef void eddy_callback_fn(void *arg);

/*
 * Schedules fn(arg) to run once, in the next turn and in the order of the calls (loop.call_soon),
 * in a copy of the current context. Raises -ENOMEM, EDDY_ECLOSED or EDDY_ETHREAD, and then returns
 * a handle whose slot is NULL.
 */
EDDY_API eddy_handle eddy_loop_call_soon(eddy_loop *loop, eddy_callback_fn *fn, void *arg);

/*
 * Schedules fn(arg) as eddy_loop_call_soon() does, and wakes the loop if it sleeps
 * (loop.call_soon_threadsafe). May be called from any thread.
 */
EDDY_API eddy_handle eddy_loop_call_soon_threadsafe(eddy_loop *loop, eddy_callback_fn *fn,
                                                    void *arg);

/*
 * Schedules fn(arg) to run @delay seconds from now (loop.call_later), or when the loop's clock
 * reaches @when (loop.call_at). Callbacks with equal deadlines run in the order of the calls. NaN
 * raises -EINVAL; other errors as eddy_loop_call_soon().
 */
EDDY_API eddy_handle eddy_loop_call_later(eddy_loop *loop, double delay, eddy_callback_fn *fn,
                                          void *arg);
EDDY_API eddy_handle eddy_loop_call_at(eddy_loop *loop, double when, eddy_callback_fn *fn,
                                       void *arg);

/*
 * Schedule fn(arg) to run in @context itself, not in a copy of the current context (the keyword
 * context=); otherwise as the functions above.
 */
EDDY_API eddy_handle eddy_loop_call_soon_in(eddy_loop *loop, eddy_callback_fn *fn, void *arg,
                                            eddy_context *context);
EDDY_API eddy_handle eddy_loop_call_soon_threadsafe_in(eddy_loop *loop, eddy_callback_fn *fn,
                                                       void *arg, eddy_context *context);
EDDY_API eddy_handle eddy_loop_call_later_in(eddy_loop *loop, double delay, eddy_callback_fn *fn,
                                             void *arg, eddy_context *context);
EDDY_API eddy_handle eddy_loop_call_at_in(eddy_loop *loop, double when, eddy_callback_fn *fn,
                                          void *arg, eddy_context *context);

/*
 * Cancels the callback of @h: it is skipped when its turn comes (Handle.cancel). A cancelled timer
 * has its turn at once, so it takes no memory until its deadline. May be called from any thread;
 * from another thread than the loop's, cancelling a timer wakes the loop.
 */
EDDY_API void eddy_handle_cancel(eddy_handle h);

/* Returns whether @h was cancelled and its turn has not come yet (Handle.cancelled). */
EDDY_API bool eddy_handle_cancelled(eddy_handle h);

/*
 * Returns the deadline of a call_later or call_at that has not come yet, else EDDY_FOREVER
 * (TimerHandle.when).
 */
EDDY_API double eddy_handle_when(eddy_handle h);

/*
 * Returns the loop that runs in this thread, or NULL (asyncio.get_running_loop). In the child after
 * fork() no loop runs, see below. Borrowed.
 */
EDDY_API eddy_loop *eddy_get_running_loop(void);

/*
 * fork() and daemon(3): a child that a task or callback forks has its parent's loops in memory, but
 * not their threads, and shares their descriptors. In the child
 *
 *   - no loop runs. Every call that would suspend, that needs a running loop, or that uses a loop,
 *     task, connection, server, process or executor of the parent gives EDDY_EFORKED, or does
 *     nothing if it returns nothing: closing or freeing such an object in the child leaves it as it
 *     is in the parent. Plain generators still work.
 *   - eddy_run() works, with a loop of its own.
 *   - nothing else has a turn once the task or callback has returned: its run ends and gives
 *     EDDY_EFORKED to its caller, for example to the caller of eddy_run(). A job of an executor has
 *     no such caller: a child that returns from a job ends, with a message.
 *   - descriptors stay open until the child closes them or executes another program: a peer sees
 *     the end of a connection only when both processes have closed it. So a daemon calls daemon()
 *     before eddy_run(). Starting another program is not affected by any of this: posix_spawn(),
 *     system(), fork() and exec.
 */

/*
 * Returns the running loop, else the loop set for this thread, else NULL (asyncio.get_event_loop).
 * Borrowed.
 */
EDDY_API eddy_loop *eddy_get_event_loop(void);

/*
 * Sets this thread's loop, to which it takes a reference of its own (asyncio.set_event_loop). NULL
 * sets none.
 */
EDDY_API void eddy_set_event_loop(eddy_loop *loop);

/* Makes a loop as the policy does (asyncio.new_event_loop). The caller owns the result. */
EDDY_API EDDY_NODISCARD eddy_loop *eddy_new_event_loop(void);

/*
 * An event loop policy: replaces the three functions above (asyncio.AbstractEventLoopPolicy). A
 * member that is NULL does what the default policy does. The caller owns the struct, which must
 * outlive its use.
 */
typedef struct eddy_event_loop_policy eddy_event_loop_policy;
struct eddy_event_loop_policy {
    eddy_loop *(*get_event_loop)(eddy_event_loop_policy *policy);
    void (*set_event_loop)(eddy_event_loop_policy *policy, eddy_loop *loop);
    eddy_loop *(*new_event_loop)(eddy_event_loop_policy *policy);
    void (*eddyi_reserved[4])(void); /* NULL; see docs/abi.md */
};
EDDY_API eddy_event_loop_policy *eddy_get_event_loop_policy(void);
EDDY_API void eddy_set_event_loop_policy(eddy_event_loop_policy *policy); /* NULL: the default */

/* Returns the default policy, to which another policy can delegate. Borrowed. */
EDDY_API eddy_event_loop_policy *eddy_default_event_loop_policy(void);

/*
 * The exception handler's argument: an error that no caller can receive. Only message is always
 * set; all pointers are borrowed for the call.
 */
typedef struct eddy_exception_context {
    const char *message;
    const eddy_exception *exception;
    eddy_future *future;
    eddy_task *task;
    const eddy_coroutine *coroutine;
    const char *where; /* "file.c:12": the place where the object was made */
} eddy_exception_context;

/* Receives the failures that no caller can receive; must not suspend. Borrows @context. */
typedef void eddy_exception_handler(eddy_loop *loop, const eddy_exception_context *context,
                                    void *arg);

/*
 * Replaces the exception handler (loop.set_exception_handler); NULL restores the default, which
 * writes to standard error.
 */
EDDY_API void eddy_loop_set_exception_handler(eddy_loop *loop, eddy_exception_handler *handler,
                                              void *arg);

/*
 * Returns the exception handler, or NULL for the default (loop.get_exception_handler), and stores
 * its argument in *ret_arg.
 */
EDDY_API eddy_exception_handler *eddy_loop_get_exception_handler(const eddy_loop *loop,
                                                                 void **ret_arg);

/*
 * Call the default handler, or the handler that is set (loop.default_exception_handler,
 * loop.call_exception_handler). Borrow @context.
 */
EDDY_API void eddy_loop_default_exception_handler(eddy_loop *loop,
                                                  const eddy_exception_context *context,
                                                  size_t context_size);
#define eddy_loop_default_exception_handler(...)                                                   \
    eddy_loop_default_exception_handler(__VA_ARGS__, sizeof(eddy_exception_context))
EDDY_API void eddy_loop_call_exception_handler(eddy_loop *loop,
                                               const eddy_exception_context *context,
                                               size_t context_size);
#define eddy_loop_call_exception_handler(...)                                                      \
    eddy_loop_call_exception_handler(__VA_ARGS__, sizeof(eddy_exception_context))

/*
 * Get and set debug mode (loop.get_debug, loop.set_debug). In debug mode steps longer than
 * slow_callback_duration (in seconds, 0.1 by default) and scopes left without their exit are
 * reported, and calls from wrong threads are refused. EDDY_DEBUG=1 switches it on.
 */
EDDY_API bool eddy_loop_get_debug(const eddy_loop *loop);
EDDY_API void eddy_loop_set_debug(eddy_loop *loop, bool enabled);
EDDY_API double eddy_loop_get_slow_callback_duration(const eddy_loop *loop);
EDDY_API void eddy_loop_set_slow_callback_duration(eddy_loop *loop, double seconds);

EDDY_END_DECLS

#endif
