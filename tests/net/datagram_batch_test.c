/*
 * Batches of datagrams, on the backend of the environment.
 */
#include "io/sockets.h"
#include "net/datagram_pair.h"

#include <netinet/udp.h>

enum { N = 8, ROOM = 64 };

/* Two Unix sockets, each an endpoint. */
static bool unix_pair_begin(struct pair *p)
{
    int s[2], rc;

    *p = (struct pair){NULL, NULL};
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) == 0);
    rc = eddy_create_datagram_endpoint(&p->server, .sock = s[0]);
    if (rc < 0)
        close(s[0]);
    if (rc < 0 || (rc = eddy_create_datagram_endpoint(&p->client, .sock = s[1])) < 0)
        close(s[1]);
    return EXPECT_EQ(rc, 0);
}

/* Datagrams with the texts "", "1", "22", … */
struct batch {
    eddy_datagram d[N];
    char bytes[N][ROOM];
};

static void batch_fill(struct batch *b)
{
    *b = (struct batch){.d = {{.data = NULL}}};
    for (size_t i = 0; i < N; i++) {
        memset(b->bytes[i], '0' + (int)i, ROOM);
        b->d[i].data = b->bytes[i];
        b->d[i].size = i;
        b->d[i].room = ROOM;
    }
}

static bool is_the(const eddy_datagram *d, size_t i)
{
    const char *bytes = d->data;

    return d->size == i && d->truncated == 0 && (i == 0 || bytes[i - 1] == '0' + (int)i);
}

/* Receives like eddy_datagram_endpoint_recv_some(), but stops waiting after a while when an
 * injected error kept a datagram from being sent. */
static ssize_t recv_soon(eddy_datagram_endpoint *ep, eddy_datagram *d, size_t n)
{
    eddy_timeout tm;
    ssize_t got;

    eddy_timeout_enter(&tm, test_tortured() ? 0.05 : EDDY_FOREVER);
    got = eddy_datagram_endpoint_recv_some(ep, d, n);
    return got < 0 ? eddy_timeout_exit(&tm, (int)got) : got;
}

TEST_ASYNC_REAL(a_batch_goes_there_and_the_received_one_comes_back)
{
    struct pair p;
    struct batch b;

    if (pair_begin(&p)) {
        batch_fill(&b);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, b.d, N), N);
        batch_fill(&b);
        if (EXPECT_EQ(recv_soon(p.server, b.d, N), N)) {
            EXPECT_EQ(eddy_datagram_endpoint_send_some(p.server, b.d, N), N);
            batch_fill(&b);
            EXPECT_EQ(recv_soon(p.client, b.d, N), N);
            for (size_t i = 0; i < N; i++) {
                EXPECT(is_the(&b.d[i], i));
                EXPECT_EQ(b.d[i].addrlen, sizeof(struct sockaddr_in));
                EXPECT_EQ(b.d[i].segment_size, 0);
            }
        }
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(fewer_datagrams_than_there_is_room_for_end_the_wait)
{
    struct pair p;
    struct batch b;

    if (pair_begin(&p)) {
        batch_fill(&b);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, b.d, 3), 3);
        EXPECT_EQ(recv_soon(p.server, b.d, 2), 2);
        EXPECT_EQ(recv_soon(p.server, b.d, N), 1);
        EXPECT(is_the(&b.d[0], 2));
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(a_datagram_that_does_not_fit_is_cut_and_says_so)
{
    struct pair p;
    struct batch b;

    if (pair_begin(&p)) {
        batch_fill(&b);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &b.d[6], 2), 2);
        b.d[0].room = 4;
        EXPECT_EQ(recv_soon(p.server, b.d, 2), 2);
        EXPECT_EQ(b.d[0].size, 4);
        EXPECT_EQ(b.d[0].truncated, 2);
        EXPECT(is_the(&b.d[1], 7));
    }
    pair_end(&p);
    return 0;
}

static int receive(void *arg)
{
    struct batch b;

    batch_fill(&b);
    return (int)eddy_datagram_endpoint_recv_some(arg, b.d, N);
}

TEST_ASYNC_REAL(a_receiver_waits_for_the_first_datagram, .ordered = true)
{
    struct pair p;
    struct batch b;
    eddy_task *t;
    ssize_t n;

    if (pair_begin(&p)) {
        batch_fill(&b);
        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL);
        eddy_sleep(0);
        EXPECT_EQ(recv_soon(p.server, b.d, N), -EBUSY);
        n = eddy_datagram_endpoint_send_some(p.client, b.d, 2);
        if (!EXPECT_EQ(n, 2))
            eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), 2);
    }
    pair_end(&p);
    return 0;
}

