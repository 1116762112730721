/*
 * TLS that starts on a connection that has just written: what was gathered goes out first.
 */
#include "tls/tls.h"

#include <sys/socket.h>
#include <unistd.h>

enum { CROWD = 20 };

static eddy_writer *crowd[CROWD];
static int peers[CROWD];

static void stream_over(int fd, eddy_reader **ret_reader, eddy_writer **ret_writer)
{
    eddy_carrier *carrier;

    REQUIRE(eddy_socket_carrier_new(eddy_get_running_loop(), fd, &carrier) == 0);
    REQUIRE(eddy_stream_open(carrier, 0, ret_reader, ret_writer) == 0);
}

static void sockets_open(int fds[2])
{
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
}

/* Opens connections, and has all of them write in one turn, so that more writes are gathered. */
static void crowd_open(void)
{
    for (int i = 0; i < CROWD; i++) {
        eddy_reader *reader;
        int fds[2];

        sockets_open(fds);
        stream_over(fds[0], &reader, &crowd[i]);
        peers[i] = fds[1];
    }
    for (int i = 0; i < CROWD; i++)
        EXPECT_EQ(eddy_writer_write(crowd[i], "x", 1), 0);
    eddy_sleep(0);
}

static void crowd_free(void)
{
    for (int i = 0; i < CROWD; i++) {
        eddy_writer_free(crowd[i]);
        close(peers[i]);
    }
}

static eddy_async(read_and_serve, (struct pair *, p), (eddy_tls_context *, context))
{
    char plain[8] = "";

    eddy_try(eddy_reader_readexactly(p->reader[1], plain, 5));
    EXPECT_STR(plain, "plain");
    return eddy_writer_start_tls(p->writer[1], context, .server_side = true);
}

TEST_ASYNC_REAL(what_a_turn_has_gathered_precedes_the_handshake, .whole = true)
{
    static struct parties all;
    struct pair p;
    eddy_task *server;
    char buf[8] = "";
    int fds[2];

    if (test_tortured()) /* either side would wait for the other */
        return 0;
    parties_make(&all);
    sockets_open(fds);
    stream_over(fds[0], &p.reader[0], &p.writer[0]);
    stream_over(fds[1], &p.reader[1], &p.writer[1]);
    crowd_open();
    server = eddy_create_task(read_and_serve(&p, all.server_context));
    EXPECT_EQ(eddy_writer_write(p.writer[0], "pl", 2), 0);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "ain", 3), 0);
    EXPECT(eddy_writer_get_write_buffer_size(p.writer[0]) > 0);
    EXPECT_EQ(
        eddy_writer_start_tls(p.writer[0], all.client_context, .server_hostname = "server.test"),
        0);
    EXPECT_EQ(eddy_await(server), 0);
    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(eddy_writer_write(p.writer[0], "sec", 3), 0);
        EXPECT_EQ(eddy_writer_write(p.writer[0], "ret", 3), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 6), 6);
        EXPECT_STR(buf, "secret");
    }
    pair_free(&p);
    crowd_free();
    parties_free(&all);
    return 0;
}
