/*
 * The part of the test kit in a loop: its observer, the order that it wants, and the trial that the
 * loop runs for.
 */
#ifndef EDDYI_KIT_H
#define EDDYI_KIT_H

#include "eddy/test.h"
#include "loop/loop.h"

struct eddyi_trial;

struct eddyi_kit {
    struct eddyi_loop_part part;
    struct eddyi_observer observer;
    uint64_t seed;             /* 0: first come, first served */
    uint64_t random;           /* the generator's state */
    struct eddyi_trial *trial; /* NULL: none */
};

/* Returns the kit of a loop, creating it at the first use. NULL when memory is short. */
struct eddyi_kit *eddyi_kit_of(eddy_loop *loop);

/* Creates a loop with the order that the environment asks for. NULL as eddy_loop_new(). */
eddy_loop *eddyi_kit_loop(eddy_backend backend);

/* Returns the number that an environment variable is set to; 0 if there is none. */
unsigned long eddyi_kit_number(const char *variable);

/* Shuffles the items of the coming turn. */
void eddyi_kit_shuffle(struct eddyi_kit *kit, struct eddyi_list *batch);

#endif
