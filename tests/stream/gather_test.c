/*
 * Gathering writes: how many system calls the writes of a turn are, and that nothing else shows.
 */
#include "io/places.h"
#include "io/sockets.h"
#include "loop/loop.h"

#include <sys/wait.h>
#include <time.h>

/* A stream over a socket whose sends are counted, and the other end. */
struct counted {
    eddy_reader *reader; /* one object with the writer */
    eddy_writer *writer;
    int peer;
};

static int sends;
static const eddy_carrier_ops *real;

static ssize_t count_write(eddy_carrier *c, const struct iovec *iov, int n)
{
    sends++;
    return real->write(c, iov, n);
}

static struct counted counted_open(void)
{
    static eddy_carrier_ops ops;
    struct counted c = {0};
    eddy_carrier *carrier;
    int fds[2];

    connection_open(fds);
    c.peer = fds[1];
    REQUIRE(eddy_socket_carrier_new(eddy_get_running_loop(), fds[0], &carrier) == 0);
    real = carrier->ops;
    ops = *real;
    ops.write = count_write;
    carrier->ops = &ops;
    REQUIRE(eddy_stream_open(carrier, 0, &c.reader, &c.writer) == 0);
    sends = 0;
    return c;
}

static void counted_free(struct counted *c)
{
    close(c->peer);
    eddy_writer_close(c->writer);
    (void)eddy_writer_wait_closed(c->writer);
    eddy_writer_free(c->writer);
}

/* Returns how many bytes the peer can read now, and takes them. */
static ssize_t arrived(struct counted *c, char *buf, size_t size)
{
    return recv(c->peer, buf, size, MSG_DONTWAIT);
}

