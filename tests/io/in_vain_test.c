/*
 * Readiness that does not mean that a call succeeds: sending to a Unix datagram socket whose queue
 * is full, and messages on a socket's error queue, which make the socket "ready" until they are
 * taken. A waiting task must neither keep the processor busy nor miss the moment when the call can
 * succeed. The tests count the iterations of the loop meanwhile.
 */
#include "io/sockets.h"

#include "loop/loop.h"

#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <sys/un.h>

/* Pauses double from 1 to 64 ms: in that time that makes a dozen turns, and some more at the
 * beginning. */
static const double WHILE = 0.2;
enum { FEW = 60 };

static eddy_loop *here(void)
{
    return eddy_get_running_loop();
}

/* Lets time pass; expects that the loop mostly slept. */
static int rest(void)
{
    uint64_t before = here()->schedule.turns;

    eddy_try(eddy_sleep(WHILE));
    EXPECT(here()->schedule.turns - before < FEW);
    return 0;
}

/* Datagrams to one who is slow. */

struct slow {
    int receiver, sender;
    struct sockaddr_un addr;
    socklen_t size;
    int sent;
};

static struct sockaddr *address(struct slow *s)
{
    return (struct sockaddr *)&s->addr;
}

/* The receiver's queue is full; of another than the sender's, so it is not the sender's buffer. */
static void slow_open(struct slow *s)
{
    int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *s = (struct slow){.addr.sun_family = AF_UNIX, .size = sizeof s->addr};
    s->receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    s->sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    REQUIRE(other >= 0 && s->receiver >= 0 && s->sender >= 0);
    /* to a name of the kernel's choice */
    REQUIRE(bind(s->receiver, address(s), sizeof(sa_family_t)) == 0);
    REQUIRE(getsockname(s->receiver, address(s), &s->size) == 0);
    while (sendto(other, "x", 1, 0, address(s), s->size) == 1)
        continue;
    REQUIRE(errno == EAGAIN);
    close(other);
}

static void slow_close(struct slow *s)
{
    close(s->receiver);
    close(s->sender);
}

static int read_all(int fd)
{
    char buf[8];
    int n = 0;

    while (recv(fd, buf, sizeof buf, 0) > 0)
        n++;
    return n;
}

static eddy_async(send_with_sendto, (struct slow *, s))
{
    s->sent = (int)eddy_sock_sendto(s->sender, "hello", 5, address(s), s->size);
    return s->sent < 0 ? s->sent : 0;
}

static eddy_async(send_with_sendmsg, (struct slow *, s))
{
    struct iovec iov = {"hello", 5};
    struct msghdr msg = {
        .msg_name = &s->addr, .msg_namelen = s->size, .msg_iov = &iov, .msg_iovlen = 1};

    s->sent = (int)eddy_sock_sendmsg(s->sender, &msg, 0);
    return s->sent < 0 ? s->sent : 0;
}

static eddy_async(send_with_sendmsg_that_does_not_wait, (struct slow *, s))
{
    struct iovec iov = {"hello", 5};
    struct msghdr msg = {
        .msg_name = &s->addr, .msg_namelen = s->size, .msg_iov = &iov, .msg_iovlen = 1};

    s->sent = (int)eddy_sock_sendmsg(s->sender, &msg, MSG_DONTWAIT);
    return s->sent < 0 ? s->sent : 0;
}

static eddy_async(send_with_endpoint, (struct slow *, s))
{
    eddy_datagram_endpoint *ep;
    int rc;

    eddy_try(eddy_create_datagram_endpoint(&ep, .family = AF_UNIX));
    rc = eddy_datagram_endpoint_sendto(ep, "hello", 5, address(s), s->size);
    eddy_datagram_endpoint_close(ep);
    s->sent = rc < 0 ? rc : 5;
    return rc;
}

static eddy_async(send_connected, (struct slow *, s))
{
    return eddy_sock_sendall(s->sender, "hello", 5, NULL);
}

typedef eddy_coroutine *send_fn(struct slow *s);
static send_fn *const senders[] = {send_with_sendto, send_with_sendmsg,
                                   send_with_sendmsg_that_does_not_wait, send_with_endpoint};
