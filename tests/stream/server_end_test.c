/*
 * The end of servers: close, clients that are closed or cut off, shutdown with grace, and servers
 * that outlive others.
 */
#include "stream/servers.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that is connected, and a server that knows it. */
struct client {
    eddy_reader *reader;
    eddy_writer *writer;
};

static int client_open(struct client *c, eddy_server *server)
{
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &c->reader, &c->writer));
    return 0;
}

static eddy_async(wait_closed, (eddy_server *, server))
{
    return eddy_server_wait_closed(server);
}

static eddy_async(serve, (eddy_server *, server))
{
    return eddy_server_serve_forever(server);
}

TEST_ASYNC_REAL(a_closed_server_refuses_but_its_connections_go_on)
{
    struct client c, late;
    eddy_server *server;
    eddy_task *t;
    int port;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    port = eddy_server_port(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(say(c.reader, c.writer, "before"), 0);
    t = eddy_create_task(wait_closed(server));
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(!t || !eddy_task_done(t));
    eddy_server_close(server);
    eddy_server_close(server);
    EXPECT_EQ(say(c.reader, c.writer, "after"), 0);
    if (eddy_open_connection("127.0.0.1", port, &late.reader, &late.writer) == 0) {
        FAIL("connected to a server that is closed");
        eddy_writer_free(late.writer);
    }
    EXPECT(!t || !eddy_task_done(t));
    eddy_writer_close(c.writer);
    EXPECT_EQ(eddy_await(t), 0);
    EXPECT_EQ(eddy_server_connections(server), 0);
    return 0;
}

TEST_ASYNC_REAL(when_a_server_is_closed_its_port_is_free_at_once)
{
    eddy_server *first, *second;
    int port;

    for (int served = 0; served < 2; served++) {
        eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &first, .no_start = !served));
        eddy_server_free_at_end(first);
        port = eddy_server_port(first);
        EXPECT_EQ(eddy_sleep(0.001), 0);
        eddy_server_close(first);
        eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", port, &second));
        eddy_server_free_at_end(second);
        EXPECT_EQ(eddy_await(talk_to(port, "hello")), 0);
        EXPECT_EQ(eddy_server_wait_closed(first), 0);
    }
    return 0;
}

TEST_ASYNC_REAL(close_clients_sends_what_was_written_and_abort_clients_cuts_off)
{
    struct client c;
    eddy_server *server;
    const char *rest;

    for (int abort = 0; abort < 2; abort++) {
        eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
        eddy_server_free_at_end(server);
        eddy_try(client_open(&c, server));
        eddy_writer_free_at_end(c.writer);
        EXPECT_EQ(say(c.reader, c.writer, "hello"), 0);
        eddy_server_close(server);
        if (abort)
            eddy_server_abort_clients(server);
        else
            eddy_server_close_clients(server);
        EXPECT_EQ(eddy_reader_read_all(c.reader, SIZE_MAX, &rest), 0);
        EXPECT_EQ(eddy_server_wait_closed(server), 0);
    }
    return 0;
}

/* Writes much more than the kernel takes, and waits for it to be gone. */
static int write_much(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    static char much[8 << 20];
    size_t n = test_tortured() ? 100000 : sizeof much; /* time is short there */

    *(size_t *)arg = n;
    return eddy_writer_write(writer, much, n);
}

