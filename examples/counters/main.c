/*
 * Counters on several cores: a loop in each of several threads, one port for all.
 *
 *     build/bin/counters 7000
 *     printf 'INCR pear\nSUM\n' | nc -N localhost 7000
 *
 * The counters are not shared: each belongs to one worker, whose thread alone touches it, so there
 * are no locks. A worker whose client asks for another's counter runs a coroutine in the loop of
 * its owner, and awaits it like one of its own.
 */
#include "command.h"

#include <stdatomic.h>
#include <stdlib.h>

static const char help[] =
    "usage: counters PORT [WORKERS]\n\n"
    "Serves on localhost, on a free port if PORT is 0, with WORKERS threads (4). `INCR NAME` "
    "gives\n"
    "the new value of a counter, SUM that of all, WORKER the number of the client's own worker.\n";

enum { MOST_WORKERS = 64, GRACE = 10 };

struct name {
    char text[32];
};

static int wanted_port, n_workers;
static eddy_concurrent_future *loops[MOST_WORKERS]; /* the loop of each worker, once it runs */
static eddy_concurrent_future *port;                /* the port of all, once the first listens */
static eddy_concurrent_future *served;              /* done when no worker has a client any more */
static atomic_int serving;

/* The counters of this thread's worker. */
static _Thread_local struct counter {
    struct counter *next;
    struct name name;
    int value;
} * counters;

static eddy_async(increment, (struct name, name))
{
    struct counter *c = counters;

    while (c && strcmp(c->name.text, name.text) != 0)
        c = c->next;
    if (!c) {
        c = malloc(sizeof *c);
        if (!c)
            return -ENOMEM;
        *c = (struct counter){counters, name, 0};
        counters = c;
    }
    return ++c->value;
}

static eddy_async(sum)
{
    int sum = 0;

    for (struct counter *c = counters; c; c = c->next)
        sum += c->value;
    return sum;
}

static int await_thread(eddy_concurrent_future *f)
{
    return eddy_await(eddy_wrap_future(eddy_concurrent_future_ref(f)));
}

/* Runs a coroutine in the loop of a worker, and returns its status. Consumes @coro. */
static int ask(int worker, eddy_coroutine *coro)
{
    eddy_loop *loop;

    eddy_try(await_thread(loops[worker]));
    eddy_concurrent_future_result_value(loops[worker], 0, &loop);
    return eddy_await(eddy_wrap_future(eddy_run_coroutine_threadsafe(coro, loop)));
}

static int owner(struct name name)
{
    unsigned hash = 5381;

    for (const char *p = name.text; *p; p++)
        hash = hash * 33 + (unsigned char)*p;
    return (int)(hash % (unsigned)n_workers);
}

static int serve(eddy_reader *reader, eddy_writer *writer, void *arg)
{
    struct name name;
    const char *line;
    ssize_t n;

    while ((n = eddy_connection_next_request(reader)) > 0 &&
           (n = eddy_reader_readline(reader, &line)) > 0) {
        int value = *(int *)arg;

        if (strncmp(line, "INCR ", 5) == 0 && n - 6 < (ssize_t)sizeof name) {
            snprintf(name.text, sizeof name, "%.*s", (int)n - 6, line + 5);
            value = eddy_try(ask(owner(name), increment(name)));
        } else if (strncmp(line, "SUM\n", 4) == 0) {
            value = 0;
            for (int i = 0; i < n_workers; i++)
                value += eddy_try(ask(i, sum()));
        }
        eddy_try(eddy_writer_printf(writer, "%d\n", value));
    }
    return (int)n;
}

/* The first worker chooses the port. */
static int serve_port(int index)
{
    eddy_server *server;
    int at = index == 0 ? wanted_port : eddy_try(await_thread(port));

    eddy_try(eddy_start_server(serve, &index, "localhost", at, &server, .reuse_port = true,
                               .read_timeout = 60, .write_timeout = 60, .grace = GRACE));
    eddy_server_free_at_end(server);
    if (index == 0) {
        fprintf(stderr, "port %d\n", eddy_server_port(server));
        eddy_concurrent_future_set_result(port, eddy_server_port(server));
    }
    return eddy_server_serve_forever(server);
}

static int worker(unsigned index, void *arg)
{
    int rc;

    eddy_concurrent_future_set_result_value(loops[index], 0,
                                            eddy_loop_ref(eddy_get_running_loop()));
    rc = serve_port((int)index);
    /* Until the last worker has served its clients, it may ask this one; a failure ends all. */
    if (atomic_fetch_sub(&serving, 1) == 1 || rc != -ECANCELED)
        eddy_concurrent_future_set_result(served, 0);
    (void)eddy_within(GRACE, await_thread(served));
    for (struct counter *c; (c = counters) != NULL; free(c))
        counters = c->next;
    return rc;
}

int main(int argc, char **argv)
{
    eddy_loop *loop;
    int rc;

    if (command_is_answered(argc, argv, help))
        return 0;
    n_workers = argc > 2 ? atoi(argv[2]) : 4;
    if (argc < 2 || argc > 3 || n_workers < 1 || n_workers > MOST_WORKERS)
        return command_refuse(help);
    wanted_port = atoi(argv[1]);
    serving = n_workers;
    port = eddy_concurrent_future_new();
    served = eddy_concurrent_future_new();
    for (int i = 0; i < n_workers; i++)
        loops[i] = eddy_concurrent_future_new();
    rc = eddy_run_workers((unsigned)n_workers, worker, NULL, .sigterm = true);
    for (int i = 0; i < n_workers; i++) {
        if (eddy_concurrent_future_result_value(loops[i], 0, &loop) == 0)
            eddy_loop_unref(loop);
        eddy_concurrent_future_unref(loops[i]);
    }
    eddy_concurrent_future_unref(served);
    eddy_concurrent_future_unref(port);
    return eddy_exit_code(rc);
}
