/*
 * A session may be resumed only where a full handshake would ask for the same proof.
 */
#include "tls/context.h"
#include "tls/tls.h"

#include <unistd.h>

static struct parties all;

/* The ways in which a session can come back. */
static const struct way {
    int version;
    bool tickets;
} ways[] = {{TLS1_3_VERSION, true},
            {TLS1_3_VERSION, false},
            {TLS1_2_VERSION, true},
            {TLS1_2_VERSION, false}};

enum { N_WAYS = sizeof ways / sizeof *ways };

static void go_this_way(const struct way *way)
{
    SSL_CTX *ssl = eddy_tls_context_native(all.server_context);

    SSL_CTX_set_max_proto_version(ssl, way->version);
    if (!way->tickets)
        SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
}

/* The session of the latest visit, which some clients offer to any server. */
static SSL_SESSION *latest;

static void offer_latest(const SSL *ssl, int where, int result)
{
    if (where == SSL_CB_HANDSHAKE_START && latest)
        SSL_set_session((SSL *)(uintptr_t)ssl, latest);
}

static void be_a_client_that_offers_anything(void)
{
    SSL_CTX_set_info_callback(eddy_tls_context_native(all.client_context), offer_latest);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, false), 0);
}

static void forget(void)
{
    eddyi_tls_sessions_clear(all.client_context);
    SSL_SESSION_free(latest);
    latest = NULL;
}

/* Both say a line, so that tickets have come. */
static int exchange(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        const char *line;

        eddy_try(eddy_writer_write(p->writer[i], "\n", 1));
        eddy_try((int)eddy_reader_readline(p->reader[1 - i], &line));
    }
    return 0;
}

static void leave(struct pair *p)
{
    for (int i = 0; i < 2; i++)
        eddy_writer_close(p->writer[i]);
    for (int i = 0; i < 2; i++)
        (void)eddy_writer_wait_closed(p->writer[i]);
    pair_free(p);
}

/* Connects to a server of that name: whether a session was resumed, or the error of the server. */
static int visit(const char *name)
{
    struct pair p;
    int server = 0, rc, reused = -1;
    SSL *ssl;

    pair_open(&p);
    rc = pair_start_tls(&p, &all, name, &server);
    rc = rc == 0 ? server : rc;
    if (rc == 0)
        rc = exchange(&p);
    if (rc == 0) {
        reused = resumed(p.writer[0]);
        EXPECT_EQ(resumed(p.writer[1]), reused);
        EXPECT(strcasecmp(info(p.writer[1], "server_hostname"), name) == 0);
        SSL_SESSION_free(latest);
        eddy_writer_get_extra_info(p.writer[0], "ssl_object", &ssl, sizeof ssl);
        latest = SSL_get1_session(ssl);
    } else {
        eddy_writer_abort(p.writer[0]);
        eddy_writer_abort(p.writer[1]);
    }
    leave(&p);
    return server < 0 ? server : rc < 0 ? rc : reused;
}

/* A server with two names. */

static int choose(void *arg, const char *name, eddy_tls_context **ret)
{
    if (name && strcmp(name, "secret.test") == 0)
        *ret = arg;
    return 0;
}

/* A context that the name secret.test chooses, which wants a certificate of clients. */
static eddy_tls_context *secret_make(const struct identity *trusted)
{
    eddy_tls_context *c;

    REQUIRE(eddy_tls_context_new(EDDY_TLS_SERVER, &c) == 0);
    context_show(c, &all.server);
    EXPECT_EQ(context_trust(c, trusted), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(c, EDDY_TLS_VERIFY_REQUIRED), 0);
    EXPECT_EQ(eddy_tls_context_set_sni_callback(all.server_context, choose, c), 0);
    return c;
}

static struct identity client_make(void)
{
    return identity_make(&(struct likeness){.name = "client", .purpose = "clientAuth"});
}

TEST_ASYNC(a_session_of_one_name_does_not_open_another_that_demands_a_certificate)
{
    for (int i = 0; i < N_WAYS; i++) {
        eddy_tls_context *secret;

        parties_make(&all);
        secret = secret_make(&all.authority);
        go_this_way(&ways[i]);
        be_a_client_that_offers_anything();
        EXPECT_EQ(visit("public.test"), 0);
        EXPECT_EQ(visit("public.test"), 1);
        EXPECT_EQ(visit("secret.test"), EDDY_ECERT);
        forget();
        eddy_tls_context_unref(secret);
        parties_free(&all);
    }
    return 0;
}

