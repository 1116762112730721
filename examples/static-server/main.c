/*
 * Serves the files below a folder over HTTP/1.1: keep-alive, pipelining, ranges, HEAD, If-Modified-Since, timeouts and limits; one
 * loop for each processor.
 *
 *     build/bin/static-server [-a ADDRESS] [-p PORT] [-n WORKERS] [-t SECONDS] FOLDER
 */
#include "http.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static struct options {
    const char *root, *address;
    int port;
    unsigned workers;
} options = {.address = "localhost", .port = 8080, .workers = 1};

static int next_request(eddy_reader *reader, struct request *request)
{
    eddy_timeout tm;

    eddy_timeout_enter(&tm, patience);
    return eddy_timeout_exit(&tm, request_read(reader, request));
}

static int answer(eddy_writer *writer, const struct request *request, int status)
{
    if (status == 1)
        return respond(writer, request, options.root);
    return respond_status(writer, request, status);
}

/*
 * Closed while something that the client sent is unread, the connection would be reset, and the client might lose the answer
 * (RFC 9112, 9.6). So it hears that this was all, and what it says until it goes is thrown away.
 */
static int take_leave(eddy_reader *reader, eddy_writer *writer)
{
    eddy_timeout tm;
    const char *data;
    ssize_t n;

    eddy_timeout_enter(&tm, patience);
    n = eddy_writer_write_eof(writer);
    while (n >= 0 && (n = eddy_reader_read_some(reader, SIZE_MAX, &data)) != 0)
        ;
    return eddy_timeout_exit(&tm, n < 0 ? (int)n : 0) == -ECANCELED ? -ECANCELED : 0;
}

static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    struct request request;
    int rc;

    do {
        rc = next_request(reader, &request);
        if (rc == -ETIMEDOUT)
            return 0; /* it has nothing to ask any more */
        if (rc <= 0)
            return rc;
        rc = answer(writer, &request, rc);
    } while (rc > 0);
    if (rc == 0)
        return take_leave(reader, writer);
    return rc == -ETIMEDOUT ? 0 : rc; /* nor does it take what it asked for */
}

static int worker(unsigned index, void *arg)
{
    eddy_server *server;

    eddy_try(eddy_start_server(serve, NULL, options.address, options.port, &server, .limit = LONGEST_HEAD,
                               .reuse_port = options.workers != 1));
    eddy_server_free_at_end(server);
    if (index == 0)
        fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

static int usage(void)
{
    fprintf(stderr, "usage: static-server [-a ADDRESS] [-p PORT] [-n WORKERS (0: one for each processor)] "
                    "[-t SECONDS] FOLDER\n");
    return 2;
}

int main(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "a:p:n:t:")) != -1) {
        switch (c) {
        case 'a':
            options.address = optarg;
            break;
        case 'p':
            options.port = atoi(optarg);
            break;
        case 'n':
            options.workers = (unsigned)atoi(optarg);
            break;
        case 't':
            patience = atof(optarg);
            break;
        default:
            return usage();
        }
    }
    if (optind != argc - 1)
        return usage();
    options.root = argv[optind];
    return eddy_exit_code(eddy_run_workers(options.workers, worker, NULL, .sigterm = true));
}
