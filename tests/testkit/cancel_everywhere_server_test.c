/*
 * Cancellation everywhere in making servers and connections to them, in serving, and in waiting for
 * their end: no other task is disturbed, and no connection, task or descriptor is left.
 */
#include "stream/servers.h"
#include "testkit/everywhere.h"

#include <unistd.h>

static int ended;

static void begin(void *unused)
{
    ended = 0;
}

static int all_ended(void *unused, const eddy_test_trial *trial)
{
    return trial->task ? HOLDS(ended <= 2) : HOLDS(ended == 2);
}

/* Two are made, by name and at a path. */
static eddy_async(start)
{
    eddy_server *server, *at_path;

    eddy_try(eddy_start_server(echo, NULL, "localhost", 0, &server));
    eddy_server_free_at_end(server);
    ended++;
    eddy_try(eddy_start_unix_server(echo, NULL, "@eddy-everywhere", &at_path));
    eddy_server_free_at_end(at_path);
    ended++;
    return eddy_sleep(0);
}

static int start_scenario(void *unused)
{
    return run_alone(start());
}

TEST_VIRTUAL(starting_a_server_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"servers", start_scenario, .begin = begin, .check = all_ended,
                                     .backends = EDDY_TEST_REAL, .task = "start"},
               2);
}

static eddy_async(visit, (const char *, path))
{
    eddy_reader *reader;
    eddy_writer *writer;
    char buf[5];

    eddy_try(eddy_open_unix_connection(path, 0, &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_printf(writer, "%s", "hello"));
    eddy_try((int)eddy_reader_readexactly(reader, buf, 5));
    ended++;
    return 0;
}

static int visit_scenario(void *unused)
{
    eddy_task *tasks[2];
    eddy_server *server;
    char path[40];
    int rc;

    snprintf(path, sizeof path, "@eddy-everywhere-%d", (int)getpid());
    eddy_try(eddy_start_unix_server(echo, NULL, path, &server));
    eddy_server_free_at_end(server);
    tasks[0] = eddy_create_task(visit(path), .name = "visit");
    tasks[1] = eddy_create_task(visit(path), .name = "another");
    rc = join(tasks, 2);
    eddy_server_close(server);
    return eddy_server_wait_closed(server) < 0 ? -ECANCELED : rc;
}

static int the_other_ended(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(ended == (trial->task ? 1 : 2));
}

TEST_VIRTUAL(a_connection_at_a_path_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"visitors", visit_scenario, .begin = begin,
                                     .check = the_other_ended, .backends = EDDY_TEST_REAL,
                                     .task = "visit"},
               2);
}

/* A connection that the server has taken. */
static int connect_to(eddy_server *server, eddy_writer **ret_writer)
{
    eddy_reader *reader;
    int rc = eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, ret_writer);

    eddy_try(rc);
    while (rc == 0 && eddy_server_connections(server) == 0)
        rc = eddy_sleep(0);
    if (rc < 0)
        eddy_writer_free(*ret_writer);
    return rc;
}

static eddy_async(wait_for_end, (eddy_server *, server))
{
    eddy_try(eddy_server_wait_closed(server));
    ended++;
    return 0;
}

/* A connection holds the server back until the two have waited for some turns. */
static int end_scenario(void *unused)
{
    eddy_task *tasks[2];
    eddy_server *server;
    eddy_writer *writer;
    int rc = 0;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(connect_to(server, &writer));
    eddy_writer_free_at_end(writer);
    tasks[0] = eddy_create_task(wait_for_end(server), .name = "cancelled");
    tasks[1] = eddy_create_task(wait_for_end(server), .name = "spared");
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = eddy_sleep(0);
    eddy_server_close(server);
    eddy_writer_close(writer);
    return join(tasks, 2) < 0 ? -ECANCELED : rc;
}

TEST_VIRTUAL(a_task_that_waits_for_the_end_of_a_server_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"end", end_scenario, .begin = begin, .check = the_other_ended,
                                     .backends = EDDY_TEST_REAL, .task = "cancelled"},
               1);
}

static eddy_async(ask, (int, port))
{
    eddy_reader *reader;
    eddy_writer *writer;
    char buf[5];

    eddy_try(eddy_open_connection("127.0.0.1", port, &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_write(writer, "hello", 5));
    eddy_try((int)eddy_reader_readexactly(reader, buf, 5));
    ended++;
    return 0;
}

static eddy_async(serve, (eddy_server *, server))
{
    return eddy_server_serve_forever(server);
}

/* A server, two clients one after the other, and the end of it all. */
static int serve_and_ask(void *unused)
{
    eddy_task *server_task, *clients[2];
    eddy_server *server;
    int rc;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server, .no_start = true));
    eddy_server_free_at_end(server);
    server_task = eddy_create_task(serve(server));
    rc = eddy_sleep(0);
    for (int i = 0; i < 2; i++) {
        clients[i] = eddy_create_task(ask(eddy_server_port(server)));
        if (join(&clients[i], 1) < 0)
            rc = -ECANCELED;
    }
    eddy_server_close(server);
    if (join(&server_task, 1) < 0 || eddy_server_wait_closed(server) < 0)
        rc = -ECANCELED;
    ended += 100 * (int)eddy_server_connections(server);
    return rc;
}

static int a_client_was_served(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(ended == 2 || (trial->task && ended == 1));
}

TEST_VIRTUAL(a_client_of_a_server_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"a client", serve_and_ask, NULL, begin, a_client_was_served,
                                     .backends = EDDY_TEST_REAL, .task = "ask"},
               4);
}

TEST_VIRTUAL(a_handler_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"a handler", serve_and_ask, NULL, begin, a_client_was_served,
                                     .backends = EDDY_TEST_REAL, .task = "connection",
                                     .survives = true},
               2);
}

static int nothing_is_left(void *unused, const eddy_test_trial *trial)
{
    return HOLDS(ended < 100);
}

static int serve_cancelled(void *unused)
{
    eddy_task *server_task;
    eddy_server *server;
    int rc;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    server_task = eddy_create_task(serve(server));
    rc = eddy_sleep(0.002);
    eddy_server_close(server);
    if (join(&server_task, 1) < 0 || eddy_server_wait_closed(server) < 0)
        rc = -ECANCELED;
    ended += eddy_server_is_serving(server) ? 100 : 0;
    return rc;
}

TEST_VIRTUAL(serve_forever_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"serve_forever", serve_cancelled, NULL, begin, nothing_is_left,
                                     .backends = EDDY_TEST_REAL, .task = "serve"},
               1);
}

static eddy_async(shut_down, (eddy_server *, server))
{
    int rc = eddy_server_shutdown(server, 0.001);

    return rc == -ETIMEDOUT ? 0 : rc;
}

static int shut_down_busy(void *unused)
{
    eddy_writer *writer;
    eddy_server *server;
    eddy_task *t;
    int rc;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(connect_to(server, &writer));
    eddy_writer_free_at_end(writer);
    t = eddy_create_task(shut_down(server));
    rc = join(&t, 1);
    eddy_writer_close(writer);
    eddy_server_close(server); /* cancelled before its first step, the task has not */
    if (eddy_server_wait_closed(server) < 0)
        rc = -ECANCELED;
    ended += 100 * (int)eddy_server_connections(server);
    return rc;
}

TEST_VIRTUAL(a_shutdown_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"shutdown", shut_down_busy, NULL, begin, nothing_is_left,
                                     .backends = EDDY_TEST_REAL, .task = "shut_down"},
               2);
}
