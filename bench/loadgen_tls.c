/*
 * TLS 1.3 with one cipher and one curve, so that all servers compute the same: echoed messages on
 * connections that stay, handshakes (each connection asks for one answer and ends), and idle
 * connections, whose memory is measured.
 *
 * A connection asks with a request of HTTP, which an echo server sends back and a web server
 * answers; the first bytes of an answer also carry the tickets with which a session is resumed.
 */
#include "loadgen.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST "GET / HTTP/1.1\r\nHost: e\r\n\r\n"

static SSL_CTX *context;
static char *message;
static SSL_SESSION *session; /* the latest ticket's */
static bool resuming;
static unsigned n_begun, n_idle;

struct connection {
    int fd;
    SSL *ssl;
    bool agreed, writing;
    bool offered; /* a session to resume */
    size_t unsent, received;
    uint64_t began;
};

static void fail_tls(const char *what)
{
    unsigned long error = ERR_peek_last_error();

    fail("%s: %s", what, error ? ERR_error_string(error, NULL) : strerror(errno));
}

static int on_session(SSL *ssl, SSL_SESSION *latest)
{
    SSL_SESSION_free(session);
    session = latest;
    return 1; /* keeps the reference */
}

static void make_context(void)
{
    context = SSL_CTX_new(TLS_client_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") ||
        !SSL_CTX_set1_groups_list(context, "X25519"))
        fail_tls("a context");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
}

/* Returns true if the call goes on when @fd is ready. */
static bool waits(struct connection *c, int result)
{
    int why = SSL_get_error(c->ssl, result);
    bool writing = why == SSL_ERROR_WANT_WRITE;

    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        return false;
    if (writing != c->writing)
        watch_again(c->fd, c, writing ? EPOLLIN | EPOLLOUT : EPOLLIN);
    c->writing = writing;
    return true;
}

/* Offers a copy: OpenSSL takes no session any more for which another connection has got a newer
 * ticket. */
static void offer(struct connection *c)
{
    SSL_SESSION *copy = SSL_SESSION_dup(session);

    if (!copy || !SSL_set_session(c->ssl, copy))
        fail_tls("a session");
    SSL_SESSION_free(copy);
}

static void begin_tls(struct connection *c)
{
    c->ssl = SSL_new(context);
    if (!c->ssl || !SSL_set_fd(c->ssl, c->fd))
        fail_tls("a connection");
    SSL_set_connect_state(c->ssl);
    c->offered = resuming && session;
    if (c->offered)
        offer(c);
    c->agreed = c->writing = false;
    c->received = 0;
}

static void send_pending(struct connection *c, const char *bytes, size_t size)
{
    while (c->unsent > 0) {
        int n = SSL_write(c->ssl, bytes + size - c->unsent, (int)c->unsent);

        if (n <= 0 && !waits(c, n))
            fail_tls("SSL_write");
        if (n <= 0)
            return;
        c->unsent -= (size_t)n;
    }
    if (c->writing)
        watch_again(c->fd, c, EPOLLIN);
    c->writing = false;
}

/* Agrees, if that is not done yet. Returns true once it is. */
static bool agree(struct connection *c)
{
    int rc;

    if (c->agreed)
        return true;
    rc = SSL_do_handshake(c->ssl);
    if (rc != 1) {
        if (!waits(c, rc))
            fail_tls("a handshake");
        return false;
    }
    c->agreed = true;
    return true;
}

/* Receives into loadgen.received. Returns the number of bytes, or 0 if there are none now. */
static size_t receive(struct connection *c)
{
    int n = SSL_read(c->ssl, loadgen.received, RECEIVE_SIZE);

    if (n <= 0 && !waits(c, n))
        fail_tls("SSL_read");
    return n > 0 ? (size_t)n : 0;
}

/* Opens the @i-th connection and makes its first step. */
static void open_connection(struct connection *c, int i, void (*first)(struct connection *c))
{
    c->fd = connect_to_server((unsigned)i);
    begin_tls(c);
    watch(c->fd, c, EPOLLIN);
    loadgen.now = c->began = bench_now();
    first(c);
}

static struct connection *open_connections(void (*first)(struct connection *c))
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);

    make_context();
    for (int i = 0; all && i < loadgen.n_connections; i++)
        open_connection(&all[i], i, first);
    return all;
}