TEST_ASYNC_REAL(what_a_handler_wrote_still_goes_out_when_it_has_returned, .ordered = true)
{
    struct client c;
    eddy_server *server;
    static size_t written;
    const char *all;

    eddy_try(eddy_start_server(write_much, &written, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(eddy_reader_read_all(c.reader, SIZE_MAX, &all), (ssize_t)written);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(shutdown_lets_handlers_end_that_do_so_in_time)
{
    struct client c;
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(say(c.reader, c.writer, "hello"), 0);
    EXPECT_EQ(eddy_writer_write_eof(c.writer), 0);
    EXPECT_EQ(eddy_server_shutdown(server, EDDY_FOREVER), 0);
    EXPECT_EQ(eddy_server_shutdown(server, 0), 0);
    return 0;
}

static eddy_async(shut_down, (eddy_server *, server))
{
    return eddy_server_shutdown(server, EDDY_FOREVER);
}

TEST_ASYNC_REAL(a_shutdown_that_is_cancelled_cancels_the_handlers_at_once)
{
    struct client c;
    eddy_server *server;
    eddy_task *t;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(say(c.reader, c.writer, "hello"), 0);
    t = eddy_create_task(shut_down(server));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(0.001), 0);
    EXPECT(!eddy_task_done(t) || test_tortured());
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    EXPECT_EQ(eddy_server_connections(server), 0);
    return 0;
}

TEST_ASYNC_REAL(a_server_that_is_given_back_leaves_its_connections_alone)
{
    struct client c;
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    if (client_open(&c, server) < 0) {
        eddy_server_free(server);
        return 0;
    }
    EXPECT_EQ(say(c.reader, c.writer, "before"), 0);
    eddy_server_free(server);
    EXPECT_EQ(say(c.reader, c.writer, "after"), 0);
    eddy_writer_free(c.writer);
    return 0;
}

TEST_ASYNC_REAL(a_server_that_was_never_started_can_be_closed)
{
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server, .no_start = true));
    eddy_server_close(server);
    EXPECT_EQ(eddy_server_wait_closed(server), 0);
    EXPECT_EQ(eddy_server_start_serving(server), EDDY_ECLOSED);
    EXPECT_EQ(eddy_server_serve_forever(server), EDDY_ECLOSED);
    eddy_server_free(server);
    eddy_server_free(NULL);
    return 0;
}

TEST_ASYNC_REAL(start_serving_twice_is_harmless)
{
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server, .no_start = true));
    eddy_server_free_at_end(server);
    EXPECT_EQ(eddy_server_start_serving(server), 0);
    EXPECT_EQ(eddy_server_start_serving(server), 0);
    EXPECT_EQ(eddy_await(talk_to(eddy_server_port(server), "hello")), 0);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(serve_forever_that_is_cancelled_waits_for_the_connections, .ordered = true)
{
    struct client c;
    eddy_server *server;
    eddy_task *t;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(say(c.reader, c.writer, "hello"), 0);
    t = eddy_create_task(serve(server));
    REQUIRE(t != NULL);
    EXPECT_EQ(eddy_sleep(0), 0);
    eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_sleep(0.005), 0);
    EXPECT(!eddy_server_is_serving(server));
    EXPECT(!eddy_task_done(t) || test_tortured());
    EXPECT_EQ(say(c.reader, c.writer, "still"), 0);
    eddy_writer_close(c.writer);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    return 0;
}

static int cancel_itself(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    eddy_task_cancel(eddy_current_task(), NULL);
    return eddy_sleep(0);
}

