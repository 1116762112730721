/*
 * A transport with a protocol: the client of a channel that calls users' functions.
 *
 * What the channel says is only noted; the user is told by a ready item, so as an ordinary callback
 * of the loop. The items, in the order of a connection's life:
 *
 *     made   connection_made
 *     input  data_received, eof_received, and the next read with the carrier; queued again as long
 *            as there is more
 *     flow   resume_writing
 *     lost   connection_lost, and the end of the connection's own reference
 */
#ifndef EDDYI_PROTOCOL_TRANSPORT_H
#define EDDYI_PROTOCOL_TRANSPORT_H

#include "eddy/sync.h"
#include "eddy/transport.h"
#include "protocol/face.h"
#include "stream/channel.h"
#include "stream/connection.h"
#include "stream/tls_hook.h"

enum eddyi_ways { EDDYI_BOTH_WAYS, EDDYI_READ_ONLY, EDDYI_WRITE_ONLY };

struct eddy_transport {
    struct eddyi_channel channel;
    struct eddyi_face face;
    const eddy_protocol *protocol; /* NULL: not made yet, or lost */
    void *arg;                     /* of the protocol */
    struct eddyi_ready made, input, flow, lost;

    int64_t read_limit;         /* how long a read may take, in nanoseconds; 0: no limit */
    struct eddyi_timer silence; /* of that, while it is there */
    bool readable;              /* the carrier said that there is something to be read */
    bool paused;                /* the user wants nothing for now */
    bool ended;                 /* the end, or what reading ended with, was told */
    bool writing_paused;        /* what the protocol was told last */
    bool tls;
    /* "start_tls" or "sendfile", which alone may write meanwhile; NULL: neither */
    const char *busy;
    eddy_wait_queue quiet; /* the task in that, while it waits until the carrier is free */
    enum eddyi_ways ways;  /* a pipe's end goes one way */
    struct eddyi_connection connection; /* of a server */
    struct eddyi_ready opening;         /* of such: has the protocol made */
};

static inline struct eddy_transport *eddyi_protocol_transport(struct eddyi_channel *c)
{
    return eddyi_container(c, struct eddy_transport, channel);
}

/* A transport without a protocol yet, over a carrier that it owns from success on. NULL, with
 * -ENOMEM raised. */
eddy_transport *eddyi_protocol_transport_new(eddy_carrier *c, enum eddyi_ways ways);

/* Has the factory make the protocol. 0, or as a raised error what it said. */
int eddyi_protocol_make(eddy_transport *t, eddy_protocol_factory *factory, void *arg);

/* Queues connection_made(), and after it the beginning of reading (rule 149). */
void eddyi_protocol_begin(eddy_transport *t);

/* In read.c. */
void eddyi_protocol_readable(eddy_carrier *carrier, ssize_t result);
void eddyi_protocol_input(struct eddyi_ready *r);
void eddyi_protocol_silence(struct eddyi_ready *r);
void eddyi_protocol_want_input(eddy_transport *t);

/*
 * Starts TLS, and calls done(@arg, rc) at its end; meanwhile nobody else writes, and nothing is
 * given out. 0, or a raised error.
 */
int eddyi_protocol_start_tls(eddy_transport *t, const eddy_start_tls_options *options,
                             bool server_side, eddy_transport_done_fn *done, void *arg);

#endif
