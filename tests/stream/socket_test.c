/*
 * Streams on real sockets, and peers that behave badly: who never read, reset, say a byte at a
 * time, or just go.
 */
#include "stream/servers.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char much[1 << 20];

/* A stream, and the plain socket that is its peer. */
struct peer {
    eddy_reader *reader;
    eddy_writer *writer;
    int fd;
};

static void peer_over(struct peer *p, const int fds[2])
{
    p->fd = fds[1];
    if (eddy_open_connection(NULL, 0, &p->reader, &p->writer, .sock = fds[0]) < 0) {
        close(fds[0]);
        close(fds[1]);
        REQUIRE(!"a stream");
    }
}

/* Over TCP, which alone knows resets. */
static void peer_open(struct peer *p)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[2];
    socklen_t size = sizeof addr;

    REQUIRE(listener >= 0 && bind(listener, (struct sockaddr *)&addr, size) == 0 &&
            listen(listener, 1) == 0);
    REQUIRE(getsockname(listener, (struct sockaddr *)&addr, &size) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fds[0] >= 0 && connect(fds[0], (struct sockaddr *)&addr, size) == 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    REQUIRE(fds[1] >= 0);
    close(listener);
    peer_over(p, fds);
}

/* The bytes that the peer sends, all at once. */
static void peer_send(const struct peer *p, const char *text, size_t n)
{
    EXPECT_EQ(send(p->fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void peer_close(struct peer *p)
{
    close(p->fd);
    p->fd = -1;
}

static void peer_reset(struct peer *p)
{
    setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    peer_close(p);
}

static void peer_free(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    eddy_writer_free(p->writer);
}

static eddy_async(read_line_of, (eddy_reader *, reader))
{
    const char *line;

    return (int)eddy_reader_readline(reader, &line);
}

static eddy_async(write_forever, (eddy_writer *, writer), (long *, written))
{
    for (;;) {
        eddy_try(eddy_writer_write(writer, much, 10000));
        ++*written;
    }
}

TEST_ASYNC_REAL(a_peer_that_never_reads_costs_no_more_than_the_high_water_mark_and_one_write)
{
    struct peer p;
    long written = 0, before = -1;
    eddy_task *t;

    peer_open(&p);
    t = eddy_create_task(write_forever(p.writer, &written));
    REQUIRE(t != NULL);
    while (written != before) {
        before = written;
        REQUIRE(eddy_sleep(0.01) == 0);
    }
    EXPECT(!eddy_task_done(t) || test_tortured());
    EXPECT(eddy_writer_get_write_buffer_size(p.writer) <= 65536 + 10000);
    eddy_task_cancel(t, NULL);
    REQUIRE(eddy_await(t) == -ECANCELED);
    eddy_writer_abort(p.writer);
    peer_free(&p);
    return 0;
}

/*
 * The kernel hands out the bytes that come along with a descriptor by themselves: fewer than were
 * asked for, and yet there are more. The descriptor is not wanted.
 */
TEST_ASYNC_REAL(a_descriptor_in_the_stream_does_not_hide_what_comes_behind_it, .whole = true)
{
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
                           .cmsg_level = SOL_SOCKET,
                           .cmsg_type = SCM_RIGHTS}};
    struct iovec iov = {(void *)(uintptr_t) "with\n", 5};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.space};
    const char *line;
    struct peer p;
    eddy_task *t;
    int fds[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    peer_over(&p, fds);
    memcpy(CMSG_DATA(&control.align), &p.fd, sizeof p.fd);
    t = eddy_create_task(read_line_of(p.reader));
    for (int i = 0; i < 3; i++)
        eddy_try(eddy_sleep(0));
    EXPECT_EQ(sendmsg(p.fd, &message, MSG_NOSIGNAL), 5);
    peer_send(&p, "behind\n", 7);
    REQUIRE(eddy_await(t) == 5);
    if (test_tortured())
        shutdown(p.fd, SHUT_WR);
    EXPECT_EQ(eddy_reader_readline(p.reader, &line), 7);
    peer_free(&p);
    return 0;
}

/* A peer that says a line and is gone, or is reset, after any number of its bytes. */
static const char script[] = "hello\nand goodbye\n";
enum { SCRIPT = sizeof script - 1 };

/* Reads what is left of the first @n bytes of the script, of which @got were read before. */
static int read_script(struct peer *p, size_t got, size_t n, bool reset)
{
    const char *line;
    ssize_t rc;

    while ((rc = eddy_reader_readline(p->reader, &line)) > 0) {
        EXPECT(got + (size_t)rc <= n && memcmp(line, script + got, (size_t)rc) == 0);
        got += (size_t)rc;
    }
    if (reset) {
        EXPECT_EQ(rc, -ECONNRESET);
        EXPECT_EQ(eddy_reader_readline(p->reader, &line), -ECONNRESET);
        EXPECT_EQ(eddy_writer_drain(p->writer), -ECONNRESET);
        EXPECT_EQ(eddy_writer_write(p->writer, "x", 1), -ECONNRESET);
        EXPECT_EQ(eddy_writer_wait_closed(p->writer), -ECONNRESET);
    } else {
        EXPECT_EQ(rc, 0);
        EXPECT_EQ(got, n);
        eddy_writer_close(p->writer);
        EXPECT_EQ(eddy_writer_wait_closed(p->writer), 0);
    }
    return 0;
}

TEST_ASYNC_REAL(a_peer_may_go_after_any_byte)
{
    for (size_t n = 0; n <= SCRIPT; n++) {
        struct peer p;

        peer_open(&p);
        peer_send(&p, script, n);
        peer_close(&p);
        EXPECT_EQ(read_script(&p, 0, n, false), 0);
        peer_free(&p);
    }
    return 0;
}

TEST_ASYNC_REAL(a_peer_may_reset_after_any_byte)
{
    for (size_t n = 0; n <= SCRIPT; n++) {
        struct peer p;
        eddy_task *t;
        int first;

        peer_open(&p);
        peer_send(&p, script, n);
        t = eddy_create_task(read_line_of(p.reader)); /* waits, or takes the first line */
        EXPECT_EQ(eddy_sleep(0), 0);
        peer_reset(&p);
        first = eddy_await(t);
        EXPECT(first == -ECONNRESET || (n >= 6 && first == 6));
        EXPECT_EQ(read_script(&p, first > 0 ? 6 : 0, n, true), 0);
        peer_free(&p);
    }
    return 0;
}

TEST_ASYNC_REAL(a_reset_wakes_all_waiters)
{
    long written = 0;
    eddy_task *t[2];
    struct peer p;
    int rc;

    peer_open(&p);
    t[0] = eddy_create_task(read_line_of(p.reader));
    t[1] = eddy_create_task(write_forever(p.writer, &written));
    EXPECT_EQ(eddy_sleep(0.005), 0);
    peer_reset(&p);
    rc = eddy_await(t[0]);
    EXPECT(rc == -ECONNRESET || rc == -EPIPE); /* whichever direction hears of it first */
    EXPECT_EQ(eddy_await(t[1]), rc);
    peer_free(&p);
    return 0;
}

TEST_ASYNC_REAL(a_peer_that_closes_while_we_write_is_noticed)
{
    long written = 0;
    eddy_task *t;
    struct peer p;
    int rc;

    peer_open(&p);
    t = eddy_create_task(write_forever(p.writer, &written));
    EXPECT_EQ(eddy_sleep(0), 0);
    peer_close(&p); /* with bytes unread, which is a reset */
    rc = eddy_await(t);
    if (EXPECT(rc == -ECONNRESET || rc == -EPIPE)) /* else it is not over */
        EXPECT_EQ(eddy_writer_wait_closed(p.writer), rc);
    peer_free(&p);
    return 0;
}

/* Up to @size bytes, however they come. */
static ssize_t recv_to(struct peer *p, char *buf, size_t size)
{
    size_t got = 0;
    ssize_t n = 1;

    while (n > 0 && got < size) {
        n = eddy_sock_recv(p->fd, buf + got, size - got);
        got += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? n : (ssize_t)got;
}

TEST_ASYNC_REAL(half_a_connection_can_be_closed_on_either_side)
{
    struct peer p;
    char buf[16] = "";
    const char *rest;

    peer_open(&p);
    EXPECT(eddy_writer_can_write_eof(p.writer));
    EXPECT_EQ(eddy_writer_write(p.writer, "request", 7), 0);
    EXPECT_EQ(eddy_writer_write_eof(p.writer), 0);
    EXPECT_EQ(recv_to(&p, buf, 7), 7);
    EXPECT_EQ(recv_to(&p, buf, 1), 0);
    peer_send(&p, "answer", 6);
    shutdown(p.fd, SHUT_WR);
    EXPECT_EQ(eddy_reader_read_all(p.reader, SIZE_MAX, &rest), 6);
    peer_free(&p);

    peer_open(&p);
    shutdown(p.fd, SHUT_WR);
    EXPECT_EQ(eddy_reader_read_all(p.reader, SIZE_MAX, &rest), 0);
    EXPECT(eddy_reader_at_eof(p.reader));
    EXPECT_EQ(eddy_writer_write(p.writer, "still there", 11), 0);
    EXPECT_EQ(eddy_writer_flush(p.writer), 0);
    EXPECT_EQ(recv_to(&p, buf, 11), 11);
    peer_free(&p);
    return 0;
}

/* These end the connection also where they fail, lest a task wait for the rest. */
static eddy_async(send_bytewise, (int, fd), (const char *, text), (size_t, n))
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = eddy_sock_sendall(fd, text + i, 1, NULL);
        rc = rc < 0 ? rc : eddy_sleep(0);
    }
    shutdown(fd, SHUT_WR);
    return rc;
}

