/* Operations with a callback: sockets, files, cancelling and the end of the loop. */
#include "base/libc.h"
#include "harness/test.h"

#include "harness/trace.h"
#include "io/places.h"
#include "io/sockets.h"

#include <poll.h>
#include <sys/stat.h>

/* The loop of a test, and the results of its operations. */
static struct {
    eddy_loop *loop;
    int n_done;
    int wanted; /* the number of results that ends the run */
    int64_t result[4];
} io;

static void done(void *which, int64_t result)
{
    io.result[(intptr_t)which] = result;
    if (++io.n_done == io.wanted)
        eddy_loop_stop(io.loop);
}

static void *slot(int which)
{
    return (void *)(intptr_t)which;
}

static void new_loop(void)
{
    io.loop = test_real_loop();
    REQUIRE(io.loop != NULL);
}

/* Runs until @n operations have ended; @rc: the last one could be begun. */
static void run_for(int n, int rc)
{
    io.n_done = 0;
    io.wanted = n;
    io.result[0] = io.result[1] = -ECANCELED;
    if (rc == 0)
        EXPECT_EQ(eddy_loop_run_forever(io.loop), 0);
}

TEST_REAL(bytes_are_received_and_sent)
{
    char buf[8] = "";
    int fds[2], rc;

    new_loop();
    pair_open(fds);
    rc = eddy_operation_recv(io.loop, fds[0], buf, sizeof buf, done, slot(0), NULL);
    if (rc == 0)
        rc = eddy_operation_send(io.loop, fds[1], "x", 1, done, slot(1), NULL);
    run_for(2, rc);
    if (rc == 0 && !test_tortured()) {
        EXPECT_EQ(io.result[0], 1);
        EXPECT_EQ(io.result[1], 1);
        EXPECT_EQ(buf[0], 'x');
    }
    eddy_loop_unref(io.loop);
    pair_close(fds);
}

static void trace_result(void *name, int64_t result)
{
    trace("%s%d", (char *)name, (int)result);
}

