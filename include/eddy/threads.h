/*
 * Results that cross threads (concurrent.futures.Future), and coroutines run from plain threads.
 *
 * A loop belongs to one thread, and so do its futures and tasks. An eddy_concurrent_future belongs
 * to no loop: any thread may look at it, wait for it, cancel or finish it. A plain thread has a
 * loop run a coroutine, and waits for the result:
 *
 *     eddy_concurrent_future *cf = eddy_run_coroutine_threadsafe(fetch(url), loop);
 *     int rc = eddy_concurrent_future_result(cf, 5);       // blocks this thread, 5 seconds at most
 *     eddy_concurrent_future_unref(cf);
 *
 * and a coroutine waits for what another thread will finish:
 *
 *     rc = eddy_await(eddy_wrap_future(cf));               // suspends this task
 *
 * It is pending, then perhaps running (too late to be cancelled), in the end finished or cancelled.
 * After fork() the child must not use those of its parent: whatever would wait for one gives
 * EDDY_EFORKED.
 */
#ifndef EDDY_THREADS_H
#define EDDY_THREADS_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"
#include "loop.h"

EDDY_BEGIN_DECLS

typedef struct eddy_concurrent_future eddy_concurrent_future;

/*
 * Has @loop, which usually runs in another thread, run the coroutine as a task
 * (asyncio.run_coroutine_threadsafe). Consumes the coroutine. The caller owns the reference that
 * comes back; letting go of it stops nothing. NULL with -ENOMEM, EDDY_ENOLOOP, EDDY_ECLOSED,
 * EDDY_EFORKED.
 *
 * Cancelling it cancels the task, through the loop. If the loop is closed before the task has
 * ended, it is cancelled.
 */
EDDY_API EDDY_NODISCARD eddy_concurrent_future *eddy_run_coroutine_threadsafe(eddy_coroutine *coro,
                                                                              eddy_loop *loop);

/*
 * Waits until it is done, at most @timeout seconds (EDDY_FOREVER: without limit; 0: not at all),
 * and returns its status; the pointer that came beside that in *ret_value. Blocks the calling
 * thread, and with it a loop that runs there; a coroutine awaits eddy_wrap_future(cf) instead.
 * Errors of its own:
 *
 *   -ETIMEDOUT    the time is over and it is not done
 *   -ECANCELED    it was cancelled
 *   -EDEADLK      it waits for the loop that runs in this thread, so neither would ever go on
 *   -EINVAL       the timeout is not a number
 *   -ENOMEM       it is NULL: making it ran out of memory
 *   EDDY_EFORKED  it is the parent process's
 */
EDDY_API int eddy_concurrent_future_result(eddy_concurrent_future *cf, double timeout);
EDDY_API int eddy_concurrent_future_result_value(eddy_concurrent_future *cf, double timeout,
                                                 void **ret_value);

EDDY_API bool eddy_concurrent_future_running(const eddy_concurrent_future *cf);
EDDY_API bool eddy_concurrent_future_done(const eddy_concurrent_future *cf);
EDDY_API bool eddy_concurrent_future_cancelled(const eddy_concurrent_future *cf);

/* Cancels it, unless it is running or finished. Returns whether it is cancelled now. */
EDDY_API bool eddy_concurrent_future_cancel(eddy_concurrent_future *cf);

typedef void eddy_concurrent_done_fn(eddy_concurrent_future *cf, void *arg);

/*
 * Has fn(cf, arg) called once it is done: by the thread that finishes or cancels it, at once; or,
 * if it is done already, here and now. In the order in which they were added. Returns 0 or -ENOMEM.
 */
EDDY_API int eddy_concurrent_future_add_done_callback(eddy_concurrent_future *cf,
                                                      eddy_concurrent_done_fn *fn, void *arg);

/*
 * A future of the running loop that ends as @cf does (asyncio.wrap_future); cancelling it cancels
 * @cf if that is not running yet, and lets go of it otherwise. Consumes a reference to @cf. NULL
 * when memory is short, or no loop runs.
 */
EDDY_API EDDY_NODISCARD eddy_future *eddy_wrap_future(eddy_concurrent_future *cf);

/* One more reference, and one fewer; any thread. NULL passes through. */
EDDY_API eddy_concurrent_future *eddy_concurrent_future_ref(eddy_concurrent_future *cf);
EDDY_API void eddy_concurrent_future_unref(eddy_concurrent_future *cf);

/*
 * For whoever runs things in threads of his own: a new one, pending; NULL when memory is short.
 *
 * _set_running_or_notify_cancel() is asked before the work begins: false if it was cancelled, and
 * then nothing is to be done; true makes it running. The others finish it, with a status >= 0 and a
 * pointer, or with an error. They return 0, or EDDY_EINVALIDSTATE if it is done already,
 * EDDY_EMISUSE for a status of the wrong sign.
 */
EDDY_API EDDY_NODISCARD eddy_concurrent_future *eddy_concurrent_future_new(void);
EDDY_API bool eddy_concurrent_future_set_running_or_notify_cancel(eddy_concurrent_future *cf);
EDDY_API int eddy_concurrent_future_set_result(eddy_concurrent_future *cf, int status);
EDDY_API int eddy_concurrent_future_set_result_value(eddy_concurrent_future *cf, int status,
                                                     void *value);
EDDY_API EDDY_PRINTF(3, 4) int eddy_concurrent_future_set_exception(eddy_concurrent_future *cf,
                                                                    int code, const char *fmt, ...);

EDDY_END_DECLS

#endif
