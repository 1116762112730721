/*
 * Numbers that are no descriptor, such as a call that failed returns: an error wherever a
 * descriptor can be given, and never taken for something else. And sockets of the wrong kind.
 */
#include "io/sockets.h"

#include <limits.h>
#include <poll.h>

/* -1 is what open(2) gives, -2 is -ENOENT, -100 is AT_FDCWD to the kernel. */
static const int numbers[] = {-1, -2, -3, -9, -100, INT_MIN, INT_MAX};
enum { N_NUMBERS = sizeof numbers / sizeof numbers[0] };

static void never(void *arg)
{
    (void)arg;
    FAIL("called for what is no descriptor");
}

static int no_handler(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    (void)reader, (void)writer, (void)arg;
    return 0;
}

TEST_ASYNC_REAL(no_socket_call_takes_what_is_no_descriptor)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};
    struct sockaddr *sa = (struct sockaddr *)&addr;
    socklen_t size = sizeof addr;
    char buf[8] = "";
    struct iovec iov = {buf, sizeof buf};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    for (size_t i = 0; i < N_NUMBERS; i++) {
        int n = numbers[i];

        EXPECT_EQ(eddy_sock_recv(n, buf, sizeof buf), -EBADF);
        EXPECT_EQ(eddy_sock_sendall(n, buf, sizeof buf, NULL), -EBADF);
        EXPECT_EQ(eddy_sock_accept(n, sa, &size), -EBADF);
        EXPECT_EQ(eddy_sock_connect(n, sa, sizeof addr), -EBADF);
        EXPECT_EQ(eddy_sock_recvfrom(n, buf, sizeof buf, sa, &size), -EBADF);
        EXPECT_EQ(eddy_sock_sendto(n, buf, sizeof buf, sa, sizeof addr), -EBADF);
        EXPECT_EQ(eddy_sock_recvmsg(n, &msg, 0), -EBADF);
        EXPECT_EQ(eddy_sock_sendmsg(n, &msg, 0), -EBADF);
        EXPECT_EQ(eddy_poll(n, POLLIN), -EBADF);
        EXPECT_EQ(eddy_poll(n, POLLIN | POLLOUT), -EBADF);
        EXPECT_EQ(eddy_loop_add_reader(eddy_get_running_loop(), n, never, NULL), -EBADF);
        EXPECT_EQ(eddy_loop_add_writer(eddy_get_running_loop(), n, never, NULL), -EBADF);
        EXPECT(!eddy_loop_remove_reader(eddy_get_running_loop(), n));
        EXPECT(!eddy_loop_remove_writer(eddy_get_running_loop(), n));
    }
    return 0;
}

static int file_calls(void)
{
    char buf[8] = "";
    struct iovec iov = {buf, sizeof buf};
    struct stat st;
    size_t written;

    for (size_t i = 0; i < N_NUMBERS; i++) {
        int n = numbers[i];

        for (int64_t offset = -1; offset <= 0; offset++) {
            EXPECT_EQ(eddy_file_read(n, buf, sizeof buf, offset), -EBADF);
            EXPECT_EQ(eddy_file_readv(n, &iov, 1, offset), -EBADF);
            EXPECT_EQ(eddy_file_write(n, buf, sizeof buf, offset), -EBADF);
            EXPECT_EQ(eddy_file_writev(n, &iov, 1, offset), -EBADF);
            EXPECT_EQ(eddy_file_write_fully(n, buf, sizeof buf, offset, &written), -EBADF);
        }
        EXPECT_EQ(eddy_file_fsync(n), -EBADF);
        EXPECT_EQ(eddy_file_fdatasync(n), -EBADF);
        EXPECT_EQ(eddy_file_fstat(n, &st), -EBADF);
        EXPECT_EQ(eddy_file_close(n), -EBADF);
    }
    return 0;
}

TEST_ASYNC_REAL(no_file_call_takes_what_is_no_descriptor)
{
    return file_calls();
}

TEST_ASYNC(on_the_virtual_clock_no_file_call_takes_it_either)
{
    return file_calls();
}

TEST_ASYNC_REAL(no_file_is_copied_or_sent_from_or_to_what_is_no_descriptor)
{
    FILE *file = tmpfile();
    int s[2];

    REQUIRE(file != NULL && fputs("hello", file) >= 0 && fflush(file) == 0);
    rewind(file);
    pair_open(s);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        EXPECT_EQ(eddy_file_copy(numbers[i], fileno(file), 5), -EBADF);
        EXPECT_EQ(eddy_file_copy(fileno(file), numbers[i], 5), -EBADF);
        EXPECT_EQ(eddy_sock_sendfile(numbers[i], fileno(file), 0, 5, NULL), -EBADF);
        EXPECT_EQ(eddy_sock_sendfile(s[0], numbers[i], 0, 5, NULL), -EBADF);
    }
    pair_close(s);
    fclose(file);
    return 0;
}

/* Streams, servers and endpoints. */

static int make_no_protocol(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    (void)arg, (void)ret_protocol, (void)ret_arg;
    return -ECANCELED;
}

static int make_no_datagrams(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    (void)arg, (void)ret_protocol, (void)ret_arg;
    return -ECANCELED;
}

/* Offers it for a connection in all the ways there are; expects that error. */
static void offer_as_connection(int fd, int error)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_carrier *carrier;
    eddy_transport *t;
    eddy_reader *r;
    eddy_writer *w;

    EXPECT_EQ(eddy_open_connection(NULL, 0, &r, &w, .sock = fd), error);
    EXPECT_EQ(eddy_loop_create_connection(loop, make_no_protocol, NULL, NULL, 0, &t, .sock = fd),
              error);
    EXPECT_EQ(eddy_loop_connect_accepted_socket(loop, make_no_protocol, NULL, fd, &t), error);
    EXPECT_EQ(eddy_socket_carrier_new(loop, fd, &carrier), error);
}