TEST_ASYNC(a_session_that_showed_a_certificate_is_resumed_for_its_own_name_only)
{
    for (int i = 0; i < N_WAYS; i++) {
        struct identity client = client_make();
        eddy_tls_context *secret;

        parties_make(&all);
        secret = secret_make(&client);
        context_show(all.client_context, &client);
        go_this_way(&ways[i]);
        be_a_client_that_offers_anything();
        EXPECT_EQ(visit("secret.test"), 0);
        EXPECT_EQ(visit("secret.test"), 1);
        EXPECT_EQ(visit("SECRET.test"),
                  0); /* the callback is told the name as it came, and says no */
        EXPECT_EQ(visit("public.test"), 0);
        forget();
        eddy_tls_context_unref(secret);
        parties_free(&all);
        identity_free(&client);
    }
    return 0;
}

TEST_ASYNC(names_of_one_context_do_not_share_sessions)
{
    for (int i = 0; i < N_WAYS; i++) {
        parties_make(&all);
        go_this_way(&ways[i]);
        be_a_client_that_offers_anything();
        EXPECT_EQ(visit("a.test"), 0);
        EXPECT_EQ(visit("b.test"), 0);
        EXPECT_EQ(visit("B.test"), 1);
        EXPECT_EQ(visit("ab.test"), 0);
        forget();
        parties_free(&all);
    }
    return 0;
}

/* Where the client's first share of a key is of no use, it greets twice. */
TEST_ASYNC(a_name_chooses_when_the_client_has_to_greet_twice)
{
    eddy_tls_context *secret;

    parties_make(&all);
    secret = secret_make(&all.authority);
    SSL_CTX_set1_groups_list((SSL_CTX *)eddy_tls_context_native(all.server_context), "P-384");
    SSL_CTX_set1_groups_list((SSL_CTX *)eddy_tls_context_native(secret), "P-384");
    be_a_client_that_offers_anything();
    EXPECT_EQ(visit("public.test"), 0);
    EXPECT_EQ(visit("public.test"), 1);
    EXPECT_EQ(visit("secret.test"), EDDY_ECERT);
    forget();
    eddy_tls_context_unref(secret);
    parties_free(&all);
    return 0;
}

/* A client that greets a second time, for another name. */
static void ask_for_secret(int sent, int version, int type, const void *message, size_t n, SSL *ssl,
                           void *arg)
{
    const unsigned char *bytes = message;

    if (!sent && type == SSL3_RT_HANDSHAKE && n > 0 && bytes[0] == SSL3_MT_SERVER_HELLO)
        SSL_set_tlsext_host_name(ssl, "secret.test");
}

TEST_ASYNC(a_client_that_greets_twice_cannot_change_its_mind_about_the_name)
{
    struct identity client = client_make();
    eddy_tls_context *secret;

    parties_make(&all);
    secret = secret_make(&client);
    SSL_CTX_set1_groups_list((SSL_CTX *)eddy_tls_context_native(all.server_context), "P-384");
    SSL_CTX_set_msg_callback((SSL_CTX *)eddy_tls_context_native(all.client_context),
                             ask_for_secret);
    be_a_client_that_offers_anything();
    EXPECT_EQ(visit("public.test"), EDDY_ETLS);
    eddy_tls_context_unref(secret);
    parties_free(&all);
    identity_free(&client);
    return 0;
}

TEST_ASYNC(the_context_that_a_name_chooses_brings_all_its_rules_along)
{
    struct identity client = client_make();
    eddy_tls_context *secret;
    SSL_CTX *ssl;

    parties_make(&all);
    secret = secret_make(&client);
    context_show(all.client_context, &client);
    ssl = eddy_tls_context_native(secret);
    be_a_client_that_offers_anything();
    EXPECT_EQ(visit("secret.test"), 0);
    forget();
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_CRL_CHECK);
    EXPECT_EQ(visit("secret.test"), EDDY_ECERT);
    X509_VERIFY_PARAM_clear_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_CRL_CHECK);
    EXPECT_EQ(eddy_tls_context_set_min_version(secret, 13), 0);
    SSL_CTX_set_max_proto_version((SSL_CTX *)eddy_tls_context_native(all.client_context),
                                  TLS1_2_VERSION);
    EXPECT_EQ(visit("public.test"), 0);
    forget();
    EXPECT_EQ(visit("secret.test"), EDDY_ETLS);
    eddy_tls_context_unref(secret);
    parties_free(&all);
    identity_free(&client);
    return 0;
}

/* Certificates that expire. */

