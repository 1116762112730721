/*
 * Servers inside: listeners that accept, and the connections that came of it.
 *
 * The struct stays until its owner has given it back, the listeners are closed and the last
 * connection is gone: each of those has a reference.
 */
#ifndef EDDYI_SERVER_H
#define EDDYI_SERVER_H

#include "eddy/contextvars.h"
#include "eddy/server.h"
#include "eddy/sync.h"
#include "io/io.h"
#include "stream/stream.h"

/* One listening socket. */
struct eddyi_listener {
    eddy_server *server;
    int fd; /* -1: closed */
    struct eddyi_io_op accept;
    struct eddyi_io_claim claim;
};

enum eddyi_server_state { EDDYI_NOT_STARTED, EDDYI_SERVING, EDDYI_CLOSED };

struct eddy_server {
    eddy_loop *loop;     /* held */
    struct eddyi_io *io; /* of the loop; gone when that is closed, as all listeners are then */
    unsigned refs;
    enum eddyi_server_state state;
    eddy_server_options options; /* what of it points elsewhere is not used after the start */
    eddy_context *context;       /* owned; each connection runs in a copy (rule 174) */
    struct eddyi_listener *listeners;
    int *fds;           /* the descriptors of the listeners */
    size_t n_listeners; /* 0 once closed */
    size_t n_open;      /* listeners that the backend has not let go of */
    struct eddyi_list connections;
    size_t n_connections;
    bool given_back;           /* the owner is gone */
    bool forever;              /* a task is in serve_forever() */
    struct eddyi_ready unused; /* drops a reference, behind the call that had it */
    /* accepting failed; the timer, or the end of a connection, has it tried again */
    bool short_of_something;
    int64_t reported; /* when that was said */
    struct eddyi_timer retry;
    eddy_wait_queue waiters; /* all who wait for something of it; each looks for itself */
    char *path;              /* of a Unix socket's file, to be removed; owned, NULL: none */
    uint64_t device, inode;  /* of that file, when it was made */
};

struct eddyi_connection {
    struct eddyi_list link; /* among those of the server */
    eddy_server *server;    /* has a reference */
    struct eddyi_transport *transport;
    /* a reference, while it has not ended; NULL with a protocol, once hands are shaken */
    eddy_task *task;
    struct eddyi_ready opening; /* with a protocol: has it made */
    bool in_task;               /* with a protocol: the task that shakes hands has not ended */
};

void eddyi_server_unref(eddy_server *s);
void eddyi_server_unused(struct eddyi_ready *r);
void eddyi_server_wake(eddy_server *s);

/* eddy_start_server_with() and the like. */
EDDY_AWAITS int eddyi_server_open(const eddy_server_options *options);

/* Has all listeners accept that do not. */
void eddyi_server_accept(eddy_server *s);
void eddyi_listener_close(struct eddyi_listener *l);
void eddyi_listener_lost(
    struct eddyi_io_claim *c); /* the loop closes; what is with the backend ends by itself */

/* Handles a new connection, whose descriptor it takes over. 0, or a raised error: it was closed. */
int eddyi_connection_start(eddy_server *s, int fd);
/* The same for the carrier of one: with a task and a handler, or with a protocol. */
int eddyi_connection_start_handler(eddy_server *s, eddy_carrier *carrier);
int eddyi_connection_start_protocol(eddy_server *s, eddy_carrier *carrier);

/* What the two share. NULL without memory. */
struct eddyi_connection *eddyi_connection_new(eddy_server *s, struct eddyi_transport *t);
eddy_context *eddyi_connection_context(eddy_server *s); /* a copy of the server's; the caller's */
/* Runs run(c) in a task; leave(c) if that never happens. 0, or -ENOMEM: then leave() was called. */
int eddyi_connection_create_task(struct eddyi_connection *c, int (*run)(void *arg),
                                 void (*leave)(void *arg));
void eddyi_connection_report(struct eddyi_connection *c, int rc);
/* It has ended altogether; frees it. */
void eddyi_connection_gone(struct eddyi_connection *c);

/* Has its handler end now. */
void eddyi_connection_cut(struct eddyi_connection *c);

#endif
