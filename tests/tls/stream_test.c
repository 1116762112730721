/*
 * Streams that speak TLS, over a pair in memory, on virtual time.
 */
#include "tls/tls.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct parties all;

/* Two streams that speak TLS; false if they cannot, as under torture. */
static bool open_tls(struct pair *pair)
{
    parties_make(&all);
    pair_open(pair);
    return EXPECT_EQ(pair_start_tls(pair, &all, "server.test", NULL), 0);
}

/* Both sides end at the same time, as they must in order not to wait for each other. */
static void close_tls(struct pair *pair)
{
    eddy_writer_close(pair->writer[0]);
    eddy_writer_close(pair->writer[1]);
    EXPECT_EQ(eddy_writer_wait_closed(pair->writer[0]), 0);
    EXPECT_EQ(eddy_writer_wait_closed(pair->writer[1]), 0);
    pair_free(pair);
    parties_free(&all);
}

TEST_ASYNC(what_is_written_over_tls_is_read_at_the_other_end)
{
    struct pair p;
    char buf[16] = "";
    const char *line;

    if (open_tls(&p)) {
        EXPECT_EQ(eddy_writer_write(p.writer[0], "hello", 5), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 5), 5);
        EXPECT_STR(buf, "hello");
        EXPECT_EQ(eddy_writer_printf(p.writer[1], "a %s\n", "line"), 0);
        EXPECT_EQ(eddy_reader_readline(p.reader[0], &line), 7);
    }
    close_tls(&p);
    return 0;
}

TEST_ASYNC(nothing_of_it_can_be_read_in_between)
{
    struct pair p;

    if (open_tls(&p)) {
        EXPECT_STR(info(p.writer[0], "version"), "TLSv1.3");
        EXPECT_IN("TLS_", info(p.writer[1], "cipher"));
        EXPECT_STR(info(p.writer[1], "server_hostname"), "server.test");
        EXPECT_IN("DNS:server.test", info(p.writer[0], "peercert_text"));
        EXPECT(eddy_writer_get_extra_info(p.writer[0], "peercert", NULL, 0) > 100);
        EXPECT_EQ(eddy_writer_get_extra_info(p.writer[1], "peercert", NULL, 0), -ENOENT);
        EXPECT_EQ(eddy_writer_get_extra_info(p.writer[0], "compression", NULL, 0), -ENOENT);
        EXPECT_EQ(eddy_writer_get_extra_info(p.writer[0], "alpn", NULL, 0), -ENOENT);
        EXPECT_EQ(resumed(p.writer[0]), 0);
    }
    close_tls(&p);
    return 0;
}

TEST_ASYNC(a_megabyte_goes_through_and_waits_for_its_reader)
{
    static char data[1 << 20];
    struct pair p;
    eddy_task *t;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7 + i / 256);
    if (open_tls(&p)) {
        static char got[sizeof data];

        t = eddy_create_task(write_times(p.writer[0], data, sizeof data, 1));
        EXPECT_EQ(eddy_sleep(1), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], got, sizeof got), (ssize_t)sizeof got);
        EXPECT_EQ(memcmp(got, data, sizeof data), 0);
        EXPECT_EQ(eddy_await(t), 0);
    }
    close_tls(&p);
    return 0;
}

TEST_ASYNC(write_eof_ends_one_direction_and_the_other_goes_on)
{
    struct pair p;
    char buf[16];

    if (open_tls(&p)) {
        EXPECT_EQ(eddy_writer_write(p.writer[0], "last", 4), 0);
        EXPECT_EQ(eddy_writer_write_eof(p.writer[0]), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 4), 4);
        EXPECT_EQ(eddy_reader_read(p.reader[1], buf, sizeof buf), 0);
        EXPECT_EQ(eddy_writer_write(p.writer[1], "answer", 6), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[0], buf, 6), 6);
    }
    close_tls(&p);
    return 0;
}

