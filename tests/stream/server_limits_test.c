/*
 * Clients that hold a server: each option that keeps them from it, over sockets.
 */
#include "stream/server.h"
#include "stream/servers.h"
#include "stream/stream.h"

#include <eddy/transport.h>
#include <stdio.h>

static char much[1 << 20];

static char reported[100];

static void watch_reports(void)
{
    reported[0] = '\0';
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, reported);
}

/* A server with one client. */
struct visit {
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
};

static int visit_begin(struct visit *v, eddy_server_options options)
{
    options.host = "127.0.0.1";
    options.ret_server = &v->server;
    eddy_try(options.factory ? eddy_loop_create_server_with(eddy_get_running_loop(), &options)
                             : eddy_start_server_with(&options));
    return eddy_open_connection("127.0.0.1", eddy_server_port(v->server), &v->reader, &v->writer);
}

static void visit_end(struct visit *v)
{
    eddy_writer_free(v->writer);
    eddy_server_free(v->server);
}

/* Begins one that ends with the block. */
#define VISIT(v, ...)                                                                              \
    EDDY_CLEANUP(visit_end) struct visit v = {0};                                                  \
    eddy_try(visit_begin(&v, (eddy_server_options){__VA_ARGS__}))

/* Notes how the handler ends. */
struct outcome {
    int (*handle)(eddy_reader *reader, eddy_writer *writer);
    int rc;
};

static int note(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    struct outcome *o = arg;

    o->rc = o->handle(reader, writer);
    return o->rc;
}

static int read_a_line(eddy_reader *reader, eddy_writer *writer)
{
    const char *line;

    return (int)eddy_reader_readline(reader, &line);
}

static int write_for_ever(eddy_reader *reader, eddy_writer *writer)
{
    for (;;)
        eddy_try(eddy_writer_write(writer, much, sizeof much));
}

TEST_ASYNC_REAL(a_client_that_is_silent_for_too_long_is_let_go_and_not_reported)
{
    static struct outcome o = {read_a_line, 0};
    const char *line;

    watch_reports();
    VISIT(v, .handle = note, .arg = &o, .read_timeout = 0.01);
    EXPECT_EQ(eddy_writer_write(v.writer, "half", 4), 0);
    EXPECT(eddy_reader_readline(v.reader, &line) <= 0);
    EXPECT_EQ(wait_for_connections(v.server, 0), 0);
    EXPECT_EQ(o.rc, -ETIMEDOUT);
    EXPECT_STR(reported, "");
    return 0;
}

TEST_ASYNC_REAL(a_client_that_takes_nothing_is_reset_and_not_reported)
{
    static struct outcome o = {write_for_ever, 0};

    watch_reports();
    VISIT(v, .handle = note, .arg = &o, .write_timeout = 0.01);
    EXPECT_EQ(wait_for_connections(v.server, 1), 0);
    EXPECT_EQ(wait_for_connections(v.server, 0), 0);
    EXPECT_EQ(o.rc, -ETIMEDOUT);
    EXPECT_STR(reported, "");
    return 0;
}

/* A file goes another way than what is written. */
static int send_a_file(eddy_reader *reader, eddy_writer *writer)
{
    FILE *file = tmpfile();
    int rc = 0;

    REQUIRE(file && fwrite(much, sizeof much, 1, file) == 1 && fflush(file) == 0);
    while (rc == 0)
        rc = eddy_writer_sendfile(writer, fileno(file), 0, -1, NULL);
    fclose(file);
    return rc;
}

TEST_ASYNC_REAL(a_client_that_takes_nothing_of_a_file_is_reset)
{
    static struct outcome o = {send_a_file, 0};

    watch_reports();
    VISIT(v, .handle = note, .arg = &o, .write_timeout = 0.01);
    EXPECT_EQ(wait_for_connections(v.server, 1), 0);
    EXPECT_EQ(wait_for_connections(v.server, 0), 0);
    EXPECT_EQ(o.rc, -ETIMEDOUT);
    return 0;
}

