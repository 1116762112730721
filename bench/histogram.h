/*
 * A histogram of nanoseconds: 32 steps for each power of two, so a quantile is right to 3 %.
 */
#ifndef EDDY_BENCH_HISTOGRAM_H
#define EDDY_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_STEPS = 32, HISTOGRAM_BUCKETS = 64 * HISTOGRAM_STEPS };

struct histogram {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t n, largest;
};

static inline void histogram_add(struct histogram *h, uint64_t ns)
{
    unsigned i = (unsigned)ns;

    if (ns >= HISTOGRAM_STEPS) {
        unsigned power = 63 - (unsigned)__builtin_clzll(ns);

        i = (power - 4) * HISTOGRAM_STEPS + (unsigned)(ns >> (power - 5) & (HISTOGRAM_STEPS - 1));
    }
    h->buckets[i]++;
    h->n++;
    if (ns > h->largest)
        h->largest = ns;
}

/* Returns the value below which the share @q (0 to 1) of all values lies. */
static inline uint64_t histogram_quantile(const struct histogram *h, double q)
{
    uint64_t wanted = (uint64_t)(q * (double)h->n), seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > wanted)
            return i < HISTOGRAM_STEPS ? i
                                       : (uint64_t)(HISTOGRAM_STEPS + i % HISTOGRAM_STEPS)
                                             << (i / HISTOGRAM_STEPS - 1);
    }
    return h->largest;
}

#endif
