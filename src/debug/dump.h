/*
 * The dump of a loop's tasks.
 */
#ifndef EDDYI_DUMP_H
#define EDDYI_DUMP_H

#include "eddy/defs.h"

/* In place of a descriptor: logs each line. */
enum { EDDYI_DUMP_TO_LOG = -2 };

/*
 * Writes the dump to @fd. Must be called in the loop's thread, which a signal may have
 * @interrupted; then the call is in the handler. Nothing is allocated or locked. Returns 0 or
 * -errno.
 */
int eddyi_dump(eddy_loop *loop, int fd, bool interrupted);

/* Prepares the process for inspection: the introspection block, EDDY_DUMP_SIGNAL. Called
 * before each loop is made. */
void eddyi_debug_begin(void);

#endif
