/*
 * The event loop: callbacks in first-come order, timers, descriptors, and one wait for the next
 * event.
 *
 * A loop belongs to the thread that runs it. From other threads only
 * eddy_loop_call_soon_threadsafe() and eddy_handle_cancel() are allowed; anything else gives
 * EDDY_ETHREAD where it is noticed. Most programs never make one: eddy_run() does.
 *
 * A program that runs with more rights than whoever started it (set-user-ID and the like) heeds
 * none of the environment's variables that are named in these headers.
 */
#ifndef EDDY_LOOP_H
#define EDDY_LOOP_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"

EDDY_BEGIN_DECLS

typedef enum eddy_backend {
    /* io_uring if the kernel allows it, else epoll; EDDY_BACKEND=… overrides */
    EDDY_BACKEND_DEFAULT,
    EDDY_BACKEND_IO_URING, /* fails where the kernel refuses */
    EDDY_BACKEND_EPOLL,
    EDDY_BACKEND_VIRTUAL /* virtual time, no descriptors: see eddy_loop_new() */
} eddy_backend;

typedef struct eddy_loop_options {
    eddy_backend backend;
    size_t stack_size; /* of tasks, in bytes of address space; 0: 256 KiB. See task.h */
    bool debug;        /* also switched on by EDDY_DEBUG=1 */
} eddy_loop_options;

/*
 * A new loop; @options may be NULL. The caller owns one reference. NULL on failure:
 * eddy_error() has -ENOMEM, -EMFILE, or why the asked-for backend is not available.
 *
 * With EDDY_BACKEND_VIRTUAL the loop's clock starts at 0 and moves only when nothing is ready,
 * straight to the next deadline: a program that sleeps for a day takes a moment, and always the
 * same course. Nothing ready and no timer left is a deadlock: the run ends with -EDEADLK, and
 * eddy_error() tells who waits for whom.
 */
EDDY_API EDDY_NODISCARD eddy_loop *eddy_loop_new(const eddy_loop_options *options);
EDDY_API eddy_loop *eddy_loop_ref(eddy_loop *loop);
EDDY_API void eddy_loop_unref(eddy_loop *loop); /* closes it with the last; NULL is allowed */

/*
 * Runs until eddy_loop_stop(). Returns 0, EDDY_ERUNNING if a loop already runs in this thread,
 * EDDY_ECLOSED, -EDEADLK (virtual clock), EDDY_EFORKED, or what the kernel's wait failed with.
 * Meanwhile the thread cannot be cancelled: pthread_cancel() waits until the loop has ended.
 */
EDDY_API int eddy_loop_run_forever(eddy_loop *loop);

/*
 * Runs until the awaitable, which it consumes, is done, and returns its status; ret_value as for
 * eddy_await_value(). EDDY_ESTOPPED if the loop was stopped earlier; else as above.
 */
#define eddy_loop_run_until_complete(loop, x)                                                      \
    eddy_loop_run_until_complete_value((loop), EDDY_AWAITABLE(x), NULL)
EDDY_API int eddy_loop_run_until_complete_value(eddy_loop *loop, eddy_awaitable *x,
                                                void **ret_value);

/*
 * Has the loop end its run after the present turn; before a run, makes it one turn long. Unlike
 * asyncio's from any thread that has a reference to the loop; where the run is just ending by
 * itself, that may end the next one.
 */
EDDY_API void eddy_loop_stop(eddy_loop *loop);

/*
 * Closes the loop: callbacks that did not run are dropped, tasks that did not end and coroutines
 * that nobody awaited are reported to the exception handler. Once closed it schedules nothing more.
 * Returns 0, also the second time, or EDDY_ERUNNING.
 */
EDDY_API int eddy_loop_close(eddy_loop *loop);

EDDY_API bool eddy_loop_is_running(const eddy_loop *loop);
EDDY_API bool eddy_loop_is_closed(const eddy_loop *loop);

/* Seconds on the loop's monotonic clock. */
EDDY_API double eddy_loop_time(const eddy_loop *loop);

/* "io_uring", "epoll" or "virtual"; and why it is not io_uring, "" if nobody refused it. */
EDDY_API const char *eddy_loop_backend_name(const eddy_loop *loop);
EDDY_API const char *eddy_loop_backend_reason(const eddy_loop *loop);

/*
 * A scheduled callback. A plain value that owns nothing: once the callback has run, or was
 * cancelled and passed over, the handle is stale and every call on it harmless, until the loop is
 * freed.
 */
typedef struct eddy_handle {
    void *slot; /* NULL: scheduling failed, eddy_error() says why */
    uint64_t generation;
} eddy_handle;

typedef void eddy_callback_fn(void *arg);

/*
 * Has fn(arg) called in the next turn, exactly once, in the order of the calls (call_soon), in a
 * copy of the current context. Fails (slot NULL) with -ENOMEM, EDDY_ECLOSED, EDDY_ETHREAD.
 */
EDDY_API eddy_handle eddy_loop_call_soon(eddy_loop *loop, eddy_callback_fn *fn, void *arg);

/* The same from any thread; wakes the loop if it sleeps. */
EDDY_API eddy_handle eddy_loop_call_soon_threadsafe(eddy_loop *loop, eddy_callback_fn *fn,
                                                    void *arg);

/*
 * Has fn(arg) called @delay seconds from now, or at @when on the loop's clock, which is not read
 * for that. Equal deadlines run first come, first served. NaN fails with -EINVAL.
 */
EDDY_API eddy_handle eddy_loop_call_later(eddy_loop *loop, double delay, eddy_callback_fn *fn,
                                          void *arg);
