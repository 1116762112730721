/*
 * Descriptors in all their states: closed, used again, of the wrong kind, in error.
 */
#include "backend/rig.h"

#include <dirent.h>
#include <linux/errqueue.h>
#include <mqueue.h>

/* A receive that has to wait, for one byte. */
static void receive_one(struct eddyi_backend *b, struct rig_op *recv, int peer)
{
    EXPECT_EQ(rig_submit(b, recv), 0);
    rig_settle(b);
    EXPECT(socket_write(peer, "x"));
    EXPECT_EQ(rig_finish(b, recv), 1);
}

/* Does the same for operation @p o, which may receive or poll. */
static void receive_one_event(struct eddyi_backend *b, struct rig_op *o, int peer)
{
    EXPECT_EQ(rig_submit(b, o), 0);
    rig_settle(b);
    EXPECT(socket_write(peer, "x"));
    EXPECT(rig_finish(b, o) > 0);
}

/* Makes @fd the number of @other, and closes what had the number, and @other. */
static void renumber(int other, int fd)
{
    if (other != fd) {
        REQUIRE(dup2(other, fd) == fd);
        close(other);
    }
}

TEST_REAL(a_number_that_was_closed_and_used_again_works)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    for (int i = 0; i < 5; i++) {
        int number;

        pair_open(s);
        struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
        receive_one(b, &recv, s[1]);
        number = s[0];
        pair_close(s);
        EXPECT_EQ(fcntl(number, F_GETFD), -1);
    }
    rig_close(b);
}

/* The old file lives on in a duplicate, and so do registrations for it under the old number. */
static void reuse_while_a_duplicate_lives(bool cancel)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int old[2], new[2], duplicate, number;

    pair_open(old);
    number = old[0];
    duplicate = fcntl(number, F_DUPFD_CLOEXEC, 0);
    struct rig_op before = rig_recv(number, buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &before), 0);
    rig_settle(b);
    if (cancel)
        rig_cancel(b, &before);
    else
        EXPECT(socket_write(old[1], "x"));
    EXPECT_EQ(rig_finish(b, &before), cancel ? -ECANCELED : 1);
    close(number);

    pair_open(new);
    renumber(new[0], number);
    struct rig_op poll = rig_poll(number, POLLIN);
    EXPECT_EQ(rig_submit(b, &poll), 0);
    rig_settle(b);
    EXPECT(socket_write(old[1], "for the old one"));
    rig_settle(b);
    b->ops->wait(b, 2 * MILLISECONDS);
    EXPECT_EQ(poll.completions, 0);
    EXPECT(socket_write(new[1], "y"));
    EXPECT_EQ(rig_finish(b, &poll), POLLIN);

    /* Restores the old file under the old number, for which a registration may still exist. */
    close(number);
    renumber(duplicate, number);
    struct rig_op after = rig_recv(number, buf, 3);
    EXPECT_EQ(rig_run(b, &after), 3);
    EXPECT(memcmp(buf, "for", 3) == 0);

    close(number);
    close(old[1]);
    close(new[1]);
    rig_close(b);
}

TEST_REAL(events_of_a_closed_file_do_not_reach_the_next_with_its_number)
{
    reuse_while_a_duplicate_lives(false);
}

TEST_REAL(a_cancelled_wait_on_a_closed_file_does_not_reach_the_next_with_its_number)
{
    reuse_while_a_duplicate_lives(true);
}

/* A receive that follows one which has had to wait, as a server's does. */
static struct rig_op next_recv(int fd, char *buf, size_t size)
{
    struct rig_op o = rig_recv(fd, buf, size);

    o.op.tried = true;
    return o;
}

/* The first two waits of a number are on one file, the third is on another; something has come for
 * it. */
static void change_hands(bool backend_sleeps)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2], other[2];

    connection_open(s);
    for (int i = 0; i < 2; i++) {
        struct rig_op recv = next_recv(s[0], buf, sizeof buf);

        receive_one(b, &recv, s[1]);
    }
    connection_open(other);
    renumber(other[0], s[0]);
    close(s[1]);
    struct rig_op third = next_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &third), 0);
    EXPECT(socket_write(other[1], "y"));

    if (!backend_sleeps) {
        for (int i = 0; i < 300 && third.completions == 0; i++)
            b->ops->wait(b, 0);
        EXPECT_EQ(third.completions, 1);
    }
    EXPECT_EQ(rig_finish(b, &third), 1);
    close(s[0]);
    close(other[1]);
    rig_close(b);
}

TEST_REAL(what_waits_on_a_number_that_changed_hands_is_woken_before_the_backend_sleeps)
{
    change_hands(true);
}

TEST_REAL(what_waits_on_a_number_that_changed_hands_is_woken_though_the_backend_never_sleeps)
{
    change_hands(false);
}

