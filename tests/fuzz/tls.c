/*
 * A man in the middle of a TLS conversation, which goes over two connections in memory: he passes
 * on what he hears in pieces, changes it, leaves it out, adds to it, or ends it. What arrives is
 * what was sent, its end is the end that was meant, and however he does it, the two come to an end.
 *
 *     client ── outer pair ── middle ── inner pair ── server
 */
#include "fuzz.h"

#include <eddy.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { MESSAGE = 6000, STACK = 1 << 19 };

struct identity {
    X509 *cert;
    EVP_PKEY *key;
};

static struct fuzz_input in;
static struct identity server_identity, impostor_identity;
static eddy_tls_context *client_context, *server_context, *impostor_context;
static char message[MESSAGE];
static bool tampered;
static size_t n_sent, n_received; /* from the client to the server */
static bool sent_all;             /* the client has sent all its data */

/* Numbers that are the same for each run of an input. Nothing here is a secret. */
static uint32_t random_state;

static int random_bytes(unsigned char *buf, int n)
{
    for (int i = 0; i < n; i++)
        buf[i] = (unsigned char)((random_state = random_state * 1664525 + 1013904223) >> 24);
    return 1;
}

static int random_status(void)
{
    return 1;
}

static const RAND_METHOD predictable = {
    .bytes = random_bytes, .pseudorand = random_bytes, .status = random_status};

static void extend(X509 *cert, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    FUZZ_CHECK(extension && X509_add_ext(cert, extension, -1));
    X509_EXTENSION_free(extension);
}

static struct identity make_identity(void)
{
    struct identity made = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME *name = X509_get_subject_name(made.cert);

    X509_set_version(made.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.cert), 1);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"server", -1, -1,
                               0);
    X509_set_issuer_name(made.cert, name);
    X509_gmtime_adj(X509_getm_notBefore(made.cert), -86400);
    X509_gmtime_adj(X509_getm_notAfter(made.cert), 86400L * 365);
    X509_set_pubkey(made.cert, made.key);
    extend(made.cert, NID_subject_alt_name, "DNS:server.test");
    FUZZ_CHECK(X509_sign(made.cert, made.key, EVP_sha256()) > 0);
    return made;
}

static void show(eddy_tls_context *c, const struct identity *i)
{
    FUZZ_CHECK(SSL_CTX_use_certificate(eddy_tls_context_native(c), i->cert) == 1);
    FUZZ_CHECK(SSL_CTX_use_PrivateKey(eddy_tls_context_native(c), i->key) == 1);
}

static void trust(eddy_tls_context *c, const struct identity *i)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *pem;

    PEM_write_bio_X509(memory, i->cert);
    BIO_write(memory, "", 1);
    BIO_get_mem_data(memory, &pem);
    FUZZ_CHECK(eddy_tls_context_load_verify_locations(c, NULL, NULL, pem) == 0);
    BIO_free(memory);
}

static void make_contexts(void)
{
    FUZZ_CHECK(eddy_tls_context_new(EDDY_TLS_CLIENT, &client_context) == 0);
    FUZZ_CHECK(eddy_tls_context_new(EDDY_TLS_SERVER, &server_context) == 0);
    FUZZ_CHECK(eddy_tls_context_new(EDDY_TLS_SERVER, &impostor_context) == 0);
    trust(client_context, &server_identity);
    show(server_context, &server_identity);
    show(impostor_context, &impostor_identity);
}

static void free_contexts(void)
{
    eddy_tls_context_unref(client_context);
    eddy_tls_context_unref(server_context);
    eddy_tls_context_unref(impostor_context);
}

