/*
 * Descriptor 0 in options, where 0 means none: eddy_fd().
 */
#include "harness/test.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int kept = -1;

/* Puts @fd where standard input is; the test gets that back from put_back(). */
static void make_zero(int fd)
{
    kept = dup(0);
    REQUIRE(kept >= 0 && dup2(fd, 0) == 0);
    close(fd);
}

static void put_back(void)
{
    dup2(kept, 0);
    close(kept);
}

static void pair_at_zero(int *ret_other)
{
    int s[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
    make_zero(s[0]);
    *ret_other = s[1];
}

static int ignore(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    (void)reader;
    (void)writer;
    (void)arg;
    return 0;
}

static int make_nothing(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol nothing;

    (void)arg;
    *ret_protocol = &nothing;
    *ret_arg = NULL;
    return 0;
}

TEST(other_descriptors_are_themselves_and_a_negative_one_stays_an_error)
{
    EXPECT_EQ(eddy_fd(5), 5);
    EXPECT_EQ(eddy_fd(-1), -1);
    EXPECT(eddy_fd(0) != 0);
}

TEST_ASYNC_REAL(a_stream_takes_descriptor_0, .whole = true)
{
    eddy_reader *reader;
    eddy_writer *writer;
    int other, rc, fd = -1;
    char buf[8];

    pair_at_zero(&other);
    rc = eddy_open_connection(NULL, 0, &reader, &writer, .sock = eddy_fd(0));
    if (rc == 0) {
        EXPECT_EQ(eddy_writer_get_extra_info(writer, "socket", &fd, sizeof fd), sizeof fd);
        EXPECT_EQ(fd, 0);
        EXPECT_EQ(eddy_writer_write(writer, "here", 4), 0);
        EXPECT_EQ(recv(other, buf, sizeof buf, MSG_DONTWAIT), 4);
        eddy_writer_close(writer);
        EXPECT_EQ(eddy_writer_wait_closed(writer), 0);
        eddy_writer_free(writer);
    }
    put_back();
    close(other);
    EXPECT_EQ(eddy_open_connection(NULL, 0, &reader, &writer, .sock = eddy_fd(-1)), -EBADF);
    return rc;
}

TEST_ASYNC_REAL(a_server_takes_descriptor_0)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), rc;
    eddy_server *server;

    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    make_zero(fd);
    rc = eddy_start_server(ignore, NULL, NULL, 0, &server, .sock = eddy_fd(0));
    if (rc == 0) {
        size_t n;
        const int *sockets = eddy_server_sockets(server, &n);

        EXPECT(n == 1 && sockets[0] == 0);
        EXPECT(eddy_server_port(server) > 0);
        eddy_server_free(server);
    }
    put_back();
    return rc;
}

TEST_ASYNC_REAL(a_datagram_endpoint_takes_descriptor_0)
{
    eddy_datagram_endpoint *ep;
    int s[2], rc;
    char buf[8];

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, s) == 0);
    make_zero(s[0]);
    rc = eddy_create_datagram_endpoint(&ep, .sock = eddy_fd(0));
    if (rc == 0) {
        EXPECT_EQ(eddy_datagram_endpoint_fileno(ep), 0);
        EXPECT_EQ(eddy_datagram_endpoint_send(ep, "here", 4), 0);
        EXPECT_EQ(recv(s[1], buf, sizeof buf, MSG_DONTWAIT), 4);
        eddy_datagram_endpoint_close(ep);
    }
    put_back();
    close(s[1]);
    return rc;
}

TEST_ASYNC_REAL(a_transport_takes_an_accepted_descriptor_0_as_it_is, .whole = true)
{
    eddy_transport *t;
    int other, rc;
    char buf[8];

    pair_at_zero(&other);
    rc = eddy_loop_connect_accepted_socket(eddy_get_running_loop(), make_nothing, NULL, 0, &t);
    if (rc == 0) {
        EXPECT_EQ(eddy_transport_write(t, "here", 4), 0);
        EXPECT_EQ(recv(other, buf, sizeof buf, MSG_DONTWAIT), 4);
        eddy_transport_abort(t);
        eddy_transport_unref(t);
        (void)eddy_sleep(0);
        (void)eddy_sleep(0);
    }
    put_back();
    close(other);
    return rc;
}

TEST_ASYNC_REAL(a_program_writes_to_descriptor_0)
{
    eddy_process *process;
    int other, rc, returncode = -1;
    char buf[8];

    pair_at_zero(&other);
    rc = eddy_create_subprocess_exec(eddy_argv("echo", "here"), &process, .std_out = eddy_fd(0));
    if (rc == 0) {
        EXPECT_EQ(eddy_process_wait(process, &returncode), 0);
        EXPECT_EQ(returncode, 0);
        EXPECT_EQ(recv(other, buf, sizeof buf, MSG_DONTWAIT), 5);
        eddy_process_free(process);
    }
    put_back();
    close(other);
    return rc;
}