enum { N_SENDERS = sizeof senders / sizeof senders[0] };

TEST_ASYNC_REAL(a_task_that_sends_to_a_full_queue_rests_until_it_has_room)
{
    struct slow s;

    for (size_t i = 0; i < N_SENDERS; i++) {
        eddy_task *t;

        slow_open(&s);
        t = eddy_create_task(senders[i](&s));
        REQUIRE(t != NULL);
        EXPECT_EQ(rest(), 0);
        EXPECT(!eddy_task_done(t));
        EXPECT(read_all(s.receiver) > 0);
        EXPECT_EQ(eddy_await(t), 0);
        EXPECT_EQ(s.sent, 5);
        EXPECT_EQ(read_all(s.receiver), 1);
        slow_close(&s);
    }
    return 0;
}

/*
 * Several wait for room for one datagram each; where one is quicker, what the others send must stay
 * whole.
 */
TEST_ASYNC_REAL(datagrams_of_many_tasks_that_wait_for_one_queue_arrive_whole)
{
    enum { N = 8 };
    struct slow s, each[N];
    eddy_task *t[N];
    char buf[8];
    int got = 0;

    slow_open(&s);
    for (int i = 0; i < N; i++) {
        each[i] = s;
        each[i].sender = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (i % 2)
            REQUIRE(connect(each[i].sender, address(&s), s.size) == 0);
        t[i] = eddy_create_task(i % 2 ? send_connected(&each[i]) : send_with_sendmsg(&each[i]));
        REQUIRE(t[i] != NULL);
    }
    eddy_try(rest()); /* cancelled, nothing more will come */
    while (got < N) {
        ssize_t n = recv(s.receiver, buf, sizeof buf, 0);

        if (n < 0)
            eddy_try(eddy_sleep(0.001));
        else if (n != 1)
            got += EXPECT_EQ(n, 5);
    }
    for (int i = 0; i < N; i++) {
        EXPECT_EQ(eddy_await(t[i]), 0);
        close(each[i].sender);
    }
    slow_close(&s);
    return 0;
}

TEST_ASYNC_REAL(a_task_that_sends_to_a_full_queue_can_be_cancelled_at_any_time)
{
    struct slow s;

    for (size_t i = 0; i < 2 * N_SENDERS; i++) {
        eddy_task *t;

        slow_open(&s);
        t = eddy_create_task(senders[i / 2](&s));
        REQUIRE(t != NULL);
        EXPECT_EQ(eddy_sleep(i % 2 ? 0.02 : 0), 0);
        eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), -ECANCELED);
        EXPECT(read_all(s.receiver) > 0);
        EXPECT_EQ(rest(), 0);
        EXPECT_EQ(read_all(s.receiver), 0);
        slow_close(&s);
    }
    return 0;
}

struct closing {
    struct slow slow;
    eddy_datagram_endpoint *ep;
};

static eddy_async(send_on, (struct closing *, c))
{
    return eddy_datagram_endpoint_sendto(c->ep, "hello", 5, address(&c->slow), c->slow.size);
}

TEST_ASYNC_REAL(an_endpoint_may_be_closed_while_it_pauses)
{
    struct closing c;
    eddy_task *t;

    slow_open(&c.slow);
    if (eddy_create_datagram_endpoint(&c.ep, .family = AF_UNIX) == 0) {
        t = eddy_create_task(send_on(&c));
        REQUIRE(t != NULL && eddy_sleep(0.02) == 0);
        eddy_datagram_endpoint_close(c.ep);
        EXPECT_EQ(eddy_await(t), EDDY_ECLOSED);
    }
    slow_close(&c.slow);
    return 0;
}

static eddy_async(begin_and_leave, (send_fn *, sender), (struct slow *, s))
{
    EXPECT_EQ(eddy_spawn(sender(s)), 0);
    return eddy_sleep(0.02);
}

static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    (void)loop, (void)context, (void)arg;
}

