/*
 * The carriers on descriptors, to the layer that makes streams of them.
 */
#ifndef EDDYI_FD_CARRIER_H
#define EDDYI_FD_CARRIER_H

#include "eddy/carrier.h"

/* As eddy_socket_carrier_new(), for one that accept(2) has just given, and made non-blocking. */
int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/* Its descriptors, of which it has made no use yet, stay open, and the caller's. */
void eddyi_fd_carrier_let_go(eddy_carrier *c);

/* The same, and frees it. */
void eddyi_fd_carrier_disown(eddy_carrier *c);

#endif
