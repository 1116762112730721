/*
 * The extra info of a TLS connection.
 */
#include "net/socket.h"
#include "tls/carrier.h"

#include <openssl/pem.h>
#include <string.h>

static ssize_t text(void *ret, size_t size, const char *s)
{
    return s ? eddyi_info_copy(ret, size, s, strlen(s) + 1) : -ENOENT;
}

static ssize_t pointer(void *ret, size_t size, const void *p)
{
    return eddyi_info_copy(ret, size, &p, sizeof p);
}

static ssize_t peercert(struct eddyi_tls_carrier *t, bool for_people, void *ret, size_t size)
{
    X509 *cert = SSL_get0_peer_certificate(t->ssl);
    BIO *memory = cert ? BIO_new(BIO_s_mem()) : NULL;
    char *bytes;
    ssize_t n = -ENOENT;

    if (!memory)
        return cert ? -ENOMEM : -ENOENT;
    if (for_people ? X509_print(memory, cert) == 1 && BIO_write(memory, "", 1) == 1
                   : i2d_X509_bio(memory, cert) == 1) {
        n = BIO_get_mem_data(memory, &bytes);
        eddyi_info_copy(ret, size, bytes, (size_t)n);
    }
    BIO_free(memory);
    return n;
}

static ssize_t alpn(struct eddyi_tls_carrier *t, void *ret, size_t size)
{
    const unsigned char *name;
    unsigned n;
    char copy[256];

    SSL_get0_alpn_selected(t->ssl, &name, &n);
    if (n == 0)
        return -ENOENT;
    memcpy(copy, name, n);
    copy[n] = '\0';
    return text(ret, size, copy);
}

ssize_t eddyi_tls_get_extra_info(eddy_carrier *c, const char *name, void *ret, size_t size)
{
    struct eddyi_tls_carrier *t = eddyi_tls_of(c);

    if (strcmp(name, "peercert") == 0 || strcmp(name, "peercert_text") == 0)
        return peercert(t, name[8] != '\0', ret, size);
    if (strcmp(name, "cipher") == 0)
        return text(ret, size, SSL_get_current_cipher(t->ssl) ? SSL_get_cipher_name(t->ssl) : NULL);
    if (strcmp(name, "version") == 0)
        return text(ret, size, SSL_get_version(t->ssl));
    if (strcmp(name, "alpn") == 0)
        return alpn(t, ret, size);
    if (strcmp(name, "compression") == 0)
        return -ENOENT;
    if (strcmp(name, "server_hostname") == 0)
        return text(ret, size, SSL_get_servername(t->ssl, TLSEXT_NAMETYPE_host_name));
    if (strcmp(name, "session_reused") == 0)
        return eddyi_info_copy(ret, size, &(int){SSL_session_reused(t->ssl)}, sizeof(int));
    if (strcmp(name, "ssl_object") == 0)
        return pointer(ret, size, t->ssl);
    if (strcmp(name, "sslcontext") == 0)
        return pointer(ret, size, t->context);
    return t->lower && t->lower->ops->get_extra_info
               ? t->lower->ops->get_extra_info(t->lower, name, ret, size)
               : -ENOENT;
}