TEST_ASYNC_REAL(a_peer_that_sends_a_byte_at_a_time_is_understood)
{
    struct peer p;
    const char *line;
    eddy_task *t;
    ssize_t n;

    peer_open(&p);
    t = eddy_create_task(send_bytewise(p.fd, script, SCRIPT));
    REQUIRE(t != NULL);
    n = eddy_reader_readline(p.reader, &line);
    EXPECT_EQ(n, 6);
    if (n < 0) /* the sender may have been cancelled, too, before its first step */
        shutdown(p.fd, SHUT_WR);
    EXPECT_EQ(eddy_reader_readline(p.reader, &line), 12);
    EXPECT_EQ(eddy_reader_readline(p.reader, &line), 0);
    REQUIRE(eddy_await(t) == 0);
    peer_free(&p);
    return 0;
}

static eddy_async(send_all, (int, fd), (const char *, data), (size_t, n))
{
    int rc = eddy_sock_sendall(fd, data, n, NULL);

    shutdown(fd, SHUT_WR);
    return rc;
}

TEST_ASYNC_REAL(a_line_beyond_the_limit_takes_no_more_memory_than_the_limit_needs)
{
    struct peer p;
    const char *line;
    eddy_task *t;
    ssize_t n;

    memset(much, 'x', sizeof much);
    peer_open(&p);
    fcntl(p.fd, F_SETFL, O_NONBLOCK);
    t = eddy_create_task(send_all(p.fd, much, sizeof much));
    REQUIRE(t != NULL);
    while ((n = eddy_reader_readline(p.reader, &line)) == EDDY_ELIMIT)
        EXPECT(eddy_reader_buffered(p.reader) <= 4 * EDDY_STREAM_LIMIT);
    EXPECT(n >= 0);
    REQUIRE(eddy_await(t) == 0);
    peer_free(&p);
    return 0;
}

