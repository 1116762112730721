/*
 * Batches of datagrams: one system call receives or sends up to EDDY_DATAGRAMS_AT_ONCE of them.
 *
 * The kernel wants a header, a vector and room for control messages for each datagram. They belong
 * to the endpoint, not to the calling task, whose stack they would make two pages larger.
 */
#include "base/sys.h"
#include "eddy/error.h"
#include "net/datagram.h"

#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

enum { AT_ONCE = EDDY_DATAGRAMS_AT_ONCE };

/* Room for the one control message: an int with UDP_GRO, a uint16_t with UDP_SEGMENT. */
union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

struct eddyi_datagram_batch {
    bool segments; /* the kernel can divide and join the socket's datagrams */
    struct mmsghdr messages[AT_ONCE];
    struct iovec bytes[AT_ONCE];
    union control controls[AT_ONCE];
};

/* Returns the headers for @direction, or NULL when memory is short. */
static struct eddyi_datagram_batch *batch_of(eddy_datagram_endpoint *ep,
                                             enum eddyi_direction direction)
{
    struct eddyi_datagram_batch *b = ep->batches[direction];

    if (b)
        return b;
    b = eddyi_zalloc(sizeof *b);
    if (!b)
        return NULL;
    for (size_t i = 0; i < AT_ONCE; i++) {
        b->messages[i].msg_hdr.msg_iov = &b->bytes[i];
        b->messages[i].msg_hdr.msg_iovlen = 1;
    }
    b->segments = eddyi_sys_get_option(ep->fd, SOL_UDP, UDP_SEGMENT) >= 0;
    ep->batches[direction] = b;
    return b;
}

/* Makes the header of @d to receive it. Only UDP gets room for control messages: a Unix socket
 * would put descriptors there. */
static void expect(struct eddyi_datagram_batch *b, size_t i, eddy_datagram *d)
{
    struct msghdr *m = &b->messages[i].msg_hdr;

    b->bytes[i] = (struct iovec){d->data, d->room};
    m->msg_name = &d->addr;
    m->msg_namelen = sizeof d->addr;
    m->msg_control = b->segments ? &b->controls[i] : NULL;
    m->msg_controllen = b->segments ? sizeof b->controls[i] : 0;
}

static size_t segment_size(struct msghdr *m)
{
    struct cmsghdr *c = m->msg_controllen > 0 ? CMSG_FIRSTHDR(m) : NULL;
    int size = 0;

    if (c && c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
        memcpy(&size, CMSG_DATA(c), sizeof size);
    return (size_t)size;
}

static void take(struct eddyi_datagram_batch *b, size_t i, eddy_datagram *d)
{
    struct msghdr *m = &b->messages[i].msg_hdr;
    size_t size = b->messages[i].msg_len;

    d->size = size < d->room ? size : d->room;
    d->truncated = size - d->size;
    d->segment_size = segment_size(m);
    d->addrlen = m->msg_namelen;
}

static int check_room(const eddy_datagram *datagrams, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!datagrams[i].data && datagrams[i].room > 0)
            return eddy_raise(-EINVAL, "datagram_recv_some: no buffer of %zu bytes",
                              datagrams[i].room);
    return n > 0 ? 0 : eddy_raise(-EINVAL, "datagram_recv_some: no room for a datagram");
}

static int64_t receive(eddy_datagram_endpoint *ep, struct eddyi_io_call *c,
                       eddy_datagram *datagrams, size_t n)
{
    struct eddyi_datagram_batch *b = batch_of(ep, EDDYI_READS);
    int64_t got;

    if (!b)
        return eddy_raise(-ENOMEM, NULL);
    for (size_t i = 0; i < n; i++)
        expect(b, i, &datagrams[i]);
    got = eddyi_io_recvmmsg(c, "datagram_recv_some", ep->fd, b->messages, (unsigned)n, MSG_TRUNC);
    for (size_t i = 0; (int64_t)i < got; i++)
        take(b, i, &datagrams[i]);
    return got;
}

