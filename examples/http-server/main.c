/*
 * A small HTTP/1.1 server for testing clients: each connection is a task, written from top to
 * bottom, and the path of a request selects the answer.
 *
 * Supports only GET and HEAD, and only on the loopback interface.
 */
#include "answers.h"
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Refuses a request that cannot be parsed, or that has another method. */
static int refuse(struct exchange *x, int status)
{
    char text[64];

    x->request.keep_alive = false;
    snprintf(text, sizeof text, "%d %s\n", status, http_reason(status));
    return http_send_text(x->writer, &x->request, status,
                          status == 405 ? "Allow: GET, HEAD\r\n" : "", text);
}

/* async def serve(reader, writer): … */
static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    eddy_server *const *server = arg;
    struct exchange x = {.reader = reader, .writer = writer};
    int rc;

    do {
        rc = http_read_request(reader, &x.request);
        if (rc == 1)
            rc = x.request.get || x.request.head ? answer(&x) : refuse(&x, 405);
        else if (rc > 0)
            rc = refuse(&x, rc);
        else
            return 0; /* an error of the client is not a failure of the server */
    } while (rc >= 0 && x.request.keep_alive && eddy_server_is_serving(*server));
    return rc == 0 ? http_linger(reader, writer, 5) : 0;
}

static eddy_async(amain, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(serve, &server, "127.0.0.1", port, &server, .limit = HTTP_MAX_HEAD,
                               .read_timeout = 60, .write_timeout = 60, .grace = 1));
    eddy_server_free_at_end(server);
    printf("http://127.0.0.1:%d\n", eddy_server_port(server));
    fflush(stdout);
    return eddy_server_serve_forever(server);
}

static const char help[] =
    "usage: http-server [--port N]\n\n"
    "Serves HTTP on 127.0.0.1, on a free port unless one is given, and prints its address.\n"
    "Ends with Ctrl-C or SIGTERM.\n\n";

int main(int argc, char **argv)
{
    unsigned port = 0;
    char rest;

    if (command_is_answered(argc, argv, help))
        return strcmp(argv[1], "--help") == 0 && fputs(paths_help, stdout) < 0;
    if (argc != 1 && (argc != 3 || strcmp(argv[1], "--port") != 0 ||
                      sscanf(argv[2], "%5u%c", &port, &rest) != 1 || port > 65535))
        return command_refuse(help);
    return eddy_main(amain((int)port), .sigterm = true);
}
