/*
 * The TLS carrier: a session of OpenSSL's between the carrier above and the one below.
 *
 *       user (a stream, a transport)
 *        |  read, write: plain bytes
 *      TLS carrier ---- SSL
 *        |  read, write: records, through a BIO
 *      lower carrier
 *
 * OpenSSL reads from the lower carrier, and writes to it, directly. What the lower one does not
 * take at once is kept in `out` and goes by itself; so OpenSSL never has half a record under way,
 * and may answer the other side while somebody writes. Nothing more is encrypted while something is
 * kept, nor, beyond a limit, read.
 *
 *     HANDSHAKE --agreed--> OPEN --close--> SHUTDOWN (farewells are said) --> ENDING (the lower one
 *          ends) \------------------ abort, or a failure ------------------------------^
 */
#ifndef EDDYI_TLS_CARRIER_H
#define EDDYI_TLS_CARRIER_H

#include "carrier/buffer.h"
#include "eddy/carrier.h"
#include "eddy/error.h"
#include "loop/loop.h"
#include "tls/context.h"

enum eddyi_tls_state { EDDYI_TLS_HANDSHAKE, EDDYI_TLS_OPEN, EDDYI_TLS_SHUTDOWN, EDDYI_TLS_ENDING };

struct eddyi_tls_carrier {
    eddy_carrier base;
    eddy_carrier *lower;       /* owned; NULL: it has ended */
    eddy_tls_context *context; /* a reference; the callback for names may replace it */
    SSL *ssl;                  /* its application data are this struct */
    unsigned rules;            /* of the context, as this was made */
    char *host;                /* the other side's name, owned; NULL: of a client, or unknown */
    char *asked_for; /* the name that a client wants, owned; NULL: it has not said, or wants none */
    bool has_spoken; /* a client that has sent something */
    bool said_hello; /* a client that has; a second greeting must ask for the same name */
    enum eddyi_tls_state state;
    /* was read from the lower carrier before there was TLS; comes first */
    struct eddyi_buffer ahead;
    struct eddyi_buffer out; /* what the lower carrier did not take yet */

    bool reading, writing;        /* the lower carrier's on_readable, on_writable is due */
    bool lower_ended;             /* it has no more to read */
    int read_error, write_error;  /* < 0: it is broken in that direction */
    eddy_exception *lower_reason; /* of those, owned; NULL: the number says it all */

    void *buf; /* the user's, while it wants to read; may be NULL */
    size_t size;
    bool wants_to_read, wants_to_write; /* the user's on_readable, on_writable is due */
    bool read_cancelled;
    bool dry;    /* the latest read found no whole record: only the lower carrier can help */
    bool ended;  /* the other side said farewell */
    bool choked; /* nothing is read until something has gone out */
    bool eof_sent;
    /* what calls the user where the lower carrier will not */
    struct eddyi_ready readable, writable;

    int error;                 /* < 0: TLS is broken */
    eddy_exception *exception; /* of that, owned; may be NULL */
    /* why the certificate was not accepted, owned; NULL: it was, or memory is short */
    char *refusal;

    struct eddyi_timer timer; /* of the handshake, later of the shutdown */
    double handshake_timeout, shutdown_timeout;
    struct eddyi_tls_waiter *waiter; /* the task that waits for the handshake */
    int close_status;
    bool aborted; /* the lower carrier was told to end without farewell */
    bool owes;    /* as the end began, not all that was written had gone */
};

static inline struct eddyi_tls_carrier *eddyi_tls_of(eddy_carrier *c)
{
    return eddyi_container(c, struct eddyi_tls_carrier, base);
}

/* In bio.c: what OpenSSL reads from and writes to. NULL when memory is short. */
BIO *eddyi_tls_bio_new(struct eddyi_tls_carrier *t);
void eddyi_tls_flush(struct eddyi_tls_carrier *t); /* has the lower carrier take what is kept */
int eddyi_tls_hear_first(
    struct eddyi_tls_carrier *t); /* -EAGAIN: a client has not spoken yet; 0; -ENOMEM */
int eddyi_tls_wait_lower(
    /* on_readable of the lower one is due from here on; 0 or -errno */
    struct eddyi_tls_carrier *t);

/* In record.c: what OpenSSL does at once. As the functions of a carrier. */
ssize_t eddyi_tls_read(struct eddyi_tls_carrier *t, void *buf, size_t size);
ssize_t eddyi_tls_write(struct eddyi_tls_carrier *t, const struct iovec *iov, int n);
/*
 * What became of a call of OpenSSL's that gave @result: -EAGAIN, 0 at the farewell of the other
 * side; or as a raised error what TLS is broken with from here on.
 */
int eddyi_tls_outcome(struct eddyi_tls_carrier *t, int result);
int eddyi_tls_broken(const struct eddyi_tls_carrier *t);       /* raises that */
const char *eddyi_tls_peer(const struct eddyi_tls_carrier *t); /* its name, for messages */

/* In handshake.c. */
EDDY_AWAITS int eddyi_tls_handshake(eddy_carrier *c);
void eddyi_tls_handshake_wake(struct eddyi_tls_carrier *t);
void eddyi_tls_handshake_gone(
    /* the carrier ends: its task shall not touch it */
    struct eddyi_tls_carrier *t);
void eddyi_tls_agreed(struct eddyi_tls_carrier *t); /* who wants to read or write may begin */

/* In carrier.c. */
void eddyi_tls_reset(eddy_carrier *c);

/* In shutdown.c. */
void eddyi_tls_close(eddy_carrier *c, bool abort);
/* goes on, after something has happened */
void eddyi_tls_shutdown_step(struct eddyi_tls_carrier *t);
int eddyi_tls_start_timer(struct eddyi_tls_carrier *t, double seconds);

/* In peer.c: whom a client wants to speak to. 0, or as a raised error -EINVAL, -ENOMEM. */
int eddyi_tls_expect(struct eddyi_tls_carrier *t, const char *host);

/* In info.c. */
ssize_t eddyi_tls_get_extra_info(eddy_carrier *c, const char *name, void *ret, size_t size);

#endif
