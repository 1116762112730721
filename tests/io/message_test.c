/*
 * Messages, files sent over sockets, and eddy_poll, on the backend of the environment.
 */
#include "io/sockets.h"

#include "base/sys.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

union room {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

static struct msghdr with_room(struct iovec *iov, union room *room)
{
    return (struct msghdr){
        .msg_iov = iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof *room};
}

struct receiver {
    int fd, received;
    ssize_t result;
};

static int receive(void *arg)
{
    struct receiver *r = arg;
    union room room = {0};
    char buf[8];
    struct iovec iov = {buf, sizeof buf};
    struct msghdr msg = with_room(&iov, &room);

    r->result = eddy_sock_recvmsg(r->fd, &msg, 0);
    if (r->result > 0 && CMSG_FIRSTHDR(&msg))
        memcpy(&r->received, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
    return 0;
}

static ssize_t send_descriptor(int s, int fd)
{
    union room room = {0};
    struct iovec iov = {(void *)(uintptr_t) "fd", 2};
    struct msghdr msg = with_room(&iov, &room);

    room.header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&room.header), &fd, sizeof fd);
    return eddy_sock_sendmsg(s, &msg, 0);
}

TEST_ASYNC_REAL(a_descriptor_travels_to_a_task_that_waits_for_it)
{
    struct receiver r = {.received = -1};
    eddy_task *t;
    int s[2];

    pair_open(s);
    r.fd = s[0];
    t = eddy_create_task(eddy_coro(receive, &r));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    if (send_descriptor(s[1], s[1]) != 2)
        eddy_task_cancel(t, NULL);
    (void)!eddy_await(t);
    EXPECT_EQ(r.result, 2);
    if (EXPECT(r.received >= 0)) {
        EXPECT_EQ(fcntl(r.received, F_GETFD), FD_CLOEXEC);
        close(r.received);
    }
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_message_without_an_address_is_an_error)
{
    int s[2];

    pair_open(s);
    close(s[0]);
    EXPECT_EQ(send_descriptor(s[1], s[1]), -EPIPE);
    close(s[1]);
    return 0;
}

static int file_of(size_t size)
{
    char name[] = "/tmp/eddy-test-XXXXXX", *bytes = malloc(size);
    int fd = mkostemp(name, O_CLOEXEC);

    REQUIRE(fd >= 0 && bytes != NULL);
    unlink(name);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    REQUIRE(write(fd, bytes, size) == (ssize_t)size);
    free(bytes);
    return fd;
}

struct sender {
    int fd, file, rc;
    int64_t offset, count, sent;
};

static int send_file(void *arg)
{
    struct sender *s = arg;

    s->rc = eddy_sock_sendfile(s->fd, s->file, s->offset, s->count, &s->sent);
    eddyi_sys_hang_up(s->fd);
    return 0;
}

static size_t receive_to_end(int fd, int64_t offset, bool *right)
{
    static char buf[1 << 16];
    size_t got = 0;
    ssize_t n;

    while ((n = eddy_sock_recv(fd, buf, sizeof buf)) > 0) {
        for (ssize_t i = 0; i < n; i++, got++) {
            size_t at = (size_t)offset + got;

            *right = *right && buf[i] == (char)(at * 7 + at / 256);
        }
    }
    return got;
}

static int sends_file(int64_t offset, int64_t count, size_t expected)
{
    struct sender send = {.offset = offset, .count = count, .sent = -1};
    bool right = true;
    eddy_task *t;
    size_t got;
    int s[2];

    pair_open(s);
    send.fd = s[0];
    send.file = file_of(1000000);
    t = eddy_create_task(eddy_coro(send_file, &send));
    if (EXPECT(t != NULL)) {
        got = receive_to_end(s[1], offset, &right);
        if (got < expected)
            eddy_task_cancel(t, NULL);
        (void)!eddy_await(t);
        EXPECT_EQ(send.rc, 0);
        EXPECT_EQ(got, expected);
        EXPECT(right);
        EXPECT_EQ(send.sent, (int64_t)expected);
        EXPECT_EQ(lseek(send.file, 0, SEEK_CUR), offset + (int64_t)expected);
    }
    close(send.file);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_file_is_sent_whole)
{
    return test_tortured() ? 0 : sends_file(0, -1, 1000000);
}

