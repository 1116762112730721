/*
 * Carriers on descriptors, for the layers that make connections of them; eddy/carrier.h has the
 * public constructors.
 */
#ifndef EDDYI_CARRIER_FD_H
#define EDDYI_CARRIER_FD_H

#include "eddy/carrier.h"

/* Creates a carrier on a non-blocking socket from accept(2), as eddy_socket_carrier_new() does. */
int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/* Tell whether @c is on descriptors and has only an end to read from, or to write to. */
bool eddyi_fd_carrier_only_reads(const eddy_carrier *c);
bool eddyi_fd_carrier_only_writes(const eddy_carrier *c);

/* Takes the descriptors from @c, which has not used them yet: they stay open, and the caller owns
 * them. */
void eddyi_fd_carrier_let_go(eddy_carrier *c);

/* Takes the descriptors from @c, which stay open, and frees @c. */
void eddyi_fd_carrier_disown(eddy_carrier *c);

#endif
