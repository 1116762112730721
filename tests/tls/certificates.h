/*
 * Certificates for tests, good and bad, made on the spot: an authority, and whom it vouches for.
 */
#ifndef EDDY_TEST_CERTIFICATES_H
#define EDDY_TEST_CERTIFICATES_H

#include "harness/test.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

/* A certificate and its key. */
struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

/* The properties of a certificate; those that are left out make a good one for a server. */
struct likeness {
    const char *name;        /* the common name */
    const char *hosts;       /* subjectAltName: "DNS:a.test, IP:127.0.0.1"; NULL: none */
    struct identity *issuer; /* NULL: it vouches for itself */
    const char *constraints; /* "critical, CA:TRUE"; NULL: "critical, CA:FALSE" */
    const char *usage;       /* keyUsage; NULL: "critical, digitalSignature" */
    const char *purpose;     /* extendedKeyUsage; NULL: "serverAuth, clientAuth" */
    int from, until;         /* days from today; 0: yesterday, tomorrow */
    const EVP_MD *digest;    /* NULL: SHA-256 */
    unsigned rsa_bits;       /* 0: an elliptic key */
    int extension;           /* one more, by its NID; 0: none */
    const char *value;       /* of that */
    bool bad_signature;
};

static inline void identity_free(struct identity *i)
{
    X509_free(i->cert);
    EVP_PKEY_free(i->key);
    *i = (struct identity){0};
}

static inline void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    REQUIRE(extension != NULL);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline struct identity identity_make(const struct likeness *l)
{
    static long serial = 1;
    struct identity made = {.cert = X509_new()};
    X509 *issuer = l->issuer ? l->issuer->cert : made.cert;
    X509_NAME *name = X509_get_subject_name(made.cert);

    made.key = l->rsa_bits ? EVP_RSA_gen(l->rsa_bits) : EVP_EC_gen("P-256");
    REQUIRE(made.key != NULL);
    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), ++serial);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)l->name, -1, -1, 0);
    X509_set_issuer_name(made.cert, X509_get_subject_name(issuer));
    X509_gmtime_adj(X509_getm_notBefore(made.cert), (l->from ? l->from : -1) * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), (l->until ? l->until : 1) * 86400L);
    X509_set_pubkey(made.cert, made.key);
    extend(made.cert, issuer, NID_basic_constraints,
           l->constraints ? l->constraints : "critical, CA:FALSE");
    extend(made.cert, issuer, NID_key_usage, l->usage ? l->usage : "critical, digitalSignature");
    extend(made.cert, issuer, NID_subject_key_identifier, "hash");
    extend(made.cert, issuer, NID_authority_key_identifier, "keyid");
    if (l->purpose || !l->constraints)
        extend(made.cert, issuer, NID_ext_key_usage,
               l->purpose ? l->purpose : "serverAuth, clientAuth");
    if (l->hosts)
        extend(made.cert, issuer, NID_subject_alt_name, l->hosts);
    if (l->extension)
        extend(made.cert, issuer, l->extension, l->value);
    REQUIRE(X509_sign(made.cert, l->issuer ? l->issuer->key : made.key,
                      l->digest ? l->digest : EVP_sha256()) > 0);
    if (l->bad_signature) {
        const ASN1_BIT_STRING *signature;

        X509_get0_signature(&signature, NULL, made.cert);
        signature->data[signature->length - 1] ^= 1;
    }
    return made;
}

/* An authority, below another or at the top. */
static inline struct identity authority_make(const char *name, struct identity *issuer,
                                             const char *constraints)
{
    return identity_make(
        &(struct likeness){.name = name,
                           .issuer = issuer,
                           .constraints = constraints ? constraints : "critical, CA:TRUE",
                           .usage = "critical, keyCertSign, cRLSign"});
}

/* A context that shows this certificate. */
static inline void context_show(eddy_tls_context *c, const struct identity *i)
{
    SSL_CTX *ssl = eddy_tls_context_native(c);

    EXPECT_EQ(SSL_CTX_use_certificate(ssl, i->cert), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(ssl, i->key), 1);
}

/* A context that trusts this one, as eddy_tls_context_load_verify_locations() has it. 0, or the
 * error. */
static inline int context_trust(eddy_tls_context *c, const struct identity *i)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *pem;
    int rc;

    PEM_write_bio_X509(memory, i->cert);
    BIO_write(memory, "", 1);
    BIO_get_mem_data(memory, &pem);
    rc = eddy_tls_context_load_verify_locations(c, NULL, NULL, pem);
    BIO_free(memory);
    return rc;
}

#endif