TEST_ASYNC_REAL(a_part_of_a_file_is_sent)
{
    return test_tortured() ? 0 : sends_file(1234, 5678, 5678);
}

TEST_ASYNC_REAL(a_file_that_ends_before_the_count_is_sent_as_far_as_it_goes)
{
    return test_tortured() ? 0 : sends_file(999000, 5000, 1000);
}

TEST_ASYNC_REAL(a_file_is_sent_by_hand_where_the_kernel_refuses)
{
    if (test_tortured())
        return 0;
    eddyi_fault_only("sendfile", EINVAL);
    sends_file(10, -1, 999990);
    eddyi_fault_clear();
    return 0;
}

TEST_ASYNC_REAL(a_file_is_sent_by_hand_where_no_thread_is_to_be_had)
{
    if (test_tortured())
        return 0;
    eddyi_fault_only("pthread_create", EAGAIN);
    sends_file(10, -1, 999990);
    eddyi_fault_clear();
    return 0;
}

TEST_ASYNC_REAL(what_is_small_is_not_asked_of_the_kernel)
{
    if (test_tortured())
        return 0;
    eddyi_fault_only("sendfile", EIO);
    sends_file(1234, 5678, 5678);
    sends_file(990000, -1, 10000);
    eddyi_fault_clear();
    return 0;
}

TEST_ASYNC_REAL(a_file_that_cannot_be_sent_to_its_end_tells_how_far_it_came, .whole = true)
{
    int64_t sent = -1;
    int s[2], file = file_of(100000);

    pair_open(s);
    eddyi_fault_only("sendfile", EIO);
    EXPECT_EQ(eddy_sock_sendfile(s[0], file, 0, -1, &sent), -EIO);
    eddyi_fault_clear();
    EXPECT_EQ(sent, 65536);
    EXPECT_EQ(lseek(file, 0, SEEK_CUR), 65536);
    close(file);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(sending_a_file_without_a_peer_or_wrongly_is_an_error)
{
    int64_t sent = -1;
    int s[2], file = file_of(10);

    pair_open(s);
    EXPECT_EQ(eddy_sock_sendfile(s[0], file, -1, -1, &sent), -EINVAL);
    EXPECT_EQ(eddy_sock_sendfile(s[0], file, 0, 0, &sent), 0);
    EXPECT_EQ(sent, 0);
    EXPECT_EQ(eddy_sock_sendfile(-1, file, 0, -1, &sent), -EBADF);
    close(s[1]);
    EXPECT_EQ(eddy_sock_sendfile(s[0], file, 0, -1, &sent), -EPIPE);
    EXPECT_EQ(sent, 0);
    close(s[0]);
    close(file);
    return 0;
}

struct poller {
    int fd, events, result;
};

static int poll_it(void *arg)
{
    struct poller *p = arg;

    p->result = eddy_poll(p->fd, p->events);
    return 0;
}

TEST_ASYNC_REAL(polling_waits_for_what_is_asked)
{
    struct poller p = {.events = POLLIN};
    eddy_task *t;
    int s[2];

    pair_open(s);
    EXPECT_EQ(eddy_poll(s[0], POLLIN | POLLOUT), POLLOUT);
    EXPECT_EQ(eddy_poll(s[0], 0), -EINVAL);
    EXPECT_EQ(eddy_poll(s[0], POLLPRI), -EINVAL);
    EXPECT_EQ(eddy_poll(-1, POLLIN), -EBADF);
    p.fd = s[0];
    t = eddy_create_task(eddy_coro(poll_it, &p));
    REQUIRE(t != NULL);
    eddy_sleep(0);
    eddy_sleep(0);
    EXPECT_EQ(p.result, 0);
    EXPECT(socket_write(s[1], "x"));
    (void)!eddy_await(t);
    EXPECT_EQ(p.result, POLLIN);
    pair_close(s);
    return 0;
}
