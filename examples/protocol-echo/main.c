/*
 * The TCP echo server and client of asyncio's documentation, with protocols and without tasks.
 *
 *     protocol-echo serve [PORT]          until Ctrl-C
 *     protocol-echo say PORT MESSAGE      sends it to such a server, and prints the answer
 *     protocol-echo                       both, in one process
 */
#include "command.h"

#include <eddy.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* class EchoServerProtocol(asyncio.Protocol): one for each connection. */
struct echo_server {
    eddy_transport *transport;
};

static void server_connection_made(void *self, eddy_transport *transport)
{
    struct echo_server *s = self;

    s->transport = transport;
    puts("server: a connection");
}

static void server_data_received(void *self, const void *data, size_t size)
{
    struct echo_server *s = self;

    printf("server: received %.*s\n", (int)size, (const char *)data);
    eddy_transport_write(s->transport, data, size);
    eddy_transport_close(s->transport);
}

static void server_connection_lost(void *self, const eddy_exception *e)
{
    puts("server: the connection is gone");
    free(self);
}

static const eddy_protocol server_protocol = {
    .connection_made = server_connection_made,
    .data_received = server_data_received,
    .connection_lost = server_connection_lost,
};

static int make_server_protocol(void *arg, const eddy_protocol **ret_protocol, void **ret_self)
{
    *ret_protocol = &server_protocol;
    *ret_self = calloc(1, sizeof(struct echo_server));
    return *ret_self ? 0 : -ENOMEM;
}

/* class EchoClientProtocol(asyncio.Protocol) */
struct echo_client {
    const char *message;
    eddy_future *on_connection_lost;
};

static void client_connection_made(void *self, eddy_transport *transport)
{
    struct echo_client *c = self;

    eddy_transport_write(transport, c->message, strlen(c->message));
    printf("client: sent %s\n", c->message);
}

static void client_data_received(void *self, const void *data, size_t size)
{
    printf("client: received %.*s\n", (int)size, (const char *)data);
}

static void client_connection_lost(void *self, const eddy_exception *e)
{
    struct echo_client *c = self;

    puts("client: the server closed the connection");
    if (eddy_future_done(c->on_connection_lost))
        puts("client: but nobody waits any more");
    else if (e)
        eddy_future_set_error(c->on_connection_lost, e);
    else
        eddy_future_set_result(c->on_connection_lost, 0);
    eddy_unref(c->on_connection_lost);
    free(c);
}

static const eddy_protocol client_protocol = {
    .connection_made = client_connection_made,
    .data_received = client_data_received,
    .connection_lost = client_connection_lost,
};

/* Makes a client's protocol as a copy of the pattern that @arg points to. */
static int make_client_protocol(void *arg, const eddy_protocol **ret_protocol, void **ret_self)
{
    struct echo_client *pattern = arg, *c = malloc(sizeof *c);

    if (!c)
        return -ENOMEM;
    *c = *pattern;
    eddy_ref(c->on_connection_lost);
    *ret_protocol = &client_protocol;
    *ret_self = c;
    return 0;
}

eddy_async(say, (int, port), (const char *, message))
{
    eddy_loop *loop = eddy_get_running_loop();
    struct echo_client pattern = {message, eddy_loop_create_future(loop)};
    int rc;

    if (!pattern.on_connection_lost)
        return -ENOMEM;
    rc = eddy_loop_create_connection(loop, make_client_protocol, &pattern, "127.0.0.1", port, NULL);
    if (rc < 0) {
        eddy_unref(pattern.on_connection_lost);
        return rc;
    }
    return eddy_await(pattern.on_connection_lost);
}

eddy_async(serve, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_loop_create_server(eddy_get_running_loop(), make_server_protocol, NULL,
                                     "127.0.0.1", port, &server, .read_timeout = 60,
                                     .write_timeout = 60, .grace = 10));
    eddy_server_free_at_end(server);
    printf("serving on port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

eddy_async(both)
{
    eddy_server *server;

    eddy_try(eddy_loop_create_server(eddy_get_running_loop(), make_server_protocol, NULL,
                                     "127.0.0.1", 0, &server, .read_timeout = 60,
                                     .write_timeout = 60));
    eddy_server_free_at_end(server);
    eddy_try(eddy_await(say(eddy_server_port(server), "Hello World!")));
    eddy_server_close(server);
    return eddy_server_wait_closed(server);
}

static const char help[] =
    "usage: protocol-echo [serve [PORT] | say PORT MESSAGE]\n\n"
    "Sends messages back, by transports and protocols; without arguments to itself.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc >= 2 && strcmp(argv[1], "serve") == 0)
        return eddy_main(serve(argc > 2 ? atoi(argv[2]) : 8888), .sigterm = true);
    if (argc == 4 && strcmp(argv[1], "say") == 0)
        return eddy_main(say(atoi(argv[2]), argv[3]));
    return eddy_main(both());
}
