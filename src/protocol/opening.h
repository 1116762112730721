/*
 * The task that waits for its connection with a protocol.
 */
#ifndef EDDYI_OPENING_H
#define EDDYI_OPENING_H

#include "eddy/loop.h"

/* Whether the calling task may make connections on @loop: 0, or EDDY_ENOTASK, EDDY_EOTHERLOOP, …,
 * -EINVAL without a factory; raised. */
int eddyi_opening_check(eddy_loop *loop, bool has_factory);

/*
 * The third of three steps (rule 149): waits until what is queued, connection_made() and the
 * beginning of reading, has run. 0 or -ECANCELED, raised.
 */
EDDY_AWAITS int eddyi_opening_wait(eddy_loop *loop);

#endif
