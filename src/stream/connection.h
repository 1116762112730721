/*
 * A connection of a server. Its client, a stream or a protocol's transport, embeds it.
 */
#ifndef EDDYI_CONNECTION_H
#define EDDYI_CONNECTION_H

#include "base/list.h"
#include "eddy/server.h"
#include "stream/channel.h"

struct eddyi_connection {
    eddy_server *server; /* a reference; NULL: the connection belongs to no server */
    struct eddyi_channel *channel;
    struct eddyi_list link; /* in the list of the server's connections */
    /* Serves the connection; @rc < 0: the TLS handshake has failed, which was reported, and the
     * channel is ending. Returns 0, or raises an error: then the connection is ending. */
    int (*serve)(struct eddyi_connection *c, int rc);
    eddy_task *task; /* runs the handler; a reference, until it has ended. NULL: none */
    /* its handler waits for the next request on this reader; NULL: it does not */
    eddy_reader *between_requests;
};

/*
 * Adds @c, with the channel @t and its function serve, to the connections of @s. Calls serve(@c, 0)
 * and returns its result; or, if the server uses TLS, returns 0, and calls serve(@c, rc) after the
 * handshake.
 */
int eddyi_connection_begin(struct eddyi_connection *c, eddy_server *s, struct eddyi_channel *t);

/* Removes @c from its server, if it has one, after the end of the connection. The last step of that
 * end, since it may free the server. */
void eddyi_connection_gone(struct eddyi_connection *c);

/* Returns a copy of the server's context, owned; NULL when memory is short. */
eddy_context *eddyi_connection_context(eddy_server *s);

/* Reports @rc < 0 to the loop's exception handler, unless the peer caused it: a lost or slow peer
 * is reported in debug mode only. */
void eddyi_connection_report(struct eddyi_connection *c, int rc);

#endif