/* Echo. */

static void begin_message(struct connection *c)
{
    c->began = loadgen.now;
    c->unsent = loadgen.size;
    c->received = 0;
    send_pending(c, message, loadgen.size);
}

static void echo_step(struct connection *c)
{
    size_t n;

    if (!c->agreed) {
        if (agree(c))
            begin_message(c);
        return;
    }
    if (c->unsent > 0)
        send_pending(c, message, loadgen.size);
    while ((n = receive(c)) > 0) {
        if (c->received + n > loadgen.size || memcmp(loadgen.received, message + c->received, n))
            fail("bytes have changed on their way");
        c->received += n;
        if (c->received == loadgen.size) {
            loadgen.now = bench_now();
            operation_done(c->began);
            begin_message(c);
        }
    }
}

static void echo_event(void *connection, uint32_t events)
{
    echo_step(connection);
}

static int echo_open(void)
{
    message = malloc(loadgen.size);
    for (size_t i = 0; message && i < loadgen.size; i++)
        message[i] = (char)(i * 167 + (i >> 8));
    return message && open_connections(echo_step) ? 0 : -1;
}

const struct load load_tls = {.open = echo_open, .event = echo_event};

/* Handshakes. */

static void connect_again(struct connection *c)
{
    struct sockaddr_in address = destination(n_begun++);

    SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
    c->began = bench_now();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 ||
        (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS))
        fail("connect: %s", strerror(errno));
    begin_tls(c);
    c->writing = true;
    watch(c->fd, c, EPOLLIN | EPOLLOUT);
}

/* Asks once the handshake is done. Returns true when the answer is there. */
static bool ask(struct connection *c)
{
    if (!c->agreed) {
        c->unsent = sizeof REQUEST - 1;
        if (!agree(c))
            return false;
    }
    send_pending(c, REQUEST, sizeof REQUEST - 1);
    return receive(c) > 0;
}

static void connect_step(struct connection *c)
{
    if (!ask(c))
        return;
    if (c->offered && !SSL_session_reused(c->ssl))
        fail("the session was not resumed");
    loadgen.now = bench_now();
    operation_done(c->began);
    connect_again(c);
}

static void connect_event(void *connection, uint32_t events)
{
    connect_step(connection);
}

static int handshake_open(void)
{
    return open_connections(connect_step) ? 0 : -1;
}

static int resume_open(void)
{
    resuming = true;
    return handshake_open();
}

const struct load load_handshake = {.open = handshake_open, .event = connect_event},
                  load_resume = {.open = resume_open, .event = connect_event};

/* Idle connections: each has had its answer. */

enum { AT_A_TIME = 16, FIRST_ONES = 100 };

static void idle_step(struct connection *c)
{
    if (c->received == 0 && ask(c)) {
        c->received = 1;
        n_idle++;
    }
}

static void idle_event(void *connection, uint32_t events)
{
    idle_step(connection);
}

static void wait_for_idle(unsigned n)
{
    struct epoll_event events[AT_A_TIME];

    while (n_idle < n) {
        int some = epoll_wait(loadgen.epoll, events, AT_A_TIME, 2000);

        if (some == 0)
            fail("a connection has no answer");
        for (int i = 0; i < some; i++)
            idle_event(events[i].data.ptr, events[i].events);
    }
}

/* Returns the server's bytes for each connection, after the first ones, whose share also is what
 * the server needs once. */
static double idle_memory(void)
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);
    double first = 0;

    make_context();
    if (!all || loadgen.n_connections <= FIRST_ONES)
        fail("too few connections");
    for (int i = 0; i < loadgen.n_connections; i++) {
        open_connection(&all[i], i, idle_step);
        wait_for_idle(i < AT_A_TIME ? 0 : (unsigned)(i - AT_A_TIME));
        if (i + 1 == FIRST_ONES) {
            wait_for_idle(FIRST_ONES);
            first = server_memory();
        }
    }
    wait_for_idle((unsigned)loadgen.n_connections);
    usleep(300000);
    return (server_memory() - first) / (loadgen.n_connections - FIRST_ONES);
}

const struct load load_idle = {.memory = idle_memory};
