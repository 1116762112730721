/*
 * Many connections that write in one turn: how many system calls their writes are, and that nothing
 * else shows.
 */
#include "io/sockets.h"
#include "loop/loop.h"

#include <sys/wait.h>

/* CROWD connections are enough for batches, and MANY for several of them. FIRST write before it
 * shows that there are many. */
enum { FIRST = 7, CROWD = 20, MANY = 200 };

/* A stream over a socket, and the other end. */
struct connection {
    eddy_writer *writer;
    int fd, peer;
};

static struct connection all[MANY];
static int n_batches, n_batched;
static struct eddyi_backend_ops counting;
static const struct eddyi_backend_ops *real;

static void count_batch(struct eddyi_backend *b, struct eddyi_send *sends, size_t n)
{
    n_batches++;
    n_batched += (int)n;
    real->send_batch(b, sends, n);
}

static void reset_counts(void)
{
    n_batches = n_batched = 0;
}

static bool has_batches(void)
{
    return real->send_batch;
}

/* Opens the first @n connections, and counts the batches from here on. */
static void crowd_open(int n)
{
    struct eddyi_backend *b = eddy_get_running_loop()->backend;

    real = b->ops;
    counting = *real;
    if (has_batches())
        counting.send_batch = count_batch;
    b->ops = &counting;
    for (int i = 0; i < n; i++) {
        eddy_carrier *carrier;
        eddy_reader *reader; /* one object with the writer */
        int fds[2];

        pair_open(fds);
        all[i].fd = fds[0];
        all[i].peer = fds[1];
        REQUIRE(eddy_socket_carrier_new(eddy_get_running_loop(), fds[0], &carrier) == 0);
        REQUIRE(eddy_stream_open(carrier, 0, &reader, &all[i].writer) == 0);
    }
    reset_counts();
}

static void crowd_free(int n)
{
    for (int i = 0; i < n; i++) {
        close(all[i].peer);
        eddy_writer_close(all[i].writer);
        (void)eddy_writer_wait_closed(all[i].writer);
        eddy_writer_free(all[i].writer);
    }
    eddy_get_running_loop()->backend->ops = real;
}

/* Writes to the first @n connections. */
static void write_to(int n, const char *text)
{
    for (int i = 0; i < n; i++)
        EXPECT_EQ(eddy_writer_write_nowait(all[i].writer, text, strlen(text)), 0);
}

