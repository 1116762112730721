/*
 * A transport with a protocol: the client of a channel that calls user functions.
 *
 * The channel's events are only recorded; a ready item, which runs like any callback of the loop,
 * reports them to the user. The items, in the order of a connection's life:
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
#include "stream/server.h"
#include "stream/tls_hook.h"

struct eddy_transport {
    struct eddyi_face face;
    struct eddyi_channel channel;
    const eddy_protocol *protocol; /* NULL: not made yet, or lost */
    void *arg;                     /* the protocol's argument */
    struct eddyi_ready made, input, flow, lost;

    int64_t read_limit;         /* longest duration of a read, in nanoseconds; 0: no limit */
    struct eddyi_timer silence; /* timer of read_limit, armed during a read */
    bool readable;              /* the carrier has reported that there are bytes to read */
    bool paused;                /* the user has paused reading */
    bool ended;                 /* the end of the input, or its error, has been reported */
    bool writing_paused;        /* the latest callback was pause_writing(), not resume_writing() */
    eddy_transport_done_fn *done; /* of start_tls or sendfile without a task, with its argument */
    void *done_arg;
    struct eddyi_connection connection; /* set for connections of a server */
    struct eddyi_ready opening;         /* makes the protocol of a server's connection */
};

static inline struct eddy_transport *eddyi_protocol_transport(struct eddyi_channel *c)
{
    return eddyi_container(c, struct eddy_transport, channel);
}

/* Creates a transport, without a protocol yet, over @c, and consumes @c. Raises -ENOMEM. */
eddy_transport *eddyi_protocol_transport_new(eddy_carrier *c);

/* Creates such a transport of one end of a pipe; the other descriptor is -1. Takes ownership of the
 * descriptor on success. */
int eddyi_protocol_pipe_new(eddy_loop *loop, int read_fd, int write_fd, eddy_transport **ret);

/* Makes the protocol with @factory, called with @arg. Returns 0, or the error that the factory
 * raised. */
int eddyi_protocol_make(eddy_transport *t, eddy_protocol_factory *factory, void *arg);

/* Queues connection_made(), and after it the beginning of reading (rule 149). */
void eddyi_protocol_begin(eddy_transport *t);

/* Functions of read.c. */
void eddyi_protocol_readable(eddy_carrier *carrier, ssize_t result);
void eddyi_protocol_input(struct eddyi_ready *r);
void eddyi_protocol_silence(struct eddyi_ready *r);

/* Queues an item of @t, unless it is queued already. */
static inline void eddyi_protocol_queue(eddy_transport *t, struct eddyi_ready *item)
{
    if (eddyi_list_empty(&item->link) && !t->face.loop->closed)
        eddyi_loop_ready(t->face.loop, item);
}

#endif
