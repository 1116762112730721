/*
 * Servers with a handler that speak TLS: the handshake needs no task, the handler runs in one.
 */
#include "stream/servers.h"
#include "tls/tls.h"

struct served {
    struct parties parties;
    eddy_server *server;
    char report[100];
};

static bool set_up(struct served *s, double handshake_timeout)
{
    parties_make(&s->parties);
    s->report[0] = '\0';
    s->server = NULL;
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_report, s->report);
    return EXPECT_EQ(eddy_start_server(echo, NULL, "127.0.0.1", 0, &s->server,
                                       .tls = s->parties.server_context,
                                       .tls_handshake_timeout = handshake_timeout),
                     0);
}

static void tear_down(struct served *s)
{
    eddy_server_free(s->server);
    parties_free(&s->parties);
}

static size_t number_of_tasks(void)
{
    return eddy_all_tasks(NULL, NULL, 0);
}

TEST_ASYNC_REAL(a_handler_has_a_task_from_the_end_of_the_handshake_on)
{
    static struct served s;
    eddy_reader *reader;
    eddy_writer *silent, *writer;

    if (set_up(&s, 0)) {
        int port = eddy_server_port(s.server);

        if (EXPECT_EQ(eddy_open_connection("127.0.0.1", port, &reader, &silent), 0)) {
            EXPECT_EQ(wait_for_connections(s.server, 1), 0);
            EXPECT_EQ(number_of_tasks(), 1);
            eddy_writer_free(silent);
        }
        if (EXPECT_EQ(eddy_open_connection("127.0.0.1", port, &reader, &writer,
                                           .tls = s.parties.client_context),
                      0)) {
            EXPECT_EQ(say(reader, writer, "hello"), 0);
            EXPECT_EQ(number_of_tasks(), 2);
            eddy_writer_free(writer);
        }
        EXPECT_EQ(eddy_server_shutdown(s.server, 10), 0);
        EXPECT_STR(s.report, "");
    }
    tear_down(&s);
    return 0;
}

TEST_ASYNC_REAL(a_client_that_is_silent_in_the_handshake_is_cut_off_and_not_reported)
{
    static struct served s;
    eddy_reader *reader;
    eddy_writer *silent;
    char byte;

    if (set_up(&s, 0.05)) {
        if (EXPECT_EQ(
                eddy_open_connection("127.0.0.1", eddy_server_port(s.server), &reader, &silent),
                0)) {
            EXPECT_EQ(wait_for_connections(s.server, 1), 0);
            EXPECT(eddy_reader_read(reader, &byte, 1) <= 0);
            EXPECT_EQ(wait_for_connections(s.server, 0), 0);
            eddy_writer_free(silent);
        }
        EXPECT_STR(s.report, "");
    }
    tear_down(&s);
    return 0;
}

TEST_ASYNC_REAL(a_shutdown_cuts_off_handshakes)
{
    static struct served s;
    eddy_reader *reader;
    eddy_writer *silent;

    if (set_up(&s, 0)) {
        if (EXPECT_EQ(
                eddy_open_connection("127.0.0.1", eddy_server_port(s.server), &reader, &silent),
                0)) {
            EXPECT_EQ(wait_for_connections(s.server, 1), 0);
            EXPECT_EQ(eddy_server_shutdown(s.server, 0), -ETIMEDOUT);
            EXPECT_EQ(eddy_server_connections(s.server), 0);
            eddy_writer_free(silent);
        }
        EXPECT_STR(s.report, "");
    }
    tear_down(&s);
    return 0;
}

static struct served left;
static eddy_writer *left_writer;

static eddy_async(leave_a_handshake)
{
    eddy_reader *reader;

    if (set_up(&left, 0))
        if (EXPECT_EQ(eddy_open_connection("127.0.0.1", eddy_server_port(left.server), &reader,
                                           &left_writer),
                      0))
            EXPECT_EQ(wait_for_connections(left.server, 1), 0);
    return 0;
}

TEST_REAL(a_loop_that_closes_ends_handshakes)
{
    EXPECT_EQ(test_run_real(leave_a_handshake()), 0);
    eddy_writer_free(left_writer);
    tear_down(&left);
}

static int with_server, afterwards;
static eddy_contextvar variable = EDDY_CONTEXTVAR("variable", NULL);

static int tell_context(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    return eddy_writer_write(writer, eddy_contextvar_get(&variable) == &with_server ? "+" : "-", 1);
}

TEST_ASYNC_REAL(a_handler_runs_in_a_copy_of_the_context_of_its_server)
{
    struct parties parties;
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
    char sign = 0;

    parties_make(&parties);
    eddy_try(eddy_contextvar_set(&variable, &with_server, NULL));
    if (EXPECT_EQ(eddy_start_server(tell_context, NULL, "127.0.0.1", 0, &server,
                                    .tls = parties.server_context),
                  0)) {
        EXPECT_EQ(eddy_contextvar_set(&variable, &afterwards, NULL), 0);
        if (EXPECT_EQ(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer,
                                           .tls = parties.client_context),
                      0)) {
            EXPECT_EQ(eddy_reader_readexactly(reader, &sign, 1), 1);
            EXPECT_EQ(sign, '+');
            eddy_writer_free(writer);
        }
        eddy_server_free(server);
    }
    parties_free(&parties);
    return 0;
}
