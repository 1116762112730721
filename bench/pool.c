/*
 * Jobs of a pool of processes.
 */
#include "bench.h"
#include "system.h"

static int double_it(void *number)
{
    return *(int *)number * 2;
}

static eddy_async(job, (eddy_executor *, pool), (int, i))
{
    int doubled =
        eddy_await(eddy_loop_run_in_executor(NULL, pool, double_it, &i, .size = sizeof i));

    eddy_try(doubled);
    return doubled == 2 * i ? 0 : eddy_raise(EDDY_EUSER, "twice %d is not %d", i, doubled);
}

static eddy_async(jobs, (eddy_executor *, pool), (long, n))
{
    for (long i = 0; i < n; i++)
        eddy_try(eddy_await(job(pool, (int)i)));
    return 0;
}

/* Runs @n jobs by @live tasks, each of which awaits one at a time. */
static eddy_async(run_jobs, (eddy_executor *, pool), (long, n), (long, live))
{
    eddy_group tg;

    eddy_group_enter(&tg);
    for (long i = 0; i < live; i++)
        (void)eddy_group_create_task(&tg, jobs(pool, n / live));
    return eddy_group_exit(&tg, 0);
}

static eddy_async(measure, (eddy_executor *, pool), (long, n), (long, live))
{
    double done = (double)(n / live * live), elapsed;
    uint64_t began;

    eddy_try(eddy_await(run_jobs(pool, 4 * POOL_PROCESSES, 2 * POOL_PROCESSES)));
    began = bench_now();
    eddy_try(eddy_await(run_jobs(pool, n, live)));
    elapsed = (double)(bench_now() - began);
    bench_print("", live == 1 ? elapsed / done / 1e3 : done / (elapsed / 1e9),
                live == 1 ? "us" : "jobs/s");
    return 0;
}

/* @live: the jobs that wait or run at the same time. */
int bench_process_pool(long n, long live)
{
    eddy_executor *pool = eddy_process_pool_new(POOL_PROCESSES);
    int rc;

    if (!pool)
        return -ENOMEM;
    rc = eddy_run(measure(pool, n, live));
    eddy_executor_free(pool);
    return rc;
}
