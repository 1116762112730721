/*
 * Calls that fail: one by name, or each of them in turn.
 */
#include "base/fault.h"
#include "base/log.h"
#include "testkit/trial.h"

#include <stdio.h>

void eddy_test_fail_call(const char *call, unsigned long nth, int error)
{
    if (nth > 0)
        eddyi_fault_nth(call, nth, error);
    else
        eddyi_fault_only(call, error);
}

unsigned long eddy_test_fail_nothing(void)
{
    unsigned long hits = eddyi_fault_hits();

    eddyi_fault_clear();
    return hits;
}

static unsigned long count_calls(struct eddyi_trials *all)
{
    struct eddyi_trial t = {.all = all, .count_calls = true};

    eddyi_trial_run(&t);
    return t.torture ? atomic_load(&t.torture->calls) : 0;
}

static void fail_at(struct eddyi_trials *all, unsigned long n, bool and_all_later)
{
    struct eddyi_trial t = {.all = all, .failing_call = n, .and_all_later = and_all_later};

    snprintf(t.what, sizeof t.what, "call %lu fails%s", n,
             and_all_later ? ", and all after it" : "");
    snprintf(t.key, sizeof t.key, "%lu%s", n, and_all_later ? "+" : "");
    eddyi_log_drop_warnings(!all->verbose);
    eddyi_trials_run(all, &t);
    eddyi_log_drop_warnings(false);
}

int eddy_test_fail_everywhere(const eddy_test_scenario *s, eddy_test_result *ret_result)
{
    struct eddyi_trials all;
    int rc = eddyi_trials_begin(&all, s);

    while (rc >= 0 && (rc = eddyi_trials_next_backend(&all)) > 0) {
        unsigned long calls = count_calls(&all);

        for (unsigned long n = 1; n <= calls; n++) {
            fail_at(&all, n, false);
            fail_at(&all, n, true);
        }
    }
    return eddyi_trials_end(&all, rc, ret_result);
}