TEST_ASYNC_REAL(a_handler_that_is_cancelled_is_closed_without_a_word)
{
    static char reported[100];
    char buf[1];
    eddy_server *server;
    struct client c;

    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, reported);
    eddy_try(eddy_start_server(cancel_itself, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(eddy_reader_read(c.reader, buf, 1), 0);
    EXPECT(reported[0] == 0 || test_tortured());
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static int read_a_byte(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    char buf[1];
    ssize_t n = eddy_reader_readexactly(reader, buf, 1);

    *(int *)arg = (int)n;
    return (int)n;
}

TEST_ASYNC_REAL(a_connection_that_is_reset_is_not_worth_a_report)
{
    static int status = 1; /* a handler may outlive a test that leaves early */
    static char reported[100];
    struct linger none = {.l_onoff = 1};
    eddy_server *server;
    struct client c;
    int fd = -1;

    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, reported);
    eddy_try(eddy_start_server(read_a_byte, &status, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    EXPECT_EQ(eddy_writer_get_extra_info(c.writer, "socket", &fd, sizeof fd), sizeof fd);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    while (!test_tortured() && eddy_server_connections(server) == 0)
        eddy_try(eddy_sleep(0.001));
    eddy_writer_free(c.writer);
    while (!test_tortured() && eddy_server_connections(server) > 0)
        eddy_try(eddy_sleep(0.001));
    eddy_server_close(server);
    EXPECT_EQ(eddy_server_wait_closed(server), 0);
    EXPECT_EQ(status, -ECONNRESET);
    EXPECT(reported[0] == 0 || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(handlers_that_run_eagerly_are_servers_like_any_other)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;
    static char reported[100];

    eddy_loop_set_exception_handler(loop, note_report, reported);
    eddy_loop_set_task_factory(loop, eddy_eager_task_factory, NULL);
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(eddy_await(talk_to(eddy_server_port(server), "hello")), 0);
    eddy_loop_set_task_factory(loop, NULL, NULL);
    EXPECT(reported[0] == 0 || test_tortured());
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static int return_at_once(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    return 0;
}

TEST_ASYNC_REAL(a_handler_that_runs_eagerly_may_end_at_once)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;
    struct client c;
    char buf[1];

    eddy_loop_set_task_factory(loop, eddy_eager_task_factory, NULL);
    eddy_try(eddy_start_server(return_at_once, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    EXPECT_EQ(eddy_reader_read(c.reader, buf, 1), 0);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

/* A loop that closes with servers and connections left. */
static struct left {
    eddy_server *server;
    struct client client;
    int handler_status;
} left;

static int wait_and_note(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    int rc = eddy_sleep(EDDY_FOREVER);

    left.handler_status = rc;
    return rc;
}

static eddy_async(leave_all_open)
{
    eddy_try(eddy_start_server(wait_and_note, NULL, "127.0.0.1", 0, &left.server));
    eddy_try(client_open(&left.client, left.server));
    return test_tortured() ? 0 : wait_for_connections(left.server, 1);
}

static void leave_loop_with_server(void)
{
    eddy_loop *loop = test_real_loop();

    memset(&left, 0, sizeof left);
    if (!loop)
        return;
    EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_all_open()), 0);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 0, NULL)), 0);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    eddy_loop_unref(loop);
}

TEST_REAL(a_server_may_be_given_back_after_its_loop_was_closed)
{
    leave_loop_with_server();
    EXPECT_EQ(left.handler_status, -ECANCELED);
    if (left.server) {
        EXPECT_EQ(eddy_server_connections(left.server), 0);
        EXPECT(!eddy_server_is_serving(left.server));
    }
    eddy_server_free(left.server);
    eddy_writer_free(left.client.writer);
}

TEST_REAL(a_connection_may_be_given_back_before_its_server_when_the_loop_is_closed)
{
    leave_loop_with_server();
    eddy_writer_free(left.client.writer);
    if (left.server) {
        eddy_server_close(left.server);
        eddy_server_close_clients(left.server);
        eddy_server_abort_clients(left.server);
    }
    eddy_server_free(left.server);
}

static eddy_async(start_only)
{
    return eddy_start_server(echo, NULL, "127.0.0.1", 0, &left.server, .no_start = true);
}

TEST_REAL(a_loop_closes_the_sockets_of_a_server_that_does_not_serve)
{
    eddy_loop *loop = test_real_loop();

    memset(&left, 0, sizeof left);
    if (!loop)
        return;
    EXPECT_EQ(eddy_loop_run_until_complete(loop, start_only()), 0);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    eddy_loop_unref(loop);
    eddy_server_free(left.server);
}

static eddy_async(start_and_turn)
{
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &left.server));
    return eddy_sleep(0.001);
}

static eddy_async(start_again, (int, port))
{
    eddy_server *again;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", port, &again));
    eddy_server_free(again);
    return 0;
}

TEST_REAL(between_runs_of_a_loop_a_server_that_is_given_back_leaves_its_port_free)
{
    eddy_loop *loop = test_real_loop(), *other = test_real_loop();
    int port;

    memset(&left, 0, sizeof left);
    if (loop && other) {
        EXPECT_EQ(eddy_loop_run_until_complete(loop, start_and_turn()), 0);
        REQUIRE(left.server != NULL);
        port = eddy_server_port(left.server);
        eddy_server_free(left.server);
        EXPECT_EQ(eddy_loop_run_until_complete(other, start_again(port)), 0);
    }
    eddy_loop_unref(loop);
    eddy_loop_unref(other);
}

/* Sends each line back, until there is no next one. */
static int answer_lines(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *line;
    ssize_t n;

    while ((n = eddy_connection_next_request(reader)) > 0) {
        n = eddy_try(eddy_reader_readline(reader, &line));
        eddy_try(eddy_writer_write(writer, line, (size_t)n));
    }
    if (arg)
        *(ssize_t *)arg = n;
    return (int)n;
}

