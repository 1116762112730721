/* a thread with a loop of its own, fed from another thread */
#include <eddy.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

enum { VALUE_ERROR = EDDY_EUSER };

eddy_async(func, (int, n))
{
    eddy_try(eddy_sleep(0.05));
    if (n < 0)
        return eddy_raise(VALUE_ERROR, "negative"); /* raise ValueError('negative') */
    return n * 2;
}

static void *run_forever(void *loop)
{
    eddy_loop_run_forever(loop);
    return NULL;
}

static int seen[3], n_seen;

static void append(void *arg) /* seen.append */
{
    seen[n_seen++] = (int)(intptr_t)arg;
}

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

int main(void)
{
    eddy_loop *loop = eddy_new_event_loop();
    pthread_t thread; /* threading.Thread(target=loop.run_forever) */

    pthread_create(&thread, NULL, run_forever, loop);
    eddy_concurrent_future *future = eddy_run_coroutine_threadsafe(func(21), loop);
    printf("result: %d\n", eddy_concurrent_future_result(future, 5));
    eddy_concurrent_future_unref(future);

    future = eddy_run_coroutine_threadsafe(func(-1), loop);
    /* except ValueError as e: */
    if (eddy_concurrent_future_result(future, EDDY_FOREVER) == VALUE_ERROR)
        printf("ValueError: %s\n", eddy_exception_message(eddy_error()));
    eddy_concurrent_future_unref(future);

    future = eddy_run_coroutine_threadsafe(eddy_sleep_coro(60, 0, NULL), loop);
    if (eddy_concurrent_future_result(future, 0.05) == -ETIMEDOUT) /* except TimeoutError: */
        printf("TimeoutError, cancel: %s\n",
               eddy_concurrent_future_cancel(future) ? "True" : "False");
    eddy_concurrent_future_unref(future);

    for (int i = 0; i < 3; i++)
        eddy_loop_call_soon_threadsafe(loop, append, (void *)(intptr_t)i);
    eddy_loop_call_soon_threadsafe(loop, stop, loop);
    pthread_join(thread, NULL);
    printf("callbacks in order: [%d, %d, %d]\n", seen[0], seen[1], seen[2]);
    /* the sleep that was cancelled ends */
    eddy_loop_run_until_complete(loop, eddy_sleep_coro(0, 0, NULL));
    eddy_loop_unref(loop); /* loop.close() */
    return 0;
}
