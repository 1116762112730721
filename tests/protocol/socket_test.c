/*
 * Transports on real sockets and pipes: connecting, serving, and what only a kernel does. Numbers
 * are rules of asyncio.
 */
#include "protocol/echo_protocol.h"
#include "protocol/protocols.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pty.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int start_echo(eddy_server **ret_server)
{
    echoes.made = echoes.lost = 0;
    return eddy_loop_create_server(eddy_get_running_loop(), make_echo, NULL, "127.0.0.1", 0,
                                   ret_server);
}

/* Waits until the recorder has @n bytes, or its connection is lost. */
static int received(struct recorder *r, size_t n)
{
    while (r->n_received < n && r->status == 1)
        eddy_try(eddy_sleep(0.001));
    return r->n_received >= n ? 0 : r->status < 0 ? r->status : -EPIPE;
}

static int end_line(struct recorder *r, eddy_transport *t)
{
    eddy_transport_close(t);
    return recorder_wait(r);
}

TEST_ASYNC_REAL(a_connection_and_a_server_of_protocols_talk, .whole = true) /* rules 149, 150 */
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;
    eddy_transport *t;
    static struct recorder r;

    recorder_init(&r);
    eddy_try(start_echo(&server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_loop_create_connection(loop, make_recording, &r, "127.0.0.1",
                                         eddy_server_port(server), &t));
    eddy_transport_unref_at_end(t);
    EXPECT_STR(r.log, "made ");
    EXPECT(r.transport == t);
    EXPECT_EQ(eddy_transport_write(t, "hello", 5), 0);
    if (received(&r, 5) == 0) {
        EXPECT_STR(r.received, "hello");
        EXPECT_EQ(end_line(&r, t), 0);
        EXPECT_STR(r.log, "made data lost ");
    } else {
        (void)end_line(&r, t);
    }
    eddy_server_close(server);
    eddy_try(eddy_server_wait_closed(server));
    EXPECT_EQ(echoes.made, echoes.lost);
    return 0;
}

static void nothing(void *unused)
{
}

