/* Accepting with a callback. */
#include "harness/test.h"

#include "harness/trace.h"
#include "io/sockets.h"

#include <sys/resource.h>

enum { CLIENTS = 40 };

static struct {
    eddy_loop *loop;
    eddy_acceptor *acceptor;
    struct sockaddr_in addr;
    int listener;
    int client[CLIENTS];
    int n_accepted, wanted;
    int error;
} server;

static void stop(void *loop)
{
    eddy_loop_stop(loop);
}

static void begin(eddy_accept_fn *fn)
{
    server.loop = test_real_loop();
    REQUIRE(server.loop != NULL);
    /* where every connection fails by itself, accepting goes on for ever */
    if (test_tortured() && !eddy_loop_call_later(server.loop, 0.5, stop, server.loop).slot)
        SKIP("no limit of time");
    server.listener = socket_listen(&server.addr, 0);
    server.error =
        eddy_loop_accept(server.loop, server.listener, fn, &server, &server.acceptor);
}

static void connect_some(int n)
{
    for (int i = 0; i < n; i++) {
        server.client[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(server.client[i] >= 0);
        REQUIRE(connect(server.client[i], (struct sockaddr *)&server.addr, sizeof server.addr) ==
                0);
    }
}

static void disconnect(int n)
{
    for (int i = 0; i < n; i++)
        close(server.client[i]);
}

static void end(void)
{
    eddy_acceptor_close(server.acceptor);
    eddy_loop_unref(server.loop);
    close(server.listener);
}

static void count(void *arg, int fd)
{
    EXPECT(arg == &server);
    if (fd < 0) {
        server.error = fd;
        eddy_loop_stop(server.loop);
        return;
    }
    EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
    EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    if (++server.n_accepted == server.wanted)
        eddy_loop_stop(server.loop);
}

TEST_REAL(each_connection_is_given_to_the_callback)
{
    begin(count);
    server.wanted = CLIENTS;
    connect_some(CLIENTS);
    if (server.error == 0)
        EXPECT_EQ(eddy_loop_run_forever(server.loop), 0);
    EXPECT(server.n_accepted == CLIENTS || test_tortured());
    disconnect(CLIENTS);
    end();
}

static void close_acceptor(void *unused, int fd)
{
    (void)unused;
    if (fd >= 0)
        close(fd);
    server.n_accepted++;
    eddy_acceptor_close(server.acceptor);
    server.acceptor = NULL;
    eddy_loop_stop(server.loop);
}

TEST_REAL(the_callback_may_close_the_acceptor_and_gets_no_more)
{
    begin(close_acceptor);
    connect_some(5);
    if (server.error == 0)
        EXPECT_EQ(eddy_loop_run_forever(server.loop), 0);
    eddy_loop_stop(server.loop);
    eddy_loop_run_forever(server.loop);
    EXPECT(server.n_accepted == 1 || server.error < 0);
    disconnect(5);
    end();
}

TEST_REAL(a_closed_acceptor_has_released_its_socket)
{
    struct sockaddr_in addr;
    int again;

    begin(count);
    addr = server.addr;
    eddy_loop_stop(server.loop);
    eddy_loop_run_forever(server.loop);
    if (server.error == 0)
        eddy_acceptor_close(server.acceptor);
    server.acceptor = NULL;
    close(server.listener);
    again = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(bind(again, (struct sockaddr *)&addr, sizeof addr) == 0 || test_tortured());
    eddy_loop_unref(server.loop);
    close(again);
}

static void trace_error(void *unused, int fd)
{
    (void)unused;
    if (fd >= 0)
        close(fd);
    else
        trace("%d", fd);
}

TEST_REAL(closing_the_loop_ends_accepting_with_an_error)
{
    begin(trace_error);
    if (server.error == 0) {
        EXPECT_EQ(eddy_loop_close(server.loop), 0);
        EXPECT_STR(traced(), "-125");
    }
    end();
}

TEST_REAL(a_listener_has_one_acceptor)
{
    eddy_acceptor *other = NULL;

    begin(count);
    if (server.error == 0)
        EXPECT_EQ(eddy_loop_accept(server.loop, server.listener, count, NULL, &other), -EBUSY);
    EXPECT_EQ(eddy_loop_accept(server.loop, -1, count, NULL, &other), -EBADF);
    EXPECT_EQ(eddy_loop_accept(server.loop, server.listener, NULL, NULL, &other), -EINVAL);
    EXPECT_EQ(eddy_loop_accept(server.loop, server.listener, count, NULL, NULL), -EINVAL);
    EXPECT(other == NULL);
    end();
}

TEST_REAL(without_descriptors_the_callback_gets_the_error)
{
    struct rlimit before, few;

    begin(count);
    connect_some(1);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    few = before;
    few.rlim_cur = (rlim_t)server.client[0] + 1;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    if (server.error == 0)
        eddy_loop_run_forever(server.loop);
    EXPECT(server.error == -EMFILE || test_tortured());
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    disconnect(1);
    end();
}
