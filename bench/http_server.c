/*
 * http-server [--backend NAME] [--workers N] [PORT]
 *
 * Answers every request with "Hello", with one task per connection, which stays open. The parser is
 * llhttp, that of Node.js. Requests that arrive together are answered together.
 */
#include "server.h"

#include <llhttp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER                                                                                     \
    "HTTP/1.1 200 OK\r\nServer: e\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nHello"

enum { BUFFER_SIZE = 16384, ANSWER_SIZE = sizeof ANSWER - 1, TOGETHER = 64 };

static char answers[TOGETHER * ANSWER_SIZE];
static llhttp_settings_t settings;

struct connection {
    llhttp_t parser; /* first, so that the parser's callbacks find the struct */
    size_t n_requests;
    char buf[BUFFER_SIZE];
};

static int on_message_complete(llhttp_t *parser)
{
    ((struct connection *)(void *)parser)->n_requests++;
    return 0;
}

static int send_answers(int fd, size_t n)
{
    while (n > 0) {
        size_t together = n < TOGETHER ? n : TOGETHER;

        eddy_try(eddy_sock_sendall(fd, answers, together * ANSWER_SIZE, NULL));
        n -= together;
    }
    return 0;
}

static eddy_async(answer, (int, fd))
{
    struct connection *c = malloc(sizeof *c);
    ssize_t n;

    if (c)
        llhttp_init(&c->parser, HTTP_REQUEST, &settings);
    while (c && (n = eddy_sock_recv(fd, c->buf, sizeof c->buf)) > 0) {
        c->n_requests = 0;
        if (llhttp_execute(&c->parser, c->buf, (size_t)n) != HPE_OK ||
            send_answers(fd, c->n_requests) < 0)
            break;
    }
    free(c);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    struct server_options options = {0};

    for (int i = 1; i < argc; i++) {
        if (!parse_server_option(argc, argv, &i, &options)) {
            fprintf(stderr, "usage: http-server [--backend NAME] [--workers N] [PORT]\n");
            return 2;
        }
    }
    for (size_t i = 0; i < TOGETHER; i++)
        memcpy(answers + i * ANSWER_SIZE, ANSWER, ANSWER_SIZE);
    llhttp_settings_init(&settings);
    settings.on_message_complete = on_message_complete;
    raise_limits();
    return serve_sockets(answer, &options);
}
