/*
 * Happy Eyeballs: attempts to connect that overtake each other, in one task.
 */
#ifndef EDDYI_RACE_H
#define EDDYI_RACE_H

#include "base/list.h"
#include "loop/loop.h"
#include "net/address.h"
#include "task/wait.h"

#include <netdb.h>

/*
 * On the stack of the task that connects. The attempts are not: one that has lost is given up at once, and goes when
 * the backend lets go of it.
 */
struct eddyi_race {
    struct eddyi_wait wait;
    struct eddyi_timer timer; /* the next attempt is due */
    eddy_loop *loop;
    const char *host;                  /* for messages; NULL: the address says it all */
    const struct addrinfo **addresses; /* in the order in which they are tried */
    size_t n, next;
    const struct addrinfo *local; /* to bind to; NULL: the kernel chooses */
    int64_t delay;                /* in nanoseconds, until the next attempt; < 0: until this one fails */
    struct eddyi_list running;    /* attempts */
    bool parked, due;
    int winner;              /* a descriptor, or -1 */
    eddy_exception **errors; /* room for n; owned. Where memory was short, NULL */
    size_t n_errors;
    int error; /* the code of the latest */
};

/* Returns the connected descriptor; -ECANCELED, raised; or race->error, when all have failed. */
EDDY_AWAITS int eddyi_race_run(struct eddyi_race *r);

#endif
