/*
 * The promises of backend.h about operations, completions and waiting, on the backend of the
 * environment.
 */
#include "backend/rig.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>

TEST_REAL(a_poll_completes_with_the_events_that_are_there)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    pair_open(s);
    struct rig_op writable = rig_poll(s[0], POLLIN | POLLOUT);
    EXPECT_EQ(rig_run(b, &writable), POLLOUT);

    EXPECT(socket_write(s[1], "x"));
    struct rig_op readable = rig_poll(s[0], POLLIN);
    EXPECT_EQ(rig_run(b, &readable), POLLIN);

    rig_close(b);
    pair_close(s);
}

TEST_REAL(a_poll_reports_a_hang_up_without_being_asked)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    pair_open(s);
    close(s[1]);
    struct rig_op poll = rig_poll(s[0], POLLIN);
    int64_t events = rig_run(b, &poll);
    EXPECT(events > 0 && events & POLLHUP);

    rig_close(b);
    close(s[0]);
}

TEST_REAL(nothing_completes_outside_of_wait)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    EXPECT(socket_write(s[1], "data"));
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    EXPECT_EQ(recv.completions, 0);
    EXPECT_EQ(rig_finish(b, &recv), 4);
    rig_settle(b);
    EXPECT_EQ(recv.completions, 1);

    struct rig_op cancelled = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &cancelled), 0);
    rig_cancel(b, &cancelled);
    EXPECT_EQ(cancelled.completions, 0);
    EXPECT_EQ(rig_finish(b, &cancelled), -ECANCELED);

    rig_close(b);
    pair_close(s);
}

TEST_REAL(a_recv_gets_what_comes_later_and_then_the_end)
{
    struct eddyi_backend *b = rig_open();
    char buf[8] = "";
    int s[2];

    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    EXPECT_EQ(recv.completions, 0);
    EXPECT(socket_write(s[1], "later"));
    EXPECT_EQ(rig_finish(b, &recv), 5);
    EXPECT(memcmp(buf, "later", 5) == 0);

    struct rig_op end = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &end), 0);
    rig_settle(b);
    close(s[1]);
    EXPECT_EQ(rig_finish(b, &end), 0);

    rig_close(b);
    close(s[0]);
}

TEST_REAL(a_send_waits_for_room)
{
    static const char block[65536];
    struct eddyi_backend *b = rig_open();
    char sink[65536];
    int s[2];

    pair_open(s);
    while (write(s[0], block, sizeof block) > 0)
        ;
    struct rig_op send = rig_send(s[0], block, sizeof block);
    EXPECT_EQ(rig_submit(b, &send), 0);
    rig_settle(b);
    EXPECT_EQ(send.completions, 0);
    while (read(s[1], sink, sizeof sink) > 0)
        ;
    int64_t sent = rig_finish(b, &send);
    EXPECT(sent >= 1 && sent <= (int64_t)sizeof block);

    rig_close(b);
    pair_close(s);
}

TEST_REAL(a_reader_and_a_writer_of_one_descriptor_do_not_disturb_each_other)
{
    static const char block[65536];
    struct eddyi_backend *b = rig_open();
    char buf[8], sink[65536];
    int s[2];

    pair_open(s);
    while (write(s[0], block, sizeof block) > 0)
        ;
    struct rig_op send = rig_send(s[0], block, sizeof block),
                  recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &send), 0);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    EXPECT(socket_write(s[1], "one"));
    EXPECT_EQ(rig_finish(b, &recv), 3);
    EXPECT_EQ(send.completions, 0);

    struct rig_op again = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &again), 0);
    while (read(s[1], sink, sizeof sink) > 0)
        ;
    EXPECT(rig_finish(b, &send) >= 1);
    EXPECT_EQ(again.completions, 0);
    EXPECT(socket_write(s[1], "more"));
    EXPECT_EQ(rig_finish(b, &again), 4);

    rig_close(b);
    pair_close(s);
}

/* Cancelling. */

TEST_REAL(a_cancelled_operation_completes_exactly_once)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    rig_cancel(b, &recv);
    rig_cancel(b, &recv);
    EXPECT_EQ(recv.completions, 0);
    EXPECT_EQ(rig_finish(b, &recv), -ECANCELED);
    rig_settle(b);
    EXPECT_EQ(recv.completions, 1);

    rig_close(b);
    pair_close(s);
}

