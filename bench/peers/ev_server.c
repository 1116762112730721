/*
 * An echo server on libev. ev-server PORT
 */
#include "peer.h"

#include <errno.h>
#include <ev.h>
#include <unistd.h>

enum { ACCEPTED_AT_ONCE = 64 };

struct connection {
    ev_io io; /* first: the watcher is the connection */
    char *pending;
    size_t begin, size;
};

static char buf[PEER_BUFFER];

static void end(struct ev_loop *loop, struct connection *c)
{
    ev_io_stop(loop, &c->io);
    close(c->io.fd);
    free(c->pending);
    free(c);
}

static void want(struct ev_loop *loop, ev_io *io, int events)
{
    ev_io_stop(loop, io);
    ev_io_set(io, io->fd, events);
    ev_io_start(loop, io);
}

static void put_pending(struct ev_loop *loop, struct connection *c)
{
    ssize_t sent = send(c->io.fd, c->pending + c->begin, c->size, MSG_NOSIGNAL);

    if (sent < 0) {
        if (errno != EAGAIN)
            end(loop, c);
        return;
    }
    c->begin += (size_t)sent;
    c->size -= (size_t)sent;
    if (c->size == 0)
        want(loop, &c->io, EV_READ);
}

static void get(struct ev_loop *loop, struct connection *c)
{
    ssize_t n = recv(c->io.fd, buf, sizeof buf, 0), sent;

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            end(loop, c);
        return;
    }
    sent = send(c->io.fd, buf, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        end(loop, c);
        return;
    }
    sent = sent < 0 ? 0 : sent;
    if (sent == n)
        return;
    if (!c->pending)
        c->pending = malloc(PEER_BUFFER);
    c->begin = 0;
    c->size = (size_t)(n - sent);
    memcpy(c->pending, buf + sent, c->size);
    want(loop, &c->io, EV_WRITE);
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct connection *c = (struct connection *)io;

    if (c->size > 0)
        put_pending(loop, c);
    else
        get(loop, c);
}

static void on_accept(struct ev_loop *loop, ev_io *listener, int events)
{
    for (int i = 0; i < ACCEPTED_AT_ONCE; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct connection *c;

        if (fd < 0)
            return;
        peer_no_delay(fd);
        c = calloc(1, sizeof *c);
        ev_io_init(&c->io, on_io, fd, EV_READ);
        ev_io_start(loop, &c->io);
    }
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
    ev_io listener;

    ev_io_init(&listener, on_accept, peer_listen(argv[1], true), EV_READ);
    ev_io_start(loop, &listener);
    ev_run(loop, 0);
    return 0;
}
