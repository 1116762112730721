/* Transports on pipes and datagram sockets that stay the caller's. */
#include "harness/test.h"

#include "protocol/protocols.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static struct recorder reader, writer;

TEST_ASYNC_REAL(a_transport_on_a_borrowed_pipe_leaves_it_open)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_carrier *in = NULL, *out = NULL;
    int fds[2];

    recorder_init(&reader);
    recorder_init(&writer);
    REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
    if (eddy_pipe_carrier_borrow(loop, fds[0], -1, &in) == 0 &&
        eddy_transport_open(in, &recording, &reader, NULL) < 0)
        in->ops->free(in);
    if (eddy_pipe_carrier_borrow(loop, -1, fds[1], &out) == 0 &&
        eddy_transport_open(out, &recording, &writer, NULL) < 0)
        out->ops->free(out);
    for (int i = 0; i < 100 && !(reader.transport && writer.transport); i++)
        eddy_try(eddy_sleep(0));
    if (reader.transport && writer.transport) {
        EXPECT_EQ(eddy_transport_write(reader.transport, "x", 1), EDDY_EMISUSE);
        EXPECT_EQ(eddy_transport_write(writer.transport, "hello", 5), 0);
        for (int i = 0; i < 1000 && reader.n_received < 5; i++)
            eddy_try(eddy_sleep(0.001));
        EXPECT_STR(reader.received, "hello");
        eddy_transport_close(reader.transport);
        eddy_transport_close(writer.transport);
        for (int i = 0; i < 1000 && (reader.status == 1 || writer.status == 1); i++)
            eddy_try(eddy_sleep(0.001));
        EXPECT(is_open(fds[0]) && is_open(fds[1]));
        EXPECT(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
    } else {
        EXPECT(test_tortured());
    }
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static struct {
    eddy_datagram_transport *transport;
    char text[8];
    bool lost;
} endpoint;

static void made(void *arg, eddy_datagram_transport *t)
{
    (void)arg;
    endpoint.transport = t;
}

static void received(void *arg, const void *data, size_t size, const struct sockaddr *addr,
                     socklen_t addrlen)
{
    (void)arg, (void)addr, (void)addrlen;
    memcpy(endpoint.text, data, size < sizeof endpoint.text ? size : sizeof endpoint.text - 1);
}

static void lost(void *arg, const eddy_exception *e)
{
    (void)arg, (void)e;
    endpoint.lost = true;
}

static const eddy_datagram_protocol protocol = {
    .connection_made = made, .datagram_received = received, .connection_lost = lost};

static int make(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    *ret_protocol = &protocol;
    *ret_arg = arg;
    return 0;
}

static int refuse(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    (void)arg, (void)ret_protocol, (void)ret_arg;
    return -EPERM;
}

TEST_ASYNC_REAL(a_datagram_transport_on_a_borrowed_socket_leaves_it_open)
{
    eddy_loop *loop = eddy_get_running_loop();
    int fds[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    EXPECT(eddy_loop_create_datagram_endpoint(loop, refuse, NULL, NULL, .sock = fds[0],
                                              .borrow_sock = true) < 0);
    EXPECT(is_open(fds[0]));
    if (eddy_loop_create_datagram_endpoint(loop, make, NULL, NULL, .sock = fds[0],
                                           .borrow_sock = true) == 0) {
        EXPECT(send(fds[1], "x", 1, 0) == 1);
        for (int i = 0; i < 1000 && !endpoint.text[0]; i++)
            eddy_try(eddy_sleep(0.001));
        EXPECT_STR(endpoint.text, "x");
        eddy_datagram_transport_close(endpoint.transport);
        for (int i = 0; i < 1000 && !endpoint.lost; i++)
            eddy_try(eddy_sleep(0.001));
        EXPECT(is_open(fds[0]));
    } else {
        EXPECT(test_tortured());
    }
    close(fds[0]);
    close(fds[1]);
    return 0;
}
