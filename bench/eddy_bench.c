/*
 * eddy-bench WORKLOAD[:N[:LIVE]]…: eddy's speed, one figure per line: "eddy WORKLOAD VALUE UNIT".
 *
 * Each workload runs in a process of its own, so that the remains of another neither help nor harm
 * it; a single workload runs in this process, where a profiler finds it. N is the number of
 * operations, LIVE the number of objects that exist at the same time; -l lists the workloads,
 * README.md defines them.
 */
#include "bench.h"
#include "system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct workload {
    const char *name;
    bench_fn *run;
    long n, live;
};

static const struct workload workloads[] = {
    {"switch", bench_switch, 20000000, 2},
    {"switch_raw", bench_switch_raw, 40000000, 1},
    {"spawn_join", bench_spawn_join, 1000000, 1},
    {"spawn_gather", bench_spawn_gather, 500000, 10000},
    {"spawn_gather_eager", bench_spawn_gather_eager, 500000, 10000},
    {"memory_100k", bench_memory, 0, 100000},
    {"memory_1m", bench_memory, 0, 1000000},
    {"memory_1m_32k", bench_memory, 32768, 1000000},
    {"timer_cancel", bench_timer_cancel, 0, 1000000},
    {"timer_cancel_later", bench_timer_cancel_later, 0, 1000000},
    {"timer_push", bench_timer_push, 20000000, 1000},
    {"sleepers", bench_sleepers, 3, 100000},
    {"sleepers_10k", bench_sleepers, 3, 10000},
    {"sleepers_raw", bench_sleepers_raw, 3, 100000},
    {"sleepers_raw_pages", bench_sleepers_raw_pages, 3, 100000},
    {"sleepers_10k_raw", bench_sleepers_raw, 3, 10000},
    {"queue", bench_queue, 4000000, 1},
    {"queue_alike", bench_queue_alike, 4000000, 1},
    {"lock", bench_lock, 1000000, 100},
    {"call_soon", bench_call_soon, 30000000, 1000},
    {"call_soon_chain", bench_call_soon_chain, 3000000, 1},
    {"post_rt", bench_post_rt, 50000, 1},
    {"post_rt_busy", bench_post_rt_busy, 500000, 1},
    {"post_flood", bench_post_flood, 2000000, 1},
    {"executor_rt", bench_executor_rt, 50000, 1},
    {"executor_flood", bench_executor_flood, 500000, 10000},
    {"file", bench_file, 1000000, 1},
    {"direct", bench_direct, N_DIRECT_READS, DIRECT_DEPTH},
    {"pipe", bench_pipe, N_SMALL_MESSAGES, SMALL_MESSAGE},
    {"pipe_64k", bench_pipe, N_LARGE_MESSAGES, LARGE_MESSAGE},
    {"names", bench_names, N_LOOKUPS, LOOKUPS_AT_ONCE},
    {"spawn_10m", bench_spawn, N_SPAWNS, 10},
    {"spawn_4g", bench_spawn, N_SPAWNS_LARGE, 4096},
    {"process_rt", bench_process_pool, N_POOL_TRIPS, 1},
    {"process_flood", bench_process_pool, N_POOL_JOBS, POOL_JOBS_AT_ONCE},
    {"echo", bench_echo, 200000, 1},
    {"echo_streams", bench_echo_streams, 200000, 1},
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

static const char *running;

void bench_print(const char *suffix, double value, const char *unit)
{
    printf("eddy %s%s %.3f %s\n", running, suffix, value, unit);
    fflush(stdout);
}

void bench_print_each(const char *suffix, uint64_t began, double n, const char *unit)
{
    bench_print(suffix, (double)(bench_now() - began) / n, unit);
}

/* Parses "NAME:N:LIVE". */
static bool parse(const char *argument, struct workload *ret)
{
    size_t size = strcspn(argument, ":");

    for (size_t i = 0; i < N_WORKLOADS; i++) {
        if (strlen(workloads[i].name) == size && strncmp(workloads[i].name, argument, size) == 0) {
            *ret = workloads[i];
            sscanf(argument + size, ":%ld:%ld", &ret->n, &ret->live);
            return ret->n >= 0 && ret->live > 0;
        }
    }
    return false;
}

static int run(const struct workload *w)
{
    int rc;

    running = w->name;
    rc = w->run(w->n, w->live);
    if (rc < 0) {
        const eddy_exception *e = eddy_error();

        printf("eddy %s FAILED %s\n", w->name, e ? eddy_exception_message(e) : eddy_strerror(rc));
    }
    return rc < 0;
}

static int run_in_child(const struct workload *w)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        exit(run(w));
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        perror("eddy-bench");
        return 1;
    }
    if (WIFSIGNALED(status))
        printf("eddy %s FAILED %s\n", w->name, strsignal(WTERMSIG(status)));
    return status != 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: eddy-bench WORKLOAD[:N[:LIVE]]…\n       eddy-bench -l\n");
    return 2;
}

static int list(void)
{
    for (size_t i = 0; i < N_WORKLOADS; i++)
        printf("%-20s n %ld, live %ld\n", workloads[i].name, workloads[i].n, workloads[i].live);
    return 0;
}

int main(int argc, char **argv)
{
    struct workload w;
    int failed = 0;

    if (argc == 2 && strcmp(argv[1], "-l") == 0)
        return list();
    if (argc < 2)
        return usage();
    for (int i = 1; i < argc; i++) {
        if (!parse(argv[i], &w)) {
            fprintf(stderr, "eddy-bench: no such workload: %s\n", argv[i]);
            return usage();
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        parse(argv[i], &w);
        failed |= argc == 2 ? run(&w) : run_in_child(&w);
    }
    return failed;
}
