/*
 * An address that neither answers nor refuses: a listener whose queue is full.
 */
#ifndef EDDY_TEST_BLACK_HOLE_H
#define EDDY_TEST_BLACK_HOLE_H

#include "io/sockets.h"

#include <poll.h>

struct black_hole {
    struct sockaddr_in addr;
    int listener;
    int clients[8];
    int n;
};

static inline void black_hole_open(struct black_hole *h)
{
    struct pollfd p = {.events = POLLOUT};

    memset(h, 0, sizeof *h);
    h->listener = socket_listen(&h->addr, 0);
    REQUIRE(listen(h->listener, 0) == 0);
    do {
        p.fd = h->clients[h->n++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        REQUIRE(p.fd >= 0 && h->n < 8);
        connect(p.fd, (struct sockaddr *)&h->addr, sizeof h->addr);
    } while (poll(&p, 1, 20) == 1);
}

static inline void black_hole_close(struct black_hole *h)
{
    while (h->n > 0)
        close(h->clients[--h->n]);
    close(h->listener);
}

#endif
