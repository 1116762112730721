/*
 * Requests the head of a page from a web server, by hand, and prints it. Limited to five seconds.
 * (Real programs use libcurl on eddy's loop: eddy/curl.h.)
 *
 *     build/examples/net/fetch_head HOST [PORT]
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

eddy_async(print_head, (const char *, host), (int, port))
{
    eddy_reader *reader;
    eddy_writer *writer;
    const char *line;
    ssize_t n;

    eddy_try(eddy_open_connection(host, port, &reader, &writer));
    eddy_writer_free_at_end(writer);
    eddy_try(eddy_writer_printf(writer, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                                host));
    /* A head ends with an empty line. */
    while ((n = eddy_reader_readline(reader, &line)) > 2)
        printf("%.*s", (int)n, line);
    return n < 0 ? (int)n : 0;
}

static const char help[] = "usage: fetch_head HOST [PORT]\n\n"
                           "Prints the head of a page from a web server.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc < 2)
        return command_refuse(help);
    return eddy_main(eddy_wait_for(print_head(argv[1], argc > 2 ? atoi(argv[2]) : 80), 5));
}
