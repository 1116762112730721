/*
 * Handshakes: how they fail, what they agree upon, and what they cost.
 */
#include "carrier/one_byte_carrier.h"
#include "tls/tls.h"

static struct parties all;

static void leave(struct pair *p)
{
    eddy_writer_abort(p->writer[0]);
    eddy_writer_abort(p->writer[1]);
    pair_free(p);
}

/* A handshake; the client's status, and the server's. */
static int meet(int *ret_server)
{
    struct pair p;
    int rc;

    pair_open(&p);
    rc = pair_start_tls(&p, &all, "server.test", ret_server);
    leave(&p);
    return rc;
}

/* A client, and a server that is none of TLS: it says @greeting. */
static int meet_plain(const char *greeting)
{
    struct pair p;
    int rc;

    parties_make(&all);
    pair_open(&p);
    (void)!eddy_writer_write(p.writer[1], greeting, strlen(greeting));
    rc = eddy_writer_start_tls(p.writer[0], all.client_context, .server_hostname = "server.test");
    leave(&p);
    parties_free(&all);
    return rc;
}

TEST_ASYNC(a_server_that_does_not_speak_tls_is_told_from_others)
{
    EXPECT_EQ(meet_plain("HTTP/1.0 400 Bad Request\r\n\r\n"), EDDY_ETLS);
    EXPECT_IN("does not speak TLS", eddy_exception_message(eddy_error()));
    return 0;
}

