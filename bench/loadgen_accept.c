/*
 * Connections that have one byte echoed and are then closed by this side, which therefore keeps the
 * kernel's record of them.
 */
#include "loadgen.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    int fd;
    bool connected;
    char byte;
    uint64_t began;
};

static unsigned n_begun;

static void begin(struct connection *c)
{
    struct sockaddr_in address = destination(n_begun++);

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket: %s", strerror(errno));
    c->connected = false;
    c->byte = (char)n_begun;
    c->began = bench_now();
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    watch(c->fd, c, EPOLLOUT);
}

static void event(void *connection, uint32_t events)
{
    struct connection *c = connection;
    char byte;

    if (!c->connected) {
        if (send(c->fd, &c->byte, 1, MSG_NOSIGNAL) != 1)
            fail("send: %s", strerror(errno));
        c->connected = true;
        watch_again(c->fd, c, EPOLLIN);
        return;
    }
    if (recv(c->fd, &byte, 1, 0) != 1 || byte != c->byte)
        fail("the byte has not come back");
    loadgen.now = bench_now();
    operation_done(c->began);
    close(c->fd);
    begin(c);
}

static int open_all(void)
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);

    if (!all)
        return -1;
    close(connect_to_server(0)); /* the server listens */
    n_begun = (unsigned)bench_now();
    for (int i = 0; i < loadgen.n_connections; i++)
        begin(&all[i]);
    return 0;
}

const struct load load_accept = {.open = open_all, .event = event};
