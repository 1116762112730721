/*
 * The wait of a task for the result of a call with a callback: calls that suspend are made of such
 * calls.
 *
 *     struct eddyi_outcome o;
 *     int64_t rc = eddyi_outcome_init(&o, eddyi_outcome_cancel, "the answer");
 *
 *     if (rc == 0)
 *         rc = begin_to_ask(…, eddyi_outcome_done, &o);
 *     if (rc == 0)
 *         rc = eddyi_outcome_wait(&o);
 */
#ifndef EDDYI_OUTCOME_H
#define EDDYI_OUTCOME_H

#include "task/wait.h"

struct eddyi_outcome {
    struct eddyi_wait wait;
    bool parked, done;
    /* the result is returned even if the task was cancelled meanwhile; the cancellation is raised
     * at the next suspension */
    bool kept;
    int64_t result;
    const eddy_exception *exception; /* of the result; owned; NULL: it was not raised */
};

/* Prepares the wait of the current task, which @cancel ends early; @what is for reports. Returns 0,
 * or raises EDDY_ENOTASK. */
int eddyi_outcome_init(struct eddyi_outcome *o, bool (*cancel)(struct eddyi_wait *w),
                       const char *what);

/* Ends the wait. The call itself goes on: the task ends it after eddyi_outcome_wait(). */
bool eddyi_outcome_cancel(struct eddyi_wait *w);

/* Store the result, with the exception of an error, and wake the task. They do nothing if the wait
 * has ended early. @o is a struct eddyi_outcome. */
void eddyi_outcome_set(struct eddyi_outcome *o, int64_t result);
void eddyi_outcome_done(void *o, int status);

/* Suspends until there is a result. Returns the result; an error is raised with its exception, if
 * it has one. Or raises -ECANCELED. */
EDDY_AWAITS int64_t eddyi_outcome_wait(struct eddyi_outcome *o);

#endif
