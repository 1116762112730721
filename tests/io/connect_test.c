/*
 * Accepting and connecting, through the public functions, on the backend of the environment.
 */
#include "io/sockets.h"

#include <sys/resource.h>
#include <sys/un.h>

static int turns(int n)
{
    for (int i = 0; i < n; i++)
        eddy_try(eddy_sleep(0));
    return 0;
}

struct acceptor {
    int listener;
    struct sockaddr_in addr;
    int result;
    int next; /* how its next suspension ended */
};

static int accept_one(void *arg)
{
    struct acceptor *a = arg;
    socklen_t size = sizeof a->addr;

    a->result = eddy_sock_accept(a->listener, (struct sockaddr *)&a->addr, &size);
    a->next = eddy_sleep(0);
    return 0;
}

static int connect_to(int fd, const struct sockaddr_in *addr)
{
    return eddy_sock_connect(fd, (const struct sockaddr *)addr, sizeof *addr);
}

static int tcp(int flags)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    REQUIRE(fd >= 0);
    return fd;
}

/* With both ends waiting, and the accepted end as the documentation says. */
static int accept_and_connect(int flags)
{
    struct sockaddr_in addr, here;
    socklen_t size = sizeof here;
    struct acceptor a = {.listener = socket_listen(&addr, flags), .result = -1};
    int client = tcp(flags);
    eddy_task *t = eddy_create_task(eddy_coro(accept_one, &a));
    char buf[8];
    int rc;

    REQUIRE(t != NULL);
    turns(2);
    rc = connect_to(client, &addr);
    EXPECT_EQ(rc, 0);
    if (rc < 0)
        eddy_task_cancel(t, NULL);
    eddy_await(t);
    EXPECT(a.result >= 0);
    if (a.result >= 0) {
        getsockname(client, (struct sockaddr *)&here, &size);
        EXPECT_EQ(a.addr.sin_port, here.sin_port);
        EXPECT(fcntl(a.result, F_GETFL) & O_NONBLOCK);
        EXPECT(fcntl(a.result, F_GETFD) & FD_CLOEXEC);
        EXPECT_EQ(eddy_sock_sendall(a.result, "hello", 5, NULL), 0);
        EXPECT_EQ(recv_whole(client, buf, 5), 5);
        /* The kernel reports a success that came late to the next connect, too. */
        rc = connect_to(client, &addr);
        EXPECT(rc == 0 || rc == -EISCONN);
        EXPECT_EQ(connect_to(client, &addr), -EISCONN);
        close(a.result);
    }
    EXPECT_EQ((fcntl(client, F_GETFL) & O_NONBLOCK) != 0, flags != 0);
    EXPECT_EQ((fcntl(a.listener, F_GETFL) & O_NONBLOCK) != 0, flags != 0);
    close(client);
    close(a.listener);
    return 0;
}

TEST_ASYNC_REAL(a_connection_is_made_and_accepted)
{
    return accept_and_connect(SOCK_NONBLOCK);
}

/* If one of the calls blocked, so would the test. */
TEST_ASYNC_REAL(blocking_sockets_do_not_block_the_loop)
{
    static const char data[3000000];
    char buf[8];
    int s[2], rc;
    eddy_timeout tm;

    eddy_try(accept_and_connect(0));

    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);
    eddy_timeout_enter(&tm, 0.01);
    rc = (int)eddy_sock_recv(s[0], buf, sizeof buf);
    rc = eddy_timeout_exit(&tm, rc);
    EXPECT_EQ(rc, -ETIMEDOUT);
    eddy_timeout sending;
    eddy_timeout_enter(&sending, 0.01);
    rc = eddy_sock_sendall(s[0], data, sizeof data, NULL);
    rc = eddy_timeout_exit(&sending, rc);
    EXPECT_EQ(rc, -ETIMEDOUT);
    pair_close(s);
    return 0;
}

