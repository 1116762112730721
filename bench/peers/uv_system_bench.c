/*
 * libuv in the rows of pipes, names, processes and files. uv-system-bench WORKLOAD
 */
#include "peer.h"

#include "../system.h"

#include <uv.h>

#define PEER "libuv"

static uv_loop_t *loop;
static long left;

static void check(int rc, const char *call)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", call, uv_strerror(rc));
        exit(1);
    }
}

/* Pipes. */

static uv_pipe_t there[2], back[2]; /* the ends: read, write */
static char message[LARGE_MESSAGE], received[LARGE_MESSAGE];
static size_t message_size, came_back;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    *ret = uv_buf_init(received, sizeof received);
}

static void put(uv_pipe_t *pipe, char *data, size_t size)
{
    uv_buf_t buf = uv_buf_init(data, (unsigned)size);

    if (uv_try_write((uv_stream_t *)pipe, &buf, 1) != (int)size)
        check(UV_EIO, "uv_try_write");
}

static void on_question(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    if (n > 0)
        put(&back[1], data->base, (size_t)n);
}

static void on_answer(uv_stream_t *stream, ssize_t n, const uv_buf_t *data)
{
    if (n <= 0 || (came_back += (size_t)n) < message_size)
        return;
    came_back = 0;
    if (--left > 0)
        put(&there[1], message, message_size);
    else
        uv_stop(loop);
}

static void open_pipe(uv_pipe_t ends[2])
{
    uv_file fds[2];

    check(uv_pipe(fds, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), "uv_pipe");
    for (int i = 0; i < 2; i++) {
        uv_pipe_init(loop, &ends[i], 0);
        check(uv_pipe_open(&ends[i], fds[i]), "uv_pipe_open");
    }
}

static void pipes(const char *workload)
{
    bool large = strstr(workload, "64k") != NULL;
    long n = large ? N_LARGE_MESSAGES : N_SMALL_MESSAGES;
    uint64_t began;

    message_size = large ? LARGE_MESSAGE : SMALL_MESSAGE;
    left = n;
    open_pipe(there);
    open_pipe(back);
    uv_read_start((uv_stream_t *)&there[0], on_alloc, on_question);
    uv_read_start((uv_stream_t *)&back[0], on_alloc, on_answer);
    began = bench_now();
    put(&there[1], message, message_size);
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print_each(PEER, workload, began, (double)n, "ns");
}

/* Names. */

static struct lookup {
    uv_getaddrinfo_t request;
    long number, left;
} lookups[LOOKUPS_AT_ONCE];

static void on_address(uv_getaddrinfo_t *request, int status, struct addrinfo *list);

static void look_up(struct lookup *l)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    char name[32];

    name_of(l->number, name);
    check(uv_getaddrinfo(loop, &l->request, on_address, name, NULL, &hints), "uv_getaddrinfo");
}

static void on_address(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct lookup *l = (struct lookup *)request;

    check(status, "uv_getaddrinfo");
    if (ntohl(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr) !=
        name_address(l->number))
        check(UV_EAI_NONAME, "another's address");
    uv_freeaddrinfo(list);
    if (--l->left > 0)
        look_up(l);
}

static void names(const char *workload)
{
    uint64_t began = bench_now();

    for (long i = 0; i < LOOKUPS_AT_ONCE; i++) {
        lookups[i].number = i;
        lookups[i].left = N_LOOKUPS / LOOKUPS_AT_ONCE;
        look_up(&lookups[i]);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print(PEER, workload, (double)(bench_now() - began) / N_LOOKUPS / 1e3, "us");
    peer_print(PEER, "names_cpu", (double)cpu_now() / N_LOOKUPS, "ns");
}

/* Processes. */

static uv_process_t process;

static void on_exit_of(uv_process_t *p, int64_t status, int signal)
{
    check(status || signal ? UV_EIO : 0, "exit");
    uv_close((uv_handle_t *)p, NULL);
}

static void spawn(const char *workload)
{
    char *argv[] = {SPAWNED, NULL};
    uv_process_options_t options = {.file = SPAWNED, .args = argv, .exit_cb = on_exit_of};
    long n = spawn_count(workload);
    uint64_t began = 0;

    if (!occupy(spawn_mib(workload)))
        check(UV_ENOMEM, "mmap");
    for (long i = -1; i < n; i++) {
        if (i == 0)
            began = bench_now();
        check(uv_spawn(loop, &process, &options), "uv_spawn");
        uv_run(loop, UV_RUN_DEFAULT);
    }
    peer_print(PEER, workload, (double)(bench_now() - began) / (double)n / 1e3, "us");
}

/* Files. */

static struct reading {
    uv_fs_t request;
    char *block;
    uint64_t number;
} readings[DIRECT_DEPTH];

static uint64_t n_blocks, seed = BENCH_SEED;
static int file;

static void on_block(uv_fs_t *request);

static void read_block(struct reading *r)
{
    uv_buf_t buf = uv_buf_init(r->block, DIRECT_BLOCK);

    left--;
    r->number = bench_random(&seed) % n_blocks;
    uv_fs_read(loop, &r->request, file, &buf, 1, (int64_t)(r->number * DIRECT_BLOCK), on_block);
}

static void on_block(uv_fs_t *request)
{
    struct reading *r = (struct reading *)request;

    if (request->result != DIRECT_BLOCK || !is_block(r->block, r->number))
        check(UV_EIO, "another block");
    uv_fs_req_cleanup(request);
    if (left > 0)
        read_block(r);
}

static void direct(const char *workload)
{
    uint64_t began, cpu;

    check(file = open_direct(&n_blocks), "open");
    left = N_DIRECT_READS;
    began = bench_now();
    cpu = cpu_now();
    for (int i = 0; i < DIRECT_DEPTH; i++) {
        readings[i].block = aligned_alloc(DIRECT_BLOCK, DIRECT_BLOCK);
        read_block(&readings[i]);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print(PEER, workload, (double)(bench_now() - began) / N_DIRECT_READS / 1e3, "us");
    peer_print(PEER, "direct_cpu", (double)(cpu_now() - cpu) / N_DIRECT_READS, "ns");
}

static const struct peer_workload workloads[] = {
    {"pipe", pipes},     {"pipe_64k", pipes}, {"names", names}, {"spawn_10m", spawn},
    {"spawn_4g", spawn}, {"direct", direct},  {NULL, NULL}};

int main(int argc, char **argv)
{
    loop = uv_default_loop();
    return peer_main(workloads, argc, argv);
}
