/*
 * Streams over pipes, terminals and other descriptors (rule 161).
 */
#include "stream/streams.h"

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static void pipe_open(int fds[2])
{
    REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
}

static eddy_async(wait_closed, (eddy_writer *, writer))
{
    return eddy_writer_wait_closed(writer);
}

static eddy_reader *reader_of(int fd)
{
    eddy_reader *r = NULL;

    if (eddy_connect_read_pipe(fd, 0, &r) < 0) {
        close(fd);
        REQUIRE(r != NULL);
    }
    return r;
}

static eddy_writer *writer_of(int fd)
{
    eddy_writer *w = NULL;

    if (eddy_connect_write_pipe(fd, &w) < 0) {
        close(fd);
        REQUIRE(w != NULL);
    }
    return w;
}

TEST_ASYNC_REAL(a_pipe_carries_bytes_and_its_end)
{
    int fds[2], fd = -1;
    eddy_reader *r;
    eddy_writer *w;
    const char *line = "";
    eddy_task *t;

    pipe_open(fds);
    r = reader_of(fds[0]);
    w = writer_of(fds[1]);
    EXPECT_EQ(eddy_writer_get_extra_info(w, "pipe", &fd, sizeof fd), sizeof fd);
    EXPECT_EQ(fd, fds[1]);
    EXPECT_EQ(eddy_writer_get_extra_info(w, "socket", &fd, sizeof fd), -ENOENT);
    t = eddy_create_task(read_line(r));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_writer_write(w, "a line\nand no line", 18), 0);
    EXPECT_EQ(eddy_await(t), 7);
    EXPECT(eddy_writer_can_write_eof(w));
    EXPECT_EQ(eddy_writer_write_eof(w), 0);
    EXPECT_EQ(eddy_writer_wait_closed(w), 0);
    EXPECT_EQ(eddy_reader_read_all(r, SIZE_MAX, &line), 11);
    EXPECT(eddy_reader_at_eof(r));
    eddy_reader_free(r);
    eddy_writer_free(w);
    return 0;
}

TEST_ASYNC_REAL(a_write_end_notices_by_itself_that_the_reader_has_gone)
{
    eddy_writer *w;
    int fds[2];

    pipe_open(fds);
    w = writer_of(fds[1]);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!eddy_writer_is_closing(w));
    close(fds[0]);
    EXPECT_EQ(eddy_writer_wait_closed(w), 0); /* nothing was written in vain */
    EXPECT(eddy_writer_is_closing(w));
    EXPECT_EQ(eddy_writer_write(w, "x", 1), EDDY_ECLOSED);
    eddy_writer_free(w);
    return 0;
}

TEST_ASYNC_REAL(a_reader_that_goes_while_bytes_are_kept_is_a_broken_pipe)
{
    static char much[300000];
    eddy_writer *w;
    eddy_task *t;
    int fds[2];

    pipe_open(fds);
    w = writer_of(fds[1]);
    EXPECT_EQ(eddy_writer_write(w, much, sizeof much), 0);
    EXPECT(eddy_writer_get_write_buffer_size(w) > 0);
    t = eddy_create_task(wait_closed(w));
    EXPECT_EQ(eddy_sleep(0), 0);
    close(fds[0]);
    EXPECT_EQ(eddy_await(t), -EPIPE);
    EXPECT_EQ(eddy_writer_drain(w), -EPIPE);
    eddy_writer_free(w);
    return 0;
}

TEST_ASYNC_REAL(much_goes_through_a_pipe_whole)
{
    static char much[1000000], back[1000000];
    eddy_reader *r;
    eddy_writer *w;
    eddy_task *t;
    int fds[2];

    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)(i * 7 + (i >> 12));
    pipe_open(fds);
    r = reader_of(fds[0]);
    w = writer_of(fds[1]);
    t = eddy_create_task(write_times(w, much, sizeof much, 1));
    EXPECT(eddy_reader_readexactly(r, back, sizeof back) == sizeof back || test_tortured());
    EXPECT(memcmp(much, back, sizeof much) == 0 || test_tortured());
    eddy_reader_free(r);
    EXPECT_EQ(eddy_await(t), 0);
    eddy_writer_free(w);
    return 0;
}

