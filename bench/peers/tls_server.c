/*
 * The reference for TLS: a handwritten echo server, OpenSSL on level-triggered epoll.
 * tls-server PORT FILE
 */
#include "peer.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 512, ACCEPTED_AT_ONCE = 64 };

struct connection {
    int fd;
    SSL *ssl;
    uint32_t events; /* that epoll waits for */
    char *pending;   /* PEER_BUFFER bytes, while a write is short */
    size_t begin, size;
};

static char buf[PEER_BUFFER];
static int epoll, listener;
static SSL_CTX *context;

static void end(struct connection *c)
{
    SSL_free(c->ssl);
    close(c->fd);
    free(c->pending);
    free(c);
}

static void want(struct connection *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};

    if (events != c->events)
        epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
    c->events = events;
}

/* Returns true if the connection waits; otherwise it has ended. */
static bool waits(struct connection *c, int result)
{
    int why = SSL_get_error(c->ssl, result);

    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        want(c, why == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN);
        return true;
    }
    if (why == SSL_ERROR_ZERO_RETURN)
        SSL_shutdown(c->ssl);
    ERR_clear_error();
    end(c);
    return false;
}

/* Writes all. Returns false if the rest waits, or the connection has ended. */
static bool put(struct connection *c, const char *data, size_t size)
{
    while (size > 0) {
        int n = SSL_write(c->ssl, data, (int)size);

        if (n <= 0) {
            if (!waits(c, n))
                return false;
            if (!c->pending)
                c->pending = malloc(PEER_BUFFER);
            memmove(c->pending, data, size);
            c->begin = 0;
            c->size = size;
            return false;
        }
        data += n;
        size -= (size_t)n;
    }
    c->size = 0;
    return true;
}

static void step(struct connection *c)
{
    if (c->size > 0 && !put(c, c->pending + c->begin, c->size))
        return;
    for (;;) {
        size_t total = 0;
        int n;

        do {
            n = SSL_read(c->ssl, buf + total, (int)(sizeof buf - total));
            total += n > 0 ? (size_t)n : 0;
        } while (n > 0 && total < sizeof buf && SSL_has_pending(c->ssl));
        if (total > 0 && !put(c, buf, total))
            return;
        if (n <= 0) {
            waits(c, n);
            return;
        }
        /* A short read has emptied the socket: epoll says when there is more. */
        if (total < sizeof buf)
            break;
    }
    want(c, EPOLLIN);
}

static void accept_some(void)
{
    for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct connection *c;

        if (fd < 0)
            return;
        peer_no_delay(fd);
        c = calloc(1, sizeof *c);
        c->fd = fd;
        c->events = EPOLLIN;
        c->ssl = SSL_new(context);
        SSL_set_fd(c->ssl, fd);
        SSL_set_accept_state(c->ssl);
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];

    context = SSL_CTX_new(TLS_server_method());
    if (!SSL_CTX_use_certificate_chain_file(context, argv[2]) ||
        !SSL_CTX_use_PrivateKey_file(context, argv[2], SSL_FILETYPE_PEM)) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);
    listener = peer_listen(argv[1], true);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                accept_some();
            else
                step(events[i].data.ptr);
        }
    }
}
