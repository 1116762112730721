/*
 * A datagram endpoint that calls a protocol.
 *
 * While it is open, a poll for reading is with the backend or the input item is queued, which
 * submits it again; while datagrams are kept, the same holds of writing and the output item. So the
 * end of the loop is always noticed. The descriptor is closed when the backend has let go of both.
 */
#ifndef EDDYI_DATAGRAM_TRANSPORT_H
#define EDDYI_DATAGRAM_TRANSPORT_H

#include "contextvars/contextvars.h"
#include "eddy/datagram_transport.h"
#include "net/datagram.h"

struct eddy_datagram_transport {
    eddy_loop *loop; /* held */
    struct eddy_datagram_endpoint ep;
    unsigned refs; /* one is the endpoint's own, until connection_lost() has returned */
    const eddy_datagram_protocol *protocol; /* NULL: lost */
    void *arg;
    struct eddyi_var_scope vars; /* in which its callbacks run */
    struct eddyi_io_op in, out;
    struct eddyi_io_claim claim_in, claim_out;
    struct eddyi_ready made, input, output, lost;
    struct eddyi_list kept; /* struct datagram */
    size_t n_kept;          /* their bytes, and HEADER for each */
    size_t high, low;
    bool begun;  /* the first turn of the input item is over: it only begins to wait (rule 149) */
    bool paused; /* what the protocol was told last */
    bool closing;
    bool ended; /* closed; lost is queued when the backend has let go */
    int error;  /* why, < 0; 0: it was closed */
};

/* Around calls to the user: the endpoint's context, and a reference. */
struct eddyi_var_scope *eddyi_datagram_enter(eddy_datagram_transport *t);
void eddyi_datagram_leave(eddy_datagram_transport *t, struct eddyi_var_scope *outside);

/* Ends it; @error 0: in order. The second of these goes on when the backend has let go of an
 * operation. */
void eddyi_datagram_end(eddy_datagram_transport *t, int error);
void eddyi_datagram_end_if_free(eddy_datagram_transport *t);

/* Calls error_received(). */
void eddyi_datagram_tell_error(eddy_datagram_transport *t, int error);

/* The part of datagram_transfer.c. */
void eddyi_datagram_in_done(struct eddyi_io_op *o);
void eddyi_datagram_out_done(struct eddyi_io_op *o);
void eddyi_datagram_input(struct eddyi_ready *r);
void eddyi_datagram_output(struct eddyi_ready *r);
void eddyi_datagram_update_flow(eddy_datagram_transport *t);
void eddyi_datagram_drop_kept(eddy_datagram_transport *t);

#endif