/* Whichever side wins the race, the bytes are in the buffer or still in the socket. */
TEST_REAL(bytes_that_come_together_with_a_cancellation_are_not_lost)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    for (int settled = 0; settled < 2; settled++) {
        struct rig_op recv = rig_recv(s[0], buf, sizeof buf);

        EXPECT_EQ(rig_submit(b, &recv), 0);
        if (settled)
            rig_settle(b);
        EXPECT(socket_write(s[1], "bytes"));
        rig_cancel(b, &recv);
        int64_t n = rig_finish(b, &recv);
        EXPECT(n == 5 || n == -ECANCELED);
        if (n < 0)
            EXPECT_EQ(read(s[0], buf, sizeof buf), 5);
        EXPECT_EQ(read(s[0], buf, sizeof buf), -1);
        EXPECT_EQ(recv.completions, 1);
    }
    rig_close(b);
    pair_close(s);
}

static void cancel_other(struct rig_op *o)
{
    rig_cancel(o->backend, o->arg);
}

TEST_REAL(a_completion_may_cancel_an_operation_that_is_just_completing)
{
    struct eddyi_backend *b = rig_open();
    char buf[2][8];
    int s[2], t[2];

    pair_open(s);
    pair_open(t);
    struct rig_op first = rig_recv(s[0], buf[0], 8), second = rig_recv(t[0], buf[1], 8);
    first.then = second.then = cancel_other;
    first.arg = &second;
    second.arg = &first;
    EXPECT_EQ(rig_submit(b, &first), 0);
    EXPECT_EQ(rig_submit(b, &second), 0);
    rig_settle(b);
    EXPECT(socket_write(s[1], "a"));
    EXPECT(socket_write(t[1], "b"));
    EXPECT(rig_finish(b, &first) == 1 || read(s[0], buf[0], 8) == 1);
    EXPECT(rig_finish(b, &second) == 1 || read(t[0], buf[1], 8) == 1);
    rig_settle(b);
    EXPECT_EQ(first.completions, 1);
    EXPECT_EQ(second.completions, 1);

    rig_close(b);
    pair_close(s);
    pair_close(t);
}

TEST_REAL(an_operation_after_a_cancelled_one_is_not_hit_by_its_cancellation)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    for (int i = 0; i < (test_tortured() ? 4 : 100); i++) {
        recv.completions = 0;
        EXPECT_EQ(rig_submit(b, &recv), 0);
        b->ops->wait(b, 0);
        EXPECT(socket_write(s[1], "x"));
        if (i % 2)
            b->ops->wait(b, 0);
        rig_cancel(b, &recv);
        if (rig_finish(b, &recv) == -ECANCELED)
            EXPECT_EQ(read(s[0], buf, 1), 1);
        /* The operation's memory is used again at once: not cancelled this time, the operation
         * receives the byte. */
        recv.completions = 0;
        EXPECT_EQ(rig_submit(b, &recv), 0);
        EXPECT(socket_write(s[1], "y"));
        EXPECT_EQ(rig_finish(b, &recv), 1);
        EXPECT_EQ(buf[0], 'y');
    }
    rig_close(b);
    pair_close(s);
}

static void submit_again(struct rig_op *o)
{
    if (o->completions < 100)
        EXPECT_EQ(rig_submit(o->backend, o), 0);
}

TEST_REAL(a_completion_may_submit_its_own_operation_again)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    pair_open(s);
    struct rig_op poll = rig_poll(s[0], POLLOUT);
    poll.then = submit_again;
    EXPECT_EQ(rig_submit(b, &poll), 0);
    for (int i = 0; i < 200 && poll.completions < 100; i++)
        EXPECT_EQ(rig_wait_forever(b), 0);
    EXPECT_EQ(poll.completions, 100);

    rig_close(b);
    pair_close(s);
}

/* Many at once: more than a submission queue, or a batch of events, holds. */

enum { MANY = 10000 };

static int raise_limit(int wanted)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur - 100 < (rlim_t)wanted ? (int)limit.rlim_cur - 100 : wanted;
}

