/*
 * Carriers on descriptors, and what is known of a descriptor, for the layers that make connections
 * of them; eddy/carrier.h has the public constructors.
 */
#ifndef EDDYI_CARRIER_FD_H
#define EDDYI_CARRIER_FD_H

#include "eddy/carrier.h"

/* Creates a carrier on a non-blocking socket from accept(2), as eddy_socket_carrier_new() does. */
int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/* The end of a pipe has one way only. */
enum eddyi_ways { EDDYI_BOTH_WAYS, EDDYI_READ_ONLY, EDDYI_WRITE_ONLY };

enum eddyi_ways eddyi_carrier_ways(eddy_carrier *c);

/* Returns the socket to which @c sends what is written, and nothing else; -1: there is none. */
int eddyi_carrier_socket(eddy_carrier *c);

/* Gives @c, which has borrowed its descriptors, the ownership of them. */
void eddyi_fd_carrier_own(eddy_carrier *c);

#endif