/* The server's clock stands still while the certificate of the client was valid. */
TEST_ASYNC(a_session_is_not_resumed_after_the_clients_certificate_has_expired)
{
    for (int i = 0; i < N_WAYS; i++) {
        struct identity client;
        SSL_CTX *ssl;

        if (!ways[i].tickets)
            continue; /* the session is in OpenSSL's cache, which follows the real clock */
        client = identity_make(&(struct likeness){
            .name = "client", .purpose = "clientAuth", .from = -10, .until = -1});
        parties_make(&all);
        go_this_way(&ways[i]);
        ssl = eddy_tls_context_native(all.server_context);
        EXPECT_EQ(context_trust(all.server_context, &client), 0);
        EXPECT_EQ(eddy_tls_context_set_verify_mode(all.server_context, EDDY_TLS_VERIFY_REQUIRED),
                  0);
        X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(ssl), time(NULL) - 5 * 86400);
        context_show(all.client_context, &client);
        be_a_client_that_offers_anything();
        EXPECT_EQ(visit("server.test"), 0);
        EXPECT_EQ(visit("server.test"), 0);
        forget();
        parties_free(&all);
        identity_free(&client);
    }
    return 0;
}

TEST_ASYNC(a_session_in_the_servers_cache_lasts_no_longer_than_the_clients_certificate)
{
    struct identity client = client_make();
    SSL_CTX *ssl;

    parties_make(&all);
    go_this_way(&(struct way){TLS1_2_VERSION, false});
    X509_gmtime_adj(X509_getm_notAfter(client.cert), 100);
    X509_sign(client.cert, client.key, EVP_sha256());
    ssl = eddy_tls_context_native(all.server_context);
    SSL_CTX_set_timeout(ssl, 1000);
    EXPECT_EQ(context_trust(all.server_context, &client), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.server_context, EDDY_TLS_VERIFY_REQUIRED), 0);
    context_show(all.client_context, &client);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    SSL_CTX_flush_sessions(ssl, (long)time(NULL) + 200);
    EXPECT_EQ(SSL_CTX_sess_number(ssl), 0);
    EXPECT_EQ(visit("server.test"), 0);
    forget();
    parties_free(&all);
    identity_free(&client);
    return 0;
}

TEST_ASYNC(a_client_does_not_resume_a_session_after_the_servers_certificate_has_expired)
{
    parties_make(&all);
    REQUIRE(visit("server.test") == 0 || test_tortured());
    if (!latest) {
        parties_free(&all);
        return 0;
    }
    X509_gmtime_adj(X509_getm_notAfter(SSL_SESSION_get0_peer(latest)), -1);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    forget();
    parties_free(&all);
    return 0;
}

/* Rules that change. */

static char pem_path[64];

static void write_pem(const struct identity *i)
{
    FILE *file;
    int fd;

    strcpy(pem_path, "/tmp/eddy-session-XXXXXX");
    fd = mkstemp(pem_path);
    REQUIRE(fd >= 0);
    file = fdopen(fd, "w");
    REQUIRE(file != NULL);
    PEM_write_X509(file, i->cert);
    PEM_write_PrivateKey(file, i->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

/* One change after the other; false: there are no more. */
static bool change(eddy_tls_context *c, int which)
{
    switch (which) {
    case 0:
        EXPECT_EQ(eddy_tls_context_set_verify_mode(c, EDDY_TLS_VERIFY_OPTIONAL), 0);
        return true;
    case 1:
        EXPECT_EQ(context_trust(c, &all.server), 0);
        return true;
    case 2:
        EXPECT_EQ(eddy_tls_context_set_alpn_protocols(c, (const char *[]){"h2", NULL}), 0);
        return true;
    case 3:
        EXPECT_EQ(eddy_tls_context_set_ciphers(c, "ECDHE+AESGCM"), 0);
        return true;
    case 4:
        EXPECT_EQ(eddy_tls_context_load_cert_chain(c, pem_path, NULL, NULL, NULL), 0);
        return true;
    case 5:
        EXPECT_EQ(eddy_tls_context_load_default_certs(c), 0);
        return true;
    case 6:
        EXPECT_EQ(eddy_tls_context_set_min_version(c, 12), 0);
        return true;
    case 7:
        EXPECT_EQ(eddy_tls_context_set_check_hostname(c, false), 0);
        return true;
    default:
        return false;
    }
}

static void expect_changes_to_count(bool server)
{
    int which = 0;
    bool more = true;

    parties_make(&all);
    write_pem(&all.server);
    EXPECT_EQ(visit("server.test"), 0);
    while (more) {
        EXPECT_EQ(visit("server.test"), 1);
        more = change(server ? all.server_context : all.client_context, which++);
        if (more)
            EXPECT_EQ(visit("server.test"), 0);
    }
    unlink(pem_path);
    forget();
    parties_free(&all);
}

TEST_ASYNC(a_client_forgets_its_sessions_with_every_change_of_its_rules)
{
    expect_changes_to_count(false);
    return 0;
}

TEST_ASYNC(a_server_resumes_no_session_from_before_a_change_of_its_rules)
{
    expect_changes_to_count(true);
    return 0;
}

/* The ticket is on its way while the rules change. */
TEST_ASYNC(a_session_that_comes_after_a_change_of_the_rules_is_not_kept)
{
    struct pair p;

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, false), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.client_context, EDDY_TLS_VERIFY_NONE), 0);
    pair_open(&p);
    if (EXPECT_EQ(pair_start_tls(&p, &all, "stranger.test", NULL), 0)) {
        EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, true), 0);
        EXPECT_EQ(exchange(&p), 0);
    }
    leave(&p);
    EXPECT_EQ(all.client_context->n_sessions, 0);
    EXPECT_EQ(visit("stranger.test"), EDDY_ETLS);
    EXPECT_IN("hostname mismatch", client_message);
    parties_free(&all);
    return 0;
}

