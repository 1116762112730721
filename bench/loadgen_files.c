/*
 * Requests for the file "/SIZE" on connections that stay open, one in flight on each. An answer has
 * to be "HTTP/1.1 200", headers with the right "Content-Length", and the bytes that bench/run.py
 * has written into the file; every byte is compared.
 */
#include "loadgen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* A prime, so that pieces that are swapped or doubled are noticed. */
enum { PERIOD = 65521, LARGEST_HEAD = 1024 };

static char pattern[2 * PERIOD];
static char request[100], length_header[60];
static size_t request_size;

struct connection {
    int fd;
    uint64_t began;
    size_t left; /* bytes of the body that have not come */
    size_t n;    /* bytes of an incomplete head */
    char head[LARGEST_HEAD];
};

static void begin_request(struct connection *c)
{
    c->began = loadgen.now;
    if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        fail("send: %s", strerror(errno));
}

/* Takes the part of @data that belongs to the head. Returns its size. */
static size_t take_head(struct connection *c, const char *data, size_t size)
{
    size_t room = sizeof c->head - c->n, before = c->n, n = size < room ? size : room;
    const char *end;

    memcpy(c->head + before, data, n);
    c->n += n;
    end = memmem(c->head, c->n, "\r\n\r\n", 4);
    if (!end) {
        if (c->n == sizeof c->head)
            fail("a head of more than %d bytes", LARGEST_HEAD);
        return n;
    }
    c->n = (size_t)(end - c->head) + 4;
    if (memcmp(c->head, "HTTP/1.1 200 ", 13) != 0 ||
        !memmem(c->head, c->n, length_header, strlen(length_header)))
        fail("this is not the answer: %.*s", (int)c->n, c->head);
    n = c->n - before;
    c->n = 0;
    c->left = loadgen.size;
    return n;
}

static void compare(const struct connection *c, const char *data, size_t size)
{
    size_t at = loadgen.size - c->left;

    while (size > 0) {
        size_t n = size < PERIOD ? size : PERIOD;

        if (memcmp(data, pattern + at % PERIOD, n) != 0)
            fail("the body is wrong");
        at += n;
        data += n;
        size -= n;
    }
}

static void event(void *connection, uint32_t events)
{
    struct connection *c = connection;
    const char *data = loadgen.received;
    ssize_t received = recv(c->fd, loadgen.received, sizeof loadgen.received, 0);
    size_t size, n;

    (void)events;
    if (received < 0 && errno == EAGAIN)
        return;
    if (received <= 0)
        fail("a connection is lost: %s", received < 0 ? strerror(errno) : "closed by the server");
    for (size = (size_t)received; size > 0; data += n, size -= n) {
        if (c->left == 0) {
            n = take_head(c, data, size);
            continue;
        }
        n = size < c->left ? size : c->left;
        compare(c, data, n);
        c->left -= n;
        if (c->left == 0) {
            if (n < size)
                fail("more than was asked for");
            loadgen.now = bench_now();
            operation_done(c->began);
            begin_request(c);
        }
    }
}

static int open_all(void)
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);

    if (!all)
        return -1;
    for (int i = 0; i < 2 * PERIOD; i++)
        pattern[i] = (char)(i % PERIOD * 167 + (i % PERIOD >> 8));
    request_size =
        (size_t)snprintf(request, sizeof request, "GET /%zu HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                         loadgen.size, loadgen.port);
    snprintf(length_header, sizeof length_header, "\r\nContent-Length: %zu\r\n", loadgen.size);
    loadgen.now = bench_now();
    for (int i = 0; i < loadgen.n_connections; i++) {
        all[i].fd = connect_to_server((unsigned)i / 4000);
        watch(all[i].fd, &all[i], EPOLLIN);
        begin_request(&all[i]);
    }
    return 0;
}

const struct load load_files = {.open = open_all, .event = event};
