/*
 * Datagram endpoints, on the backend of the environment.
 */
#include "io/sockets.h"
#include "net/datagram_pair.h"

#include <stdio.h>
#include <sys/un.h>

/* Receives like eddy_datagram_endpoint_recv(), but stops waiting after a while when an injected
 * error kept the datagram from being sent. */
static ssize_t recv_soon(eddy_datagram_endpoint *ep, void *buf, size_t size, struct sockaddr *addr,
                         socklen_t *addrlen)
{
    eddy_timeout tm;
    ssize_t n;

    eddy_timeout_enter(&tm, test_tortured() ? 0.05 : EDDY_FOREVER);
    n = eddy_datagram_endpoint_recv(ep, buf, size, addr, addrlen);
    return n < 0 ? eddy_timeout_exit(&tm, (int)n) : n;
}

TEST_ASYNC_REAL(a_datagram_goes_there_and_an_answer_comes_back)
{
    struct pair p;
    struct sockaddr_in who;
    socklen_t size = sizeof who;
    char buf[16];

    if (pair_begin(&p)) {
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "ping", 4), 0);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, (struct sockaddr *)&who, &size), 4);
        EXPECT_EQ(
            eddy_datagram_endpoint_sendto(p.server, "pong!", 5, (struct sockaddr *)&who, size), 0);
        EXPECT_EQ(recv_soon(p.client, buf, sizeof buf, NULL, NULL), 5);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(an_empty_datagram_is_one_and_a_long_one_shows_that_it_was_cut)
{
    struct pair p;
    char buf[4];

    if (pair_begin(&p)) {
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "", 0), 0);
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "truncated", 9), 0);
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "fits", 4), 0);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, NULL, NULL), 0);
        EXPECT_EQ(eddy_datagram_endpoint_truncated(p.server), 0);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, NULL, NULL), 4);
        EXPECT_EQ(eddy_datagram_endpoint_truncated(p.server), 5);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, NULL, NULL), 4);
        EXPECT_EQ(eddy_datagram_endpoint_truncated(p.server), 0);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(a_refused_datagram_fails_a_later_call_and_the_endpoint_lives_on)
{
    struct pair p;
    eddy_datagram_endpoint *again = NULL;
    char buf[16];
    int port;

    if (pair_begin(&p)) {
        port = port_of(p.server);
        eddy_datagram_endpoint_close(p.server);
        p.server = NULL;
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "silent", 6), 0);
        EXPECT_EQ(recv_soon(p.client, buf, sizeof buf, NULL, NULL), -ECONNREFUSED);
        EXPECT_IN("datagram_recv", eddy_exception_message(eddy_error()));
        if (EXPECT_EQ(eddy_create_datagram_endpoint(&again, .local_host = "127.0.0.1",
                                                    .local_port = port),
                      0)) {
            EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "hello", 5), 0);
            EXPECT_EQ(recv_soon(again, buf, sizeof buf, NULL, NULL), 5);
        }
        eddy_datagram_endpoint_close(again);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(a_connected_endpoint_sends_to_its_peer_only)
{
    struct pair p;
    struct sockaddr_in remote, other = {.sin_family = AF_INET, .sin_port = htons(9)};
    socklen_t size = sizeof remote;

    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (pair_begin(&p)) {
        EXPECT_EQ(
            eddy_datagram_endpoint_remote_address(p.client, (struct sockaddr *)&remote, &size), 0);
        EXPECT_EQ(eddy_datagram_endpoint_sendto(p.client, "x", 1, (struct sockaddr *)&remote, size),
                  0);
        EXPECT_EQ(eddy_datagram_endpoint_sendto(p.client, "x", 1, (struct sockaddr *)&other,
                                                sizeof other),
                  -EINVAL);
        EXPECT_IN("127.0.0.1 port 9", eddy_exception_message(eddy_error()));
        EXPECT_EQ(eddy_datagram_endpoint_send(p.server, "x", 1), -EDESTADDRREQ);
        EXPECT_EQ(
            eddy_datagram_endpoint_remote_address(p.server, (struct sockaddr *)&remote, &size),
            -ENOTCONN);
    }
    pair_end(&p);
    return 0;
}

static int receive(void *arg)
{
    char buf[8];

    return (int)eddy_datagram_endpoint_recv(arg, buf, sizeof buf, NULL, NULL);
}

