/*
 * A queue between two tasks, and a contended lock.
 */
#include "bench.h"

#include <errno.h>
#include <stdlib.h>

/* Not inlined, so that two tasks in it return to the same addresses. */
__attribute__((noinline)) static int relay(eddy_queue *from, eddy_queue *to, long n)
{
    void *item;

    for (long i = 0; i < n; i++) {
        eddy_try(eddy_queue_get(from, &item));
        eddy_try(eddy_queue_put(to, item));
    }
    return 0;
}

static eddy_async(answer, (eddy_queue *, questions), (eddy_queue *, answers), (long, n))
{
    return relay(questions, answers, n);
}

static int ask_and_wait(eddy_queue *questions, eddy_queue *answers, long n)
{
    void *item = NULL;

    for (long i = 0; i < n; i++) {
        eddy_try(eddy_queue_put(questions, item));
        eddy_try(eddy_queue_get(answers, &item));
    }
    return 0;
}

/* Asks with the code of the other side, except for the first question and the last answer. */
static int ask_alike(eddy_queue *questions, eddy_queue *answers, long n)
{
    void *item = NULL;

    eddy_try(eddy_queue_put(questions, item));
    eddy_try(relay(answers, questions, n - 1));
    return eddy_queue_get(answers, &item);
}

/* Measures messages there and back through two queues of capacity 1; each put is a message. */
static eddy_async(ask, (long, n), (bool, alike))
{
    eddy_queue questions, answers;
    eddy_task *other;
    uint64_t began;
    int rc;

    eddy_queue_init(&questions, 1);
    eddy_queue_init(&answers, 1);
    other = eddy_create_task(answer(&questions, &answers, n / 2));
    began = bench_now();
    rc = (alike ? ask_alike : ask_and_wait)(&questions, &answers, n / 2);
    bench_print_each("", began, (double)(n / 2 * 2), "ns/msg");
    if (rc == 0)
        rc = eddy_await(other);
    eddy_queue_fini(&questions);
    eddy_queue_fini(&answers);
    return rc;
}

int bench_queue(long n, long live)
{
    return eddy_run(ask(n, false));
}

int bench_queue_alike(long n, long live)
{
    return eddy_run(ask(n, true));
}

/* Holds the lock over a suspension, so that all others queue. */
static eddy_async(lock_and_yield, (eddy_lock *, lock), (long, n))
{
    for (long i = 0; i < n; i++) {
        eddy_try(eddy_lock_acquire(lock));
        eddy_try(eddy_sleep(0));
        eddy_try(eddy_lock_release(lock));
    }
    return 0;
}

static eddy_async(locks, (long, n), (long, live))
{
    eddy_awaitable **tasks = calloc((size_t)live, sizeof *tasks);
    eddy_lock lock = {0};
    uint64_t began;
    int rc;

    if (!tasks)
        return -ENOMEM;
    for (long i = 0; i < live; i++)
        tasks[i] = EDDY_AWAITABLE(eddy_create_task(lock_and_yield(&lock, n / live)));
    eddy_try(eddy_sleep(0)); /* one task has the lock, the others wait */
    began = bench_now();
    rc = eddy_await(eddy_gather_list(tasks, (size_t)live, false));
    bench_print_each("", began, (double)(n / live * live), "ns/acquire");
    free(tasks);
    return rc;
}

int bench_lock(long n, long live)
{
    return eddy_run(locks(n < live ? live : n, live));
}
