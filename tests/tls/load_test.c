/*
 * Contexts that load certificates, keys, authorities and lists of the revoked from files and texts;
 * and the errors for those that are refused.
 */
#include "io/places.h"
#include "tls/certificates.h"

static eddy_tls_context *make_context(eddy_tls_side side)
{
    eddy_tls_context *c = NULL;

    REQUIRE(eddy_tls_context_new(side, &c) == 0);
    return c;
}

static void write_cert(const char *path, const struct identity *i)
{
    FILE *f = fopen(path, "we");

    REQUIRE(f != NULL);
    PEM_write_X509(f, i->cert);
    fclose(f);
}

/* @password NULL: in clear. */
static void write_key(const char *path, const struct identity *i, const char *password)
{
    FILE *f = fopen(path, "we");

    REQUIRE(f != NULL);
    PEM_write_PrivateKey(f, i->key, password ? EVP_aes_128_cbc() : NULL,
                         (const unsigned char *)password, password ? (int)strlen(password) : 0,
                         NULL, NULL);
    fclose(f);
}

static struct identity make_server(void)
{
    return identity_make(&(struct likeness){.name = "server", .hosts = "DNS:server.test"});
}

/* Expects that the call has failed with @p code, and that the message contains @p words. */
#define EXPECT_REFUSED(rc, code, words)                                                            \
    do {                                                                                           \
        EXPECT_EQ(rc, code);                                                                       \
        EXPECT_IN(words, eddy_exception_message(eddy_error()));                                    \
    } while (0)

TEST(no_context_has_no_references)
{
    EXPECT(eddy_tls_context_ref(NULL) == NULL);
    eddy_tls_context_unref(NULL);
}