TEST_ASYNC_REAL(closing_wakes_the_waiter_and_a_second_one_is_refused, .ordered = true)
{
    struct pair p;
    char buf[8];
    eddy_task *t;

    if (pair_begin(&p)) {
        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL);
        eddy_sleep(0);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, NULL, NULL), -EBUSY);
        eddy_datagram_endpoint_close(p.server);
        p.server = NULL;
        EXPECT_EQ(eddy_await(t), EDDY_ECLOSED);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(closing_frees_the_port_and_the_number_while_a_task_still_waits, .ordered = true)
{
    struct pair p;
    eddy_datagram_endpoint *again = NULL;
    int port, number;
    char buf[8];
    eddy_task *t;

    if (pair_begin(&p)) {
        port = port_of(p.server);
        number = eddy_datagram_endpoint_fileno(p.server);
        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL && eddy_sleep(0.001) == 0);
        eddy_datagram_endpoint_close(p.server);
        p.server = NULL;
        EXPECT(eddy_create_datagram_endpoint(&again, .local_host = "127.0.0.1",
                                             .local_port = port) == 0);
        if (again) {
            EXPECT_EQ(eddy_datagram_endpoint_fileno(again), number);
            EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "new", 3), 0);
            EXPECT_EQ(recv_soon(again, buf, sizeof buf, NULL, NULL), 3);
        }
        EXPECT_EQ(eddy_await(t), EDDY_ECLOSED);
        eddy_datagram_endpoint_close(again);
    }
    pair_end(&p);
    return 0;
}

/* The task of the call has been woken, but has not run yet, when the endpoint is closed. */
TEST_ASYNC_REAL(a_close_after_a_datagram_came_reads_no_other_descriptor, .ordered = true)
{
    struct pair p;
    char buf[8];
    int s[2];
    eddy_task *t;

    if (pair_begin(&p)) {
        int number = eddy_datagram_endpoint_fileno(p.server);

        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL && eddy_sleep(0.001) == 0);
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "x", 1), 0);
        eddy_datagram_endpoint_close(p.server);
        p.server = NULL;
        pair_open(s);
        EXPECT(s[0] == number || s[1] == number);
        EXPECT(socket_write(s[0], "new") && socket_write(s[1], "new"));
        EXPECT_EQ(eddy_await(t), EDDY_ECLOSED);
        EXPECT_EQ(recv(s[0], buf, sizeof buf, MSG_DONTWAIT), 3);
        EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), 3);
        pair_close(s);
    }
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_receive_takes_nothing)
{
    struct pair p;
    char buf[8];
    eddy_task *t;

    if (pair_begin(&p)) {
        t = eddy_create_task(eddy_coro(receive, p.server));
        REQUIRE(t != NULL);
        eddy_sleep(0);
        eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), -ECANCELED);
        EXPECT_EQ(eddy_datagram_endpoint_send(p.client, "still", 5), 0);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, NULL, NULL), 5);
    }
    pair_end(&p);
    return 0;
}

static int option(const eddy_datagram_endpoint *ep, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    getsockopt(eddy_datagram_endpoint_fileno(ep), SOL_SOCKET, name, &value, &size);
    return value;
}

TEST_ASYNC_REAL(options_reach_the_socket)
{
    eddy_datagram_endpoint *ep = NULL;

    if (EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .local_host = "127.0.0.1", .reuse_port = true,
                                                .allow_broadcast = true),
                  0)) {
        EXPECT_EQ(option(ep, SO_REUSEPORT), 1);
        EXPECT_EQ(option(ep, SO_BROADCAST), 1);
        EXPECT(fcntl(eddy_datagram_endpoint_fileno(ep), F_GETFL) & O_NONBLOCK);
        EXPECT(fcntl(eddy_datagram_endpoint_fileno(ep), F_GETFD) & FD_CLOEXEC);
    }
    eddy_datagram_endpoint_close(ep);
    ep = NULL;
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .family = AF_INET6), 0);
    eddy_datagram_endpoint_close(ep);
    return 0;
}

/* With broadcasts allowed the remote address is only where send() sends to, so that others may
 * answer. */
