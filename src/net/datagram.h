/*
 * Datagram endpoints inside.
 */
#ifndef EDDYI_DATAGRAM_H
#define EDDYI_DATAGRAM_H

#include "eddy/datagram.h"
#include "io/io.h"
#include "net/address.h"

struct eddy_datagram_endpoint {
    int fd;
    bool closed;
    bool was_blocking;          /* and has to be again, for others that have the socket */
    bool connected;             /* the kernel knows the remote address */
    union eddyi_address remote; /* where send() sends to, if remote_len > 0 */
    socklen_t remote_len;
    size_t truncated;               /* bytes of the latest datagram that were lost */
    struct eddyi_io_call *calls[2]; /* by direction; of the task that is in one, else NULL */
};

/*
 * Where a datagram to @addr goes, NULL being the remote address: 0, and *addr is NULL where the
 * kernel knows. -EDESTADDRREQ, -EINVAL, raised.
 */
int eddyi_datagram_target(const eddy_datagram_endpoint *ep, const struct sockaddr **addr,
                          socklen_t *addrlen);

/* A socket as the options say; its descriptor, or an error, raised. *ret->fd and the remote address
 * are set. */
EDDY_AWAITS int eddyi_datagram_open(eddy_datagram_endpoint *ep,
                                    const eddy_datagram_endpoint_options *options);

/* Gives the descriptor up, which stays open if it is @kept. */
void eddyi_datagram_let_go(eddy_datagram_endpoint *ep, bool kept);

#endif