static bool has_arrived(int i, const char *text)
{
    char buf[100];
    ssize_t n = recv(all[i].peer, buf, sizeof buf, MSG_DONTWAIT);

    return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static int count_arrived(int n, const char *text)
{
    int arrived = 0;

    for (int i = 0; i < n; i++)
        arrived += has_arrived(i, text);
    return arrived;
}

/* Makes it known that many write in a turn. */
static void get_crowded(int n)
{
    write_to(n, "crowd");
    eddy_sleep(0);
    EXPECT_EQ(count_arrived(n, "crowd"), n);
    reset_counts();
}

TEST_ASYNC_REAL(below_a_crowd_each_connection_sends_at_once, .whole = true)
{
    crowd_open(FIRST);
    for (int i = 0; i < 3; i++) {
        write_to(FIRST, "few");
        EXPECT_EQ(count_arrived(FIRST, "few"), FIRST);
        eddy_sleep(0);
    }
    EXPECT_EQ(n_batches, 0);
    crowd_free(FIRST);
    return 0;
}

TEST_ASYNC_REAL(the_writes_of_a_crowd_are_one_system_call, .whole = true)
{
    crowd_open(CROWD);
    write_to(CROWD, "many");
    EXPECT_EQ(count_arrived(CROWD, "many"), has_batches() ? FIRST : CROWD);
    eddy_sleep(0);
    EXPECT_EQ(count_arrived(CROWD, "many"), has_batches() ? CROWD - FIRST : 0);
    EXPECT_EQ(n_batches, has_batches());
    for (int i = 1; i <= 3; i++) {
        reset_counts();
        write_to(CROWD, "again");
        EXPECT_EQ(eddy_writer_get_write_buffer_size(all[0].writer), has_batches() ? 5 : 0);
        eddy_sleep(0);
        EXPECT_EQ(eddy_writer_get_write_buffer_size(all[0].writer), 0);
        EXPECT_EQ(count_arrived(CROWD, "again"), CROWD);
        EXPECT_EQ(n_batches, has_batches());
        EXPECT_EQ(n_batched, has_batches() ? CROWD : 0);
    }
    crowd_free(CROWD);
    return 0;
}

TEST_ASYNC_REAL(after_a_crowd_few_connections_send_at_once_again, .whole = true)
{
    crowd_open(CROWD);
    get_crowded(CROWD);
    write_to(1, "late"); /* it may have been one of many */
    eddy_sleep(0);
    EXPECT(has_arrived(0, "late"));
    for (int i = 0; i < 3; i++) {
        write_to(1, "alone");
        EXPECT(has_arrived(0, "alone"));
        eddy_sleep(0);
    }
    crowd_free(CROWD);
    return 0;
}

TEST_ASYNC_REAL(more_connections_than_a_batch_has_are_several_batches, .whole = true)
{
    crowd_open(MANY);
    write_to(MANY, "many");
    eddy_sleep(0);
    EXPECT_EQ(count_arrived(MANY, "many"), MANY);
    EXPECT_EQ(n_batches, has_batches() ? 4 : 0);
    EXPECT_EQ(n_batched, has_batches() ? MANY - FIRST : 0);
    crowd_free(MANY);
    return 0;
}

TEST_ASYNC_REAL(several_writes_of_each_of_a_crowd_stay_in_order, .whole = true)
{
    crowd_open(CROWD);
    get_crowded(CROWD);
    write_to(CROWD, "one ");
    write_to(CROWD, "two ");
    write_to(CROWD, "three");
    eddy_sleep(0);
    EXPECT_EQ(count_arrived(CROWD, "one two three"), CROWD);
    EXPECT_EQ(n_batched, has_batches() ? CROWD : 0);
    crowd_free(CROWD);
    return 0;
}

TEST_ASYNC_REAL(a_connection_of_a_crowd_that_is_gone_leaves_the_others_alone, .whole = true)
{
    int rc = 0;

    crowd_open(CROWD);
    get_crowded(CROWD);
    close(all[3].peer);
    all[3].peer = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < CROWD; i++) {
        rc = eddy_writer_write_nowait(all[i].writer, "x", 1);
        EXPECT_EQ(rc, i == 3 && !has_batches() ? -EPIPE : 0);
    }
    eddy_sleep(0);
    EXPECT_EQ(count_arrived(CROWD, "x"), CROWD - 1);
    rc = eddy_writer_write_nowait(all[3].writer, "x", 1);
    EXPECT(rc == -EPIPE || rc == -ECONNRESET || test_tortured());
    EXPECT(eddy_writer_write_nowait(all[4].writer, "x", 1) == 0 || test_tortured());
    crowd_free(CROWD);
    return 0;
}

/* Reads @size bytes of connection @i, letting the loop run meanwhile. Returns how many came. */
static size_t take(int i, size_t size)
{
    static char buf[65536];
    size_t got = 0;

    for (int tries = 0; tries < 100000 && got < size; tries++) {
        ssize_t n = recv(all[i].peer, buf, sizeof buf, MSG_DONTWAIT);

        if (n > 0)
            got += (size_t)n;
        else if (eddy_sleep(0) < 0)
            break;
    }
    return got;
}

/* Fills the socket of connection @i with zeros. Returns how many it took. */
static size_t stuff(int i)
{
    static const char block[4096];
    size_t size = 0;
    ssize_t n;

    while ((n = send(all[i].fd, block, sizeof block, MSG_DONTWAIT)) > 0)
        size += (size_t)n;
    return size;
}

TEST_ASYNC_REAL(what_has_no_room_is_sent_later)
{
    static const char large[16384];
    size_t stuffed;
    int rc;

    crowd_open(CROWD);
    get_crowded(CROWD);
    stuffed = stuff(2);
    write_to(CROWD, "x");
    EXPECT_EQ(eddy_writer_write_nowait(all[2].writer, large, sizeof large), 0);
    eddy_sleep(0);
    EXPECT(eddy_writer_get_write_buffer_size(all[2].writer) > 0 || test_tortured());
    EXPECT_EQ(take(2, stuffed + 1 + sizeof large), stuffed + 1 + sizeof large);
    rc = eddy_writer_flush(all[2].writer);
    EXPECT(rc == 0 || test_tortured());
    EXPECT_EQ(eddy_writer_get_write_buffer_size(all[2].writer), 0);
    crowd_free(CROWD);
    return 0;
}

