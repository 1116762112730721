/*
 * Protocols over TLS, on real sockets.
 */
#include "protocol/echo_protocol.h"
#include "protocol/protocols.h"
#include "tls/tls.h"

#include <stdlib.h>

static struct parties all;

static void ignore_report(eddy_loop *loop, const eddy_exception_context *context, void *unused)
{
}

/* A server of echoes that speaks TLS, or will when it is told. */
static int start(eddy_server **ret_server, bool tls)
{
    echoes.made = echoes.lost = 0;
    eddy_loop_set_exception_handler(eddy_get_running_loop(), ignore_report, NULL);
    return eddy_loop_create_server(eddy_get_running_loop(), make_echo, NULL, "127.0.0.1", 0,
                                   ret_server, .tls = tls ? all.server_context : NULL);
}

static int end(eddy_server *server)
{
    int rc;

    eddy_server_close(server);
    rc = eddy_server_wait_closed(server);
    eddy_server_free(server);
    EXPECT_EQ(echoes.made, echoes.lost);
    return rc;
}

static int talk(eddy_transport *t, struct recorder *r)
{
    eddy_try(eddy_transport_write(t, "secret", 6));
    while (r->n_received < 6 && r->status == 1)
        eddy_try(eddy_sleep(0.001));
    EXPECT_STR(r->received, "secret");
    eddy_transport_close(t);
    return recorder_wait(r);
}

TEST_ASYNC_REAL(protocols_talk_over_tls_and_are_made_after_the_handshake) /* rule 175 */
{
    eddy_server *server;
    eddy_transport *t;
    static struct recorder r;
    int rc;

    parties_make(&all);
    recorder_init(&r);
    rc = start(&server, true);
    if (EXPECT_EQ(rc, 0)) {
        rc = eddy_loop_create_connection(eddy_get_running_loop(), make_recording, &r, "127.0.0.1",
                                         eddy_server_port(server), &t, .tls = all.client_context);
        if (EXPECT_EQ(rc, 0)) {
            char version[16] = "";

            eddy_transport_get_extra_info(t, "version", version, sizeof version);
            EXPECT_STR(version, "TLSv1.3");
            EXPECT(!eddy_transport_can_write_eof(t));
            EXPECT_EQ(eddy_transport_write_eof(t), EDDY_EMISUSE);
            EXPECT_EQ(talk(t, &r), 0);
            eddy_transport_abort(t);
            if (r.status == 1)
                EXPECT(recorder_wait(&r) <= 0);
            eddy_transport_unref(t);
        }
        EXPECT_EQ(end(server), 0);
    }
    parties_free(&all);
    return 0;
}

TEST_ASYNC_REAL(a_handshake_that_fails_makes_no_protocol)
{
    eddy_server *server;
    static struct recorder r;
    int rc;

    parties_make(&all);
    recorder_init(&r);
    rc = start(&server, true);
    if (EXPECT_EQ(rc, 0)) {
        rc = eddy_loop_create_connection(eddy_get_running_loop(), make_recording, &r, "127.0.0.1",
                                         eddy_server_port(server), NULL, .tls = all.client_context,
                                         .server_hostname = "another.host");
        EXPECT(rc < 0);
        EXPECT_STR(r.log, "");
        EXPECT_EQ(end(server), 0);
    }
    parties_free(&all);
    return 0;
}

