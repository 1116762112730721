/*
 * Messages that are echoed. Every connection sends other bytes than its neighbours, and no two
 * messages of one connection are equal, so that bytes which are lost, doubled, or of another
 * connection are noticed.
 */
#include "loadgen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A prime, so that a position in the pattern recurs only after very many messages. */
enum { PERIOD = 65521 };

static char pattern[2 * PERIOD];

struct connection {
    int fd;
    bool writing;   /* waits to be writable */
    size_t sent_at; /* positions in the pattern */
    size_t received_at;
    size_t unsent;
    size_t partial;  /* bytes of an incomplete message */
    uint64_t *began; /* of the messages in flight, a ring of loadgen.depth */
    unsigned oldest, newest;
};

static void send_pending(struct connection *c)
{
    bool writing;

    while (c->unsent > 0) {
        size_t n = c->unsent < PERIOD ? c->unsent : PERIOD;
        ssize_t sent = send(c->fd, pattern + c->sent_at, n, MSG_NOSIGNAL);

        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            fail("send: %s", strerror(errno));
        c->sent_at = (c->sent_at + (size_t)sent) % PERIOD;
        c->unsent -= (size_t)sent;
    }
    writing = c->unsent > 0;
    if (writing != c->writing)
        watch_again(c->fd, c, writing ? EPOLLIN | EPOLLOUT : EPOLLIN);
    c->writing = writing;
}

static void begin_message(struct connection *c)
{
    c->began[c->newest++ % (unsigned)loadgen.depth] = loadgen.now;
    c->unsent += loadgen.size;
}

static void compare(struct connection *c, const char *data, size_t size)
{
    while (size > 0) {
        size_t n = size < PERIOD ? size : PERIOD;

        if (memcmp(data, pattern + c->received_at, n) != 0)
            fail("bytes have changed on their way");
        c->received_at = (c->received_at + n) % PERIOD;
        data += n;
        size -= n;
    }
}

static void receive(struct connection *c)
{
    ssize_t n = recv(c->fd, loadgen.received, sizeof loadgen.received, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        fail("a connection is lost: %s", n < 0 ? strerror(errno) : "closed by the server");
    compare(c, loadgen.received, (size_t)n);
    loadgen.now = bench_now();
    for (c->partial += (size_t)n; c->partial >= loadgen.size; c->partial -= loadgen.size) {
        if (c->oldest == c->newest)
            fail("more has come back than was sent");
        operation_done(c->began[c->oldest++ % (unsigned)loadgen.depth]);
        begin_message(c);
    }
    send_pending(c);
}

static void event(void *connection, uint32_t events)
{
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        receive(connection);
    else
        send_pending(connection);
}

static int open_all(void)
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);
    uint64_t *began = calloc((size_t)(loadgen.n_connections * loadgen.depth), sizeof *began);

    if (!all || !began)
        return -1;
    srand(1);
    for (size_t i = 0; i < PERIOD; i++)
        pattern[i] = pattern[i + PERIOD] = (char)(rand() >> 8);
    for (int i = 0; i < loadgen.n_connections; i++) {
        struct connection *c = &all[i];

        c->fd = connect_to_server((unsigned)i / 4000);
        c->sent_at = c->received_at = (size_t)i * 977 % PERIOD;
        c->began = began + i * loadgen.depth;
        watch(c->fd, c, EPOLLIN);
    }
    loadgen.now = bench_now();
    for (int i = 0; i < loadgen.n_connections; i++) {
        for (int m = 0; m < loadgen.depth; m++)
            begin_message(&all[i]);
        send_pending(&all[i]);
    }
    return 0;
}

const struct load load_echo = {.open = open_all, .event = event};
