/*
 * Datagrams that call a protocol, on real sockets. Numbers are rules of asyncio.
 */
#include "harness/test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct recorder {
    eddy_datagram_transport *transport;
    eddy_event lost;
    char log[300]; /* what it was told, data as they are, each with a blank behind it */
    int n_received, n_errors, error;
    int status; /* of connection_lost; 1: not yet */
    bool echo;
};

static void note(struct recorder *r, const char *what, size_t size)
{
    size_t n = strlen(r->log);

    snprintf(r->log + n, sizeof r->log - n, "%.*s ", (int)size, what);
}

static void made(void *arg, eddy_datagram_transport *transport)
{
    struct recorder *r = arg;

    r->transport = transport;
    note(r, "made", 4);
}

static void received(void *arg, const void *data, size_t size, const struct sockaddr *addr,
                     socklen_t addrlen)
{
    struct recorder *r = arg;

    note(r, data, size);
    r->n_received++;
    if (r->echo)
        eddy_datagram_transport_sendto(r->transport, data, size, addr, addrlen);
}

static void failed(void *arg, const eddy_exception *e)
{
    struct recorder *r = arg;

    r->n_errors++;
    r->error = eddy_exception_code(e);
}

static void lost(void *arg, const eddy_exception *e)
{
    struct recorder *r = arg;

    note(r, "lost", 4);
    r->status = e ? eddy_exception_code(e) : 0;
    eddy_event_set(&r->lost);
}

static void paused(void *arg)
{
    note(arg, "pause", 5);
}

static void resumed(void *arg)
{
    note(arg, "resume", 6);
}

static int make_recorder(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_datagram_protocol recording = {.connection_made = made,
                                                     .datagram_received = received,
                                                     .error_received = failed,
                                                     .connection_lost = lost,
                                                     .pause_writing = paused,
                                                     .resume_writing = resumed};
    struct recorder *r = arg;

    *r = (struct recorder){.status = 1, .echo = r->echo};
    *ret_protocol = &recording;
    *ret_arg = r;
    return 0;
}

static int wait_lost(struct recorder *r)
{
    eddy_try(eddy_event_wait(&r->lost));
    return r->status;
}

/* Closes it, and gives the reference back. */
static void end(struct recorder *r, eddy_datagram_transport *t)
{
    eddy_datagram_transport_close(t);
    EXPECT(wait_lost(r) <= 0);
    eddy_datagram_transport_unref(t);
}

/* Waits for @n datagrams or errors; in torture some get lost. */
static int wait_for(struct recorder *r, int n)
{
    for (int i = 0;
         r->n_received + r->n_errors < n && r->status == 1 && (i < 100 || !test_tortured()); i++)
        eddy_try(eddy_sleep(0.001));
    return r->n_received + r->n_errors >= n ? 0 : -EPIPE;
}

static int port_of(const eddy_datagram_transport *t)
{
    struct sockaddr_in addr = {0};

    eddy_datagram_transport_get_extra_info(t, "sockname", &addr, sizeof addr);
    return ntohs(addr.sin_port);
}

TEST_ASYNC_REAL(datagrams_reach_the_protocol_one_by_one_also_empty_ones) /* rule 160 */
{
    eddy_loop *loop = eddy_get_running_loop();
    static struct recorder server = {.echo = true}, client = {0};
    eddy_datagram_transport *s, *c;

    eddy_try(eddy_loop_create_datagram_endpoint(loop, make_recorder, &server, &s,
                                                .local_host = "127.0.0.1"));
    EXPECT_STR(server.log, "made ");
    if (eddy_loop_create_datagram_endpoint(loop, make_recorder, &client, &c,
                                           .remote_host = "127.0.0.1",
                                           .remote_port = port_of(s)) == 0) {
        EXPECT_EQ(eddy_datagram_transport_sendto(c, "one", 3, NULL, 0), 0);
        EXPECT_EQ(eddy_datagram_transport_sendto(c, "", 0, NULL, 0), 0);
        EXPECT_EQ(eddy_datagram_transport_sendto(c, "three", 5, NULL, 0), 0);
        if (wait_for(&client, 3) == 0 && !test_tortured()) {
            EXPECT_STR(server.log, "made one  three ");
            EXPECT_STR(client.log, "made one  three ");
        }
        end(&client, c);
        EXPECT_IN("lost", client.log);
    }
    end(&server, s);
    return 0;
}