/* Does something to a piece on its way. Negative: the connection is cut. */
static int tamper(eddy_writer *to, char *piece, size_t *n)
{
    char extra[256];
    size_t n_extra;

    tampered = true;
    switch (fuzz_byte(&in) % 6) {
    case 0:
        piece[fuzz_below(&in, (unsigned)*n)] ^= (char)(1 << (fuzz_byte(&in) & 7));
        return 0;
    case 1:
        --*n;
        return 0;
    case 2:
        piece[0] = (char)fuzz_byte(&in);
        return 0;
    case 3:
        memset(piece, (int)fuzz_byte(&in), *n < 50 ? *n : 50);
        return 0;
    case 4:
        n_extra = fuzz_byte(&in);
        for (size_t i = 0; i < n_extra; i++)
            extra[i] = (char)fuzz_byte(&in);
        return eddy_writer_write(to, extra, n_extra);
    default:
        return -ECONNRESET;
    }
}

/* The size of a connection's buffer, of a piece: small now and then. */
static size_t room(void)
{
    unsigned n = fuzz_byte(&in);

    return n & 1 ? 1 + n * 4 : 65536;
}

static int pass_on(eddy_reader *from, eddy_writer *to)
{
    char piece[65536];
    const char *data;
    ssize_t got;

    while ((got = eddy_reader_read_some(from, room(), &data)) > 0) {
        size_t n = (size_t)got;
        unsigned whim = fuzz_byte(&in);

        FUZZ_CHECK(n <= sizeof piece);
        memcpy(piece, data, n);
        if (whim > 240)
            eddy_try(tamper(to, piece, &n));
        eddy_try(eddy_writer_write(to, piece, n));
        if (whim & 1)
            eddy_try(eddy_sleep(0.001));
    }
    return got < 0 ? (int)got : eddy_writer_write_eof(to);
}

static eddy_async(middle, (eddy_reader *, from), (eddy_writer *, to))
{
    int rc = pass_on(from, to);

    if (rc < 0)
        eddy_writer_abort(to);
    return rc;
}

/* Sends back what comes, which is what the client sent, in its order; and its end is the
 * client's. */
static int echo(eddy_reader *r, eddy_writer *w)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(r, 50000, &data)) > 0) {
        FUZZ_CHECK((size_t)n <= n_sent - n_received &&
                   memcmp(data, message + n_received, (size_t)n) == 0);
        n_received += (size_t)n;
        eddy_try(eddy_writer_write(w, data, (size_t)n));
    }
    if (n == 0)
        FUZZ_CHECK(sent_all && n_received == n_sent);
    return (int)n;
}

static eddy_async(serve, (eddy_reader *, r), (eddy_writer *, w), (eddy_tls_context *, context))
{
    int rc = eddy_writer_start_tls(w, context, .server_side = true, .handshake_timeout = 3,
                                   .shutdown_timeout = 1);

    if (rc == 0)
        rc = echo(r, w);
    if (rc < 0) {
        eddy_writer_abort(w);
        return rc;
    }
    eddy_writer_close(w);
    return eddy_writer_wait_closed(w);
}

static int exchange(eddy_reader *r, eddy_writer *w)
{
    char buf[MESSAGE];

    for (int i = 0; i < 4; i++) {
        size_t n = 1 + fuzz_byte(&in) * 5;

        n_sent += n;
        eddy_try(eddy_writer_write(w, message + n_sent - n, n));
        eddy_try((int)eddy_reader_readexactly(r, buf, n));
        FUZZ_CHECK(memcmp(buf, message + n_sent - n, n) == 0);
    }
    return 0;
}

/* The client's part: 0 if all went as it should. */
static int converse(eddy_reader *r, eddy_writer *w)
{
    const char *data;

    eddy_try(eddy_writer_start_tls(w, client_context, .server_hostname = "server.test",
                                   .handshake_timeout = 3, .shutdown_timeout = 1));
    eddy_try(exchange(r, w));
    sent_all = true;
    if (fuzz_byte(&in) & 1) {
        eddy_try(eddy_writer_write_eof(w));
        eddy_try((int)eddy_reader_read_some(r, 10, &data));
    }
    eddy_writer_close(w);
    return eddy_writer_wait_closed(w);
}

/* Talks to the server, and gives up after a while: the input may have swallowed the answer. */
static int converse_for_a_while(eddy_reader *r, eddy_writer *w)
{
    eddy_timeout patience;
    int rc;

    eddy_timeout_enter(&patience, 100);
    rc = eddy_timeout_exit(&patience, converse(r, w));
    FUZZ_CHECK(rc == 0 || tampered || rc == EDDY_ECERT);
    eddy_writer_abort(w);
    return rc;
}

