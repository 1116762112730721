/*
 * Shuffled order: code that is right only first come, first served is found by running it
 * otherwise.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "testkit/kit.h"
#include "testkit/trial.h"

#include <stdio.h>

/* The number of items that are shuffled together; a longer batch is shuffled in stretches of this
 * length. */
enum { STRETCH = 256 };

/* Generates random numbers with splitmix64: the same numbers from the same seed on every
 * machine. */
static uint64_t next_random(struct eddyi_kit *kit)
{
    uint64_t z = kit->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void eddyi_kit_shuffle(struct eddyi_kit *kit, struct eddyi_list *batch)
{
    struct eddyi_list in_order, *some[STRETCH];

    eddyi_list_init(&in_order);
    eddyi_list_move_all(&in_order, batch);
    while (!eddyi_list_empty(&in_order)) {
        size_t n = 0;

        while (n < STRETCH && !eddyi_list_empty(&in_order))
            some[n++] = eddyi_list_pop(&in_order);
        for (size_t i = n; i > 0; i--) {
            size_t chosen = next_random(kit) % i;

            eddyi_list_append(batch, some[chosen]);
            some[chosen] = some[i - 1];
        }
    }
}

int eddy_test_loop_shuffle(eddy_loop *loop, unsigned long seed)
{
    struct eddyi_kit *kit = eddyi_kit_of(loop);

    if (!kit)
        return -ENOMEM;
    kit->seed = kit->random = seed;
    return 0;
}

static size_t shuffle_on(struct eddyi_trials *all, unsigned long seed, size_t n)
{
    size_t failures = 0;

    for (size_t i = 0; i < n; i++) {
        struct eddyi_trial t = {.all = all, .seed = seed + i, .must_succeed = true};

        snprintf(t.what, sizeof t.what, "shuffled by seed %lu", t.seed);
        snprintf(t.key, sizeof t.key, "%lu", t.seed);
        failures += eddyi_trials_run(all, &t);
    }
    return failures;
}

int eddy_test_shuffle(const eddy_test_scenario *s, unsigned long seed, size_t n,
                      eddy_test_result *ret_result)
{
    struct eddyi_trials all;
    int rc = eddyi_trials_begin(&all, s);

    while (rc >= 0 && (rc = eddyi_trials_next_backend(&all)) > 0)
        shuffle_on(&all, seed, n);
    return eddyi_trials_end(&all, rc, ret_result);
}