static void many(bool ready)
{
    struct eddyi_backend *b = rig_open();
    int n = raise_limit(test_slowness() > 1 ? 2000 : MANY), event = eventfd(ready, EFD_CLOEXEC);
    struct rig_op *ops = calloc((size_t)n, sizeof *ops);
    int bad = 0;

    REQUIRE(ops != NULL && event >= 0);
    for (int i = 0; i < n; i++) {
        ops[i] = rig_poll(fcntl(event, F_DUPFD_CLOEXEC, 0), POLLIN);
        bad += rig_submit(b, &ops[i]) != 0;
    }
    if (!ready) {
        rig_settle(b);
        for (int i = 0; i < n; i++)
            rig_cancel(b, &ops[i]);
    }
    for (int i = 0; i < n; i++)
        bad += rig_finish(b, &ops[i]) != (ready ? POLLIN : -ECANCELED);
    rig_settle(b);
    for (int i = 0; i < n; i++) {
        bad += ops[i].completions != 1;
        close(ops[i].op.fd);
    }
    EXPECT_EQ(bad, 0);
    free(ops);
    close(event);
    rig_close(b);
}

TEST_REAL(ten_thousand_operations_complete_at_once)
{
    if (!test_tortured())
        many(true);
}

TEST_REAL(ten_thousand_operations_are_cancelled_at_once)
{
    if (!test_tortured())
        many(false);
}

/* Bursts: more than the kernel hands out in one call of its own accord. */

enum { BURST = 700 };

/* How many of the operations the first wait completes, after all have become ready at once. */
static int first_wait_completes(struct eddyi_backend *b, struct rig_op *ops, int n)
{
    int done = 0;

    for (int i = 0; i < n; i++) {
        ops[i].completions = 0;
        REQUIRE(rig_submit(b, &ops[i]) == 0);
    }
    rig_settle(b);
    for (int i = 0; i < n; i++)
        REQUIRE(eventfd_write(ops[i].op.fd, 1) == 0);
    b->ops->wait(b, -1);
    for (int i = 0; i < n; i++)
        done += ops[i].completions;
    for (int i = 0; i < n; i++) {
        eventfd_t value;

        rig_finish(b, &ops[i]);
        eventfd_read(ops[i].op.fd, &value);
    }
    return done;
}

TEST_REAL(all_that_has_become_ready_completes_in_one_wait)
{
    struct rig_op *ops = calloc(BURST, sizeof *ops);
    struct eddyi_backend *b = rig_open();
    int n = raise_limit(BURST);

    for (int i = 0; i < n; i++)
        ops[i] = rig_poll(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), POLLIN);
    if (!test_tortured()) {
        for (int i = 0; i < 2 && !rig_is_uring(b); i++)
            first_wait_completes(b, ops, n); /* makes room for so many events */
        EXPECT_EQ(first_wait_completes(b, ops, n), n);
    }
    for (int i = 0; i < n; i++)
        close(ops[i].op.fd);
    free(ops);
    rig_close(b);
}

/* Waiting. */

TEST_REAL(a_wait_is_never_early)
{
    struct eddyi_backend *b = rig_open();
    static const int64_t limits[] = {1, 999, 100000, 999999, 1000001, 3 * MILLISECONDS};

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        int64_t begin = b->ops->now(b);

        EXPECT_EQ(b->ops->wait(b, limits[i]), 0);
        EXPECT(b->ops->now(b) - begin >= limits[i]);
    }
    rig_close(b);
}

TEST_REAL(a_wait_does_not_sleep_when_a_completion_is_at_hand)
{
    struct eddyi_backend *b = rig_open();
    char buf[1];
    int s[2];

    pair_open(s);
    /* Without limit: each of these would hang if it did. */
    struct rig_op cancelled = rig_recv(s[0], buf, 1), ready = rig_poll(s[0], POLLOUT);
    EXPECT_EQ(rig_submit(b, &cancelled), 0);
    rig_cancel(b, &cancelled);
    EXPECT_EQ(rig_wait_forever(b), 0);
    EXPECT_EQ(cancelled.completions, 1);
    EXPECT_EQ(rig_submit(b, &ready), 0);
    rig_finish(b, &ready);

    rig_close(b);
    pair_close(s);
}