TEST_REAL(a_direction_of_a_descriptor_has_one_operation)
{
    char buf[8];
    int fds[2], rc;
    eddy_operation *op = NULL;

    new_loop();
    pair_open(fds);
    rc = eddy_operation_recv(io.loop, fds[0], buf, sizeof buf, done, slot(0), &op);
    if (rc == 0) {
        EXPECT_EQ(eddy_operation_poll(io.loop, fds[0], POLLIN, done, slot(1), NULL), -EBUSY);
        EXPECT(eddy_operation_poll(io.loop, fds[0], POLLOUT, done, slot(1), NULL) == 0 ||
               test_tortured());
    }
    EXPECT_EQ(eddy_operation_recv(io.loop, -1, buf, sizeof buf, done, NULL, NULL), -EBADF);
    EXPECT_EQ(eddy_operation_recv(io.loop, fds[1], buf, sizeof buf, NULL, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_operation_recv(io.loop, fds[1], NULL, 1, done, NULL, NULL), -EINVAL);
    EXPECT_EQ(eddy_operation_recv(NULL, fds[1], buf, 1, done, NULL, NULL), EDDY_ENOLOOP);
    eddy_loop_unref(io.loop);
    EXPECT(rc < 0 || io.result[0] == -ECANCELED);
    pair_close(fds);
}

TEST_REAL(a_cancelled_operation_frees_its_descriptor_at_once)
{
    char buf[8], other[8];
    int fds[2], rc;
    eddy_operation *op;

    new_loop();
    pair_open(fds);
    rc = eddy_operation_recv(io.loop, fds[0], buf, sizeof buf, done, slot(0), &op);
    if (rc == 0) {
        eddy_operation_cancel(op);
        rc = eddy_operation_recv(io.loop, fds[0], other, sizeof other, done, slot(1), NULL);
        EXPECT(socket_write(fds[1], "x"));
        run_for(rc == 0 ? 2 : 1, 0);
        EXPECT_EQ(io.result[0], -ECANCELED);
        EXPECT(rc < 0 || io.result[1] == 1 || test_tortured());
    }
    eddy_loop_unref(io.loop);
    pair_close(fds);
}

TEST_REAL(a_descriptor_may_be_closed_after_its_operation_was_cancelled)
{
    char buf[8], end;
    int fds[2];
    eddy_operation *op;

    new_loop();
    pair_open(fds);
    if (eddy_operation_recv(io.loop, fds[0], buf, sizeof buf, done, slot(0), &op) == 0) {
        eddy_loop_stop(io.loop);
        eddy_loop_run_forever(io.loop); /* one turn, which tells the kernel */
        eddy_operation_cancel(op);
    }
    close(fds[0]);
    EXPECT(recv(fds[1], &end, 1, MSG_DONTWAIT) == 0 || test_tortured());
    eddy_loop_unref(io.loop);
    close(fds[1]);
}

TEST_REAL(closing_the_loop_ends_operations_with_their_callbacks)
{
    char buf[8];
    int fds[2], rc;

    new_loop();
    pair_open(fds);
    rc = eddy_operation_recv(io.loop, fds[0], buf, sizeof buf, trace_result, "recv", NULL);
    EXPECT_EQ(eddy_loop_close(io.loop), 0);
    EXPECT_STR(traced(), rc == 0 ? "recv-125" : "");
    EXPECT_EQ(eddy_operation_recv(io.loop, fds[0], buf, 1, done, NULL, NULL), EDDY_ECLOSED);
    eddy_loop_unref(io.loop);
    pair_close(fds);
}

TEST_REAL(a_socket_connects_and_is_accepted)
{
    struct sockaddr_in addr;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int listener, fd, rc;

    new_loop();
    listener = socket_listen(&addr, SOCK_NONBLOCK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    io.result[0] = io.result[1] = -1;
    rc = eddy_operation_accept(io.loop, listener, (struct sockaddr *)&peer, &size, done, slot(0),
                               NULL);
    if (rc == 0)
        rc = eddy_operation_connect(io.loop, fd, (struct sockaddr *)&addr, sizeof addr, done,
                                    slot(1), NULL);
    memset(&addr, 0, sizeof addr); /* the address was copied */
    run_for(2, rc);
    if (rc == 0 && !test_tortured()) {
        EXPECT(io.result[0] >= 0);
        EXPECT_EQ(io.result[1], 0);
        EXPECT_EQ(peer.ss_family, AF_INET);
    }
    eddy_loop_unref(io.loop);
    if (io.result[0] >= 0)
        close((int)io.result[0]);
    close(fd);
    close(listener);
}

TEST_REAL(messages_carry_addresses, .whole = true)
{
    int fds[2], rc;
    char text[] = "datagram", buf[20] = "";
    struct iovec out = {text, sizeof text}, in = {buf, sizeof buf};
    struct msghdr send = {.msg_iov = &out, .msg_iovlen = 1},
                  receive = {.msg_iov = &in, .msg_iovlen = 1};

    new_loop();
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
    rc = eddy_operation_recvmsg(io.loop, fds[0], &receive, 0, done, slot(0), NULL);
    if (rc == 0)
        rc = eddy_operation_sendmsg(io.loop, fds[1], &send, 0, done, slot(1), NULL);
    run_for(2, rc);
    if (rc == 0 && !test_tortured()) {
        EXPECT_EQ(io.result[0], sizeof text);
        EXPECT_STR(buf, text);
    }
    eddy_loop_unref(io.loop);
    pair_close(fds);
}

TEST_REAL(readiness_is_reported)
{
    int fds[2], rc;

    new_loop();
    pair_open(fds);
    EXPECT(socket_write(fds[1], "x"));
    rc = eddy_operation_poll(io.loop, fds[0], POLLIN, done, slot(0), NULL);
    run_for(1, rc);
    EXPECT(rc < 0 || test_tortured() || (io.result[0] & POLLIN));
    eddy_loop_unref(io.loop);
    pair_close(fds);
}

/* Waits for the operation that @rc says was begun, and returns its result, or @rc. */
static int64_t result_of(int rc)
{
    run_for(1, rc);
    return rc < 0 ? rc : io.result[0];
}

TEST_REAL(files_are_opened_written_read_and_removed, .whole = true)
{
    struct place p = place_make();
    struct statx st;
    char buf[20] = "", path[80], dir[90];
    int64_t fd;

    new_loop();
    snprintf(path, sizeof path, "%s", p.a);
    fd = result_of(eddy_operation_open(io.loop, path, O_RDWR | O_CREAT, 0600, done, slot(0), NULL));
    if (fd >= 0 && !test_tortured()) {
        EXPECT_EQ(
            result_of(eddy_operation_write(io.loop, (int)fd, "hello", 5, 0, done, slot(0), NULL)),
            5);
        EXPECT_EQ(result_of(eddy_operation_read(io.loop, (int)fd, buf, sizeof buf, 1, done, slot(0),
                                                NULL)),
                  4);
        EXPECT_STR(buf, "ello");
        EXPECT_EQ(result_of(eddy_operation_read(io.loop, (int)fd, buf, sizeof buf, -1, done,
                                                slot(0), NULL)),
                  5);
        EXPECT_EQ(result_of(eddy_operation_fsync(io.loop, (int)fd, true, done, slot(0), NULL)), 0);
        EXPECT_EQ(
            result_of(eddy_operation_stat(io.loop, AT_FDCWD, path, 0, &st, done, slot(0), NULL)),
            0);
        EXPECT_EQ(st.stx_size, 5);
        EXPECT_EQ(result_of(eddy_operation_rename(io.loop, p.a, p.b, done, slot(0), NULL)), 0);
        EXPECT_EQ(result_of(eddy_operation_unlink(io.loop, p.b, 0, done, slot(0), NULL)), 0);
        snprintf(dir, sizeof dir, "%s/dir", p.dir);
        EXPECT_EQ(result_of(eddy_operation_mkdir(io.loop, dir, 0700, done, slot(0), NULL)), 0);
        EXPECT_EQ(result_of(eddy_operation_unlink(io.loop, dir, AT_REMOVEDIR, done, slot(0), NULL)),
                  0);
        EXPECT_EQ(result_of(eddy_operation_open(io.loop, path, O_RDONLY, 0, done, slot(0), NULL)),
                  -ENOENT);
        EXPECT_EQ(result_of(eddy_operation_close(io.loop, (int)fd, done, slot(0), NULL)), 0);
        fd = -1;
    }
    if (fd >= 0)
        close((int)fd);
    eddy_loop_unref(io.loop);
    EXPECT(place_remove(&p));
}

TEST_REAL(a_file_is_sent)
{
    struct place p = place_make();
    char buf[8] = "";
    int fds[2], file;

    new_loop();
    pair_open(fds);
    fill(p.a, "hello");
    file = open(p.a, O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    if (result_of(eddy_operation_sendfile(io.loop, fds[0], file, 1, 4, done, slot(0), NULL)) == 4) {
        EXPECT_EQ(recv(fds[1], buf, sizeof buf, 0), 4);
        EXPECT_STR(buf, "ello");
    } else {
        EXPECT(test_tortured() || getenv("EDDY_SHORT"));
    }
    eddy_loop_unref(io.loop);
    close(file);
    pair_close(fds);
    EXPECT(place_remove(&p));
}

static int64_t double_it(void *arg)
{
    return 2 * *(int *)arg;
}

TEST_REAL(a_function_is_called_in_a_thread)
{
    int number = 21;
    int64_t result;

    new_loop();
    result = result_of(eddy_operation_call(io.loop, double_it, &number, done, slot(0), NULL));
    EXPECT(result == 42 || test_tortured());
    eddy_loop_unref(io.loop);
}

static void break_off(void *unused, int64_t result)
{
    (void)unused;
    EXPECT(result == 1 || test_tortured());
    EXPECT(eddy_loop_break(io.loop) == 0 || test_tortured());
}

TEST_REAL(the_callback_of_an_operation_can_break_off_the_run)
{
    char buf[8];
    int fds[2];

    new_loop();
    pair_open(fds);
    EXPECT(socket_write(fds[1], "x"));
    if (eddy_operation_recv(io.loop, fds[0], buf, sizeof buf, break_off, NULL, NULL) == 0)
        EXPECT_EQ(eddy_loop_run_forever(io.loop), 0);
    eddy_loop_unref(io.loop);
    pair_close(fds);
}
