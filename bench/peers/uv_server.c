/*
 * An echo server, or one that answers requests through http-parser, on libuv. uv-server PORT [http]
 */
#include "peer.h"

#include <http_parser.h>
#include <uv.h>

struct connection {
    union { /* first: the handle is the connection */
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    http_parser parser;
    unsigned n_requests;
};

/* Bytes that could not be written at once; they follow the struct. */
struct rest {
    uv_write_t write;
    char bytes[];
};

static char buf[PEER_BUFFER], *answers;
static http_parser_settings settings;
static bool http, local; /* a Unix socket */

static int on_message_complete(http_parser *parser)
{
    ((struct connection *)parser->data)->n_requests++;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    *ret = uv_buf_init(buf, sizeof buf);
}

static void on_written(uv_write_t *write, int status)
{
    free(write);
}

static void put(uv_stream_t *stream, char *data, size_t size)
{
    uv_buf_t b = uv_buf_init(data, (unsigned)size);
    int n = uv_try_write(stream, &b, 1);
    struct rest *rest;

    if (n < 0 && n != UV_EAGAIN)
        return;
    n = n < 0 ? 0 : n;
    if ((size_t)n == size)
        return;
    size -= (size_t)n;
    rest = malloc(sizeof *rest + size);
    memcpy(rest->bytes, data + n, size);
    b = uv_buf_init(rest->bytes, (unsigned)size);
    uv_write(&rest->write, stream, &b, 1, on_written);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    struct connection *c = (struct connection *)stream;

    if (n < 0) {
        uv_close((uv_handle_t *)stream, on_closed);
    } else if (n > 0 && !http) {
        put(stream, data->base, (size_t)n);
    } else if (n > 0) {
        c->n_requests = 0;
        http_parser_execute(&c->parser, &settings, data->base, (size_t)n);
        if (c->n_requests > 0)
            put(stream, answers,
                (c->n_requests < PEER_TOGETHER ? c->n_requests : PEER_TOGETHER) * PEER_ANSWER_SIZE);
    }
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *c;

    if (status < 0)
        return;
    c = calloc(1, sizeof *c);
    if (local)
        uv_pipe_init(listener->loop, &c->pipe, 0);
    else
        uv_tcp_init(listener->loop, &c->tcp);
    if (uv_accept(listener, &c->stream) < 0) {
        uv_close((uv_handle_t *)c, on_closed);
        return;
    }
    if (!local)
        uv_tcp_nodelay(&c->tcp, 1);
    http_parser_init(&c->parser, HTTP_REQUEST);
    c->parser.data = c;
    uv_read_start(&c->stream, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct connection listener;

    http = argc > 2 && strcmp(argv[2], "http") == 0;
    http_parser_settings_init(&settings);
    settings.on_message_complete = on_message_complete;
    answers = peer_answers();
    local = strchr(argv[1], '/') != NULL;
    if (local) {
        uv_pipe_init(loop, &listener.pipe, 0);
        uv_pipe_open(&listener.pipe, peer_listen(argv[1], true));
    } else {
        uv_tcp_init(loop, &listener.tcp);
        uv_tcp_open(&listener.tcp, peer_listen(argv[1], true));
    }
    if (uv_listen(&listener.stream, PEER_BACKLOG, on_connection) < 0)
        return 1;
    return uv_run(loop, UV_RUN_DEFAULT);
}