TEST_ASYNC_REAL(a_regular_file_is_refused)
{
    char path[] = "/tmp/eddy-test-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);
    eddy_reader *r = NULL;
    eddy_writer *w = NULL;

    REQUIRE(fd >= 0);
    unlink(path);
    EXPECT_EQ(eddy_connect_read_pipe(fd, 0, &r), -EINVAL);
    EXPECT_IN("not a file", eddy_exception_message(eddy_error()));
    EXPECT_EQ(eddy_connect_write_pipe(fd, &w), -EINVAL);
    EXPECT(!r && !w);
    EXPECT_EQ(close(fd), 0); /* it stayed ours */
    EXPECT_EQ(eddy_connect_read_pipe(fd, 0, &r), -EBADF);
    EXPECT_EQ(eddy_connect_write_pipe(-1, &w), -EBADF);
    return 0;
}

TEST_ASYNC(without_descriptors_there_are_no_pipes)
{
    eddy_reader *r = NULL;
    int fds[2];

    pipe_open(fds);
    EXPECT_EQ(eddy_connect_read_pipe(fds[0], 0, &r), -EOPNOTSUPP);
    EXPECT(!r);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TEST_ASYNC_REAL(a_descriptor_that_is_claimed_is_refused)
{
    eddy_reader *r, *second = NULL;
    int fds[2];

    pipe_open(fds);
    r = reader_of(fds[0]);
    EXPECT_EQ(eddy_connect_read_pipe(fds[0], 0, &second), -EBUSY);
    EXPECT(!second);
    eddy_reader_free(r);
    close(fds[1]);
    return 0;
}

/* A terminal that passes everything on as it is; the program has the slave, a person the master. */
static void terminal_open(int *master, int *slave)
{
    struct termios raw;

    REQUIRE(openpty(master, slave, NULL, NULL, NULL) == 0);
    REQUIRE(tcgetattr(*slave, &raw) == 0);
    cfmakeraw(&raw);
    REQUIRE(tcsetattr(*slave, TCSANOW, &raw) == 0);
    fcntl(*master, F_SETFD, FD_CLOEXEC);
    fcntl(*slave, F_SETFD, FD_CLOEXEC);
}

TEST_ASYNC_REAL(a_terminal_is_read_line_by_line)
{
    int master, slave;
    const char *line;
    eddy_reader *r;
    eddy_task *t;

    terminal_open(&master, &slave);
    r = reader_of(slave);
    t = eddy_create_task(read_line(r));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(write(master, "one\ntwo\n", 8), 8);
    EXPECT_EQ(eddy_await(t), 4);
    EXPECT_EQ(eddy_reader_readline(r, &line), 4);
    eddy_reader_free(r);
    close(master);
    return 0;
}

TEST_ASYNC_REAL(typing_at_a_terminal_does_not_close_its_writer)
{
    char buf[8] = "";
    int master, slave;
    eddy_writer *w;

    terminal_open(&master, &slave);
    w = writer_of(slave);
    EXPECT_EQ(write(master, "typed\n", 6), 6);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(eddy_sleep(0.001), 0);
    EXPECT(!eddy_writer_is_closing(w));
    EXPECT_EQ(eddy_writer_write(w, "shown", 5), 0);
    EXPECT_EQ(eddy_writer_flush(w), 0);
    while (!test_tortured() && strlen(buf) < 5 &&
           read(master, buf + strlen(buf), 5 - strlen(buf)) > 0) {
    }
    EXPECT_STR(buf, test_tortured() ? "" : "shown");
    eddy_writer_free(w);
    close(master);
    return 0;
}

TEST_ASYNC_REAL(the_end_of_a_terminal_ends_a_read_from_it)
{
    int master, slave;
    const char *line;
    eddy_reader *r;
    eddy_task *t;

    terminal_open(&master, &slave);
    r = reader_of(slave);
    t = eddy_create_task(read_line(r));
    EXPECT_EQ(eddy_sleep(0), 0);
    close(master);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(eddy_reader_readline(r, &line), 0);
    eddy_reader_free(r);
    return 0;
}

/* The output that a program wrote before it ended is not lost. */
TEST_ASYNC_REAL(the_end_of_all_users_of_a_terminal_ends_a_read_from_its_other_side)
{
    int master, slave;
    const char *all;
    eddy_reader *r;

    terminal_open(&master, &slave);
    r = reader_of(master);
    EXPECT_EQ(write(slave, "last words", 10), 10);
    close(slave);
    EXPECT_EQ(eddy_reader_read_all(r, SIZE_MAX, &all), 10);
    EXPECT_EQ(eddy_reader_read_all(r, SIZE_MAX, &all), 0);
    EXPECT(eddy_reader_at_eof(r));
    eddy_reader_free(r);
    return 0;
}

TEST_ASYNC_REAL(a_socket_can_be_a_write_end_and_notices_the_end_of_its_peer)
{
    eddy_writer *w;
    int fds[2];
    char buf[4];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    w = writer_of(fds[0]);
    EXPECT_EQ(eddy_writer_write(w, "a", 1), 0);
    if (!test_tortured())
        EXPECT_EQ(read(fds[1], buf, 4), 1);
    close(fds[1]);
    EXPECT_EQ(eddy_writer_wait_closed(w), 0);
    eddy_writer_free(w);
    return 0;
}

/* Another descriptor shares the open file description. */

static bool is_nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

TEST_ASYNC_REAL(a_descriptor_that_was_blocking_is_so_again_when_its_stream_has_ended)
{
    int fds[2], others[2];
    eddy_reader *r;
    eddy_writer *w;

    pipe_open(fds);
    for (int i = 0; i < 2; i++)
        REQUIRE((others[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0)) >= 0);
    r = reader_of(fds[0]);
    w = writer_of(fds[1]);
    EXPECT(is_nonblocking(others[0]) && is_nonblocking(others[1]));
    eddy_reader_free(r);
    eddy_writer_free(w);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    for (int i = 0; i < 2; i++) {
        EXPECT(!is_nonblocking(others[i]));
        close(others[i]);
    }
    return 0;
}

TEST_ASYNC_REAL(a_descriptor_that_was_non_blocking_stays_so)
{
    int fds[2], other;
    eddy_reader *r;

    REQUIRE(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    REQUIRE((other = fcntl(fds[0], F_DUPFD_CLOEXEC, 0)) >= 0);
    r = reader_of(fds[0]);
    eddy_reader_free(r);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(is_nonblocking(other));
    close(other);
    close(fds[1]);
    return 0;
}

TEST_ASYNC_REAL(a_descriptor_that_gets_no_stream_is_as_it_was)
{
    eddy_reader *r = NULL, *second = NULL;
    int fds[2];

    pipe_open(fds);
    r = reader_of(fds[0]);
    EXPECT_EQ(eddy_connect_read_pipe(fds[0], 0, &second), -EBUSY);
    EXPECT(is_nonblocking(fds[0]));
    eddyi_fault_only("malloc", ENOMEM);
    EXPECT(eddy_connect_read_pipe(fds[1], 0, &second) < 0);
    eddyi_fault_clear();
    EXPECT(!is_nonblocking(fds[1]));
    eddy_reader_free(r);
    close(fds[1]);
    return 0;
}

/* Both streams share one open file description, like the terminal of a shell's child. */
TEST_ASYNC_REAL(a_terminal_for_both_directions_is_blocking_in_the_end)
{
    int master, terminal, output;
    const char *line = "";
    eddy_reader *r;
    eddy_writer *w;

    REQUIRE(openpty(&master, &terminal, NULL, NULL, NULL) == 0);
    REQUIRE((output = fcntl(terminal, F_DUPFD_CLOEXEC, 0)) >= 0);
    int other = fcntl(terminal, F_DUPFD_CLOEXEC, 0);
    r = reader_of(terminal);
    w = writer_of(output);
    EXPECT_EQ(write(master, "one\ntwo\n", 8), 8);
    EXPECT(eddy_reader_readline(r, &line) == 4 || test_tortured());
    eddy_reader_free(r);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_writer_write(w, "out", 3), 0);
    EXPECT(eddy_writer_drain(w) == 0 || test_tortured());
    eddy_writer_free(w);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!is_nonblocking(other));
    close(other);
    close(master);
    return 0;
}

TEST_ASYNC_REAL(a_stream_over_the_write_end_of_a_pipe_ends_with_its_writing)
{
    eddy_carrier *carrier;
    eddy_reader *reader;
    eddy_writer *writer;
    char buf[8];
    int fds[2], rc;

    REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
    rc = eddy_pipe_carrier_new(eddy_get_running_loop(), -1, fds[1], &carrier);
    if (rc < 0)
        close(fds[1]);
    else if ((rc = eddy_stream_open(carrier, 0, &reader, &writer)) < 0)
        carrier->ops->free(carrier);
    if (EXPECT_EQ(rc, 0)) {
        EXPECT_EQ(eddy_writer_write(writer, "end", 3), 0);
        EXPECT_EQ(eddy_writer_write_eof(writer), 0);
        EXPECT(eddy_writer_is_closing(writer));
        EXPECT_EQ(eddy_writer_wait_closed(writer), 0);
        EXPECT_EQ(read(fds[0], buf, sizeof buf), 3);
        EXPECT_EQ(read(fds[0], buf, sizeof buf), 0);
        eddy_writer_free(writer);
    }
    close(fds[0]);
    return 0;
}