/* A client whose first line was answered, and which keeps its connection. */
static int idle_client_open(struct client *c, eddy_server *server)
{
    eddy_try(client_open(c, server));
    return say(c->reader, c->writer, "first\n");
}

static void expect_the_end(struct client *c)
{
    char byte;

    EXPECT_EQ(eddy_reader_read(c->reader, &byte, 1), 0);
}

TEST_ASYNC_REAL(connections_between_two_requests_end_at_once_when_a_server_shuts_down)
{
    struct client c[2];
    eddy_server *server;

    eddy_try(eddy_start_server(answer_lines, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(idle_client_open(&c[0], server));
    eddy_writer_free_at_end(c[0].writer);
    eddy_try(client_open(&c[1], server)); /* it has never asked */
    eddy_writer_free_at_end(c[1].writer);
    EXPECT_EQ(wait_for_connections(server, 2), 0);
    EXPECT_EQ(eddy_server_shutdown(server, EDDY_FOREVER), 0);
    expect_the_end(&c[0]);
    expect_the_end(&c[1]);
    return 0;
}

TEST_ASYNC_REAL(connections_between_two_requests_end_when_serve_forever_is_cancelled,
                .ordered = true)
{
    struct client c;
    eddy_server *server;
    eddy_task *t;

    eddy_try(eddy_start_server(answer_lines, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(idle_client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    t = eddy_create_task(serve(server));
    eddy_try(eddy_sleep(0)); /* it serves */
    if (t)
        eddy_task_cancel(t, NULL);
    EXPECT_EQ(eddy_await(t), -ECANCELED);
    expect_the_end(&c);
    return 0;
}

TEST_ASYNC_REAL(a_request_that_has_begun_is_answered_after_the_server_is_closed, .whole = true)
{
    struct client c;
    eddy_server *server;

    eddy_try(eddy_start_server(answer_lines, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    eddy_try(eddy_writer_write(c.writer, "first\nsec", 9));
    EXPECT_EQ(eddy_reader_readexactly(c.reader, (char[6]){0}, 6), 6);
    eddy_server_close(server);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_server_connections(server), 1);
    eddy_try(eddy_writer_write(c.writer, "ond\n", 4));
    EXPECT_EQ(eddy_reader_readexactly(c.reader, (char[7]){0}, 7), 7);
    EXPECT_EQ(eddy_server_wait_closed(server), 0);
    expect_the_end(&c);
    return 0;
}

TEST_ASYNC_REAL(a_client_that_closes_has_no_next_request)
{
    struct client c;
    eddy_server *server;
    static ssize_t end = -1;

    eddy_try(eddy_start_server(answer_lines, &end, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(idle_client_open(&c, server));
    eddy_writer_free(c.writer);
    EXPECT_EQ(wait_for_connections(server, 0), 0);
    EXPECT(end == 0 || test_tortured());
    return 0;
}

TEST_ASYNC_REAL(waiting_for_a_next_request_heeds_the_limit_of_reads)
{
    struct client c;
    eddy_server *server;
    static ssize_t end = 0;

    eddy_try(eddy_start_server(answer_lines, &end, "127.0.0.1", 0, &server, .read_timeout = 0.01));
    eddy_server_free_at_end(server);
    eddy_try(client_open(&c, server));
    eddy_writer_free_at_end(c.writer);
    expect_the_end(&c);
    EXPECT(end == -ETIMEDOUT || test_tortured());
    return 0;
}

TEST_ASYNC(a_reader_without_a_server_can_wait_for_bytes_without_taking_them)
{
    eddy_reader *r;
    const char *line;

    eddy_try(eddy_reader_new(0, &r));
    EXPECT_EQ(eddy_reader_feed_data(r, "one\n", 4), 0);
    EXPECT_EQ(eddy_connection_next_request(r), 1);
    EXPECT_EQ(eddy_connection_next_request(r), 1);
    EXPECT_EQ(eddy_reader_readline(r, &line), 4);
    eddy_reader_feed_eof(r);
    EXPECT_EQ(eddy_connection_next_request(r), 0);
    eddy_reader_free(r);
    return 0;
}