TEST_REAL(an_end_that_came_before_a_short_receive_is_seen_by_the_next)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    connection_open(s);
    struct rig_op first = next_recv(s[0], buf, sizeof buf), last = next_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &first), 0);
    rig_settle(b);
    EXPECT(socket_write(s[1], "x"));
    shutdown(s[1], SHUT_WR);
    EXPECT_EQ(rig_finish(b, &first), 1);
    EXPECT_EQ(rig_run(b, &last), 0);
    pair_close(s);
    rig_close(b);
}

TEST_REAL(two_numbers_of_one_file_are_waited_for_apart)
{
    struct eddyi_backend *b = rig_open();
    int s[2], duplicate;

    pair_open(s);
    duplicate = fcntl(s[0], F_DUPFD_CLOEXEC, 0);
    struct rig_op one = rig_poll(s[0], POLLIN), two = rig_poll(duplicate, POLLIN);
    EXPECT_EQ(rig_submit(b, &one), 0);
    EXPECT_EQ(rig_submit(b, &two), 0);
    rig_settle(b);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(rig_finish(b, &one), POLLIN);
    EXPECT_EQ(rig_finish(b, &two), POLLIN);

    close(duplicate);
    pair_close(s);
    rig_close(b);
}

TEST_REAL(what_is_always_ready_cannot_be_waited_for)
{
    static const char *const paths[] = {"/proc/self/exe", "/", "/dev/null"};
    struct eddyi_backend *b = rig_open();

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        struct rig_op poll = rig_poll(fd, POLLIN);

        EXPECT_EQ(rig_run(b, &poll), -EPERM);
        EXPECT_EQ(poll.completions, 0);
        close(fd);
    }
    rig_close(b);
}

TEST_REAL(pipes_and_terminals_can_be_waited_for)
{
    struct eddyi_backend *b = rig_open();
    int p[2], terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    REQUIRE(pipe2(p, O_CLOEXEC) == 0);
    struct rig_op in = rig_poll(p[0], POLLIN), out = rig_poll(p[1], POLLOUT);
    EXPECT_EQ(rig_submit(b, &in), 0);
    EXPECT_EQ(rig_run(b, &out), POLLOUT);
    EXPECT_EQ(write(p[1], "x", 1), 1);
    EXPECT_EQ(rig_finish(b, &in), POLLIN);
    if (terminal >= 0) {
        struct rig_op poll = rig_poll(terminal, POLLOUT);

        EXPECT(rig_run(b, &poll) > 0);
        close(terminal);
    }
    pair_close(p);
    rig_close(b);
}

TEST_REAL(what_is_no_descriptor_is_refused)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    pair_close(s);
    struct rig_op negative = rig_recv(-1, buf, 8), huge = rig_recv(INT32_MAX, buf, 8);
    struct rig_op poll = rig_poll(s[0], POLLIN), recv = rig_recv(s[0], buf, 8);
    struct rig_op send = rig_send(s[0], buf, 8), accept = rig_accept(s[0]);
    EXPECT_EQ(rig_run(b, &negative), -EBADF);
    EXPECT_EQ(rig_run(b, &huge), -EBADF);
    EXPECT_EQ(rig_run(b, &poll), -EBADF);
    EXPECT_EQ(rig_run(b, &recv), -EBADF);
    EXPECT_EQ(rig_run(b, &send), -EBADF);
    EXPECT_EQ(rig_run(b, &accept), -EBADF);
    rig_close(b);
}

TEST_REAL(what_is_no_socket_is_told_so)
{
    struct eddyi_backend *b = rig_open();
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    char buf[8] = "";

    struct rig_op recv = rig_recv(file, buf, 8), send = rig_send(file, buf, 8),
                  accept = rig_accept(file);
    EXPECT_EQ(rig_run(b, &recv), -ENOTSOCK);
    EXPECT_EQ(rig_run(b, &send), -ENOTSOCK);
    EXPECT_EQ(rig_run(b, &accept), -ENOTSOCK);
    close(file);
    rig_close(b);
}

TEST_REAL(sending_to_a_peer_that_is_gone_is_an_error_and_no_signal)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    pair_open(s);
    close(s[1]);
    struct rig_op send = rig_send(s[0], "x", 1);
    EXPECT_EQ(rig_run(b, &send), -EPIPE);
    close(s[0]);
    rig_close(b);
}

/* Connections. */

