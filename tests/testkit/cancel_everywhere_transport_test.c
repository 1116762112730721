/*
 * Cancellation everywhere in the calls that make connections with protocols: each protocol that was
 * made is told of its end once, and no descriptor is left.
 */
#include "testkit/everywhere.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    int made, lost, unordered; /* of both sides */
} all;

static void begin(void *unused)
{
    memset(&all, 0, sizeof all);
}

struct peer {
    eddy_transport *transport;
    bool made;
};

static void peer_made(void *arg, eddy_transport *transport)
{
    struct peer *p = arg;

    p->transport = transport;
    p->made = true;
    eddy_transport_write(transport, "hello", 5);
}

static void peer_data(void *arg, const void *data, size_t size)
{
    struct peer *p = arg;

    eddy_transport_close(p->transport);
}

static void peer_lost(void *arg, const eddy_exception *e)
{
    struct peer *p = arg;

    all.lost++;
    all.unordered += !p->made;
    free(p);
}

static const eddy_protocol peers = {
    .connection_made = peer_made, .data_received = peer_data, .connection_lost = peer_lost};

static int make_peer(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    *ret_protocol = &peers;
    *ret_arg = calloc(1, sizeof(struct peer));
    if (!*ret_arg)
        return -ENOMEM;
    all.made++;
    return 0;
}

static int scenario(void *unused)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_server *server;

    eddy_try(eddy_loop_create_server(loop, make_peer, NULL, "127.0.0.1", 0, &server));
    eddy_server_free_at_end(server);
    for (int i = 0; i < 2; i++) {
        eddy_transport *t;

        eddy_try(eddy_loop_create_connection(loop, make_peer, NULL, "127.0.0.1",
                                             eddy_server_port(server), &t));
        eddy_transport_unref(t);
    }
    while (eddy_server_connections(server) > 0)
        eddy_try(eddy_sleep(0));
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static int check(void *unused, const eddy_test_trial *trial)
{
    eddy_try(HOLDS(all.unordered == 0));
    return HOLDS(all.made == all.lost);
}

TEST_VIRTUAL(making_connections_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"transports", scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL},
               4);
}

/* Descriptors that are there already. They are the caller's where the call fails. */

static void quiet_lost(void *arg, const eddy_exception *e)
{
    all.lost++;
}

static int make_quiet(void *arg, const eddy_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_protocol quiet = {.connection_lost = quiet_lost};

    *ret_protocol = &quiet;
    all.made++;
    return 0;
}

static int end_of(int fd, int rc, eddy_transport **t)
{
    if (rc < 0) {
        close(fd);
        return rc;
    }
    eddy_transport_close(*t);
    eddy_transport_unref(*t);
    return 0;
}

static eddy_async(take_over)
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_transport *t = NULL;
    int fds[2], pipes[2], rc, rc_of_other;

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    REQUIRE(pipe2(pipes, O_CLOEXEC) == 0);
    rc = end_of(fds[0], eddy_loop_connect_accepted_socket(loop, make_quiet, NULL, fds[0], &t), &t);
    close(fds[1]);
    rc_of_other =
        end_of(pipes[0], eddy_loop_connect_read_pipe(loop, make_quiet, NULL, pipes[0], &t), &t);
    rc = rc < 0 ? rc : rc_of_other;
    rc_of_other =
        end_of(pipes[1], eddy_loop_connect_write_pipe(loop, make_quiet, NULL, pipes[1], &t), &t);
    return rc < 0 ? rc : rc_of_other;
}

static int take_over_scenario(void *unused)
{
    eddy_task *t = eddy_create_task(take_over());

    eddy_try(join(&t, 1));
    while (all.lost < all.made)
        eddy_try(eddy_sleep(0.001));
    return 0;
}

TEST_VIRTUAL(taking_over_descriptors_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"descriptors", take_over_scenario, .begin = begin,
                                     .check = check, .backends = EDDY_TEST_REAL,
                                     .task = "take_over"},
               3);
}

/* A file that goes out by a transport: what it took arrives. */

enum { FILE_SIZE = 400000 };

static struct {
    int fds[2], file;
    int64_t sent, received;
} way;

