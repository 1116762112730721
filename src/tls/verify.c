/*
 * The reason why a certificate is refused, in words.
 */
#include "base/sys.h"
#include "tls/carrier.h"

#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text, cut to the room. */
struct text {
    char bytes[320];
    size_t n;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct text *t, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(t->bytes + t->n, sizeof t->bytes - t->n, fmt, args);
    va_end(args);
    if (n > 0)
        t->n = t->n + (size_t)n < sizeof t->bytes ? t->n + (size_t)n : sizeof t->bytes - 1;
}

/* Adds foreign text without control characters, which must not reach a terminal. */
static void add_foreign(struct text *t, const unsigned char *bytes, int n)
{
    for (int i = 0; i < n && i < 64; i++)
        add(t, "%c", bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : '?');
}

static void add_subject(struct text *t, X509 *cert)
{
    char name[120];

    X509_NAME_oneline(X509_get_subject_name(cert), name, sizeof name);
    add_foreign(t, (const unsigned char *)name, (int)strlen(name));
}

static void add_address(struct text *t, const ASN1_OCTET_STRING *a)
{
    if (a->length == 4)
        add(t, "%d.%d.%d.%d", a->data[0], a->data[1], a->data[2], a->data[3]);
    else if (a->length == 16)
        for (int i = 0; i < 16; i += 2)
            add(t, "%s%x", i ? ":" : "", a->data[i] << 8 | a->data[i + 1]);
}

/* Adds the names that the certificate has instead of the expected one. */
static void add_names(struct text *t, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = names ? sk_GENERAL_NAME_num(names) : 0, shown = 0;

    for (int i = 0; i < n && shown < 4; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_DNS && name->type != GEN_IPADD)
            continue;
        add(t, "%s", shown++ ? ", " : " it is for ");
        if (name->type == GEN_DNS)
            add_foreign(t, ASN1_STRING_get0_data(name->d.dNSName),
                        ASN1_STRING_length(name->d.dNSName));
        else
            add_address(t, name->d.iPAddress);
    }
    if (shown == 0)
        add(t, " it names no host (its common name does not count)");
    GENERAL_NAMES_free(names);
}

static void explain(struct text *t, X509_STORE_CTX *store)
{
    int error = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);

    add(t, "%s", X509_verify_cert_error_string(error));
    if (!cert)
        return;
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        add(t, ":");
        add_names(t, cert);
        return;
    }
    if (error == X509_V_ERR_INVALID_PURPOSE && depth == 0)
        add(t, X509_check_ca(cert) ? ": it is that of an authority, not of a server or client"
                                   : ": it is meant for another use");
    add(t, depth == 0 ? " (" : " (an authority, ");
    add_subject(t, cert);
    add(t, ")");
}

int eddyi_tls_verify_callback(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct eddyi_tls_carrier *t = ssl ? SSL_get_app_data(ssl) : NULL;
    struct text text = {.n = 0};

    if (ok || !t || t->refusal)
        return ok;
    explain(&text, store);
    t->refusal = eddyi_strdup(text.bytes);
    return ok;
}
