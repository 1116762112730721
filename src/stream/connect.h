/*
 * Connecting, for whatever face the connection will have.
 */
#ifndef EDDYI_STREAM_CONNECT_H
#define EDDYI_STREAM_CONNECT_H

#include "eddy/stream.h"

struct eddyi_channel;

/* Connects as @o says, or takes its socket. 0 and the carrier, or a raised error, after which a
 * socket of @o is the caller's. */
EDDY_AWAITS int eddyi_connect(eddy_loop *loop, const eddy_connection_options *o,
                              eddy_carrier **ret);

/* Undoes that, where nothing could be made of @carrier: it is freed, and a socket of @o is the
 * caller's. */
void eddyi_connect_undo(const eddy_connection_options *o, eddy_carrier *carrier);

/* Speaks TLS, if @o says so. 0, or a raised error: then the channel is aborted. */
EDDY_AWAITS int eddyi_connect_tls(struct eddyi_channel *c, const eddy_connection_options *o,
                                  bool server_side);

#endif
