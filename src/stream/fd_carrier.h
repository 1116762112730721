/*
 * The carriers on descriptors, inside, and to the layer that makes streams of them.
 */
#ifndef EDDYI_FD_CARRIER_H
#define EDDYI_FD_CARRIER_H

#include "eddy/carrier.h"
#include "io/io.h"
#include "loop/loop.h"

struct eddyi_fd_carrier {
    eddy_carrier base;
    struct eddyi_io *io;
    struct eddyi_io_op in, out;
    struct eddyi_io_claim claim_in, claim_out;
    struct eddyi_ready closed; /* what ends it where nothing is with the backend */
    int fd_in, fd_out;         /* -1: not this direction; the same for a socket */
    bool is_socket;
    bool emptied;             /* the latest read came out short */
    bool woken_in, woken_out; /* the latest poll has said that it is ready; nothing tried yet */
    /* the backend knows that the descriptor is ours: from the first wait on */
    bool adopted_in, adopted_out;
    /* and has to be again, for others that have the open file */
    bool was_blocking_in, was_blocking_out;
    bool closing;
};

static inline struct eddyi_fd_carrier *eddyi_fd_carrier_of(eddy_carrier *c)
{
    return eddyi_container(c, struct eddyi_fd_carrier, base);
}

extern const eddy_carrier_ops eddyi_socket_carrier_ops, eddyi_pipe_carrier_ops;

/* What its operations have come to. */
void eddyi_fd_carrier_in_done(struct eddyi_io_op *o);
void eddyi_fd_carrier_out_done(struct eddyi_io_op *o);

/* Its end, in fd_carrier_end.c. The first two are operations of the carrier, the third is its
 * item. */
void eddyi_fd_carrier_close(eddy_carrier *base, bool abort);
void eddyi_fd_carrier_free(eddy_carrier *base);
void eddyi_fd_carrier_closed(struct eddyi_ready *r);
/* nothing may be with the backend for that */
void eddyi_fd_carrier_end_if_free(struct eddyi_fd_carrier *c);
void eddyi_fd_carrier_close_fd(struct eddyi_fd_carrier *c, int fd);

/* As eddy_socket_carrier_new(), for one that accept(2) has just given, and made non-blocking. */
int eddyi_accepted_carrier_new(eddy_loop *loop, int fd, eddy_carrier **ret);

/* Its descriptors, of which it has made no use yet, stay open, and the caller's. */
void eddyi_fd_carrier_let_go(eddy_carrier *c);

/* The same, and frees it. */
void eddyi_fd_carrier_disown(eddy_carrier *c);

#endif
