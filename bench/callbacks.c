/*
 * Plain callbacks that schedule themselves again, many at once and one alone.
 */
#include "bench.h"

#include <sys/epoll.h>
#include <unistd.h>

static eddy_loop *loop;
static long left;

static void again(void *arg)
{
    if (--left > 0)
        eddy_loop_call_soon(loop, again, arg);
    else if (left == 0)
        eddy_loop_stop(loop);
}

static int chains(long n, long live)
{
    uint64_t began;
    int rc;

    loop = eddy_loop_new(NULL);
    if (!loop)
        return -1;
    left = n;
    for (long i = 0; i < live; i++)
        eddy_loop_call_soon(loop, again, NULL);
    began = bench_now();
    rc = eddy_loop_run_forever(loop);
    bench_print_each("", began, (double)n, "ns");
    eddy_loop_unref(loop);
    return rc;
}

int bench_call_soon(long n, long live)
{
    return chains(n, live);
}

/* Measures one callback per turn of the loop, and so one poll of the kernel; prints the cost of
 * such a poll for comparison. */
int bench_call_soon_chain(long n, long live)
{
    struct epoll_event event;
    int rc = chains(n, live), epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t began = bench_now();

    for (long i = 0; i < n; i++)
        epoll_wait(epoll, &event, 1, 0);
    bench_print_each("_poll", began, (double)n, "ns");
    close(epoll);
    return rc;
}
