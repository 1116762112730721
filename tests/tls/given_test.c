/* TLS with an SSL of the program's own, and carriers of TLS without tasks. */
#include "tls/tls.h"

#include "protocol/protocols.h"

static struct parties all;

/* One side: its carrier, the status of its handshake, and its transport. */
struct side {
    eddy_carrier *carrier;
    int status; /* 1: not yet */
    struct recorder recorder;
};

static struct side client, server;

static void free_carrier(eddy_carrier *c, int status)
{
    (void)status;
    c->ops->free(c);
}

static void end_carrier(eddy_carrier *c)
{
    c->on_closed = free_carrier;
    c->ops->close(c, true);
}

static void agreed(void *arg, int status)
{
    struct side *s = arg;

    s->status = status;
    if (status < 0)
        end_carrier(s->carrier);
    else if (eddy_transport_open(s->carrier, &recording, &s->recorder, NULL) < 0)
        end_carrier(s->carrier);
}

static SSL_CTX *client_ctx(bool trusts)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    REQUIRE(ctx != NULL);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (trusts)
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), all.authority.cert);
    return ctx;
}

/* Begins TLS between two carriers in memory, the client's with @ssl. Returns 0 or an error. */
static int begin(SSL *ssl)
{
    eddy_carrier *one, *other;
    eddy_tls_context *given = NULL;
    int rc = eddy_tls_context_of_ssl(ssl, &given);

    client = (struct side){.status = 1};
    server = (struct side){.status = 1};
    recorder_init(&client.recorder);
    recorder_init(&server.recorder);
    server.recorder.echo = true;
    if (rc == 0)
        rc = eddy_memory_carriers_new(eddy_get_running_loop(), 0, &one, &other);
    if (rc < 0) {
        eddy_tls_context_unref(given);
        return rc;
    }
    rc = eddy_tls_carrier_new(one, given, NULL, agreed, &client, &client.carrier);
    eddy_tls_context_unref(given);
    if (rc < 0) {
        end_carrier(one);
        end_carrier(other);
        return rc;
    }
    rc = eddy_tls_carrier_new(other, all.server_context, NULL, agreed, &server, &server.carrier);
    if (rc < 0) {
        end_carrier(client.carrier);
        end_carrier(other);
    }
    return rc;
}

TEST_ASYNC(an_ssl_of_the_program_speaks_tls_through_a_carrier)
{
    SSL_CTX *ctx;
    SSL *ssl;

    parties_make(&all);
    ctx = client_ctx(true);
    ssl = SSL_new(ctx);
    REQUIRE(ssl != NULL);
    SSL_set_connect_state(ssl);
    SSL_set_app_data(ssl, &all);
    if (begin(ssl) == 0) {
        EXPECT_EQ(eddy_sleep(1), 0);
        if (EXPECT_EQ(client.status, 0) && client.recorder.transport) {
            SSL *seen = NULL;

            EXPECT(!eddy_transport_can_write_eof(client.recorder.transport));
            eddy_transport_get_extra_info(client.recorder.transport, "ssl_object", &seen,
                                          sizeof seen);
            EXPECT(seen == ssl && SSL_get_app_data(ssl) == &all);
            EXPECT_EQ(eddy_transport_write(client.recorder.transport, "hello", 5), 0);
            EXPECT_EQ(eddy_sleep(1), 0);
            EXPECT_STR(client.recorder.received, "hello");
            eddy_transport_close(client.recorder.transport);
        }
        EXPECT_EQ(eddy_sleep(60), 0);
        EXPECT(client.recorder.status == 0 || test_tortured());
    }
    EXPECT(SSL_get_rbio(ssl) == NULL); /* the carrier has let go of it */
    EXPECT(SSL_read(ssl, (char[1]){0}, 1) <= 0);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_handshake_that_fails_tells_both_sides)
{
    SSL_CTX *ctx;
    SSL *ssl;

    parties_make(&all);
    ctx = client_ctx(false);
    ssl = SSL_new(ctx);
    REQUIRE(ssl != NULL);
    SSL_set_connect_state(ssl);
    if (begin(ssl) == 0) {
        EXPECT_EQ(eddy_sleep(1), 0);
        EXPECT(client.status == EDDY_ECERT || test_tortured());
        EXPECT(server.status < 0 || test_tortured());
        EXPECT_EQ(eddy_sleep(100), 0);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_carrier_that_is_closed_during_its_handshake_tells_so)
{
    SSL_CTX *ctx;
    SSL *ssl;

    parties_make(&all);
    ctx = client_ctx(true);
    ssl = SSL_new(ctx);
    REQUIRE(ssl != NULL);
    SSL_set_connect_state(ssl);
    if (begin(ssl) == 0) {
        client.carrier->on_closed = free_carrier;
        server.carrier->on_closed = free_carrier;
        client.carrier->ops->close(client.carrier, true);
        EXPECT_EQ(client.status, -ECONNABORTED);
        EXPECT_EQ(eddy_sleep(100), 0);
        EXPECT(server.status < 0);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_carrier_of_tls_needs_its_parts)
{
    eddy_carrier *one, *other, *tls = NULL;
    eddy_tls_context *given = NULL;

    parties_make(&all);
    EXPECT_EQ(eddy_tls_context_of_ssl(NULL, &given), -EINVAL);
    if (eddy_memory_carriers_new(eddy_get_running_loop(), 0, &one, &other) == 0) {
        EXPECT_EQ(eddy_tls_carrier_new(one, NULL, NULL, agreed, NULL, &tls), -EINVAL);
        EXPECT_EQ(eddy_tls_carrier_new(one, all.client_context, NULL, NULL, NULL, &tls), -EINVAL);
        end_carrier(one);
        end_carrier(other);
        EXPECT_EQ(eddy_sleep(1), 0);
    }
    EXPECT(tls == NULL);
    parties_free(&all);
    return 0;
}
