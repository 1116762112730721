/*
 * A server whose answers come from a plugin, which it loads when it starts.
 *
 *     build/bin/plugin-host 7000 build/examples/plugin/sorter.so
 *     echo 30 10 20 | nc -N localhost 7000
 *
 * The plugin may be in C++: an exception that leaves it arrives here as a status with a message.
 */
#include "command.h"
#include "plugin.h"

#include <dlfcn.h>
#include <stdlib.h>

static const char help[] = "usage: plugin-host PORT PLUGIN\n\n"
                           "Serves on localhost, on a free port if PORT is 0: PLUGIN, a shared "
                           "object, answers each line.\n";

static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    const struct plugin *p = arg;
    const char *line;
    char why[200];
    ssize_t n;

    while ((n = eddy_connection_next_request(reader)) > 0 &&
           (n = eddy_reader_readline(reader, &line)) > 0) {
        char *text = strndup(line, (size_t)n);
        int rc = eddy_await(text ? p->answer(text, writer) : NULL);

        free(text);
        if (rc == -ECANCELED)
            return rc;
        if (rc < 0) {
            eddy_exception_format(eddy_error(), why, sizeof why);
            eddy_try(eddy_writer_printf(writer, "error: %s\n", why));
        }
    }
    return (int)n;
}

static eddy_async(amain, (int, port), (const char *, path))
{
    void *library = dlopen(path, RTLD_NOW);
    void *found = library ? dlsym(library, "plugin") : NULL;
    eddy_server *server;

    if (!found)
        return eddy_raise(-ENOENT, "%s", dlerror());
    eddy_try(eddy_start_server(serve, found, "localhost", port, &server, .read_timeout = 60,
                               .write_timeout = 60, .grace = 10));
    eddy_server_free_at_end(server);
    fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    if (argc != 3)
        return command_refuse(help);
    return eddy_main(amain(atoi(argv[1]), argv[2]), .sigterm = true);
}
