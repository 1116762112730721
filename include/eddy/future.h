/*
 * Futures: a result that comes later.
 *
 * A future is pending until it is finished (with a status, and perhaps a pointer or an exception)
 * or cancelled, which happens once. Its done-callbacks never run inline: each is scheduled as by
 * eddy_loop_call_soon(). Futures are reference-counted; a function that takes one by pointer
 * borrows it unless its comment says that it consumes it. Futures are not thread-safe: only the
 * thread of the future's loop may use them.
 */
#ifndef EDDY_FUTURE_H
#define EDDY_FUTURE_H

#include "coroutine.h"
#include "defs.h"

EDDY_BEGIN_DECLS

/*
 * Creates a pending future of the running loop, or of @loop (loop.create_future). The caller owns
 * the result. Returns NULL when memory is short or no loop runs.
 */
EDDY_API EDDY_NODISCARD eddy_future *eddy_create_future(void);
EDDY_API EDDY_NODISCARD eddy_future *eddy_loop_create_future(eddy_loop *loop);

/*
 * Finish @f successfully (Future.set_result): with a status >= 0, with a pointer (and status 0), or
 * with both. Return 0, or
 *
 *   EDDY_EINVALIDSTATE  @f is done already
 *   EDDY_EMISUSE        @f is a task, or @status is negative
 *   EDDY_ETHREAD        the loop of @f runs in another thread
 */
EDDY_API int eddy_future_set_result(eddy_future *f, int status);
EDDY_API int eddy_future_set_value(eddy_future *f, void *value);
EDDY_API int eddy_future_set_result_value(eddy_future *f, int status, void *value);

/*
 * Finish @f with an error (Future.set_exception): with a negative code and a printf-style message
 * (@fmt may be NULL), or with the exception @e, to which the future takes a reference of its own.
 * Return the same as eddy_future_set_result().
 */
EDDY_API EDDY_PRINTF(3, 4) int eddy_future_set_exception(eddy_future *f, int code, const char *fmt,
                                                         ...);
EDDY_API int eddy_future_set_error(eddy_future *f, const eddy_exception *e);

/*
 * Return whether @f is done, that is, finished, failed or cancelled (Future.done), or whether it
 * was cancelled (Future.cancelled).
 */
EDDY_API bool eddy_future_done(const eddy_future *f);
EDDY_API bool eddy_future_cancelled(const eddy_future *f);

/*
 * Cancels @f (Future.cancel), with a message for the tasks that await it (@msg may be NULL). For a
 * task it is the same call as eddy_task_cancel(); for a gather it cancels the children. Returns
 * false if @f is done already; if tasks wait for each other in a cycle, so that none could end
 * (raises EDDY_EMISUSE); and in a thread that does not run the future's loop (raises EDDY_ETHREAD).
 */
EDDY_API bool eddy_future_cancel(eddy_future *f, const char *msg);

/*
 * Return the status of the finished future @f (Future.result); the second form also stores the
 * pointer that came with it in *ret_value. Errors: the future's own, -ECANCELED if it was
 * cancelled, EDDY_EINVALIDSTATE while it is pending.
 */
EDDY_API int eddy_future_result(eddy_future *f);
EDDY_API int eddy_future_result_value(eddy_future *f, void **ret_value);
#define eddy_future_result_value(f, ret_value) eddy_future_result_value((f), EDDYI_OUT(ret_value))

/*
 * Stores the exception of @f in *ret (may be NULL), or NULL if @f succeeded (Future.exception).
 * *ret is borrowed from the future. Returns 0, EDDY_EINVALIDSTATE while @f is pending, or
 * -ECANCELED if it was cancelled.
 */
EDDY_API int eddy_future_exception(eddy_future *f, const eddy_exception **ret);

/* Receives a future that is done, and the argument given with the callback. Borrows @f. */
typedef void eddy_done_fn(eddy_future *f, void *arg);

/*
 * Schedule fn(f, arg) to be called by the loop once @f is done (Future.add_done_callback); if @f is
 * done already, in the loop's next turn. The callback runs in a copy of the current context, or in
 * @context itself. The loop keeps @f alive until the callback has run. Return 0, -ENOMEM,
 * EDDY_ECLOSED or EDDY_ETHREAD.
 */
EDDY_API int eddy_future_add_done_callback(eddy_future *f, eddy_done_fn *fn, void *arg);
EDDY_API int eddy_future_add_done_callback_in(eddy_future *f, eddy_done_fn *fn, void *arg,
                                              eddy_context *context);

/*
 * Removes every callback (@fn, @arg) that is not scheduled yet, and returns their number or
 * EDDY_ETHREAD (Future.remove_done_callback).
 */
EDDY_API int eddy_future_remove_done_callback(eddy_future *f, eddy_done_fn *fn, void *arg);

/* Returns the loop of @f (Future.get_loop). Borrowed. */
EDDY_API eddy_loop *eddy_future_get_loop(const eddy_future *f);

/* Returns @f as a task, or NULL if it is not one. Borrowed. */
EDDY_API eddy_task *eddy_future_as_task(eddy_future *f);

/* Adds a reference to @f and returns @f. NULL is allowed. */
EDDY_API eddy_future *eddy_future_ref(eddy_future *f);

/* Drops a reference to @f, and frees the future with its last one. NULL is allowed. */
EDDY_API void eddy_future_unref(eddy_future *f);

/*
 * Converts an awaitable to a future (asyncio.ensure_future): a future is returned unchanged, a
 * coroutine becomes a task. Consumes @x; the caller owns the result. Returns NULL when memory is
 * short.
 */
#define eddy_ensure_future(x) eddy_awaitable_ensure_future(EDDY_AWAITABLE(x), NULL)
EDDY_API EDDY_NODISCARD eddy_future *eddy_awaitable_ensure_future(eddy_awaitable *x,
                                                                  eddy_loop *loop);

EDDY_END_DECLS

/* eddy_ref(x), eddy_unref(x): eddy_future_ref() and eddy_future_unref() for a Future or a Task. */
#ifdef __cplusplus
static inline eddy_future *eddy_ref(eddy_future *f)
{
    return eddy_future_ref(f);
}
static inline eddy_task *eddy_ref(eddy_task *t)
{
    return reinterpret_cast<eddy_task *>(eddy_future_ref(reinterpret_cast<eddy_future *>(t)));
}
static inline void eddy_unref(eddy_future *f)
{
    eddy_future_unref(f);
}
static inline void eddy_unref(eddy_task *t)
{
    eddy_future_unref(reinterpret_cast<eddy_future *>(t));
}
#else
static inline eddy_task *eddyi_task_ref(eddy_task *t)
{
    return (eddy_task *)(void *)eddy_future_ref((eddy_future *)(void *)t);
}
static inline void eddyi_task_unref(eddy_task *t)
{
    eddy_future_unref((eddy_future *)(void *)t);
}
#define eddy_ref(x) _Generic((x), eddy_future * : eddy_future_ref, eddy_task * : eddyi_task_ref)(x)
#define eddy_unref(x)                                                                              \
    _Generic((x), eddy_future * : eddy_future_unref, eddy_task * : eddyi_task_unref)(x)
#endif

#endif
