/*
 * The dump of a loop's tasks.
 */
#ifndef EDDYI_DUMP_H
#define EDDYI_DUMP_H

#include "eddy/defs.h"

/*
 * Writes it. The loop's thread must be here, be it in a signal handler: nothing is allocated, nothing is locked. 0 or
 * -errno.
 */
int eddyi_dump(eddy_loop *loop, int fd);

#endif
