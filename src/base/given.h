/*
 * Descriptors in options, where 0 means none: see eddy_fd().
 */
#ifndef EDDYI_GIVEN_H
#define EDDYI_GIVEN_H

#include "eddy/defs.h"

/* Returns the descriptor that @option gives. */
static inline int eddyi_fd_given(int option)
{
    return option == EDDY_FD_0 ? 0 : option;
}

#endif