TEST_ASYNC_REAL(a_connection_that_is_there_begins_to_speak_tls)
{
    eddy_loop *loop = eddy_get_running_loop();
    static struct recorder one;
    eddy_transport *t;
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_carrier *carriers[2];
    eddy_task *server;
    char buf[8] = "";
    int rc;

    parties_make(&all);
    recorder_init(&one);
    REQUIRE(eddy_memory_carriers_new(loop, 0, &carriers[0], &carriers[1]) == 0);
    REQUIRE(eddy_transport_open(carriers[0], &recording, &one, &t) == 0);
    REQUIRE(eddy_stream_open(carriers[1], 0, &reader, &writer) == 0);
    EXPECT_EQ(eddy_transport_write(t, "plain", 5), 0);
    EXPECT_EQ(eddy_reader_readexactly(reader, buf, 5), 5);

    server = eddy_create_task(serve_tls(writer, all.server_context));
    rc = server ? eddy_loop_start_tls(loop, t, all.client_context, .server_hostname = "server.test")
                : -ENOMEM;
    if (!EXPECT_EQ(rc, 0))
        eddy_transport_abort(t);
    if (server)
        EXPECT(eddy_await(server) == 0 || rc < 0);
    if (rc == 0) {
        EXPECT_EQ(eddy_loop_start_tls(loop, t, all.client_context), EDDY_EMISUSE);
        EXPECT_EQ(eddy_transport_write(t, "secret", 6), 0);
        EXPECT_EQ(eddy_reader_readexactly(reader, buf, 6), 6);
        EXPECT_EQ(eddy_writer_write(writer, "answer", 6), 0);
        while (one.n_received < 6 && one.status == 1)
            eddy_try(eddy_sleep(0.001));
        EXPECT_STR(one.received, "answer");
        EXPECT_STR(one.log, "made data ");
    }
    eddy_writer_free(writer);
    eddy_transport_abort(t);
    if (one.status == 1)
        EXPECT(recorder_wait(&one) <= 0);
    eddy_transport_unref(t);
    parties_free(&all);
    return 0;
}

static void note_status(void *arg, int status)
{
    *(int *)arg = status;
}

TEST_ASYNC(a_transport_begins_tls_without_a_task_and_tells_when_it_is_there)
{
    static struct recorder one;
    eddy_start_tls_options options = {.server_hostname = "server.test"};
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_carrier *carriers[2];
    eddy_transport *t;
    eddy_task *server;
    char buf[8] = "";
    int status = 1;

    parties_make(&all);
    recorder_init(&one);
    options.context = all.client_context;
    REQUIRE(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &carriers[0], &carriers[1]) == 0);
    REQUIRE(eddy_transport_open(carriers[0], &recording, &one, &t) == 0);
    REQUIRE(eddy_stream_open(carriers[1], 0, &reader, &writer) == 0);

    if (EXPECT_EQ(eddy_transport_start_tls(t, &options, note_status, &status), 0)) {
        EXPECT_EQ(eddy_transport_write(t, "early", 5), EDDY_EMISUSE);
        server = eddy_create_task(serve_tls(writer, all.server_context));
        EXPECT_EQ(eddy_await(server), 0);
        while (status == 1 && one.status == 1)
            eddy_try(eddy_sleep(0.001));
        EXPECT_EQ(status, 0);
        EXPECT_EQ(eddy_transport_write(t, "secret", 6), 0);
        EXPECT_EQ(eddy_reader_readexactly(reader, buf, 6), 6);
    }
    eddy_writer_free(writer);
    eddy_transport_abort(t);
    if (one.status == 1)
        EXPECT(recorder_wait(&one) <= 0);
    eddy_transport_unref(t);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_transport_that_is_aborted_while_tls_begins_tells_so_before_it_is_lost)
{
    static struct recorder one;
    eddy_start_tls_options options = {.server_hostname = "server.test"};
    eddy_carrier *carriers[2];
    eddy_transport *t;
    int status = 1;

    parties_make(&all);
    recorder_init(&one);
    options.context = all.client_context;
    REQUIRE(eddy_memory_carriers_new(eddy_get_running_loop(), 0, &carriers[0], &carriers[1]) == 0);
    REQUIRE(eddy_transport_open(carriers[0], &recording, &one, &t) == 0);

    if (EXPECT_EQ(eddy_transport_start_tls(t, &options, note_status, &status), 0)) {
        EXPECT_EQ(eddy_sleep(1), 0);
        EXPECT_EQ(status, 1);
        eddy_transport_abort(t);
        EXPECT_EQ(status, -ECONNABORTED);
        EXPECT_EQ(one.status, 1);
    }
    eddy_transport_abort(t);
    EXPECT(recorder_wait(&one) <= 0);
    eddy_transport_unref(t);
    carriers[1]->ops->free(carriers[1]);
    parties_free(&all);
    return 0;
}
