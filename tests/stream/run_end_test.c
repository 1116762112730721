/*
 * Bytes that were written when a run ends: they are still sent, as far as peers take them; peers do
 * not take the loss of the others for an end.
 */
#include "harness/trace.h"
#include "protocol/protocols.h"
#include "stream/streams.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static char much[4 << 20];

/* How much is written: more than the kernel keeps. */
static size_t how_much(void)
{
    return test_tortured() ? 400000 : sizeof much;
}

/* Makes the two sides of a connection. */
typedef void pair_fn(int fds[2]);

static void tcp_pair(int fds[2])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 65536;
    socklen_t size = sizeof addr;

    REQUIRE(listener >= 0 && bind(listener, (struct sockaddr *)&addr, size) == 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    REQUIRE(listen(listener, 1) == 0 &&
            getsockname(listener, (struct sockaddr *)&addr, &size) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    REQUIRE(fds[0] >= 0 && connect(fds[0], (struct sockaddr *)&addr, size) == 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    REQUIRE(fds[1] >= 0);
    close(listener);
}

static void unix_pair(int fds[2])
{
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
}

static void pipe_pair(int fds[2])
{
    int ends[2];

    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    fds[0] = ends[1];
    fds[1] = ends[0];
}

/* The other side of a connection, which reads in callbacks of the loop: those go on while tasks are
 * ended. */
static struct {
    int fd;
    size_t n;
    int end; /* 1: none as yet */
} peer = {.fd = -1};

static void peer_reads(void *arg)
{
    static char buf[65536];
    ssize_t n = read(peer.fd, buf, sizeof buf);

    (void)arg;
    if (n > 0) {
        peer.n += (size_t)n;
        return;
    }
    if (n < 0 && errno == EAGAIN)
        return;
    peer.end = n < 0 ? -errno : 0;
    eddy_loop_remove_reader(eddy_get_running_loop(), peer.fd);
}

/* The bytes that the peer finds afterwards, if it did not read before. */
static void peer_reads_rest(void)
{
    static char buf[65536];
    ssize_t n;

    if (peer.fd < 0)
        return;
    while ((n = read(peer.fd, buf, sizeof buf)) > 0)
        peer.n += (size_t)n;
    peer.end = n < 0 ? -errno : 0;
    close(peer.fd);
    peer.fd = -1;
}

static void peer_is(int fd)
{
    peer.fd = fd;
    peer.n = 0;
    peer.end = 1;
    REQUIRE(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) >= 0);
}

/* How what was written is left behind, when the program has no more to do. */
enum manner { GIVEN_BACK, CLOSED, LEFT_OPEN, TRANSPORT_CLOSED, TRANSPORT_LEFT_OPEN, MANNERS };

static struct {
    eddy_writer *writer; /* was not given back */
    struct recorder recorder;
} left;

static void free_left(void)
{
    eddy_writer_free(left.writer);
    left.writer = NULL;
}

static int leave_transport(int fd, enum manner manner)
{
    eddy_transport *t;
    eddy_carrier *c;
    int rc = eddy_socket_carrier_new(eddy_get_running_loop(), fd, &c);

    if (rc < 0) {
        close(fd);
        return rc;
    }
    REQUIRE(eddy_transport_open(c, &recording, &left.recorder, &t) == 0);
    EXPECT_EQ(eddy_transport_write(t, much, how_much()), 0);
    if (manner == TRANSPORT_CLOSED)
        eddy_transport_close(t);
    eddy_transport_unref(t);
    return 0;
}

static int leave_stream(int fd, bool pipe, enum manner manner)
{
    eddy_reader *reader;
    eddy_writer *writer;
    int rc = pipe ? eddy_connect_write_pipe(fd, &writer)
                  : eddy_open_connection(NULL, 0, &reader, &writer, .sock = fd);

    if (rc < 0) {
        close(fd);
        return rc;
    }
    EXPECT_EQ(eddy_writer_write(writer, much, how_much()), 0);
    if (manner == GIVEN_BACK)
        eddy_writer_free(writer);
    else
        left.writer = writer;
    if (manner == CLOSED)
        eddy_writer_close(writer);
    return 0;
}

static eddy_async(write_and_leave, (pair_fn *, pair), (int, manner), (int, reads))
{
    int fds[2];

    reports_collect(NULL);
    recorder_init(&left.recorder);
    left.writer = NULL;
    pair(fds);
    peer_is(fds[1]);
    if (reads)
        EXPECT_EQ(eddy_loop_add_reader(eddy_get_running_loop(), peer.fd, peer_reads, NULL), 0);
    if (manner >= TRANSPORT_CLOSED)
        return leave_transport(fds[0], (enum manner)manner);
    return leave_stream(fds[0], pair == pipe_pair, (enum manner)manner);
}

TEST_REAL(what_was_written_still_goes_out_when_the_run_is_over)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        EXPECT_EQ(eddy_run(write_and_leave(tcp_pair, manner, true), .loop_factory = test_real_loop,
                           .close_timeout = 2),
                  0);
        peer_reads_rest();
        EXPECT_EQ(peer.n, how_much());
        EXPECT_EQ(peer.end, 0);
        EXPECT_EQ(reports.n, 0);
        free_left();
    }
}

