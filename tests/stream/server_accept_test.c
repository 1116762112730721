/*
 * Accepting: how many at once, on which addresses, and in hard times.
 */
#include "base/fault.h"
#include "loop/loop.h"
#include "stream/servers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Takes all free descriptors away; what the limit was. */
static struct rlimit take_descriptors_away(void)
{
    struct rlimit before = {0}, none;
    int lowest = dup(0);

    REQUIRE(lowest >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
    close(lowest);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    return before;
}

/* A client that connects without the library. */
static int plain_client(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    return fd;
}

/* How often the loop went round in a while, in which the server tries again some ten times a
 * second. */
static int expect_no_spinning(double seconds)
{
    eddy_loop *loop = eddy_get_running_loop();
    double begin = eddy_loop_time(loop);
    uint64_t before = loop->schedule.turns;
    int rc = eddy_sleep(seconds);

    EXPECT((double)(loop->schedule.turns - before) < 20 + 100 * (eddy_loop_time(loop) - begin));
    return rc;
}

TEST_ASYNC_REAL(a_server_without_descriptors_does_not_spin)
{
    struct rlimit before;
    static char reported[100];
    char buf[4];
    eddy_server *server;
    int fd, other;

    if (test_tortured())
        SKIP("the subject is another shortage");
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, reported);
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    fd = plain_client(eddy_server_port(server));
    other = plain_client(eddy_server_port(server));
    /* Before io_uring has begun to accept: it goes by the limit of that moment. */
    before = take_descriptors_away();
    while (!reported[0])
        eddy_try(eddy_sleep(0.001));
    EXPECT_EQ(expect_no_spinning(0.25), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    EXPECT_EQ(wait_for_connections(server, 2), 0);
    EXPECT_EQ(send(other, "late", 4, MSG_NOSIGNAL), 4);
    EXPECT(eddy_sock_recv(other, buf, 4) >= 1);
    close(fd);
    close(other);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(what_is_wrong_with_one_connection_is_passed_over)
{
    static char reported[100];
    eddy_server *server;

    if (test_tortured())
        SKIP("calls that fail are the subject");
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, reported);
    eddyi_fault_nth("accept4", 1, ECONNABORTED);
    eddyi_fault_nth("accept4", 2, EPROTO);
    eddyi_fault_nth("accept4", 3, EINTR);
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(eddy_await(talk_to(eddy_server_port(server), "hello")), 0);
    EXPECT_STR(reported, "");
    eddyi_fault_clear();
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static void count_report(eddy_loop *loop, const eddy_exception_context *context, void *reports)
{
    ++*(int *)reports;
}

TEST_ASYNC_REAL(a_shortage_of_memory_is_reported_once_and_got_over)
{
    int reports = 0;
    eddy_server *server;
    int fd;

    if (test_tortured())
        SKIP("calls that fail are the subject");
    eddy_loop_set_exception_handler(eddy_get_running_loop(), count_report, &reports);
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_sleep(0));
    fd = plain_client(eddy_server_port(server));
    eddyi_fault_only("malloc", ENOMEM);
    while (reports == 0)
        eddy_try(eddy_sleep(0.001));
    EXPECT_EQ(expect_no_spinning(0.25), 0);
    EXPECT_EQ(reports, 1);
    eddyi_fault_clear();
    EXPECT_EQ(eddy_await(talk_to(eddy_server_port(server), "hello")), 0);
    close(fd);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(no_more_connections_are_accepted_than_are_allowed_and_the_next_when_one_ends)
{
    eddy_reader *reader[3];
    eddy_writer *writer[3];
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server, .max_connections = 2));
    eddy_server_free_at_end(server);
    for (int i = 0; i < 3; i++) {
        int rc =
            eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader[i], &writer[i]);

        while (rc < 0 && i-- > 0)
            eddy_writer_free(writer[i]);
        eddy_try(rc);
    }
    EXPECT_EQ(say(reader[0], writer[0], "first"), 0);
    EXPECT_EQ(say(reader[1], writer[1], "second"), 0);
    EXPECT_EQ(eddy_sleep(0.01), 0);
    EXPECT(eddy_server_connections(server) <= 2);
    eddy_writer_free(writer[0]);
    EXPECT_EQ(say(reader[2], writer[2], "third"), 0);
    EXPECT(eddy_server_connections(server) <= 2);
    eddy_writer_free(writer[1]);
    eddy_writer_free(writer[2]);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(a_server_listens_on_every_address_of_a_list)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.3"};
    eddy_server *server;
    const int *fds;
    size_t n;

    eddy_try(eddy_start_server(echo, NULL, NULL, 0, &server, .hosts = hosts, .n_hosts = 4));
    eddy_server_free_at_end(server);
    fds = eddy_server_sockets(server, &n);
    EXPECT_EQ(n, 3); /* none twice */
    for (size_t i = 0; i < n; i++) {
        struct sockaddr_in addr = {0};
        socklen_t size = sizeof addr;
        eddy_reader *reader;
        eddy_writer *writer;
        char name[32];

        REQUIRE(getsockname(fds[i], (struct sockaddr *)&addr, &size) == 0);
        snprintf(name, sizeof name, "127.0.0.%zu", i + 1);
        eddy_try(eddy_open_connection(name, ntohs(addr.sin_port), &reader, &writer));
        eddy_writer_free_at_end(writer);
        EXPECT_EQ(say(reader, writer, name), 0);
    }
    eddy_server_close(server);
    EXPECT_EQ(eddy_server_sockets(server, &n) ? n : 0, 0);
    EXPECT_EQ(eddy_server_port(server), 0);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(an_address_in_use_is_refused_by_name_and_nothing_is_left)
{
    static const char *const hosts[] = {"127.0.0.2", "127.0.0.1"};
    eddy_server *server, *other = NULL;
    bool taken;

    do { /* until no other socket has the port of the first address */
        eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
        EXPECT_EQ(eddy_start_server(echo, NULL, NULL, eddy_server_port(server), &other,
                                    .hosts = hosts, .n_hosts = 2),
                  -EADDRINUSE);
        EXPECT(other == NULL);
        eddy_server_free(other);
        eddy_server_free(server);
        taken = strstr(eddy_exception_message(eddy_error()), "127.0.0.2") != NULL;
    } while (taken);
    EXPECT_IN("127.0.0.1", eddy_exception_message(eddy_error()));
    return 0;
}

TEST_ASYNC_REAL(a_server_takes_over_a_socket_and_has_it_listen)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    eddy_server *server;
    int rc;

    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    rc = eddy_start_server(echo, NULL, NULL, 0, &server, .sock = fd);
    if (rc < 0)
        close(fd);
    eddy_try(rc);
    eddy_server_free_at_end(server);
    EXPECT_EQ(eddy_await(talk_to(eddy_server_port(server), "hello")), 0);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(wrong_arguments_are_refused)
{
    eddy_server *server = NULL;
    int fds[2];

    EXPECT_EQ(eddy_start_server(NULL, NULL, "127.0.0.1", 0, &server), -EINVAL);
    EXPECT_EQ(eddy_start_server(echo, NULL, "127.0.0.1", 65536, &server), -EINVAL);
    EXPECT_EQ(eddy_start_server(echo, NULL, "127.0.0.1", -1, &server), -EINVAL);
    REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
    EXPECT_EQ(eddy_start_server(echo, NULL, NULL, 0, &server, .sock = fds[0]), -ENOTSOCK);
    EXPECT(server == NULL);
    close(fds[0]);
    close(fds[1]);
    return 0;
}