TEST_ASYNC_REAL(a_refused_connection_says_where)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, but not listening */
    socklen_t size = sizeof addr;
    eddy_reader *reader = NULL;
    eddy_writer *writer = NULL;

    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&addr, size) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&addr, &size) == 0);
    EXPECT_EQ(eddy_open_connection("127.0.0.1", ntohs(addr.sin_port), &reader, &writer),
              -ECONNREFUSED);
    EXPECT_IN("127.0.0.1", eddy_exception_message(eddy_error()));
    EXPECT(!reader && !writer);
    close(fd);
    return 0;
}

TEST_ASYNC_REAL(a_stream_knows_its_addresses)
{
    struct sockaddr_in addr = {0}, of_peer = {0};
    socklen_t size = sizeof of_peer;
    struct peer p;
    int fd = -1;

    peer_open(&p);
    EXPECT_EQ(getsockname(p.fd, (struct sockaddr *)&of_peer, &size), 0);
    EXPECT_EQ(eddy_writer_get_extra_info(p.writer, "peername", &addr, sizeof addr), sizeof addr);
    EXPECT_EQ(addr.sin_port, of_peer.sin_port);
    EXPECT_EQ(eddy_writer_get_extra_info(p.writer, "sockname", &addr, 2), sizeof addr); /* cut */
    EXPECT_EQ(eddy_writer_get_extra_info(p.writer, "socket", &fd, sizeof fd), sizeof fd);
    EXPECT(fd >= 0);
    EXPECT_EQ(eddy_writer_get_extra_info(p.writer, "nonsense", &fd, sizeof fd), -ENOENT);
    eddy_writer_close(p.writer);
    EXPECT_EQ(eddy_writer_wait_closed(p.writer), 0);
    EXPECT_EQ(eddy_writer_get_extra_info(p.writer, "socket", &fd, sizeof fd), -ENOENT);
    peer_free(&p);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_read_of_a_socket_loses_no_byte)
{
    struct peer p;
    const char *line;

    peer_open(&p);
    for (int i = 0; i < SCRIPT; i++) {
        eddy_task *t = eddy_create_task(read_line_of(p.reader));

        REQUIRE(t != NULL);
        if (i % 3)
            EXPECT_EQ(eddy_sleep(0), 0);
        peer_send(&p, script + i, 1);
        if (i % 2)
            EXPECT_EQ(eddy_sleep(0), 0);
        if (script[i] == '\n') {
            EXPECT(eddy_await(t) == (i < 6 ? 6 : 12) || test_tortured());
            continue;
        }
        eddy_task_cancel(t, NULL);
        REQUIRE(eddy_await(t) == -ECANCELED);
    }
    peer_close(&p);
    EXPECT_EQ(eddy_reader_readline(p.reader, &line), 0);
    peer_free(&p);
    return 0;
}

