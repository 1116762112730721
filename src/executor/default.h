/*
 * The default executor, as the rest of the layer sees it.
 */
#ifndef EDDYI_DEFAULT_EXECUTOR_H
#define EDDYI_DEFAULT_EXECUTOR_H

#include "eddy/executor.h"

/* The loop's, made now if it has none; borrowed. NULL, with the error raised, when memory is short
 * or it was shut down. */
eddy_executor *eddyi_default_executor(eddy_loop *loop);

#endif
