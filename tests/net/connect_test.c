/*
 * Connecting to hosts and paths, as streams and transports do it.
 */
#include "io/sockets.h"
#include "net/black_hole.h"
#include "net/connect.h"
#include "net/listen.h"
#include "net/race.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>

static int port_of(const struct sockaddr_in *addr)
{
    return ntohs(addr->sin_port);
}

static void expect_fresh(int fd)
{
    int value = 0;
    socklen_t size = sizeof value;

    EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
    EXPECT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    EXPECT(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &size) == 0 && value == 1);
}

/* Closes a descriptor if it is one, and says whether it was. */
static bool close_if(int fd)
{
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

TEST_ASYNC_REAL(a_connection_to_a_literal_is_made)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0);
    int fd =
        eddyi_connect_tcp(&(eddy_connection_options){.host = "127.0.0.1", .port = port_of(&addr)});

    if (EXPECT(fd >= 0))
        expect_fresh(fd);
    close_if(fd);
    close(listener);
    return 0;
}

TEST_ASYNC_REAL(this_machine_is_tried_on_ipv6_and_then_on_ipv4)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0);
    int fd = eddyi_connect_tcp(&(eddy_connection_options){.port = port_of(&addr)});

    EXPECT(close_if(fd));
    close(listener);
    return 0;
}

TEST_ASYNC_REAL(a_refused_connection_names_the_address)
{
    struct sockaddr_in addr;
    int refusing_fd = socket_refusing(&addr);
    char expected[64];

    snprintf(expected, sizeof expected, "connect to 127.0.0.1 port %d", port_of(&addr));
    EXPECT_EQ(
        eddyi_connect_tcp(&(eddy_connection_options){.host = "127.0.0.1", .port = port_of(&addr)}),
        -ECONNREFUSED);
    EXPECT_IN(expected, eddy_exception_message(eddy_error()));
    close(refusing_fd);
    return 0;
}

/* Connects to a port without a listener from that same port: the kernel connects the socket to
 * itself. */
TEST_ASYNC_REAL(a_connection_that_would_meet_itself_is_refused)
{
    static const char *const hosts[] = {"127.0.0.1", "::1"};
    struct sockaddr_in addr;
    int refusing = socket_refusing(&addr), fd;

    close(refusing);
    for (int i = 0; i < 2; i++) {
        fd = eddyi_connect_tcp(&(eddy_connection_options){.host = hosts[i],
                                                          .port = port_of(&addr),
                                                          .local_host = hosts[i],
                                                          .local_port = port_of(&addr)});
        EXPECT(fd == -ECONNREFUSED || (i == 1 && fd < 0)); /* without IPv6 it is another error */
        close_if(fd);
    }
    return 0;
}

TEST_ASYNC_REAL(all_errors_come_as_a_group)
{
    struct sockaddr_in addr;
    int refusing_fd = socket_refusing(&addr);
    eddy_connection_options c = {.port = port_of(&addr), .all_errors = true};

    EXPECT_EQ(eddyi_connect_tcp(&c), EDDY_EGROUP);
    EXPECT_EQ(eddy_exception_count(eddy_error()), 2);
    c.all_errors = false;
    EXPECT_EQ(eddyi_connect_tcp(&c), -ECONNREFUSED);
    EXPECT_IN("::1 port", eddy_exception_message(eddy_error()));
    EXPECT_IN("127.0.0.1 port", eddy_exception_message(eddy_error()));
    close(refusing_fd);
    return 0;
}

TEST_ASYNC_REAL(a_local_address_is_bound_first)
{
    struct sockaddr_in addr, here;
    socklen_t size = sizeof here;
    int listener = socket_listen(&addr, 0);
    eddy_connection_options c = {
        .host = "127.0.0.1", .port = port_of(&addr), .local_host = "127.0.0.2"};
    int fd = eddyi_connect_tcp(&c);

    if (EXPECT(fd >= 0)) {
        getsockname(fd, (struct sockaddr *)&here, &size);
        EXPECT_EQ(ntohl(here.sin_addr.s_addr), 0x7f000002);
    }
    close_if(fd);
    c.local_host = "::1";
    EXPECT_EQ(eddyi_connect_tcp(&c), -EADDRNOTAVAIL);
    EXPECT_IN("bind", eddy_exception_message(eddy_error()));
    close(listener);
    return 0;
}

