/*
 * A backend whose clock is the test's and whose waits are counted, so that what the loop does about
 * time can be told exactly: the looks at the kernel (waits of no length) and the times it sleeps.
 * Each look takes a microsecond, and a sleep as long as it may.
 */
#ifndef TESTS_LOOP_WATCHED_BACKEND_H
#define TESTS_LOOP_WATCHED_BACKEND_H

#include "loop/loop.h"

enum { LOOK = 1000 /* nanoseconds */ };

static struct {
    const struct eddyi_backend_ops *real;
    struct eddyi_backend_ops ops;
    int64_t now;
    int looks, sleeps;
    void (*look)(void); /* called in each; NULL: nothing */
    void (*sleep)(void);
} watched;

static int64_t watched_now(struct eddyi_backend *b)
{
    return watched.now;
}

static int watched_wait(struct eddyi_backend *b, int64_t timeout)
{
    if (timeout == 0) {
        watched.looks++;
        watched.now += LOOK;
        if (watched.look)
            watched.look();
    } else {
        watched.sleeps++;
        watched.now += timeout > 0 ? timeout : 0;
        if (watched.sleep)
            watched.sleep();
    }
    return watched.real->wait(b, 0);
}

/* From now on until the loop is unwatched, which must be before it is closed. */
static void watch_backend(eddy_loop *loop)
{
    watched.real = loop->backend->ops;
    watched.ops = *watched.real;
    watched.ops.now = watched_now;
    watched.ops.wait = watched_wait;
    watched.now = loop->schedule.clock;
    watched.looks = watched.sleeps = 0;
    watched.look = watched.sleep = NULL;
    loop->backend->ops = &watched.ops;
}

static void unwatch_backend(eddy_loop *loop)
{
    loop->backend->ops = watched.real;
}

#endif