TEST_REAL(a_wake_before_the_wait_ends_it)
{
    struct eddyi_backend *b = rig_open();

    for (int i = 0; i < 3; i++) {
        b->ops->wake(b);
        b->ops->wake(b);
        EXPECT_EQ(rig_wait_forever(b), 0);
    }
    rig_close(b);
}

TEST_REAL(a_wake_is_not_lost_in_a_wait_that_does_not_sleep_nor_repeated_for_ever)
{
    struct eddyi_backend *b = rig_open();
    int64_t begin = b->ops->now(b);
    int turns = 0;

    b->ops->wake(b);
    while (b->ops->now(b) - begin < 20 * MILLISECONDS && turns < 1000) {
        EXPECT_EQ(b->ops->wait(b, 5 * MILLISECONDS), 0);
        turns++;
    }
    EXPECT(turns <= 7);
    rig_close(b);
}

static void *wake_often(void *arg)
{
    struct eddyi_backend *b = arg;

    for (int i = 0; i < (test_tortured() ? 2 : 1000); i++)
        b->ops->wake(b);
    return NULL;
}

TEST_REAL(another_thread_wakes_a_wait_without_limit)
{
    struct eddyi_backend *b = rig_open();
    pthread_t thread;

    for (int i = 0; i < (test_tortured() ? 2 : 20); i++) {
        REQUIRE(pthread_create(&thread, NULL, wake_often, b) == 0);
        EXPECT_EQ(rig_wait_forever(b), 0);
        pthread_join(thread, NULL);
        b->ops->wait(b, 0);
    }
    rig_close(b);
}

static volatile sig_atomic_t ticks;

static void tick(int signo)
{
    ticks = ticks + 1;
}

TEST_REAL(a_signal_ends_a_wait_without_an_error)
{
    struct eddyi_backend *b = rig_open();
    struct sigaction action = {.sa_handler = tick}, before;
    /* Again and again: one that comes before the wait has begun does not end it. */
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};

    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    while (ticks < 3)
        EXPECT_EQ(b->ops->wait(b, -1), 0);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    rig_close(b);
}

/* A loop may be made in one thread and run in others, one after the other. */

static void *settle_there(void *arg)
{
    rig_settle(arg);
    return NULL;
}

static void *finish_there(void *arg)
{
    struct rig_op *o = arg;

    rig_finish(o->backend, o);
    return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    REQUIRE(pthread_create(&thread, NULL, fn, arg) == 0);
    pthread_join(thread, NULL);
}

TEST_REAL(a_backend_made_in_one_thread_is_run_by_another_thread)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    EXPECT(socket_write(s[1], "x"));
    in_thread(finish_there, &recv);
    EXPECT_EQ(recv.op.result, 1);

    rig_close(b);
    pair_close(s);
}

TEST_REAL(operations_outlive_the_thread_that_submitted_them)
{
    struct eddyi_backend *b = rig_open();
    char buf[3][8];
    int s[2], t[2], u[2];

    pair_open(s);
    pair_open(t);
    pair_open(u);
    struct rig_op early = rig_recv(s[0], buf[0], 8), late = rig_recv(t[0], buf[1], 8);
    struct rig_op cancelled = rig_recv(u[0], buf[2], 8);
    EXPECT_EQ(rig_submit(b, &early), 0);
    EXPECT_EQ(rig_submit(b, &late), 0);
    EXPECT_EQ(rig_submit(b, &cancelled), 0);
    in_thread(settle_there, b);
    EXPECT(socket_write(s[1], "early"));
    rig_cancel(b, &cancelled);

    EXPECT_EQ(rig_finish(b, &early), 5);
    EXPECT_EQ(rig_finish(b, &cancelled), -ECANCELED);
    in_thread(settle_there, b);
    EXPECT(socket_write(t[1], "la"));
    EXPECT_EQ(rig_finish(b, &late), 2);
    b->ops->wake(b);
    EXPECT_EQ(rig_wait_forever(b), 0);

    rig_close(b);
    pair_close(s);
    pair_close(t);
    pair_close(u);
}
