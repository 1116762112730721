/*
 * How a connection with a protocol begins: in a task, which waits until it is made, or, where
 * nothing else has to be waited for, anywhere on the loop's thread.
 */
#ifndef EDDYI_OPENING_H
#define EDDYI_OPENING_H

#include "eddy/loop.h"

/* Checks that a connection may be made here on @loop; @waits: it takes a task. 0, or as a raised
 * error EDDY_ENOTASK, EDDY_EOTHERLOOP, …, -EINVAL without a factory. */
int eddyi_opening_check(eddy_loop *loop, bool has_factory, bool waits);

/*
 * Takes the third of three steps: waits until what is queued, connection_made() and the beginning
 * of reading, has run. Without a task it returns at once. 0, or -ECANCELED raised.
 */
EDDY_AWAITS int eddyi_opening_wait(eddy_loop *loop);

#endif