TEST_ASYNC_REAL(a_cancelled_accept_leaves_the_listener_usable)
{
    struct sockaddr_in addr;
    struct acceptor a = {.listener = socket_listen(&addr, SOCK_NONBLOCK), .result = -1};
    int client = tcp(0), server;
    eddy_task *t = eddy_create_task(eddy_coro(accept_one, &a));

    REQUIRE(t != NULL);
    turns(2);
    eddy_task_cancel(t, NULL);
    eddy_await(t);
    EXPECT_EQ(a.result, -ECANCELED);
    REQUIRE(connect(client, (struct sockaddr *)&addr, sizeof addr) == 0);
    server = eddy_sock_accept(a.listener, NULL, NULL);
    EXPECT(server >= 0);
    if (server >= 0)
        close(server);
    close(client);
    close(a.listener);
    return 0;
}

/* A connection that comes with the cancellation is delivered, or it stays in the queue: it never
 * vanishes. */
TEST_ASYNC_REAL(a_connection_that_comes_with_a_cancellation_is_not_lost)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, SOCK_NONBLOCK);

    for (int n = 0; n < 4; n++) {
        struct acceptor a = {.listener = listener, .result = -1};
        eddy_task *t = eddy_create_task(eddy_coro(accept_one, &a));
        int client = tcp(0);

        REQUIRE(t != NULL);
        turns(2);
        REQUIRE(connect(client, (struct sockaddr *)&addr, sizeof addr) == 0);
        turns(n);
        eddy_task_cancel(t, NULL);
        eddy_await(t);
        if (a.result < 0)
            a.result = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        EXPECT(a.result >= 0);
        if (a.result >= 0)
            close(a.result);
        close(client);
    }
    close(listener);
    return 0;
}

TEST_ASYNC_REAL(a_refused_connection_says_so)
{
    struct sockaddr_in addr;
    int refusing_fd = socket_refusing(&addr), client = tcp(SOCK_NONBLOCK);

    EXPECT_EQ(connect_to(client, &addr), -ECONNREFUSED);
    EXPECT_IN("sock_connect", eddy_exception_message(eddy_error()));
    close(client);
    close(refusing_fd);
    return 0;
}

/* A listener whose queue is full lets a further connection wait. */
static int fill_queue(const struct sockaddr_in *addr, int *clients, int n)
{
    for (int i = 0; i < n; i++) {
        int rc;
        eddy_timeout tm;

        clients[i] = tcp(SOCK_NONBLOCK);
        eddy_timeout_enter(&tm, 0.02);
        rc = connect_to(clients[i], addr);
        rc = eddy_timeout_exit(&tm, rc);
        if (rc < 0)
            return i + 1;
    }
    return n;
}

TEST_ASYNC_REAL(a_connect_that_waits_is_ended_by_a_timeout)
{
    struct sockaddr_in addr;
    int clients[8], listener = socket_listen(&addr, 0), n;

    REQUIRE(listen(listener, 0) == 0);
    n = fill_queue(&addr, clients, 8);
    EXPECT(n > 1);
    EXPECT_EQ(eddy_exception_code(eddy_error()), -ETIMEDOUT);
    while (n-- > 0)
        close(clients[n]);
    close(listener);
    return 0;
}

/* Unix sockets: a full queue refuses instead of making wait. */

struct unix_client {
    int fd;
    const struct sockaddr_un *addr;
    socklen_t size;
    int result;
};

static int connect_unix(void *arg)
{
    struct unix_client *c = arg;

    c->result = eddy_sock_connect(c->fd, (const struct sockaddr *)c->addr, c->size);
    return 0;
}

