/*
 * Calls of TLS, the layer above, for streams: a TLS context brings a table of them.
 */
#ifndef EDDYI_TLS_HOOK_H
#define EDDYI_TLS_HOOK_H

#include "eddy/stream.h"

struct eddyi_tls_params {
    bool server_side;
    /* of a client: the name that the certificate must have; NULL: no name is known */
    const char *server_hostname;
    double handshake_timeout; /* seconds, > 0 */
    double shutdown_timeout;
    const void *ahead; /* n_ahead bytes that were read from @lower already */
    size_t n_ahead;
};

struct eddyi_tls_ops {
    /* Makes a TLS carrier over @lower, and takes ownership of @lower on success. The caller owns
     * *ret. Sends nothing yet. Returns 0, or raises an error. */
    int (*wrap)(eddy_tls_context *context, eddy_carrier *lower,
                const struct eddyi_tls_params *params, eddy_carrier **ret);
    /*
     * Begins the handshake. Returns 0, and calls done(@arg, rc) once, from the loop or from
     * close(): rc is 0 after the handshake, or a raised error; then the carrier accepts only close
     * and free. Or raises an error, and does not call done. Other code must not use the carrier
     * meanwhile.
     */
    int (*handshake)(eddy_carrier *c, void (*done)(void *arg, int rc), void *arg);
    void (*ref)(eddy_tls_context *context);
    void (*unref)(eddy_tls_context *context);
};

/* The beginning of each context. */
struct eddyi_tls_context_base {
    const struct eddyi_tls_ops *ops;
};

#endif