static void connect_and_accept(int flags)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, flags),
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    int64_t server;
    char buf[8];

    struct rig_op accept = rig_accept(listener), connect = rig_connect(client, &addr);
    EXPECT_EQ(rig_submit(b, &accept), 0);
    rig_settle(b);
    if (!EXPECT_EQ(rig_run(b, &connect), 0))
        rig_cancel(b, &accept);
    server = rig_finish(b, &accept);
    REQUIRE(server >= 0);
    EXPECT(fcntl((int)server, F_GETFL) & O_NONBLOCK);
    EXPECT(fcntl((int)server, F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ((fcntl(listener, F_GETFL) & O_NONBLOCK) != 0, flags != 0);
    EXPECT_EQ((fcntl(client, F_GETFL) & O_NONBLOCK) != 0, flags != 0);

    /* A reset while the other end waits. */
    struct rig_op recv = rig_recv(client, buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    setsockopt((int)server, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close((int)server);
    EXPECT_EQ(rig_finish(b, &recv), -ECONNRESET);

    close(client);
    close(listener);
    rig_close(b);
}

TEST_REAL(non_blocking_sockets_connect_and_accept)
{
    connect_and_accept(SOCK_NONBLOCK);
}

TEST_REAL(blocking_sockets_connect_and_accept_without_blocking)
{
    connect_and_accept(0);
}

TEST_REAL(a_refused_connection_says_so)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int refusing_fd = socket_refusing(&addr),
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    struct rig_op connect = rig_connect(client, &addr);
    EXPECT_EQ(rig_run(b, &connect), -ECONNREFUSED);
    close(client);
    close(refusing_fd);
    rig_close(b);
}

/*
 * A message on the error queue keeps a socket in an error state that recv does not report. That
 * state must not wake a receiver over and over.
 */
TEST_REAL(an_error_state_that_stays_does_not_keep_the_backend_busy)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int refusing_fd = socket_refusing(&addr),
        client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1, turns = 0;
    int64_t begin;
    char buf[8];

    REQUIRE(connect(client, (struct sockaddr *)&addr, sizeof addr) == 0);
    REQUIRE(setsockopt(client, SOL_IP, IP_RECVERR, &on, sizeof on) == 0);
    if (send(client, "x", 1, 0) != 1 || poll(&(struct pollfd){client, POLLIN, 0}, 1, 1000) != 1)
        SKIP("no ICMP answer on the loopback");
    EXPECT_EQ(recv(client, buf, sizeof buf, MSG_DONTWAIT), -1);

    struct rig_op recv_op = rig_recv(client, buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv_op), 0);
    begin = b->ops->now(b);
    while (b->ops->now(b) - begin < 40 * MILLISECONDS && recv_op.completions == 0) {
        EXPECT_EQ(b->ops->wait(b, 10 * MILLISECONDS), 0);
        turns++;
    }
    EXPECT_EQ(recv_op.completions, 0);
    EXPECT(turns <= 10);
    rig_cancel(b, &recv_op);
    EXPECT_EQ(rig_finish(b, &recv_op), -ECANCELED);

    close(client);
    close(refusing_fd);
    rig_close(b);
}

/* Descriptors that are let go. */

static void listen_again_at(const struct sockaddr_in *addr)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    EXPECT(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    EXPECT(bind(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 && listen(fd, 5) == 0);
    close(fd);
}

static void withdraw(struct eddyi_backend *b, struct rig_op *o)
{
    if (o->refused == 0)
        (b->ops->withdraw ? b->ops->withdraw : b->ops->cancel)(b, &o->op);
}

/*
 * Withdraws what waits on a listening socket, closes that, and opens another at its address, in one
 * go.
 */
static void withdraw_and_listen_again(struct rig_op (*waiting)(int fd), bool told)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, SOCK_NONBLOCK);
    struct rig_op o = waiting(listener);

    EXPECT_EQ(rig_submit(b, &o), 0);
    if (told)
        rig_settle(b);
    withdraw(b, &o);
    EXPECT_EQ(o.completions, 0);
    close(listener);
    listen_again_at(&addr);
    EXPECT_EQ(rig_finish(b, &o), -ECANCELED);
    EXPECT_EQ(o.completions, 1);
    rig_close(b);
}

static struct rig_op polling(int fd)
{
    return rig_poll(fd, POLLIN);
}

static struct rig_op accepting_many(int fd)
{
    struct rig_op o = rig_accept(fd);

    o.op.accept.multishot = true;
    return o;
}

TEST_REAL(what_is_withdrawn_ends_with_its_descriptor)
{
    struct rig_op (*const waiting[])(int fd) = {polling, rig_accept, accepting_many};

    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++) {
        withdraw_and_listen_again(waiting[i], false);
        withdraw_and_listen_again(waiting[i], true);
    }
}

