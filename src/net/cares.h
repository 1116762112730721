/*
 * A c-ares channel on a loop: its sockets, its time, and those who wait for it.
 *
 * c-ares sends, receives and parses; cares_channel.c tells it when. Its calls never run inside one another: what has to
 * be done because of a callback of its is noted, and done from the loop.
 */
#ifndef EDDYI_CARES_H
#define EDDYI_CARES_H

#include "base/list.h"
#include "net/resolver.h"

#include <ares.h>

struct eddyi_cares {
    unsigned refs;        /* the resolver's, and one for each query */
    ares_channel channel; /* NULL: ended */
    eddy_loop *loop;
    struct eddyi_timer timer;  /* c-ares wants to look at its clock */
    struct eddyi_ready broken; /* error is set: all queries fail */
    struct eddyi_list sockets;
    int error;        /* why a socket cannot be watched, < 0 */
    unsigned waiting; /* tasks */
    int64_t config;   /* when the file was changed that its servers are from; 0: they were given */
};

/* A channel with these servers, NULL: the system's. As eddyi_cares_open(). */
int eddyi_cares_channel_new(eddy_loop *loop, const char *servers, struct eddyi_cares **ret);
void eddyi_cares_channel_end(struct eddyi_cares *c); /* all queries end; gives up the resolver's reference */
void eddyi_cares_unref(struct eddyi_cares *c);

/* After any call into c-ares that may have changed when it wants to be called again. */
void eddyi_cares_update(struct eddyi_cares *c);

#endif