TEST_ASYNC(a_stream_that_is_given_back_says_farewell_behind_what_was_written)
{
    struct pair p;
    const char *all_of_it;

    if (open_tls(&p)) {
        EXPECT_EQ(eddy_writer_write(p.writer[0], "last words", 10), 0);
        eddy_writer_free(p.writer[0]);
        EXPECT_EQ(eddy_reader_read_all(p.reader[1], SIZE_MAX, &all_of_it), 10);
    } else {
        eddy_writer_free(p.writer[0]);
    }
    eddy_writer_free(p.writer[1]);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(closing_waits_for_the_farewell_of_the_other_side_for_half_a_minute)
{
    struct pair p;

    if (open_tls(&p)) {
        eddy_writer_close(p.writer[0]);
        EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), -ETIMEDOUT);
        EXPECT_EQ((int)eddy_loop_time(eddy_get_running_loop()), 30);
    }
    pair_free(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(an_abort_ends_the_wait_for_the_farewell)
{
    struct pair p;

    if (open_tls(&p)) {
        eddy_writer_close(p.writer[0]);
        EXPECT_EQ(eddy_sleep(1), 0);
        eddy_writer_abort(p.writer[0]);
        EXPECT_EQ(eddy_writer_wait_closed(p.writer[0]), 0);
        EXPECT_EQ((int)eddy_loop_time(eddy_get_running_loop()), 1);
    }
    pair_free(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(the_loop_may_be_closed_while_farewells_are_said)
{
    struct pair p;

    if (open_tls(&p))
        eddy_writer_close(p.writer[0]);
    pair_free(&p);
    parties_free(&all);
    return 0;
}

/* Both ends of a connection of sockets, as pair_open() makes them in memory. */
static void socket_pair_open(struct pair *p)
{
    int fds[2];

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    for (int i = 0; i < 2; i++)
        REQUIRE(eddy_open_connection(NULL, 0, &p->reader[i], &p->writer[i], .sock = fds[i]) == 0);
}

/* Does the same over TCP, with small socket buffers. */
static void tcp_pair_open(struct pair *p)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 65536, fds[2];
    socklen_t size = sizeof addr;

    REQUIRE(listener >= 0 && bind(listener, (struct sockaddr *)&addr, size) == 0);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    REQUIRE(listen(listener, 1) == 0 &&
            getsockname(listener, (struct sockaddr *)&addr, &size) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    REQUIRE(fds[0] >= 0 && connect(fds[0], (struct sockaddr *)&addr, size) == 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    REQUIRE(fds[1] >= 0);
    close(listener);
    for (int i = 0; i < 2; i++)
        REQUIRE(eddy_open_connection(NULL, 0, &p->reader[i], &p->writer[i], .sock = fds[i]) == 0);
}

static struct pair silent;

/* The other side says nothing, and never will. */
static eddy_async(begin_farewell)
{
    parties_make(&all);
    socket_pair_open(&silent);
    if (EXPECT_EQ(pair_start_tls(&silent, &all, "server.test", NULL), 0))
        eddy_writer_close(silent.writer[0]);
    parties_free(&all);
    return eddy_sleep(0);
}

TEST_REAL(a_loop_can_be_closed_though_a_peer_says_no_farewell)
{
    eddy_loop *loop = test_real_loop();

    REQUIRE(loop != NULL);
    EXPECT_EQ(eddy_loop_run_until_complete(loop, begin_farewell()), 0);
    EXPECT_EQ(eddy_loop_close(loop), 0);
    pair_free(&silent);
    eddy_loop_unref(loop);
}

/* At the end of a run: how long the run waits for a peer that has received everything and has not
 * sent its close_notify. */

static void tick(void *ticks)
{
    ++*(int *)ticks;
}

/* A run that fails before it begins leaves no pair to be freed a second time. */
static void silent_free(void)
{
    pair_free(&silent);
    silent = (struct pair){0};
}

static eddy_async(leave_without_answer, (double, shutdown_timeout), (int *, ticks))
{
    eddy_loop *loop = eddy_get_running_loop();
    eddy_task *server;

    parties_make(&all);
    pair_open(&silent);
    server = eddy_create_task(serve_tls(silent.writer[1], all.server_context));
    EXPECT_EQ(eddy_writer_start_tls(silent.writer[0], all.client_context,
                                    .server_hostname = "server.test",
                                    .shutdown_timeout = shutdown_timeout),
              0);
    EXPECT_EQ(eddy_await(server), 0);
    EXPECT_EQ(eddy_writer_write(silent.writer[0], "bye", 3), 0);
    eddy_writer_close(silent.writer[0]);
    parties_free(&all);
    for (int i = 0; i < 4; i++)
        eddy_loop_call_later(loop, 0.1 + 0.3 * i, tick, ticks);
    return 0;
}

static int ticks_after_the_run(double shutdown_timeout, double close_timeout)
{
    int ticks = 0;

    EXPECT_EQ(eddy_run(leave_without_answer(shutdown_timeout, &ticks),
                       .loop_factory = test_virtual_loop, .close_timeout = close_timeout),
              0);
    silent_free();
    return ticks;
}

TEST_VIRTUAL(when_a_run_is_over_a_farewell_is_waited_for_a_second_or_less)
{
    EXPECT_EQ(ticks_after_the_run(0, 0), 4);   /* 0.1, 0.4, 0.7, 1.0 */
    EXPECT_EQ(ticks_after_the_run(0, 0.5), 2); /* by .close_timeout */
    EXPECT_EQ(ticks_after_the_run(0.2, 0), 1); /* by .shutdown_timeout */
    EXPECT_EQ(ticks_after_the_run(0.8, 60), 3);
}

/* More than the two sides take: some of it is kept by TLS as well. */
static eddy_async(leave_much, (int *, ret_fd))
{
    static char much[4 << 20];
    int fd;

    parties_make(&all);
    tcp_pair_open(&silent);
    if (EXPECT_EQ(pair_start_tls(&silent, &all, "server.test", NULL), 0)) {
        EXPECT_EQ(eddy_writer_get_extra_info(silent.writer[1], "socket", &fd, sizeof fd),
                  sizeof fd);
        *ret_fd = dup(fd);
        EXPECT_EQ(eddy_writer_write(silent.writer[0], much, test_tortured() ? 400000 : sizeof much),
                  0);
        eddy_writer_close(silent.writer[0]);
    }
    parties_free(&all);
    return 0;
}

static int read_to_end(int fd)
{
    static char buf[65536];
    ssize_t n;

    do
        n = read(fd, buf, sizeof buf);
    while (n > 0);
    return n < 0 ? -errno : 0;
}

TEST_REAL(what_is_kept_of_tls_is_cut_off_with_a_reset)
{
    for (int directly = 0; directly < 2; directly++) {
        eddy_loop *loop = directly ? test_real_loop() : NULL;
        int fd = -1;

        if (loop) {
            EXPECT_EQ(eddy_loop_run_until_complete(loop, leave_much(&fd)), 0);
            EXPECT_EQ(eddy_loop_close(loop), 0);
            eddy_loop_unref(loop);
        } else {
            EXPECT_EQ(
                eddy_run(leave_much(&fd), .loop_factory = test_real_loop, .close_timeout = 0.01),
                0);
        }
        if (EXPECT(fd >= 0)) {
            EXPECT_EQ(read_to_end(fd), -ECONNRESET);
            close(fd);
        }
        silent_free();
    }
}

TEST_ASYNC(an_end_without_farewell_is_no_ordinary_end)
{
    struct pair p;
    char buf[16];

    if (open_tls(&p)) {
        EXPECT_EQ(eddy_writer_write(p.writer[0], "half", 4), 0);
        eddy_writer_abort(p.writer[0]);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 4), 4);
        EXPECT_EQ(eddy_reader_read(p.reader[1], buf, sizeof buf), EDDY_ETRUNCATED);
        EXPECT_IN("without close_notify", eddy_exception_message(eddy_error()));
        EXPECT_EQ(eddy_reader_read(p.reader[1], buf, sizeof buf), EDDY_ETRUNCATED);
    }
    pair_free(&p);
    parties_free(&all);
    return 0;
}

TEST_ASYNC(a_cancelled_read_takes_nothing_from_tls_either)
{
    struct pair p;
    const char *line;
    eddy_task *t;

    if (open_tls(&p)) {
        t = eddy_create_task(read_line(p.reader[1]));
        EXPECT_EQ(eddy_writer_write(p.writer[0], "half", 4), 0);
        EXPECT_EQ(eddy_sleep(1), 0);
        if (t)
            eddy_task_cancel(t, NULL);
        EXPECT_EQ(eddy_await(t), -ECANCELED);
        EXPECT_EQ(eddy_writer_write(p.writer[0], "way\n", 4), 0);
        EXPECT_EQ(eddy_reader_readline(p.reader[1], &line), 8);
    }
    close_tls(&p);
    return 0;
}

TEST_ASYNC(tls_goes_over_tls)
{
    struct pair p;
    char buf[16] = "";

    if (open_tls(&p) && EXPECT_EQ(pair_start_tls(&p, &all, "server.test", NULL), 0)) {
        EXPECT_EQ(eddy_writer_write(p.writer[0], "twice", 5), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[1], buf, 5), 5);
        EXPECT_STR(buf, "twice");
    }
    close_tls(&p);
    return 0;
}

/* Waits for the word, and for what comes with it. */
static eddy_async(serve_starttls, (eddy_reader *, reader), (eddy_writer *, writer))
{
    const char *line;
    ssize_t n = eddy_reader_readline(reader, &line);

    if (n != 9)
        return n < 0 ? (int)n : -EPROTO;
    EXPECT(eddy_reader_buffered(reader) > 9);
    return eddy_writer_start_tls(writer, all.server_context, .server_side = true);
}

TEST_ASYNC(what_a_client_sent_ahead_is_taken_as_tls)
{
    struct pair p;
    eddy_task *server;
    char buf[8] = "";

    parties_make(&all);
    pair_open(&p);
    EXPECT_EQ(eddy_writer_write(p.writer[0], "STARTTLS\n", 9), 0);
    server = eddy_create_task(serve_starttls(p.reader[1], p.writer[1]));
    if (EXPECT_EQ(eddy_writer_start_tls(p.writer[0], all.client_context,
                                        .server_hostname = "server.test"),
                  0) &&
        EXPECT_EQ(eddy_await(eddy_ref(server)), 0)) {
        EXPECT_EQ(eddy_writer_write(p.writer[1], "safe", 4), 0);
        EXPECT_EQ(eddy_reader_readexactly(p.reader[0], buf, 4), 4);
        EXPECT_STR(buf, "safe");
    } else {
        eddy_writer_abort(p.writer[0]);
        eddy_await(eddy_ref(server));
    }
    eddy_unref(server);
    close_tls(&p);
    return 0;
}

TEST_ASYNC_REAL(one_end_of_a_pipe_speaks_no_tls)
{
    eddy_writer *w;
    int fds[2];

    parties_make(&all);
    REQUIRE(pipe(fds) == 0);
    if (EXPECT_EQ(eddy_connect_write_pipe(fds[1], &w), 0)) {
        EXPECT_EQ(eddy_writer_start_tls(w, all.client_context), EDDY_EMISUSE);
        EXPECT_EQ(eddy_writer_write(w, "plain", 5), 0);
        EXPECT(!eddy_writer_is_closing(w));
        eddy_writer_free(w);
    } else {
        close(fds[1]);
    }
    close(fds[0]);
    parties_free(&all);
    return 0;
}
