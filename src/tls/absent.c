/*
 * Stands in for the rest of this folder in a build without OpenSSL: no context can be created.
 */
#include "eddy/error.h"
#include "eddy/tls.h"

static int absent(void)
{
    return eddy_raise(-EOPNOTSUPP, "eddy was built without TLS (EDDY_WITH_TLS)");
}

int eddy_tls_context_new(eddy_tls_side side, eddy_tls_context **ret)
{
    return ret ? absent()
               : eddy_raise(-EINVAL, "tls_context_new: there is no place for the context");
}

eddy_tls_context *eddy_tls_context_ref(eddy_tls_context *c)
{
    return c;
}

void eddy_tls_context_unref(eddy_tls_context *c)
{
}

int eddy_tls_context_load_cert_chain(eddy_tls_context *c, const char *certfile, const char *keyfile,
                                     eddy_tls_password_fn *password, void *arg)
{
    return absent();
}

int eddy_tls_context_load_verify_locations(eddy_tls_context *c, const char *cafile,
                                           const char *capath, const char *pem)
{
    return absent();
}

int eddy_tls_context_load_default_certs(eddy_tls_context *c)
{
    return absent();
}

int eddy_tls_context_load_crls(eddy_tls_context *c, const char *crlfile)
{
    return absent();
}

int eddy_tls_context_set_verify_mode(eddy_tls_context *c, eddy_tls_verify mode)
{
    return absent();
}

int eddy_tls_context_set_check_hostname(eddy_tls_context *c, bool check)
{
    return absent();
}

int eddy_tls_context_set_alpn_protocols(eddy_tls_context *c, const char *const *protocols)
{
    return absent();
}

int eddy_tls_context_set_ciphers(eddy_tls_context *c, const char *ciphers)
{
    return absent();
}

int eddy_tls_context_set_min_version(eddy_tls_context *c, int version)
{
    return absent();
}

int eddy_tls_context_set_sni_callback(eddy_tls_context *c, eddy_tls_sni_fn *fn, void *arg)
{
    return absent();
}

void *eddy_tls_context_native(eddy_tls_context *c)
{
    return NULL;
}

int eddy_tls_context_of_ssl(void *ssl, eddy_tls_context **ret)
{
    return absent();
}

int(eddy_tls_carrier_new)(eddy_carrier *lower, eddy_tls_context *context,
                          const eddy_tls_carrier_options *options, eddy_tls_done_fn *done,
                          void *arg, eddy_carrier **ret, size_t options_size)
{
    return absent();
}
