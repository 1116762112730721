/*
 * echo-server [--streams|--tls FILE] [--backend NAME] [PORT]: echoes what it receives, with one
 * task per connection, by operations on sockets, by streams, or by streams over TLS, with the
 * certificate and key in FILE.
 */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SMALL = 2048, BUFFER_SIZE = 65536 };

/* Free large buffers, the latest first: it is the one in the cache. */
static union buffer {
    union buffer *next;
    char data[BUFFER_SIZE];
} * free_buffers;

static char *take_buffer(void)
{
    union buffer *b = free_buffers;

    if (b)
        free_buffers = b->next;
    else
        b = malloc(sizeof *b);
    return b ? b->data : NULL;
}

static void give_buffer(char *data)
{
    union buffer *b = (union buffer *)(void *)data;

    b->next = free_buffers;
    free_buffers = b;
}

/* Echoes one message, or the part that has arrived. Returns its size, or the end of the
 * connection. */
static ssize_t echo_one(int fd, char *buf, size_t size)
{
    ssize_t n = eddy_sock_recv(fd, buf, size);
    int rc = n > 0 ? eddy_sock_sendall(fd, buf, (size_t)n, NULL) : 0;

    return rc < 0 ? rc : n;
}

/* Echoes with a buffer that is taken only while there is data for it. */
static ssize_t echo_large(int fd)
{
    ssize_t n = eddy_poll(fd, POLLIN);
    char *buf;

    if (n < 0)
        return n;
    buf = take_buffer();
    if (!buf)
        return -ENOMEM;
    n = echo_one(fd, buf, BUFFER_SIZE);
    give_buffer(buf);
    return n;
}

/*
 * Serves one connection. Small messages fit on the task's own stack; after a larger one, a large
 * buffer serves the next. Any error ends the connection and is not reported.
 */
static eddy_async(echo, (int, fd))
{
    char small[SMALL];
    ssize_t n = 0;

    do
        n = n < SMALL ? echo_one(fd, small, sizeof small) : echo_large(fd);
    while (n > 0);
    close(fd);
    return 0;
}

static int echo_streams(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, BUFFER_SIZE, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    return (int)n;
}

static int make_context(const char *certificate, eddy_tls_context **ret)
{
    eddy_try(eddy_tls_context_new(EDDY_TLS_SERVER, ret));
    return eddy_tls_context_load_cert_chain(*ret, certificate, NULL, NULL, NULL);
}

/* @certificate NULL: no TLS. */
static eddy_async(serve_streams, (const char *, certificate), (int, port))
{
    eddy_tls_context *tls = NULL;
    eddy_server *server;

    if (certificate)
        eddy_try(make_context(certificate, &tls));
    eddy_try(eddy_start_server(echo_streams, NULL, "0.0.0.0", port, &server, .backlog = 4096,
                               .tls = tls));
    eddy_server_free_at_end(server);
    say_port(eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

int main(int argc, char **argv)
{
    const char *certificate = NULL;
    bool streams = false;
    int port = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--streams") == 0) {
            streams = true;
        } else if (strcmp(argv[i], "--tls") == 0 && i + 1 < argc) {
            streams = true;
            certificate = argv[++i];
        } else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc) {
            setenv("EDDY_BACKEND", argv[++i], true);
        } else if (atoi(argv[i]) > 0) {
            port = atoi(argv[i]);
        } else {
            fprintf(stderr, "usage: echo-server [--streams|--tls FILE] [--backend NAME] [PORT]\n");
            return 2;
        }
    }
    raise_limits();
    return eddy_main(streams ? serve_streams(certificate, port) : serve_sockets(echo, port));
}
