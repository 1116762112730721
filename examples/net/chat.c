/*
 * A chat by lines: a line from one guest is sent to all others. The first line of a guest is the
 * guest's name.
 *
 *     build/examples/net/chat [PORT]        then, in several terminals: nc localhost 8888
 *
 * Each guest has a queue of lines and a task that writes them, so a slow guest delays no other. A
 * guest whose queue is full is disconnected, and so is one that has been silent for an hour.
 */
#include "command.h"

#include <eddy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_NAME = 32, LINES_WAITING = 100 };

struct guest {
    char name[LONGEST_NAME + 1];
    eddy_queue lines; /* of strings, each allocated with malloc */
    eddy_writer *writer;
    struct guest *next;
};

static struct guest *guests;

static void say(struct guest *to, const char *line)
{
    char *copy = strdup(line);

    if (copy && eddy_queue_put_nowait(&to->lines, copy) == 0)
        return;
    free(copy);
    eddy_writer_abort(to->writer);
}

static void say_to_others(const struct guest *from, const char *line)
{
    for (struct guest *g = guests; g; g = g->next) {
        if (g != from)
            say(g, line);
    }
}

static void announce(struct guest *g, const char *what)
{
    char line[LONGEST_NAME + 32];

    snprintf(line, sizeof line, "* %s %s\n", g->name, what);
    say_to_others(g, line);
}

/* Writes the lines of the other guests. */
static eddy_async(write_lines, (struct guest *, g))
{
    void *line;
    int rc;

    while ((rc = eddy_queue_get(&g->lines, &line)) >= 0) {
        rc = eddy_writer_write(g->writer, line, strlen(line));
        free(line);
        eddy_try(rc);
    }
    return rc;
}

/* Sends the guest's lines to the others, until the end or the first line that is too long. */
static int listen_to(struct guest *g, eddy_reader *reader)
{
    const char *line;
    ssize_t n;

    while ((n = eddy_reader_readline(reader, &line)) > 0) {
        char *said;

        if (asprintf(&said, "%s: %.*s%s", g->name, (int)n, line, line[n - 1] == '\n' ? "" : "\n") <
            0)
            return -ENOMEM;
        say_to_others(g, said);
        free(said);
    }
    return (int)n;
}

static int ask_name(struct guest *g, eddy_reader *reader)
{
    const char *line;
    ssize_t n;

    eddy_try(eddy_writer_printf(g->writer, "Who are you?\n"));
    n = eddy_reader_readline(reader, &line);
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (n > 0)
        snprintf(g->name, sizeof g->name, "%.*s", (int)n, line);
    return n < 0 ? (int)n : 0;
}

/* Runs the two tasks of a guest: if one fails, or the guest's lines end, the other is cancelled. */
static int stay(struct guest *g, eddy_reader *reader)
{
    eddy_group tg;
    int rc;

    eddy_group_enter(&tg);
    (void)eddy_group_create_task(&tg, write_lines(g));
    announce(g, "has come");
    rc = listen_to(g, reader);
    eddy_group_cancel(&tg);
    return eddy_group_exit(&tg, rc);
}

static void leave(struct guest *g)
{
    struct guest **link = &guests;
    void *line;

    while (*link != g)
        link = &(*link)->next;
    *link = g->next;
    announce(g, "has left");
    while (eddy_queue_get_nowait(&g->lines, &line) >= 0)
        free(line);
    eddy_queue_fini(&g->lines);
}

static int receive(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    struct guest g = {.writer = writer};

    eddy_try(ask_name(&g, reader));
    if (!g.name[0])
        return 0;
    eddy_queue_init(&g.lines, LINES_WAITING);
    g.next = guests;
    guests = &g;
    (void)stay(&g, reader); /* whatever the status: the guest has left */
    leave(&g);
    return 0;
}

eddy_async(amain, (int, port))
{
    eddy_server *server;

    eddy_try(eddy_start_server(receive, NULL, "localhost", port, &server, .limit = 4096,
                               .read_timeout = 3600, .write_timeout = 60, .grace = 1));
    eddy_server_free_at_end(server);
    fprintf(stderr, "port %d\n", eddy_server_port(server));
    return eddy_server_serve_forever(server);
}

static const char help[] =
    "usage: chat [PORT]\n\n"
    "Sends each line of a client to all the others, on port 8888 of localhost.\n";

int main(int argc, char **argv)
{
    if (command_is_answered(argc, argv, help))
        return 0;
    return eddy_main(amain(argc > 1 ? atoi(argv[1]) : 8888), .sigterm = true);
}