/* The first receive has shown that there are no more, so the second waits at once. */
TEST_ASYNC_REAL(a_receive_after_a_short_one_of_the_same_turn_gets_what_came_in_between)
{
    struct pair p;
    struct batch b;

    if (pair_begin(&p)) {
        batch_fill(&b);
        for (size_t i = 1; i < N; i++) {
            EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &b.d[i], 1), 1);
            EXPECT_EQ(recv_soon(p.server, b.d, N), 1);
            EXPECT(is_the(&b.d[0], i));
        }
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_receive_of_a_batch_takes_nothing)
{
    struct pair p;
    struct batch b;
    eddy_task *t;

    if (pair_begin(&p)) {
        batch_fill(&b);
        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL);
        eddy_sleep(0);
        eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), -ECANCELED);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, b.d, 2), 2);
        EXPECT_EQ(recv_soon(p.server, b.d, N), 2);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(closing_wakes_the_receiver_of_a_batch, .ordered = true)
{
    struct pair p;
    eddy_task *t;

    if (pair_begin(&p)) {
        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL);
        eddy_sleep(0);
        eddy_datagram_endpoint_close(p.server);
        p.server = NULL;
        EXPECT_EQ(eddy_await(t), EDDY_ECLOSED);
    }
    pair_end(&p);
    return 0;
}

static int drain_later(void *arg)
{
    char buf[2048];

    eddy_sleep(0.002);
    for (int i = 0; i < 1000 && recv(*(int *)arg, buf, sizeof buf, MSG_DONTWAIT) >= 0; i++)
        ;
    return 0;
}

TEST_ASYNC_REAL(a_sender_waits_for_room_and_then_sends_what_there_is_room_for)
{
    struct pair p;
    struct batch b;
    eddy_timeout tm;
    eddy_task *t;
    ssize_t n = 0;
    int fd;

    if (unix_pair_begin(&p)) {
        batch_fill(&b);
        for (int i = 0; i < 1000 && n >= 0; i++)
            n = send(eddy_datagram_endpoint_fileno(p.client), "x", 1, MSG_DONTWAIT);
        fd = eddy_datagram_endpoint_fileno(p.server);
        t = eddy_create_task(eddy_coro(drain_later, &fd));
        REQUIRE(t != NULL);
        eddy_timeout_enter(&tm, test_tortured() ? 0.1 : EDDY_FOREVER);
        n = eddy_datagram_endpoint_send_some(p.client, b.d, N);
        n = n < 0 ? eddy_timeout_exit(&tm, (int)n) : n;
        EXPECT(n > 0 && n <= N);
        eddy_await(t);
    }
    pair_end(&p);
    return 0;
}

/* The loopback refuses at once, so the refusal of the first datagram ends the batch after it. */
TEST_ASYNC_REAL(a_refusal_costs_no_datagram_and_is_seen_at_the_end)
{
    struct pair p;
    struct batch b;
    ssize_t n = 0;

    if (pair_begin(&p)) {
        batch_fill(&b);
        eddy_datagram_endpoint_close(p.server);
        p.server = NULL;
        for (ssize_t sent = 0; sent < N && n >= 0; sent += n)
            EXPECT((n = eddy_datagram_endpoint_send_some(p.client, b.d + sent, N - sent)) > 0);
        EXPECT_EQ(recv_soon(p.client, b.d, N), -ECONNREFUSED);
        EXPECT_IN("datagram_recv_some", eddy_exception_message(eddy_error()));
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, b.d, 1), 1);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, b.d, 1), -ECONNREFUSED);
        EXPECT_IN("datagram_send_some", eddy_exception_message(eddy_error()));
    }
    pair_end(&p);
    return 0;
}

static void expect_sent_until(struct pair *p, const struct batch *b, size_t wrong, int error)
{
    struct batch received;

    EXPECT_EQ(eddy_datagram_endpoint_send_some(p->client, b->d, N), (ssize_t)wrong);
    EXPECT_EQ(eddy_datagram_endpoint_send_some(p->client, b->d + wrong, N - wrong), error);
    batch_fill(&received);
    EXPECT_EQ(recv_soon(p->server, received.d, N), (ssize_t)wrong);
}

