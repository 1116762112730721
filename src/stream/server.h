/*
 * Servers inside: listeners that accept, and the connections that came of it. What serves a
 * connection, a handler in a task or a protocol, is of no concern here: a function starts it.
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
#include "stream/connection.h"
#include "stream/tls_hook.h"

/*
 * Begins to serve a new connection, whose carrier it takes over; see connection.h. 0, or a raised
 * error: the carrier was freed, or ends.
 */
typedef int eddyi_server_start_fn(eddy_server *s, eddy_carrier *carrier);

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
    eddyi_server_start_fn *start;
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

/* Returns how connections of @s speak TLS; no context: they do not. */
static inline eddy_start_tls_options eddyi_server_tls(const eddy_server *s)
{
    return (eddy_start_tls_options){.context = s->options.tls,
                                    .handshake_timeout = s->options.tls_handshake_timeout,
                                    .shutdown_timeout = s->options.tls_shutdown_timeout};
}

void eddyi_server_unref(eddy_server *s);
void eddyi_server_unused(struct eddyi_ready *r);
void eddyi_server_wake(eddy_server *s);

/*
 * Listens according to @options, and calls @start for each connection. Suspends only to look up a
 * host. Returns 0 or raises an error.
 */
EDDY_AWAITS int eddyi_server_open(eddy_loop *loop, const eddy_server_options *options,
                                  eddyi_server_start_fn *start);

/* Has all listeners accept that do not. */
void eddyi_server_accept(eddy_server *s);
void eddyi_listener_close(struct eddyi_listener *l);
void eddyi_listener_lost(
    struct eddyi_io_claim *c); /* the loop closes; what is with the backend ends by itself */

#endif
