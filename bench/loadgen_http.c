/*
 * Requests for "/" on connections that stay open. An answer has to be "HTTP/1.1 200", headers with
 * "Content-Length: 5", and "Hello".
 */
#include "loadgen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { LARGEST_ANSWER = 2048 };

static const char status_line[] = "HTTP/1.1 200 ", length_header[] = "\r\nContent-Length: 5\r\n",
                  body[] = "Hello";
static char request[100];
static size_t request_size;

struct connection {
    int fd;
    uint64_t *began; /* of the requests in flight, a ring of loadgen.depth */
    unsigned oldest, newest;
    size_t n; /* bytes of incomplete answers */
    char answer[LARGEST_ANSWER];
};

/* Sends a request, which is so small that the socket always takes it. */
static void begin_request(struct connection *c)
{
    c->began[c->newest++ % (unsigned)loadgen.depth] = loadgen.now;
    if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size)
        fail("send: %s", strerror(errno));
}

/* Returns the size of the answer at @data, 0 if it is incomplete. */
static size_t answer_size(const char *data, size_t size)
{
    const char *end = memmem(data, size, "\r\n\r\n", 4);
    size_t head;

    if (!end)
        return 0;
    head = (size_t)(end - data) + 4;
    if (memcmp(data, status_line, sizeof status_line - 1) != 0 ||
        !memmem(data, head, length_header, sizeof length_header - 1))
        fail("this is not the answer: %.*s", (int)head, data);
    if (size < head + sizeof body - 1)
        return 0;
    if (memcmp(data + head, body, sizeof body - 1) != 0)
        fail("the body is wrong");
    return head + sizeof body - 1;
}

/* Checks whole answers in place; keeps the rest of the last one. */
static void event(void *connection, uint32_t events)
{
    struct connection *c = connection;
    char *data = loadgen.received;
    size_t size, n;
    ssize_t received;

    memcpy(data, c->answer, c->n);
    received = recv(c->fd, data + c->n, sizeof loadgen.received - c->n, 0);
    if (received < 0 && errno == EAGAIN)
        return;
    if (received <= 0)
        fail("a connection is lost: %s", received < 0 ? strerror(errno) : "closed by the server");
    loadgen.now = bench_now();
    for (size = c->n + (size_t)received; (n = answer_size(data, size)) > 0; data += n, size -= n) {
        if (c->oldest == c->newest)
            fail("more answers than requests");
        operation_done(c->began[c->oldest++ % (unsigned)loadgen.depth]);
        begin_request(c);
    }
    if (size > sizeof c->answer)
        fail("an answer of more than %d bytes", LARGEST_ANSWER);
    memcpy(c->answer, data, size);
    c->n = size;
}

static int open_all(void)
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);
    uint64_t *began = calloc((size_t)(loadgen.n_connections * loadgen.depth), sizeof *began);

    if (!all || !began)
        return -1;
    request_size = (size_t)snprintf(request, sizeof request,
                                    "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", loadgen.port);
    for (int i = 0; i < loadgen.n_connections; i++) {
        all[i].fd = connect_to_server((unsigned)i / 4000);
        all[i].began = began + i * loadgen.depth;
        watch(all[i].fd, &all[i], EPOLLIN);
    }
    loadgen.now = bench_now();
    for (int i = 0; i < loadgen.n_connections; i++) {
        for (int m = 0; m < loadgen.depth; m++)
            begin_request(&all[i]);
    }
    return 0;
}

const struct load load_http = {.open = open_all, .event = event};