static bool has_arrived(struct counted *c, const char *text)
{
    char buf[100];
    ssize_t n = arrived(c, buf, sizeof buf);

    return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static int two_writes(struct counted *c)
{
    eddy_try(eddy_writer_write(c->writer, "head ", 5));
    return eddy_writer_write(c->writer, "body", 4);
}

/* Makes it known that the writer writes several times in a turn. */
static void get_used_to_it(struct counted *c)
{
    char buf[100];

    EXPECT_EQ(two_writes(c), 0);
    eddy_sleep(0);
    EXPECT_EQ(arrived(c, buf, sizeof buf), 9);
    sends = 0;
}

TEST_ASYNC_REAL(a_write_that_is_alone_in_its_turn_is_sent_at_once, .whole = true)
{
    struct counted c = counted_open();

    for (int i = 1; i <= 3; i++) {
        EXPECT_EQ(eddy_writer_write(c.writer, "alone", 5), 0);
        EXPECT_EQ(sends, i);
        EXPECT(has_arrived(&c, "alone"));
        EXPECT_EQ(eddy_sleep(0), 0);
    }
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(an_answer_of_two_writes_is_one_send, .whole = true)
{
    struct counted c = counted_open();

    get_used_to_it(&c);
    for (int i = 1; i <= 3; i++) {
        EXPECT_EQ(two_writes(&c), 0);
        EXPECT_EQ(eddy_writer_get_write_buffer_size(c.writer), 9);
        EXPECT_EQ(eddy_sleep(0), 0);
        EXPECT_EQ(eddy_writer_get_write_buffer_size(c.writer), 0);
        EXPECT(has_arrived(&c, "head body"));
        EXPECT_EQ(sends, i);
    }
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(a_writer_that_writes_once_again_is_sent_at_once_again, .whole = true)
{
    struct counted c = counted_open();

    get_used_to_it(&c);
    for (int i = 1; i <= 3; i++) {
        EXPECT_EQ(eddy_writer_write(c.writer, "alone", 5), 0);
        EXPECT_EQ(sends, i - 1); /* the first is still gathered, and sent at the end of its turn */
        EXPECT_EQ(eddy_sleep(0), 0);
        EXPECT(has_arrived(&c, "alone"));
        EXPECT_EQ(sends, i);
        if (i == 1)
            break;
    }
    EXPECT_EQ(eddy_writer_write(c.writer, "alone", 5), 0);
    EXPECT_EQ(sends, 2);
    counted_free(&c);
    return 0;
}

static int command(void *arg)
{
    struct counted *c = arg;

    return eddy_writer_write(c->writer, "PING\r\n", 6);
}

TEST_ASYNC_REAL(a_thousand_commands_of_a_thousand_tasks_are_at_most_40_sends, .whole = true)
{
    enum { COMMANDS = 1000 };
    struct counted c = counted_open();
    static char buf[COMMANDS * 6 + 1];
    ssize_t all = 0;
    eddy_group tg;

    if (test_tortured()) {
        counted_free(&c);
        return 0;
    }
    eddy_group_enter(&tg);
    for (int i = 0; i < COMMANDS; i++)
        EXPECT_EQ(eddy_group_create_task(&tg, eddy_coro(command, &c)), 0);
    EXPECT_EQ(eddy_group_exit(&tg, 0), 0);
    for (int i = 0; i < 1000 && all < COMMANDS * 6; i++) { /* the first try takes it all */
        ssize_t n = arrived(&c, buf, sizeof buf);
        all += n > 0 ? n : eddy_sleep(0.001);
    }
    EXPECT_EQ(all, COMMANDS * 6);
    EXPECT(sends <= 40 || test_slowness() > 1); /* one in 50 us, and a task takes longer there */
    counted_free(&c);
    return 0;
}

/* Bytes that are written after each of these follow those that were gathered before. */
TEST_ASYNC_REAL(a_large_write_sends_what_was_gathered_first, .whole = true)
{
    static char large[100000], buf[200000];
    struct counted c = counted_open();
    ssize_t n;

    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    EXPECT_EQ(eddy_writer_write(c.writer, large, 20000), 0);
    EXPECT_EQ(sends, 2);
    n = arrived(&c, buf, sizeof buf);
    EXPECT(n == 20009 && memcmp(buf, "head body\0", 10) == 0);
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(gathered_bytes_pause_no_writer_up_to_the_high_water_mark, .whole = true)
{
    struct counted c = counted_open();

    EXPECT_EQ(
        eddy_writer_set_write_buffer_limits(c.writer, (eddy_water_marks){.low = 4, .high = 12}), 0);
    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    EXPECT_EQ(eddy_writer_write_nowait(c.writer, "abc", 3), 0); /* the mark itself */
    EXPECT_EQ(sends, 0);
    EXPECT_EQ(eddy_writer_get_write_buffer_size(c.writer), 12);
    EXPECT_EQ(eddy_writer_drain(c.writer), 0);
    EXPECT_EQ(eddy_writer_write_nowait(c.writer, "d", 1), 0);
    EXPECT_EQ(sends, 2);
    EXPECT(has_arrived(&c, "head bodyabcd"));
    counted_free(&c);
    return 0;
}

struct watcher {
    struct counted *c;
    bool seen;
};

static void be_busy(void *arg)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < 100000);
    (void)arg;
}

static void look(void *arg)
{
    struct watcher *w = arg;

    w->seen = has_arrived(w->c, "head body");
}

static void write_it(void *arg)
{
    EXPECT_EQ(two_writes(arg), 0);
    EXPECT_EQ(eddy_writer_get_write_buffer_size(((struct counted *)arg)->writer), 9);
}

TEST_ASYNC_REAL(in_a_long_turn_what_was_gathered_is_sent_between_two_items, .ordered = true,
                .whole = true)
{
    eddy_loop *loop = eddy_get_running_loop();
    struct counted c = counted_open();
    struct watcher w = {&c, false};

    get_used_to_it(&c);
    (void)eddy_loop_call_soon(loop, write_it, &c);
    (void)eddy_loop_call_soon(loop, be_busy, NULL);
    (void)eddy_loop_call_soon(loop, look, &w);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(w.seen || test_tortured());
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(closing_sends_what_was_gathered, .whole = true)
{
    struct counted c = counted_open();
    char buf[100];

    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    eddy_writer_close(c.writer);
    EXPECT(has_arrived(&c, "head body"));
    EXPECT_EQ(eddy_writer_wait_closed(c.writer), 0);
    EXPECT_EQ(arrived(&c, buf, sizeof buf), 0);
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(aborting_sends_what_was_gathered, .whole = true)
{
    struct counted c = counted_open();

    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    eddy_writer_abort(c.writer);
    EXPECT(has_arrived(&c, "head body"));
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(the_end_of_the_stream_follows_what_was_gathered, .whole = true)
{
    struct counted c = counted_open();
    char buf[100];

    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    EXPECT_EQ(eddy_writer_write_eof(c.writer), 0);
    EXPECT(has_arrived(&c, "head body"));
    EXPECT_EQ(arrived(&c, buf, sizeof buf), 0);
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(flushing_sends_what_was_gathered, .whole = true)
{
    struct counted c = counted_open();

    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    EXPECT_EQ(eddy_writer_flush(c.writer), 0);
    EXPECT(has_arrived(&c, "head body"));
    EXPECT_EQ(sends, 1);
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(a_file_follows_what_was_gathered, .whole = true)
{
    struct counted c = counted_open();
    struct place p = place_make();
    int fd;

    fill(p.a, " file");
    fd = open(p.a, O_RDONLY | O_CLOEXEC);
    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    EXPECT_EQ(eddy_writer_sendfile(c.writer, fd, 0, -1, NULL), 0);
    EXPECT_EQ(eddy_writer_flush(c.writer), 0);
    EXPECT(has_arrived(&c, "head body file") || test_tortured());
    close(fd);
    place_remove(&p);
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(a_forked_child_sends_nothing_of_what_its_parent_gathered, .whole = true)
{
    struct counted c = counted_open();
    int status = -1;
    pid_t child;

    get_used_to_it(&c);
    EXPECT_EQ(two_writes(&c), 0);
    child = fork();
    if (child == 0) {
        (void)eddy_writer_flush(c.writer);
        eddy_writer_close(c.writer);
        _exit(0);
    }
    REQUIRE(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(eddy_sleep(0), 0);
    EXPECT(has_arrived(&c, "head body"));
    counted_free(&c);
    return 0;
}

TEST_ASYNC_REAL(an_error_of_what_was_gathered_is_raised_by_the_next_call)
{
    struct counted c = counted_open();
    int rc = 0;

    get_used_to_it(&c);
    EXPECT_EQ(shutdown(c.peer, SHUT_RDWR), 0);
    close(c.peer);
    c.peer = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 10 && rc == 0; i++) {
        rc = two_writes(&c);
        eddy_sleep(0);
    }
    EXPECT(rc == -EPIPE || rc == -ECONNRESET || test_tortured());
    counted_free(&c);
    return 0;
}

struct last {
    int peer, rc;
};

static eddy_async(write_and_end, (struct last *, l))
{
    struct counted c = counted_open();

    l->peer = dup(c.peer);
    get_used_to_it(&c);
    l->rc = two_writes(&c);
    eddy_writer_free(c.writer);
    close(c.peer);
    return 0;
}

TEST_REAL(what_the_last_turn_of_a_run_gathers_is_sent)
{
    struct last l = {-1, -1};
    char buf[100];

    if (eddy_run(write_and_end(&l)) == 0 && l.rc == 0)
        EXPECT(recv(l.peer, buf, sizeof buf, MSG_DONTWAIT) == 9 || test_tortured());
    if (l.peer >= 0)
        close(l.peer);
}
