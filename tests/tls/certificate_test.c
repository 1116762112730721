/*
 * Certificates that are not accepted: each is refused, with a message that says what is wrong with
 * it.
 */
#include "tls/tls.h"

#include <unistd.h>

static struct parties all;

/* A handshake with a server that shows @shown, and nothing else. The client's status. */
static int meet(const struct identity *shown, const char *hostname, struct identity *between)
{
    struct pair pair;
    SSL_CTX *ssl;
    int rc;

    eddy_tls_context_unref(all.server_context);
    all.server_context = NULL;
    REQUIRE(eddy_tls_context_new(EDDY_TLS_SERVER, &all.server_context) == 0);
    ssl = eddy_tls_context_native(all.server_context);
    SSL_CTX_set_security_level(ssl, 0); /* a server that would show anything */
    context_show(all.server_context, shown);
    for (struct identity *i = between; i && i->cert; i++)
        SSL_CTX_add1_chain_cert(ssl, i->cert);
    pair_open(&pair);
    rc = pair_start_tls(&pair, &all, hostname, NULL);
    eddy_writer_abort(pair.writer[0]);
    eddy_writer_abort(pair.writer[1]);
    pair_free(&pair);
    return rc;
}

static void expect_refused(struct identity shown, const char *hostname, struct identity *between,
                           const char *message)
{
    int rc = meet(&shown, hostname, between);

    if (EXPECT_EQ(rc, EDDY_ECERT))
        EXPECT_IN(message, client_message);
    identity_free(&shown);
    parties_free(&all);
}

/* A certificate of the authority's, with something wrong about it. */
static void expect_leaf_refused(struct likeness l, const char *message)
{
    l.name = "server";
    if (!l.issuer)
        l.issuer = &all.authority;
    if (!l.hosts)
        l.hosts = "DNS:server.test";
    expect_refused(identity_make(&l), "server.test", NULL, message);
}

TEST_ASYNC(a_good_certificate_is_accepted_by_name_and_by_address)
{
    parties_make(&all);
    EXPECT_EQ(meet(&all.server, "server.test", NULL), 0);
    EXPECT_EQ(meet(&all.server, "SERVER.test.", NULL), 0);
    EXPECT_EQ(meet(&all.server, "127.0.0.1", NULL), 0);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(one_that_has_expired_is_refused)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.from = -10, .until = -1}, "certificate has expired");
    return 0;
}

TEST_ASYNC(one_that_is_not_valid_yet_is_refused)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.from = 1, .until = 10}, "certificate is not yet valid");
    return 0;
}

TEST_ASYNC(one_that_vouches_for_itself_is_refused)
{
    parties_make(&all);
    expect_refused(identity_make(&(struct likeness){.name = "server", .hosts = "DNS:server.test"}),
                   "server.test", NULL, "self-signed certificate (");
    return 0;
}

TEST_ASYNC(one_of_an_unknown_authority_is_refused)
{
    struct identity stranger = authority_make("Stranger", NULL, NULL);

    parties_make(&all);
    expect_leaf_refused((struct likeness){.issuer = &stranger},
                        "unable to get local issuer certificate");
    identity_free(&stranger);
    return 0;
}

TEST_ASYNC(one_of_an_unknown_authority_that_is_shown_as_well_is_refused)
{
    struct identity chain[2] = {authority_make("Stranger", NULL, NULL)};

    parties_make(&all);
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "DNS:server.test", .issuer = &chain[0]}),
                   "server.test", chain, "self-signed certificate in certificate chain");
    identity_free(&chain[0]);
    return 0;
}

TEST_ASYNC(one_for_another_name_is_refused_and_the_message_says_for_which)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.hosts = "DNS:other.test, DNS:www.other.test"},
                        "hostname mismatch: it is for other.test, www.other.test");
    return 0;
}

TEST_ASYNC(one_for_another_address_is_refused)
{
    parties_make(&all);
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "IP:192.0.2.1", .issuer = &all.authority}),
                   "192.0.2.2", NULL, "IP address mismatch: it is for 192.0.2.1");
    return 0;
}

TEST_ASYNC(an_address_as_a_name_does_not_count)
{
    parties_make(&all);
    expect_refused(identity_make(&(struct likeness){
                       .name = "192.0.2.2", .hosts = "DNS:192.0.2.2", .issuer = &all.authority}),
                   "192.0.2.2", NULL, "IP address mismatch");
    return 0;
}

TEST_ASYNC(a_common_name_does_not_count)
{
    parties_make(&all);
    expect_refused(
        identity_make(&(struct likeness){.name = "server.test", .issuer = &all.authority}),
        "server.test", NULL, "hostname mismatch: it names no host");
    return 0;
}

TEST_ASYNC(a_star_stands_for_one_label_only)
{
    parties_make(&all);
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "DNS:*.server.test", .issuer = &all.authority}),
                   "a.b.server.test", NULL, "hostname mismatch: it is for *.server.test");
    return 0;
}

