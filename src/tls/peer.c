/*
 * The name of the server that a client expects.
 */
#include "base/sys.h"
#include "tls/carrier.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* Copies the name as certificates have it: without the dot of the root, and an address without its
 * interface. */
static int copy_host(struct eddyi_tls_carrier *t, const char *host)
{
    size_t n = strlen(host);

    if (n == 0 || host[0] == '.' || n > 255)
        return eddy_raise(-EINVAL, "'%.60s' is no name that a server can have", host);
    t->host = eddyi_strdup(host);
    if (!t->host)
        return eddy_raise(-ENOMEM, NULL);
    if (strchr(host, ':') && strchr(host, '%'))
        *strchr(t->host, '%') = '\0';
    else if (n > 1 && t->host[n - 1] == '.')
        t->host[n - 1] = '\0';
    return 0;
}

int eddyi_tls_expect(struct eddyi_tls_carrier *t, const char *host)
{
    bool address, check = t->context->check_hostname;
    int rc, ok = 1;

    if (!host && check)
        return eddy_raise(-EINVAL,
                          "TLS: no .server_hostname, which the certificate could be checked for");
    if (!host)
        return 0;
    rc = copy_host(t, host);
    if (rc < 0)
        return rc;
    address = is_address(t->host);
    if (!address)
        ok = (int)SSL_set_tlsext_host_name(t->ssl, t->host);
    if (ok == 1 && check)
        ok = address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), t->host)
                     : SSL_set1_host(t->ssl, t->host);
    return ok == 1 ? 0 : eddyi_tls_raise(-EINVAL, "'%.60s' as the name of a server", host);
}