/* The limits that streams of a server have by themselves. */
static int look(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const struct eddyi_channel *t = &eddyi_stream_of_writer(writer)->channel;
    int64_t *found = arg;

    found[0] = eddyi_stream_of_writer(writer)->reader.time_limit;
    found[1] = t->write_limit;
    found[2] = t->drain_limit;
    return 0;
}

static int look_at(int64_t *found, double write_timeout)
{
    const char *line;

    VISIT(v, .handle = look, .arg = found, .write_timeout = write_timeout);
    return (int)eddy_reader_readline(v.reader, &line);
}

TEST_ASYNC_REAL(without_options_only_a_task_that_waits_for_the_client_has_a_limit)
{
    int64_t found[3];

    EXPECT_EQ(look_at(found, 0), 0);
    EXPECT_EQ(found[0], 0);
    EXPECT_EQ(found[1], 0);
    EXPECT_EQ(found[2], 60 * INT64_C(1000000000));
    EXPECT_EQ(look_at(found, EDDY_FOREVER), 0);
    EXPECT_EQ(found[1], 0);
    EXPECT_EQ(found[2], 0);
    return 0;
}

/* Protocols. */

struct quiet {
    eddy_transport *transport;
    bool pauses, lost;
    int error;
};

static void quiet_made(void *arg, eddy_transport *t)
{
    struct quiet *q = arg;

    q->transport = t;
    if (q->pauses)
        (void)eddy_transport_write(t, much, sizeof much);
}

static void quiet_lost(void *arg, const eddy_exception *e)
{
    struct quiet *q = arg;

    q->lost = true;
    q->error = e ? eddy_exception_code(e) : 0;
}

static const eddy_protocol quiet_protocol = {.connection_made = quiet_made,
                                             .connection_lost = quiet_lost};

static int make_quiet(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    *ret_protocol = &quiet_protocol;
    *ret_arg = arg;
    return 0;
}

TEST_ASYNC_REAL(a_protocol_is_told_of_a_client_that_sends_nothing)
{
    static struct quiet q = {0};

    VISIT(v, .factory = make_quiet, .arg = &q, .read_timeout = 0.01);
    while (!q.lost)
        eddy_try(eddy_sleep(0.001));
    EXPECT_EQ(q.error, -ETIMEDOUT);
    return 0;
}

TEST_ASYNC_REAL(a_protocol_is_told_of_a_client_that_takes_nothing)
{
    static struct quiet q = {.pauses = true};

    VISIT(v, .factory = make_quiet, .arg = &q, .write_timeout = 0.01);
    while (!q.lost) {
        if (q.transport && eddy_transport_get_write_buffer_size(q.transport) == 0)
            (void)eddy_transport_write(q.transport, much, sizeof much);
        eddy_try(eddy_sleep(0.001));
    }
    EXPECT_EQ(q.error, -ETIMEDOUT);
    return 0;
}

/* The end of a server whose clients go on asking. */

static eddy_async(ask, (struct visit *, v), (int *, ret_answers))
{
    const char *line;
    ssize_t n = 1;

    for (*ret_answers = 0; n > 0; ++*ret_answers) {
        eddy_try(eddy_writer_write(v->writer, "again\n", 6));
        n = eddy_reader_readline(v->reader, &line);
    }
    return (int)n;
}

static eddy_async(serve, (eddy_server *, server))
{
    return eddy_server_serve_forever(server);
}

TEST_ASYNC_REAL(a_client_that_goes_on_asking_keeps_no_server_that_gives_grace)
{
    eddy_task *serving, *asking;
    int answers = 0, rc = 0;

    VISIT(v, .handle = echo, .grace = 0.01);
    serving = eddy_create_task(serve(v.server));
    asking = eddy_create_task(ask(&v, &answers));
    while (rc == 0 && answers < 3)
        rc = eddy_sleep(0.001);
    EXPECT(serving && eddy_task_cancel(serving, NULL));
    EXPECT_EQ(eddy_await(serving), -ECANCELED);
    EXPECT_EQ(eddy_server_connections(v.server), 0);
    if (rc < 0 && asking) /* it uses the visit, and so ends before it */
        eddy_task_cancel(asking, NULL);
    EXPECT(eddy_await(asking) <= 0);
    return rc;
}
