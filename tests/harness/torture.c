/*
 * Torture: a test run many times, each time with another call failing.
 *
 * A first run counts the calls that can fail. Then each of them fails, once and for ever after;
 * with a limit, one call out of each of as many equal stretches, chosen by the seed. A test with
 * threads does not make the same calls each time, so a run may end before its call has come; the
 * result says how many did.
 *
 * Most calls of a program repeat: the rounds of a loop, and the beginning and end of every test.
 * Each run costs a whole test, so --per-site leaves out calls that have failed in the same way
 * before.
 */
#include "harness/harness.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* The calls of a test beyond this number have no site, so all of them fail. */
enum { SITES_MAX = 1 << 18 };

/* How often each site has failed in this program, by its hash; two that meet count as one. */
static unsigned char failures[1 << 20];

static uint32_t *sites;

/* xorshift: the same choices on every machine. */
static unsigned next_random(unsigned *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static bool make_sites(void)
{
    void *memory;

    if (sites)
        return true;
    memory = mmap(NULL, SITES_MAX * sizeof *sites, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    sites = memory;
    return true;
}

/* Counts a failure of the call @nth, unless there were enough of its site: then false. */
static bool is_worth_it(unsigned long nth, unsigned per_site)
{
    unsigned char *n;

    if (per_site == 0 || !sites || nth > SITES_MAX)
        return true;
    n = &failures[(sites[nth - 1] * 2246822519u) >> 12];
    if (*n >= per_site)
        return false;
    ++*n;
    return true;
}

static enum verdict torture_call(const struct test *t, struct fault_plan plan, char *message,
                                 size_t size)
{
    char reason[700];
    enum verdict v = child_run(t, &plan, reason, sizeof reason);

    if (v == FAILED)
        snprintf(message, size, "%s [with call %lu failing %s: %s; --fail %lu%s --seed %u]", reason,
                 plan.nth, plan.ever_after ? "and all after it" : "once",
                 report->torture.struck ? report->torture.struck : "not reached", plan.nth,
                 plan.ever_after ? "+" : "", plan.seed);
    return v;
}

enum verdict torture_run(const struct test *t, const struct torture *how, char *message,
                         size_t size)
{
    bool with_sites = how->per_site > 0 && make_sites();
    struct fault_plan count = {
        .nth = 0, .sites = with_sites ? sites : NULL, .sites_size = with_sites ? SITES_MAX : 0};
    enum verdict v = child_run(t, &count, message, size);
    unsigned long calls = report->torture.calls, lasting = report->torture.lasting;
    unsigned long points = how->limit && how->limit < calls ? how->limit : calls;
    unsigned state = how->seed * 2654435761u + 1;
    int64_t usual_ms = report->took_ms;
    unsigned long tried = 0, runs = 0, missed = 0;

    if (v != PASSED)
        return v;
    if (state == 0)
        state = 1;
    for (unsigned long i = 0; i < points; i++) {
        unsigned long first = calls * i / points, end = calls * (i + 1) / points;
        unsigned long nth = first + next_random(&state) % (end - first) + 1;

        if (!is_worth_it(nth, how->per_site))
            continue;
        tried++;
        for (int ever_after = 0; ever_after < 2; ever_after++) {
            struct fault_plan plan = {
                .nth = nth, .ever_after = ever_after, .seed = how->seed, .usual_ms = usual_ms};

            if (ever_after && nth > lasting)
                continue;
            v = torture_call(t, plan, message, size);
            if (v == FAILED)
                return v;
            runs++;
            missed += !report->torture.struck;
        }
    }
    snprintf(message, size, "%lu of %lu calls", tried, calls);
    if (missed)
        snprintf(message + strlen(message), size - strlen(message),
                 "; %lu of %lu runs without a fault", missed, runs);
    return PASSED;
}
