#include "tls/context.h"

#include "base/refs.h"
#include "base/sys.h"
#include "eddy/error.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Refuses an encrypted key; without this function OpenSSL would ask at the terminal. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    return -1;
}

/* Sets what ssl.create_default_context() of Python 3.13 sets, and what eddy's carriers depend
 * on. */
static void set_defaults(eddy_tls_context *c)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(c->ssl);

    SSL_CTX_set_min_proto_version(c->ssl, TLS1_2_VERSION);
    if (SSL_CTX_get_security_level(c->ssl) < 2)
        SSL_CTX_set_security_level(c->ssl, 2);
    SSL_CTX_set_options(c->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_ECDH_USE |
                                    SSL_OP_SINGLE_DH_USE);
    SSL_CTX_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(c->ssl, 1);
    SSL_CTX_set_max_early_data(c->ssl, 0);
    SSL_CTX_set_dh_auto(c->ssl, 1);
    SSL_CTX_set_default_passwd_cb(c->ssl, no_password);
    SSL_CTX_set_verify(c->ssl, c->side == EDDY_TLS_CLIENT ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       eddyi_tls_verify_callback);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN |
                                           X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

int eddy_tls_context_new(eddy_tls_side side, eddy_tls_context **ret)
{
    eddy_tls_context *c;
    int rc;

    if (!ret)
        return eddy_raise(-EINVAL, "tls_context_new: there is no place for the context");
    c = eddyi_zalloc(sizeof *c);
    if (!c)
        return eddy_raise(-ENOMEM, NULL);
    ERR_clear_error();
    if (!eddyi_fault("SSL_CTX_new"))
        c->ssl = SSL_CTX_new(side == EDDY_TLS_SERVER ? TLS_server_method() : TLS_client_method());
    if (!c->ssl) {
        eddyi_free(c);
        return ERR_peek_error() ? eddyi_tls_raise(EDDY_ETLS, "a TLS context")
                                : eddy_raise(-ENOMEM, NULL);
    }
    c->base.ops = &eddyi_tls_ops;
    c->refs = 1;
    c->side = side;
    c->check_hostname = side == EDDY_TLS_CLIENT;
    pthread_mutex_init(&c->mutex, NULL);
    SSL_CTX_set_app_data(c->ssl, c);
    set_defaults(c);
    rc = eddyi_tls_sessions_init(c);
    if (rc < 0) {
        eddy_tls_context_unref(c);
        return rc;
    }
    if (side == EDDY_TLS_SERVER)
        eddyi_tls_names_init(c);
    *ret = c;
    return 0;
}

int eddy_tls_context_of_ssl(void *ssl, eddy_tls_context **ret)
{
    eddy_tls_context *c;

    if (!ssl || !ret)
        return eddy_raise(-EINVAL, "tls_context_of_ssl: an SSL and a place for the context");
    c = eddyi_zalloc(sizeof *c);
    if (!c)
        return eddy_raise(-ENOMEM, NULL);
    c->base.ops = &eddyi_tls_ops;
    c->refs = 1;
    c->given = ssl;
    c->ssl = SSL_get_SSL_CTX(ssl);
    SSL_up_ref(c->given);
    SSL_CTX_up_ref(c->ssl);
    c->side = SSL_is_server(ssl) ? EDDY_TLS_SERVER : EDDY_TLS_CLIENT;
    pthread_mutex_init(&c->mutex, NULL);
    eddyi_list_init(&c->sessions);
    *ret = c;
    return 0;
}

eddy_tls_context *eddy_tls_context_ref(eddy_tls_context *c)
{
    if (c)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void eddy_tls_context_unref(eddy_tls_context *c)
{
    if (!c || !eddyi_refs_drop_shared(&c->refs))
        return;
    eddyi_tls_sessions_clear(c);
    SSL_free(c->given);
    SSL_CTX_free(c->ssl);
    pthread_mutex_destroy(&c->mutex);
    eddyi_free(c->alpn);
    eddyi_free(c);
}

int eddy_tls_context_set_verify_mode(eddy_tls_context *c, eddy_tls_verify mode)
{
    static const int modes[] = {SSL_VERIFY_NONE, SSL_VERIFY_PEER,
                                SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT};

    if ((unsigned)mode > EDDY_TLS_VERIFY_REQUIRED)
        return eddy_raise(-EINVAL, "verify mode %d: there is none such", (int)mode);
    if (mode == EDDY_TLS_VERIFY_NONE && c->check_hostname)
        return eddy_raise(-EINVAL,
                          "certificates cannot go unverified while host names are checked");
    eddyi_tls_sessions_expire(c);
    SSL_CTX_set_verify(c->ssl, modes[mode], SSL_CTX_get_verify_callback(c->ssl));
    return 0;
}

int eddy_tls_context_set_check_hostname(eddy_tls_context *c, bool check)
{
    if (c->side == EDDY_TLS_SERVER && check)
        return eddy_raise(-EINVAL, "a server has no host name to check");
    eddyi_tls_sessions_expire(c);
    c->check_hostname = check;
    if (check && SSL_CTX_get_verify_mode(c->ssl) == SSL_VERIFY_NONE)
        return eddy_tls_context_set_verify_mode(c, EDDY_TLS_VERIFY_REQUIRED);
    return 0;
}

int eddy_tls_context_set_ciphers(eddy_tls_context *c, const char *ciphers)
{
    ERR_clear_error();
    eddyi_tls_sessions_expire(c);
    if (SSL_CTX_set_cipher_list(c->ssl, ciphers) != 1)
        return eddyi_tls_raise(EDDY_ETLS, "ciphers '%s'", ciphers);
    return 0;
}

int eddy_tls_context_set_min_version(eddy_tls_context *c, int version)
{
    if (version != 12 && version != 13)
        return eddy_raise(-EINVAL, "the oldest version of TLS can be 12 or 13, not %d", version);
    eddyi_tls_sessions_expire(c);
    SSL_CTX_set_min_proto_version(c->ssl, version == 13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    return 0;
}

void *eddy_tls_context_native(eddy_tls_context *c)
{
    return c->ssl;
}