TEST_REAL(many_that_are_withdrawn_one_by_one_all_end_with_their_descriptors)
{
    enum { N = 100 };
    struct eddyi_backend *b = rig_open();
    struct rig_op ops[N];
    int pairs[N][2];
    char c;

    for (int i = 0; i < N; i++) {
        pair_open(pairs[i]);
        ops[i] = rig_poll(pairs[i][0], POLLIN);
        EXPECT_EQ(rig_submit(b, &ops[i]), 0);
    }
    rig_settle(b);
    for (int i = 1; i < N; i++)
        EXPECT(socket_write(pairs[i][1], "x"));
    for (int i = 0; i < N; i++) {
        withdraw(b, &ops[i]);
        close(pairs[i][0]);
        EXPECT_EQ(recv(pairs[i][1], &c, 1, MSG_DONTWAIT), i == 0 ? 0 : -1);
    }
    for (int i = 0; i < N; i++) {
        int64_t result = rig_finish(b, &ops[i]);

        EXPECT(result == -ECANCELED || (i > 0 && result == POLLIN));
        close(pairs[i][1]);
    }
    rig_close(b);
}

/* How often the epoll sets of this process have that number, as /proc shows them. */
static int times_in_epoll_sets(int number)
{
    DIR *dir = opendir("/proc/self/fdinfo");
    struct dirent *entry;
    int times = 0;

    REQUIRE(dir != NULL);
    while ((entry = readdir(dir))) {
        char path[280], line[200];
        int found;
        FILE *f;

        snprintf(path, sizeof path, "/proc/self/fdinfo/%s", entry->d_name);
        f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f))
            times += sscanf(line, "tfd: %d", &found) == 1 && found == number;
        if (f)
            fclose(f);
    }
    closedir(dir);
    return times;
}

/*
 * Waits for a connection by its descriptor, and closes that descriptor while a duplicate keeps the
 * connection open.
 */
static void hand_over(int wait_for, bool with_others)
{
    struct eddyi_backend *b = rig_open();
    int s[2], others[20][2], elsewhere;
    struct rig_op waiting[20], after;
    char buf[8];

    connection_open(s);
    for (int i = 0; i < 20 && with_others; i++) {
        pair_open(others[i]);
        waiting[i] = rig_poll(others[i][0], POLLIN);
        EXPECT_EQ(rig_submit(b, &waiting[i]), 0);
    }
    struct rig_op first =
        wait_for == EDDYI_OP_POLL ? rig_poll(s[0], POLLIN) : rig_recv(s[0], buf, 1);
    first.op.tried = true;
    receive_one_event(b, &first, s[1]);
    elsewhere = fcntl(s[0], F_DUPFD_CLOEXEC, 0);
    close(s[0]);
    for (int i = 0; i < 10; i++) {
        EXPECT(socket_write(s[1], "x"));
        after = rig_poll(elsewhere, POLLOUT);
        EXPECT(rig_run(b, &after) > 0);
    }
    EXPECT_EQ(times_in_epoll_sets(s[0]), 0);
    for (int i = 0; i < 20 && with_others; i++) {
        EXPECT(socket_write(others[i][1], "x"));
        EXPECT_EQ(rig_finish(b, &waiting[i]), POLLIN);
        pair_close(others[i]);
    }
    close(elsewhere);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(a_closed_descriptor_whose_file_lives_on_elsewhere_stops_waking_the_backend)
{
    hand_over(EDDYI_OP_RECV, false);
    hand_over(EDDYI_OP_POLL, false);
}

TEST_REAL(what_else_is_waited_for_survives_that_stale_wake_ups_are_ended)
{
    hand_over(EDDYI_OP_RECV, true);
    hand_over(EDDYI_OP_POLL, true);
}

/* Files of which one can wait for something, although fstat(2) calls them regular. */

TEST_REAL(a_message_queue_can_be_waited_for)
{
    struct eddyi_backend *b = rig_open();
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    mqd_t queue =
        mq_open("/eddy-test-descriptor", O_CREAT | O_RDWR | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
    struct rig_op in = rig_poll(queue, POLLIN);

    if (queue < 0)
        SKIP("no POSIX message queues");
    mq_unlink("/eddy-test-descriptor");
    EXPECT_EQ(rig_submit(b, &in), 0);
    rig_settle(b);
    EXPECT_EQ(in.completions, 0);
    EXPECT_EQ(mq_send(queue, "hello", 5, 0), 0);
    EXPECT_EQ(rig_finish(b, &in), POLLIN);
    mq_close(queue);
    rig_close(b);
}

TEST_REAL(of_a_file_that_has_events_the_data_is_read_as_that_of_any_file)
{
    struct eddyi_backend *b = rig_open();
    char buf[64];
    struct iovec iov = {buf, sizeof buf};
    int file = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);

    for (int i = 0; i < 2; i++) {
        struct rig_op poll = rig_poll(file, POLLIN);
        struct rig_op read = {
            .op = {
                .kind = EDDYI_OP_READ, .fd = file, .rw = {&iov, 1, -1}, .complete = rig_completed}};

        EXPECT_EQ(rig_run(b, &poll), POLLIN);
        EXPECT(rig_run(b, &read) > 0);
    }
    close(file);
    rig_close(b);
}
