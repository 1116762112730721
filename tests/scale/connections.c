/*
 * connections [N [SECONDS [PAUSE]]]: that many connections at once, between two processes, with
 * bytes on all of them that are compared one by one, and with some that end and begin again. First
 * for a moment, with hardly a pause; then for SECONDS, with PAUSE seconds, more or less, between
 * what a connection says and what it says next. What is left of memory and descriptors after that
 * must be what was left after the moment. Prints lines as tests do.
 *
 * Memory is what eddy has allocated, and what is mapped. Resident memory is printed only: how much
 * of a stack is touched, and how fragmented the heap is, depends on the machine's speed.
 */
#define _GNU_SOURCE
#include "eddy.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 2, MOMENT = 1, LARGEST = 3000, CONNECTING = 200, SOURCES = 16 };

static size_t n_connections = 10000;
static double seconds = 10, pause_between = 2;
static int failures;

static void expect(bool met, const char *promise)
{
    printf("%s %s\n", met ? "ok" : "not ok", promise);
    failures += !met;
}

/* Returns the bytes that /proc/self/status has after @name. */
static double memory_status(const char *name)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[200];
    double kib = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtod(line + strlen(name), NULL);
    }
    if (f)
        fclose(f);
    return kib * 1024;
}

static _Atomic int64_t allocated; /* bytes, by eddy */

static void *counted(void *block)
{
    allocated += (int64_t)malloc_usable_size(block);
    return block;
}

static void counted_free(void *block)
{
    allocated -= (int64_t)malloc_usable_size(block);
    free(block);
}

static void *counted_malloc(size_t size)
{
    return counted(malloc(size));
}

static void *counted_calloc(size_t n, size_t size)
{
    return counted(calloc(n, size));
}

static void *counted_realloc(void *block, size_t size)
{
    int64_t before = (int64_t)malloc_usable_size(block);
    void *resized = realloc(block, size);

    if (!resized)
        return NULL;
    allocated -= before;
    return counted(resized);
}

static int descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

/* The numbers that a process reports between two rounds. */
struct state {
    uint64_t bytes, accepted;
    double allocated, mapped, resident;
    int descriptors;
};

static void get_state(struct state *s)
{
    s->allocated = (double)allocated;
    s->mapped = memory_status("VmSize:");
    s->resident = memory_status("VmRSS:");
    s->descriptors = descriptors();
}

/* The server's process. */

static struct state served;

static int echo(eddy_reader *reader, eddy_writer *writer, void *unused)
{
    const char *data;
    ssize_t n;

    served.accepted++;
    while ((n = eddy_reader_read_some(reader, 65536, &data)) > 0) {
        served.bytes += (uint64_t)n;
        eddy_try(eddy_writer_write(writer, data, (size_t)n));
    }
    return (int)n;
}

/* Answers each byte that comes with the state, once all connections have ended. */
static eddy_async(answer, (eddy_server *, server), (eddy_reader *, reader), (eddy_writer *, writer))
{
    char byte;
    ssize_t n;

    while ((n = eddy_reader_read(reader, &byte, 1)) > 0) {
        while (eddy_server_connections(server) > 0)
            eddy_try(eddy_sleep(0.01));
        get_state(&served);
        eddy_try(eddy_writer_write(writer, &served, sizeof served));
    }
    return (int)n;
}

eddy_async(serve, (int, control))
{
    eddy_reader *reader;
    eddy_writer *writer;
    eddy_server *server;
    int port;

    eddy_try(eddy_open_connection(NULL, 0, &reader, &writer, .sock = control));
    eddy_writer_free_at_end(writer);
    /* How many it has at once, and so its memory, shall not depend on who is quicker, it or those
     * who come again. */
    eddy_try(eddy_start_server(echo, NULL, "127.0.0.1", 0, &server, .backlog = 4096,
                               .max_connections = n_connections));
    eddy_server_free_at_end(server);
    port = eddy_server_port(server);
    eddy_try(eddy_writer_write(writer, &port, sizeof port));
    return eddy_await(answer(server, reader, writer));
}

/* The clients' process. */

static struct {
    int port;
    double seconds, pause; /* of this round */
    double until;          /* valid once all_open is set */
    eddy_event all_open;
    size_t open, most;
    uint64_t bytes, connections;
    eddy_semaphore connecting;
    int first_error;
} clients;

static uint64_t next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

/*
 * Sends random bytes, and compares them with the bytes that come back. The first call touches all
 * of the stack that any call can need, so that the memory in use does not depend on the number of
 * calls.
 */