TEST_REAL(a_loop_may_be_closed_while_something_pauses)
{
    struct slow s;

    for (size_t i = 0; i < N_SENDERS; i++) {
        eddy_loop *loop = test_real_loop();

        if (!loop)
            return;
        slow_open(&s);
        eddy_loop_set_exception_handler(loop, ignore, NULL);
        EXPECT_EQ(eddy_loop_run_until_complete(loop, begin_and_leave(senders[i], &s)), 0);
        EXPECT_EQ(eddy_loop_close(loop), 0);
        EXPECT_EQ(s.sent, -ECANCELED);
        eddy_loop_unref(loop);
        slow_close(&s);
    }
}

/* The protocol's side of it. */

struct endpoint {
    eddy_datagram_transport *transport;
    int received, errors, status;
};

static void got_datagram(void *arg, const void *data, size_t size, const struct sockaddr *addr,
                         socklen_t addrlen)
{
    (void)data, (void)size, (void)addr, (void)addrlen;
    ((struct endpoint *)arg)->received++;
}

static void got_error(void *arg, const eddy_exception *e)
{
    (void)e;
    ((struct endpoint *)arg)->errors++;
}

static void lost(void *arg, const eddy_exception *e)
{
    ((struct endpoint *)arg)->status = e ? eddy_exception_code(e) : 0;
}

static int make_endpoint(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_datagram_protocol protocol = {
        .datagram_received = got_datagram, .error_received = got_error, .connection_lost = lost};

    *ret_protocol = &protocol;
    *ret_arg = arg;
    return 0;
}

static int endpoint_end(struct endpoint *e)
{
    eddy_datagram_transport_abort(e->transport);
    eddy_datagram_transport_unref(e->transport);
    while (e->status == 1)
        eddy_try(eddy_sleep(0));
    return e->status;
}

TEST_ASYNC_REAL(a_transport_that_keeps_datagrams_for_a_full_queue_rests)
{
    struct endpoint e = {.status = 1};
    struct slow s;
    int rc;

    slow_open(&s);
    rc = eddy_loop_create_datagram_endpoint(here(), make_endpoint, &e, &e.transport,
                                            .family = AF_UNIX);
    if (rc == 0) {
        for (int i = 0; i < 3; i++)
            EXPECT_EQ(eddy_datagram_transport_sendto(e.transport, "hello", 5, address(&s), s.size),
                      0);
        EXPECT_EQ(rest(), 0);
        EXPECT(eddy_datagram_transport_get_write_buffer_size(e.transport) > 0);
        EXPECT(read_all(s.receiver) > 0);
        while (eddy_datagram_transport_get_write_buffer_size(e.transport) > 0)
            eddy_try(eddy_sleep(0.001));
        EXPECT_EQ(read_all(s.receiver), 3);
        EXPECT_EQ(endpoint_end(&e), 0);
    }
    slow_close(&s);
    return rc;
}

/* Messages on the error queue. */

/* A UDP socket with one, from a peer that refused; a socket at the peer's address, from which it
 * can get something. */
struct troubled {
    int fd, peer;
    struct sockaddr_in addr;
};

static void troubled_open(struct troubled *t)
{
    socklen_t size = sizeof t->addr;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, unconnected = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char buf[8];

    REQUIRE(bind(unconnected, (struct sockaddr *)&peer, size) == 0);
    REQUIRE(getsockname(unconnected, (struct sockaddr *)&peer, &size) == 0);
    close(unconnected);
    t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    REQUIRE(connect(t->fd, (struct sockaddr *)&peer, size) == 0);
    REQUIRE(setsockopt(t->fd, SOL_IP, IP_RECVERR, &on, sizeof on) == 0);
    REQUIRE(getsockname(t->fd, (struct sockaddr *)&t->addr, &size) == 0);
    if (send(t->fd, "x", 1, 0) != 1 || poll(&(struct pollfd){t->fd, POLLIN, 0}, 1, 1000) != 1)
        SKIP("no ICMP answer on the loopback");
    EXPECT_EQ(recv(t->fd, buf, sizeof buf, MSG_DONTWAIT), -1);
    t->peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(t->peer, (struct sockaddr *)&peer, size) == 0);
    REQUIRE(poll(&(struct pollfd){t->fd, POLLIN, 0}, 1, 0) == 1);
}

