/*
 * Sessions, which spare the second connection to a server half of the handshake, above all the
 * proof of identity. So a session is resumed only where a full handshake would demand the same
 * proof.
 *
 * A server's sessions are in tickets and in OpenSSL's cache. Each is bound to a session id context,
 * which OpenSSL compares before it resumes the session: a digest of the TLS context, its rules
 * (authorities, verify mode, protocols, ...) and the name that the client asked for. Any other
 * leads to a full handshake, as does a client certificate that has expired meanwhile.
 *
 * A client keeps the latest session of each server in its context, found by the name that the
 * certificate was checked for, the port and the verify mode. A session is forgotten when the rules
 * of the context change, or when the server's certificate has expired. One of TLS 1.3 is used once
 * (RFC 8446, C.4).
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "tls/carrier.h"

#include <ctype.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

enum { SESSIONS_MAX = 256 };

struct session {
    struct eddyi_list link;
    SSL_SESSION *ssl; /* a reference */
    int port, verify_mode;
    char host[];
};

static int port_of(struct eddyi_tls_carrier *t)
{
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_storage storage;
    } peer = {.sa.sa_family = AF_UNSPEC};

    if (!t->lower->ops->get_extra_info ||
        t->lower->ops->get_extra_info(t->lower, "peername", &peer, sizeof peer) < 0)
        return 0;
    return peer.sa.sa_family == AF_INET6  ? peer.in6.sin6_port
           : peer.sa.sa_family == AF_INET ? peer.in.sin_port
                                          : 0;
}

/* Finds the session for the server that @t connects to; the context's mutex is locked. */
static struct session *find(struct eddyi_tls_carrier *t, int port)
{
    eddy_tls_context *c = t->context;

    EDDYI_LIST_EACH(l, &c->sessions) {
        struct session *s = eddyi_container(l, struct session, link);

        if (s->port == port && s->verify_mode == SSL_get_verify_mode(t->ssl) &&
            strcmp(s->host, t->host) == 0)
            return s;
    }
    return NULL;
}

static void drop(eddy_tls_context *c, struct session *s)
{
    eddyi_list_remove(&s->link);
    c->n_sessions--;
    SSL_SESSION_free(s->ssl);
    eddyi_free(s);
}

static bool has_expired(const SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer((SSL_SESSION *)(uintptr_t)session);

    return peer && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0;
}

/* Stores a client's new session. Returns 1 if it takes ownership of @session. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct eddyi_tls_carrier *t = SSL_get_app_data(ssl);
    eddy_tls_context *c;
    struct session *s, *old;

    if (!t || !t->host || !t->lower)
        return 0;
    c = t->context;
    s = eddyi_alloc(sizeof *s + strlen(t->host) + 1);
    if (!s)
        return 0;
    s->ssl = session;
    s->port = port_of(t);
    s->verify_mode = SSL_get_verify_mode(ssl);
    strcpy(s->host, t->host);

    pthread_mutex_lock(&c->mutex);
    if (t->rules != atomic_load_explicit(&c->rules, memory_order_relaxed)) {
        pthread_mutex_unlock(&c->mutex);
        eddyi_free(s);
        return 0;
    }
    old = find(t, s->port);
    if (!old && c->n_sessions == SESSIONS_MAX)
        old = eddyi_container(c->sessions.next, struct session, link);
    if (old)
        drop(c, old);
    eddyi_list_append(&c->sessions, &s->link);
    c->n_sessions++;
    pthread_mutex_unlock(&c->mutex);
    return 1;
}

void eddyi_tls_session_resume(struct eddyi_tls_carrier *t)
{
    eddy_tls_context *c = t->context;
    struct session *s;

    if (!t->host)
        return;
    pthread_mutex_lock(&c->mutex);
    s = find(t, port_of(t));
    if (s && has_expired(s->ssl)) {
        drop(c, s);
    } else if (s) {
        ERR_clear_error();
        SSL_set_session(t->ssl, s->ssl);
        if (SSL_SESSION_get_protocol_version(s->ssl) >= TLS1_3_VERSION)
            drop(c, s);
    }
    pthread_mutex_unlock(&c->mutex);
}

static void clear(eddy_tls_context *c)
{
    while (!eddyi_list_empty(&c->sessions))
        drop(c, eddyi_container(c->sessions.next, struct session, link));
}

void eddyi_tls_sessions_clear(eddy_tls_context *c)
{
    pthread_mutex_lock(&c->mutex);
    clear(c);
    pthread_mutex_unlock(&c->mutex);
}

void eddyi_tls_sessions_expire(eddy_tls_context *c)
{
    pthread_mutex_lock(&c->mutex);
    atomic_fetch_add_explicit(&c->rules, 1, memory_order_release);
    clear(c);
    pthread_mutex_unlock(&c->mutex);
}

bool eddyi_tls_session_bind(struct eddyi_tls_carrier *t, const char *name)
{
    struct {
        unsigned char context[sizeof t->context->id];
        unsigned rules;
        int verify_mode;
        bool has_name;
        char name[TLSEXT_MAXLEN_host_name + 1];
    } bound;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n;

    memset(&bound, 0, sizeof bound);
    memcpy(bound.context, t->context->id, sizeof bound.context);
    bound.rules = t->rules;
    bound.verify_mode = SSL_get_verify_mode(t->ssl);
    bound.has_name = name != NULL;
    for (size_t i = 0; name && name[i]; i++)
        bound.name[i] = (char)tolower((unsigned char)name[i]);
    return EVP_Digest(&bound, sizeof bound, digest, &n, EVP_sha256(), NULL) == 1 &&
           SSL_set_session_id_context(t->ssl, digest, n) == 1;
}

static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *key,
                                   size_t n_key, SSL_TICKET_STATUS status, void *arg)
{
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) ||
        has_expired(session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

/*
 * Limits a server's new session to the life of the client's certificate, because on_ticket() is not
 * called for one in OpenSSL's cache. The limit is at least a second: OpenSSL cannot write a session
 * of 0 seconds into a ticket.
 */
static int on_new_server_session(SSL *ssl, SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer(session);
    int days, seconds;

    if (peer && ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(peer)) && days < 1 &&
        SSL_SESSION_get_timeout(session) > seconds)
        SSL_SESSION_set_timeout(session, seconds > 0 ? seconds : 1);
    return 0;
}

int eddyi_tls_sessions_init(eddy_tls_context *c)
{
    eddyi_list_init(&c->sessions);
    if (c->side == EDDY_TLS_CLIENT) {
        SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(c->ssl, on_new_session);
        return 0;
    }
    if (eddyi_fault("RAND_bytes") || RAND_bytes(c->id, sizeof c->id) != 1)
        return eddyi_tls_raise(EDDY_ETLS, "a TLS context: no random numbers");
    SSL_CTX_set_session_id_context(c->ssl, c->id, sizeof c->id);
    SSL_CTX_set_session_ticket_cb(c->ssl, NULL, on_ticket, NULL);
    SSL_CTX_sess_set_new_cb(c->ssl, on_new_server_session);
    return 0;
}
