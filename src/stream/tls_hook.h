/*
 * Calls of TLS, the layer above, for streams: a TLS context brings a table of them.
 */
#ifndef EDDYI_TLS_HOOK_H
#define EDDYI_TLS_HOOK_H

#include "eddy/tls.h"

struct eddyi_tls_ops {
    /* Makes a TLS carrier over @lower, and takes ownership of @lower on success. The caller owns
     * *ret. Sends nothing yet. Returns 0, or raises an error. */
    int (*wrap)(eddy_tls_context *context, bool server_side, eddy_carrier *lower,
                const eddy_tls_carrier_options *options, eddy_carrier **ret);
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

static inline const struct eddyi_tls_ops *eddyi_tls_ops_of(const eddy_tls_context *context)
{
    return ((const struct eddyi_tls_context_base *)(const void *)context)->ops;
}

#endif