TEST_ASYNC_REAL(a_broadcaster_hears_answers_from_others)
{
    struct pair p;
    eddy_datagram_endpoint *caster = NULL;
    struct sockaddr_in who;
    socklen_t size = sizeof who;
    char buf[8];

    if (pair_begin(&p) &&
        EXPECT_EQ(eddy_create_datagram_endpoint(
                      &caster, .local_host = "127.0.0.1", .remote_host = "127.0.0.1",
                      .remote_port = port_of(p.server), .allow_broadcast = true),
                  0)) {
        EXPECT_EQ(eddy_datagram_endpoint_send(caster, "who?", 4), 0);
        EXPECT_EQ(recv_soon(p.server, buf, sizeof buf, (struct sockaddr *)&who, &size), 4);
        EXPECT_EQ(
            eddy_datagram_endpoint_sendto(caster, "x", 1, (struct sockaddr *)&who, sizeof who), 0);
        EXPECT_EQ(recv_soon(caster, buf, sizeof buf, NULL, NULL), 1);
    }
    eddy_datagram_endpoint_close(caster);
    pair_end(&p);
    return 0;
}

TEST_ASYNC_REAL(options_that_make_no_sense_are_refused)
{
    eddy_datagram_endpoint *ep = NULL;
    int s[2];

    pair_open(s);
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep), -EINVAL);
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .sock = s[0]), -EINVAL);
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .sock = s[0], .family = AF_UNIX), -EINVAL);
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .sock = 100000), -EBADF);
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .local_host = "127.0.0.1", .remote_host = "::1",
                                            .remote_port = 9),
              -EAFNOSUPPORT);
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .local_host = "192.0.2.1"), -EADDRNOTAVAIL);
    EXPECT_IN("192.0.2.1 port 0", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .local_host = "a..b"), EDDY_EBADNAME);
    EXPECT(ep == NULL);
    eddy_datagram_endpoint_close(NULL);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_socket_of_ones_own_is_taken_over)
{
    eddy_datagram_endpoint *ep = NULL;
    int s[2];
    char buf[8];

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) == 0);
    if (EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .sock = s[0]), 0)) {
        EXPECT_EQ(eddy_datagram_endpoint_send(ep, "there", 5), 0);
        EXPECT(recv(s[1], buf, sizeof buf, MSG_DONTWAIT) == 5);
        EXPECT(send(s[1], "back", 4, 0) == 4);
        EXPECT_EQ(recv_soon(ep, buf, sizeof buf, NULL, NULL), 4);
    } else {
        close(s[0]);
    }
    eddy_datagram_endpoint_close(ep);
    close(s[1]);
    return 0;
}

TEST_ASYNC_REAL(unix_datagrams_go_by_path)
{
    eddy_datagram_endpoint *server = NULL, *client = NULL;
    struct sockaddr_un who;
    socklen_t size = sizeof who;
    char path[64], own[64], buf[8], long_path[120];

    snprintf(path, sizeof path, "/tmp/eddy-datagram-%d", (int)getpid());
    snprintf(own, sizeof own, "@eddy-datagram-%d", (int)getpid());
    for (int i = 0; i < 2; i++) { /* the second time over the socket that is left */
        if (EXPECT_EQ(eddy_create_datagram_endpoint(&server, .family = AF_UNIX, .local_host = path),
                      0) &&
            EXPECT_EQ(eddy_create_datagram_endpoint(&client, .family = AF_UNIX, .local_host = own,
                                                    .remote_host = path),
                      0)) {
            EXPECT_EQ(eddy_datagram_endpoint_send(client, "knock", 5), 0);
            size = sizeof who;
            EXPECT_EQ(recv_soon(server, buf, sizeof buf, (struct sockaddr *)&who, &size), 5);
            EXPECT_EQ(eddy_datagram_endpoint_sendto(server, "in", 2, (struct sockaddr *)&who, size),
                      0);
            EXPECT_EQ(recv_soon(client, buf, sizeof buf, NULL, NULL), 2);
        }
        eddy_datagram_endpoint_close(client);
        eddy_datagram_endpoint_close(server);
        client = server = NULL;
    }
    unlink(path);
    memset(long_path, 'x', sizeof long_path);
    long_path[108] = '\0';
    EXPECT_EQ(eddy_create_datagram_endpoint(&server, .family = AF_UNIX, .local_host = long_path),
              -ENAMETOOLONG);
    return 0;
}
