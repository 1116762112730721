/*
 * The carriers on descriptors, to the layer that makes streams of them.
 */
#ifndef EDDYI_FD_CARRIER_H
#define EDDYI_FD_CARRIER_H

#include "eddy/carrier.h"

/* Frees one that was never used; its descriptors stay open, and the caller's. */
void eddyi_fd_carrier_disown(eddy_carrier *c);

#endif