static void troubled_send(struct troubled *t)
{
    EXPECT_EQ(sendto(t->peer, "hello", 5, 0, (struct sockaddr *)&t->addr, sizeof t->addr), 5);
}

static void troubled_close(struct troubled *t)
{
    close(t->fd);
    close(t->peer);
}

static eddy_async(receive_with_recv, (int, fd))
{
    char buf[8];

    return (int)eddy_sock_recv(fd, buf, sizeof buf);
}

static eddy_async(receive_with_recvfrom, (int, fd))
{
    char buf[8];

    return (int)eddy_sock_recvfrom(fd, buf, sizeof buf, NULL, NULL);
}

static eddy_async(receive_with_recvmsg, (int, fd))
{
    char buf[8];
    struct iovec iov = {buf, sizeof buf};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    return (int)eddy_sock_recvmsg(fd, &msg, 0);
}

static eddy_async(receive_with_endpoint, (int, fd))
{
    eddy_datagram_endpoint *ep;
    char buf[8];
    int sock = dup(fd), rc = eddy_create_datagram_endpoint(&ep, .sock = sock);
    ssize_t n;

    if (rc < 0) {
        close(sock);
        return rc;
    }
    n = eddy_datagram_endpoint_recv(ep, buf, sizeof buf, NULL, NULL);
    eddy_datagram_endpoint_close(ep);
    return (int)n;
}

static eddy_async(receive_with_read, (int, fd))
{
    char buf[8];

    return (int)eddy_file_read(fd, buf, sizeof buf, -1);
}

TEST_ASYNC_REAL(a_receiving_task_rests_while_an_error_is_not_taken, .whole = true)
{
    eddy_coroutine *(*const receivers[])(int fd) = {receive_with_recv, receive_with_recvfrom,
                                                    receive_with_recvmsg, receive_with_endpoint,
                                                    receive_with_read};

    for (size_t i = 0; i < sizeof receivers / sizeof receivers[0]; i++) {
        struct troubled trouble;
        eddy_task *t;

        troubled_open(&trouble);
        t = eddy_create_task(receivers[i](trouble.fd));
        REQUIRE(t != NULL);
        EXPECT_EQ(rest(), 0);
        EXPECT(!eddy_task_done(t));
        troubled_send(&trouble);
        EXPECT_EQ(eddy_await(t), 5);
        troubled_close(&trouble);
    }
    return 0;
}

TEST_ASYNC_REAL(a_transport_rests_while_an_error_is_not_taken)
{
    struct endpoint e = {.status = 1};
    struct troubled trouble;
    int rc;

    troubled_open(&trouble);
    rc = eddy_loop_create_datagram_endpoint(here(), make_endpoint, &e, &e.transport,
                                            .sock = trouble.fd);
    if (rc == 0) {
        trouble.fd = -1;
        EXPECT_EQ(rest(), 0);
        for (int i = 0; i < 3; i++)
            troubled_send(&trouble);
        while (e.received < 3)
            eddy_try(eddy_sleep(0.001));
        EXPECT_EQ(rest(), 0);
        EXPECT_EQ(endpoint_end(&e), 0);
    }
    troubled_close(&trouble);
    return rc;
}

static int called, found;
static bool takes_errors;

static void readable(void *arg)
{
    int fd = *(int *)arg;
    char buf[200], control[200];
    struct iovec iov = {buf, sizeof buf};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    called++;
    if (takes_errors)
        found += recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0;
    found += recv(fd, buf, sizeof buf, MSG_DONTWAIT) == 5;
}

TEST_ASYNC_REAL(a_reader_that_does_not_take_an_error_is_called_less_and_less_often)
{
    struct troubled trouble;

    troubled_open(&trouble);
    called = found = 0;
    takes_errors = false;
    EXPECT_EQ(eddy_loop_add_reader(here(), trouble.fd, readable, &trouble.fd), 0);
    EXPECT_EQ(rest(), 0);
    EXPECT(called >= 2);
    troubled_send(&trouble);
    while (found == 0)
        eddy_try(eddy_sleep(0.001));
    eddy_loop_remove_reader(here(), trouble.fd);
    EXPECT_EQ(rest(), 0);
    troubled_close(&trouble);
    return 0;
}

