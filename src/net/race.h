/*
 * Happy Eyeballs: attempts to connect that overtake each other, in one task.
 */
#ifndef EDDYI_RACE_H
#define EDDYI_RACE_H

#include "base/list.h"
#include "loop/loop.h"
#include "net/lookup.h"
#include "task/wait.h"

#include <netdb.h>

/*
 * On the stack of the task that connects. The attempts are not: one that has lost is given up at
 * once, and goes when the backend lets go of it.
 */
struct eddyi_race {
    struct eddyi_wait wait;
    struct eddyi_timer timer; /* the next attempt is due */
    eddy_loop *loop;
    const char *host;                  /* for messages; NULL: the address says it all */
    struct eddyi_lookup *more;         /* may deliver further addresses; NULL if not */
    struct addrinfo *more_list;        /* those delivered; owned */
    const struct addrinfo **addresses; /* in the order in which they are tried; owned */
    size_t n, next;
    const struct addrinfo *local; /* to bind to; NULL: the kernel chooses */
    /* in nanoseconds, until the next attempt; < 0: until this one fails */
    int64_t delay;
    int64_t latest;            /* when the latest attempt began */
    struct eddyi_list running; /* attempts */
    bool parked, due;
    int winner;              /* a descriptor, or -1 */
    eddy_exception **errors; /* room for n; owned. Where memory was short, NULL */
    size_t n_errors;
    int error; /* the code of the latest */
};

/*
 * Adds addresses, which must outlive the race. Into an empty race: families take turns after
 * @first_count of the first family. Later: the new ones alternate with the waiting ones. 0 or
 * -ENOMEM.
 */
int eddyi_race_add(struct eddyi_race *r, const struct addrinfo *list, int first_count);
void eddyi_race_fini(struct eddyi_race *r);

/* Returns the connected descriptor; -ECANCELED, raised; or race->error, when all have failed. */
EDDY_AWAITS int eddyi_race_run(struct eddyi_race *r);

#endif