/* A loop that closes with streams in every state. */
enum { IDLE, READING, WRITING, HALF_CLOSED, CLOSING, ABORTED, LOST, GIVEN_BACK, STATES };

static struct left {
    struct peer peer[STATES];
    long written;
    int status[2];
} left;

static eddy_async(read_and_note, (eddy_reader *, reader))
{
    const char *line;

    return left.status[0] = (int)eddy_reader_readline(reader, &line);
}

static eddy_async(write_and_note, (eddy_writer *, writer))
{
    int rc = 0;

    while (rc == 0)
        rc = eddy_writer_write(writer, much, sizeof much);
    return left.status[1] = rc;
}

static eddy_async(leave_streams)
{
    struct peer *p = left.peer;

    for (int i = 0; i < STATES; i++)
        peer_open(&p[i]);
    eddy_spawn(read_and_note(p[READING].reader));
    eddy_spawn(write_and_note(p[WRITING].writer));
    EXPECT_EQ(eddy_writer_write_eof(p[HALF_CLOSED].writer), 0);
    for (int i = 0; i < 8; i++) /* more than the kernel takes */
        eddy_writer_set_write_buffer_limits(p[CLOSING].writer,
                                            (eddy_water_marks){.low = 0, .high = SIZE_MAX / 2}),
            EXPECT_EQ(eddy_writer_write(p[CLOSING].writer, much, sizeof much), 0);
    eddy_writer_close(p[CLOSING].writer);
    peer_reset(&p[LOST]);
    EXPECT(eddy_await(read_line_of(p[LOST].reader)) < 0);
    eddy_writer_free(p[GIVEN_BACK].writer);
    EXPECT_EQ(eddy_sleep(0.001), 0);
    eddy_writer_abort(p[ABORTED].writer);
    return 0;
}

TEST_REAL(a_loop_may_close_with_streams_in_every_state)
{
    eddy_loop *loop = test_real_loop();
    const char *line;

    if (!loop)
        return;
    memset(&left, 0, sizeof left);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_streams()), 0);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_EQ(left.status[0], -ECANCELED);
    EXPECT_EQ(left.status[1], -ECANCELED);
    for (int i = 0; i < STATES; i++) {
        struct peer *p = &left.peer[i];

        if (!p->writer)
            continue;
        if (i != GIVEN_BACK) {
            EXPECT(eddy_reader_readline(p->reader, &line) <= 0);
            EXPECT(eddy_writer_write(p->writer, "x", 1) < 0);
            EXPECT(eddy_writer_is_closing(p->writer));
            eddy_writer_free(p->writer);
        }
        if (p->fd >= 0)
            close(p->fd);
    }
    eddy_loop_unref(loop);
}
