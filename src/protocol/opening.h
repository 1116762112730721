/*
 * The beginning of a connection with a protocol: in a task, which waits until the connection is
 * made, or, if nothing else has to be waited for, anywhere on the loop's thread.
 */
#ifndef EDDYI_OPENING_H
#define EDDYI_OPENING_H

#include "eddy/loop.h"

/*
 * Checks that a connection may be made here on @loop; with @waits, only in a task. Returns 0, or
 * raises EDDY_ENOTASK, EDDY_EOTHERLOOP, an error of eddyi_loop_check(), or -EINVAL if @has_factory
 * is false.
 */
int eddyi_opening_check(eddy_loop *loop, bool has_factory, bool waits);

/* Waits until the queued items, connection_made() and the beginning of reading, have run. Without a
 * task it returns at once. Returns 0, or raises -ECANCELED. */
EDDY_AWAITS int eddyi_opening_wait(void);

#endif
