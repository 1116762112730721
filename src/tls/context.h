/*
 * Contexts inside: OpenSSL's, and what OpenSSL leaves to its users.
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
    bool check_hostname;
    unsigned char *alpn; /* a server's protocols, as they go over the wire; owned; NULL: none */
    unsigned alpn_size;
    eddy_tls_sni_fn *sni;
    void *sni_arg;
    unsigned char id[16]; /* of a server: random, tells its sessions from those of other contexts */
    atomic_uint
        rules; /* counts the changes; a session is resumed under the rules that it was made under */

    pthread_mutex_t mutex;      /* guards the rest: connections of several threads change it */
    bool trusts;                /* it was told of authorities, or knows the system's */
    struct eddyi_list sessions; /* a client's, the latest used last */
    unsigned n_sessions;
};

/* What the context makes of a carrier; in carrier.c. */
extern const struct eddyi_tls_ops eddyi_tls_ops;

/* Before each connection: 0, or EDDY_ETLS raised. */
int eddyi_tls_context_prepare(eddy_tls_context *c);

/* In session.c: what sessions may be resumed for. */
struct eddyi_tls_carrier;
int eddyi_tls_sessions_init(eddy_tls_context *c);   /* 0, or EDDY_ETLS raised */
void eddyi_tls_sessions_clear(eddy_tls_context *c); /* forgets a client's */

/* Called by whatever changes @c: no session that was made before is resumed from here on. */
void eddyi_tls_sessions_expire(eddy_tls_context *c);
void eddyi_tls_session_resume(
    struct eddyi_tls_carrier *t); /* offers the server of @t a session of it */

/* Binds a server's session to its context, the rules of that and @name. False: memory is short. */
bool eddyi_tls_session_bind(struct eddyi_tls_carrier *t, const char *name);

/* In names.c: the servers' answers to what clients ask for. */
void eddyi_tls_names_init(eddy_tls_context *c);

/* In verify.c: notes why a certificate is not accepted. */
int eddyi_tls_verify_callback(int ok, X509_STORE_CTX *store);

/*
 * In error.c: makes of the failure that OpenSSL has just reported a raised error, what it was about
 * in front. The code is @code, or -errno if it was the system that failed.
 */
int eddyi_tls_raise(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The sentence for an error of OpenSSL's. */
const char *eddyi_tls_reason(unsigned long error);

#endif