TEST_ASYNC_REAL(what_is_no_address_is_refused)
{
    EXPECT_EQ(eddyi_connect_tcp(&(eddy_connection_options){.host = "127.0.0.1", .port = 65536}),
              EDDY_ENOSERVICE);
    EXPECT_EQ(eddyi_connect_tcp(&(eddy_connection_options){.host = "127.0.0.1", .port = -1}),
              EDDY_ENOSERVICE);
    EXPECT_EQ(eddyi_connect_tcp(&(eddy_connection_options){.host = "a..b", .port = 1}),
              EDDY_EBADNAME);
    EXPECT_EQ(eddyi_connect_tcp(&(eddy_connection_options){
                  .host = "::1", .port = 1, .happy_eyeballs_delay = 0.0 / 0.0}),
              -EINVAL);
    return 0;
}

/* Happy Eyeballs. A race over addresses of the test's own. */

struct course {
    struct black_hole hole;
    struct sockaddr_in good, refusing;
    int listener, refusing_fd;
    struct addrinfo infos[3];
    const struct addrinfo *order[3];
    eddy_exception *errors[3];
    struct eddyi_race race;
};

static void course_begin(struct course *c, double delay)
{
    memset(c, 0, sizeof *c);
    black_hole_open(&c->hole);
    c->listener = socket_listen(&c->good, 0);
    c->refusing_fd = socket_refusing(&c->refusing);
    c->race.addresses = c->order;
    c->race.errors = c->errors;
    c->race.loop = eddy_get_running_loop();
    c->race.delay = delay < 0 ? -1 : (int64_t)(delay * 1e9);
}

static void course_add(struct course *c, struct sockaddr_in *addr)
{
    struct addrinfo *a = &c->infos[c->race.n];

    *a = (struct addrinfo){.ai_family = AF_INET,
                           .ai_socktype = SOCK_STREAM,
                           .ai_protocol = IPPROTO_TCP,
                           .ai_addr = (struct sockaddr *)addr,
                           .ai_addrlen = sizeof *addr};
    c->order[c->race.n++] = a;
}

static void course_end(struct course *c)
{
    for (size_t i = 0; i < c->race.n_errors; i++)
        eddy_exception_unref(c->errors[i]);
    black_hole_close(&c->hole);
    close(c->listener);
    close(c->refusing_fd);
}

/* Where an injected error made it lose the good address nothing but the black hole is left. */
static int run_soon(struct course *c)
{
    eddy_timeout tm;
    int fd;

    eddy_timeout_enter(&tm, test_tortured() ? 0.3 : EDDY_FOREVER);
    fd = eddyi_race_run(&c->race);
    return fd < 0 ? eddy_timeout_exit(&tm, fd) : fd;
}

TEST_ASYNC_REAL(an_address_that_does_not_answer_is_overtaken)
{
    struct course c;

    course_begin(&c, 0.01);
    course_add(&c, &c.hole.addr);
    course_add(&c, &c.hole.addr);
    course_add(&c, &c.good);
    EXPECT(close_if(run_soon(&c)));
    EXPECT_EQ(c.race.next, 3);
    EXPECT_EQ(c.race.n_errors, 0);
    course_end(&c);
    return 0;
}

TEST_ASYNC_REAL(a_refusal_starts_the_next_attempt_at_once)
{
    struct course c;

    course_begin(&c, -1);
    course_add(&c, &c.refusing);
    course_add(&c, &c.good);
    EXPECT(close_if(run_soon(&c)));
    EXPECT_EQ(c.race.n_errors, 1);
    course_end(&c);
    return 0;
}