static int exchange(eddy_reader *reader, eddy_writer *writer, uint64_t *random)
{
    uint64_t sent[LARGEST / 8] = {0}, received[LARGEST / 8] = {0};
    size_t size = 1 + next(random) % LARGEST;

    for (size_t i = 0; i <= (size - 1) / 8; i++)
        sent[i] = next(random);
    eddy_try(eddy_writer_write(writer, sent, size));
    eddy_try((int)eddy_reader_readexactly(reader, received, size));
    clients.bytes += size;
    return memcmp(sent, received, size) == 0
               ? 0
               : eddy_raise(EDDY_EUSER, "bytes have changed on their way");
}

/*
 * Connects, and has a first answer. As few at once as the kernel's queue has room for: who finds it
 * full tries again after a second, and then after two, and four.
 */
static int connect_one(size_t id, uint64_t *random, eddy_reader **ret_reader,
                       eddy_writer **ret_writer)
{
    char source[20];

    snprintf(source, sizeof source, "127.0.0.%zu", 2 + id % SOURCES);
    eddy_try(eddy_semaphore_acquire(&clients.connecting));
    eddy_semaphore_release_at_end(&clients.connecting);
    eddy_try(eddy_open_connection("127.0.0.1", clients.port, ret_reader, ret_writer,
                                  .local_host = source, .limit = 4096));
    return exchange(*ret_reader, *ret_writer, random);
}

static double now(void)
{
    return eddy_loop_time(eddy_get_running_loop());
}

static bool is_over(void)
{
    return eddy_event_is_set(&clients.all_open) && now() >= clients.until;
}

/* Connections begin to talk at leisure when all are there, and none sleeps past the end. */
static int rest(uint64_t *random)
{
    double left, pause = 2 * clients.pause * 0.001 * (double)(next(random) % 1000);

    eddy_try(eddy_event_wait(&clients.all_open));
    left = clients.until - now();
    return eddy_sleep(pause < left ? pause : left);
}

/* Says goodbye, and hears it. */
static int part(eddy_reader *reader, eddy_writer *writer)
{
    char byte;

    eddy_try(eddy_writer_write_eof(writer));
    return eddy_reader_read(reader, &byte, 1) == 0
               ? 0
               : eddy_raise(EDDY_EUSER, "more came than was sent");
}

/* The time runs from when all are connected, and the server has answered each. */
static void opened(void)
{
    clients.connections++;
    clients.open++;
    clients.most = clients.open > clients.most ? clients.open : clients.most;
    if (clients.open < n_connections || eddy_event_is_set(&clients.all_open))
        return;
    clients.until = now() + clients.seconds;
    eddy_event_set(&clients.all_open);
}

