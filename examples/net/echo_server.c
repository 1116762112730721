/* An echo server: a task for each connection. Try it with: nc localhost 8888 */
#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>

static int echo(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const char *data;
    ssize_t n;

    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0)
        eddy_try(eddy_writer_write(writer, data, n));
    return n;
}

eddy_async(amain, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(echo, NULL, "localhost", port, &server, .read_timeout = 60,
                               .write_timeout = 60, .grace = 10));
    fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-')
        return puts("usage: echo_server [PORT]") < 0;
    return eddy_main(amain(argc > 1 ? atoi(argv[1]) : 8888), .sigterm = true);
}
