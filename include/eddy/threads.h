/*
 * Results that cross threads (concurrent.futures.Future), and coroutines run from threads without a
 * loop.
 *
 * A loop, its futures and its tasks belong to one thread. An eddy_concurrent_future belongs to no
 * loop: its functions may be called from any thread. A thread can run a coroutine in the loop of
 * another thread, and wait for the result:
 *
 *     eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(fetch(url), loop);
 *     int rc = eddy_concurrent_future_result(cf, 5);       // blocks this thread, 5 seconds at most
 *     eddy_concurrent_future_unref(cf);
 *
 * A coroutine can wait for a result that another thread will set:
 *
 *     rc = eddy_await(eddy_wrap_future(cf));               // suspends this task
 *
 * A concurrent future is pending, then perhaps running (and can no longer be cancelled), and in the
 * end finished or cancelled. After fork() the child must not use concurrent futures of its parent:
 * every call that would wait for one gives EDDY_EFORKED.
 */
#ifndef EDDY_THREADS_H
#define EDDY_THREADS_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"
#include "loop.h"

EDDY_BEGIN_DECLS

/* A result that comes later, from any thread (concurrent.futures.Future). Opaque. */
typedef struct eddy_concurrent_future eddy_concurrent_future;

/*
 * Runs @coro as a task in @loop, which usually runs in another thread
 * (asyncio.run_coroutine_threadsafe). Consumes @coro. May be called from any thread. The caller
 * owns the result; dropping it does not stop the task. Raises -ENOMEM, EDDY_ENOLOOP, EDDY_ECLOSED
 * or EDDY_EFORKED, and then returns NULL.
 *
 * Cancelling the concurrent future cancels the task, through the loop. If the loop is closed before
 * the task has ended, the concurrent future is cancelled.
 */
EDDY_API EDDY_NODISCARD eddy_concurrent_future *eddy_run_coroutine_threadsafe(eddy_coroutine *coro,
                                                                              eddy_loop *loop);

/*
 * Block the calling thread until @cf is done, for at most @timeout seconds (EDDY_FOREVER: without
 * limit; 0: not at all), and return its status (Future.result). *ret_value gets the pointer that
 * came with it. A loop that runs in this thread is blocked too; in a coroutine await
 * eddy_wrap_future(cf) instead. Errors of the call itself:
 *
 *   -ETIMEDOUT    @cf is not done, and the time is over
 *   -ECANCELED    @cf was cancelled
 *   -EDEADLK      @cf waits for the loop that runs in this thread, so it would never be done
 *   -EINVAL       the timeout is not a number
 *   -ENOMEM       @cf is NULL: making it ran out of memory
 *   EDDY_EFORKED  @cf belongs to the parent process
 */
EDDY_API int eddy_concurrent_future_result(eddy_concurrent_future *cf, double timeout);
EDDY_API int eddy_concurrent_future_result_value(eddy_concurrent_future *cf, double timeout,
                                                 void **ret_value);
#define eddy_concurrent_future_result_value(cf, timeout, ret_value)                                \
    eddy_concurrent_future_result_value((cf), (timeout), EDDYI_OUT(ret_value))

/*
 * Return whether @cf is running; is finished or cancelled; is cancelled (Future.running, done,
 * cancelled).
 */
EDDY_API bool eddy_concurrent_future_running(const eddy_concurrent_future *cf);
EDDY_API bool eddy_concurrent_future_done(const eddy_concurrent_future *cf);
EDDY_API bool eddy_concurrent_future_cancelled(const eddy_concurrent_future *cf);

/*
 * Cancels @cf unless it is running or finished (Future.cancel). Returns whether it is cancelled
 * now.
 */
EDDY_API bool eddy_concurrent_future_cancel(eddy_concurrent_future *cf);

/* Receives a concurrent future that is done, in any thread; must not block. Borrows @cf. */
typedef void eddy_concurrent_done_fn(eddy_concurrent_future *cf, void *arg);

/*
 * Schedules fn(cf, arg) to run when @cf is done (Future.add_done_callback): at once, in the thread
 * that finishes or cancels @cf, in the order of the calls; if @cf is done already, in this call.
 * Returns 0 or -ENOMEM.
 */
EDDY_API int eddy_concurrent_future_add_done_callback(eddy_concurrent_future *cf,
                                                      eddy_concurrent_done_fn *fn, void *arg);

/*
 * Makes a future of the running loop that ends as @cf does (asyncio.wrap_future). Cancelling the
 * future cancels @cf if @cf is not running yet, and otherwise only detaches from it. Consumes a
 * reference to @cf. The caller owns the result. Returns NULL when memory is short, or no loop runs.
 */
EDDY_API EDDY_NODISCARD eddy_future *eddy_wrap_future(eddy_concurrent_future *cf);

/*
 * Add a reference to @cf and return @cf; drop one. May be called from any thread. NULL is allowed.
 */
EDDY_API eddy_concurrent_future *eddy_concurrent_future_ref(eddy_concurrent_future *cf);
EDDY_API void eddy_concurrent_future_unref(eddy_concurrent_future *cf);

/*
 * Creates a pending concurrent future, for programs that run work in their own threads. The caller
 * owns the result. Returns NULL when memory is short.
 */
EDDY_API EDDY_NODISCARD eddy_concurrent_future *eddy_concurrent_future_new(void);

/*
 * Marks @cf as running before its work begins (Future.set_running_or_notify_cancel). Returns false
 * if @cf was cancelled; the work must then not be done.
 */
EDDY_API bool eddy_concurrent_future_set_running_or_notify_cancel(eddy_concurrent_future *cf);

/*
 * Finish @cf, with a status >= 0 and a pointer, or with an error (Future.set_result,
 * Future.set_exception). Return 0, EDDY_EINVALIDSTATE if @cf is done already, or EDDY_EMISUSE for a
 * status of the wrong sign.
 */
EDDY_API int eddy_concurrent_future_set_result(eddy_concurrent_future *cf, int status);
EDDY_API int eddy_concurrent_future_set_result_value(eddy_concurrent_future *cf, int status,
                                                     void *value);
EDDY_API EDDY_PRINTF(3, 4) int eddy_concurrent_future_set_exception(eddy_concurrent_future *cf,
                                                                    int code, const char *fmt, ...);

EDDY_END_DECLS

#endif
