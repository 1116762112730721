/*
 * Servers and connections to them, on real sockets of the loopback.
 */
#include "harness/test.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int echo(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

/* Sends @text and expects it back. */
static int talk(int port, const char *text)
{
    eddy_reader *reader;
    eddy_writer *writer;
    char buf[64];
    size_t n = strlen(text);

    eddy_try(eddy_open_connection("127.0.0.1", port, &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_write(writer, text, n));
    eddy_try((int)eddy_reader_readexactly(reader, buf, n));
    EXPECT_EQ(memcmp(buf, text, n), 0);
    eddy_try(eddy_writer_write_eof(writer));
    EXPECT_EQ(eddy_reader_read(reader, buf, sizeof buf), 0);
    return 0;
}

static eddy_async(talk_coro, (int, port), (const char *, text))
{
    return talk(port, text);
}

TEST_ASYNC_REAL(each_connection_has_a_task_that_handles_it)
{
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    EXPECT(eddy_server_is_serving(server));
    eddy_try(eddy_await(eddy_gather(talk_coro(eddy_server_port(server), "one"),
                                    talk_coro(eddy_server_port(server), "two"),
                                    talk_coro(eddy_server_port(server), "three"))));
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

__attribute__((noinline)) static int use_stack(int kib)
{
    volatile char frame[1024];

    frame[0] = (char)kib;
    return kib == 0 ? 0 : use_stack(kib - 1) + frame[0] - (char)kib;
}

static int deep_echo(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    eddy_try(use_stack(3000));
    return echo(reader, writer, arg);
}

TEST_ASYNC_REAL(handlers_may_have_larger_stacks)
{
    eddy_server *server;

    EXPECT_EQ(
        eddy_start_server(deep_echo, NULL, "127.0.0.1", 0, &server, .stack_size = SIZE_MAX / 4),
        -EINVAL);
    eddy_try(eddy_start_server(deep_echo, NULL, "127.0.0.1", 0, &server, .stack_size = 16 << 20));
    eddy_server_free_at_end(server);
    return talk(eddy_server_port(server), "deep");
}

TEST_ASYNC_REAL(a_server_listens_on_a_unix_socket_and_removes_its_file)
{
    char path[] = "/tmp/eddy-test-XXXXXX/socket", buf[4];
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_server *server;
    char *slash = strrchr(path, '/');
    int rc;

    *slash = 0;
    REQUIRE(mkdtemp(path) != NULL);
    *slash = '/';
    rc = eddy_start_unix_server(echo, NULL, path, &server);
    if (rc == 0) {
        EXPECT_EQ(access(path, F_OK), 0);
        rc = eddy_open_unix_connection(path, 0, &reader, &writer);
        EXPECT_EQ(rc, 0);
        if (rc == 0) {
            EXPECT_EQ(eddy_writer_write(writer, "echo", 4), 0);
            EXPECT_EQ(eddy_reader_readexactly(reader, buf, 4), 4);
            eddy_writer_free(writer);
        }
        eddy_server_close(server);
        EXPECT_EQ(access(path, F_OK), -1);
        EXPECT_EQ(eddy_server_wait_closed(server), 0);
        eddy_server_free(server);
    }
    EXPECT_EQ(rc, 0);
    unlink(path);
    *slash = 0;
    rmdir(path);
    return 0;
}

static int fail(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    return eddy_raise(-EIO, "the handler's own trouble");
}

static void note(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    snprintf(arg, 100, "%s", eddy_exception_message(context->exception));
}

TEST_ASYNC_REAL(a_handler_that_fails_is_reported_and_harms_no_other_connection)
{
    static char reported[100];
    char buf[1];
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_server *server;

    eddy_loop_set_exception_handler(eddy_get_running_loop(), note, reported);
    eddy_try(eddy_start_server(fail, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    for (int i = 0; i < 2; i++) {
        eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
        eddy_writer_free_at_end(writer);
        EXPECT_EQ(eddy_reader_read(reader, buf, 1), 0);
        EXPECT_STR(reported, "the handler's own trouble");
        reported[0] = 0;
    }
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static int wait_for_ever(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    int rc = eddy_sleep(EDDY_FOREVER);

    *(int *)arg = rc;
    return rc;
}

TEST_ASYNC_REAL(shutdown_cancels_handlers_that_do_not_end_in_time)
{
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_server *server;
    static int ended; /* a handler may outlive a test that leaves early */
    char buf[1];

    eddy_try(eddy_start_server(wait_for_ever, &ended, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    eddy_writer_free_at_end(writer);
    while (eddy_server_connections(server) == 0)
        eddy_try(eddy_sleep(0));
    EXPECT_EQ(eddy_server_shutdown(server, 0), -ETIMEDOUT);
    EXPECT(ended == -ECANCELED || test_tortured());
    EXPECT_EQ(eddy_server_connections(server), 0);
    EXPECT(eddy_reader_read(reader, buf, 1) <= 0);
    return 0;
}

static eddy_async(serve, (eddy_server *, server))
{
    return eddy_server_serve_forever(server);
}

TEST_ASYNC_REAL(serve_forever_ends_with_the_server_and_ends_it_when_cancelled, .ordered = true)
{
    eddy_server *server, *other;
    eddy_task *t;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server, .no_start = true));
    eddy_server_free_at_end(server);
    EXPECT(!eddy_server_is_serving(server));
    t = eddy_create_task(serve(server));
    eddy_try(eddy_sleep(0));
    EXPECT(eddy_server_is_serving(server) || !t);
    EXPECT_EQ(eddy_server_serve_forever(server), t ? EDDY_EMISUSE : 0);
    eddy_server_close(server);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(eddy_server_start_serving(server), EDDY_ECLOSED);

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &other));
    eddy_server_free_at_end(other);
    t = eddy_create_task(serve(other));
    eddy_try(eddy_sleep(0));
    REQUIRE(t != NULL);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT(!eddy_server_is_serving(other));
    return 0;
}

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

TEST_ASYNC_REAL(without_descriptors_the_server_says_so_and_goes_on_when_it_can)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    static char reported[100];
    char buf[4];
    struct rlimit before;
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_server *server;

    if (test_tortured()) {
        close(fd);
        return 0;
    }
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note, reported);
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    addr.sin_port = htons((uint16_t)eddy_server_port(server));
    before = take_descriptors_away();
    EXPECT_EQ(eddy_sock_connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    while (!reported[0])
        eddy_try(eddy_sleep(0.001));
    EXPECT_STR(reported, "accept");
    setrlimit(RLIMIT_NOFILE, &before);

    eddy_try(eddy_open_connection(NULL, 0, &reader, &writer, .sock = fd));
    eddy_writer_free_at_end(writer);
    EXPECT_EQ(eddy_writer_write(writer, "late", 4), 0);
    EXPECT_EQ(eddy_reader_readexactly(reader, buf, 4), 4);
    eddy_writer_close(writer);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}