TEST_ASYNC_REAL(the_first_success_leaves_later_addresses_alone)
{
    struct course c;

    course_begin(&c, 3600);
    course_add(&c, &c.good);
    course_add(&c, &c.hole.addr);
    EXPECT(close_if(run_soon(&c)));
    EXPECT_EQ(c.race.next, test_tortured() ? c.race.next : 1);
    course_end(&c);
    return 0;
}

TEST_ASYNC_REAL(without_a_delay_a_black_hole_is_waited_for)
{
    struct course c;
    eddy_timeout tm;
    int fd;

    course_begin(&c, -1);
    course_add(&c, &c.hole.addr);
    course_add(&c, &c.good);
    eddy_timeout_enter(&tm, 0.03);
    fd = eddyi_race_run(&c.race);
    fd = eddy_timeout_exit(&tm, fd);
    EXPECT_EQ(fd, -ETIMEDOUT);
    EXPECT_EQ(c.race.next, 1);
    close_if(fd);
    course_end(&c);
    return 0;
}

static int closing_rc;

static void hush(eddy_loop *loop, const eddy_exception_context *context, void *arg)
{
}

static int connect_to_hole(void *arg)
{
    struct course c;

    course_begin(&c, 3600);
    course_add(&c, &c.hole.addr);
    course_add(&c, &c.hole.addr);
    closing_rc = eddyi_race_run(&c.race);
    close_if(closing_rc);
    course_end(&c);
    return 0;
}

TEST_REAL(a_loop_that_closes_ends_the_attempts)
{
    eddy_loop *loop = test_real_loop();
    eddy_task *t;

    REQUIRE(loop != NULL);
    closing_rc = 1;
    t = eddy_loop_create_task(loop, eddy_coro(connect_to_hole, NULL));
    eddy_unref(t);
    eddy_loop_run_until_complete(loop, eddy_sleep_coro(0.001, 0, NULL));
    EXPECT_EQ(closing_rc, 1);
    eddy_loop_set_exception_handler(loop, hush, NULL);
    eddy_loop_unref(loop);
    EXPECT_EQ(closing_rc, -ECANCELED);
}

/* Connecting without a task. */

struct told {
    eddy_loop *loop;
    int fd; /* -1: not yet */
    char message[100];
};

static void note_connection(void *arg, int fd)
{
    struct told *t = arg;

    t->fd = fd;
    if (fd < 0)
        snprintf(t->message, sizeof t->message, "%s", eddy_exception_message(eddy_error()));
    eddy_loop_stop(t->loop);
}

static struct addrinfo info_of(struct sockaddr_in *addr)
{
    return (struct addrinfo){.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_protocol = IPPROTO_TCP,
                             .ai_addr = (struct sockaddr *)addr,
                             .ai_addrlen = sizeof *addr};
}

/* Runs the loop until it is told, and closes it. */
static int connect_by_callback(struct told *t, struct sockaddr_in *addr)
{
    struct addrinfo info = info_of(addr);
    eddy_connecting *c;
    int rc;

    *t = (struct told){.loop = test_real_loop(), .fd = -1};
    if (!t->loop)
        return -ENOMEM;
    rc = eddy_loop_connect(t->loop, &info, 0, note_connection, t, &c);
    if (rc == 0) {
        EXPECT_EQ(t->fd, -1);
        EXPECT_EQ(eddy_loop_run_forever(t->loop), 0);
    }
    eddy_loop_close(t->loop);
    eddy_loop_unref(t->loop);
    return rc;
}

TEST_REAL(a_connection_is_made_without_a_task)
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0);
    struct told t;

    EXPECT_EQ(connect_by_callback(&t, &addr), 0);
    if (EXPECT(t.fd >= 0))
        expect_fresh(t.fd);
    close_if(t.fd);
    close(listener);
}