EDDY_API eddy_handle eddy_loop_call_at(eddy_loop *loop, double when, eddy_callback_fn *fn,
                                       void *arg);

/* The same, run in @context itself instead of a copy of the current one. */
EDDY_API eddy_handle eddy_loop_call_soon_in(eddy_loop *loop, eddy_callback_fn *fn, void *arg,
                                            eddy_context *context);
EDDY_API eddy_handle eddy_loop_call_soon_threadsafe_in(eddy_loop *loop, eddy_callback_fn *fn,
                                                       void *arg, eddy_context *context);
EDDY_API eddy_handle eddy_loop_call_later_in(eddy_loop *loop, double delay, eddy_callback_fn *fn,
                                             void *arg, eddy_context *context);
EDDY_API eddy_handle eddy_loop_call_at_in(eddy_loop *loop, double when, eddy_callback_fn *fn,
                                          void *arg, eddy_context *context);

/*
 * Has the callback passed over when its turn comes, which for a timer is at once: it takes no
 * memory until its deadline. Any thread; cancelling a timer in another than the loop's wakes the
 * loop.
 */
EDDY_API void eddy_handle_cancel(eddy_handle h);
/* Whether it was cancelled and its turn has not come yet. */
EDDY_API bool eddy_handle_cancelled(eddy_handle h);
/* The deadline of a call_later or call_at that has not come yet, else EDDY_FOREVER. */
EDDY_API double eddy_handle_when(eddy_handle h);

/*
 * The loop that runs in this thread, else NULL (get_running_loop). After fork() the child has none,
 * see below.
 */
EDDY_API eddy_loop *eddy_get_running_loop(void);

/*
 * fork(), and daemon(3): a child that a task or callback forks has its parent's loops in memory,
 * but not their threads, and shares their descriptors. So in the child
 *   - no loop runs. Nothing can be awaited (EDDY_ENOTASK); what uses the parent's loops, tasks,
 *     connections, servers, processes or executors gives EDDY_EFORKED, and does nothing where it
 *     returns nothing: what the child frees or closes of them stays as it is in the parent. Plain
 *     generators go on.
 *   - eddy_run() works, with a loop of its own.
 *   - when the task or callback returns nothing else has its turn; the run in which it was ends
 *     with EDDY_EFORKED at its caller, eddy_run() for example. A job of an executor has no such
 *     caller: a child that returns from it ends, with a message.
 *   - descriptors stay open until it closes them or executes another program: a peer sees the end
 *     of a connection when both processes have closed it. A daemon calls daemon() before
 *     eddy_run(). What starts other programs is untouched by all this: posix_spawn(), system(),
 *     fork() and exec.
 */

/* The running loop, else the one set for this thread, else NULL (get_event_loop); borrowed. */
EDDY_API eddy_loop *eddy_get_event_loop(void);
/* Sets this thread's loop (takes a reference of its own); NULL for none. */
EDDY_API void eddy_set_event_loop(eddy_loop *loop);
/* A new loop, as the policy makes them; the caller owns it. */
EDDY_API EDDY_NODISCARD eddy_loop *eddy_new_event_loop(void);

/*
 * How the three functions above work, replaceable as a whole. A member that is NULL does what
 * the default policy does. The struct is the caller's and must outlive its use.
 */
typedef struct eddy_event_loop_policy eddy_event_loop_policy;
struct eddy_event_loop_policy {
    eddy_loop *(*get_event_loop)(eddy_event_loop_policy *policy);
    void (*set_event_loop)(eddy_event_loop_policy *policy, eddy_loop *loop);
    eddy_loop *(*new_event_loop)(eddy_event_loop_policy *policy);
};
EDDY_API eddy_event_loop_policy *eddy_get_event_loop_policy(void);
EDDY_API void eddy_set_event_loop_policy(eddy_event_loop_policy *policy); /* NULL: the default */
/* The default policy, for policies that call on it. */
EDDY_API eddy_event_loop_policy *eddy_default_event_loop_policy(void);

/*
 * What the exception handler is told: an error that nobody can receive. Only message is always
 * there; everything is borrowed for the call.
 */
typedef struct eddy_exception_context {
    const char *message;
    const eddy_exception *exception;
    eddy_future *future;
    eddy_task *task;
    const eddy_coroutine *coroutine;
    const char *where; /* "file.c:12": where the thing was made */
} eddy_exception_context;

typedef void eddy_exception_handler(eddy_loop *loop, const eddy_exception_context *context,
                                    void *arg);

/* Replaces the handler; NULL for the default, which writes to standard error. */
EDDY_API void eddy_loop_set_exception_handler(eddy_loop *loop, eddy_exception_handler *handler,
                                              void *arg);
EDDY_API eddy_exception_handler *eddy_loop_get_exception_handler(const eddy_loop *loop,
                                                                 void **ret_arg);
EDDY_API void eddy_loop_default_exception_handler(eddy_loop *loop,
                                                  const eddy_exception_context *context);
EDDY_API void eddy_loop_call_exception_handler(eddy_loop *loop,
                                               const eddy_exception_context *context);

/*
 * Debug mode: steps longer than slow_callback_duration (seconds, 0.1 at first) are reported, calls
 * from wrong threads are refused, scopes left without their exit are reported. EDDY_DEBUG=1
 * switches it on.
 */
EDDY_API bool eddy_loop_get_debug(const eddy_loop *loop);
EDDY_API void eddy_loop_set_debug(eddy_loop *loop, bool enabled);
EDDY_API double eddy_loop_get_slow_callback_duration(const eddy_loop *loop);
EDDY_API void eddy_loop_set_slow_callback_duration(eddy_loop *loop, double seconds);

EDDY_END_DECLS

#endif
