#include "server.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

void say_port(int port)
{
    printf("listening on port %d\n", port);
    fflush(stdout);
}

void raise_limits(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

bool parse_server_option(int argc, char **argv, int *i, struct server_options *ret)
{
    const char *word = argv[*i];

    if (strcmp(word, "--backend") == 0 && *i + 1 < argc)
        setenv("EDDY_BACKEND", argv[++*i], true);
    else if (strcmp(word, "--workers") == 0 && *i + 1 < argc)
        ret->workers = (unsigned)atoi(argv[++*i]);
    else if (strchr(word, '/'))
        ret->path = word;
    else if ((ret->port = atoi(word)) <= 0)
        return false;
    return true;
}

static int listen_at(const struct server_options *options)
{
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    bool local = options->path != NULL;
    socklen_t size = local ? sizeof path : sizeof address;
    struct sockaddr *at = local ? (struct sockaddr *)&path : (struct sockaddr *)&address;
    int fd = socket(at->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        return -errno;
    if (local)
        strncpy(path.sun_path, options->path, sizeof path.sun_path - 1);
    setsockopt(fd, SOL_SOCKET, options->workers ? SO_REUSEPORT : SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, at, size) < 0 || listen(fd, BACKLOG) < 0 || getsockname(fd, at, &size) < 0) {
        int rc = -errno;

        close(fd);
        return rc;
    }
    say_port(local ? 0 : ntohs(address.sin_port));
    return fd;
}

struct serving {
    serve_fn *serve;
    const struct server_options *options;
};

static int accept_all(unsigned index, void *arg)
{
    const struct serving *s = arg;
    int listener = listen_at(s->options), one = 1, fd;

    eddy_try(listener);
    while ((fd = eddy_sock_accept(listener, NULL, NULL)) >= 0) {
        if (!s->options->path)
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        eddy_try(eddy_spawn(s->serve(fd)));
    }
    close(listener);
    return fd;
}

static eddy_async(accept_in_one_loop, (struct serving *, s))
{
    return accept_all(0, s);
}

int serve_sockets(serve_fn *serve, const struct server_options *options)
{
    struct serving s = {serve, options};

    if (options->workers > 0)
        return eddy_exit_code(eddy_run_workers(options->workers, accept_all, &s));
    return eddy_main(accept_in_one_loop(&s));
}
