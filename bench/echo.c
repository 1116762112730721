/*
 * Echo within one process over a TCP connection, for counting instructions: eddy's own share beside
 * two system calls per side. For speed see loadgen.c.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 64 };

/* Makes both ends of a connection. */
static int connect_pair(int ret_fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
        connect(fd, (struct sockaddr *)&address, size) < 0)
        return -errno;
    ret_fds[0] = fd;
    ret_fds[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(listener);
    if (ret_fds[1] < 0)
        return -errno;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 2; i++)
        setsockopt(ret_fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return 0;
}

static eddy_async(echo, (int, fd))
{
    char buf[SIZE];
    ssize_t n;

    while ((n = eddy_sock_recv(fd, buf, sizeof buf)) > 0)
        eddy_try(eddy_sock_sendall(fd, buf, (size_t)n, NULL));
    return (int)n;
}

static eddy_async(ask, (long, n))
{
    eddy_task *other;
    uint64_t began;
    char buf[SIZE] = {1};
    int fds[2];

    eddy_try(connect_pair(fds));
    other = eddy_create_task(echo(fds[1]));
    began = bench_now();
    for (long i = 0; i < n; i++) {
        eddy_try(eddy_sock_sendall(fds[0], buf, sizeof buf, NULL));
        eddy_try((int)eddy_sock_recv(fds[0], buf, sizeof buf));
    }
    bench_print_each("", began, (double)n, "ns");
    close(fds[0]);
    eddy_try(eddy_await(other));
    close(fds[1]);
    return 0;
}

int bench_echo(long n, long live)
{
    return eddy_run(ask(n));
}

static eddy_async(echo_streams, (eddy_reader *, reader), (eddy_writer *, writer))
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, SIZE, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

static eddy_async(ask_streams, (long, n))
{
    eddy_reader *readers[2];
    eddy_writer *writers[2];
    eddy_task *other;
    uint64_t began;
    char buf[SIZE] = {1};
    int fds[2];

    eddy_try(connect_pair(fds));
    for (int i = 0; i < 2; i++)
        eddy_try(eddy_open_connection(NULL, 0, &readers[i], &writers[i], .sock = fds[i]));
    other = eddy_create_task(echo_streams(readers[1], writers[1]));
    began = bench_now();
    for (long i = 0; i < n; i++) {
        eddy_try(eddy_writer_write(writers[0], buf, sizeof buf));
        eddy_try((int)eddy_reader_readexactly(readers[0], buf, sizeof buf));
    }
    bench_print_each("", began, (double)n, "ns");
    eddy_writer_free(writers[0]);
    eddy_try(eddy_await(other));
    eddy_writer_free(writers[1]);
    return 0;
}

int bench_echo_streams(long n, long live)
{
    return eddy_run(ask_streams(n));
}