TEST_ASYNC_REAL(a_connect_to_a_full_unix_socket_waits_until_there_is_room)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    socklen_t size = sizeof addr.sun_family; /* the kernel chooses an abstract name */
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n = 0;
    struct unix_client clients[4];
    eddy_task *tasks[4];

    REQUIRE(listener >= 0 && bind(listener, (struct sockaddr *)&addr, size) == 0 &&
            listen(listener, 0) == 0);
    size = sizeof addr;
    getsockname(listener, (struct sockaddr *)&addr, &size);
    for (int i = 0; i < 4; i++) {
        clients[i] = (struct unix_client){
            .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
            .addr = &addr,
            .size = size};
        tasks[i] = eddy_create_task(eddy_coro(connect_unix, &clients[i]));
        REQUIRE(tasks[i] != NULL);
    }
    for (int i = 0; i < 4; i++) {
        int server = eddy_sock_accept(listener, NULL, NULL);

        if (!EXPECT(server >= 0))
            break;
        close(server);
        n++;
    }
    for (int i = 0; i < 4; i++) {
        if (n < 4)
            eddy_task_cancel(tasks[i], NULL);
        eddy_await(tasks[i]);
        EXPECT_EQ(clients[i].result, 0);
        close(clients[i].fd);
    }
    close(listener);
    return 0;
}

/* Many at once. */

struct server {
    int listener;
    int left;
};

static int serve_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char buf[64];
    ssize_t n;

    while ((n = eddy_sock_recv(fd, buf, sizeof buf)) > 0 &&
           (n = eddy_sock_sendall(fd, buf, (size_t)n, NULL)) == 0)
        ;
    close(fd);
    return (int)n;
}

static int serve(void *arg)
{
    struct server *s = arg;
    eddy_group tg;

    eddy_group_enter(&tg);
    for (; s->left > 0; s->left--) {
        int fd = eddy_sock_accept(s->listener, NULL, NULL);

        if (fd < 0)
            return eddy_group_exit(&tg, fd);
        if (eddy_group_create_task(&tg, eddy_coro(serve_one, (void *)(intptr_t)fd)) < 0)
            close(fd);
    }
    return eddy_group_exit(&tg, 0);
}

static int talk(void *arg)
{
    const struct sockaddr_in *addr = arg;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -errno : connect_to(fd, addr);

    for (int i = 0; i < 5 && rc == 0; i++) {
        char buf[64];

        rc = eddy_sock_sendall(fd, "knock", 5, NULL);
        if (rc == 0 && recv_whole(fd, buf, 5) != 5)
            rc = EDDY_EINCOMPLETE;
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

TEST_ASYNC_REAL(a_thousand_connections_are_served_at_once)
{
    enum { MANY = 1000 };
    struct sockaddr_in addr;
    struct server server = {.listener = socket_listen(&addr, SOCK_NONBLOCK), .left = MANY};
    struct rlimit limit;
    eddy_task *t;
    eddy_group tg;
    int rc;

    if (test_tortured()) {
        close(server.listener);
        return 0;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < 2 * MANY + 100)
        SKIP("only %d descriptors are allowed", (int)limit.rlim_cur);
    listen(server.listener, MANY);
    t = eddy_create_task(eddy_coro(serve, &server));
    REQUIRE(t != NULL);
    eddy_group_enter(&tg);
    for (int i = 0; i < MANY; i++)
        (void)eddy_group_create_task(&tg, eddy_coro(talk, &addr));
    rc = eddy_group_exit(&tg, 0);
    EXPECT_EQ(rc, 0);
    EXPECT_EQ(eddy_await(t), 0);
    close(server.listener);
    return 0;
}

static void reset(void *arg)
{
    int *fd = arg;

    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    close(*fd);
    *fd = -1;
}

TEST_ASYNC_REAL(a_reset_by_the_peer_reaches_the_task_that_waits)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0), client = tcp(0), server;
    char buf[8];

    REQUIRE(connect(client, (struct sockaddr *)&addr, sizeof addr) == 0);
    server = accept(listener, NULL, NULL);
    REQUIRE(server >= 0);
    if (!eddy_loop_call_later(eddy_get_running_loop(), 0.002, reset, &server).slot)
        reset(&server);
    EXPECT_EQ(eddy_sock_recv(client, buf, sizeof buf), -ECONNRESET);
    while (server >= 0 && eddy_sleep(0.001) == 0)
        ;
    close(client);
    close(listener);
    return 0;
}