TEST_ASYNC_REAL(datagrams_before_a_wrong_one_are_sent_and_the_next_call_has_the_error)
{
    static char large[70000];
    struct sockaddr_in other = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct pair p;
    struct batch b;

    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (pair_begin(&p)) {
        batch_fill(&b);
        b.d[3].data = large;
        b.d[3].size = sizeof large;
        expect_sent_until(&p, &b, 3, -EMSGSIZE);
        batch_fill(&b);
        b.d[5].data = NULL;
        expect_sent_until(&p, &b, 5, -EINVAL);
        batch_fill(&b);
        memcpy(&b.d[1].addr, &other, sizeof other);
        b.d[1].addrlen = sizeof other;
        expect_sent_until(&p, &b, 1, -EINVAL);
        EXPECT_IN("127.0.0.1 port 9", eddy_exception_message(eddy_error()));
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.server, b.d, 1), -EDESTADDRREQ);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(one_call_moves_no_more_than_the_limit_and_no_fewer_than_none)
{
    enum { MANY = EDDY_DATAGRAMS_AT_ONCE + 10 };
    static char byte[MANY][1];
    static eddy_datagram many[MANY];
    struct pair p;

    if (pair_begin(&p)) {
        for (size_t i = 0; i < MANY; i++)
            many[i] = (eddy_datagram){.data = byte[i], .room = 1, .size = 1};
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, many, MANY), EDDY_DATAGRAMS_AT_ONCE);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, many, 10), 10);
        EXPECT_EQ(recv_soon(p.server, many, MANY), EDDY_DATAGRAMS_AT_ONCE);
        EXPECT_EQ(recv_soon(p.server, many, MANY), 10);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, NULL, 0), 0);
        EXPECT_EQ(recv_soon(p.server, NULL, 0), -EINVAL);
        many[1].data = NULL;
        EXPECT_EQ(recv_soon(p.server, many, 2), -EINVAL);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(segments_are_sent_as_one_datagram_and_received_as_several)
{
    static char large[600], room[3][ROOM * 4];
    eddy_datagram one = {.data = large, .size = 250, .segment_size = 100}, got[3] = {{.size = 0}};
    struct pair p;

    if (pair_begin(&p)) {
        for (size_t i = 0; i < 3; i++)
            got[i].data = room[i], got[i].room = sizeof room[i];
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &one, 1), 1);
        EXPECT_EQ(recv_soon(p.server, got, 3), 3);
        EXPECT(got[0].size == 100 && got[1].size == 100 && got[2].size == 50);
        one.size = 100; /* one segment is an ordinary datagram */
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &one, 1), 1);
        EXPECT_EQ(recv_soon(p.server, got, 3), 1);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(segments_that_the_kernel_joins_come_with_their_size_and_can_be_sent_back)
{
    static char large[1000];
    eddy_datagram d = {.data = large, .room = sizeof large, .size = 250, .segment_size = 100};
    struct pair p;
    int one = 1;

    if (pair_begin(&p) && EXPECT_EQ(setsockopt(eddy_datagram_endpoint_fileno(p.server), SOL_UDP,
                                               UDP_GRO, &one, sizeof one),
                                    0)) {
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &d, 1), 1);
        d.segment_size = d.size = 0;
        if (EXPECT_EQ(recv_soon(p.server, &d, 1), 1)) {
            EXPECT_EQ(d.size, 250);
            EXPECT_EQ(d.segment_size, 100);
            EXPECT_EQ(eddy_datagram_endpoint_send_some(p.server, &d, 1), 1);
            for (int i = 0; i < 3; i++)
                EXPECT_EQ(recv_soon(p.client, &d, 1), 1);
            EXPECT_EQ(d.size, 50);
        }
    }
    pair_end(&p);
    return 0;
}

/* A descriptor in flight is closed, and not one of this process for ever. */
TEST_ASYNC_REAL(unix_datagrams_have_no_segments_and_leave_no_descriptor_behind)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {{CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct iovec iov = {"22", 2};
    struct msghdr with_descriptor = {.msg_iov = &iov,
                                     .msg_iovlen = 1,
                                     .msg_control = &control,
                                     .msg_controllen = sizeof control};
    struct pair p;
    struct batch b;
    int fd;

    if (unix_pair_begin(&p)) {
        batch_fill(&b);
        fd = eddy_datagram_endpoint_fileno(p.client);
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        EXPECT_EQ(sendmsg(fd, &with_descriptor, 0), 2);
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &b.d[3], 1), 1);
        EXPECT_EQ(recv_soon(p.server, b.d, N), 2);
        EXPECT(is_the(&b.d[0], 2) && is_the(&b.d[1], 3));
        b.d[1].segment_size = 2;
        b.d[1].addrlen = 0;
        EXPECT_EQ(eddy_datagram_endpoint_send_some(p.client, &b.d[1], 1), -EOPNOTSUPP);
    }
    pair_end(&p);
    return 0;
}
