/*
 * Tasks: switching, creating and joining them, and their cost in memory.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Awaits all tasks and frees the array. Returns the first status that is an error. */
static int await_all(eddy_task **tasks, long n)
{
    int rc = 0;

    for (long i = 0; i < n; i++) {
        int status = eddy_await(tasks[i]);

        if (rc == 0 && status < 0)
            rc = status;
    }
    free(tasks);
    return rc;
}

/* All end in the same round, and giving back the stacks must not count. */
static uint64_t first_ended;

static eddy_async(yield, (long, n))
{
    for (long i = 0; i < n; i++)
        eddy_try(eddy_sleep(0));
    if (first_ended == 0)
        first_ended = bench_now();
    return 0;
}

static eddy_async(yielders, (long, n), (long, live))
{
    eddy_task **tasks = calloc((size_t)live, sizeof *tasks);
    uint64_t began;
    int rc;

    if (!tasks)
        return -ENOMEM;
    for (long i = 0; i < live; i++)
        tasks[i] = eddy_create_task(yield(n / live + 1));
    eddy_try(eddy_sleep(0)); /* all have begun, and are after their first yield */
    began = bench_now();
    rc = await_all(tasks, live);
    bench_print("", (double)(first_ended - began) / (double)(n / live * live), "ns");
    return rc;
}

int bench_switch(long n, long live)
{
    return eddy_run(yielders(n, live));
}

static long n_run;

static eddy_async(trivial)
{
    n_run++;
    return 0;
}

static eddy_async(spawn_join, (long, n))
{
    uint64_t began = bench_now();

    for (long i = 0; i < n; i++)
        eddy_try(eddy_await(eddy_create_task(trivial())));
    bench_print_each("", began, (double)n, "ns");
    return 0;
}

int bench_spawn_join(long n, long live)
{
    return eddy_run(spawn_join(n));
}

static eddy_async(spawn_gather, (long, n), (long, live), (bool, eager))
{
    eddy_awaitable **tasks = calloc((size_t)live, sizeof *tasks);
    long rounds = n > live ? n / live : 1;
    uint64_t began = 0;
    int rc = 0;

    if (!tasks)
        return -ENOMEM;
    for (long round = -1; round < rounds && rc == 0; round++) {
        if (round == 0) /* the first round has allocated the memory */
            began = bench_now();
        for (long i = 0; i < live; i++)
            tasks[i] = EDDY_AWAITABLE(eddy_create_task(trivial(), .eager_start = eager));
        rc = eddy_await(eddy_gather_list(tasks, (size_t)live, false));
    }
    bench_print_each("", began, (double)(rounds * live), "ns/task");
    free(tasks);
    return rc;
}

int bench_spawn_gather(long n, long live)
{
    return eddy_run(spawn_gather(n, live, false));
}

int bench_spawn_gather_eager(long n, long live)
{
    return eddy_run(spawn_gather(n, live, true));
}

/* Returns a field of a file in /proc that is given in kB, in bytes. */
static double proc_bytes(const char *path, const char *field)
{
    FILE *f = fopen(path, "r");
    char line[256];
    double kib = 0;

    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtod(line + strlen(field), NULL);
    }
    if (f)
        fclose(f);
    return kib * 1024;
}

struct memory {
    double resident, page_tables, slab;
};

static struct memory measure(void)
{
    return (struct memory){proc_bytes("/proc/self/smaps_rollup", "Rss:"),
                           proc_bytes("/proc/self/status", "VmPTE:"),
                           proc_bytes("/proc/meminfo", "Slab:")};
}

static eddy_async(sleep_long)
{
    n_run++;
    return eddy_sleep(3600);
}

static eddy_async(many_asleep, (size_t, stack_size), (long, live))
{
    struct memory before = measure(), after;
    uint64_t began = bench_now();
    double n = (double)live;

    for (long i = 0; i < live; i++)
        eddy_try(eddy_spawn(sleep_long(), .stack_size = stack_size));
    eddy_try(eddy_sleep(0));
    if (n_run != live)
        return eddy_raise(EDDY_EUSER, "%ld of %ld tasks have started", n_run, live);
    bench_print_each("_create", began, n, "ns/task");
    after = measure();
    bench_print("_rss", (after.resident - before.resident) / n, "B/task");
    bench_print("_pte", (after.page_tables - before.page_tables) / n, "B/task");
    bench_print("_slab", (after.slab - before.slab) / n, "B/task"); /* the whole system's: noisy */
    bench_print("", (after.resident - before.resident + after.page_tables - before.page_tables) / n,
                "B/task");
    /* Ending the tasks is another workload; the kernel is quicker. */
    _exit(0);
}

/* @n is the size of a stack; 0: the default. */
int bench_memory(long n, long live)
{
    return eddy_run(many_asleep((size_t)n, live));
}
