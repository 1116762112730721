/*
 * Errors of accepting a connection.
 */
#ifndef EDDYI_ACCEPT_H
#define EDDYI_ACCEPT_H

#include <stdbool.h>

/* Returns whether @rc is an error of the accepted connection, not of the listening socket or the
 * machine (accept(2)). */
bool eddyi_accept_failed_for_peer(int rc);

#endif
