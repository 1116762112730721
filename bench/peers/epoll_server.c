/*
 * The reference: a handwritten echo server on level-triggered epoll. epoll-server PORT [http]
 */
#include "peer.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 512, ACCEPTED_AT_ONCE = 64 };

struct connection {
    int fd;
    unsigned state;
    char *pending; /* PEER_BUFFER bytes, after a send was short */
    size_t begin, size;
};

static char buf[PEER_BUFFER], *answers;
static int epoll, listener;
static bool http;

static void end(struct connection *c)
{
    close(c->fd);
    free(c->pending);
    free(c);
}

static void want(struct connection *c, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = c};

    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

static void put(struct connection *c, const char *data, size_t size)
{
    ssize_t sent = send(c->fd, data, size, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN)
        return;
    sent = sent < 0 ? 0 : sent;
    if ((size_t)sent == size)
        return;
    if (!c->pending)
        c->pending = malloc(PEER_BUFFER);
    c->begin = 0;
    c->size = size - (size_t)sent;
    memcpy(c->pending, data + sent, c->size);
    want(c, EPOLLOUT);
}

static void put_pending(struct connection *c)
{
    ssize_t sent = send(c->fd, c->pending + c->begin, c->size, MSG_NOSIGNAL);

    if (sent < 0) {
        if (errno != EAGAIN)
            end(c);
        return;
    }
    c->begin += (size_t)sent;
    c->size -= (size_t)sent;
    if (c->size == 0)
        want(c, EPOLLIN);
}

static void get(struct connection *c)
{
    ssize_t n = recv(c->fd, buf, sizeof buf, 0);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            end(c);
        return;
    }
    if (http)
        n = peer_count_requests(buf, (size_t)n, &c->state) * PEER_ANSWER_SIZE;
    if (n > 0)
        put(c, http ? answers : buf, (size_t)n);
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
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
                  &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
    }
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];

    http = argc > 2 && strcmp(argv[2], "http") == 0;
    answers = peer_answers();
    listener = peer_listen(argv[1], true);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;

            if (!c)
                accept_some();
            else if (c->size > 0)
                put_pending(c);
            else
                get(c);
        }
    }
}