static void offer_to_server(int fd, int error)
{
    eddy_server *s = NULL;

    EXPECT_EQ(eddy_start_server(no_handler, NULL, NULL, 0, &s, .sock = fd), error);
    EXPECT_EQ(eddy_start_server(no_handler, NULL, "127.0.0.1", 0, &s, .sock = fd, .no_start = true),
              error);
    EXPECT_EQ(eddy_loop_create_server(eddy_get_running_loop(), make_no_protocol, NULL, NULL, 0, &s,
                                      .sock = fd),
              error);
    EXPECT(s == NULL);
}

static void offer_as_endpoint(int fd, int error)
{
    eddy_datagram_transport *t;
    eddy_datagram_endpoint *ep;

    EXPECT_EQ(eddy_create_datagram_endpoint(&ep, .sock = fd), error);
    EXPECT_EQ(eddy_loop_create_datagram_endpoint(eddy_get_running_loop(), make_no_datagrams, NULL,
                                                 &t, .sock = fd),
              error);
}

TEST_ASYNC_REAL(what_is_no_descriptor_is_no_connection_no_server_and_no_endpoint)
{
    for (size_t i = 0; i < N_NUMBERS; i++) {
        offer_as_connection(numbers[i], -EBADF);
        offer_to_server(numbers[i], -EBADF);
        offer_as_endpoint(numbers[i], -EBADF);
    }
    return 0;
}

TEST_ASYNC_REAL(what_is_no_descriptor_is_no_pipe)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_carrier *carrier;
    eddy_transport *t;
    eddy_reader *r;
    eddy_writer *w;
    int p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        int n = numbers[i];

        EXPECT_EQ(eddy_connect_read_pipe(n, 0, &r), -EBADF);
        EXPECT_EQ(eddy_connect_write_pipe(n, &w), -EBADF);
        EXPECT_EQ(eddy_loop_connect_read_pipe(loop, make_no_protocol, NULL, n, &t), -EBADF);
        EXPECT_EQ(eddy_loop_connect_write_pipe(loop, make_no_protocol, NULL, n, &t), -EBADF);
        EXPECT_EQ(eddy_pipe_carrier_new(loop, n, n, &carrier), -EBADF);
        if (n == -1) /* which says that there is none */
            continue;
        EXPECT_EQ(eddy_pipe_carrier_new(loop, n, p[1], &carrier), -EBADF);
        EXPECT_EQ(eddy_pipe_carrier_new(loop, p[0], n, &carrier), -EBADF);
    }
    close(p[0]);
    close(p[1]);
    return 0;
}

TEST_ASYNC_REAL(what_is_no_stream_socket_is_no_connection_and_no_server)
{
    int p[2], packets[2], datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, packets) == 0);
    offer_as_connection(p[0], -ENOTSOCK);
    offer_to_server(p[0], -ENOTSOCK);
    offer_as_connection(datagrams, -EINVAL);
    offer_to_server(datagrams, -EINVAL);
    offer_as_connection(packets[0], -EINVAL);
    offer_to_server(packets[0], -EINVAL);
    close(datagrams);
    pair_close(packets);
    pair_close(p);
    return 0;
}

TEST_ASYNC_REAL(a_listener_is_no_connection_and_a_connection_no_listener)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0), s[2];

    connection_open(s);
    offer_as_connection(listener, -EINVAL);
    offer_to_server(s[0], -EINVAL);
    close(listener);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_socket_that_is_bound_to_nothing_does_not_listen_anywhere)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        int fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0), listens = 0;
        socklen_t size = sizeof listens;

        if (fd < 0) /* no IPv6 */
            continue;
        offer_to_server(fd, -EINVAL);
        EXPECT(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && !listens);
        close(fd);
    }
    return 0;
}

TEST_ASYNC_REAL(what_is_no_datagram_socket_is_no_endpoint)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0), p[2];

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    offer_as_endpoint(listener, -EINVAL);
    offer_as_endpoint(p[0], -ENOTSOCK);
    close(listener);
    pair_close(p);
    return 0;
}

/* Subprocesses. */

TEST_ASYNC_REAL(what_is_no_descriptor_is_not_given_to_a_program)
{
    eddy_process *p = NULL;

    for (size_t i = 0; i < N_NUMBERS; i++) {
        int n = numbers[i];

        EXPECT_EQ(eddy_create_subprocess_exec(eddy_argv("true"), &p, .std_in = n), -EBADF);
        EXPECT_EQ(eddy_create_subprocess_exec(eddy_argv("true"), &p, .std_out = n), -EBADF);
        EXPECT_EQ(eddy_create_subprocess_exec(eddy_argv("true"), &p, .std_err = n), -EBADF);
        EXPECT_EQ(
            eddy_create_subprocess_exec(eddy_argv("true"), &p, .pass_fds = &n, .n_pass_fds = 1),
            -EBADF);
    }
    EXPECT_EQ(eddy_create_subprocess_exec(eddy_argv("true"), &p, .std_in = EDDY_STDOUT), -EINVAL);
    EXPECT_EQ(eddy_create_subprocess_exec(eddy_argv("true"), &p, .std_out = EDDY_STDOUT), -EINVAL);
    EXPECT(p == NULL);
    return 0;
}