TEST_ASYNC_REAL(a_reader_that_takes_its_errors_is_called_for_each_at_once)
{
    struct troubled trouble;

    troubled_open(&trouble);
    close(trouble.peer);
    trouble.peer = -1;
    called = found = 0;
    takes_errors = true;
    EXPECT_EQ(eddy_loop_add_reader(here(), trouble.fd, readable, &trouble.fd), 0);
    for (int i = 1; i <= 30; i++) {
        uint64_t before = here()->schedule.turns;

        while (found < i && here()->schedule.turns - before < 1000)
            eddy_try(eddy_sleep(0));
        EXPECT_EQ(found, i);
        EXPECT(send(trouble.fd, "x", 1, 0) == 1 || errno == ECONNREFUSED);
        EXPECT_EQ(poll(&(struct pollfd){trouble.fd, POLLIN, 0}, 1, 1000), 1);
    }
    eddy_loop_remove_reader(here(), trouble.fd);
    troubled_close(&trouble);
    return 0;
}

/* A connection whose every packet leaves a time stamp on the error queue. */
static void stamped_open(int s[2])
{
    int stamps = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID,
        size = 1 << 16;

    connection_open(s);
    (void)setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (setsockopt(s[0], SOL_SOCKET, SO_TIMESTAMPING, &stamps, sizeof stamps) < 0 ||
        send(s[0], "x", 1, 0) != 1 || poll(&(struct pollfd){s[0], 0, 0}, 1, 100) != 1)
        SKIP("no time stamps");
}

enum { MUCH = 8 << 20 };
static char much[MUCH];

/* Takes all, byte counts only. */
static size_t take(int fd, size_t n)
{
    char buf[1 << 16];
    size_t got = 0;
    ssize_t m = 1;

    while (got < n && (m = eddy_sock_recv(fd, buf, sizeof buf)) > 0)
        got += (size_t)m;
    return got;
}

static eddy_async(send_all, (int, fd))
{
    return eddy_sock_sendall(fd, much, sizeof much, NULL);
}

static eddy_async(write_all, (int, fd))
{
    eddy_reader *r;
    eddy_writer *w;
    int rc = eddy_open_connection(NULL, 0, &r, &w, .sock = fd);

    if (rc < 0) {
        close(fd);
        return rc;
    }
    rc = eddy_writer_write(w, much, sizeof much);
    if (rc == 0)
        rc = eddy_writer_drain(w);
    eddy_writer_close(w);
    (void)eddy_writer_wait_closed(w);
    eddy_writer_free(w);
    return rc;
}

static eddy_async(send_file, (int, fd))
{
    FILE *file = tmpfile();
    int rc = file && fwrite(much, sizeof much, 1, file) == 1 && fflush(file) == 0 ? 0 : -EIO;

    if (rc == 0)
        rc = eddy_sock_sendfile(fd, fileno(file), 0, -1, NULL);
    if (file)
        fclose(file);
    return rc;
}

static int send_stamped(eddy_coroutine *(*sender)(int fd), bool closes)
{
    eddy_task *t;
    int s[2];

    stamped_open(s);
    t = eddy_create_task(sender(s[0]));
    REQUIRE(t != NULL && eddy_sleep(0.1) == 0);
    EXPECT_EQ(rest(), 0);
    EXPECT(!eddy_task_done(t));
    EXPECT_EQ(take(s[1], 1 + sizeof much), 1 + sizeof much);
    close(s[1]);
    EXPECT_EQ(eddy_await(t), 0);
    if (!closes)
        close(s[0]);
    return 0;
}

TEST_ASYNC_REAL(a_sending_task_rests_while_an_error_is_not_taken, .whole = true)
{
    eddy_try(send_stamped(send_all, false));
    eddy_try(send_stamped(send_file, false));
    return send_stamped(write_all, true);
}
