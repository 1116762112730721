/*
 * Futures: a result that comes later.
 *
 * A future is pending, then once and for all finished (with a status, perhaps a pointer or an
 * exception) or cancelled. Its done-callbacks never run inline: each is scheduled like
 * eddy_loop_call_soon(). Futures are counted references; a function that takes one by pointer
 * borrows it unless it says that it consumes it. Not thread-safe: only the thread of the future's
 * loop may touch it.
 */
#ifndef EDDY_FUTURE_H
#define EDDY_FUTURE_H

#include "coroutine.h"
#include "defs.h"

EDDY_BEGIN_DECLS

/*
 * A new pending future of the running loop, and of a given loop (loop.create_future).
 * The caller owns one reference. NULL when memory is short or no loop runs.
 */
EDDY_API EDDY_NODISCARD eddy_future *eddy_create_future(void);
EDDY_API EDDY_NODISCARD eddy_future *eddy_loop_create_future(eddy_loop *loop);

/*
 * Finishes the future successfully: with a status >= 0, with a pointer (status 0), or both.
 * Returns 0, EDDY_EINVALIDSTATE if it is done already, EDDY_EMISUSE on a task or for a
 * negative status, EDDY_ETHREAD while its loop runs in another thread.
 */
EDDY_API int eddy_future_set_result(eddy_future *f, int status);
EDDY_API int eddy_future_set_value(eddy_future *f, void *value);
EDDY_API int eddy_future_set_result_value(eddy_future *f, int status, void *value);

/*
 * Finishes the future with an error: a negative code with a printf-style message (@fmt may
 * be NULL), or an exception, of which it takes a reference of its own. Returns as above.
 */
EDDY_API EDDY_PRINTF(3, 4) int eddy_future_set_exception(eddy_future *f, int code, const char *fmt,
                                                         ...);
EDDY_API int eddy_future_set_error(eddy_future *f, const eddy_exception *e);

/* Finished, failed or cancelled; and only cancelled. */
EDDY_API bool eddy_future_done(const eddy_future *f);
EDDY_API bool eddy_future_cancelled(const eddy_future *f);

/*
 * Cancels the future, with a message for whoever awaits it (@msg may be NULL). Returns false if it
 * was done already, or if tasks wait for each other in a circle, so that nothing could end
 * (eddy_error() is then EDDY_EMISUSE). On a task it is eddy_task_cancel(), on a gather it cancels
 * the children. Returns false, with EDDY_ETHREAD raised, in a thread that does not run its loop.
 */
EDDY_API bool eddy_future_cancel(eddy_future *f, const char *msg);

/*
 * The status a finished future was given (Future.result), and the pointer beside it. Errors:
 * the future's own, -ECANCELED if it was cancelled, EDDY_EINVALIDSTATE while it is pending.
 */
EDDY_API int eddy_future_result(eddy_future *f);
EDDY_API int eddy_future_result_value(eddy_future *f, void **ret_value);

/*
 * Puts the exception in *ret, borrowed from the future, or NULL if it succeeded (Future.exception).
 * Returns 0, or EDDY_EINVALIDSTATE while it is pending, -ECANCELED if it was cancelled.
 */
EDDY_API int eddy_future_exception(eddy_future *f, const eddy_exception **ret);

typedef void eddy_done_fn(eddy_future *f, void *arg);

/*
 * Has fn(f, arg) called through the loop once f is done, also if it already is, in a copy
 * of the current context. The _in form takes the context to run in. The loop keeps f alive
 * until the callback has run. Returns 0, -ENOMEM, EDDY_ECLOSED or EDDY_ETHREAD.
 */
EDDY_API int eddy_future_add_done_callback(eddy_future *f, eddy_done_fn *fn, void *arg);
EDDY_API int eddy_future_add_done_callback_in(eddy_future *f, eddy_done_fn *fn, void *arg,
                                              eddy_context *context);

/* Removes every callback (fn, arg) that is not scheduled yet; returns how many there were, or
 * EDDY_ETHREAD. */
EDDY_API int eddy_future_remove_done_callback(eddy_future *f, eddy_done_fn *fn, void *arg);

EDDY_API eddy_loop *eddy_future_get_loop(const eddy_future *f);

/* The future as the task it is, or NULL if it is none; borrowed. */
EDDY_API eddy_task *eddy_future_as_task(eddy_future *f);

/* One more reference, for whoever will consume or drop it; and one fewer. NULL passes through. */
EDDY_API eddy_future *eddy_future_ref(eddy_future *f);
EDDY_API void eddy_future_unref(eddy_future *f);

/*
 * Whatever it is, as a future (asyncio.ensure_future): a future comes back unchanged, a coroutine
 * becomes a task. Consumes @x and gives one reference back. NULL when memory is short.
 */
#define eddy_ensure_future(x) eddy_awaitable_ensure_future(EDDY_AWAITABLE(x), NULL)
EDDY_API EDDY_NODISCARD eddy_future *eddy_awaitable_ensure_future(eddy_awaitable *x,
                                                                  eddy_loop *loop);

EDDY_END_DECLS

/* eddy_ref(x), eddy_unref(x): the same for a Future or a Task. */
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
