/*
 * udp-server [--single] [PORT]: sends each datagram back to its sender, in batches or one at a
 * time.
 */
#include "eddy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = EDDY_DATAGRAMS_AT_ONCE, ROOM = 2048 };

static char rooms[BATCH][ROOM];
static eddy_datagram batch[BATCH];

static int echo_batches(eddy_datagram_endpoint *ep)
{
    ssize_t n;

    for (size_t i = 0; i < BATCH; i++)
        batch[i].data = rooms[i], batch[i].room = ROOM;
    while ((n = eddy_datagram_endpoint_recv_some(ep, batch, BATCH)) > 0) {
        for (ssize_t sent = 0, more; sent < n; sent += more)
            eddy_try(more = eddy_datagram_endpoint_send_some(ep, batch + sent, (size_t)(n - sent)));
    }
    return (int)n;
}

static int echo_each(eddy_datagram_endpoint *ep)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof addr;
    ssize_t n;

    while ((n = eddy_datagram_endpoint_recv(ep, rooms[0], ROOM, (struct sockaddr *)&addr, &size)) >=
           0) {
        eddy_try(
            eddy_datagram_endpoint_sendto(ep, rooms[0], (size_t)n, (struct sockaddr *)&addr, size));
        size = sizeof addr;
    }
    return (int)n;
}

static eddy_async(serve, (bool, single), (int, port))
{
    eddy_datagram_endpoint *ep;
    int rc;

    eddy_try(eddy_create_datagram_endpoint(&ep, .local_host = "0.0.0.0", .local_port = port));
    rc = single ? echo_each(ep) : echo_batches(ep);
    eddy_datagram_endpoint_close(ep);
    return rc;
}

int main(int argc, char **argv)
{
    bool single = argc > 2 && strcmp(argv[1], "--single") == 0;

    if (argc != 2 + single) {
        fprintf(stderr, "usage: udp-server [--single] PORT\n");
        return 2;
    }
    return eddy_main(serve(single, atoi(argv[1 + single])));
}