TEST_ASYNC(a_star_within_a_label_does_not_count)
{
    parties_make(&all);
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "DNS:w*.server.test", .issuer = &all.authority}),
                   "www.server.test", NULL, "hostname mismatch: it is for w*.server.test");
    return 0;
}

TEST_ASYNC(a_clients_certificate_is_refused_from_a_server)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.purpose = "clientAuth"}, "it is meant for another use");
    return 0;
}

TEST_ASYNC(an_authoritys_own_certificate_is_refused_from_a_server)
{
    parties_make(&all);
    expect_leaf_refused(
        (struct likeness){.constraints = "critical, CA:TRUE", .usage = "critical, keyCertSign"},
        "it is that of an authority");
    return 0;
}

TEST_ASYNC(a_certificate_that_is_no_authority_cannot_vouch_for_others)
{
    struct identity chain[2] = {{0}};

    parties_make(&all);
    chain[0] = identity_make(&(struct likeness){.name = "no authority", .issuer = &all.authority});
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "DNS:server.test", .issuer = &chain[0]}),
                   "server.test", chain, "invalid CA certificate (an authority, /CN=no authority)");
    identity_free(&chain[0]);
    return 0;
}

/* A server's certificate by an authority that is like this, itself one of the trusted
 * authority's. */
static void expect_issuer_refused(struct likeness l, const char *message)
{
    struct identity chain[2] = {{0}};

    l.name = "between";
    l.issuer = &all.authority;
    l.constraints = "critical, CA:TRUE";
    l.usage = "critical, keyCertSign";
    chain[0] = identity_make(&l);
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "DNS:server.test", .issuer = &chain[0]}),
                   "server.test", chain, message);
    identity_free(&chain[0]);
}

TEST_ASYNC(one_of_an_authority_that_has_expired_is_refused)
{
    parties_make(&all);
    expect_issuer_refused((struct likeness){.from = -10, .until = -1},
                          "certificate has expired (an authority, /CN=between)");
    return 0;
}

TEST_ASYNC(an_authority_cannot_vouch_for_names_that_are_not_its_own)
{
    parties_make(&all);
    expect_issuer_refused((struct likeness){.extension = NID_name_constraints,
                                            .value = "critical, permitted;DNS:elsewhere.test"},
                          "permitted subtree violation");
    return 0;
}

TEST_ASYNC(one_with_an_unknown_critical_extension_is_refused)
{
    parties_make(&all);
    expect_leaf_refused(
        (struct likeness){.extension = NID_netscape_comment, .value = "critical, heed this"},
        "unhandled critical extension");
    return 0;
}

TEST_ASYNC(a_chain_is_no_longer_than_its_authority_allows)
{
    struct identity chain[3] = {{0}};

    parties_make(&all);
    chain[1] = authority_make("first", &all.authority, "critical, CA:TRUE, pathlen:0");
    chain[0] = authority_make("second", &chain[1], NULL);
    expect_refused(identity_make(&(struct likeness){
                       .name = "server", .hosts = "DNS:server.test", .issuer = &chain[0]}),
                   "server.test", chain, "path length constraint exceeded");
    identity_free(&chain[0]);
    identity_free(&chain[1]);
    return 0;
}

TEST_ASYNC(a_signature_with_sha1_is_refused)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.digest = EVP_sha1()},
                        "CA signature digest algorithm too weak");
    return 0;
}

TEST_ASYNC(a_short_key_is_refused)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.rsa_bits = 1024}, "EE certificate key too weak");
    return 0;
}

TEST_ASYNC(a_wrong_signature_is_refused)
{
    parties_make(&all);
    expect_leaf_refused((struct likeness){.bad_signature = true}, "certificate signature failure");
    return 0;
}

/* Writes a list of the authority that revokes @cert, or nothing. */
static void write_crl(const char *path, const X509 *cert)
{
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, -60), *later = X509_gmtime_adj(NULL, 86400);
    FILE *file = fopen(path, "w");

    REQUIRE(crl && file);
    X509_CRL_set_version(crl, 1);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(all.authority.cert));
    X509_CRL_set1_lastUpdate(crl, now);
    X509_CRL_set1_nextUpdate(crl, later);
    if (cert) {
        X509_REVOKED *revoked = X509_REVOKED_new();

        X509_REVOKED_set_serialNumber(revoked,
                                      (ASN1_INTEGER *)(uintptr_t)X509_get0_serialNumber(cert));
        X509_REVOKED_set_revocationDate(revoked, now);
        X509_CRL_add0_revoked(crl, revoked);
    }
    X509_CRL_sign(crl, all.authority.key, EVP_sha256());
    PEM_write_X509_CRL(file, crl);
    fclose(file);
    ASN1_TIME_free(now);
    ASN1_TIME_free(later);
    X509_CRL_free(crl);
}

