/*
 * Two datagram endpoints that speak with each other.
 */
#ifndef EDDY_NET_DATAGRAM_PAIR_H
#define EDDY_NET_DATAGRAM_PAIR_H

#include "harness/test.h"

#include <arpa/inet.h>

/* A pair: a server on the loopback and a client that is connected to it. */
struct pair {
    eddy_datagram_endpoint *server, *client;
};

static int port_of(const eddy_datagram_endpoint *ep)
{
    struct sockaddr_in addr = {0};
    socklen_t size = sizeof addr;

    (void)eddy_datagram_endpoint_local_address(ep, (struct sockaddr *)&addr, &size);
    return ntohs(addr.sin_port);
}

static bool pair_begin(struct pair *p)
{
    int rc;

    *p = (struct pair){NULL, NULL};
    rc = eddy_create_datagram_endpoint(&p->server, .local_host = "127.0.0.1");
    if (rc == 0)
        rc = eddy_create_datagram_endpoint(&p->client, .remote_host = "127.0.0.1",
                                           .remote_port = port_of(p->server));
    return EXPECT_EQ(rc, 0);
}

static void pair_end(struct pair *p)
{
    eddy_datagram_endpoint_close(p->server);
    eddy_datagram_endpoint_close(p->client);
}

#endif
