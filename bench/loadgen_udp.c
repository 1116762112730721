/*
 * Datagrams that are echoed. Each socket sends its own numbered datagrams, in batches, so that a
 * datagram which is lost, doubled, of another socket, or out of order is noticed.
 *
 * All that is in flight must fit into the server's receive buffer, or datagrams are dropped: 200
 * small ones, with the kernel's default of 212992 bytes.
 */
#include "loadgen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 64, TRIES = 300 };

/* The beginning of each datagram. */
struct label {
    uint32_t socket, number;
};

struct connection {
    int fd;
    uint32_t index, sent, received;
    uint64_t *began; /* of the datagrams in flight, a ring of loadgen.depth */
};

static struct batch {
    struct mmsghdr messages[MOST];
    struct iovec bytes[MOST];
} batch;
static char *rooms; /* MOST times loadgen.size bytes */

static char *room(int i)
{
    return rooms + (size_t)i * loadgen.size;
}

static void send_some(struct connection *c, int n)
{
    for (int done = 0; done < n;) {
        int sent, wanted = n - done < MOST ? n - done : MOST;

        for (int i = 0; i < wanted; i++) {
            struct label label = {c->index, c->sent + (uint32_t)i};

            memcpy(room(i), &label, sizeof label);
            c->began[label.number % (unsigned)loadgen.depth] = loadgen.now;
        }
        sent = sendmmsg(c->fd, batch.messages, (unsigned)wanted, 0);
        if (sent < 0)
            fail("sendmmsg: %s", strerror(errno));
        c->sent += (uint32_t)sent;
        done += sent;
    }
}

static void compare(struct connection *c, int i)
{
    struct label label;

    memcpy(&label, room(i), sizeof label);
    if (batch.messages[i].msg_len != loadgen.size || label.socket != c->index ||
        label.number != c->received)
        fail("datagram %u of %u bytes has come instead of number %u", label.number,
             batch.messages[i].msg_len, c->received);
    c->received++;
    operation_done(c->began[label.number % (unsigned)loadgen.depth]);
}

static void event(void *connection, uint32_t events)
{
    struct connection *c = connection;
    int n = recvmmsg(c->fd, batch.messages, MOST, MSG_DONTWAIT, NULL);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n < 0)
        fail("recvmmsg: %s", strerror(errno));
    loadgen.now = bench_now();
    for (int i = 0; i < n; i++)
        compare(c, i);
    send_some(c, n);
}

/* Waits until the server answers, on a socket that late answers go down with. */
static void wait_for_server(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), tries = 0;
    struct timeval soon = {.tv_usec = 10000};
    char byte = 0;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        fail("connect: %s", strerror(errno));
    while (send(fd, &byte, 1, 0) < 0 || recv(fd, &byte, 1, 0) < 0) {
        if (++tries > TRIES)
            fail("no server answers");
        usleep(10000);
    }
    close(fd);
}

static int open_all(void)
{
    struct connection *all = calloc((size_t)loadgen.n_connections, sizeof *all);
    struct sockaddr_in address = destination(0);

    if (loadgen.size < sizeof(struct label))
        loadgen.size = sizeof(struct label);
    rooms = calloc(MOST, loadgen.size);
    if (!all || !rooms)
        return -1;
    wait_for_server(&address);
    for (int i = 0; i < MOST; i++) {
        batch.bytes[i] = (struct iovec){room(i), loadgen.size};
        batch.messages[i].msg_hdr.msg_iov = &batch.bytes[i];
        batch.messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (int i = 0; i < loadgen.n_connections; i++) {
        struct connection *c = &all[i];

        c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        c->index = (uint32_t)i;
        c->began = calloc((size_t)loadgen.depth, sizeof *c->began);
        if (c->fd < 0 || !c->began ||
            connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
            return -1;
        watch(c->fd, c, EPOLLIN);
        loadgen.now = bench_now();
        send_some(c, loadgen.depth);
    }
    return 0;
}

const struct load load_udp = {.open = open_all, .event = event};
