/*
 * Work for the end of the turn that must not wait for long.
 */
#ifndef EDDYI_URGENT_H
#define EDDYI_URGENT_H

#include "loop/loop.h"

/*
 * Has @r run as eddyi_loop_at_turn_end() does, but earlier if the turn takes more than 50 us: the
 * loop looks between two items. Also runs at the end of a run that is broken off. One item at a
 * time, for the loop that runs in this thread.
 */
void eddyi_loop_soon_in_turn(eddy_loop *loop, struct eddyi_ready *r);

/* Takes that item out again; harmless if it is not in. */
void eddyi_loop_not_in_turn(eddy_loop *loop, struct eddyi_ready *r);

#endif
