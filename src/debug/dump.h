/*
 * The dump of a loop's tasks.
 */
#ifndef EDDYI_DUMP_H
#define EDDYI_DUMP_H

#include "eddy/defs.h"

/*
 * Writes it. The loop's thread must be here, perhaps @interrupted by a signal, in whose handler we
 * are then: nothing is allocated, nothing is locked. 0 or -errno.
 */
int eddyi_dump(eddy_loop *loop, int fd, bool interrupted);

/* Prepares the process for looks from outside: the introspection block, EDDY_DUMP_SIGNAL. Called
 * before each loop is made. */
void eddyi_debug_begin(void);

#endif