ssize_t eddy_datagram_endpoint_recv_some(eddy_datagram_endpoint *ep, eddy_datagram *datagrams,
                                         size_t n)
{
    struct eddyi_io_call call = {.loop = NULL};
    int64_t rc;

    n = n < AT_ONCE ? n : AT_ONCE;
    rc = check_room(datagrams, n);
    if (rc == 0)
        rc = eddyi_datagram_enter(ep, EDDYI_READS, &call, "datagram_recv_some");
    return rc < 0 ? rc : eddyi_datagram_leave(ep, EDDYI_READS, receive(ep, &call, datagrams, n));
}

/* Raises the error of a datagram that no system call needs to see, or returns 0. */
static int refuse(const struct eddyi_datagram_batch *b, const eddy_datagram *d)
{
    if (!d->data && d->size > 0)
        return eddy_raise(-EINVAL, "datagram_send_some: no buffer of %zu bytes", d->size);
    if (d->segment_size > 0 && d->size > d->segment_size && !b->segments)
        return eddy_raise(-EOPNOTSUPP, "datagram_send_some: the socket cannot divide a datagram");
    return 0;
}

/* Makes the header of @d to send it. Returns 0, or raises an error. */
static int prepare(const eddy_datagram_endpoint *ep, struct eddyi_datagram_batch *b, size_t i,
                   const eddy_datagram *d)
{
    const struct sockaddr *addr = d->addrlen > 0 ? (const struct sockaddr *)&d->addr : NULL;
    socklen_t addrlen = d->addrlen;
    struct msghdr *m = &b->messages[i].msg_hdr;
    int rc = refuse(b, d);

    if (rc == 0)
        rc = eddyi_datagram_target(ep, &addr, &addrlen);
    if (rc < 0)
        return rc;
    b->bytes[i] = (struct iovec){d->data, d->size};
    m->msg_name = (void *)(uintptr_t)addr;
    m->msg_namelen = addr ? addrlen : 0;
    m->msg_control = NULL;
    m->msg_controllen = 0;
    if (d->segment_size > 0 && d->size > d->segment_size && d->segment_size <= UINT16_MAX) {
        struct cmsghdr *c = &b->controls[i].header;
        uint16_t size = (uint16_t)d->segment_size;

        *c = (struct cmsghdr){CMSG_LEN(sizeof size), SOL_UDP, UDP_SEGMENT};
        memcpy(CMSG_DATA(c), &size, sizeof size);
        m->msg_control = c;
        m->msg_controllen = CMSG_SPACE(sizeof size);
    }
    return 0;
}

static int64_t transmit(eddy_datagram_endpoint *ep, struct eddyi_io_call *c,
                        const eddy_datagram *datagrams, size_t n)
{
    struct eddyi_datagram_batch *b = batch_of(ep, EDDYI_WRITES);
    size_t ready = 0;
    int rc = b ? 0 : eddy_raise(-ENOMEM, NULL);

    while (rc == 0 && ready < n) {
        rc = prepare(ep, b, ready, &datagrams[ready]);
        ready += rc == 0;
    }
    /* Like the kernel, sends the datagrams in front of a wrong one; the next call has the error. */
    if (ready == 0)
        return rc;
    return eddyi_io_sendmmsg(c, "datagram_send_some", ep->fd, b->messages, (unsigned)ready);
}

ssize_t eddy_datagram_endpoint_send_some(eddy_datagram_endpoint *ep, const eddy_datagram *datagrams,
                                         size_t n)
{
    struct eddyi_io_call call = {.loop = NULL};
    int64_t rc = eddyi_datagram_enter(ep, EDDYI_WRITES, &call, "datagram_send_some");

    if (rc < 0)
        return rc;
    n = n < AT_ONCE ? n : AT_ONCE;
    return eddyi_datagram_leave(ep, EDDYI_WRITES, transmit(ep, &call, datagrams, n));
}
