/*
 * Servers: listeners that accept, and the connections that they have accepted. A function starts to
 * serve each connection, by a handler in a task or by a protocol.
 *
 * The struct is freed when its owner has given it back, the listeners are closed and the last
 * connection is gone: each of them has a reference.
 */
#ifndef EDDYI_SERVER_H
#define EDDYI_SERVER_H

#include "contextvars/contextvars.h"
#include "eddy/server.h"
#include "eddy/sync.h"
#include "io/io.h"
#include "net/listen.h"
#include "stream/channel.h"
#include "stream/tls_hook.h"

/* A connection of a server. Its client, a stream or a protocol's transport, embeds it. */
struct eddyi_connection {
    eddy_server *server; /* a reference; NULL: the connection belongs to no server */
    struct eddyi_channel *channel;
    struct eddyi_list link; /* in the list of the server's connections */
    /* Serves the connection; @rc < 0: the TLS handshake has failed, which was reported, and the
     * channel is ending. Returns 0, or raises an error: then the connection is ending. */
    int (*serve)(struct eddyi_connection *c, int rc);
    eddy_task *task; /* runs the handler; a reference, until it has ended. NULL: none */
    /* its handler waits for the next request on this reader; NULL: it does not */
    eddy_reader *between_requests;
};

/* Begins to serve a new connection, and consumes @carrier. Returns 0, or raises
 * an error: then the carrier was freed, or is ending. */
typedef int eddyi_server_start_fn(eddy_server *s, eddy_carrier *carrier);

/* A listening socket. */
struct eddyi_listener {
    eddy_server *server;
    int fd; /* -1: closed */
    struct eddyi_io_op accept;
    struct eddyi_io_claim claim;
};

enum eddyi_server_state { EDDYI_NOT_STARTED, EDDYI_SERVING, EDDYI_CLOSED };

struct eddy_server {
    eddy_loop *loop; /* held */
    /* of the loop; freed when the loop is closed, and then all listeners are closed too */
    struct eddyi_io *io;
    unsigned refs;
    enum eddyi_server_state state;
    eddyi_server_start_fn *start;
    eddy_server_options options; /* the objects that it points to are not used after the start */
    struct eddyi_var_scope vars; /* each connection runs in a copy (rule 174) */
    struct eddyi_listening on;   /* its sockets; on.n is 0 when the server is closed */
    struct eddyi_listener *listeners;
    size_t n_open; /* listeners that the backend has not released */
    struct eddyi_list connections;
    size_t n_connections;
    bool given_back;           /* the owner has given the server back */
    bool forever;              /* a task is in serve_forever() */
    struct eddyi_ready unused; /* drops a reference after the call that had it has returned */
    /* accepting failed; the timer, or the end of a connection, makes the server try again */
    bool short_of_something;
    int64_t reported; /* time of the latest report */
    struct eddyi_timer retry;
    /* tasks that wait for a change of the server; each checks its own condition */
    eddy_wait_queue waiters;
};

void eddyi_server_unref(eddy_server *s);

/* Makes the listeners that are not accepting accept. */
void eddyi_server_accept(eddy_server *s);

/*
 * Listens according to @options, and calls @start for each connection. Suspends only to look up a
 * host. Returns 0 or raises an error.
 */
EDDY_AWAITS int eddyi_server_open(eddy_loop *loop, const eddy_server_options *options,
                                  eddyi_server_start_fn *start);

/*
 * Adds @c, with the channel @t and its function serve, to the connections of @s. Calls serve(@c, 0)
 * and returns its result; or, if the server uses TLS, returns 0, and calls serve(@c, rc) after the
 * handshake.
 */
int eddyi_connection_begin(struct eddyi_connection *c, eddy_server *s, struct eddyi_channel *t);

/* Removes @c from its server, if it has one, after the end of the connection. The last step of that
 * end, since it may free the server. */
void eddyi_connection_gone(struct eddyi_connection *c);

/* Reports @rc < 0 to the loop's exception handler, unless the peer caused it: a lost or slow peer
 * is reported in debug mode only. */
void eddyi_connection_report(struct eddyi_connection *c, int rc);

#endif
