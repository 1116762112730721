/*
 * recvfrom and sendto, on the backend of the environment.
 */
#include "io/sockets.h"

#include <stdio.h>
#include <sys/un.h>

/* A UDP socket on a port of the loopback, which goes into @addr. */
static int udp(struct sockaddr_in *addr)
{
    socklen_t size = sizeof *addr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    *addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)addr, size) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)addr, &size) == 0);
    return fd;
}

struct receiver {
    int fd;
    char buf[16];
    struct sockaddr_in from;
    ssize_t result;
};

static int receive(void *arg)
{
    struct receiver *r = arg;
    socklen_t size = sizeof r->from;

    r->result =
        eddy_sock_recvfrom(r->fd, r->buf, sizeof r->buf, (struct sockaddr *)&r->from, &size);
    return 0;
}

TEST_ASYNC_REAL(a_datagram_is_waited_for_and_has_its_senders_address)
{
    struct sockaddr_in here, there;
    int server = udp(&here), client = udp(&there);
    struct receiver r = {.fd = server};
    eddy_task *t = eddy_create_task(eddy_coro(receive, &r));
    ssize_t n;

    REQUIRE(t != NULL);
    eddy_sleep(0);
    n = eddy_sock_sendto(client, "hello", 5, (struct sockaddr *)&here, sizeof here);
    if (!EXPECT_EQ(n, 5))
        eddy_task_cancel(t, NULL);
    eddy_await(t);
    EXPECT_EQ(r.result, 5);
    EXPECT_EQ(r.from.sin_port, there.sin_port);
    close(client);
    close(server);
    return 0;
}

TEST_ASYNC_REAL(boundaries_stay_and_a_datagram_may_be_empty_or_cut)
{
    struct sockaddr_in here, there;
    int server = udp(&here), client = udp(&there);
    char buf[4];

    REQUIRE(sendto(client, "", 0, 0, (struct sockaddr *)&here, sizeof here) == 0);
    REQUIRE(sendto(client, "longer", 6, 0, (struct sockaddr *)&here, sizeof here) == 6);
    REQUIRE(sendto(client, "end", 3, 0, (struct sockaddr *)&here, sizeof here) == 3);
    EXPECT_EQ(eddy_sock_recvfrom(server, buf, sizeof buf, NULL, NULL), 0);
    EXPECT_EQ(eddy_sock_recvfrom(server, buf, sizeof buf, NULL, NULL), 4);
    EXPECT_EQ(eddy_sock_recvfrom(server, buf, sizeof buf, NULL, NULL), 3);
    close(client);
    close(server);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_recvfrom_takes_nothing, .ordered = true)
{
    struct sockaddr_in here, there;
    int server = udp(&here), client = udp(&there);
    struct receiver r = {.fd = server};
    eddy_task *t = eddy_create_task(eddy_coro(receive, &r));
    char buf[8];

    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_task_cancel(t, NULL);
    eddy_await(t);
    EXPECT_EQ(r.result, -ECANCELED);
    REQUIRE(sendto(client, "x", 1, 0, (struct sockaddr *)&here, sizeof here) == 1);
    EXPECT_EQ(eddy_sock_recvfrom(server, buf, sizeof buf, NULL, NULL), 1);
    close(client);
    close(server);
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

/* The queue of a Unix datagram socket fills up: a sender has to wait for room. */
TEST_ASYNC_REAL(sendto_waits_for_room)
{
    static const char data[1024];
    int s[2];
    eddy_task *t;
    eddy_timeout tm;
    ssize_t n = 0;

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s) == 0);
    while (send(s[0], data, sizeof data, 0) > 0)
        ;
    t = eddy_create_task(eddy_coro(drain_later, &s[1]));
    REQUIRE(t != NULL);
    eddy_timeout_enter(&tm, test_tortured() ? 0.1 : EDDY_FOREVER);
    n = eddy_sock_sendto(s[0], data, sizeof data, NULL, 0);
    n = n < 0 ? eddy_timeout_exit(&tm, (int)n) : n;
    EXPECT_EQ(n, 1024);
    eddy_await(t);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(what_cannot_be_sent_or_received_is_an_error_with_a_message)
{
    struct sockaddr_in here;
    int fd = udp(&here);
    static char large[70000];

    EXPECT_EQ(eddy_sock_sendto(fd, large, sizeof large, (struct sockaddr *)&here, sizeof here),
              -EMSGSIZE);
    EXPECT_IN("sock_sendto on descriptor", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_sock_sendto(fd, "x", 1, NULL, 0), -EDESTADDRREQ);
    EXPECT_EQ(eddy_sock_sendto(fd, NULL, 1, NULL, 0), -EINVAL);
    EXPECT_EQ(eddy_sock_recvfrom(fd, NULL, 1, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_sock_recvfrom(-1, large, 1, NULL, NULL), -EBADF);
    close(fd);
    return 0;
}

TEST(outside_of_a_task_there_is_no_datagram)
{
    char buf[8];

    EXPECT_EQ(eddy_sock_recvfrom(0, buf, sizeof buf, NULL, NULL), EDDY_ENOTASK);
    EXPECT_EQ(eddy_sock_sendto(0, buf, sizeof buf, NULL, 0), EDDY_ENOTASK);
}