static int load_crl(const X509 *revoked)
{
    char path[] = "/tmp/eddy-crl-XXXXXX";
    int fd = mkstemp(path), rc;

    REQUIRE(fd >= 0);
    close(fd);
    write_crl(path, revoked);
    rc = eddy_tls_context_load_crls(all.client_context, path);
    unlink(path);
    return rc;
}

TEST_ASYNC(a_revoked_certificate_is_refused)
{
    struct identity revoked;

    parties_make(&all);
    revoked = identity_make(
        &(struct likeness){.name = "server", .hosts = "DNS:server.test", .issuer = &all.authority});
    EXPECT_EQ(load_crl(revoked.cert), 0);
    expect_refused(revoked, "server.test", NULL, "certificate revoked");
    return 0;
}

TEST_ASYNC(with_lists_of_the_revoked_a_certificate_that_is_not_there_is_accepted)
{
    parties_make(&all);
    EXPECT_EQ(load_crl(NULL), 0);
    EXPECT_EQ(meet(&all.server, "server.test", NULL), 0);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_client_that_does_not_check_names_needs_only_a_good_certificate)
{
    struct identity stranger = identity_make(&(struct likeness){.name = "server"});

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, false), 0);
    EXPECT_EQ(meet(&all.server, NULL, NULL), 0);
    EXPECT_EQ(meet(&all.server, "whatever.test", NULL), 0);
    expect_refused(stranger, NULL, NULL, "self-signed certificate");
    return 0;
}

TEST_ASYNC(a_client_that_verifies_nothing_accepts_every_server)
{
    struct identity stranger = identity_make(&(struct likeness){.name = "server"});

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.client_context, EDDY_TLS_VERIFY_NONE), -EINVAL);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, false), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.client_context, EDDY_TLS_VERIFY_NONE), 0);
    EXPECT_EQ(meet(&stranger, NULL, NULL), 0);
    identity_free(&stranger);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(without_a_name_there_is_no_connection)
{
    parties_make(&all);
    EXPECT_EQ(meet(&all.server, NULL, NULL), -EINVAL);
    EXPECT_IN("server_hostname", client_message);
    EXPECT_EQ(meet(&all.server, "", NULL), -EINVAL);
    EXPECT_EQ(meet(&all.server, ".test", NULL), -EINVAL);
    parties_free(&all);
    return 0;
}

/* Certificates of clients. */

/* A client that shows @shown, or nothing, to a server that wants a certificate; the server's
 * status. */
static int admit(const struct identity *shown, eddy_tls_verify mode)
{
    struct pair pair;
    int server = EDDY_EUSER;

    parties_make(&all);
    EXPECT_EQ(context_trust(all.server_context, &all.authority), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.server_context, mode), 0);
    if (shown)
        context_show(all.client_context, shown);
    pair_open(&pair);
    (void)!pair_start_tls(&pair, &all, "server.test", &server);
    eddy_writer_abort(pair.writer[0]);
    eddy_writer_abort(pair.writer[1]);
    pair_free(&pair);
    return server;
}

TEST_ASYNC(a_client_without_a_certificate_is_refused_where_one_is_required)
{
    EXPECT_EQ(admit(NULL, EDDY_TLS_VERIFY_REQUIRED), EDDY_ECERT);
    EXPECT_IN("it shows no certificate", eddy_exception_message(eddy_error()));
    parties_free(&all);
    EXPECT_EQ(admit(NULL, EDDY_TLS_VERIFY_OPTIONAL), 0);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_client_of_an_unknown_authority_is_refused_even_where_none_is_required)
{
    struct identity client = identity_make(&(struct likeness){.name = "client"});

    EXPECT_EQ(admit(&client, EDDY_TLS_VERIFY_OPTIONAL), EDDY_ECERT);
    parties_free(&all);
    identity_free(&client);
    return 0;
}

/* The authority is made anew for each pair of contexts, so the client is vouched for by itself, and
 * trusted as itself. */
TEST_ASYNC(a_client_with_a_good_certificate_is_admitted)
{
    struct identity client =
        identity_make(&(struct likeness){.name = "client", .purpose = "clientAuth"});
    struct pair pair;

    parties_make(&all);
    EXPECT_EQ(context_trust(all.server_context, &client), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.server_context, EDDY_TLS_VERIFY_REQUIRED), 0);
    context_show(all.client_context, &client);
    pair_open(&pair);
    EXPECT_EQ(pair_start_tls(&pair, &all, "server.test", NULL), 0);
    EXPECT_IN("Subject: CN=client", info(pair.writer[1], "peercert_text"));
    eddy_writer_abort(pair.writer[0]);
    eddy_writer_abort(pair.writer[1]);
    pair_free(&pair);
    parties_free(&all);
    identity_free(&client);
    return 0;
}
