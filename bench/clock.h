/*
 * The clock of all measurements, and random numbers that are the same for eddy and its peers.
 */
#ifndef EDDY_BENCH_CLOCK_H
#define EDDY_BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t bench_now(void) /* nanoseconds */
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#define BENCH_SEED 88172645463325252u
static inline uint64_t bench_random(uint64_t *state) /* xorshift64 */
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
