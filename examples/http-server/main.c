/*
 * A small HTTP/1.1 server for trying out clients: each connection is a task, written from top to bottom, and
 * the path of a request says how it is answered.
 *
 * Only GET and HEAD, only on the loopback interface.
 */
#include "http.h"

#include <eddy.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes received on a connection and not used yet; a client may send several requests at once. */
struct input {
    char bytes[8192];
    size_t n;
};

/*
 * Receives until a whole request header is there. Returns its length, 0 when the client has closed,
 * or a negative status.
 */
static ssize_t receive_header(int fd, struct input *in)
{
    for (;;) {
        const char *end = memmem(in->bytes, in->n, "\r\n\r\n", 4);

        if (end)
            return end + 4 - in->bytes;
        if (in->n == sizeof in->bytes)
            return -EMSGSIZE;

        ssize_t n = eddy_sock_recv(fd, in->bytes + in->n, sizeof in->bytes - in->n);

        if (n <= 0)
            return n;
        in->n += (size_t)n;
    }
}

/* Reads "GET /path HTTP/1.1". A path that is too long is cut, and will not be found. */
static int parse_request(const char *header, struct request *r)
{
    char method[8], version[4];

    if (sscanf(header, "%7s %255s HTTP/%3s", method, r->path, version) < 2)
        return -EBADMSG;
    r->head = strcmp(method, "HEAD") == 0;
    return r->head || strcmp(method, "GET") == 0 ? 0 : -ENOTSUP;
}

/* async def serve(fd): … */
static eddy_async(serve, (int, fd))
{
    struct request r = {.fd = fd};
    struct input in = {.n = 0};
    ssize_t length;

    while ((length = receive_header(fd, &in)) > 0) {
        in.bytes[length - 1] = '\0';
        if (parse_request(in.bytes, &r) < 0 || answer(&r) < 0)
            break;
        in.n -= (size_t)length;
        memmove(in.bytes, in.bytes + length, in.n);
    }
    close(fd);
    return 0; /* what a client does wrong is no failure of the server */
}

static int listen_on(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0) {
        int status = -errno;

        close(fd);
        return status;
    }
    return fd;
}

static void print_address(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;

    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("http://127.0.0.1:%u\n", ntohs(address.sin_port));
    fflush(stdout);
}

/* Takes one connection after the other and starts a task for each. */
static int accept_all(int listener, eddy_group *tg)
{
    int on = 1;

    for (;;) {
        int fd = eddy_sock_accept(listener, NULL, NULL);

        if (fd == -EMFILE || fd == -ENFILE) { /* too many: they wait until others have gone */
            eddy_try(eddy_sleep(0.05));
            continue;
        }
        if (fd == -ECONNABORTED)
            continue;
        if (fd < 0)
            return fd;

        /* Header and body are sent one after the other; the second must not wait for the first to be acknowledged. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!eddy_group_create_task(tg, serve(fd))) {
            close(fd);
            return -ENOMEM;
        }
    }
}

static eddy_async(amain, (unsigned, port))
{
    int listener = listen_on(port);
    eddy_group tg;
    int rc;

    if (listener < 0)
        return eddy_raise(listener, "listening on 127.0.0.1 port %u", port);
    print_address(listener);

    eddy_group_enter(&tg);
    rc = accept_all(listener, &tg);
    rc = eddy_group_exit(&tg, rc);
    close(listener);
    return rc;
}

static void print_help(void)
{
    printf("usage: http-server [--port N]\n\n"
           "Serves HTTP on 127.0.0.1, on a free port unless one is given, and prints its address.\n"
           "Ends with Ctrl-C.\n\n%s",
           paths_help);
}

int main(int argc, char **argv)
{
    unsigned port = 0;
    char rest;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help();
        return 0;
    }
    if (argc != 1 && (argc != 3 || strcmp(argv[1], "--port") != 0 ||
                      sscanf(argv[2], "%5u%c", &port, &rest) != 1 || port > 65535)) {
        fprintf(stderr, "usage: http-server [--port N]\n");
        return 2;
    }
    return eddy_exit_code(eddy_run(amain(port)));
}
