/*
 * Happy Eyeballs: attempts to connect that overtake each other.
 */
#ifndef EDDYI_RACE_H
#define EDDYI_RACE_H

#include "base/list.h"
#include "loop/loop.h"
#include "net/lookup.h"
#include "task/outcome.h"

#include <netdb.h>

/*
 * A race is a row of callbacks of the loop; a task may wait for its end. The memory is the
 * caller's, for a task its stack. That of the attempts is not: an attempt that has lost is given up
 * at once, and goes when the backend lets go of it.
 */
struct eddyi_race {
    void (*done)(struct eddyi_race *r); /* r->result is there */
    struct eddyi_outcome outcome;       /* of eddyi_race_run() */
    struct eddyi_ready step;            /* looks at what has happened */
    struct eddyi_timer timer;           /* the next attempt is due */
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
    bool due;
    int winner;              /* a descriptor, or -1 */
    eddy_exception **errors; /* room for n; owned. NULL where memory was short */
    size_t n_errors;
    int error; /* the code of the latest */
    /*
     * the connected descriptor, which the caller owns; r->error if all attempts failed; or
     * -ECANCELED, raised: the loop closes
     */
    int result;
};

/* Begins a race and suspends until it has ended. Returns r->result, or raises -ECANCELED. */
EDDY_AWAITS int eddyi_race_run(struct eddyi_race *r);

#endif
