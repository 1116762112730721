/*
 * echo-server [--streams] [--backend NAME] [PORT]: sends back what comes, a task for each connection, by operations on sockets or by streams.
 */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536 };

/* Whatever a connection breaks with ends it, and is nothing to report. */
static eddy_async(echo, (int, fd))
{
    char *buf = malloc(BUFFER_SIZE);
    ssize_t n = -1;

    while (buf && (n = eddy_sock_recv(fd, buf, BUFFER_SIZE)) > 0) {
        if (eddy_sock_sendall(fd, buf, (size_t)n, NULL) < 0)
            break;
    }
    free(buf);
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

static eddy_async(serve_streams, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(echo_streams, NULL, "0.0.0.0", port, &server, .backlog = 4096));
    eddy_server_free_at_end(server);
    say_port(eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

int main(int argc, char **argv)
{
    bool streams = false;
    int port = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--streams") == 0) {
            streams = true;
        } else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc) {
            setenv("EDDY_BACKEND", argv[++i], true);
        } else if (atoi(argv[i]) > 0) {
            port = atoi(argv[i]);
        } else {
            fprintf(stderr, "usage: echo-server [--streams] [--backend NAME] [PORT]\n");
            return 2;
        }
    }
    raise_limits();
    return eddy_exit_code(eddy_run(streams ? serve_streams(port) : serve_sockets(echo, port)));
}
