/*
 * Connections to a host or a path, for streams and transports.
 */
#ifndef EDDYI_CONNECT_H
#define EDDYI_CONNECT_H

#include "eddy/stream.h"

/*
 * Connects to the address of @o->host that answers first (loop.create_connection; RFC 8305). Begins
 * as soon as one family has addresses: IPv6 at once, IPv4 after the Resolution Delay. The families
 * take turns, beginning with that of the first address; the next attempt starts after the delay, or
 * as soon as one fails; the first success ends the others (rules 172, 173).
 *
 * Returns a descriptor, non-blocking, close-on-exec and with TCP_NODELAY (rule 162). Raises the
 * error of the last attempt, or the reason why there was none. Cancelled: all attempts are closed.
 */
EDDY_AWAITS int eddyi_connect_tcp(const eddy_connection_options *o);

/*
 * Connects to a Unix stream socket; "@name" is abstract. Waits while the socket's queue is full.
 * Returns a descriptor as eddyi_connect_tcp() does, or an error; -ENAMETOOLONG for a path of more
 * than 107 bytes.
 */
EDDY_AWAITS int eddyi_connect_unix(const char *path);

#endif
