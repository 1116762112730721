/*
 * Waiting for a time and for several awaitables at once: sleep, gather, wait, wait_for,
 * as_completed, shield.
 */
#ifndef EDDY_WAIT_H
#define EDDY_WAIT_H

#include "coroutine.h"
#include "defs.h"
#include "future.h"

EDDY_BEGIN_DECLS

/*
 * Suspends the current task for @delay seconds (asyncio.sleep). 0 or less lets all that is ready
 * run once. Returns 0, -ECANCELED, -EINVAL for NaN, or EDDY_ENOTASK.
 */
EDDY_API EDDY_AWAITS int eddy_sleep(double delay);

/*
 * Makes a coroutine that sleeps for @delay seconds and ends with status @result (>= 0) and pointer
 * @value, for use with gather and the like. The caller owns the result.
 */
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_sleep_coro(double delay, int result, void *value);

/* The result of one of several awaitables. */
typedef struct eddy_outcome {
    int status;                      /* < 0: failed, -ECANCELED: cancelled */
    void *value;                     /* the pointer that came with a status >= 0 */
    const eddy_exception *exception; /* of a failure, borrowed; NULL if it has only the code */
} eddy_outcome;

/*
 * Runs up to 32 awaitables concurrently (asyncio.gather): eddy_gather(a(), b(), …). Returns a
 * future that is done when all of them are. eddy_gather_list() takes any number, and asyncio's
 * return_exceptions.
 *
 * Consumes the awaitables. Coroutines are scheduled as tasks, in order; a future given twice is
 * awaited once. The first failure (the cancellation of a child counts) fails the future at once,
 * and the other children go on. With @return_exceptions failures are outcomes like any other, and
 * the future succeeds. Its status is 0; eddy_gather_outcomes() returns the results. The caller owns
 * the future. Returns NULL when memory is short; children already scheduled are then cancelled.
 *
 * Cancelling the future cancels all children that have not ended; it ends with -ECANCELED once they
 * all have.
 */
#ifndef __cplusplus
#define eddy_gather(...) eddy_gather_list(EDDY_LIST(__VA_ARGS__), false)
#endif
EDDY_API EDDY_NODISCARD eddy_future *eddy_gather_list(eddy_awaitable *const *aws, size_t n,
                                                      bool return_exceptions);

/*
 * Returns the outcomes of a gather that succeeded, in the order of its arguments; NULL before it
 * has succeeded, and for other futures. Borrowed from @gather: valid until its last reference is
 * dropped.
 */
EDDY_API const eddy_outcome *eddy_gather_outcomes(const eddy_future *gather);

/* When eddy_wait() returns (return_when): at the first end, the first failure, or the last end. */
enum eddy_return_when { EDDY_FIRST_COMPLETED, EDDY_FIRST_EXCEPTION, EDDY_ALL_COMPLETED };

/*
 * Waits until the @n futures or tasks in the array @fs are done as @when asks, or until @timeout
 * seconds have passed (asyncio.wait): eddy_wait(fs, n, timeout, when). @timeout EDDY_FOREVER means
 * no limit. EDDY_FIRST_EXCEPTION does not count a cancelled future. Borrows the futures; it neither
 * cancels them nor retrieves their results.
 *
 * Returns how many are done (eddy_future_done() tells which), -ECANCELED, -EINVAL if @n is 0 or a
 * future is NULL, -ENOMEM, or EDDY_ENOTASK.
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
 * Makes a coroutine that awaits @x for at most @timeout seconds, in the task that awaits the
 * coroutine (asyncio.wait_for). When the time has passed, @x is cancelled, and the coroutine ends
 * with -ETIMEDOUT once @x has ended; if @x ignores the cancellation, its result counts. With a
 * @timeout of 0 or less a coroutine @x is not started. Consumes @x. The caller owns the result.
 */
#define eddy_wait_for(x, timeout) eddy_awaitable_wait_for(EDDY_AWAITABLE(x), (timeout))
EDDY_API EDDY_NODISCARD eddy_coroutine *eddy_awaitable_wait_for(eddy_awaitable *x, double timeout);

/*
 * Makes a future that ends as @x does, but whose cancellation does not reach @x (asyncio.shield).
 * Consumes @x; if @x is done, it is returned itself. The caller owns the result. To learn how @x
 * ends after a cancellation, keep a reference of your own.
 */
#define eddy_shield(x) eddy_awaitable_shield(EDDY_AWAITABLE(x))
EDDY_API EDDY_NODISCARD eddy_future *eddy_awaitable_shield(eddy_awaitable *x);

/*
 * Iterates over awaitables in the order in which they end (asyncio.as_completed).
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
 * Makes an iterator over the @n awaitables in @aws. Consumes the coroutines among them, which
 * become tasks; borrows the futures and tasks until the iterator is freed. Duplicates count once.
 * The caller owns the result. Returns NULL when memory is short, or outside a running loop.
 */
EDDY_API EDDY_NODISCARD eddy_completions *eddy_as_completed(eddy_awaitable *const *aws, size_t n,
                                                            double timeout);

/*
 * Returns a coroutine that ends as the next of the awaitables does, or with -ETIMEDOUT: the plain
 * iterator. The caller owns the result. Returns NULL after as many calls as there are awaitables.
 */
EDDY_API eddy_coroutine *eddy_completions_next(eddy_completions *it);

/*
 * Waits until the next awaitable is done and stores it in *ret: the asynchronous iterator. *ret is
 * borrowed from the iterator. Returns 1, 0 at the end, -ETIMEDOUT, -ECANCELED, or EDDY_ENOTASK.
 */
EDDY_API EDDY_AWAITS int eddy_completions_anext(eddy_completions *it, eddy_future **ret);

/* Frees the iterator; awaitables that have not ended go on. NULL is allowed. */
EDDY_API void eddy_completions_free(eddy_completions *it);

EDDY_END_DECLS

#ifdef __cplusplus
template <typename... Awaitables> static inline eddy_future *eddy_gather(Awaitables... xs)
{
    eddy_awaitable *const list[] = {EDDY_AWAITABLE(xs)...};

    return eddy_gather_list(list, sizeof...(xs), false);
}
static inline int eddy_wait(eddy_future *const *fs, size_t n, double timeout, eddy_return_when when)
{
    return eddy_wait_list(fs, n, timeout, when);
}
static inline int eddy_wait(eddy_task *const *ts, size_t n, double timeout, eddy_return_when when)
{
    return eddy_wait_list(reinterpret_cast<eddy_future *const *>(ts), n, timeout, when);
}
#endif

#endif
