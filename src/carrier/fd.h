/*
 * Carriers on descriptors, for the layers that make connections of them; eddy/carrier.h has the
 * public constructors.
 */
#ifndef EDDYI_CARRIER_FD_H
#define EDDYI_CARRIER_FD_H

#include "eddy/carrier.h"

/* Makes a carrier of a socket that accept(2) has just given, non-blocking, as
 * eddy_socket_carrier_new() does. */
int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/* Takes its descriptors, of which it has made no use yet, from @c: they stay open, and are the
 * caller's. */
void eddyi_fd_carrier_let_go(eddy_carrier *c);

/* Lets its descriptors go and frees @c. */
void eddyi_fd_carrier_disown(eddy_carrier *c);

#endif
