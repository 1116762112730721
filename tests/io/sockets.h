/*
 * Sockets for tests: pairs, listeners, and addresses that refuse.
 */
#ifndef EDDY_TEST_SOCKETS_H
#define EDDY_TEST_SOCKETS_H

#include "harness/test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Writes a string; to a peer that is gone, without a signal. */
static inline bool socket_write(int fd, const char *string)
{
    return send(fd, string, strlen(string), MSG_NOSIGNAL) == (ssize_t)strlen(string);
}

/* Receives @size bytes, however they come; fewer at the end, or the error. */
__attribute__((unused)) static ssize_t recv_whole(int fd, char *buf, size_t size)
{
    size_t got = 0;
    ssize_t n = 1;

    while (n > 0 && got < size) {
        n = eddy_sock_recv(fd, buf + got, size - got);
        got += n > 0 ? (size_t)n : 0;
    }
    return n < 0 ? n : (ssize_t)got;
}

static inline void pair_open(int fds[2])
{
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
}

static inline void pair_close(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* A socket that listens on a port of the loopback, which goes into @addr. */
static inline int socket_listen(struct sockaddr_in *addr, int flags)
{
    socklen_t size = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    *addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    REQUIRE(fd >= 0);
    REQUIRE(bind(fd, (struct sockaddr *)addr, size) == 0 && listen(fd, 128) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)addr, &size) == 0);
    return fd;
}

/* The two ends of a connection; the first was accepted. */
__attribute__((unused)) static void connection_open(int fds[2])
{
    struct sockaddr_in addr;
    int listener = socket_listen(&addr, 0);

    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(fds[1], (struct sockaddr *)&addr, sizeof addr) == 0);
    fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    REQUIRE(fds[0] >= 0);
    close(listener);
}

/* Sets @p addr to an address without a listener. The socket that is returned holds the port and
 * does not listen. */
static inline int socket_refusing(struct sockaddr_in *addr)
{
    socklen_t size = sizeof *addr;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *addr = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)addr, size) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)addr, &size) == 0);
    return fd;
}

#endif
