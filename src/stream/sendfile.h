/*
 * Sending a file through a transport: by the carrier where it can (eddy_carrier_ops.send_file),
 * else by reading and writing.
 */
#ifndef EDDYI_STREAM_SENDFILE_H
#define EDDYI_STREAM_SENDFILE_H

#include "stream/transport.h"

/*
 * @wait suspends until the client's flushed() or lost() was called; 0, or a raised error. Returns
 * 0, or a raised error; *ret_sent has in either case how much of it is out, or kept to go out.
 * Nothing else may be written meanwhile.
 */
EDDY_AWAITS int eddyi_transport_sendfile(struct eddyi_transport *t,
                                         int (*wait)(struct eddyi_transport *t), int file,
                                         int64_t offset, int64_t count, int64_t *ret_sent);

/* The carrier's on_file_sent. */
void eddyi_transport_file_sent(struct eddyi_transport *t, ssize_t result);

#endif
