/*
 * Between threads: callbacks that another thread posts to the loop, and jobs for a pool.
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { POOL_SIZE = 4 };

static eddy_loop *loop;
static long wanted, seen;
static sem_t answered;
static atomic_long answers;

static void stop(void *arg)
{
    eddy_loop_stop(loop);
}

static void wake(void *arg)
{
    sem_post(&answered);
}

static void count(void *arg)
{
    if (++seen == wanted)
        sem_post(&answered);
}

static void answer(void *arg)
{
    atomic_fetch_add_explicit(&answers, 1, memory_order_release);
}

/* Posts with both sides asleep between two posts. */
static void *post_and_sleep(void *unused)
{
    uint64_t began = bench_now();

    for (long i = 0; i < wanted; i++) {
        eddy_loop_call_soon_threadsafe(loop, wake, NULL);
        sem_wait(&answered);
    }
    bench_print("", (double)(bench_now() - began) / 1e3 / (double)wanted, "us");
    eddy_loop_call_soon_threadsafe(loop, stop, NULL);
    return NULL;
}

/* Posts without sleeping, each time just after the loop has taken the previous post. */
static void *post_and_spin(void *unused)
{
    uint64_t began = bench_now();

    for (long i = 1; i <= wanted; i++) {
        eddy_loop_call_soon_threadsafe(loop, answer, NULL);
        while (atomic_load_explicit(&answers, memory_order_acquire) < i) {
        }
    }
    bench_print("", (double)(bench_now() - began) / 1e3 / (double)wanted, "us");
    eddy_loop_call_soon_threadsafe(loop, stop, NULL);
    return NULL;
}

static void *flood(void *unused)
{
    uint64_t began = bench_now();
    eddy_loop *there =
        loop; /* the variable shares a cache line with one that the other thread writes */
    long n = wanted;

    for (long i = 0; i < n; i++)
        eddy_loop_call_soon_threadsafe(there, count, NULL);
    sem_wait(&answered);
    bench_print("", (double)wanted / ((double)(bench_now() - began) / 1e9), "posts/s");
    eddy_loop_call_soon_threadsafe(loop, stop, NULL);
    return NULL;
}

static int post(void *(*poster)(void *), long n)
{
    pthread_t thread;
    int rc;

    loop = eddy_loop_new(NULL);
    wanted = n;
    sem_init(&answered, 0, 0);
    if (!loop || pthread_create(&thread, NULL, poster, NULL) != 0)
        return -EAGAIN;
    rc = eddy_loop_run_forever(loop);
    pthread_join(thread, NULL);
    eddy_loop_unref(loop);
    return rc;
}

int bench_post_rt(long n, long live)
{
    return post(post_and_sleep, n);
}

int bench_post_rt_busy(long n, long live)
{
    return post(post_and_spin, n);
}

int bench_post_flood(long n, long live)
{
    return post(flood, n);
}

static int no_op(void *arg)
{
    return 0;
}

static eddy_async(one_by_one, (eddy_executor *, pool), (long, n))
{
    uint64_t began = bench_now();

    for (long i = 0; i < n; i++)
        eddy_try(eddy_await(eddy_loop_run_in_executor(NULL, pool, no_op, NULL)));
    bench_print("", (double)(bench_now() - began) / 1e3 / (double)n, "us");
    return 0;
}

/* Runs jobs in batches of @live, and awaits each batch. */
static eddy_async(in_batches, (eddy_executor *, pool), (long, n), (long, live))
{
    eddy_future **jobs = calloc((size_t)live, sizeof *jobs);
    long rounds = n > live ? n / live : 1;
    uint64_t began = bench_now();
    int rc = 0;

    if (!jobs)
        return -ENOMEM;
    for (long round = 0; round < rounds; round++) {
        for (long i = 0; i < live; i++)
            jobs[i] = eddy_loop_run_in_executor(NULL, pool, no_op, NULL);
        for (long i = 0; i < live; i++) {
            int status = eddy_await(jobs[i]);

            if (rc == 0 && status < 0)
                rc = status;
        }
    }
    bench_print("", (double)(rounds * live) / ((double)(bench_now() - began) / 1e9), "jobs/s");
    free(jobs);
    return rc;
}

/* Measures a pool of libuv's size. */
int bench_executor_rt(long n, long live)
{
    eddy_executor *pool = eddy_thread_pool_new(POOL_SIZE);
    int rc = eddy_run(one_by_one(pool, n));

    eddy_executor_free(pool);
    return rc;
}

int bench_executor_flood(long n, long live)
{
    eddy_executor *pool = eddy_thread_pool_new(POOL_SIZE);
    int rc = eddy_run(in_batches(pool, n, live));

    eddy_executor_free(pool);
    return rc;
}
