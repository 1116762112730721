/*
 * The socket calls that suspend, through the public functions, on the backend of the environment.
 */
#include "io/sockets.h"

#include <stdlib.h>

/* A coroutine that receives once; what came of it. */
struct receiver {
    int fd;
    char buf[16];
    ssize_t result;
    int next; /* how its next suspension ended */
};

static int receive(void *arg)
{
    struct receiver *r = arg;

    r->result = eddy_sock_recv(r->fd, r->buf, sizeof r->buf);
    r->next = eddy_sleep(0);
    return 0;
}

static int turns(int n)
{
    for (int i = 0; i < n; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

/* Receives like eddy_sock_recv(), but stops waiting after a while when an injected error made an
 * earlier step fail. */
static ssize_t recv_soon(int fd, char *buf, size_t size)
{
    eddy_timeout tm;
    ssize_t n;

    eddy_timeout_enter(&tm, test_tortured() ? 0.05 : EDDY_FOREVER);
    n = eddy_sock_recv(fd, buf, size);
    return n < 0 ? eddy_timeout_exit(&tm, (int)n) : n;
}

static void count(void *arg)
{
    ++*(int *)arg;
}

/* recv */

TEST_ASYNC_REAL(recv_takes_what_is_there_without_suspending, .whole = true)
{
    int s[2], others = 0;
    char buf[8];

    pair_open(s);
    EXPECT(socket_write(s[1], "here"));
    (void)eddy_loop_call_soon(eddy_get_running_loop(), count, &others);
    EXPECT_EQ(recv_soon(s[0], buf, sizeof buf), 4);
    EXPECT_EQ(others, 0);
    EXPECT_EQ(eddy_sock_recv(s[0], buf, 0), 0);
    pair_close(s);
    return turns(1);
}

TEST_ASYNC_REAL(recv_waits_for_what_comes_and_sees_the_end, .whole = true)
{
    struct receiver r = {.result = -1};
    eddy_task *t;
    int s[2];

    pair_open(s);
    r.fd = s[0];
    t = eddy_create_task(eddy_coro(receive, &r));
    REQUIRE(t != NULL);
    turns(3);
    EXPECT_EQ(r.result, -1);
    EXPECT(socket_write(s[1], "later"));
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(r.result, 5);

    t = eddy_create_task(eddy_coro(receive, &r));
    REQUIRE(t != NULL);
    turns(2);
    close(s[1]);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(r.result, 0);
    close(s[0]);
    return 0;
}

struct echo {
    int fd, peer;
    char buf[8];
    ssize_t n[3];
};

/* The first waits; what the second and third find came in the turn in which the one before was
 * woken. */
static int receive_and_answer(void *arg)
{
    struct echo *e = arg;

    e->n[0] = recv_soon(e->fd, e->buf, sizeof e->buf);
    EXPECT(socket_write(e->peer, "2"));
    e->n[1] = recv_soon(e->fd, e->buf, sizeof e->buf);
    shutdown(e->peer, SHUT_WR);
    e->n[2] = recv_soon(e->fd, e->buf, sizeof e->buf);
    return 0;
}

TEST_ASYNC_REAL(what_comes_in_the_turn_of_a_short_recv_is_received)
{
    struct echo e = {.n = {-1, -1, -1}};
    eddy_task *t;
    int s[2];

    pair_open(s);
    e.fd = s[0];
    e.peer = s[1];
    t = eddy_create_task(eddy_coro(receive_and_answer, &e));
    REQUIRE(t != NULL);
    turns(3);
    EXPECT(socket_write(s[1], "1"));
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(e.n[0], 1);
    EXPECT_EQ(e.n[1], 1);
    EXPECT_EQ(e.n[2], 0);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(recv_takes_a_size_beyond_what_the_kernel_moves_at_a_time)
{
    char buf[8];
    int s[2];

    pair_open(s);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_sock_recv(s[0], buf, SSIZE_MAX), 1);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(recv_outside_of_its_domain_is_an_error_with_a_message)
{
    struct sockaddr_in addr;
    int s[2], unconnected = socket_refusing(&addr),
              file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char buf[8];

    pair_open(s);
    pair_close(s);
    EXPECT_EQ(recv_soon(s[0], buf, sizeof buf), -EBADF);
    EXPECT_IN("sock_recv on descriptor", eddy_exception_message(eddy_error()));
    EXPECT_EQ(recv_soon(-1, buf, sizeof buf), -EBADF);
    EXPECT_EQ(recv_soon(file, buf, sizeof buf), -ENOTSOCK);
    EXPECT_EQ(recv_soon(unconnected, NULL, 1), -EINVAL);
    EXPECT_EQ(recv_soon(unconnected, buf, SIZE_MAX), -EINVAL);
    EXPECT_EQ(recv_soon(unconnected, buf, sizeof buf), -ENOTCONN);
    close(file);
    close(unconnected);
    return 0;
}

TEST_REAL(outside_of_a_task_nothing_can_be_waited_for)
{
    char buf[8];

    EXPECT_EQ(eddy_sock_recv(0, buf, sizeof buf), EDDY_ENOTASK);
    EXPECT_EQ(eddy_sock_sendall(0, buf, sizeof buf, NULL), EDDY_ENOTASK);
    EXPECT_EQ(eddy_sock_accept(0, NULL, NULL), EDDY_ENOTASK);
    EXPECT_EQ(eddy_sock_connect(0, NULL, 0), EDDY_ENOTASK);
}

TEST_ASYNC(under_the_virtual_clock_a_call_can_succeed_but_not_wait, .whole = true)
{
    char buf[8];
    int s[2];

    pair_open(s);
    EXPECT(socket_write(s[1], "here"));
    EXPECT_EQ(recv_soon(s[0], buf, sizeof buf), 4);
    EXPECT_EQ(eddy_sock_recv(s[0], buf, sizeof buf), -EOPNOTSUPP);
    pair_close(s);
    return 0;
}

/* Two in the same direction. */

TEST_ASYNC_REAL(a_second_receiver_gets_EBUSY_and_the_first_its_bytes, .ordered = true)
{
    struct receiver first = {0};
    eddy_task *t;
    char buf[8];
    int s[2];

    pair_open(s);
    first.fd = s[0];
    t = eddy_create_task(eddy_coro(receive, &first));
    REQUIRE(t != NULL);
    turns(1);
    EXPECT_EQ(recv_soon(s[0], buf, sizeof buf), -EBUSY);
    EXPECT_EQ(eddy_sock_accept(s[0], NULL, NULL), -EBUSY);
    EXPECT_EQ(eddy_sock_sendall(s[0], "out", 3, NULL), 0);
    EXPECT(socket_write(s[1], "i"));
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(first.result, 1);
    EXPECT_EQ(read(s[1], buf, sizeof buf), 3);
    pair_close(s);
    return 0;
}

/* Cancelling. */

TEST_ASYNC_REAL(a_cancelled_recv_takes_nothing_and_frees_the_descriptor_at_once)
{
    struct receiver r = {0};
    eddy_task *t;
    char buf[8];
    int s[2];

    pair_open(s);
    r.fd = s[0];
    t = eddy_create_task(eddy_coro(receive, &r));
    REQUIRE(t != NULL);
    turns(2);
    eddy_task_cancel(t, "enough");
    EXPECT(socket_write(s[1], "m"));
    EXPECT_EQ(recv_soon(s[0], buf, sizeof buf), 1);
    EXPECT_EQ(eddy_await(eddy_ref(t)), 0);
    EXPECT_EQ(r.result, -ECANCELED);
    EXPECT_EQ(r.next, 0);
    eddy_unref(t);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_recv_after_a_cancelled_one_may_wait_in_the_same_turn)
{
    struct receiver first = {0}, second = {0};
    eddy_task *t, *u;
    int s[2];

    pair_open(s);
    first.fd = second.fd = s[0];
    t = eddy_create_task(eddy_coro(receive, &first));
    REQUIRE(t != NULL);
    turns(2);
    u = eddy_create_task(eddy_coro(receive, &second));
    REQUIRE(u != NULL);
    eddy_task_cancel(t, NULL);
    turns(3);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(eddy_await(u), 0);
    EXPECT_EQ(first.result, -ECANCELED);
    EXPECT_EQ(second.result, 1);
    pair_close(s);
    return 0;
}

/* The cancellation comes n iterations after the bytes. Either the bytes are received and the
 * cancellation is delivered later, or the bytes are still in the socket. */
TEST_ASYNC_REAL(bytes_that_come_with_a_cancellation_are_received_or_stay)
{
    char buf[8];
    int s[2];

    pair_open(s);
    for (int n = 0; n < 5; n++) {
        struct receiver r = {.fd = s[0]};
        eddy_task *t = eddy_create_task(eddy_coro(receive, &r));
        ssize_t rest;

        REQUIRE(t != NULL);
        turns(2);
        EXPECT(socket_write(s[1], "bytes"));
        turns(n);
        eddy_task_cancel(t, NULL);
        eddy_await(t);
        if (r.result > 0)
            EXPECT(r.next == -ECANCELED || n > 0);
        else
            EXPECT_EQ(r.result, -ECANCELED);
        rest = recv(s[0], buf, sizeof buf, MSG_DONTWAIT);
        EXPECT_EQ((r.result > 0 ? r.result : 0) + (rest > 0 ? rest : 0), 5);
    }
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_timeout_ends_a_recv)
{
    char buf[8];
    int s[2], rc;
    eddy_timeout tm;

    pair_open(s);
    eddy_timeout_enter(&tm, 0.01);
    rc = (int)eddy_sock_recv(s[0], buf, sizeof buf);
    rc = eddy_timeout_exit(&tm, rc);
    EXPECT_EQ(rc, -ETIMEDOUT);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(recv_soon(s[0], buf, sizeof buf), 1);
    pair_close(s);
    return 0;
}

static int receive_twice(void *arg)
{
    struct receiver *r = arg;

    r->result = eddy_sock_recv(r->fd, r->buf, sizeof r->buf);
    r->next = (int)eddy_sock_recv(r->fd, r->buf, sizeof r->buf);
    return 0;
}

static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

TEST_REAL(a_loop_that_closes_ends_what_waits_and_refuses_what_would)
{
    eddy_loop *loop = test_real_loop();
    struct receiver r = {.next = 1};
    eddy_task *t;
    int s[2];

    REQUIRE(loop != NULL);
    pair_open(s);
    r.fd = s[0];
    eddy_loop_set_exception_handler(loop, ignore, NULL);
    t = eddy_loop_create_task(loop, eddy_coro(receive_twice, &r));
    for (int i = 0; i < 2; i++) {
        eddy_loop_stop(loop);
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
    }
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_EQ(r.result, -ECANCELED);
    EXPECT_EQ(r.next, -ECANCELED);
    eddy_unref(t);
    eddy_loop_unref(loop);
    pair_close(s);
}

/* sendall */

struct transfer {
    int fd;
    size_t size;
    size_t moved;
    bool equal; /* the bytes are the expected ones */
};

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 31 + i / 977);
}

static int receive_slowly(void *arg)
{
    struct transfer *r = arg;
    unsigned char buf[5000];

    r->equal = true;
    while (r->moved < r->size) {
        ssize_t n = eddy_sock_recv(r->fd, buf, sizeof buf);

        if (n <= 0)
            return n < 0 ? (int)n : EDDY_EINCOMPLETE;
        for (ssize_t i = 0; i < n; i++)
            r->equal = r->equal && buf[i] == byte_at(r->moved + (size_t)i);
        r->moved += (size_t)n;
        eddy_try(eddy_sleep(0));
    }
    return 0;
}

TEST_ASYNC_REAL(a_big_sendall_waits_for_a_slow_reader)
{
    struct transfer r = {.size = test_tortured() ? 500000 : 4000000};
    unsigned char *data = malloc(r.size);
    size_t sent = 0;
    eddy_task *t;
    int s[2], rc;

    REQUIRE(data != NULL);
    for (size_t i = 0; i < r.size; i++)
        data[i] = byte_at(i);
    pair_open(s);
    r.fd = s[1];
    t = eddy_create_task(eddy_coro(receive_slowly, &r));
    REQUIRE(t != NULL);
    rc = eddy_sock_sendall(s[0], data, r.size, &sent);
    EXPECT_EQ(rc, 0);
    EXPECT_EQ(sent, r.size);
    if (rc < 0)
        shutdown(s[0], SHUT_WR);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(r.moved, r.size);
    EXPECT(r.equal);
    free(data);
    pair_close(s);
    return 0;
}

struct sender {
    int fd;
    const char *data;
    size_t size, sent;
    int result;
};

static int send_it(void *arg)
{
    struct sender *r = arg;

    r->result = eddy_sock_sendall(r->fd, r->data, r->size, &r->sent);
    return 0;
}

static size_t drain(int fd)
{
    static char sink[65536];
    size_t total = 0;
    ssize_t n;

    while ((n = recv(fd, sink, sizeof sink, MSG_DONTWAIT)) > 0)
        total += (size_t)n;
    return total;
}

TEST_ASYNC_REAL(a_cancelled_sendall_tells_how_much_went_out)
{
    static const char data[3000000];
    struct sender sender = {.data = data, .size = sizeof data};
    eddy_task *t;
    size_t got;
    int s[2];

    pair_open(s);
    sender.fd = s[0];
    t = eddy_create_task(eddy_coro(send_it, &sender));
    REQUIRE(t != NULL);
    turns(2);
    got = drain(s[1]);
    EXPECT_EQ(eddy_sock_sendall(s[0], "x", 1, NULL), -EBUSY);
    turns(2);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(sender.result, -ECANCELED);
    EXPECT_EQ(sender.sent, got + drain(s[1]));
    EXPECT(sender.sent > 0 && sender.sent < sizeof data);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(sendall_to_a_peer_that_is_gone_fails_without_a_signal)
{
    static const char data[3000000];
    struct sender sender = {.data = data, .size = sizeof data};
    eddy_task *t;
    size_t sent = 1;
    int s[2];

    pair_open(s);
    sender.fd = s[0];
    t = eddy_create_task(eddy_coro(send_it, &sender));
    REQUIRE(t != NULL);
    turns(2);
    close(s[1]);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT(sender.result == -EPIPE || sender.result == -ECONNRESET);
    EXPECT(sender.sent > 0 && sender.sent < sizeof data);
    EXPECT_EQ(eddy_sock_sendall(s[0], "x", 1, &sent), -EPIPE);
    EXPECT_EQ(sent, 0);
    close(s[0]);
    return 0;
}

TEST_ASYNC_REAL(sendall_of_nothing_is_done_at_once)
{
    int s[2];

    pair_open(s);
    EXPECT_EQ(eddy_sock_sendall(s[0], "", 0, NULL), 0);
    EXPECT_EQ(eddy_sock_sendall(s[0], NULL, 0, NULL), 0);
    EXPECT_EQ(eddy_sock_sendall(s[0], NULL, 1, NULL), -EINVAL);
    pair_close(s);
    return 0;
}
