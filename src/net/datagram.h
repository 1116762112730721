/*
 * Datagram endpoints.
 */
#ifndef EDDYI_DATAGRAM_H
#define EDDYI_DATAGRAM_H

#include "eddy/datagram.h"
#include "io/io.h"
#include "net/address.h"

struct eddyi_datagram_batch;

struct eddy_datagram_endpoint {
    int fd;
    bool closed;
    bool was_blocking; /* the socket was blocking and is made so again, for others that have it */
    bool borrowed;     /* the socket is the caller's, and stays open */
    bool connected;    /* the kernel knows the remote address */
    union eddyi_address remote; /* the default addressee, if remote_len > 0 */
    socklen_t remote_len;
    size_t truncated;               /* bytes of the latest datagram that were cut off */
    struct eddyi_io_call *calls[2]; /* by direction: the call of the task that is in one, or NULL */
    /* by direction: the headers of a batch, from the first one on; NULL: there was none */
    struct eddyi_datagram_batch *batches[2];
};

/*
 * Enters a call of @ep in @direction. Returns 0, or raises -EBUSY: then it was not entered. The
 * result of an entered call goes through eddyi_datagram_leave(), which frees a closed endpoint
 * after its last call, and raises EDDY_ECLOSED if the call ended because the endpoint was closed.
 */
int eddyi_datagram_enter(eddy_datagram_endpoint *ep, enum eddyi_direction direction,
                         struct eddyi_io_call *c, const char *name);
int64_t eddyi_datagram_leave(eddy_datagram_endpoint *ep, enum eddyi_direction direction,
                             int64_t result);

/*
 * Finds where a datagram to @addr goes; NULL is the remote address. Returns 0, with *addr NULL if
 * the kernel knows it. Raises -EDESTADDRREQ or -EINVAL.
 */
int eddyi_datagram_target(const eddy_datagram_endpoint *ep, const struct sockaddr **addr,
                          socklen_t *addrlen);

/* Opens a socket as the options say and sets ep->fd and the remote address. Returns the descriptor,
 * or raises an error. */
EDDY_AWAITS int eddyi_datagram_open(eddy_datagram_endpoint *ep,
                                    const eddy_datagram_endpoint_options *options);

/* Gives the descriptor up: closes it, or leaves it open if it is @kept. */
void eddyi_datagram_let_go(eddy_datagram_endpoint *ep, bool kept);

#endif