TEST(a_certificate_and_its_key_are_loaded_from_one_file_or_two)
{
    struct place p = place_make();
    struct identity server = make_server();
    eddy_tls_context *c = make_context(EDDY_TLS_SERVER);
    FILE *f;

    write_cert(p.a, &server);
    write_key(p.b, &server, NULL);
    EXPECT_EQ(eddy_tls_context_load_cert_chain(c, p.a, p.b, NULL, NULL), 0);

    f = fopen(p.a, "ae");
    REQUIRE(f != NULL);
    PEM_write_PrivateKey(f, server.key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    EXPECT_EQ(eddy_tls_context_load_cert_chain(c, p.a, NULL, NULL, NULL), 0);

    eddy_tls_context_unref(c);
    identity_free(&server);
    place_remove(&p);
}

TEST(a_file_that_is_not_there_is_named_with_the_systems_error)
{
    struct place p = place_make();
    struct identity server = make_server();
    eddy_tls_context *c = make_context(EDDY_TLS_SERVER);

    EXPECT_REFUSED(eddy_tls_context_load_cert_chain(c, p.a, NULL, NULL, NULL), -ENOENT, p.a);
    write_cert(p.a, &server);
    EXPECT_REFUSED(eddy_tls_context_load_cert_chain(c, p.a, p.b, NULL, NULL), -ENOENT, p.b);
    EXPECT_REFUSED(eddy_tls_context_load_verify_locations(c, p.b, NULL, NULL), -ENOENT, p.b);
    EXPECT_REFUSED(eddy_tls_context_load_crls(c, p.b), -ENOENT, p.b);

    eddy_tls_context_unref(c);
    identity_free(&server);
    place_remove(&p);
}

TEST(a_file_that_holds_something_else_is_refused_with_its_name)
{
    struct place p = place_make();
    struct identity server = make_server();
    eddy_tls_context *c = make_context(EDDY_TLS_SERVER);

    fill(p.b, "-----BEGIN NOTHING-----\n");
    EXPECT_REFUSED(eddy_tls_context_load_cert_chain(c, p.b, NULL, NULL, NULL), EDDY_ETLS,
                   "no certificate that could be used");
    write_cert(p.a, &server);
    EXPECT_REFUSED(eddy_tls_context_load_cert_chain(c, p.a, p.b, NULL, NULL), EDDY_ETLS,
                   "no key that could be read");
    EXPECT_REFUSED(eddy_tls_context_load_verify_locations(c, p.b, NULL, NULL), EDDY_ETLS,
                   "no certificates of authorities");
    EXPECT_REFUSED(eddy_tls_context_load_crls(c, p.b), EDDY_ETLS,
                   "no lists of revoked certificates");

    eddy_tls_context_unref(c);
    identity_free(&server);
    place_remove(&p);
}

TEST(the_key_of_another_certificate_is_refused)
{
    struct place p = place_make();
    struct identity server = make_server(), other = make_server();
    eddy_tls_context *c = make_context(EDDY_TLS_SERVER);

    write_cert(p.a, &server);
    write_key(p.b, &other, NULL);
    EXPECT_EQ(eddy_tls_context_load_cert_chain(c, p.a, p.b, NULL, NULL), EDDY_ETLS);

    eddy_tls_context_unref(c);
    identity_free(&server);
    identity_free(&other);
    place_remove(&p);
}

static int tell_password(void *arg, char *buf, int size)
{
    const char *password = arg;

    if (!password)
        return -1;
    return snprintf(buf, (size_t)size, "%s", password);
}

TEST(the_password_of_an_encrypted_key_is_asked_for)
{
    struct place p = place_make();
    struct identity server = make_server();
    eddy_tls_context *c = make_context(EDDY_TLS_SERVER);
    char right[] = "open sesame", wrong[] = "open barley";

    write_cert(p.a, &server);
    write_key(p.b, &server, right);
    EXPECT_EQ(eddy_tls_context_load_cert_chain(c, p.a, p.b, tell_password, right), 0);
    EXPECT_EQ(eddy_tls_context_load_cert_chain(c, p.a, p.b, tell_password, wrong), EDDY_ETLS);
    EXPECT_REFUSED(eddy_tls_context_load_cert_chain(c, p.a, p.b, tell_password, NULL), EDDY_ETLS,
                   "there is no password");
    EXPECT_REFUSED(eddy_tls_context_load_cert_chain(c, p.a, p.b, NULL, NULL), EDDY_ETLS,
                   "there is no password");

    eddy_tls_context_unref(c);
    identity_free(&server);
    place_remove(&p);
}

TEST(authorities_come_from_a_file_a_directory_or_a_text)
{
    struct place p = place_make();
    struct identity authority = authority_make("authority", NULL, NULL);
    eddy_tls_context *c = make_context(EDDY_TLS_CLIENT);

    write_cert(p.a, &authority);
    EXPECT_EQ(eddy_tls_context_load_verify_locations(c, p.a, NULL, NULL), 0);
    EXPECT_EQ(eddy_tls_context_load_verify_locations(c, NULL, p.dir, NULL), 0);
    EXPECT_EQ(context_trust(c, &authority), 0);
    EXPECT_EQ(eddy_tls_context_load_default_certs(c), 0);
    EXPECT_REFUSED(eddy_tls_context_load_verify_locations(c, NULL, NULL, NULL), -EINVAL,
                   "neither file, nor directory, nor text");
    EXPECT_REFUSED(eddy_tls_context_load_verify_locations(c, NULL, NULL, "no certificate"),
                   EDDY_ETLS, "in a text");
    EXPECT_REFUSED(
        eddy_tls_context_load_verify_locations(
            c, NULL, NULL, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        EDDY_ETLS, "in a text");

    eddy_tls_context_unref(c);
    identity_free(&authority);
    place_remove(&p);
}

TEST(names_of_application_protocols_have_1_to_255_bytes)
{
    eddy_tls_context *c = make_context(EDDY_TLS_CLIENT);
    char longest[257];

    memset(longest, 'x', sizeof longest);
    longest[256] = '\0';
    EXPECT_REFUSED(
        eddy_tls_context_set_alpn_protocols(c, (const char *const[]){"h2", longest, NULL}), -EINVAL,
        "not 256");
    EXPECT_REFUSED(eddy_tls_context_set_alpn_protocols(c, (const char *const[]){"", NULL}), -EINVAL,
                   "not 0");
    EXPECT_REFUSED(eddy_tls_context_set_alpn_protocols(c, (const char *const[]){NULL}), -EINVAL,
                   "none, or too many");
    longest[255] = '\0';
    EXPECT_EQ(eddy_tls_context_set_alpn_protocols(c, (const char *const[]){longest, "h2", NULL}),
              0);
    EXPECT_EQ(eddy_tls_context_set_alpn_protocols(c, (const char *const[]){"http/1.1", NULL}), 0);

    eddy_tls_context_unref(c);
}
