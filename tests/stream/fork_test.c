/* Connections, servers and endpoints of a parent, in a child that it forked: what the child does
 * with them is not seen outside. */
#include "loop/forks.h"
#include "stream/servers.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* In the child: everything that would be heard on the other side of a connection. */
static void use_stream_of_parent(eddy_reader *reader, eddy_writer *writer)
{
    const char *data;

    if (eddy_writer_write(writer, "child", 5) != EDDY_EFORKED ||
        eddy_writer_write_nowait(writer, "child", 5) != EDDY_EFORKED ||
        eddy_reader_read_some(reader, 100, &data) != EDDY_EFORKED ||
        eddy_writer_write_eof(writer) != EDDY_EFORKED)
        _exit(2);
    eddy_writer_close(writer);
    eddy_writer_abort(writer);
}

static eddy_async(forks_with_a_connection)
{
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(say(reader, writer, "before"));
    fork_here(NULL);
    if (is_child()) {
        use_stream_of_parent(reader, writer);
        return 0;
    }
    expect_child_right();
    eddy_try(say(reader, writer, "after"));
    return eddy_await(talk_to(eddy_server_port(server), "another"));
}

/* The child has been waited for in the middle. */
static void run_in_parent(eddy_coroutine *coro)
{
    int rc = test_run_real(coro);

    end_child(rc);
    EXPECT_EQ(rc, 0);
    if (rc < 0 && forks.child > 0) /* an error came before */
        waitpid(forks.child, NULL, 0);
}

TEST_REAL(what_a_child_writes_closes_and_frees_of_its_parents_connections_is_not_heard)
{
    forks_init();
    run_in_parent(forks_with_a_connection());
}

static int fork_in_handler(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    eddy_try(eddy_writer_write(writer, "hello", 5));
    fork_here(NULL);
    return is_child() ? 0 : echo(reader, writer, arg);
}

static eddy_async(is_served_by_a_forking_handler)
{
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
    char buf[5];

    eddy_try(eddy_start_server(fork_in_handler, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try((int)eddy_reader_readexactly(reader, buf, 5));
    expect_child_right();
    return say(reader, writer, "still there");
}

TEST_REAL(a_child_that_returns_from_a_handler_leaves_the_connection_to_the_parent)
{
    forks_init();
    run_in_parent(is_served_by_a_forking_handler());
}

static eddy_async(forks_with_a_unix_server, (const char *, path))
{
    struct stat st;
    eddy_server *server;

    eddy_try(eddy_start_unix_server(echo, NULL, path, &server));
    eddy_server_free_at_end(server);
    fork_here(NULL);
    if (is_child()) {
        eddy_server_close(server);
        return 0;
    }
    expect_child_right();
    EXPECT_EQ(stat(path, &st), 0);
    return 0;
}

TEST_REAL(a_child_does_not_remove_the_socket_file_of_its_parent)
{
    char dir[] = "/tmp/eddy-test-XXXXXX", path[sizeof dir + 10];

    forks_init();
    REQUIRE(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/socket", dir);
    run_in_parent(forks_with_a_unix_server(path));
    rmdir(dir);
}

/* Protocols. */

static int n_made;
static eddy_event all_made;

static int forking_factory(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol nothing;

    only_in_parent(NULL);
    if (n_made++ == 0)
        fork_here(NULL);
    if (n_made == 3)
        eddy_event_set(&all_made);
    *ret_protocol = &nothing;
    *ret_arg = NULL;
    return 0;
}

static int fds[3] = {-1, -1, -1};

static eddy_async(accepts_three)
{
    eddy_server *server;
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    eddy_try(eddy_loop_create_server(eddy_get_running_loop(), forking_factory, NULL, "127.0.0.1", 0,
                                     &server));
    eddy_server_free_at_end(server);
    addr.sin_port = htons((uint16_t)eddy_server_port(server));
    for (int i = 0; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(connect(fds[i], (struct sockaddr *)&addr, sizeof addr) == 0);
    }
    eddy_try(eddy_event_wait(&all_made));
    expect_child_right();
    return 0;
}

TEST_REAL(a_child_forked_by_a_protocol_factory_accepts_nothing_from_its_parents_listener)
{
    forks_init();
    run_in_parent(accepts_three());
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static eddy_datagram_transport *transport;
static int n_received;
static eddy_event all_received;

static void fork_on_datagram(void *arg, const void *data, size_t size, const struct sockaddr *addr,
                             socklen_t addrlen)
{
    only_in_parent(NULL);
    if (n_received++ == 0) {
        fork_here(NULL);
        if (is_child()) {
            if (eddy_datagram_transport_sendto(transport, "x", 1, addr, addrlen) != EDDY_EFORKED)
                _exit(2);
            eddy_datagram_transport_close(transport);
            eddy_datagram_transport_abort(transport);
        }
    }
    if (n_received == 3)
        eddy_event_set(&all_received);
}

static int datagram_factory(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_datagram_protocol protocol = {.datagram_received = fork_on_datagram};

    *ret_protocol = &protocol;
    *ret_arg = NULL;
    return 0;
}

static eddy_async(receives_three)
{
    struct sockaddr_in addr;
    int rc;

    eddy_try(eddy_loop_create_datagram_endpoint(eddy_get_running_loop(), datagram_factory, NULL,
                                                &transport, .local_host = "127.0.0.1"));
    eddy_datagram_transport_get_extra_info(transport, "sockname", &addr, sizeof addr);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(sendto(fds[0], "x", 1, 0, (struct sockaddr *)&addr, sizeof addr), 1);
    rc = eddy_event_wait(&all_received);
    if (rc == 0)
        expect_child_right();
    eddy_datagram_transport_close(transport);
    eddy_datagram_transport_unref(transport);
    return rc;
}

TEST_REAL(a_child_forked_by_a_datagram_protocol_takes_nothing_from_its_parents_socket)
{
    forks_init();
    fds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(fds[0] >= 0);
    run_in_parent(receives_three());
    close(fds[0]);
}