TEST_ASYNC(a_client_that_does_not_speak_tls_is_told_from_others)
{
    struct pair p;

    parties_make(&all);
    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "GET / HTTP/1.0\r\n\r\n", 18), 0);
    EXPECT_EQ(eddy_writer_start_tls(p.writer[1], all.server_context, .server_side = true),
              EDDY_ETLS);
    EXPECT_IN("does not speak TLS (http request)", eddy_exception_message(eddy_error()));
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_handshake_that_stands_still_ends_after_its_timeout)
{
    struct pair p;

    parties_make(&all);
    pair_open(&p);
    EXPECT_EQ(
        eddy_writer_start_tls(p.writer[0], all.client_context, .server_hostname = "server.test"),
        -ECONNABORTED);
    EXPECT_IN("longer than 60 seconds", eddy_exception_message(eddy_error()));
    EXPECT_EQ((int)eddy_loop_time(eddy_get_running_loop()), 60);
    leave(&p);
    pair_open(&p);
    EXPECT_EQ(eddy_writer_start_tls(p.writer[1], all.server_context, .server_side = true,
                                    .handshake_timeout = 5),
              -ECONNABORTED);
    EXPECT_EQ((int)eddy_loop_time(eddy_get_running_loop()), 65);
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_peer_that_leaves_during_the_handshake_has_reset_the_connection)
{
    struct pair p;

    parties_make(&all);
    pair_open(&p);
    eddy_writer_close(p.writer[1]);
    EXPECT_EQ(eddy_sleep(1), 0);
    EXPECT(eddy_writer_start_tls(p.writer[0], all.client_context,
                                 .server_hostname = "server.test") < 0);
    leave(&p);
    pair_open(&p);
    EXPECT_EQ(eddy_writer_write_eof(p.writer[1]), 0);
    EXPECT_EQ(
        eddy_writer_start_tls(p.writer[0], all.client_context, .server_hostname = "server.test"),
        -ECONNRESET);
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_cancelled_handshake_leaves_nothing_behind)
{
    struct pair p;
    eddy_task *server;

    parties_make(&all);
    pair_open(&p);
    server = eddy_create_task(serve_tls(p.writer[1], all.server_context));
    EXPECT_EQ(eddy_sleep(1), 0);
    if (server)
        eddy_task_cancel(server, NULL);
    EXPECT_EQ(eddy_await(server), -ECANCELED);
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(an_abort_of_the_stream_ends_the_handshake)
{
    struct pair p;
    eddy_task *server;

    parties_make(&all);
    pair_open(&p);
    server = eddy_create_task(serve_tls(p.writer[1], all.server_context));
    EXPECT_EQ(eddy_sleep(1), 0);
    eddy_writer_abort(p.writer[1]);
    EXPECT_EQ(eddy_await(server), -ECONNABORTED);
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(tls_1_0_is_refused)
{
    SSL_CTX *ssl;

    parties_make(&all);
    ssl = eddy_tls_context_native(all.server_context);
    SSL_CTX_set_security_level(ssl, 0);
    SSL_CTX_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ssl, TLS1_VERSION);
    EXPECT_EQ(meet(NULL), EDDY_ETLS);
    EXPECT_IN("no version of TLS that both sides accept", client_message);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_minimum_version_of_13_refuses_12)
{
    parties_make(&all);
    SSL_CTX_set_max_proto_version(eddy_tls_context_native(all.server_context), TLS1_2_VERSION);
    EXPECT_EQ(meet(NULL), 0);
    EXPECT_EQ(eddy_tls_context_set_min_version(all.client_context, 13), 0);
    EXPECT_EQ(meet(NULL), EDDY_ETLS);
    EXPECT_EQ(eddy_tls_context_set_min_version(all.client_context, 11), -EINVAL);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(the_protocol_is_the_first_of_the_servers_that_the_client_speaks)
{
    struct pair p;

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_alpn_protocols(all.server_context,
                                                  (const char *[]){"h2", "http/1.1", NULL}),
              0);
    EXPECT_EQ(eddy_tls_context_set_alpn_protocols(all.client_context,
                                                  (const char *[]){"http/1.1", "h2", NULL}),
              0);
    pair_open(&p);
    EXPECT_EQ(pair_start_tls(&p, &all, "server.test", NULL), 0);
    EXPECT_STR(info(p.writer[0], "alpn"), "h2");
    EXPECT_STR(info(p.writer[1], "alpn"), "h2");
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(without_a_common_protocol_there_is_no_connection)
{
    int server = 0;

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_alpn_protocols(all.server_context, (const char *[]){"h2", NULL}),
              0);
    EXPECT_EQ(
        eddy_tls_context_set_alpn_protocols(all.client_context, (const char *[]){"smtp", NULL}), 0);
    EXPECT_EQ(meet(&server), EDDY_ETLS);
    EXPECT_EQ(server, EDDY_ETLS);
    EXPECT_IN("no application protocol", client_message);
    parties_free(&all);
    return 0;
}

/* Where each call moves a byte. */
TEST_ASYNC(why_there_is_no_connection_is_told_whole_however_little_goes_at_once)
{
    eddy_carrier *end[2];
    struct pair p;

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_alpn_protocols(all.server_context, (const char *[]){"h2", NULL}),
              0);
    EXPECT_EQ(
        eddy_tls_context_set_alpn_protocols(all.client_context, (const char *[]){"smtp", NULL}), 0);
    REQUIRE(one_byte_carriers_new(&end[0], &end[1]) == 0);
    for (int i = 0; i < 2; i++)
        REQUIRE(eddy_stream_open(end[i], 0, &p.reader[i], &p.writer[i]) == 0);
    EXPECT_EQ(pair_start_tls(&p, &all, "server.test", NULL), EDDY_ETLS);
    EXPECT_IN("no application protocol", client_message);
    leave(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(ciphers_that_do_not_meet_are_an_error)
{
    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_set_ciphers(all.client_context, "no such cipher"), EDDY_ETLS);
    EXPECT_EQ(eddy_tls_context_set_ciphers(all.client_context, "ECDHE-ECDSA-AES128-GCM-SHA256"), 0);
    EXPECT_EQ(eddy_tls_context_set_ciphers(all.server_context, "ECDHE-ECDSA-AES256-GCM-SHA384"), 0);
    SSL_CTX_set_max_proto_version(eddy_tls_context_native(all.server_context), TLS1_2_VERSION);
    EXPECT_EQ(meet(NULL), EDDY_ETLS);
    parties_free(&all);
    return 0;
}

/* Sessions. */

/* A connection that exchanges a line, so that tickets have come; whether it resumed a session. */
static int visit(const char *hostname)
{
    struct pair p;
    const char *line;
    int reused = -1;

    pair_open(&p);
    if (EXPECT_EQ(pair_start_tls(&p, &all, hostname, NULL), 0)) {
        reused = resumed(p.writer[0]);
        EXPECT_EQ(resumed(p.writer[1]), reused);
        EXPECT_EQ(eddy_writer_write(p.writer[1], "\n", 1), 0);
        EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), 1);
        eddy_writer_close(p.writer[0]);
        eddy_writer_close(p.writer[1]);
        EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), 0);
    }
    leave(&p);
    return reused;
}

