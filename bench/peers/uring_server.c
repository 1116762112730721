/*
 * The reference: a handwritten echo server on io_uring with everything that helps: multishot accept
 * and receive, a ring of buffers for the kernel to choose from, sends in one batch per turn,
 * completions only when asked for.
 *
 *     uring-server PORT [BUFFER_SIZE [BUFFERS]] [single] [send]
 *
 * Two options show what each of these is worth: "single" receives one by one, each after readiness,
 * and "send" sends at once by send(2).
 *
 * A received buffer is sent from its place; data for a connection that is sending wait in a queue.
 */
#include "peer.h"

#include <errno.h>
#include <liburing.h>
#include <sys/mman.h>

enum { ENTRIES = 4096, COMPLETIONS = 65536, DESCRIPTORS = 65536 };
enum op { ACCEPT = 1, RECV, SEND, CLOSE };

/* The contents of a buffer; it is in at most one queue. */
struct piece {
    unsigned size, begin;
    int next;
};

struct connection {
    int first, last; /* pieces to send, -1 if there is none */
    bool sending, receiving, ended, closed;
    int starved_next;
};

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static struct piece *pieces;
static struct connection connections[DESCRIPTORS];
static unsigned n_buffers = 4096, buffer_size = 16384;
static char *memory;
static int listener, starved = -1; /* connections that found no buffer */
static bool single, at_once;

static struct io_uring_sqe *entry(enum op op, int fd)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    if (!sqe) {
        io_uring_submit(&ring);
        sqe = io_uring_get_sqe(&ring);
    }
    /* The functions that fill an entry do not set user_data. */
    sqe->user_data = (uint64_t)op << 32 | (uint32_t)fd;
    return sqe;
}

static void start_accept(void)
{
    io_uring_prep_multishot_accept(entry(ACCEPT, listener), listener, NULL, NULL, SOCK_CLOEXEC);
}

static void start_recv(int fd)
{
    struct io_uring_sqe *sqe = entry(RECV, fd);

    if (single) {
        io_uring_prep_recv(sqe, fd, NULL, 0, 0);
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    } else {
        io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    }
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = 0;
    connections[fd].receiving = true;
}

static void sent(int fd, int res);

static void start_send(int fd)
{
    struct connection *c = &connections[fd];
    struct piece *p = &pieces[c->first];
    char *data = memory + (size_t)c->first * buffer_size + p->begin;
    ssize_t n = at_once ? send(fd, data, p->size - p->begin, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;

    c->sending = true;
    if (at_once && (n >= 0 || errno != EAGAIN))
        sent(fd, n < 0 ? -errno : (int)n);
    else
        io_uring_prep_send(entry(SEND, fd), fd, data, p->size - p->begin,
                           MSG_NOSIGNAL | MSG_WAITALL);
}

static void give_back(int buffer)
{
    io_uring_buf_ring_add(buffers, memory + (size_t)buffer * buffer_size, buffer_size,
                          (unsigned short)buffer, io_uring_buf_ring_mask(n_buffers), 0);
    io_uring_buf_ring_advance(buffers, 1);
    if (starved >= 0) {
        int fd = starved;

        starved = connections[fd].starved_next;
        if (!connections[fd].ended)
            start_recv(fd);
    }
}

static void close_if_idle(int fd)
{
    struct connection *c = &connections[fd];

    if (!c->ended || c->receiving || c->sending || c->closed)
        return;
    while (c->first >= 0) {
        int buffer = c->first;

        c->first = pieces[buffer].next;
        give_back(buffer);
    }
    c->closed = true;
    io_uring_prep_close(entry(CLOSE, fd), fd);
}

static void accepted(int fd, bool more)
{
    if (fd >= 0 && fd < DESCRIPTORS) {
        peer_no_delay(fd);
        connections[fd] = (struct connection){.first = -1, .last = -1};
        start_recv(fd);
    }
    if (!more)
        start_accept();
}

static void received(int fd, int res, unsigned flags)
{
    struct connection *c = &connections[fd];
    int buffer = (int)(flags >> IORING_CQE_BUFFER_SHIFT);

    if (!(flags & IORING_CQE_F_MORE))
        c->receiving = false;
    if (res == -ENOBUFS) {
        c->starved_next = starved;
        starved = fd;
    } else if (res <= 0) {
        c->ended = true;
        close_if_idle(fd);
    } else {
        pieces[buffer] = (struct piece){.size = (unsigned)res, .next = -1};
        if (c->first < 0)
            c->first = buffer;
        else
            pieces[c->last].next = buffer;
        c->last = buffer;
        if (!c->sending)
            start_send(fd);
        if (!c->receiving)
            start_recv(fd);
    }
}

static void sent(int fd, int res)
{
    struct connection *c = &connections[fd];
    struct piece *p = &pieces[c->first];
    int buffer = c->first;

    c->sending = false;
    if (res < 0) {
        c->ended = true;
        close_if_idle(fd);
        return;
    }
    p->begin += (unsigned)res;
    if (p->begin == p->size) {
        c->first = p->next;
        give_back(buffer);
    }
    if (c->first >= 0)
        start_send(fd);
    else
        close_if_idle(fd);
}

static void set_up(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                              IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                                              IORING_SETUP_CLAMP,
                                     .cq_entries = COMPLETIONS};
    struct io_uring_buf_reg reg = {.ring_entries = n_buffers};
    const int protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    int rc = io_uring_queue_init_params(ENTRIES, &ring, &params);

    memory = mmap(NULL, (size_t)n_buffers * buffer_size, protection, flags, -1, 0);
    buffers = mmap(NULL, n_buffers * sizeof(struct io_uring_buf), protection, flags, -1, 0);
    pieces = calloc(n_buffers, sizeof *pieces);
    reg.ring_addr = (uint64_t)(uintptr_t)buffers;
    if (rc == 0)
        rc = io_uring_register_buf_ring(&ring, &reg, 0);
    if (rc < 0) {
        fprintf(stderr, "uring-server: %s\n", strerror(-rc));
        exit(1);
    }
    io_uring_buf_ring_init(buffers);
    for (unsigned i = 0; i < n_buffers; i++)
        io_uring_buf_ring_add(buffers, memory + (size_t)i * buffer_size, buffer_size,
                              (unsigned short)i, io_uring_buf_ring_mask(n_buffers), (int)i);
    io_uring_buf_ring_advance(buffers, (int)n_buffers);
}

int main(int argc, char **argv)
{
    for (int i = 2, numbers = 0; i < argc; i++) {
        if (strcmp(argv[i], "single") == 0)
            single = true;
        else if (strcmp(argv[i], "send") == 0)
            at_once = true;
        else if (numbers++ == 0)
            buffer_size = (unsigned)atoi(argv[i]);
        else
            n_buffers = (unsigned)atoi(argv[i]);
    }
    listener = peer_listen(argv[1], false);
    set_up();
    start_accept();
    for (;;) {
        struct io_uring_cqe *cqe;
        unsigned head, n = 0;

        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            int fd = (int)(uint32_t)cqe->user_data;

            n++;
            switch (cqe->user_data >> 32) {
            case ACCEPT:
                accepted(cqe->res, cqe->flags & IORING_CQE_F_MORE);
                break;
            case RECV:
                received(fd, cqe->res, cqe->flags);
                break;
            case SEND:
                sent(fd, cqe->res);
                break;
            default:
                break;
            }
        }
        io_uring_cq_advance(&ring, n);
    }
}
