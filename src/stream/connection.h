/*
 * A connection of a server. Its client, a stream or a protocol's transport, has it inside.
 */
#ifndef EDDYI_CONNECTION_H
#define EDDYI_CONNECTION_H

#include "base/list.h"
#include "eddy/server.h"
#include "stream/channel.h"

struct eddyi_connection {
    eddy_server *server; /* has a reference; NULL: it is no server's */
    struct eddyi_channel *channel;
    struct eddyi_list link;        /* among those of the server */
    eddy_task *task;               /* handles it; a reference, until it has ended. NULL: none */
    eddy_reader *between_requests; /* its handler waits for the next request; NULL: it does not */
};

/* Counts @c among the connections of @s. */
void eddyi_connection_begin(struct eddyi_connection *c, eddy_server *s, struct eddyi_channel *t);

/* Takes it from its server, if it is one's, behind its end: last of all, since the server may be
 * freed by that. */
void eddyi_connection_gone(struct eddyi_connection *c);

/* Returns a copy of the server's context, the caller's; NULL without memory. */
eddy_context *eddyi_connection_context(eddy_server *s);

/*
 * Reports @rc < 0 to the loop's exception handler, unless the peer is its cause: that it went away,
 * or was too slow, is nothing that a server's owner has to hear of.
 */
void eddyi_connection_report(struct eddyi_connection *c, int rc);

#endif
