/*
 * Listening on hosts and paths, as servers do it.
 */
#include "base/sys.h"
#include "io/sockets.h"
#include "net/listen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;

    getsockopt(fd, level, name, &value, &size);
    return value;
}

static void close_all(int *fds, size_t n)
{
    while (n > 0)
        close(fds[--n]);
    eddyi_free(fds);
}

static int family_of(int fd)
{
    return option(fd, SOL_SOCKET, SO_DOMAIN);
}

static int port_of(int fd)
{
    struct sockaddr_in6 addr;
    socklen_t size = sizeof addr;

    getsockname(fd, (struct sockaddr *)&addr, &size);
    return ntohs(addr.sin6_port);
}

TEST_ASYNC_REAL(without_a_host_it_listens_on_all_interfaces_of_both_families)
{
    int *fds = NULL;
    size_t n = 0;

    if (!EXPECT_EQ(eddyi_listen_tcp(&(eddy_server_options){.host = ""}, &fds, &n), 0))
        return 0;
    EXPECT_EQ(n, 2);
    for (size_t i = 0; i < n; i++) {
        EXPECT(option(fds[i], SOL_SOCKET, SO_ACCEPTCONN) == 1);
        EXPECT(option(fds[i], SOL_SOCKET, SO_REUSEADDR) == 1);
        EXPECT(port_of(fds[i]) > 0);
        EXPECT(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
        EXPECT(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
        if (family_of(fds[i]) == AF_INET6)
            EXPECT(option(fds[i], IPPROTO_IPV6, IPV6_V6ONLY) == 1);
    }
    EXPECT_NE(family_of(fds[0]), family_of(fds[n - 1]));
    close_all(fds, n);
    return 0;
}

TEST_ASYNC_REAL(a_host_that_is_named_twice_is_bound_once)
{
    const char *hosts[] = {"127.0.0.1", "127.0.0.2", "127.0.0.1", "::1"};
    eddy_server_options l = {.hosts = hosts, .n_hosts = 4, .reuse_port = true, .keep_alive = true};
    int *fds = NULL;
    size_t n = 0;

    if (!EXPECT_EQ(eddyi_listen_tcp(&l, &fds, &n), 0))
        return 0;
    EXPECT_EQ(n, 3);
    EXPECT(option(fds[0], SOL_SOCKET, SO_REUSEPORT) == 1);
    EXPECT(option(fds[0], SOL_SOCKET, SO_KEEPALIVE) == 1);
    close_all(fds, n);
    return 0;
}

TEST_ASYNC_REAL(an_address_this_machine_does_not_have_is_passed_over)
{
    const char *hosts[] = {"192.0.2.1", "127.0.0.1"};
    eddy_server_options l = {.hosts = hosts, .n_hosts = 2};
    int *fds = NULL;
    size_t n = 0;

    if (EXPECT_EQ(eddyi_listen_tcp(&l, &fds, &n), 0)) {
        EXPECT_EQ(n, 1);
        close_all(fds, n);
    }
    l.n_hosts = 1;
    EXPECT_EQ(eddyi_listen_tcp(&l, &fds, &n), -EADDRNOTAVAIL);
    EXPECT_IN("listen on 192.0.2.1 port 0", eddy_exception_message(eddy_error()));
    return 0;
}

TEST_ASYNC_REAL(any_other_failure_closes_all)
{
    const char *hosts[] = {"127.0.0.2", "127.0.0.1"};
    eddy_server_options l = {.hosts = hosts, .n_hosts = 2};
    int *fds = NULL;
    size_t n = 0;
    bool elsewhere; /* another program has taken the port on the first address */

    do {
        struct sockaddr_in addr;
        int taken = socket_listen(&addr, 0);

        l.port = ntohs(addr.sin_port);
        EXPECT_EQ(eddyi_listen_tcp(&l, &fds, &n), -EADDRINUSE);
        EXPECT_EQ(n, 0);
        elsewhere = strstr(eddy_exception_message(eddy_error()), "127.0.0.2") != NULL;
        close(taken);
    } while (elsewhere);
    EXPECT_IN("listen on 127.0.0.1 port", eddy_exception_message(eddy_error()));
    l.port = 65536;
    EXPECT_EQ(eddyi_listen_tcp(&l, &fds, &n), EDDY_ENOSERVICE);
    l.n_hosts = 0;
    EXPECT_EQ(eddyi_listen_tcp(&l, &fds, &n), -EINVAL);
    return 0;
}

static const char *temporary(void)
{
    static char path[64];

    snprintf(path, sizeof path, "/tmp/eddy-listen-%d.sock", (int)getpid());
    return path;
}

TEST(a_socket_that_is_left_over_is_replaced_and_gets_its_mode)
{
    const char *path = temporary();
    struct stat st = {0};
    int first = -1, second = -1;

    EXPECT_EQ(eddyi_listen_unix(path, 0, 0, &first), 0);
    EXPECT_EQ(eddyi_listen_unix(path, 5, 0620, &second), 0);
    EXPECT(stat(path, &st) == 0);
    EXPECT_EQ(st.st_mode & 0777, 0620);
    unlink(path);
    if (first >= 0)
        close(first);
    if (second >= 0)
        close(second);
}

TEST(a_file_that_is_no_socket_is_left_alone)
{
    const char *path = temporary();
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), fd = -1;

    REQUIRE(file >= 0);
    EXPECT_EQ(eddyi_listen_unix(path, 0, 0, &fd), -EADDRINUSE);
    EXPECT_IN(path, eddy_exception_message(eddy_error()));
    EXPECT_EQ(access(path, F_OK), 0);
    unlink(path);
    close(file);
}

TEST(a_directory_that_is_not_there_is_an_error)
{
    int fd = -1;

    EXPECT_EQ(eddyi_listen_unix("/nonexistent/eddy.sock", 0, 0, &fd), -ENOENT);
    EXPECT_EQ(eddyi_listen_unix("", 0, 0, &fd), -EINVAL);
}
