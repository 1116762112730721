/*
 * A dialogue of two who take turns, and a reset by either of them after any byte of it: the other
 * hears of it, no task waits for ever, and the server has no connection left.
 */
#include "stream/servers.h"

#include <stdlib.h>
#include <sys/socket.h>

static const char *const lines[] = {"hello\n", "welcome\n", "how much?\n",
                                    "4\n",     "bye\n",     "bye bye\n"};
enum { LINES = sizeof lines / sizeof lines[0] };

static size_t whole(void)
{
    size_t n = 0;

    for (int i = 0; i < LINES; i++)
        n += strlen(lines[i]);
    return n;
}

/* One side of it: the even lines are its own, or the odd ones. */
struct side {
    bool odd;
    size_t left; /* it resets when it has said and heard that many bytes */
    int status;  /* how it ended; 1: it has reset */
};

static struct side client, server_side;

static int reset(eddy_writer *writer)
{
    int fd = -1;

    eddy_writer_get_extra_info(writer, "socket", &fd, sizeof fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    eddy_writer_abort(writer);
    return 1;
}

/* Says or hears a line, or as much of it as is left. */
static int one_line(const struct side *s, eddy_reader *reader, eddy_writer *writer, int i, size_t n)
{
    char buf[16];
    ssize_t rc;

    if (i % 2 == (int)s->odd)
        return eddy_writer_write(writer, lines[i], n);
    rc = eddy_reader_readexactly(reader, buf, n);
    if (rc < 0)
        return (int)rc;
    EXPECT(memcmp(buf, lines[i], n) == 0);
    return 0;
}

static int take_part(struct side *s, eddy_reader *reader, eddy_writer *writer)
{
    for (int i = 0; i < LINES; i++) {
        size_t n = strlen(lines[i]) < s->left ? strlen(lines[i]) : s->left;

        eddy_try(one_line(s, reader, writer, i, n));
        s->left -= n;
        if (s->left == 0)
            return reset(writer);
    }
    return 0;
}

static int serve(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    server_side.status = take_part(&server_side, reader, writer);
    return server_side.status < 0 ? server_side.status : 0;
}

/* A connection, of which the client or the server breaks off after n bytes; 0 bytes: before the
 * first. */
static int dialogue(eddy_server *server, size_t by_client, size_t by_server)
{
    eddy_reader *reader;
    eddy_writer *writer;

    client = (struct side){.left = by_client};
    server_side = (struct side){.odd = true, .left = by_server, .status = -1};
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    client.status = by_client == 0 ? reset(writer) : take_part(&client, reader, writer);
    eddy_writer_close(writer);
    (void)eddy_writer_wait_closed(writer);
    eddy_writer_free(writer);
    do
        eddy_try(eddy_sleep(0));
    while (eddy_server_connections(server) > 0);
    return 0;
}

static bool is_broken(int status)
{
    return status == -ECONNRESET || status == -EPIPE;
}

static void ignore(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

static int start(eddy_server **ret)
{
    if (test_tortured())
        eddy_loop_set_exception_handler(eddy_get_running_loop(), ignore, NULL);
    return eddy_start_server(serve, NULL, "127.0.0.1", 0, ret);
}

static int end(eddy_server *server)
{
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(a_dialogue_comes_to_its_end)
{
    eddy_server *server;

    eddy_try(start(&server));
    eddy_server_free_at_end(server);
    eddy_try(dialogue(server, SIZE_MAX, SIZE_MAX));
    EXPECT_EQ(client.status, 0);
    EXPECT_EQ(server_side.status, 0);
    return end(server);
}

/* The side that has said the last line is done, whatever becomes of it; and a reset drops the bytes
 * that the other side has not read. */
TEST_ASYNC_REAL(a_client_may_reset_after_any_byte_of_a_dialogue, .ordered = true)
{
    eddy_server *server;

    eddy_try(start(&server));
    eddy_server_free_at_end(server);
    for (size_t n = 0; n <= whole(); n++) {
        eddy_try(dialogue(server, n, SIZE_MAX));
        EXPECT_EQ(client.status, 1);
        EXPECT(n == 0 || is_broken(server_side.status) ||
               (n > whole() - strlen(lines[LINES - 1]) && server_side.status == 0));
    }
    return end(server);
}

TEST_ASYNC_REAL(a_server_may_reset_after_any_byte_of_a_dialogue)
{
    eddy_server *server;

    eddy_try(start(&server));
    eddy_server_free_at_end(server);
    for (size_t n = 1; n <= whole(); n++) {
        eddy_try(dialogue(server, SIZE_MAX, n));
        EXPECT_EQ(server_side.status, 1);
        EXPECT(is_broken(client.status) || (n == whole() && client.status == 0));
    }
    return end(server);
}
