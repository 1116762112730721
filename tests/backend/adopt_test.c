/*
 * Descriptors whose owner tells the backend about them: registered once, their readiness
 * remembered.
 */
#include "backend/rig.h"

static int adopt(struct eddyi_backend *b, int fd)
{
    return b->ops->adopt ? b->ops->adopt(b, fd) : 0;
}

static void forget_and_close(struct eddyi_backend *b, int fd)
{
    if (b->ops->forget)
        b->ops->forget(b, fd);
    close(fd);
}

TEST_REAL(what_is_there_when_it_is_adopted_is_received)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    EXPECT(socket_write(s[1], "early"));
    EXPECT_EQ(adopt(b, s[0]), 0);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_run(b, &recv), 5);
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(an_adopted_descriptor_receives_again_and_again_whole_or_in_pieces)
{
    struct eddyi_backend *b = rig_open();
    char buf[4];
    int s[2];

    pair_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    for (int i = 0; i < 4; i++) {
        struct rig_op full = rig_recv(s[0], buf, sizeof buf), rest = full;

        EXPECT_EQ(rig_submit(b, &full), 0);
        rig_settle(b);
        EXPECT(socket_write(s[1], "sixsix"));
        EXPECT_EQ(rig_finish(b, &full), 4);
        EXPECT_EQ(rig_run(b, &rest), 2);
    }
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(the_end_is_seen_after_the_last_piece_of_an_adopted_stream)
{
    struct eddyi_backend *b = rig_open();
    char buf[64];
    int s[2];

    pair_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    EXPECT(socket_write(s[1], "last"));
    close(s[1]);
    struct rig_op last = rig_recv(s[0], buf, sizeof buf), end = last, again = last;
    EXPECT_EQ(rig_run(b, &last), 4);
    EXPECT_EQ(rig_run(b, &end), 0);
    EXPECT_EQ(rig_run(b, &again), 0);
    forget_and_close(b, s[0]);
    rig_close(b);
}

TEST_REAL(a_cancelled_receive_leaves_an_adopted_descriptor_usable)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf), again = recv;
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    rig_cancel(b, &recv);
    EXPECT_EQ(rig_finish(b, &recv), -ECANCELED);
    EXPECT(socket_write(s[1], "x"));
    rig_settle(b); /* the edge comes while no operation waits */
    EXPECT_EQ(rig_run(b, &again), 1);
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(a_full_adopted_stream_sends_on_when_there_is_room)
{
    struct eddyi_backend *b = rig_open();
    static char block[1 << 16];
    int s[2];
    int64_t n = 1;

    pair_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    for (int i = 0; i < 1000 && n > 0; i++)
        n = eddyi_sys_send(s[0], block, sizeof block);
    struct rig_op send = rig_send(s[0], block, sizeof block);
    send.op.tried = true;
    EXPECT_EQ(rig_submit(b, &send), 0);
    rig_settle(b);
    while (recv(s[1], block, sizeof block, MSG_DONTWAIT) > 0) {
    }
    EXPECT(rig_finish(b, &send) > 0);
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(polling_an_adopted_descriptor_sees_its_present_state)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2];

    pair_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    EXPECT(socket_write(s[1], "x"));
    rig_settle(b);
    EXPECT_EQ(read(s[0], buf, sizeof buf), 1); /* behind the backend's back */
    struct rig_op poll = rig_poll(s[0], POLLIN), writable = rig_poll(s[0], POLLOUT);
    EXPECT_EQ(rig_run(b, &writable), POLLOUT);
    EXPECT_EQ(rig_submit(b, &poll), 0);
    rig_settle(b);
    EXPECT_EQ(poll.completions, 0);
    EXPECT(socket_write(s[1], "y"));
    EXPECT_EQ(rig_finish(b, &poll), POLLIN);
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(an_adopted_socket_connects_only_when_it_is_connected)
{
    struct eddyi_backend *b = rig_open();
    struct sockaddr_in addr;
    int refusing_fd = socket_refusing(&addr),
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    EXPECT_EQ(adopt(b, fd), 0);
    rig_settle(b); /* not connected, it counts as hung up and writable */
    struct rig_op connect = rig_connect(fd, &addr);
    EXPECT_EQ(rig_run(b, &connect), -ECONNREFUSED);
    forget_and_close(b, fd);
    close(refusing_fd);
    rig_close(b);
}

TEST_REAL(a_number_that_was_adopted_can_be_used_again_after_it_was_forgotten)
{
    struct eddyi_backend *b = rig_open();
    char buf[8];
    int s[2], duplicate;

    pair_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    duplicate = fcntl(s[0], F_DUPFD_CLOEXEC, 0);
    forget_and_close(b, s[0]);
    close(s[1]);
    close(duplicate);
    pair_open(s);
    struct rig_op recv = rig_recv(s[0], buf, sizeof buf);
    EXPECT_EQ(rig_submit(b, &recv), 0);
    rig_settle(b);
    EXPECT(socket_write(s[1], "x"));
    EXPECT_EQ(rig_finish(b, &recv), 1);
    pair_close(s);
    rig_close(b);
}

/* Reads what has come to an adopted descriptor, with room for more, as its owner. */
static void read_short(struct eddyi_backend *b, int fd)
{
    char buf[64];

    EXPECT(eddyi_sys_recv(fd, buf, sizeof buf) > 0);
    if (b->ops->emptied)
        b->ops->emptied(b, fd, true);
}

TEST_REAL(a_wait_after_its_owner_has_emptied_an_adopted_descriptor_ends_with_the_next_bytes)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    connection_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    for (int i = 0; i < 4; i++) {
        struct rig_op poll = rig_poll(s[0], POLLIN);

        EXPECT(socket_write(s[1], "some"));
        rig_settle(b);
        read_short(b, s[0]);
        EXPECT_EQ(rig_submit(b, &poll), 0);
        rig_settle(b);
        EXPECT_EQ(poll.completions, 0);
        EXPECT(socket_write(s[1], "more"));
        EXPECT_EQ(rig_finish(b, &poll) & POLLIN, POLLIN);
        read_short(b, s[0]);
    }
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(bytes_that_come_between_emptying_an_adopted_descriptor_and_the_wait_end_it)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    connection_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    for (int i = 0; i < 4; i++) {
        struct rig_op poll = rig_poll(s[0], POLLIN);

        EXPECT(socket_write(s[1], "some"));
        rig_settle(b);
        read_short(b, s[0]);
        EXPECT(socket_write(s[1], "more"));
        rig_settle(b); /* the edge comes while no operation waits */
        EXPECT_EQ(rig_run(b, &poll) & POLLIN, POLLIN);
        read_short(b, s[0]);
    }
    forget_and_close(b, s[0]);
    close(s[1]);
    rig_close(b);
}

TEST_REAL(the_end_that_came_before_a_short_read_of_an_adopted_descriptor_ends_the_wait)
{
    struct eddyi_backend *b = rig_open();
    int s[2];

    connection_open(s);
    EXPECT_EQ(adopt(b, s[0]), 0);
    struct rig_op poll = rig_poll(s[0], POLLIN);
    EXPECT(socket_write(s[1], "last"));
    close(s[1]);
    rig_settle(b); /* one edge for both */
    read_short(b, s[0]);
    EXPECT_EQ(rig_run(b, &poll) & POLLIN, POLLIN);
    forget_and_close(b, s[0]);
    rig_close(b);
}
