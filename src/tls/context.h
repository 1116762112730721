/*
 * TLS contexts: OpenSSL's, and the parts that OpenSSL leaves to its users.
 */
#ifndef EDDYI_TLS_CONTEXT_H
#define EDDYI_TLS_CONTEXT_H

#include "base/list.h"
#include "eddy/tls.h"
#include "stream/tls_hook.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

struct eddy_tls_context {
    struct eddyi_tls_context_base base;
    atomic_uint refs;
    SSL_CTX *ssl; /* its application data are this struct */
    eddy_tls_side side;
    /* the program's own SSL of one connection, a reference; NULL: each connection gets a new one */
    SSL *given;
    bool check_hostname;
    unsigned char *alpn; /* a server's protocols in wire format; owned; NULL: none */
    unsigned alpn_size;
    eddy_tls_sni_fn *sni;
    void *sni_arg;
    unsigned char id[16]; /* of a server: random; tells its sessions from those of other contexts */
    /* Counts changes: a session is resumed only under the rules that it was made under. */
    atomic_uint rules;

    pthread_mutex_t mutex;      /* guards the rest, which connections of several threads change */
    bool trusts;                /* authorities were set, or the system's were loaded */
    struct eddyi_list sessions; /* a client's, the latest used last */
    unsigned n_sessions;
};

/* The operations that make a carrier of a context; in carrier.c. */
extern const struct eddyi_tls_ops eddyi_tls_ops;

/* Prepares the context before each connection. Returns 0, or raises EDDY_ETLS. */
int eddyi_tls_context_prepare(eddy_tls_context *c);

/* In session.c: what sessions may be resumed for. */
struct eddyi_tls_carrier;
int eddyi_tls_sessions_init(eddy_tls_context *c);   /* returns 0, or raises EDDY_ETLS */
void eddyi_tls_sessions_clear(eddy_tls_context *c); /* forgets a client's sessions */

/* Called by every function that changes @c: no session made before is resumed from here on. */
void eddyi_tls_sessions_expire(eddy_tls_context *c);
/* Offers a stored session to the server of @t. */
void eddyi_tls_session_resume(struct eddyi_tls_carrier *t);

/* Binds a server's session to its context, the context's rules and @name. Returns false when memory
 * is short. */
bool eddyi_tls_session_bind(struct eddyi_tls_carrier *t, const char *name);

/* In names.c: the server's answers to names and protocols. */
void eddyi_tls_names_init(eddy_tls_context *c);

/* In verify.c: notes why a certificate is refused. */
int eddyi_tls_verify_callback(int ok, X509_STORE_CTX *store);

/*
 * In error.c: raises the failure that OpenSSL has just reported, after the formatted text. The code
 * is @code, or -errno if the system failed.
 */
int eddyi_tls_raise(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