TEST_REAL(what_was_written_to_unix_sockets_and_pipes_goes_out_as_well)
{
    pair_fn *const pairs[] = {unix_pair, pipe_pair};

    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(eddy_run(write_and_leave(pairs[i], GIVEN_BACK, true),
                           .loop_factory = test_real_loop, .close_timeout = 2),
                  0);
        peer_reads_rest();
        EXPECT_EQ(peer.n, how_much());
        EXPECT_EQ(peer.end, 0);
        EXPECT_EQ(reports.n, 0);
    }
}

static void expect_cut_off(void)
{
    peer_reads_rest();
    EXPECT(peer.n < how_much());
    EXPECT_EQ(peer.end, -ECONNRESET);
    EXPECT_EQ(reports.n, 1);
    EXPECT_STR(reports.message, "connections were cut off before all was sent");
    EXPECT_IN("1 connection, and ", reports.exception);
    reports.n = 0;
}

TEST_REAL(a_peer_that_takes_nothing_is_cut_off_with_a_reset_and_that_is_reported)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        EXPECT_EQ(eddy_run(write_and_leave(tcp_pair, manner, false), .loop_factory = test_real_loop,
                           .close_timeout = 0.01),
                  0);
        expect_cut_off();
        free_left();
    }
}

TEST_REAL(a_loop_that_is_closed_directly_cuts_off_with_a_reset)
{
    for (int manner = 0; manner < MANNERS; manner++) {
        eddy_loop *loop = test_real_loop();

        REQUIRE(loop != NULL);
        EXPECT_EQ(eddy_loop_run_until_complete(loop, write_and_leave(tcp_pair, manner, false)), 0);
        EXPECT_EQ(eddy_loop_close(loop), 0);
        expect_cut_off();
        if (manner == TRANSPORT_LEFT_OPEN)
            EXPECT_EQ(left.recorder.status, -ECANCELED);
        free_left();
        eddy_loop_unref(loop);
    }
}

TEST_REAL(what_cannot_be_reset_is_reported_at_least)
{
    pair_fn *const pairs[] = {unix_pair, pipe_pair};

    for (int i = 0; i < 2; i++) {
        EXPECT_EQ(eddy_run(write_and_leave(pairs[i], GIVEN_BACK, false),
                           .loop_factory = test_real_loop, .close_timeout = 0.01),
                  0);
        peer_reads_rest();
        EXPECT(peer.n < how_much());
        EXPECT_EQ(reports.n, 1);
        reports.n = 0;
    }
}

static eddy_async(say_little, (int, manner))
{
    eddy_reader *reader;
    int fds[2], rc;

    reports_collect(NULL);
    tcp_pair(fds);
    peer_is(fds[1]);
    rc = eddy_open_connection(NULL, 0, &reader, &left.writer, .sock = fds[0]);
    if (rc < 0) {
        close(fds[0]);
        return rc;
    }
    EXPECT_EQ(eddy_writer_write(left.writer, "hello", 5), 0);
    if (manner == CLOSED)
        eddy_writer_close(left.writer);
    return 0;
}

TEST_REAL(a_connection_of_which_all_is_sent_ends_in_order)
{
    enum manner manners[] = {CLOSED, LEFT_OPEN};

    for (int i = 0; i < 2; i++) {
        eddy_loop *loop = test_real_loop();

        REQUIRE(loop != NULL);
        EXPECT_EQ(eddy_loop_run_until_complete(loop, say_little((int)manners[i])), 0);
        EXPECT_EQ(eddy_loop_close(loop), 0);
        peer_reads_rest();
        EXPECT_EQ(peer.n, 5);
        EXPECT_EQ(peer.end, 0);
        EXPECT_EQ(reports.n, 0);
        free_left();
        eddy_loop_unref(loop);
    }
}

