/*
 * Connections to a host or a path: what streams and transports stand on.
 */
#ifndef EDDYI_CONNECT_H
#define EDDYI_CONNECT_H

#include "eddy/net.h"

/* 0 and NULL are the defaults. */
struct eddyi_connect {
    const char *host; /* NULL: this machine */
    int port;
    const char *service; /* instead of port, if not NULL */
    int family, proto, flags;
    const char *local_host; /* NULL with a local_port: any address of this machine */
    int local_port;
    double happy_eyeballs_delay; /* 0: 0.25 seconds; < 0 or EDDY_FOREVER: one after the other */
    int interleave;              /* how many of the first family begin; 0: 1 */
    /* EDDY_EGROUP of each attempt's error, instead of one with all in its message */
    bool all_errors;
};

/*
 * Connects to whichever address of a host answers first (loop.create_connection; RFC 8305).
 * Begins as soon as one family has addresses: IPv6 at once, IPv4 after the Resolution Delay. The
 * families take turns, beginning with that of the first address; the next attempt starts after
 * the delay, or as soon as one fails; the first success ends the others (rules 172, 173).
 *
 * Returns a descriptor, non-blocking, close-on-exec and with TCP_NODELAY (rule 162), or as a
 * raised error what the last attempt failed with, or why there was none. Cancelled: all attempts
 * are closed.
 */
EDDY_AWAITS int eddyi_connect_tcp(const struct eddyi_connect *c);

/*
 * Connects to a Unix stream socket; "@name" is abstract. Waits where its queue is full. A
 * descriptor as above, or an error; -ENAMETOOLONG for a path of more than 107 bytes.
 */
EDDY_AWAITS int eddyi_connect_unix(const char *path);

#endif
