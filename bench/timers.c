/*
 * Timers: starting and cancelling many, pushing one later again and again, and tasks that sleep.
 */
#include "bench.h"
#include "sleepers.h"

#include <errno.h>
#include <stdlib.h>

static void nothing(void *arg)
{
}

static double random_deadline(uint64_t *random) /* in 1 to 61 seconds */
{
    return 1 + (double)(bench_random(random) % 60000000000u) / 1e9;
}

/*
 * Starts all of @live timers, then cancels all, for @n operations in total, after a first round
 * that allocates the memory. The timers start by deadlines, counted from one reading of the clock,
 * as libev and libuv count by themselves; or with @later by delays, each with a reading.
 */
static eddy_async(timer_cancel, (long, n), (long, live), (bool, later))
{
    eddy_handle *timers = calloc((size_t)live, sizeof *timers);
    long rounds = n > live ? n / live : 1;
    eddy_loop *loop = eddy_get_running_loop();
    uint64_t random = BENCH_SEED, began = 0;
    double now;

    if (!timers)
        return -ENOMEM;
    for (long round = -1; round < rounds; round++) {
        if (round == 0)
            began = bench_now();
        now = eddy_loop_time(loop);
        for (long i = 0; i < live; i++) {
            double delay = random_deadline(&random);

            timers[i] = later ? eddy_loop_call_later(loop, delay, nothing, NULL)
                              : eddy_loop_call_at(loop, now + delay, nothing, NULL);
        }
        for (long i = 0; i < live; i++)
            eddy_handle_cancel(timers[i]);
        /* Time for a loop that has deferred the work. */
        eddy_sleep(0);
        eddy_sleep(0);
    }
    bench_print_each("", began, (double)(rounds * live), "ns");
    free(timers);
    return 0;
}

int bench_timer_cancel(long n, long live)
{
    return eddy_run(timer_cancel(n, live, false));
}

int bench_timer_cancel_later(long n, long live)
{
    return eddy_run(timer_cancel(n, live, true));
}

/* Pushes one timeout later again and again, as a server does for a connection whenever it is
 * active. The clock is not read: that would cost more than the 10 ns that a push should take. */
static eddy_async(timer_push, (long, n), (long, live))
{
    eddy_loop *loop = eddy_get_running_loop();
    uint64_t random = BENCH_SEED, began;
    double when = eddy_loop_time(loop) + 30;
    eddy_timeout idle;
    int rc = 0;

    for (long i = 0; i < live; i++)
        eddy_loop_call_later(loop, random_deadline(&random), nothing, NULL);
    eddy_timeout_enter_at(&idle, when);
    began = bench_now();
    for (long i = 0; i < n && rc == 0; i++)
        rc = eddy_timeout_reschedule(&idle, when += 1e-6);
    bench_print_each("", began, (double)n, "ns");
    return eddy_timeout_exit(&idle, rc);
}

int bench_timer_push(long n, long live)
{
    return eddy_run(timer_push(n, live));
}

static eddy_async(sleeper, (uint64_t, random))
{
    sleepers_begun();
    for (;;) {
        uint64_t delay = bench_random(&random) % 100000000, began = bench_now();

        if (sleepers_over(began))
            return 0;
        eddy_try(eddy_sleep((double)delay / 1e9));
        sleepers_woke(began + delay, bench_now());
    }
}

static eddy_async(sleepers, (long, seconds), (long, live))
{
    eddy_awaitable **tasks = calloc((size_t)live, sizeof *tasks);
    int rc;

    if (!tasks)
        return -ENOMEM;
    sleepers_begin(live, seconds);
    for (long i = 0; i < live; i++)
        tasks[i] =
            EDDY_AWAITABLE(eddy_create_task(sleeper((uint64_t)i * 2654435761u + BENCH_SEED)));
    rc = eddy_await(eddy_gather_list(tasks, (size_t)live, false));
    bench_print("", sleepers_rate(), "wakeups/s");
    bench_print("_p99", sleepers_p99(), "us");
    free(tasks);
    return rc;
}

int bench_sleepers(long seconds, long live)
{
    return eddy_run(sleepers(seconds, live));
}