/* OpenSSL's own function changes what eddy does not hear of. */
TEST_ASYNC(a_session_is_for_its_verify_mode_however_that_was_set)
{
    SSL_CTX *ssl;

    parties_make(&all);
    ssl = eddy_tls_context_native(all.client_context);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.client_context, false), 0);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    EXPECT_EQ(visit("server.test"), 0);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    ssl = eddy_tls_context_native(all.server_context);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    EXPECT_EQ(visit("server.test"), 0);
    forget();
    parties_free(&all);
    return 0;
}

/* Contexts do not share. */
TEST_ASYNC(a_session_of_one_context_is_none_of_another)
{
    eddy_tls_context *first;

    parties_make(&all);
    first = all.client_context;
    EXPECT_EQ(visit("server.test"), 0);
    REQUIRE(eddy_tls_context_new(EDDY_TLS_CLIENT, &all.client_context) == 0);
    EXPECT_EQ(context_trust(all.client_context, &all.authority), 0);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    eddy_tls_context_unref(first);
    forget();
    parties_free(&all);
    return 0;
}

/* Greetings that OpenSSL would not send. */

/* The server's answer to a ClientHello with this extension server_name. */
static int greet(const unsigned char *extension, size_t n)
{
    unsigned char hello[256] = {22, 3, 1, 0, 0, 1, 0, 0, 0, 3, 3};
    unsigned char *p = hello + 11 + 32;
    size_t body;
    struct pair pair;
    int rc;

    *p++ = 0;                                     /* no session */
    *p++ = 0, *p++ = 2, *p++ = 0xc0, *p++ = 0x2b; /* ECDHE-ECDSA-AES128-GCM-SHA256 */
    *p++ = 1, *p++ = 0;                           /* no compression */
    *p++ = 0, *p++ = (unsigned char)(4 + n);
    *p++ = 0, *p++ = TLSEXT_TYPE_server_name, *p++ = 0, *p++ = (unsigned char)n;
    memcpy(p, extension, n);
    p += n;
    body = (size_t)(p - hello);
    hello[4] = (unsigned char)(body - 5);
    hello[8] = (unsigned char)(body - 9);
    parties_make(&all);
    pair_open(&pair);
    EXPECT_EQ(eddy_writer_write(pair.writer[0], hello, body), 0);
    EXPECT_EQ(eddy_writer_write_eof(pair.writer[0]), 0);
    rc = eddy_writer_start_tls(pair.writer[1], all.server_context, .server_side = true);
    eddy_writer_abort(pair.writer[0]);
    eddy_writer_abort(pair.writer[1]);
    leave(&pair);
    parties_free(&all);
    return rc;
}

TEST_ASYNC(a_name_that_is_malformed_is_refused)
{
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"", 0},
        {"\0", 1},
        {"\0\0", 2},
        {"\0\3\0\0\0", 5},           /* an empty name */
        {"\0\4\0\0\2a", 6},          /* a name that ends too soon */
        {"\0\5\0\0\1a", 6},          /* a list that does */
        {"\0\4\1\0\1a", 6},          /* of another type */
        {"\0\5\0\0\1ab", 7},         /* more behind the name */
        {"\0\4\0\0\1ab", 7},         /* more behind the list */
        {"\0\6\0\0\3a\0b", 8},       /* a null byte */
        {"\0\10\0\0\1a\0\0\1b", 10}, /* two names */
    };

    EXPECT_EQ(greet((const unsigned char *)"\0\4\0\0\1a", 6), EDDY_ETLS);
    EXPECT_IN("no shared cipher", eddy_exception_message(eddy_error()));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT_EQ(greet((const unsigned char *)bad[i].bytes, bad[i].n), EDDY_ETLS);
        EXPECT_IN("callback failed", eddy_exception_message(eddy_error()));
    }
    return 0;
}
