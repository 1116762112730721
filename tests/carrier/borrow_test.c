/*
 * Carriers on sockets that stay the program's.
 */
#include "harness/test.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* A stream over @fd, which it borrows; NULL if that fails. */
static eddy_writer *borrow(int fd, eddy_reader **ret_reader)
{
    eddy_carrier *c;
    eddy_writer *w;

    if (!EXPECT_EQ(eddy_socket_carrier_borrow(eddy_get_running_loop(), fd, &c), 0))
        return NULL;
    if (EXPECT_EQ(eddy_stream_open(c, 0, ret_reader, &w), 0))
        return w;
    c->ops->free(c);
    return NULL;
}

static void pair_open(int fds[2])
{
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
}

static void close_both(int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

TEST_ASYNC_REAL(a_borrowed_socket_is_open_and_blocking_when_its_stream_has_ended, .whole = true)
{
    char buf[8] = "";
    eddy_reader *r;
    eddy_writer *w;
    int fds[2];

    pair_open(fds);
    w = borrow(fds[0], &r);
    if (w) {
        EXPECT_EQ(eddy_writer_write(w, "one", 3), 0);
        eddy_writer_close(w);
        EXPECT_EQ(eddy_writer_wait_closed(w), 0);
        eddy_writer_free(w);
        EXPECT_EQ(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
        EXPECT_EQ(write(fds[0], "two", 3), 3);
        EXPECT_EQ(read(fds[1], buf, sizeof buf), 6);
        EXPECT_STR(buf, "onetwo");
    }
    close_both(fds);
    return 0;
}

TEST_ASYNC_REAL(a_borrowed_socket_serves_one_stream_after_the_other)
{
    const char *line;
    eddy_reader *r;
    int fds[2];

    pair_open(fds);
    for (int i = 0; i < 2; i++) {
        eddy_writer *w = borrow(fds[0], &r);

        if (!w)
            break;
        EXPECT_EQ(write(fds[1], "line\n", 5), 5);
        EXPECT_EQ(eddy_reader_readline(r, &line), 5);
        eddy_writer_close(w);
        EXPECT_EQ(eddy_writer_wait_closed(w), 0);
        eddy_writer_free(w);
    }
    close_both(fds);
    return 0;
}

/* The calls of a carrier's user. */
struct waits {
    int n_readable, n_writable, n_closed;
};

static void count_readable(eddy_carrier *c, ssize_t result)
{
    EXPECT_EQ(result, -EAGAIN);
    ((struct waits *)c->user)->n_readable++;
}

static void count_writable(eddy_carrier *c)
{
    ((struct waits *)c->user)->n_writable++;
}

static void count_closed(eddy_carrier *c, int status)
{
    ((struct waits *)c->user)->n_closed++;
    c->ops->free(c);
}

TEST_ASYNC_REAL(a_carrier_waits_for_datagrams_that_its_user_receives)
{
    static struct waits waits;
    eddy_carrier *c;
    char buf[8];
    int fds[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
    if (EXPECT_EQ(eddy_pipe_carrier_borrow(eddy_get_running_loop(), fds[0], fds[0], &c), 0)) {
        c->user = &waits;
        c->on_readable = count_readable;
        c->on_writable = count_writable;
        c->on_closed = count_closed;
        for (int i = 1; i <= 3; i++) {
            if (!EXPECT_EQ(c->ops->wait_readable(c, NULL, 0), 0))
                break;
            eddy_sleep(0);
            eddy_sleep(0);
            EXPECT_EQ(waits.n_readable, i - 1);
            EXPECT_EQ(write(fds[1], "one", 3), 3);
            while (waits.n_readable < i && eddy_sleep(0) == 0)
                continue;
            EXPECT_EQ(recv(fds[0], buf, sizeof buf, 0), 3);
        }
        if (EXPECT_EQ(c->ops->wait_writable(c), 0))
            while (waits.n_writable == 0 && eddy_sleep(0) == 0)
                continue;
        c->ops->close(c, true);
        while (waits.n_closed == 0 && eddy_sleep(0) == 0)
            continue;
        EXPECT_EQ(send(fds[0], "open", 4, 0), 4);
    }
    close_both(fds);
    return 0;
}
