/*
 * Peers that have vanished without a word: nothing that is sent to them is ever acknowledged, and
 * nothing comes.
 */
#include "stream/servers.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int client_of(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    return fd;
}

/* Incoming packets are thrown away before TCP sees them. */
static void vanish(int fd)
{
    struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog filter = {.len = 1, .filter = &nothing};

    REQUIRE(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0);
}

static void set_tcp(eddy_writer *writer, int option, int value)
{
    int fd = -1;

    eddy_writer_get_extra_info(writer, "socket", &fd, sizeof fd);
    REQUIRE(setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value) == 0);
}

/* How the handlers ended; 1: not yet. */
static int idle_status, busy_status, waiting_status;

/* Only waits; the kernel asks a peer that is silent for a second whether it is there. */
static int idle(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    char buf[8];

    set_tcp(writer, TCP_KEEPIDLE, 1);
    set_tcp(writer, TCP_KEEPINTVL, 1);
    set_tcp(writer, TCP_KEEPCNT, 1);
    idle_status = (int)eddy_reader_read(reader, buf, sizeof buf);
    return idle_status;
}

/* Writes; the kernel waits so long for an acknowledgement. */
static int busy(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    char buf[8];

    set_tcp(writer, TCP_USER_TIMEOUT, 50); /* milliseconds */
    eddy_try(eddy_writer_write(writer, "anything here?", 14));
    busy_status = (int)eddy_reader_read(reader, buf, sizeof buf);
    EXPECT_EQ(eddy_writer_write(writer, "x", 1), busy_status);
    return busy_status;
}

/* Has a deadline of its own. */
static int waiting(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    eddy_timeout tm;
    char buf[8];
    int rc;

    eddy_timeout_enter(&tm, 0.02);
    rc = (int)eddy_reader_read(reader, buf, sizeof buf);
    waiting_status = eddy_timeout_exit(&tm, rc);
    return 0;
}

static int start(eddy_connection_fn *handler, bool keep_alive, eddy_server **ret, int *ret_client)
{
    eddy_try(eddy_start_server(handler, NULL, "127.0.0.1", 0, ret, .keep_alive = keep_alive));
    *ret_client = client_of(eddy_server_port(*ret));
    vanish(*ret_client);
    return wait_for_connections(*ret, 1);
}

static int finish(eddy_server *server, int client)
{
    int rc = wait_for_connections(server, 0);

    close(client);
    eddy_server_close(server);
    if (rc == 0)
        rc = eddy_server_wait_closed(server);
    eddy_server_free(server);
    return rc;
}

TEST_ASYNC_REAL(peers_that_vanished_are_found_out_by_the_kernel_or_by_a_deadline)
{
    eddy_connection_fn *const handlers[3] = {idle, busy, waiting};
    eddy_server *servers[3];
    int clients[3];

    if (test_tortured())
        SKIP("it takes seconds");
    idle_status = busy_status = waiting_status = 1;
    for (int i = 0; i < 3; i++)
        eddy_try(start(handlers[i], i == 0, &servers[i], &clients[i]));
    for (int i = 2; i >= 0; i--)
        EXPECT_EQ(finish(servers[i], clients[i]), 0);
    EXPECT_EQ(waiting_status, -ETIMEDOUT);
    EXPECT_EQ(busy_status, -ETIMEDOUT);
    EXPECT_EQ(idle_status, -ETIMEDOUT);
    return 0;
}

/* More than the kernel and the stream keep: there is something that cannot go out. */
static int pour(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    static char much[100000];

    for (;;)
        eddy_try(eddy_writer_write(writer, much, sizeof much));
}

TEST_ASYNC_REAL(a_server_shuts_down_though_a_peer_has_vanished)
{
    eddy_server *server;
    int client, rc;

    eddy_try(start(pour, false, &server, &client));
    eddy_try(eddy_sleep(0.01));
    rc = eddy_server_shutdown(server, 0.01);
    EXPECT(rc == 0 || rc == -ETIMEDOUT);
    EXPECT_EQ(eddy_server_connections(server), 0);
    close(client);
    eddy_server_free(server);
    return 0;
}
