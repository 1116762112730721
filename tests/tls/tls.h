/*
 * Pairs of streams that speak TLS, for tests.
 */
#ifndef EDDY_TEST_TLS_H
#define EDDY_TEST_TLS_H

#include "stream/streams.h"
#include "tls/certificates.h"

/* An authority, a server that it vouches for, and contexts for both sides. */
struct parties {
    struct identity authority, server;
    eddy_tls_context *client_context, *server_context;
};

static inline void parties_make(struct parties *p)
{
    *p = (struct parties){.authority = authority_make("Test Authority", NULL, NULL)};
    p->server = identity_make(&(struct likeness){
        .name = "server", .hosts = "DNS:server.test, IP:127.0.0.1", .issuer = &p->authority});
    REQUIRE(eddy_tls_context_new(EDDY_TLS_CLIENT, &p->client_context) == 0);
    REQUIRE(eddy_tls_context_new(EDDY_TLS_SERVER, &p->server_context) == 0);
    REQUIRE(context_trust(p->client_context, &p->authority) == 0);
    context_show(p->server_context, &p->server);
}

static inline void parties_free(struct parties *p)
{
    eddy_tls_context_unref(p->client_context);
    eddy_tls_context_unref(p->server_context);
    identity_free(&p->server);
    identity_free(&p->authority);
}

/* The server's side of start_tls, as a task; fails with its status. */
__attribute__((unused)) static eddy_async(serve_tls, (eddy_writer *, writer),
                                          (eddy_tls_context *, context))
{
    int rc = eddy_writer_start_tls(writer, context, .server_side = true);

    if (rc < 0)
        eddy_writer_abort(writer);
    return rc;
}

/* The error message of the client of the latest pair_start_tls(). */
static char client_message[512];

/* Both sides of the pair speak TLS from here on: the client's status, and the server's. */
static inline int pair_start_tls(struct pair *pair, struct parties *p, const char *hostname,
                                 int *ret_server)
{
    eddy_task *server = eddy_create_task(serve_tls(pair->writer[1], p->server_context));
    int rc, server_rc;

    if (!server)
        return -ENOMEM;
    rc = eddy_writer_start_tls(pair->writer[0], p->client_context, .server_hostname = hostname);
    client_message[0] = '\0';
    if (rc < 0) {
        strncpy(client_message, eddy_exception_message(eddy_error()), sizeof client_message - 1);
        eddy_writer_abort(pair->writer[0]);
    }
    server_rc = eddy_await(server);
    if (ret_server)
        *ret_server = server_rc;
    else if (rc == 0)
        rc = server_rc;
    return rc;
}

/* Returns a property of the session of @w, as text; "": it is not known. */
static inline const char *info(eddy_writer *w, const char *name)
{
    static char text[8192];

    text[0] = '\0';
    eddy_writer_get_extra_info(w, name, text, sizeof text);
    return text;
}

static inline int resumed(eddy_writer *w)
{
    int reused = -1;

    eddy_writer_get_extra_info(w, "session_reused", &reused, sizeof reused);
    return reused;
}

#endif