TEST_ASYNC(sessions_are_resumed_with_the_same_server_only)
{
    parties_make(&all);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    EXPECT_EQ(visit("127.0.0.1"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    EXPECT_EQ(SSL_CTX_sess_hits((SSL_CTX *)eddy_tls_context_native(all.server_context)), 2);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(sessions_of_tls_1_2_are_resumed_too)
{
    parties_make(&all);
    SSL_CTX_set_max_proto_version(eddy_tls_context_native(all.server_context), TLS1_2_VERSION);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(visit("server.test"), 1);
    EXPECT_EQ(visit("server.test"), 1);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_session_is_forgotten_when_the_rules_change)
{
    parties_make(&all);
    EXPECT_EQ(visit("server.test"), 0);
    EXPECT_EQ(eddy_tls_context_set_verify_mode(all.client_context, EDDY_TLS_VERIFY_REQUIRED), 0);
    EXPECT_EQ(visit("server.test"), 0);
    parties_free(&all);
    return 0;
}

/* Names. */

static int choose(void *arg, const char *name, eddy_tls_context **ret)
{
    if (name && strcmp(name, "other.test") == 0)
        *ret = arg;
    return name && strcmp(name, "missing.test") == 0 ? -ENOENT : 0;
}

TEST_ASYNC(a_server_shows_the_certificate_of_the_name_that_is_asked_for)
{
    struct identity other;
    eddy_tls_context *context = NULL;
    struct pair p;

    parties_make(&all);
    other = identity_make(
        &(struct likeness){.name = "other", .hosts = "DNS:other.test", .issuer = &all.authority});
    REQUIRE(eddy_tls_context_new(EDDY_TLS_SERVER, &context) == 0);
    context_show(context, &other);
    EXPECT_EQ(eddy_tls_context_set_sni_callback(all.server_context, choose, context), 0);
    pair_open(&p);
    EXPECT_EQ(pair_start_tls(&p, &all, "other.test", NULL), 0);
    EXPECT_IN("DNS:other.test", info(p.writer[0], "peercert_text"));
    leave(&p);
    EXPECT_EQ(meet(NULL), 0);
    pair_open(&p);
    EXPECT_EQ(pair_start_tls(&p, &all, "missing.test", NULL), EDDY_ETLS);
    leave(&p);
    eddy_tls_context_unref(context);
    identity_free(&other);
    parties_free(&all);
    return 0;
}

/* Misuse. */

TEST_ASYNC(a_context_is_for_one_side)
{
    struct pair p;

    parties_make(&all);
    pair_open(&p);
    EXPECT_EQ(
        eddy_writer_start_tls(p.writer[0], all.server_context, .server_hostname = "server.test"),
        -EINVAL);
    EXPECT_EQ(eddy_writer_start_tls(p.writer[1], all.client_context, .server_side = true), -EINVAL);
    EXPECT_EQ(eddy_tls_context_set_check_hostname(all.server_context, true), -EINVAL);
    EXPECT_EQ(eddy_tls_context_set_sni_callback(all.client_context, choose, NULL), -EINVAL);
    leave(&p);
    parties_free(&all);
    return 0;
}

/* In small steps, and on a small stack. */

static eddy_async(hand_over, (eddy_reader *, reader), (eddy_writer *, writer))
{
    char c;
    ssize_t n;

    while ((n = eddy_reader_read(reader, &c, 1)) == 1)
        eddy_try(eddy_writer_write(writer, &c, 1));
    return (int)n;
}

TEST_ASYNC(a_handshake_may_come_byte_by_byte)
{
    struct pair a, b;
    eddy_task *there, *back, *server;
    char buf[8] = "";

    parties_make(&all);
    REQUIRE(eddy_memory_pair_open(1, a.reader, a.writer) == 0);
    REQUIRE(eddy_memory_pair_open(1, b.reader, b.writer) == 0);
    there = eddy_create_task(hand_over(a.reader[1], b.writer[0]));
    back = eddy_create_task(hand_over(b.reader[0], a.writer[1]));
    server = eddy_create_task(serve_tls(b.writer[1], all.server_context));
    if (there && back && server &&
        EXPECT_EQ(eddy_writer_start_tls(a.writer[0], all.client_context,
                                        .server_hostname = "server.test"),
                  0) &&
        EXPECT_EQ(eddy_await(eddy_ref(server)), 0)) {
        EXPECT_EQ(eddy_writer_write(a.writer[0], "slowly", 6), 0);
        EXPECT_EQ(eddy_reader_readexactly(b.reader[1], buf, 6), 6);
        EXPECT_STR(buf, "slowly");
    }
    eddy_writer_abort(a.writer[0]);
    eddy_writer_abort(b.writer[1]);
    eddy_await(there);
    eddy_await(back);
    eddy_await(server);
    pair_free(&a);
    pair_free(&b);
    parties_free(&all);
    return 0;
}

static eddy_async(meet_in_task)
{
    return meet(NULL);
}

TEST_ASYNC(a_quarter_of_the_usual_stack_is_enough)
{
    parties_make(&all);
    EXPECT_EQ(eddy_await(eddy_create_task(meet_in_task(), .stack_size = 65536)), 0);
    parties_free(&all);
    return 0;
}