TEST_ASYNC_REAL(another_address_than_that_of_a_connected_endpoint_is_refused) /* rule 160 */
{
    eddy_loop *loop = eddy_get_running_loop();
    struct sockaddr_in other = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    static struct recorder r = {0}, alone = {0};
    eddy_datagram_transport *t;

    eddy_try(eddy_loop_create_datagram_endpoint(loop, make_recorder, &r, &t,
                                                .remote_host = "127.0.0.1", .remote_port = 1));
    EXPECT_EQ(eddy_datagram_transport_sendto(t, "x", 1, (struct sockaddr *)&other, sizeof other),
              -EINVAL);
    eddy_datagram_transport_ref(t);
    end(&r, t);
    EXPECT_EQ(eddy_datagram_transport_sendto(t, "", 0, NULL, 0), EDDY_ECLOSED);
    eddy_datagram_transport_unref(t);
    eddy_try(eddy_loop_create_datagram_endpoint(loop, make_recorder, &alone, &t,
                                                .local_host = "127.0.0.1"));
    EXPECT_EQ(eddy_datagram_transport_sendto(t, "x", 1, NULL, 0), -EDESTADDRREQ);
    end(&alone, t);
    return 0;
}

TEST_ASYNC_REAL(an_error_goes_to_error_received_and_the_endpoint_goes_on) /* rule 160 */
{
    static char huge[70000];
    eddy_loop *loop = eddy_get_running_loop();
    struct sockaddr_in closed = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof closed;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    eddy_datagram_transport *t;
    static struct recorder r = {0};

    /* A port that no socket has now. */
    REQUIRE(bind(fd, (struct sockaddr *)&closed, size) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&closed, &size) == 0);
    close(fd);
    eddy_try(eddy_loop_create_datagram_endpoint(loop, make_recorder, &r, &t,
                                                .remote_host = "127.0.0.1",
                                                .remote_port = ntohs(closed.sin_port)));
    EXPECT_EQ(eddy_datagram_transport_sendto(t, "x", 1, NULL, 0), 0);
    if (wait_for(&r, 1) == 0 && !test_tortured())
        EXPECT_EQ(r.error, -ECONNREFUSED);
    EXPECT_EQ(eddy_datagram_transport_sendto(t, huge, sizeof huge, NULL, 0), -EMSGSIZE);
    EXPECT(r.error == -EMSGSIZE || test_tortured());
    EXPECT_EQ(r.status, 1);
    end(&r, t);
    EXPECT_EQ(r.status, 0);
    return 0;
}

/* A pair of Unix datagram sockets, whose queue is short. */
static int open_pair(struct recorder *r, int *ret_other, eddy_datagram_transport **ret)
{
    int fds[2], rc;

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    rc = eddy_loop_create_datagram_endpoint(eddy_get_running_loop(), make_recorder, r, ret,
                                            .sock = fds[0]);
    EXPECT_EQ(rc, 0);
    if (rc < 0) {
        close(fds[0]);
        close(fds[1]);
    }
    *ret_other = fds[1];
    return rc;
}