/* The server must end by itself when its client has. */
static int await_server(eddy_task *server)
{
    eddy_timeout patience;
    int rc;

    eddy_timeout_enter(&patience, 100);
    rc = eddy_timeout_exit(&patience, eddy_await(server));
    FUZZ_CHECK(!eddy_timeout_expired(&patience));
    return rc;
}

static void stop(eddy_task *t)
{
    eddy_task_cancel(t, NULL);
    (void)!eddy_await(t);
}

static int listen_in(eddy_reader *outer[2], eddy_writer *outer_w[2], eddy_reader *inner[2],
                     eddy_writer *inner_w[2])
{
    bool impostor = fuzz_byte(&in) % 8 == 1;
    eddy_task *server =
        eddy_create_task(serve(inner[1], inner_w[1], impostor ? impostor_context : server_context),
                         .stack_size = STACK);
    eddy_task *there = eddy_create_task(middle(outer[1], inner_w[0]), .stack_size = STACK);
    eddy_task *back = eddy_create_task(middle(inner[0], outer_w[1]), .stack_size = STACK);
    int rc = converse_for_a_while(outer[0], outer_w[0]);

    FUZZ_CHECK(impostor ? rc < 0 && n_sent == 0 : rc != EDDY_ECERT || tampered);
    (void)!await_server(server);
    stop(there);
    stop(back);
    return 0;
}

/* The server does not accept bytes that were never TLS. */
static int send_garbage(eddy_reader *reader, eddy_writer *to, eddy_writer *from)
{
    eddy_task *server = eddy_create_task(serve(reader, to, server_context), .stack_size = STACK);
    int rc = 0;

    tampered = true;
    while (in.n > 0 && rc == 0) {
        size_t n;
        char *piece = fuzz_string(&in, 100, &n);

        rc = eddy_writer_write(from, piece, n);
        free(piece);
    }
    if (rc == 0)
        (void)!eddy_writer_write_eof(from);
    FUZZ_CHECK(await_server(server) < 0);
    return 0;
}

static eddy_async(talk)
{
    eddy_reader *outer[2], *inner[2];
    eddy_writer *outer_w[2], *inner_w[2];

    tampered = sent_all = false;
    n_sent = n_received = 0;
    eddy_try(eddy_memory_pair_open(room(), outer, outer_w));
    eddy_try(eddy_memory_pair_open(room(), inner, inner_w));
    if (fuzz_byte(&in) % 8 == 1)
        eddy_try(send_garbage(inner[1], inner_w[1], inner_w[0]));
    else
        eddy_try(listen_in(outer, outer_w, inner, inner_w));
    for (int i = 0; i < 2; i++) {
        eddy_writer_free(outer_w[i]);
        eddy_writer_free(inner_w[i]);
    }
    return 0;
}

/* A second conversation may resume the session of the first. */
static eddy_async(amain)
{
    if (fuzz_byte(&in) & 1)
        SSL_CTX_set_max_proto_version(eddy_tls_context_native(client_context), TLS1_2_VERSION);
    eddy_try(eddy_await(talk()));
    return in.n > 0 ? eddy_await(talk()) : 0;
}

static eddy_loop *virtual_loop(void)
{
    return eddy_loop_new(&(eddy_loop_options){.backend = EDDY_BACKEND_VIRTUAL});
}

static void begin(void)
{
    FUZZ_CHECK(RAND_set_rand_method(&predictable) == 1);
    server_identity = make_identity();
    impostor_identity = make_identity();
    for (int i = 0; i < MESSAGE; i++)
        message[i] = (char)(i * 31 + i / 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (!server_identity.cert)
        begin();
    random_state = 1;
    in = (struct fuzz_input){data, n};
    make_contexts();
    FUZZ_CHECK(eddy_run(amain(), .no_sigint = true, .loop_factory = virtual_loop) == 0);
    free_contexts();
    return 0;
}
