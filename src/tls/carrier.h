/*
 * The TLS carrier: an OpenSSL session between the carrier above and the one below.
 *
 *       user (a stream, a transport)
 *        |  read, write: plain bytes
 *      TLS carrier ---- SSL
 *        |  read, write: records, through a BIO
 *      lower carrier
 *
 * OpenSSL reads from the lower carrier and writes to it directly. Bytes that the lower carrier does
 * not take at once are kept in `out` and sent later; so OpenSSL never has half a record in flight,
 * and may answer the other side during a write. While bytes are kept nothing more is encrypted and,
 * beyond a limit, nothing more is read.
 *
 *     HANDSHAKE --agreed--> OPEN --close--> SHUTDOWN ---------> ENDING
 *         |                   |             close_notify in     ^  the lower carrier ends
 *         |                   |             both directions     |
 *         '-------------------'---- abort, or a failure --------'
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
    unsigned rules;            /* the context's, at the time when this was created */
    char *host;                /* the name of the other side, owned; NULL: a client, or unknown */
    /* The name that a client asks for, owned; NULL: it has not said hello, or asks for none. */
    char *asked_for;
    bool has_sent; /* the other side is a client that has sent something */
    /* the client has said hello; a second ClientHello must ask for the same name */
    bool said_hello;
    enum eddyi_tls_state state;
    /* bytes that were read from the lower carrier before TLS began; they come first */
    struct eddyi_buffer ahead;
    struct eddyi_buffer out; /* bytes that the lower carrier has not taken yet */

    bool reading, writing; /* the lower carrier's on_readable, on_writable is due */
    bool lower_ended;      /* the lower carrier has no more to read */
    /* the latest read of the lower carrier was short: the next one comes after on_readable */
    bool lower_fell_short;
    int read_error, write_error; /* < 0: the lower carrier is broken in that direction */
    eddy_exception
        *lower_reason; /* the exception of these errors, owned; NULL: the number says everything */

    void *buf; /* the user's buffer, while a read is due; may be NULL */
    size_t size;
    bool wants_to_read, wants_to_write; /* the user's on_readable, on_writable is due */
    bool read_cancelled;
    bool needs_more_input;      /* the latest read found no whole record: only more input helps */
    bool ended;                 /* the other side has sent close_notify */
    bool read_blocked_on_write; /* OpenSSL does not read before bytes have gone out */
    bool eof_sent;
    /* call the user where the lower carrier will not */
    struct eddyi_ready readable, writable;

    int error;                 /* < 0: TLS is broken */
    eddy_exception *exception; /* the exception of @error, owned; may be NULL */
    /* why the certificate was refused, owned; NULL: it was accepted, or memory is short */
    char *refusal;

    struct eddyi_timer timer; /* of the handshake, later of the shutdown */
    double handshake_timeout, shutdown_timeout;
    struct eddyi_ready step;                   /* of the handshake */
    void (*handshake_done)(void *arg, int rc); /* NULL: no handshake is under way */
    void *handshake_arg;
    int close_status;
    bool aborted;    /* the lower carrier was told to end without a close_notify */
    bool had_unsent; /* when the end began, not all bytes had been sent */
};

static inline struct eddyi_tls_carrier *eddyi_tls_of(eddy_carrier *c)
{
    return eddyi_container(c, struct eddyi_tls_carrier, base);
}

/* Queues one of the carrier's own ready items. */
static inline void eddyi_tls_soon(struct eddyi_tls_carrier *t, struct eddyi_ready *r)
{
    if (!t->base.loop->closed && eddyi_list_empty(&r->link))
        eddyi_loop_ready(t->base.loop, r);
}

/* In bio.c: creates the BIO that OpenSSL uses. Returns NULL when memory is short. */
BIO *eddyi_tls_bio_new(struct eddyi_tls_carrier *t);
void eddyi_tls_flush(struct eddyi_tls_carrier *t); /* writes kept bytes to the lower carrier */
/* Returns 0 when a client has sent something, -EAGAIN before, or -ENOMEM. */
int eddyi_tls_hear_first(struct eddyi_tls_carrier *t);
/* Has the lower carrier call on_readable from here on. Returns 0 or -errno. */
int eddyi_tls_wait_lower(struct eddyi_tls_carrier *t);

/* In record.c: read and write as the functions of a carrier do, without waiting. */
ssize_t eddyi_tls_read(struct eddyi_tls_carrier *t, void *buf, size_t size);
ssize_t eddyi_tls_write(struct eddyi_tls_carrier *t, const struct iovec *iov, int n);
/*
 * Judges a call of OpenSSL that returned @result. Returns -EAGAIN, 0 at the other side's
 * close_notify, or raises the error with which TLS is broken from here on.
 */
int eddyi_tls_outcome(struct eddyi_tls_carrier *t, int result);
int eddyi_tls_broken(const struct eddyi_tls_carrier *t); /* raises that error */
/* Returns the name of the other side, for messages. */
const char *eddyi_tls_peer(const struct eddyi_tls_carrier *t);

/* In handshake.c. */
int eddyi_tls_handshake(eddy_carrier *c, void (*done)(void *arg, int rc), void *arg);
/* Begins the handshake in the next turn: every failure except for -ENOMEM goes to @done. */
int eddyi_tls_handshake_later(eddy_carrier *c, void (*done)(void *arg, int rc), void *arg);
void eddyi_tls_handshake_step(struct eddyi_ready *r);       /* runs as t->step */
void eddyi_tls_handshake_gone(struct eddyi_tls_carrier *t); /* ends it: the carrier ends */
void eddyi_tls_agreed(struct eddyi_tls_carrier *t);         /* lets the user read and write */

/* In carrier.c. */
void eddyi_tls_reset(eddy_carrier *c);

/* In shutdown.c. */
void eddyi_tls_close(eddy_carrier *c, bool abort);
/* Goes on with the shutdown, after something has happened. */
void eddyi_tls_shutdown_step(struct eddyi_tls_carrier *t);
int eddyi_tls_start_timer(struct eddyi_tls_carrier *t, double seconds);

/* In peer.c: sets the name that a client expects. Raises -EINVAL or -ENOMEM. */
int eddyi_tls_expect(struct eddyi_tls_carrier *t, const char *host);

/* In info.c. */
ssize_t eddyi_tls_get_extra_info(eddy_carrier *c, const char *name, void *ret, size_t size);

#endif