TEST_ASYNC_REAL(what_is_known_of_the_socket_can_be_asked_for_and_it_has_no_delay)
{
    eddy_loop *loop = eddy_get_running_loop();
    struct sockaddr_storage peer;
    int fd = -1, on = 0;
    socklen_t size = sizeof on;
    eddy_server *server;
    eddy_transport *t;
    static struct recorder r;

    recorder_init(&r);
    eddy_try(start_echo(&server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_loop_create_connection(loop, make_recording, &r, "127.0.0.1",
                                         eddy_server_port(server), &t));
    eddy_transport_unref_at_end(t);
    if (eddy_transport_get_extra_info(t, "peername", &peer, sizeof peer) > 0)
        EXPECT_EQ(ntohs(((struct sockaddr_in *)&peer)->sin_port), eddy_server_port(server));
    EXPECT_EQ(eddy_transport_get_extra_info(t, "socket", &fd, sizeof fd), (ssize_t)sizeof fd);
    EXPECT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    EXPECT(on);
    EXPECT_EQ(eddy_loop_add_reader(loop, fd, nothing, NULL), -EBUSY);
    EXPECT_EQ(eddy_transport_get_extra_info(t, "colour", &fd, sizeof fd), -ENOENT);
    return end_line(&r, t);
}

static int refuse(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    ++*(int *)arg;
    return eddy_raise(-EACCES, "no protocol for you");
}

static void note_report(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    snprintf(arg, 100, "%s", context->exception ? eddy_exception_message(context->exception) : "");
}

TEST_ASYNC_REAL(a_factory_that_fails_ends_its_own_connection_only)
{
    eddy_loop *loop = eddy_get_running_loop();
    static char reported[100];
    eddy_server *server;
    eddy_transport *t;
    static struct recorder r;
    int calls = 0;

    recorder_init(&r);
    eddy_loop_set_exception_handler(loop, note_report, reported);
    eddy_try(eddy_loop_create_server(loop, refuse, &calls, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_loop_create_connection(loop, make_recording, &r, "127.0.0.1",
                                         eddy_server_port(server), &t));
    EXPECT(recorder_wait(&r) <= 0);
    eddy_transport_unref(t);
    EXPECT(calls == 1 || test_tortured());
    EXPECT_IN("no protocol for you", reported);
    EXPECT_EQ(eddy_loop_create_connection(loop, refuse, &calls, "127.0.0.1",
                                          eddy_server_port(server), &t),
              -EACCES);
    EXPECT_EQ(eddy_server_connections(server), 1);
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

TEST_ASYNC_REAL(a_refused_connection_is_an_error_and_makes_no_protocol)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_transport *t = NULL;
    static struct recorder r;
    int fds[2], rc;

    recorder_init(&r);
    EXPECT_EQ(eddy_loop_create_unix_connection(loop, make_recording, &r, "@eddy-no-listener", &t),
              -ECONNREFUSED);
    EXPECT_EQ(eddy_loop_create_connection(loop, NULL, &r, "127.0.0.1", 1, &t), -EINVAL);
    EXPECT(t == NULL);
    EXPECT_STR(r.log, "");
    rc = pipe(fds);
    EXPECT_EQ(rc, 0);
    if (rc < 0)
        return 0;
    EXPECT(eddy_loop_connect_accepted_socket(loop, make_recording, &r, 0, &t) < 0);
    close(fds[0]);
    close(fds[1]);
    return 0;
}

TEST_ASYNC_REAL(close_clients_closes_protocols_and_wait_closed_waits_for_them) /* rule 168 */
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;
    eddy_transport *t;
    static struct recorder r;

    recorder_init(&r);
    eddy_try(start_echo(&server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_loop_create_connection(loop, make_recording, &r, "127.0.0.1",
                                         eddy_server_port(server), &t));
    eddy_transport_unref_at_end(t);
    EXPECT_EQ(eddy_transport_write(t, "x", 1), 0);
    (void)received(&r, 1);
    eddy_server_close(server);
    EXPECT(eddy_server_connections(server) == 1 || test_tortured());
    eddy_server_close_clients(server);
    EXPECT_EQ(eddy_server_wait_closed(server), 0);
    EXPECT_EQ(echoes.made, echoes.lost);
    EXPECT(recorder_wait(&r) <= 0);
    return 0;
}

static eddy_contextvar label = EDDY_CONTEXTVAR("label", "default");

static struct {
    const char *seen[2];
    int n;
} asked;

static void ask_label(void *arg, eddy_transport *transport)
{
    if (asked.n < 2)
        asked.seen[asked.n++] = eddy_contextvar_get(&label);
    (void)eddy_contextvar_set(&label, "another connection", NULL);
    eddy_transport_close(transport);
}

static int make_asking(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol asking = {.connection_made = ask_label};

    *ret_protocol = &asking;
    return 0;
}

TEST_ASYNC_REAL(each_connection_of_a_server_has_a_copy_of_its_context) /* rule 174 */
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;
    static struct recorder r;

    asked.n = 0;
    eddy_try(eddy_contextvar_set(&label, "the server", NULL));
    eddy_try(eddy_loop_create_server(loop, make_asking, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_contextvar_set(&label, "another value", NULL));
    for (int i = 0; i < 2; i++) {
        recorder_init(&r);
        eddy_try(eddy_loop_create_connection(loop, make_recording, &r, "127.0.0.1",
                                             eddy_server_port(server), NULL));
        EXPECT(recorder_wait(&r) <= 0);
    }
    EXPECT_EQ(asked.n, 2);
    for (int i = 0; i < asked.n; i++)
        EXPECT_STR(asked.seen[i], "the server");
    return 0;
}

/* Pipes. */

static struct recorder *open_end(int fd, bool read_end, struct recorder *r, eddy_transport **ret)
{
    eddy_loop *loop = eddy_get_running_loop();
    int rc;

    recorder_init(r);
    rc = read_end ? eddy_loop_connect_read_pipe(loop, make_recording, r, fd, ret)
                  : eddy_loop_connect_write_pipe(loop, make_recording, r, fd, ret);
    EXPECT_EQ(rc, 0);
    if (rc == 0)
        return r;
    close(fd);
    if (r->log[0])
        (void)recorder_wait(r);
    return NULL;
}

TEST_ASYNC_REAL(the_two_ends_of_a_pipe_are_transports, .whole = true) /* rule 161 */
{
    static struct recorder in, out;
    eddy_transport *reader, *writer;
    int fds[2];

    REQUIRE(pipe(fds) == 0);
    if (!open_end(fds[0], true, &in, &reader)) {
        close(fds[1]);
        return 0;
    }
    eddy_transport_unref_at_end(reader);
    if (open_end(fds[1], false, &out, &writer)) {
        EXPECT_EQ(eddy_transport_write(reader, "x", 1), EDDY_EMISUSE);
        EXPECT(!eddy_transport_can_write_eof(reader));
        EXPECT(eddy_transport_can_write_eof(writer));
        EXPECT_EQ(eddy_transport_write(writer, "through", 7), 0);
        (void)received(&in, 7);
        EXPECT_STR(in.received, "through");
        EXPECT_EQ(eddy_transport_write_eof(writer), 0);
        EXPECT(recorder_wait(&out) <= 0);
        eddy_transport_unref(writer);
    }
    EXPECT_EQ(recorder_wait(&in), 0);
    EXPECT_STR(in.log, "made data eof lost ");
    return 0;
}

TEST_ASYNC_REAL(a_write_end_notices_that_the_read_end_is_gone) /* rule 161 */
{
    static struct recorder out;
    eddy_transport *writer;
    int fds[2];

    REQUIRE(pipe(fds) == 0);
    if (open_end(fds[1], false, &out, &writer)) {
        eddy_transport_pause_reading(writer);
        close(fds[0]);
        EXPECT_EQ(recorder_wait(&out), 0);
        EXPECT_STR(out.log, "made lost ");
        eddy_transport_unref(writer);
    } else {
        close(fds[0]);
    }
    return 0;
}

TEST_ASYNC_REAL(a_write_end_with_something_kept_is_lost_with_a_broken_pipe) /* rule 161 */
{
    static char data[300000];
    static struct recorder out;
    eddy_transport *writer;
    int fds[2];

    REQUIRE(pipe(fds) == 0);
    if (open_end(fds[1], false, &out, &writer)) {
        EXPECT_EQ(eddy_transport_write(writer, data, sizeof data), 0);
        EXPECT_IN("pause", out.log);
        close(fds[0]);
        EXPECT_EQ(recorder_wait(&out), -EPIPE);
        eddy_transport_unref(writer);
    } else {
        close(fds[0]);
    }
    return 0;
}

TEST_ASYNC_REAL(typing_at_a_terminal_does_not_end_its_write_end) /* rule 161 */
{
    static struct recorder out;
    eddy_transport *writer;
    int master, slave;

    REQUIRE(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    if (open_end(slave, false, &out, &writer)) {
        EXPECT_EQ(write(master, "typed\n", 6), 6);
        for (int i = 0; i < 5; i++)
            EXPECT_EQ(eddy_sleep(0.001), 0);
        EXPECT(!eddy_transport_is_closing(writer));
        eddy_transport_close(writer);
        EXPECT_EQ(recorder_wait(&out), 0);
        EXPECT_STR(out.log, "made lost ");
        eddy_transport_unref(writer);
    }
    close(master);
    return 0;
}

TEST_ASYNC_REAL(a_file_is_no_pipe) /* rule 161 */
{
    eddy_transport *t;
    static struct recorder r;
    FILE *f = tmpfile();

    REQUIRE(f != NULL);
    recorder_init(&r);
    EXPECT_EQ(
        eddy_loop_connect_read_pipe(eddy_get_running_loop(), make_recording, &r, fileno(f), &t),
        -EINVAL);
    EXPECT_STR(r.log, "");
    fclose(f);
    return 0;
}

/* rule 149 */
TEST_ASYNC_REAL(the_connection_is_made_before_data_that_were_there_already, .ordered = true)
{
    static struct recorder r;
    eddy_transport *t;
    int fds[2], rc;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    REQUIRE(write(fds[1], "early", 5) == 5);
    recorder_init(&r);
    rc = eddy_loop_connect_accepted_socket(eddy_get_running_loop(), make_recording, &r, fds[0], &t);
    EXPECT_EQ(rc, 0);
    if (rc == 0) {
        EXPECT_STR(r.log, "made ");
        (void)received(&r, 5);
        EXPECT_STR(r.received, "early");
        EXPECT_EQ(end_line(&r, t), 0);
        eddy_transport_unref(t);
    } else {
        close(fds[0]);
    }
    close(fds[1]);
    return 0;
}

TEST_ASYNC_REAL(an_accepted_socket_becomes_a_transport_and_much_arrives_whole)
{
    static char data[1000000];
    eddy_loop *loop = eddy_get_running_loop();
    static struct recorder r;
    eddy_transport *t;
    eddy_reader *reader;
    eddy_writer *writer;
    int fds[2], rc;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    recorder_init(&r);
    rc = eddy_loop_connect_accepted_socket(loop, make_recording, &r, fds[0], &t);
    EXPECT_EQ(rc, 0);
    if (rc < 0) {
        close(fds[0]);
        close(fds[1]);
        return 0;
    }
    eddy_transport_unref_at_end(t);
    rc = eddy_open_connection(NULL, 0, &reader, &writer, .sock = fds[1]);
    EXPECT_EQ(rc, 0);
    if (rc < 0)
        close(fds[1]);
    if (rc == 0) {
        eddy_writer_free_at_end(writer);
        EXPECT_EQ(eddy_writer_write(writer, data, sizeof data), 0);
        EXPECT_EQ(received(&r, sizeof data), 0);
        EXPECT_EQ(eddy_transport_write(t, data, sizeof data), 0);
        eddy_transport_close(t);
        for (size_t left = sizeof data; left > 0;) {
            const char *some;
            ssize_t n = eddy_reader_read_some(reader, 65536, &some);

            EXPECT(n > 0);
            if (n <= 0)
                break;
            left -= (size_t)n;
        }
    }
    eddy_transport_close(t);
    return recorder_wait(&r) < 0 ? r.status : 0;
}

/* A reset by the peer. */
TEST_ASYNC_REAL(a_reset_is_what_the_connection_is_lost_with) /* rule 150 */
{
    eddy_loop *loop = eddy_get_running_loop();
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
    static struct recorder r;
    eddy_transport *t;

    recorder_init(&r);
    REQUIRE(bind(listener, (struct sockaddr *)&addr, size) == 0 && listen(listener, 1) == 0);
    REQUIRE(getsockname(listener, (struct sockaddr *)&addr, &size) == 0);
    if (eddy_loop_create_connection(loop, make_recording, &r, "127.0.0.1", ntohs(addr.sin_port),
                                    &t) == 0) {
        eddy_transport_unref_at_end(t);
        fd = accept(listener, NULL, NULL);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1},
                   sizeof(struct linger));
        close(fd);
        EXPECT_EQ(recorder_wait(&r), -ECONNRESET);
        EXPECT_STR(r.log, "made lost ");
    } else if (r.log[0]) {
        (void)recorder_wait(&r);
    }
    close(listener);
    return 0;
}

/* The task that waits is cancelled. */

static eddy_async(connect_to, (int, port), (struct recorder *, r))
{
    eddy_transport *t;

    eddy_try(eddy_loop_create_connection(eddy_get_running_loop(), make_recording, r, "127.0.0.1",
                                         port, &t));
    eddy_transport_unref(t);
    return 0;
}

TEST_ASYNC_REAL(create_connection_that_is_cancelled_leaves_nothing_open)
{
    eddy_server *server;
    static struct recorder r;

    eddy_try(start_echo(&server));
    eddy_server_free_at_end(server);
    for (int turns = 0; turns < 12; turns++) {
        eddy_task *t;
        int rc;

        recorder_init(&r);
        t = eddy_create_task(connect_to(eddy_server_port(server), &r));
        for (int i = 0; i < turns; i++)
            EXPECT_EQ(eddy_sleep(0), 0);
        if (t)
            eddy_task_cancel(t, NULL);
        rc = eddy_await(t);
        EXPECT(rc == -ECANCELED || rc == 0 || test_tortured());
        if (r.transport)
            eddy_transport_abort(r.transport);
        if (r.log[0])
            EXPECT(recorder_wait(&r) <= 0);
    }
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

/* Files. */

static void write_meanwhile(void *transport)
{
    EXPECT_EQ(eddy_transport_write(transport, "x", 1), EDDY_EMISUSE);
    EXPECT_EQ(eddy_transport_write_eof(transport), EDDY_EMISUSE);
}

static eddy_async(read_all, (eddy_reader *, reader))
{
    const char *all;

    return (int)eddy_reader_read_all(reader, SIZE_MAX, &all);
}

TEST_ASYNC_REAL(a_file_is_sent_whole_and_no_other_call_writes_meanwhile) /* rule 156 */
{
    enum { SIZE = 300000 };
    static char data[SIZE];
    eddy_loop *loop = eddy_get_running_loop();
    FILE *f = tmpfile();
    eddy_carrier *one, *other;
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_transport *t;
    eddy_task *task;
    static struct recorder r;
    int64_t sent = 0;
    int rc;

    recorder_init(&r);
    REQUIRE(f != NULL && fwrite(data, 1, SIZE, f) == SIZE && fflush(f) == 0);
    REQUIRE(eddy_memory_carriers_new(loop, 0, &one, &other) == 0);
    REQUIRE(eddy_transport_open(one, &recording, &r, &t) == 0);
    REQUIRE(eddy_stream_open(other, 0, &reader, &writer) == 0);
    task = eddy_create_task(read_all(reader));
    EXPECT_EQ(eddy_loop_sendfile(loop, t, fileno(f), -1, 10, NULL), -EINVAL);
    EXPECT_EQ(eddy_loop_sendfile(loop, t, fileno(f), 0, 0, &sent), 0);
    EXPECT_EQ(sent, 0);
    EXPECT_EQ(eddy_transport_write(t, "head", 4), 0);
    eddy_loop_call_soon(loop, write_meanwhile, t);
    rc = eddy_loop_sendfile(loop, t, fileno(f), 100000, -1, &sent);
    EXPECT_EQ(rc, 0);
    EXPECT(sent == SIZE - 100000 || rc < 0);
    eddy_transport_close(t);
    if (task)
        EXPECT(eddy_await(task) == 4 + sent || test_tortured());
    EXPECT(eddy_loop_sendfile(loop, t, fileno(f), 0, 10, NULL) < 0);
    eddy_writer_free(writer);
    EXPECT(recorder_wait(&r) <= 0);
    eddy_transport_unref(t);
    fclose(f);
    return 0;
}

/* Says hello when it is connected, closes when it has an answer, and ends the run when it is
 * lost. */
struct caller {
    eddy_loop *loop;
    eddy_transport *transport;
    char answer[8];
    bool lost;
};

static void caller_made(void *arg, eddy_transport *transport)
{
    ((struct caller *)arg)->transport = transport;
    eddy_transport_write(transport, "hello", 5);
}

static void caller_data(void *arg, const void *data, size_t size)
{
    struct caller *c = arg;

    if (size < sizeof c->answer)
        memcpy(c->answer, data, size);
    eddy_transport_close(c->transport);
}

static void caller_lost(void *arg, const eddy_exception *e)
{
    struct caller *c = arg;

    c->lost = true;
    eddy_loop_stop(c->loop);
}

static int make_caller(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol calling = {.connection_made = caller_made,
                                          .data_received = caller_data,
                                          .connection_lost = caller_lost};

    *ret_protocol = &calling;
    *ret_arg = arg;
    return 0;
}

static int connect_plainly(const char *name)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t n = strlen(name);

    memcpy(addr.sun_path + 1, name + 1, n - 1);
    REQUIRE(fd >= 0);
    REQUIRE(connect(fd, (struct sockaddr *)&addr,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0);
    return fd;
}

TEST_REAL(a_server_on_a_path_and_a_connection_on_a_socket_need_no_task, .whole = true)
{
    eddy_loop *loop = test_real_loop();
    struct caller c = {.loop = loop};
    eddy_server *server;
    char name[32];
    int fd;

    if (!loop)
        return;
    echoes.made = echoes.lost = 0;
    snprintf(name, sizeof name, "@eddy-no-task-%d", (int)getpid());
    if (EXPECT_EQ(eddy_loop_create_unix_server(loop, make_echo, NULL, name, &server), 0)) {
        fd = connect_plainly(name);
        if (EXPECT_EQ(eddy_loop_create_connection(loop, make_caller, &c, NULL, 0, NULL, .sock = fd),
                      0)) {
            EXPECT(c.transport == NULL);
            EXPECT_EQ(eddy_loop_run_forever(loop), 0);
            EXPECT(c.lost);
            EXPECT_STR(c.answer, "hello");
        } else {
            close(fd);
        }
        eddy_server_free(server);
    }
    EXPECT_EQ(eddy_loop_close(loop), 0);
    EXPECT_EQ(echoes.made, echoes.lost);
    eddy_loop_unref(loop);
}

TEST_REAL(a_connection_that_has_to_wait_for_its_address_needs_a_task)
{
    eddy_loop *loop = test_real_loop();
    struct caller c = {.loop = loop};

    if (!loop)
        return;
    EXPECT_EQ(eddy_loop_create_connection(loop, make_caller, &c, "127.0.0.1", 1, NULL),
              EDDY_ENOTASK);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    eddy_loop_unref(loop);
}
