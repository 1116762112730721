/*
 * What a server is asked for: by which name it goes (SNI), and which protocols it speaks (ALPN).
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "tls/carrier.h"

#include <string.h>

/* The list as it goes over the wire: each behind a byte that says how long it is. */
static int pack(const char *const *protocols, unsigned char **ret, unsigned *ret_size)
{
    size_t size = 0;
    unsigned char *p;

    for (size_t i = 0; protocols[i]; i++) {
        size_t n = strlen(protocols[i]);

        if (n == 0 || n > 255)
            return eddy_raise(-EINVAL, "an application protocol's name has 1 to 255 bytes, not %zu", n);
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
    eddyi_free(c->alpn);
    c->alpn = alpn;
    c->alpn_size = size;
    return 0;
}

/* The first of ours that is among theirs. */
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

/* Everything of another context that OpenSSL does not take over by itself. */
static bool take_context(struct eddyi_tls_carrier *t, eddy_tls_context *other)
{
    if (other->side != EDDY_TLS_SERVER || !SSL_set_SSL_CTX(t->ssl, other->ssl))
        return false;
    eddy_tls_context_ref(other);
    eddy_tls_context_unref(t->context);
    t->context = other;
    SSL_set_verify(t->ssl, SSL_CTX_get_verify_mode(other->ssl), SSL_CTX_get_verify_callback(other->ssl));
    return true;
}

static int choose_name(SSL *ssl, int *alert, void *arg)
{
    struct eddyi_tls_carrier *t = SSL_get_app_data(ssl);
    eddy_tls_context *c = t->context, *chosen = c;

    if (!c->sni)
        return SSL_TLSEXT_ERR_OK;
    if (c->sni(c->sni_arg, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), &chosen) >= 0 &&
        (chosen == c || take_context(t, chosen)))
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int eddy_tls_context_set_sni_callback(eddy_tls_context *c, eddy_tls_sni_fn *fn, void *arg)
{
    if (c->side != EDDY_TLS_SERVER)
        return eddy_raise(-EINVAL, "it is servers that are asked for by name");
    c->sni = fn;
    c->sni_arg = arg;
    return 0;
}

void eddyi_tls_names_init(eddy_tls_context *c)
{
    SSL_CTX_set_alpn_select_cb(c->ssl, choose_protocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(c->ssl, choose_name);
}
