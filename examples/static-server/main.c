/*
 * Serves the files below a folder over HTTP/1.1: keep-alive, pipelining, ranges, HEAD,
 * If-Modified-Since, timeouts and limits; one loop for each processor.
 *
 *     build/bin/static-server [-a ADDRESS] [-p PORT] [-n WORKERS] [-t SECONDS] FOLDER
 */
#include "command.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct options {
    const char *address;
    int root; /* descriptor of the folder */
    int port;
    unsigned workers;
} options = {.address = "localhost", .port = 8080, .workers = 1};

static int next_request(eddy_reader *reader, struct http_request *request)
{
    return eddy_within(patience, http_read_request(reader, request));
}

static int answer(eddy_writer *writer, const struct http_request *request, int status)
{
    if (status == 1)
        return respond(writer, request, options.root);
    return respond_status(writer, request, status);
}

/* Answers requests until the client ends, or the server does: then this answer is the last. */
static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    eddy_server *const *server = arg;
    struct http_request request;
    int rc;

    do {
        rc = next_request(reader, &request);
        if (rc == -ETIMEDOUT)
            return 0; /* the client has no more requests */
        if (rc <= 0)
            return rc;
        rc = answer(writer, &request, rc);
    } while (rc > 0 && eddy_server_is_serving(*server));
    if (rc >= 0)
        return http_linger(reader, writer, patience);
    return rc == -ETIMEDOUT ? 0 : rc; /* the client does not accept its answer */
}

static int worker(unsigned index, void *arg)
{
    eddy_server *server;

    eddy_try(eddy_start_server(serve, &server, options.address, options.port, &server,
                               .limit = HTTP_MAX_HEAD, .reuse_port = options.workers != 1,
                               .read_timeout = patience, .write_timeout = patience, .grace = 10));
    eddy_server_free_at_end(server);
    if (index == 0)
        fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

static const char help[] =
    "usage: static-server [-a ADDRESS] [-p PORT] [-n WORKERS] [-t SECONDS] FOLDER\n\n"
    "Serves the files below FOLDER over HTTP/1.1, on port 8080 of localhost, until SIGINT or "
    "SIGTERM.\n\n"
    "  -a ADDRESS  a name or an address to listen on\n"
    "  -p PORT     0 to 65535; 0: a free one, which is printed\n"
    "  -n WORKERS  loops, each in a thread of its own; 0: one for each processor\n"
    "  -t SECONDS  how long a client may take for a request, and for each piece of an answer "
    "(30)\n\n"
    "Symbolic links are followed as long as they stay below FOLDER. Needs Linux 5.6.\n";

static bool number(const char *text, long most, long *ret)
{
    char *end;

    errno = 0;
    *ret = strtol(text, &end, 10);
    return end != text && !*end && errno == 0 && *ret >= 0 && *ret <= most;
}

static bool seconds(const char *text, double *ret)
{
    char *end;

    *ret = strtod(text, &end);
    return end != text && !*end && isfinite(*ret) && *ret > 0;
}

/* Handles one option. Returns false if its argument is invalid. */
static bool take_option(int c, const char *arg)
{
    long n = 0;
    bool ok = true;

    if (c == 'a')
        options.address = arg;
    else if (c == 'p' && (ok = number(arg, 65535, &n)))
        options.port = (int)n;
    else if (c == 'n' && (ok = number(arg, 4096, &n)))
        options.workers = (unsigned)n;
    else if (c == 't')
        ok = seconds(arg, &patience);
    return ok && c != '?';
}

/* Opens the folder, and checks that the kernel can open files beneath it. */
static int open_folder(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return eddy_raise(-errno, "%s", path);
    if (open_beneath_is_supported(fd))
        return fd;
    close(fd);
    return eddy_raise(-ENOSYS, "this kernel has no openat2(2)");
}

int main(int argc, char **argv)
{
    int c;

    if (command_is_answered(argc, argv, help))
        return 0;
    while ((c = getopt(argc, argv, "a:p:n:t:")) != -1)
        if (!take_option(c, optarg))
            return command_refuse(help);
    if (optind != argc - 1)
        return command_refuse(help);
    options.root = open_folder(argv[optind]);
    if (options.root < 0)
        return eddy_exit_code(options.root);
    return eddy_exit_code(eddy_run_workers(options.workers, worker, NULL, .sigterm = true));
}