/* The bytes that a turn gathers count, but pause no writer, unless the limits change meanwhile. */
TEST_ASYNC_REAL(limits_below_what_is_gathered_send_it_first, .whole = true)
{
    crowd_open(CROWD);
    get_crowded(CROWD);
    write_to(CROWD, "gathered");
    EXPECT_EQ(
        eddy_writer_set_write_buffer_limits(all[0].writer, (eddy_water_marks){.low = 1, .high = 4}),
        0);
    EXPECT(has_arrived(0, "gathered"));
    EXPECT_EQ(eddy_writer_drain(all[0].writer), 0);
    crowd_free(CROWD);
    return 0;
}

TEST_ASYNC_REAL(each_end_of_a_connection_of_a_crowd_sends_first, .whole = true)
{
    crowd_open(CROWD);
    get_crowded(CROWD);
    write_to(CROWD, "last");
    eddy_writer_close(all[0].writer);
    EXPECT(has_arrived(0, "last"));
    eddy_writer_abort(all[1].writer);
    EXPECT(has_arrived(1, "last"));
    EXPECT_EQ(eddy_writer_write_eof(all[2].writer), 0);
    EXPECT(has_arrived(2, "last"));
    EXPECT_EQ(eddy_writer_flush(all[3].writer), 0);
    EXPECT(has_arrived(3, "last"));
    eddy_writer_free(all[4].writer);
    EXPECT(has_arrived(4, "last"));
    close(all[4].peer);
    all[4] = all[CROWD - 1];
    EXPECT_EQ(n_batches, 0);
    eddy_sleep(0);
    EXPECT(!has_batches() || n_batched == CROWD - 5);
    crowd_free(CROWD - 1);
    return 0;
}

static eddy_async(write_and_wait)
{
    write_to(CROWD, "bye");
    return eddy_sleep(1000);
}

TEST_ASYNC_REAL(what_a_cancelled_task_has_written_is_sent, .whole = true)
{
    eddy_task *task;

    crowd_open(CROWD);
    get_crowded(CROWD);
    task = eddy_create_task(write_and_wait());
    eddy_sleep(0);
    eddy_task_cancel(task, NULL);
    EXPECT_EQ(eddy_await(task), -ECANCELED);
    EXPECT_EQ(count_arrived(CROWD, "bye"), CROWD);
    crowd_free(CROWD);
    return 0;
}

TEST_ASYNC_REAL(a_forked_child_sends_nothing_of_what_a_crowd_gathered, .whole = true)
{
    int status = -1;
    pid_t child;

    crowd_open(CROWD);
    get_crowded(CROWD);
    write_to(CROWD, "once");
    child = fork();
    if (child == 0) {
        (void)eddy_writer_flush(all[0].writer);
        (void)eddy_sleep(0);
        _exit(0);
    }
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT_EQ(status, 0);
    eddy_sleep(0);
    EXPECT_EQ(count_arrived(CROWD, "once"), CROWD);
    crowd_free(CROWD);
    return 0;
}

TEST_ASYNC_REAL(a_crowd_is_sent_for_also_when_the_ring_refuses, .whole = true)
{
    crowd_open(CROWD);
    get_crowded(CROWD);
    write_to(CROWD, "x");
    eddyi_fault_nth("io_uring_enter", 1, EAGAIN);
    eddy_sleep(0);
    eddyi_fault_clear();
    EXPECT_EQ(count_arrived(CROWD, "x"), CROWD);
    crowd_free(CROWD);
    return 0;
}

static eddy_async(write_and_leave)
{
    crowd_open(CROWD);
    write_to(CROWD, "x");
    for (int i = 0; i < CROWD; i++)
        eddy_writer_free(all[i].writer);
    return 0;
}

TEST_REAL(what_the_last_turn_of_a_run_gathers_for_a_crowd_is_sent)
{
    EXPECT_EQ(eddy_run(write_and_leave()), 0);
    for (int i = 0; i < CROWD && all[i].writer; i++) {
        EXPECT(has_arrived(i, "x") || test_tortured());
        close(all[i].peer);
    }
}
