/*
 * The counts of the workload `sleepers` for programs in C and C++: wake-ups and their lateness,
 * from the moment when the last sleeper has begun. Before that moment their memory is touched for
 * the first time.
 */
#ifndef EDDY_BENCH_SLEEPERS_H
#define EDDY_BENCH_SLEEPERS_H

#include "clock.h"
#include "histogram.h"

#include <stdbool.h>

static struct {
    long to_begin;
    uint64_t time, since, until; /* nanoseconds */
    struct histogram lateness;
} sleepers_run;

/* Begins a run: @n sleepers will sleep again and again for @seconds. */
static inline void sleepers_begin(long n, long seconds)
{
    sleepers_run.to_begin = n;
    sleepers_run.time = (uint64_t)seconds * 1000000000u;
    sleepers_run.since = sleepers_run.until = UINT64_MAX;
}

/* Called once by each sleeper when it has begun. */
static inline void sleepers_begun(void)
{
    if (--sleepers_run.to_begin > 0)
        return;
    sleepers_run.since = bench_now();
    sleepers_run.until = sleepers_run.since + sleepers_run.time;
}

static inline bool sleepers_over(uint64_t now)
{
    return now > sleepers_run.until;
}

static inline void sleepers_woke(uint64_t due, uint64_t now)
{
    if (now >= sleepers_run.since)
        histogram_add(&sleepers_run.lateness, now > due ? now - due : 0);
}

/* Return the wake-ups per second, when all have ended, and the least lateness of the latest 1 %, in
 * microseconds. */
static inline double sleepers_rate(void)
{
    return (double)sleepers_run.lateness.n / ((double)(bench_now() - sleepers_run.since) / 1e9);
}

static inline double sleepers_p99(void)
{
    return (double)histogram_quantile(&sleepers_run.lateness, 0.99) / 1e3;
}

#endif