TEST_ASYNC_REAL(what_cannot_go_is_kept_in_order_and_flow_is_controlled) /* rules 154, 160 */
{
    eddy_datagram_transport *t;
    static struct recorder r = {0};
    int other, n = 0, got = 0;

    if (open_pair(&r, &other, &t) < 0)
        return 0;
    EXPECT_EQ(eddy_datagram_transport_set_write_buffer_limits(
                  t, (eddy_water_marks){.low = SIZE_MAX, .high = 100}),
              0);
    while (eddy_datagram_transport_get_write_buffer_size(t) <= 100) {
        int rc = eddy_datagram_transport_sendto(t, &n, sizeof n, NULL, 0);

        EXPECT_EQ(rc, 0);
        if (rc < 0)
            break;
        n++;
    }
    EXPECT_IN("pause", r.log);
    EXPECT_EQ(eddy_datagram_transport_get_write_buffer_size(t) % (sizeof n + 8), 0);
    eddy_datagram_transport_close(t);
    EXPECT_EQ(eddy_datagram_transport_sendto(t, "x", 1, NULL, 0), EDDY_ECLOSED);
    while (got < n && r.status == 1) {
        int number;

        while (recv(other, &number, sizeof number, MSG_DONTWAIT) == sizeof number) {
            EXPECT(number == got || test_tortured());
            got++;
        }
        eddy_try(eddy_sleep(0.001));
    }
    for (int number; recv(other, &number, sizeof number, MSG_DONTWAIT) == sizeof number; got++)
        EXPECT(number == got || test_tortured());
    EXPECT(got == n || test_tortured());
    EXPECT(wait_lost(&r) <= 0);
    if (!test_tortured())
        EXPECT_STR(r.log, "made pause resume lost ");
    eddy_datagram_transport_unref(t);
    close(other);
    return 0;
}

TEST_ASYNC_REAL(abort_drops_what_is_kept)
{
    eddy_datagram_transport *t;
    static struct recorder r = {0};
    int other;

    if (open_pair(&r, &other, &t) < 0)
        return 0;
    while (eddy_datagram_transport_get_write_buffer_size(t) == 0) {
        int rc = eddy_datagram_transport_sendto(t, "x", 1, NULL, 0);

        EXPECT_EQ(rc, 0);
        if (rc < 0)
            break;
    }
    eddy_datagram_transport_abort(t);
    EXPECT(eddy_datagram_transport_is_closing(t));
    EXPECT_EQ(r.status, 1);
    EXPECT(wait_lost(&r) <= 0);
    EXPECT_EQ(eddy_datagram_transport_get_write_buffer_size(t), 0);
    eddy_datagram_transport_unref(t);
    close(other);
    return 0;
}

/* The loop closes with an endpoint left. */

static struct recorder left_over;

static int leave_one(void *unused)
{
    return eddy_loop_create_datagram_endpoint(eddy_get_running_loop(), make_recorder, &left_over,
                                              NULL, .local_host = "127.0.0.1");
}

TEST_REAL(when_the_loop_closes_an_endpoint_that_is_left_is_told)
{
    eddy_loop *loop = test_real_loop();
    int rc;

    REQUIRE(loop != NULL);
    rc = eddy_loop_run_until_complete(loop, eddy_coro(leave_one, NULL));
    EXPECT_EQ(rc, 0);
    eddy_loop_close(loop);
    if (rc == 0)
        EXPECT_STR(left_over.log, "made lost ");
    eddy_loop_unref(loop);
}

TEST_REAL(an_endpoint_on_a_socket_needs_no_task)
{
    eddy_loop *loop = test_real_loop();
    struct recorder r = {.status = 1};
    eddy_datagram_transport *t;
    int fds[2];

    if (!loop)
        return;
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    REQUIRE(write(fds[1], "word", 4) == 4);
    if (EXPECT_EQ(eddy_loop_create_datagram_endpoint(loop, make_recorder, &r, &t, .sock = fds[0]),
                  0)) {
        EXPECT_STR(r.log, "");
        while (r.n_received == 0 && r.n_errors == 0 && r.status == 1) {
            eddy_loop_stop(loop);
            if (!EXPECT_EQ(eddy_loop_run_forever(loop), 0))
                break;
        }
        EXPECT_STR(r.log, "made word ");
        eddy_datagram_transport_unref(t);
    } else {
        close(fds[0]);
    }
    EXPECT_EQ(eddy_loop_close(loop), 0);
    close(fds[1]);
    eddy_loop_unref(loop);
}
