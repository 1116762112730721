/*
 * The default executor, for the other files of this layer.
 */
#ifndef EDDYI_DEFAULT_EXECUTOR_H
#define EDDYI_DEFAULT_EXECUTOR_H

#include "eddy/executor.h"

/* Returns the default executor of @loop, creating it if there is none. Borrowed from the loop.
 * Raises an error and returns NULL when memory is short or the executor was shut down. */
eddy_executor *eddyi_default_executor(eddy_loop *loop);

#endif