/* One connection: exchanges, and goodbye, soon if it is @fickle. */
static int converse(size_t id, uint64_t *random, bool fickle)
{
    eddy_reader *reader;
    eddy_writer *writer;
    int rc = connect_one(id, random, &reader, &writer);

    if (rc < 0)
        return rc;
    eddy_writer_free_at_end(writer);
    opened();
    while ((rc = rest(random)) == 0 && !is_over() && !(fickle && next(random) % 3 == 0)) {
        rc = exchange(reader, writer, random);
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = part(reader, writer);
    clients.open--;
    return rc;
}

eddy_async(client, (size_t, id))
{
    uint64_t random = id * 0x9e3779b97f4a7c15u + 1;
    int rc = 0;

    do {
        rc = converse(id, &random, id % 2);
    } while (rc == 0 && !is_over());
    if (rc < 0 && clients.first_error == 0) { /* then that is all */
        clients.first_error = rc;
        printf("# a client failed: %s\n", eddy_exception_message(eddy_error()));
        clients.until = 0;
        eddy_event_set(&clients.all_open);
    }
    return rc;
}

static int run_clients(eddy_task **tasks, bool at_leisure)
{
    int rc = 0;

    clients.seconds = at_leisure ? seconds : MOMENT;
    /* some, so that as much of each stack is touched */
    clients.pause = at_leisure ? pause_between : 0.01;
    eddy_event_clear(&clients.all_open);
    for (size_t i = 0; i < n_connections; i++) {
        tasks[i] = eddy_create_task(client(i));
        if (!tasks[i])
            return -ENOMEM;
    }
    for (size_t i = 0; i < n_connections; i++) {
        int rc_of_one = eddy_await(tasks[i]);

        rc = rc_of_one < 0 ? rc_of_one : rc;
    }
    return rc;
}

static int ask_server(eddy_reader *reader, eddy_writer *writer, struct state *ret)
{
    eddy_try(eddy_writer_write(writer, "?", 1));
    eddy_try((int)eddy_reader_readexactly(reader, ret, sizeof *ret));
    return 0;
}

static void expect_no_more(const char *who, const char *what, double before, double after,
                           double tolerance)
{
    char promise[100];

    printf("# %s: %.2f MiB %s after the first round, %.2f after the last\n", who,
           before / (1 << 20), what, after / (1 << 20));
    snprintf(promise, sizeof promise, "the %s has no more memory %s than after the first round",
             who, what);
    expect(after <= before + tolerance, promise);
}

/*
 * Allows for the loop's own arrays, and for the heap, but not for the smallest block, 24 bytes, of
 * each of the @n_since connections that have come and gone between @before and @after.
 */
static void expect_as_before(const char *who, const struct state *before, const struct state *after,
                             uint64_t n_since)
{
    char promise[100];

    printf("# %s: %.1f MiB resident after the first round, %.1f after the last\n", who,
           before->resident / (1 << 20), after->resident / (1 << 20));
    expect_no_more(who, "allocated", before->allocated, after->allocated, 20.0 * (double)n_since);
    expect_no_more(who, "mapped", before->mapped, after->mapped, 32.0 * (1 << 20));
    snprintf(promise, sizeof promise, "the %s has no descriptor more than at first", who);
    expect(after->descriptors == before->descriptors, promise);
}

eddy_async(amain, (int, control))
{
    struct state ours[ROUNDS] = {{0}}, servers[ROUNDS] = {{0}};
    eddy_task **tasks = calloc(n_connections, sizeof(eddy_task *));
    int fds = descriptors(), rc = 0;
    uint64_t n_first = 0; /* connections of the first round */
    eddy_reader *reader;
    eddy_writer *writer;

    eddy_try(eddy_open_connection(NULL, 0, &reader, &writer, .sock = control));
    eddy_writer_free_at_end(writer);
    eddy_try((int)eddy_reader_readexactly(reader, &clients.port, sizeof clients.port));
    clients.connecting = (eddy_semaphore)EDDY_SEMAPHORE_INIT(CONNECTING);
    for (int i = 0; i < ROUNDS && rc == 0; i++) {
        double begin = now();

        rc = run_clients(tasks, i > 0);
        if (rc == 0)
            rc = ask_server(reader, writer, &servers[i]);
        get_state(&ours[i]);
        n_first = i == 0 ? clients.connections : n_first;
        printf("# round %d, %.1f s: %zu connections at once, %ju so far, %.1f MiB so far\n", i + 1,
               now() - begin, clients.most, (uintmax_t)clients.connections,
               (double)clients.bytes / (1 << 20));
    }
    free(tasks);
    expect(rc == 0, "every byte came back as it was sent, and every connection ended in order");
    expect(clients.most == n_connections, "all connections were open at once");
    expect(servers[ROUNDS - 1].bytes == clients.bytes, "the server has counted as many bytes");
    expect(servers[ROUNDS - 1].accepted == clients.connections,
           "the server has counted as many connections");
    expect(ours[0].descriptors == fds, "the clients have closed all of theirs");
    expect_as_before("client", &ours[0], &ours[ROUNDS - 1], clients.connections - n_first);
    expect_as_before("server", &servers[0], &servers[ROUNDS - 1], clients.connections - n_first);
    return rc;
}

/* Raises the limit to as many descriptors as the connections need, and some for the rest of the
 * process. */
static bool enough_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    if (limit.rlim_max < n_connections + 100)
        return false;
    limit.rlim_cur = limit.rlim_max < 20000 || n_connections > 19900 ? limit.rlim_max : 20000;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int main(int argc, char **argv)
{
    int control[2], status = 1;
    pid_t pid;

    n_connections = argc > 1 ? strtoul(argv[1], NULL, 10) : n_connections;
    seconds = argc > 2 ? strtod(argv[2], NULL) : seconds;
    pause_between = argc > 3 ? strtod(argv[3], NULL) : pause_between;
    if (n_connections == 0 || !(seconds > 0) || !(pause_between >= 0)) {
        fprintf(stderr, "usage: connections [N [SECONDS [PAUSE]]]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!enough_descriptors()) {
        printf("ok %zu connections # skip the limit of descriptors is too low\n", n_connections);
        return 0;
    }
    if (eddy_set_allocator(counted_malloc, counted_calloc, counted_realloc, counted_free) < 0)
        return 2;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) < 0)
        return 2;
    pid = fork();
    if (pid == 0) {
        close(control[1]);
        return eddy_run(serve(control[0]));
    }
    close(control[0]);
    expect(eddy_run(amain(control[1])) == 0, "the clients' run ends well");
    expect(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "the server's run ends well");
    return failures ? 1 : 0;
}
