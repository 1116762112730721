/*
 * Connecting, for streams and for protocols.
 */
#ifndef EDDYI_STREAM_CONNECT_H
#define EDDYI_STREAM_CONNECT_H

#include "eddy/stream.h"

struct eddyi_channel;

/* Connects according to @o, or takes the socket of @o. Returns 0, and the caller owns *ret; or
 * raises an error, and the caller still owns the socket of @o. */
EDDY_AWAITS int eddyi_connect(eddy_loop *loop, const eddy_connection_options *o,
                              eddy_carrier **ret);

/* Undoes eddyi_connect() when no connection could be made of @carrier: frees @carrier, and gives a
 * socket of @o back to the caller. */
void eddyi_connect_undo(const eddy_connection_options *o, eddy_carrier *carrier);

/* Starts TLS if @o has a context. Returns 0, or aborts the channel and raises an error. */
EDDY_AWAITS int eddyi_connect_tls(struct eddyi_channel *c, const eddy_connection_options *o,
                                  bool server_side);

#endif
