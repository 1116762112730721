/*
 * eddy-bench [-n N] [-k LIVE] WORKLOAD…: how fast eddy is, one figure a line: "eddy WORKLOAD VALUE UNIT".
 *
 * Each workload runs in a process of its own, so that none profits or suffers from what another left behind; one alone runs in
 * this process, where a profiler finds it. -n and -k set how many operations are done and how many things are live, -l lists the workloads. README.md
 * defines them.
 */
#include "bench.h"

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
    {"timer_cancel", bench_timer_cancel, 0, 1000000},
    {"timer_push", bench_timer_push, 20000000, 1000},
    {"sleepers", bench_sleepers, 3, 100000},
    {"sleepers_10k", bench_sleepers, 3, 10000},
    {"queue", bench_queue, 4000000, 1},
    {"lock", bench_lock, 1000000, 100},
    {"call_soon", bench_call_soon, 30000000, 1000},
    {"call_soon_chain", bench_call_soon_chain, 3000000, 1},
    {"post_rt", bench_post_rt, 50000, 1},
    {"post_rt_busy", bench_post_rt_busy, 500000, 1},
    {"post_flood", bench_post_flood, 2000000, 1},
    {"executor_rt", bench_executor_rt, 50000, 1},
    {"executor_flood", bench_executor_flood, 500000, 10000},
    {"file", bench_file, 1000000, 1},
    {"echo", bench_echo, 200000, 1},
    {"echo_streams", bench_echo_streams, 200000, 1},
};
enum { N_WORKLOADS = sizeof workloads / sizeof *workloads };

static const char *running;
static long chosen_n, chosen_live;

void bench_print(const char *suffix, double value, const char *unit)
{
    printf("eddy %s%s %.3f %s\n", running, suffix, value, unit);
    fflush(stdout);
}

void bench_print_each(const char *suffix, uint64_t began, double n, const char *unit)
{
    bench_print(suffix, (double)(bench_now() - began) / n, unit);
}

static const struct workload *find(const char *name)
{
    for (size_t i = 0; i < N_WORKLOADS; i++) {
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    }
    return NULL;
}

static int run(const struct workload *w)
{
    int rc;

    running = w->name;
    rc = w->run(chosen_n ? chosen_n : w->n, chosen_live ? chosen_live : w->live);
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
    fprintf(stderr, "usage: eddy-bench [-n N] [-k LIVE] WORKLOAD…\n       eddy-bench -l\n");
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
    int failed = 0, option;

    while ((option = getopt(argc, argv, "n:k:l")) != -1) {
        switch (option) {
        case 'n':
            chosen_n = atol(optarg);
            break;
        case 'k':
            chosen_live = atol(optarg);
            break;
        case 'l':
            return list();
        default:
            return usage();
        }
    }
    if (optind == argc || chosen_n < 0 || chosen_live < 0)
        return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = optind; i < argc; i++) {
        if (!find(argv[i])) {
            fprintf(stderr, "eddy-bench: no such workload: %s\n", argv[i]);
            return usage();
        }
    }
    if (argc - optind == 1)
        return run(find(argv[optind]));
    for (int i = optind; i < argc; i++)
        failed |= run_in_child(find(argv[i]));
    return failed;
}
