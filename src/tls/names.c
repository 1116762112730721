/*
 * Answers of a server to a client: the context for a name (SNI), and the protocol (ALPN).
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "tls/carrier.h"

#include <string.h>

/* Writes the list in wire format: each name after one byte with its length. */
static int pack(const char *const *protocols, unsigned char **ret, unsigned *ret_size)
{
    size_t size = 0;
    unsigned char *p;

    for (size_t i = 0; protocols[i]; i++) {
        size_t n = strlen(protocols[i]);

        if (n == 0 || n > 255)
            return eddy_raise(-EINVAL, "an application protocol's name has 1 to 255 bytes, not %zu",
                              n);
        size += 1 + n;
    }
    if (size == 0 || size > 65535)
        return eddy_raise(-EINVAL, "application protocols: none, or too many");
    *ret = p = eddyi_alloc(size);
    if (!p)
        return eddy_raise(-ENOMEM, NULL);
    for (size_t i = 0; protocols[i]; i++) {
        size_t n = strlen(protocols[i]);

        *p++ = (unsigned char)n;
        memcpy(p, protocols[i], n);
        p += n;
    }
    *ret_size = (unsigned)size;
    return 0;
}

int eddy_tls_context_set_alpn_protocols(eddy_tls_context *c, const char *const *protocols)
{
    unsigned char *alpn = NULL;
    unsigned size = 0;
    int rc = pack(protocols, &alpn, &size);

    if (rc < 0)
        return rc;
    if (SSL_CTX_set_alpn_protos(c->ssl, alpn, size) != 0) {
        eddyi_free(alpn);
        return eddy_raise(-ENOMEM, NULL);
    }
    eddyi_tls_sessions_expire(c);
    eddyi_free(c->alpn);
    c->alpn = alpn;
    c->alpn_size = size;
    return 0;
}

/* Chooses the first of the server's protocols that the client has listed. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
                           const unsigned char *theirs, unsigned size, void *arg)
{
    const eddy_tls_context *c = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    unsigned char *chosen;

    if (!c->alpn)
        return SSL_TLSEXT_ERR_NOACK;
    if (SSL_select_next_proto(&chosen, ret_size, c->alpn, c->alpn_size, theirs, size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Takes over everything from another context, including what SSL_set_SSL_CTX() leaves unchanged. */
static bool take_context(struct eddyi_tls_carrier *t, eddy_tls_context *other)
{
    if (other->side != EDDY_TLS_SERVER || !SSL_set_SSL_CTX(t->ssl, other->ssl))
        return false;
    eddy_tls_context_ref(other);
    eddy_tls_context_unref(t->context);
    t->context = other;
    t->rules = atomic_load_explicit(&other->rules, memory_order_acquire);
    SSL_set_verify(t->ssl, SSL_CTX_get_verify_mode(other->ssl),
                   SSL_CTX_get_verify_callback(other->ssl));
    SSL_clear_options(t->ssl, ~SSL_CTX_get_options(other->ssl));
    SSL_set_options(t->ssl, SSL_CTX_get_options(other->ssl));
    X509_VERIFY_PARAM_clear_flags(SSL_get0_param(t->ssl), ~0UL);
    return X509_VERIFY_PARAM_set1(SSL_get0_param(t->ssl), SSL_CTX_get0_param(other->ssl)) == 1 &&
           SSL_set_min_proto_version(t->ssl, (int)SSL_CTX_get_min_proto_version(other->ssl)) == 1 &&
           SSL_set_max_proto_version(t->ssl, (int)SSL_CTX_get_max_proto_version(other->ssl)) == 1;
}

/*
 * Reads the extension server_name (RFC 6066, 3: a list of one name, of type host_name). The caller
 * owns *ret; NULL: there is no such extension. Returns false and sets *@alert if it is malformed or
 * memory is short.
 */
static bool read_name(SSL *ssl, char **ret, int *alert)
{
    const unsigned char *p;
    size_t size;

    *ret = NULL;
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &size))
        return true;
    *alert = SSL_AD_DECODE_ERROR;
    if (size <= 5 || size - 2 != (size_t)(p[0] << 8 | p[1]) || p[2] != TLSEXT_NAMETYPE_host_name ||
        size - 5 != (size_t)(p[3] << 8 | p[4]))
        return false;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    if (size - 5 > TLSEXT_MAXLEN_host_name || memchr(p + 5, '\0', size - 5))
        return false;
    *alert = SSL_AD_INTERNAL_ERROR;
    *ret = eddyi_alloc(size - 5 + 1);
    if (!*ret)
        return false;
    memcpy(*ret, p + 5, size - 5);
    (*ret)[size - 5] = '\0';
    return true;
}

static bool is_same_name(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool choose_context(struct eddyi_tls_carrier *t)
{
    eddy_tls_context *c = t->context, *chosen = c;

    if (!c->sni)
        return true;
    return c->sni(c->sni_arg, t->asked_for, &chosen) >= 0 &&
           (chosen == c || take_context(t, chosen));
}

/*
 * Chooses the context before OpenSSL looks for a session. A session spares the client the proof of
 * its identity, so one of another context or name must not be found; OpenSSL's callback for names
 * is called after the session was chosen, which is too late. A client that greets a second time,
 * after a HelloRetryRequest, must ask for the same name.
 */
static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
    struct eddyi_tls_carrier *t = SSL_get_app_data(ssl);
    char *name;

    if (!read_name(ssl, &name, alert))
        return SSL_CLIENT_HELLO_ERROR;
    if (t->said_hello) {
        bool same = is_same_name(name, t->asked_for);

        eddyi_free(name);
        *alert = SSL_AD_ILLEGAL_PARAMETER;
        return same ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
    }
    t->said_hello = true;
    t->asked_for = name;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    if (!choose_context(t))
        return SSL_CLIENT_HELLO_ERROR;
    *alert = SSL_AD_INTERNAL_ERROR;
    return eddyi_tls_session_bind(t, name) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

/* Tells the client that its name was recognised. */
static int acknowledge_name(SSL *ssl, int *alert, void *arg)
{
    return SSL_TLSEXT_ERR_OK;
}

int eddy_tls_context_set_sni_callback(eddy_tls_context *c, eddy_tls_sni_fn *fn, void *arg)
{
    if (c->side != EDDY_TLS_SERVER)
        return eddy_raise(-EINVAL, "it is servers that are asked for by name");
    eddyi_tls_sessions_expire(c);
    c->sni = fn;
    c->sni_arg = arg;
    return 0;
}

void eddyi_tls_names_init(eddy_tls_context *c)
{
    SSL_CTX_set_alpn_select_cb(c->ssl, choose_protocol, NULL);
    SSL_CTX_set_client_hello_cb(c->ssl, on_client_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(c->ssl, acknowledge_name);
}
