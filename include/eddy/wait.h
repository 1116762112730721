/*
 * Waiting for time and for several things at once: sleep, gather, wait, wait_for,
 * as_completed, shield.
 */
#ifndef EDDY_WAIT_H
#define EDDY_WAIT_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"

EDDY_BEGIN_DECLS

/*
 * Suspends the current task for @delay seconds (asyncio.sleep). 0 or less lets everything else that
 * is ready run once. Returns 0, -ECANCELED, -EINVAL for NaN, EDDY_ENOTASK.
 */
EDDY_API EDDY_AWAITS int eddy_sleep(double delay);

/* The same as a coroutine, for gather and its kin, which ends with status @result (>= 0) and
 * pointer @value. */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_sleep_coro(double delay, int result, void *value);

/* How one of several ended. */
typedef struct eddy_outcome {
    int status;                      /* < 0: failed, -ECANCELED: cancelled */
    void *value;                     /* what came beside a status >= 0 */
    const eddy_exception *exception; /* of a failure, borrowed; NULL if it carries only the code */
} eddy_outcome;

/*
 * eddy_gather(a(), b(), …): runs up to 32 awaitables side by side; the future it returns is done
 * when all are. eddy_gather_list() takes any number, and asyncio's return_exceptions.
 *
 * Consumes the awaitables: coroutines are scheduled as tasks, in order; the same future given twice
 * is waited for once. The first failure (a cancelled child counts) fails the future at once, and
 * the others go on. With @return_exceptions failures are outcomes like any other and the future
 * succeeds. Cancelling the future cancels all children that have not ended, and it ends with
 * -ECANCELED when they have. Its status is 0; eddy_gather_outcomes() has the results.
 *
 * NULL when memory is short; children already scheduled are then cancelled.
 */
#ifndef __cplusplus
#define eddy_gather(...) eddy_gather_list(EDDY_LIST(__VA_ARGS__), false)
#endif
EDDY_API EDDY_NODISCARD eddy_future *eddy_gather_list(eddy_awaitable *const *aws, size_t n,
                                                      bool return_exceptions);

/*
 * The outcomes of a gather that succeeded, in the order of its arguments; NULL before, and for
 * other futures. They belong to the gather and die with its last reference.
 */
EDDY_API const eddy_outcome *eddy_gather_outcomes(const eddy_future *gather);

enum eddy_return_when { EDDY_FIRST_COMPLETED, EDDY_FIRST_EXCEPTION, EDDY_ALL_COMPLETED };

/*
 * eddy_wait(fs, n, timeout, when): waits until the n futures or tasks in the array fs are done as
 * @when asks, or the timeout (seconds, or EDDY_FOREVER) is over (asyncio.wait). Borrows them,
 * cancels none and is not interested in how they ended. EDDY_FIRST_EXCEPTION does not count a
 * cancelled one.
 *
 * Returns how many are done (eddy_future_done() tells which), -ECANCELED, -EINVAL if n is 0 or one
 * is NULL, -ENOMEM, EDDY_ENOTASK.
 */
#ifndef __cplusplus
#define eddy_wait(fs, ...) eddy_wait_list(EDDYI_FUTURES(fs), __VA_ARGS__)
#define EDDYI_FUTURES(fs)                                                                          \
    _Generic((fs), eddy_future **: eddyi_futures_of_futures,                                       \
             eddy_future *const *: eddyi_futures_of_futures, eddy_task **: eddyi_futures_of_tasks, \
             eddy_task *const *: eddyi_futures_of_tasks)(fs)
static inline eddy_future *const *eddyi_futures_of_futures(eddy_future *const *fs)
{
    return fs;
}
static inline eddy_future *const *eddyi_futures_of_tasks(eddy_task *const *ts)
{
    return (eddy_future *const *)(const void *)ts;
}
#endif
EDDY_API EDDY_AWAITS int eddy_wait_list(eddy_future *const *fs, size_t n, double timeout,
                                        enum eddy_return_when when);

/*
 * eddy_wait_for(x, timeout): a coroutine that awaits x in the task that awaits it, for at most
 * @timeout seconds; then x is cancelled, and -ETIMEDOUT comes once it has ended (asyncio.wait_for).
 * If x swallows the cancellation, its result counts. A timeout of 0 or less does not start a
 * coroutine.
 */
#define eddy_wait_for(x, timeout) eddy_awaitable_wait_for(EDDY_AWAITABLE(x), (timeout))
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_awaitable_wait_for(eddy_awaitable *x, double timeout);

/*
 * eddy_shield(x): a future that ends as x does, but whose cancellation does not reach x
 * (asyncio.shield). Consumes x; if x is done it comes back itself. Keep a reference of your own to
 * learn how x ends.
 */
#define eddy_shield(x) eddy_awaitable_shield(EDDY_AWAITABLE(x))
EDDY_API EDDY_NODISCARD eddy_future *eddy_awaitable_shield(eddy_awaitable *x);

/*
 * Several awaitables in the order in which they end (asyncio.as_completed).
 *
 *     eddy_completions *it = eddy_as_completed(EDDY_LIST(work(3), work(1)), EDDY_FOREVER);
 *     eddy_coroutine *next;
 *
 *     while ((next = eddy_completions_next(it)) != NULL)
 *         printf("earliest: %d\n", eddy_await(next));
 *     eddy_completions_free(it);
 */
typedef struct eddy_completions eddy_completions;

/*
 * Coroutines among @aws become tasks and are consumed; futures and tasks are borrowed until the
 * iterator is freed, duplicates counted once. NULL when memory is short, or outside a running loop.
 */
EDDY_API EDDY_NODISCARD eddy_completions *eddy_as_completed(eddy_awaitable *const *aws, size_t n,
                                                            double timeout);

/*
 * The plain iterator: a coroutine that ends as the next of the awaitables does, or with
 * -ETIMEDOUT; NULL when there is one for each already.
 */
EDDY_API eddy_coroutine *eddy_completions_next(eddy_completions *it);

/*
 * The asynchronous iterator: waits for the next to be done and puts it in *ret, borrowed from the
 * iterator. Returns 1, 0 at the end, -ETIMEDOUT, -ECANCELED, EDDY_ENOTASK.
 */
EDDY_API EDDY_AWAITS int eddy_completions_anext(eddy_completions *it, eddy_future **ret);

/* Lets go of everything; what has not ended runs on. NULL is allowed. */
EDDY_API void eddy_completions_free(eddy_completions *it);

EDDY_END_DECLS

#endif
