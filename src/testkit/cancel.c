/*
 * Cancel everywhere: cancels each suspension of a scenario, at each moment, in each way.
 */
#include "testkit/trial.h"

#include <stdio.h>
#include <string.h>

static const char *const whens[] = {"suspended",   "later",       "before-event",
                                    "after-event", "with-result", "late-result"};
static const char *const hows[] = {"cancel",  "cancel-twice",       "cancel-again",
                                   "timeout", "timeout-and-cancel", "cancel-and-timeout"};
enum { WHENS = sizeof whens / sizeof whens[0], HOWS = sizeof hows / sizeof hows[0] };

/* Returns true if this suspension has such a moment. */
static bool applies(const struct eddyi_point *p, enum eddyi_when when, enum eddyi_how how)
{
    if (p->suspension == 0)
        return when == EDDYI_AFTER_EVENT && how <= EDDYI_CANCEL_TWICE;
    switch (when) {
    case EDDYI_SUSPENDED:
        return true;
    case EDDYI_LATER:
        return p->lasts;
    case EDDYI_BEFORE_EVENT:
        return p->event_turn > 0 || p->event_item > p->parked_in;
    case EDDYI_AFTER_EVENT:
        return p->event_turn > 0 || p->event_item > 0;
    case EDDYI_WITH_RESULT:
    case EDDYI_LATE_RESULT:
        return p->has_result;
    }
    return false;
}

static void cancel_at(struct eddyi_trials *all, const struct eddyi_point *p, enum eddyi_when when,
                      enum eddyi_how how)
{
    struct eddyi_trial t = {.all = all, .point = p, .when = when, .how = how};

    if (!applies(p, when, how))
        return;
    snprintf(t.what, sizeof t.what, "task %zu '%s' at its suspension %zu, waiting for %s, %s: %s",
             p->task, p->task_name, p->suspension, p->what, whens[when], hows[how]);
    snprintf(t.key, sizeof t.key, "%zu.%zu/%s/%s", p->task, p->suspension, whens[when], hows[how]);
    eddyi_trials_run(all, &t);
}

static bool is_wanted(const eddy_test_scenario *s, const struct eddyi_point *p)
{
    if (s->spare && strcmp(s->spare, p->task_name) == 0)
        return false;
    return !s->task || strcmp(s->task, p->task_name) == 0;
}

static void cancel_everywhere(struct eddyi_trials *all)
{
    for (size_t i = 0; i < all->n_points; i++) {
        const struct eddyi_point *p = &all->points[i];

        if (!is_wanted(all->scenario, p))
            continue;
        all->result.suspensions++;
        for (int when = 0; when < WHENS; when++)
            for (int how = 0; how < HOWS; how++)
                cancel_at(all, p, (enum eddyi_when)when, (enum eddyi_how)how);
    }
}

int eddy_test_cancel_everywhere(const eddy_test_scenario *s, eddy_test_result *ret_result)
{
    struct eddyi_trials all;
    int rc = eddyi_trials_begin(&all, s);

    while (rc >= 0 && (rc = eddyi_trials_next_backend(&all)) > 0)
        cancel_everywhere(&all);
    return eddyi_trials_end(&all, rc, ret_result);
}
