/* A task that accepts, and one for each connection. */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Receives up to the end of one request header. Returns its length, 0 at the end of the stream, or
 * a negative status. */
static ssize_t receive(int fd, char *buf, size_t size)
{
    size_t n = 0;

    while (n < size - 1) {
        ssize_t got = eddy_sock_recv(fd, buf + n, size - 1 - n);

        if (got <= 0)
            return got;
        n += (size_t)got;
        buf[n] = '\0';
        if (strstr(buf, "\r\n\r\n"))
            return (ssize_t)n;
    }
    return -EMSGSIZE;
}

static int reply(int fd, const char *text)
{
    return eddy_sock_sendall(fd, text, strlen(text), NULL);
}

static int answer(int fd, const char *request)
{
    char byte;

    if (strncmp(request, "GET /hello ", 11) == 0)
        return reply(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    if (strncmp(request, "GET /cut ", 9) == 0)
        eddy_try(reply(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"));
    if (strncmp(request, "GET /never ", 11) == 0)
        return eddy_sock_recv(fd, &byte, 1) > 0 ? 0 : -ECONNABORTED;
    return -ECONNABORTED;
}

static eddy_async(connection, (int, fd))
{
    char request[2048];

    while (receive(fd, request, sizeof request) > 0)
        if (answer(fd, request) < 0)
            break;
    close(fd);
    return 0;
}

static eddy_async(accept_all, (int, listener))
{
    eddy_group tg;
    int fd;

    eddy_group_enter(&tg);
    while ((fd = eddy_sock_accept(listener, NULL, NULL)) >= 0) {
        /* Started at once: a task that is cancelled before its first step would not close the
         * connection. */
        if (eddy_group_create_task(&tg, connection(fd), .eager_start = true) < 0) {
            close(fd);
            break;
        }
    }
    return eddy_group_exit(&tg, fd < 0 ? fd : 0);
}

int server_start(struct server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return -errno;
    if (bind(s->fd, (struct sockaddr *)&address, length) < 0 || listen(s->fd, 64) < 0 ||
        getsockname(s->fd, (struct sockaddr *)&address, &length) < 0) {
        int status = -errno;

        close(s->fd);
        return status;
    }
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    s->task = eddy_create_task(accept_all(s->fd));
    if (!s->task) {
        close(s->fd);
        return -ENOMEM;
    }
    return 0;
}

void server_stop(struct server *s)
{
    eddy_task_cancel(s->task, NULL);
    (void)eddy_await(s->task);
    close(s->fd);
}