static void begin_sending(void *unused)
{
    begin(NULL);
    memset(&way, 0, sizeof way);
    way.file = memfd_create("eddy-test", MFD_CLOEXEC);
    REQUIRE(way.file >= 0 && ftruncate(way.file, FILE_SIZE) == 0);
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, way.fds) == 0);
}

static eddy_async(send_file, (eddy_transport *, t))
{
    return eddy_loop_sendfile(eddy_get_running_loop(), t, way.file, 0, -1, &way.sent);
}

static eddy_async(receive_file)
{
    static char buf[65536];
    ssize_t n;

    while ((n = eddy_sock_recv(way.fds[1], buf, sizeof buf)) > 0)
        way.received += n;
    return (int)n;
}

static int sending_scenario(void *unused)
{
    eddy_task *sender, *receiver;
    eddy_transport *t;
    int rc;

    eddy_try(eddy_loop_connect_accepted_socket(eddy_get_running_loop(), make_quiet, NULL,
                                               dup(way.fds[0]), &t));
    sender = eddy_create_task(send_file(t));
    receiver = eddy_create_task(receive_file());
    rc = join(&sender, 1);
    close(way.fds[0]);
    eddy_transport_close(t);
    eddy_transport_unref(t);
    return join(&receiver, 1) < 0 ? -ECANCELED : rc;
}

static int sending_check(void *unused, const eddy_test_trial *trial)
{
    close(way.file);
    close(way.fds[1]);
    eddy_try(HOLDS(all.made == all.lost));
    return trial->task ? HOLDS(way.received == way.sent) : HOLDS(way.received == FILE_SIZE);
}

TEST_VIRTUAL(a_file_sent_by_a_transport_is_accounted_for_wherever_it_is_cancelled)
{
    everywhere(&(eddy_test_scenario){"sendfile", sending_scenario, .begin = begin_sending,
                                     .check = sending_check, .backends = EDDY_TEST_REAL,
                                     .task = "send_file", .survives = true},
               1);
}

/* Datagrams, and subprocesses: told of their end once, however early the task that makes them is
 * cancelled. */

static void datagram_lost(void *arg, const eddy_exception *e)
{
    all.lost++;
}

static int make_datagram(void *arg, const eddy_datagram_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_datagram_protocol counting = {.connection_lost = datagram_lost};

    *ret_protocol = &counting;
    all.made++;
    return 0;
}

static int datagram_scenario(void *unused)
{
    eddy_datagram_transport *t;

    eddy_try(eddy_loop_create_datagram_endpoint(eddy_get_running_loop(), make_datagram, NULL, &t,
                                                .local_host = "127.0.0.1"));
    eddy_datagram_transport_close(t);
    eddy_datagram_transport_unref(t);
    return eddy_sleep(0.001);
}

TEST_VIRTUAL(making_datagram_endpoints_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"datagrams", datagram_scenario, .begin = begin, .check = check,
                                     .backends = EDDY_TEST_REAL},
               2);
}

static void process_lost(void *arg, const eddy_exception *e)
{
    all.lost++;
    eddy_event_set(arg);
}

static int make_process(void *arg, const eddy_subprocess_protocol **ret_protocol, void **ret_arg)
{
    static const eddy_subprocess_protocol counting = {.connection_lost = process_lost};

    *ret_protocol = &counting;
    *ret_arg = arg;
    all.made++;
    return 0;
}

static eddy_event process_ended;

static int process_scenario(void *unused)
{
    process_ended = (eddy_event){0};
    eddy_try(eddy_loop_subprocess_exec(eddy_get_running_loop(), make_process, &process_ended, NULL,
                                       eddy_argv("true"), .std_in = EDDY_PIPE,
                                       .std_out = EDDY_PIPE));
    eddy_try(eddy_event_wait(&process_ended));
    process_ended = (eddy_event){0};
    eddy_try(eddy_loop_subprocess_shell(eddy_get_running_loop(), make_process, &process_ended, NULL,
                                        "exit 3", .std_out = EDDY_PIPE));
    return eddy_event_wait(&process_ended);
}

TEST_VIRTUAL(starting_subprocesses_can_be_cancelled_everywhere)
{
    everywhere(&(eddy_test_scenario){"subprocesses", process_scenario, .begin = begin,
                                     .check = check, .backends = EDDY_TEST_REAL},
               2);
}
