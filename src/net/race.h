/*
 * Happy Eyeballs: attempts to connect that overtake each other, within one task.
 */
#ifndef EDDYI_RACE_H
#define EDDYI_RACE_H

#include "base/list.h"
#include "loop/loop.h"
#include "net/lookup.h"
#include "task/wait.h"

#include <netdb.h>

/*
 * A race; lies on the stack of the task that connects. Its attempts lie elsewhere: a lost one is
 * given up at once, and freed when the backend releases it.
 */
struct eddyi_race {
    struct eddyi_wait wait;
    struct eddyi_timer timer; /* the next attempt is due */
    eddy_loop *loop;
    const char *host;                  /* for messages; NULL: the address says everything */
    struct eddyi_lookup *more;         /* may deliver further addresses; NULL if not */
    struct addrinfo *more_list;        /* the addresses delivered later; owned */
    const struct addrinfo **addresses; /* in the order of the attempts; owned */
    size_t n, next;
    const struct addrinfo *local; /* to bind to; NULL: the kernel chooses */
    /* nanoseconds until the next attempt; < 0: until the current one fails */
    int64_t delay;
    int64_t latest;            /* when the latest attempt began */
    struct eddyi_list running; /* attempts */
    bool parked, due;
    int winner;              /* a descriptor, or -1 */
    eddy_exception **errors; /* room for n; owned. NULL where memory was short */
    size_t n_errors;
    int error; /* the code of the latest */
};

/*
 * Adds addresses, which must outlive the race. Into an empty race: the families take turns after
 * @first_count of the first family. Later: new and waiting addresses alternate. Returns 0 or
 * -ENOMEM.
 */
int eddyi_race_add(struct eddyi_race *r, const struct addrinfo *list, int first_count);
void eddyi_race_fini(struct eddyi_race *r);

/* Runs the race. Returns the connected descriptor, raises -ECANCELED, or returns race->error if all
 * attempts have failed. */
EDDY_AWAITS int eddyi_race_run(struct eddyi_race *r);

#endif
