/*
 * Sessions, which spare the second connection to a server half of the handshake.
 *
 * A server's are in its tickets, which OpenSSL sees to. A client keeps the latest of each server, which is told by the name that its
 * certificate was checked for and by its port. One of TLS 1.3 is used once (RFC 8446, C.4).
 */
#include "base/sys.h"
#include "tls/carrier.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <string.h>

enum { SESSIONS_MAX = 256 };

struct session {
    struct eddyi_list link;
    SSL_SESSION *ssl; /* a reference */
    int port;
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

static struct session *find(eddy_tls_context *c, const char *host, int port)
{
    EDDYI_LIST_EACH(l, &c->sessions) {
        struct session *s = eddyi_container(l, struct session, link);

        if (s->port == port && strcmp(s->host, host) == 0)
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

/* The session becomes ours if this gives 1. */
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
    strcpy(s->host, t->host);

    pthread_mutex_lock(&c->mutex);
    old = find(c, s->host, s->port);
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
    s = find(c, t->host, port_of(t));
    if (s) {
        ERR_clear_error();
        SSL_set_session(t->ssl, s->ssl);
        if (SSL_SESSION_get_protocol_version(s->ssl) >= TLS1_3_VERSION)
            drop(c, s);
    }
    pthread_mutex_unlock(&c->mutex);
}

void eddyi_tls_sessions_clear(eddy_tls_context *c)
{
    pthread_mutex_lock(&c->mutex);
    while (!eddyi_list_empty(&c->sessions))
        drop(c, eddyi_container(c->sessions.next, struct session, link));
    pthread_mutex_unlock(&c->mutex);
}

void eddyi_tls_sessions_init(eddy_tls_context *c)
{
    static const unsigned char id[] = "eddy";

    eddyi_list_init(&c->sessions);
    if (c->side == EDDY_TLS_SERVER) {
        SSL_CTX_set_session_id_context(c->ssl, id, sizeof id - 1);
        return;
    }
    SSL_CTX_set_session_cache_mode(c->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(c->ssl, on_new_session);
}