TEST_REAL(a_refusal_without_a_task_names_the_address)
{
    struct sockaddr_in addr;
    struct told t;

    close(socket_listen(&addr, 0));
    EXPECT_EQ(connect_by_callback(&t, &addr), 0);
    EXPECT_EQ(t.fd, -ECONNREFUSED);
    EXPECT(strstr(t.message, "127.0.0.1") != NULL);
    close_if(t.fd);
}

TEST_REAL(a_connection_that_is_given_up_tells_nothing)
{
    eddy_loop *loop = test_real_loop();
    struct told t = {.loop = loop, .fd = -1};
    struct black_hole hole;
    struct addrinfo info;
    eddy_connecting *c;

    REQUIRE(loop != NULL);
    black_hole_open(&hole);
    info = info_of(&hole.addr);
    if (EXPECT_EQ(eddy_loop_connect(loop, &info, 0, note_connection, &t, &c), 0)) {
        eddy_loop_stop(loop);
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
        if (EXPECT_EQ(t.fd, -1))
            eddy_connecting_cancel(c);
    }
    eddy_loop_close(loop);
    EXPECT_EQ(t.fd, -1);
    black_hole_close(&hole);
    eddy_loop_unref(loop);
}

TEST_REAL(a_loop_that_closes_ends_connecting_without_a_task)
{
    eddy_loop *loop = test_real_loop();
    struct told t = {.loop = loop, .fd = -1};
    struct black_hole hole;
    struct addrinfo info;
    eddy_connecting *c;

    REQUIRE(loop != NULL);
    black_hole_open(&hole);
    info = info_of(&hole.addr);
    if (EXPECT_EQ(eddy_loop_connect(loop, &info, 0, note_connection, &t, &c), 0)) {
        eddy_loop_stop(loop);
        EXPECT_EQ(eddy_loop_run_forever(loop), 0);
        EXPECT_EQ(t.fd, -1);
        eddy_loop_close(loop);
        EXPECT_EQ(t.fd, -ECANCELED);
    }
    eddy_loop_close(loop);
    black_hole_close(&hole);
    eddy_loop_unref(loop);
}

/* Unix sockets. */

TEST_ASYNC_REAL(a_unix_socket_is_found_by_path_and_by_abstract_name)
{
    char path[64], name[64];
    int listener = -1, fd;

    snprintf(path, sizeof path, "/tmp/eddy-connect-%d.sock", (int)getpid());
    snprintf(name, sizeof name, "@eddy-connect-%d", (int)getpid());
    if (EXPECT_EQ(eddyi_listen_unix(path, 0, 0, &listener), 0)) {
        fd = eddyi_connect_unix(path);
        EXPECT(close_if(fd));
        close(listener);
    }
    EXPECT_EQ(eddyi_connect_unix(path), -ECONNREFUSED);
    EXPECT_IN(path, eddy_exception_message(eddy_error()));
    unlink(path);
    if (EXPECT_EQ(eddyi_listen_unix(name, 0, 0, &listener), 0)) {
        fd = eddyi_connect_unix(name);
        EXPECT(close_if(fd));
        close(listener);
    }
    return 0;
}

TEST_ASYNC_REAL(a_path_that_is_too_long_is_never_cut)
{
    char path[120];
    int listener = -1, fd;

    memset(path, 'x', sizeof path);
    memcpy(path, "/tmp/", 5);
    path[108] = '\0';
    EXPECT_EQ(eddyi_connect_unix(path), -ENAMETOOLONG);
    EXPECT_EQ(eddyi_listen_unix(path, 0, 0, &listener), -ENAMETOOLONG);
    path[107] = '\0';
    if (EXPECT_EQ(eddyi_listen_unix(path, 0, 0600, &listener), 0)) {
        fd = eddyi_connect_unix(path);
        EXPECT(close_if(fd));
        close(listener);
    }
    unlink(path);
    EXPECT_EQ(eddyi_connect_unix(""), -EINVAL);
    EXPECT_EQ(eddyi_connect_unix(NULL), -EINVAL);
    return 0;
}