/* The limit, on virtual time. */

static struct pair pair;
static double began, ended;

/* The objects that were not given back. */
static void free_pair(void)
{
    pair_free(&pair);
    pair = (struct pair){0};
}

static void note_end(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
    ended = eddy_loop_time(loop);
    reports_add(loop, context, arg);
}

static eddy_async(give_back_to_no_reader)
{
    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_end, NULL);
    began = ended = eddy_loop_time(eddy_get_running_loop());
    pair_open(&pair);
    EXPECT_EQ(eddy_writer_write(pair.writer[0], much, 200000), 0);
    eddy_writer_free(pair.writer[0]);
    pair.writer[0] = NULL;
    return 0;
}

static void expect_patience(double seconds, double close_timeout)
{
    EXPECT_EQ(eddy_run(give_back_to_no_reader(), .loop_factory = test_virtual_loop,
                       .close_timeout = close_timeout),
              0);
    EXPECT(ended - began > seconds - 0.001 && ended - began < seconds + 0.001);
    EXPECT_IN("1 connection, and 134464 bytes", reports.exception);
    free_pair();
}

TEST_VIRTUAL(a_run_waits_half_a_minute_for_peers_that_take_nothing_or_as_long_as_it_is_told)
{
    expect_patience(30, 0);
    expect_patience(5, 5);
    expect_patience(100, 100);
}

TEST_VIRTUAL(a_runner_has_that_limit_as_well)
{
    eddy_runner r;

    eddy_runner_init(&r,
                     &(eddy_run_options){.loop_factory = test_virtual_loop, .close_timeout = 3});
    EXPECT_EQ(eddy_runner_run(&r, give_back_to_no_reader()), 0);
    eddy_runner_close(&r);
    EXPECT(ended - began > 2.999 && ended - began < 3.001);
    free_pair();
}

/* Takes a little every ten seconds. */
static void take_some(void *n_taken)
{
    static char buf[20000];
    ssize_t n = eddy_reader_read(pair.reader[1], buf, sizeof buf);

    *(size_t *)n_taken += n > 0 ? (size_t)n : 0;
    eddy_loop_call_later(eddy_get_running_loop(), 10, take_some, n_taken);
}

static eddy_async(give_back_to_a_slow_reader, (size_t *, n_taken))
{
    eddy_try(eddy_await(give_back_to_no_reader()));
    eddy_loop_call_soon(eddy_get_running_loop(), take_some, n_taken);
    return 0;
}

TEST_VIRTUAL(a_peer_that_takes_a_little_each_time_gets_all)
{
    static size_t n_taken;

    EXPECT_EQ(eddy_run(give_back_to_a_slow_reader(&n_taken), .loop_factory = test_virtual_loop), 0);
    EXPECT_EQ(reports.n, 0);
    EXPECT_EQ(n_taken, 140000); /* the rest has room in between */
    free_pair();
}

typedef eddy_coroutine *coroutine_fn(void);

/* A task that ends with care, although its peer takes nothing. */
static eddy_async(close_with_care)
{
    int rc = eddy_sleep(EDDY_FOREVER);

    eddy_writer_close(pair.writer[0]);
    trace("%d", eddy_writer_wait_closed(pair.writer[0]));
    return rc;
}

static eddy_async(drain_with_care)
{
    int rc = eddy_sleep(EDDY_FOREVER);

    trace("%d", eddy_writer_drain(pair.writer[0]));
    return rc;
}

static eddy_async(write_with_care)
{
    int rc = eddy_sleep(EDDY_FOREVER);

    trace("%d", eddy_writer_write(pair.writer[0], "bye", 3));
    return rc;
}

static eddy_async(leave_task_behind, (coroutine_fn *, make))
{
    eddy_task *t;

    eddy_loop_set_exception_handler(eddy_get_running_loop(), note_end, NULL);
    pair_open(&pair);
    EXPECT_EQ(eddy_writer_write(pair.writer[0], much, 200000), 0);
    t = eddy_create_task(make());
    eddy_unref(t);
    eddy_try(eddy_sleep(1));
    return 0;
}

TEST_VIRTUAL(a_task_that_is_cancelled_at_the_end_does_not_wait_for_ever_for_such_a_peer)
{
    coroutine_fn *const makes[] = {close_with_care, drain_with_care, write_with_care};

    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(eddy_run(leave_task_behind(makes[i]), .loop_factory = test_virtual_loop), 0);
        free_pair();
    }
    EXPECT_STR(traced(), "-110 -110 -110");
}
