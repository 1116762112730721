/*
 * Calls of TLS, the layer above, for streams: a context brings a table of them along.
 */
#ifndef EDDYI_TLS_HOOK_H
#define EDDYI_TLS_HOOK_H

#include "eddy/stream.h"

struct eddyi_tls_params {
    bool server_side;
    const char *
        /* of a client: the name that the certificate must have; NULL: none is known */
        server_hostname;
    double handshake_timeout; /* seconds, > 0 */
    double shutdown_timeout;
    const void *ahead; /* n_ahead bytes that were read from @lower already */
    size_t n_ahead;
};

struct eddyi_tls_ops {
    /* A TLS carrier over @lower, which it owns from success on. 0, or a raised error. Nothing is
     * sent yet. */
    int (*wrap)(eddy_tls_context *context, eddy_carrier *lower,
                const struct eddyi_tls_params *params, eddy_carrier **ret);
    /*
     * Begins the handshake. 0: done(@arg, rc) is called once, from the loop or from close(), when
     * the two sides agree, or with a raised error: the carrier then takes nothing but close and
     * free. Or a raised error, and done is not called. Meanwhile nobody else uses the carrier.
     */
    int (*handshake)(eddy_carrier *c, void (*done)(void *arg, int rc), void *arg);
    void (*ref)(eddy_tls_context *context);
    void (*unref)(eddy_tls_context *context);
};

/* Each context begins with this. */
struct eddyi_tls_context_base {
    const struct eddyi_tls_ops *ops;
};

#endif
