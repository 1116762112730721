/*
 * Cancellation everywhere in sending files over sockets and streams: what is said to have gone out
 * arrives.
 */
#include "testkit/everywhere.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILE_SIZE = 400000 };

static struct {
    int fds[2], file;
    int64_t sent_by_socket;
    int64_t sent;
    size_t received;
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
    all.file = memfd_create("eddy-test", MFD_CLOEXEC);
    REQUIRE(all.file >= 0 && ftruncate(all.file, FILE_SIZE) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, all.fds) == 0);
}

static eddy_async(send_file, (eddy_writer *, writer))
{
    return eddy_writer_sendfile(writer, all.file, 0, -1, &all.sent);
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
    return trial->task ? HOLDS(all.received == (size_t)all.sent) : HOLDS(all.received == FILE_SIZE);
}

TEST_VIRTUAL(a_file_sent_over_a_socket_is_accounted_for_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"by the kernel", send_by_kernel, .begin = begin,
                                     .check = all_arrived, .backends = EDDY_TEST_REAL,
                                     .task = "send_file"},
               1);
}

TEST_VIRTUAL(a_file_sent_by_hand_is_accounted_for_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"by hand", send_by_hand, .begin = begin, .check = all_arrived,
                                     .backends = EDDY_TEST_REAL, .task = "send_file",
                                     .survives = true},
               1);
}

/* Over a socket itself. */

static eddy_async(send_by_socket)
{
    int rc = eddy_sock_sendfile(all.fds[1], all.file, 0, -1, &all.sent_by_socket);

    all.sent = all.sent_by_socket;
    return rc;
}

static eddy_async(receive_by_socket)
{
    static char buf[65536];
    ssize_t n;

    while ((n = eddy_sock_recv(all.fds[0], buf, sizeof buf)) > 0)
        all.received += (size_t)n;
    return (int)n;
}

static int send_between_sockets(void *unused)
{
    eddy_task *sender = eddy_create_task(send_by_socket()),
              *receiver = eddy_create_task(receive_by_socket());
    int rc = join(&sender, 1);

    shutdown(all.fds[1], SHUT_WR);
    return join(&receiver, 1) < 0 ? -ECANCELED : rc;
}

TEST_VIRTUAL(sendfile_knows_what_it_has_sent_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"sendfile", send_between_sockets, .begin = begin,
                                     .check = all_arrived, .backends = EDDY_TEST_REAL,
                                     .task = "send_by_socket"},
               1);
}
