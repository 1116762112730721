/*
 * libuv: callbacks, no tasks. uv-bench WORKLOAD
 */
#define PEER "libuv"
static void wake_loop(void);
#include "post.h"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

enum {
    N_TIMERS = 1000000,
    N_PUSHES = 20000000,
    N_JOBS = 500000,
    OUTSTANDING = 10000,
    N_READS = 100000
};

static uv_loop_t *loop;
static uv_async_t async;
static long left;

static void wake_loop(void)
{
    uv_async_send(&async);
}

static void on_async(uv_async_t *unused)
{
    run_posted();
    if (finished)
        uv_stop(loop);
}

static void posting(const char *workload)
{
    pthread_t thread;

    uv_async_init(loop, &async, on_async);
    pthread_create(&thread, NULL, post_from_thread, (void *)workload);
    uv_run(loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
}

struct sleeper {
    uv_timer_t timer;
    uint64_t random, due;
};

static void on_timer(uv_timer_t *timer)
{
    struct sleeper *s = (struct sleeper *)timer;
    uint64_t now = bench_now(), delay;

    if (s->due > 0)
        sleepers_woke(s->due, now);
    else
        sleepers_begun();
    if (sleepers_over(now))
        return;
    delay = bench_random(&s->random) % 100; /* its clock has milliseconds */
    s->due = now + delay * 1000000;
    uv_timer_start(timer, on_timer, delay, 0);
}

static void timer_cancel(const char *workload)
{
    uv_timer_t *timers = calloc(N_TIMERS, sizeof *timers);
    uint64_t random = BENCH_SEED, began;

    for (long i = 0; i < N_TIMERS; i++)
        uv_timer_init(loop, &timers[i]);
    for (int round = -1; round < 1; round++) { /* the first round allocates the memory */
        began = bench_now();
        for (long i = 0; i < N_TIMERS; i++)
            uv_timer_start(&timers[i], on_timer, 1000 + bench_random(&random) % 60000, 0);
        for (long i = 0; i < N_TIMERS; i++)
            uv_timer_stop(&timers[i]);
    }
    peer_print_each(PEER, workload, began, N_TIMERS, "ns");
}

static void timer_push(const char *workload)
{
    enum { OTHERS = 1000 };
    uv_timer_t *timers = calloc(OTHERS + 1, sizeof *timers);
    uint64_t random = BENCH_SEED, began;

    for (long i = 0; i <= OTHERS; i++) {
        uv_timer_init(loop, &timers[i]);
        uv_timer_start(&timers[i], on_timer, 1000 + bench_random(&random) % 60000, 0);
    }
    began = bench_now();
    for (long i = 0; i < N_PUSHES; i++)
        uv_timer_start(&timers[OTHERS], on_timer, 30000 + (uint64_t)i / 1000, 0);
    peer_print_each(PEER, workload, began, N_PUSHES, "ns");
}

static void sleepers(const char *workload)
{
    long n = peer_sleepers(workload);
    struct sleeper *all = calloc((size_t)n, sizeof *all);

    sleepers_begin(n, 3);
    for (long i = 0; i < n; i++) {
        all[i].random = (uint64_t)i * 2654435761u + BENCH_SEED;
        uv_timer_init(loop, &all[i].timer);
        uv_timer_start(&all[i].timer, on_timer, 0, 0);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print_sleepers(PEER, workload);
}

static void on_idle(uv_idle_t *idle)
{
    if (--left <= 0)
        uv_idle_stop(idle);
}

/* Measures idle handles, which are called once per turn: libuv has no call_soon. */
static void call_soon(const char *workload)
{
    long live = strstr(workload, "chain") ? 1 : 1000, n = live == 1 ? 3000000 : 30000000;
    uv_idle_t *handles = calloc((size_t)live, sizeof *handles);
    uint64_t began;

    left = n;
    for (long i = 0; i < live; i++) {
        uv_idle_init(loop, &handles[i]);
        uv_idle_start(&handles[i], on_idle);
    }
    began = bench_now();
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print_each(PEER, workload, began, (double)n, "ns");
}

static void no_op(uv_work_t *work)
{
}

static void after_and_again(uv_work_t *work, int status)
{
    if (--left > 0)
        uv_queue_work(loop, work, no_op, after_and_again);
}

static void executor_rt(const char *workload)
{
    uint64_t began = bench_now();
    uv_work_t work;

    left = N_ROUND_TRIPS;
    uv_queue_work(loop, &work, no_op, after_and_again);
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print(PEER, workload, (double)(bench_now() - began) / N_ROUND_TRIPS / 1e3, "us");
}

static void after(uv_work_t *work, int status)
{
}

static void executor_flood(const char *workload)
{
    uv_work_t *jobs = calloc(OUTSTANDING, sizeof *jobs);
    uint64_t began = bench_now();

    for (long round = 0; round < N_JOBS / OUTSTANDING; round++) {
        for (long i = 0; i < OUTSTANDING; i++)
            uv_queue_work(loop, &jobs[i], no_op, after);
        uv_run(loop, UV_RUN_DEFAULT);
    }
    peer_print_rate(PEER, workload, began, N_JOBS, "jobs/s");
}

static uv_fs_t request;
static char block[4096];
static uv_buf_t block_buf;

static void on_read(uv_fs_t *unused)
{
    uv_fs_req_cleanup(&request);
    if (--left > 0)
        uv_fs_read(loop, &request, (uv_file)(intptr_t)request.data, &block_buf, 1,
                   left % 256 * 4096, on_read);
}

static void file(const char *workload)
{
    FILE *f = tmpfile();
    uint64_t began;

    for (int i = 0; i < 256; i++)
        fwrite(block, sizeof block, 1, f);
    fflush(f);
    block_buf = uv_buf_init(block, sizeof block);
    request.data = (void *)(intptr_t)fileno(f);
    left = N_READS;
    began = bench_now();
    uv_fs_read(loop, &request, fileno(f), &block_buf, 1, 0, on_read);
    uv_run(loop, UV_RUN_DEFAULT);
    peer_print_each(PEER, workload, began, N_READS, "ns");
}

static const struct peer_workload workloads[] = {{"timer_cancel", timer_cancel},
                                                 {"timer_push", timer_push},
                                                 {"sleepers", sleepers},
                                                 {"sleepers_10k", sleepers},
                                                 {"call_soon", call_soon},
                                                 {"call_soon_chain", call_soon},
                                                 {"post_rt", posting},
                                                 {"post_flood", posting},
                                                 {"executor_rt", executor_rt},
                                                 {"file", file},
                                                 {"executor_flood", executor_flood},
                                                 {NULL, NULL}};

int main(int argc, char **argv)
{
    loop = uv_default_loop();
    return peer_main(workloads, argc, argv);
}
