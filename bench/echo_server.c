/*
 * echo-server [--streams|--tls FILE] [--backend NAME] [--workers N] [PORT|PATH]
 *
 * Echoes what it receives, with one task per connection, by operations on sockets, by streams, or
 * by streams over TLS, with the certificate and key in FILE.
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

struct streams {
    const char *certificate; /* NULL: no TLS */
    struct server_options options;
};

static int start_streams(const struct streams *s, eddy_tls_context *tls, eddy_server **ret)
{
    if (s->options.path)
        return eddy_start_unix_server(echo_streams, NULL, s->options.path, ret, .backlog = 4096);
    return eddy_start_server(echo_streams, NULL, "0.0.0.0", s->options.port, ret, .backlog = 4096,
                             .tls = tls, .reuse_port = s->options.workers > 0);
}

static int serve_streams(unsigned index, void *arg)
{
    const struct streams *s = arg;
    eddy_tls_context *tls = NULL;
    eddy_server *server;

    if (s->certificate)
        eddy_try(make_context(s->certificate, &tls));
    eddy_try(start_streams(s, tls, &server));
    eddy_server_free_at_end(server);
    say_port(s->options.path ? 0 : eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

static eddy_async(serve_streams_in_one_loop, (struct streams *, s))
{
    return serve_streams(0, s);
}

static int run_streams(struct streams *s)
{
    if (s->options.workers > 0)
        return eddy_exit_code(eddy_run_workers(s->options.workers, serve_streams, s));
    return eddy_main(serve_streams_in_one_loop(s));
}

int main(int argc, char **argv)
{
    struct streams s = {0};
    bool streams = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--streams") == 0) {
            streams = true;
        } else if (strcmp(argv[i], "--tls") == 0 && i + 1 < argc) {
            streams = true;
            s.certificate = argv[++i];
        } else if (!parse_server_option(argc, argv, &i, &s.options)) {
            fprintf(stderr, "usage: echo-server [--streams|--tls FILE] [--backend NAME] "
                            "[--workers N] [PORT|PATH]\n");
            return 2;
        }
    }
    raise_limits();
    return streams ? run_streams(&s) : serve_sockets(echo, &s.options);
}
