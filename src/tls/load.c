/*
 * Loading into a context: its own certificate and key, trusted authorities, and revocation lists.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "tls/context.h"

#include <openssl/err.h>
#include <openssl/pem.h>

struct password {
    eddy_tls_password_fn *fn;
    void *arg;
    bool missing; /* OpenSSL asked for it, and there is none */
};

static int ask_password(char *buf, int size, int writing, void *arg)
{
    struct password *p = arg;
    int n = p->fn ? p->fn(p->arg, buf, size) : -1;

    p->missing = n < 0;
    return n;
}

static int load_key(eddy_tls_context *c, const char *file, const struct password *p)
{
    if (SSL_CTX_use_PrivateKey_file(c->ssl, file, SSL_FILETYPE_PEM) == 1)
        return 0;
    if (p->missing)
        return eddyi_tls_raise(EDDY_ETLS, "%s: the key is encrypted, and there is no password",
                               file);
    return eddyi_tls_raise(EDDY_ETLS, "%s: no key that could be read", file);
}

int eddy_tls_context_load_cert_chain(eddy_tls_context *c, const char *certfile, const char *keyfile,
                                     eddy_tls_password_fn *password, void *arg)
{
    struct password p = {password, arg, false};
    pem_password_cb *before = SSL_CTX_get_default_passwd_cb(c->ssl);
    int rc = 0;

    ERR_clear_error();
    eddyi_tls_sessions_expire(c);
    SSL_CTX_set_default_passwd_cb(c->ssl, ask_password);
    SSL_CTX_set_default_passwd_cb_userdata(c->ssl, &p);
    if (SSL_CTX_use_certificate_chain_file(c->ssl, certfile) != 1)
        rc = eddyi_tls_raise(EDDY_ETLS, "%s: no certificate that could be used", certfile);
    if (rc == 0)
        rc = load_key(c, keyfile ? keyfile : certfile, &p);
    if (rc == 0 && SSL_CTX_check_private_key(c->ssl) != 1)
        rc = eddyi_tls_raise(EDDY_ETLS, "%s: not the key of %s", keyfile ? keyfile : certfile,
                             certfile);
    SSL_CTX_set_default_passwd_cb(c->ssl, before);
    SSL_CTX_set_default_passwd_cb_userdata(c->ssl, NULL);
    return rc;
}

static void trusts(eddy_tls_context *c)
{
    pthread_mutex_lock(&c->mutex);
    c->trusts = true;
    pthread_mutex_unlock(&c->mutex);
}

static int load_text(eddy_tls_context *c, const char *pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
    BIO *text = BIO_new_mem_buf(pem, -1);
    X509 *cert;
    int n = 0, ok = 1;

    while (text && ok == 1 && (cert = PEM_read_bio_X509(text, NULL, NULL, NULL)) != NULL) {
        ok = X509_STORE_add_cert(store, cert);
        X509_free(cert);
        n++;
    }
    BIO_free(text);
    if (ok == 1 && n > 0 && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        return 0;
    }
    return eddyi_tls_raise(EDDY_ETLS, "certificates of authorities in a text");
}

int eddy_tls_context_load_verify_locations(eddy_tls_context *c, const char *cafile,
                                           const char *capath, const char *pem)
{
    if (!cafile && !capath && !pem)
        return eddy_raise(-EINVAL, "load_verify_locations: neither file, nor directory, nor text");
    ERR_clear_error();
    eddyi_tls_sessions_expire(c);
    if (cafile && SSL_CTX_load_verify_file(c->ssl, cafile) != 1)
        return eddyi_tls_raise(EDDY_ETLS, "%s: no certificates of authorities", cafile);
    if (capath && SSL_CTX_load_verify_dir(c->ssl, capath) != 1)
        return eddyi_tls_raise(EDDY_ETLS, "%s: no directory of certificates", capath);
    if (pem) {
        int rc = load_text(c, pem);

        if (rc < 0)
            return rc;
    }
    trusts(c);
    return 0;
}

static int load_default_certs(eddy_tls_context *c)
{
    ERR_clear_error();
    if (SSL_CTX_set_default_verify_paths(c->ssl) != 1)
        return eddyi_tls_raise(EDDY_ETLS, "the system's authorities");
    return 0;
}

int eddy_tls_context_load_default_certs(eddy_tls_context *c)
{
    int rc;

    eddyi_tls_sessions_expire(c);
    rc = load_default_certs(c);
    if (rc == 0)
        trusts(c);
    return rc;
}

int eddy_tls_context_load_crls(eddy_tls_context *c, const char *crlfile)
{
    X509_STORE *store = SSL_CTX_get_cert_store(c->ssl);
    X509_LOOKUP *lookup;

    ERR_clear_error();
    eddyi_tls_sessions_expire(c);
    lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, crlfile, X509_FILETYPE_PEM) < 1)
        return eddyi_tls_raise(EDDY_ETLS, "%s: no lists of revoked certificates", crlfile);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(c->ssl), X509_V_FLAG_CRL_CHECK);
    return 0;
}

/* Loads the system's authorities before the first connection of a client that was given no
 * others. */
int eddyi_tls_context_prepare(eddy_tls_context *c)
{
    int rc = 0;

    if (c->side == EDDY_TLS_SERVER)
        return 0;
    pthread_mutex_lock(&c->mutex);
    if (!c->trusts)
        rc = load_default_certs(c);
    c->trusts = rc == 0;
    pthread_mutex_unlock(&c->mutex);
    return rc;
}
