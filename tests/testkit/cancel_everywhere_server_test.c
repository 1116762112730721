/*
 * Cancellation everywhere in making servers and connections to them, in waiting for their end, and in sending files over streams:
 * no descriptor is left, and what is said to have gone out arrives.
 */
#include "testkit/everywhere.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_SIZE = 400000 };

static struct {
    int ended;
    int fds[2], file;
    size_t sent, received;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

static int echo(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, 100, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

static int all_ended(void *unused, const eddy_test_trial *trial)
{
    return trial->task ? HOLDS(all.ended <= 2) : HOLDS(all.ended == 2);
}

/* Two are made, by name and at a path. */
static eddy_async(start)
{
    eddy_server *server, *at_path;

    eddy_try(eddy_start_server(echo, NULL, "localhost", 0, &server));
    eddy_server_free_at_end(server);
    all.ended++;
    eddy_try(eddy_start_unix_server(echo, NULL, "@eddy-everywhere", &at_path));
    eddy_server_free_at_end(at_path);
    all.ended++;
    return eddy_sleep(0);
}

static int start_scenario(void *unused)
{
    eddy_task *t = eddy_create_task(start());

    return join(&t, 1);
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
    all.ended++;
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
    return HOLDS(all.ended == (trial->task ? 1 : 2));
}

TEST_VIRTUAL(a_connection_at_a_path_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"visitors", visit_scenario, .begin = begin, .check = the_other_ended,
                                     .backends = EDDY_TEST_REAL, .task = "visit"},
               2);
}

static eddy_async(wait_for_end, (eddy_server *, server))
{
    eddy_try(eddy_server_wait_closed(server));
    all.ended++;
    return 0;
}

/* A connection holds the server back until the two have waited for some turns. */
static int end_scenario(void *unused)
{
    eddy_task *tasks[2];
    eddy_server *server;
    eddy_reader *reader;
    eddy_writer *writer;
    int rc = 0;

    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    eddy_try(eddy_open_connection("127.0.0.1", eddy_server_port(server), &reader, &writer));
    eddy_writer_free_at_end(writer);
    while (eddy_server_connections(server) == 0)
        eddy_try(eddy_sleep(0));
    tasks[0] = eddy_create_task(wait_for_end(server), .name = "cancelled");
    tasks[1] = eddy_create_task(wait_for_end(server), .name = "spared");
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = eddy_sleep(0);
    eddy_server_close(server);
    eddy_writer_close(writer);
    return join(tasks, 2) < 0 ? -ECANCELED : rc;
}

TEST_VIRTUAL(one_who_waits_for_the_end_of_a_server_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"end", end_scenario, .begin = begin, .check = the_other_ended,
                                     .backends = EDDY_TEST_REAL, .task = "cancelled"},
               1);
}

/* Files. */

static void begin_sending(void *unused)
{
    begin(NULL);
    all.file = memfd_create("eddy-test", MFD_CLOEXEC);
    REQUIRE(all.file >= 0 && ftruncate(all.file, FILE_SIZE) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, all.fds) == 0);
}

static eddy_async(send_file, (eddy_writer *, writer))
{
    return eddy_writer_sendfile(writer, all.file, 0, SIZE_MAX, &all.sent);
}

static eddy_async(receive_file, (eddy_reader *, reader))
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, SIZE_MAX, &data)) > 0)
        all.received += (size_t)n;
    return (int)n;
}

static int send_over(eddy_reader *const reader[2], eddy_writer *const writer[2])
{
    eddy_task *sender = eddy_create_task(send_file(writer[0]));
    eddy_task *receiver = eddy_create_task(receive_file(reader[1]));
    int rc = join(&sender, 1);

    (void)eddy_writer_write_eof(writer[0]);
    if (join(&receiver, 1) < 0)
        rc = -ECANCELED;
    eddy_writer_free(writer[0]);
    eddy_writer_free(writer[1]);
    return rc;
}

static int send_by_kernel(void *unused)
{
    eddy_reader *reader[2];
    eddy_writer *writer[2];
    int rc = eddy_open_connection(NULL, 0, &reader[0], &writer[0], .sock = dup(all.fds[0]));

    if (rc == 0)
        rc = eddy_open_connection(NULL, 0, &reader[1], &writer[1], .sock = dup(all.fds[1]));
    REQUIRE(rc == 0);
    return send_over(reader, writer);
}

static int send_by_hand(void *unused)
{
    eddy_reader *reader[2];
    eddy_writer *writer[2];

    eddy_try(eddy_memory_pair_open(0, reader, writer));
    return send_over(reader, writer);
}

static int all_arrived(void *unused, const eddy_test_trial *trial)
{
    close(all.file);
    close(all.fds[0]);
    close(all.fds[1]);
    return trial->task ? HOLDS(all.received == all.sent) : HOLDS(all.received == FILE_SIZE);
}

TEST_VIRTUAL(a_file_sent_over_a_socket_is_accounted_for_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"by the kernel", send_by_kernel, .begin = begin_sending,
                                     .check = all_arrived, .backends = EDDY_TEST_REAL, .task = "send_file"},
               1);
}

TEST_VIRTUAL(a_file_sent_by_hand_is_accounted_for_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"by hand", send_by_hand, .begin = begin_sending, .check = all_arrived,
                                     .backends = EDDY_TEST_REAL, .task = "send_file", .survives = true},
               1);
}
