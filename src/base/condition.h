/*
 * Conditions whose deadlines are of the loop's clock: pthread_cond_timedwait() on one counts
 * CLOCK_MONOTONIC, so that setting the time of day makes it neither early nor late.
 */
#ifndef EDDYI_CONDITION_H
#define EDDYI_CONDITION_H

#include <pthread.h>
#include <time.h>

static inline void eddyi_condition_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

#endif
