/*
 * libev: callbacks, no tasks. ev-bench WORKLOAD
 */
#define PEER "libev"
static void wake_loop(void);
#include "post.h"

#include <ev.h>

enum { N_TIMERS = 1000000, N_PUSHES = 20000000 };

static struct ev_loop *loop;
static ev_async async;
static long left;

static void wake_loop(void)
{
    ev_async_send(loop, &async);
}

static void on_async(struct ev_loop *unused, ev_async *a, int events)
{
    run_posted();
    if (finished)
        ev_break(loop, EVBREAK_ALL);
}

static void posting(const char *workload)
{
    pthread_t thread;

    ev_async_init(&async, on_async);
    ev_async_start(loop, &async);
    pthread_create(&thread, NULL, post_from_thread, (void *)workload);
    ev_run(loop, 0);
    pthread_join(thread, NULL);
}

struct sleeper {
    ev_timer timer;
    uint64_t random, due;
};

static void on_timer(struct ev_loop *unused, ev_timer *timer, int events)
{
    struct sleeper *s = (struct sleeper *)timer;
    uint64_t now = bench_now(), delay;

    if (s->due > 0)
        sleepers_woke(s->due, now);
    else
        sleepers_begun();
    if (sleepers_over(now))
        return;
    delay = bench_random(&s->random) % 100000000;
    s->due = now + delay;
    ev_now_update(loop);
    ev_timer_set(timer, (double)delay / 1e9, 0.);
    ev_timer_start(loop, timer);
}

static double random_deadline(uint64_t *random)
{
    return 1 + (double)(bench_random(random) % 60000000000u) / 1e9;
}

static void timer_cancel(const char *workload)
{
    ev_timer *timers = calloc(N_TIMERS, sizeof *timers);
    uint64_t random = BENCH_SEED, began = 0;

    for (int round = -1; round < 1; round++) { /* the first round allocates the memory */
        began = bench_now();
        for (long i = 0; i < N_TIMERS; i++) {
            ev_timer_init(&timers[i], on_timer, random_deadline(&random), 0.);
            ev_timer_start(loop, &timers[i]);
        }
        for (long i = 0; i < N_TIMERS; i++)
            ev_timer_stop(loop, &timers[i]);
    }
    peer_print_each(PEER, workload, began, N_TIMERS, "ns");
}

static void timer_push(const char *workload)
{
    enum { OTHERS = 1000 };
    ev_timer *timers = calloc(OTHERS + 1, sizeof *timers), *idle = &timers[OTHERS];
    uint64_t random = BENCH_SEED, began;

    for (long i = 0; i <= OTHERS; i++) {
        ev_timer_init(&timers[i], on_timer, random_deadline(&random), 0.);
        ev_timer_start(loop, &timers[i]);
    }
    began = bench_now();
    for (long i = 0; i < N_PUSHES; i++) {
        idle->repeat = 30 + (double)i / 1e6;
        ev_timer_again(loop, idle);
    }
    peer_print_each(PEER, workload, began, N_PUSHES, "ns");
}

static void sleepers(const char *workload)
{
    long n = peer_sleepers(workload);
    struct sleeper *all = calloc((size_t)n, sizeof *all);

    sleepers_begin(n, 3);
    for (long i = 0; i < n; i++) {
        all[i].random = (uint64_t)i * 2654435761u + BENCH_SEED;
        ev_timer_init(&all[i].timer, on_timer, 0., 0.);
        ev_timer_start(loop, &all[i].timer);
    }
    ev_run(loop, 0);
    peer_print_sleepers(PEER, workload);
}

static void on_idle(struct ev_loop *unused, ev_idle *idle, int events)
{
    if (--left <= 0)
        ev_idle_stop(loop, idle);
}

/* Measures idle watchers, which are called once per turn: libev has no call_soon. */
static void call_soon(const char *workload)
{
    long live = strstr(workload, "chain") ? 1 : 1000, n = live == 1 ? 3000000 : 30000000;
    ev_idle *watchers = calloc((size_t)live, sizeof *watchers);
    uint64_t began;

    left = n;
    for (long i = 0; i < live; i++) {
        ev_idle_init(&watchers[i], on_idle);
        ev_idle_start(loop, &watchers[i]);
    }
    began = bench_now();
    ev_run(loop, 0);
    peer_print_each(PEER, workload, began, (double)n, "ns");
}

static const struct peer_workload workloads[] = {
    {"timer_cancel", timer_cancel}, {"timer_push", timer_push}, {"sleepers", sleepers},
    {"sleepers_10k", sleepers},     {"call_soon", call_soon},   {"call_soon_chain", call_soon},
    {"post_rt", posting},           {"post_flood", posting},    {NULL, NULL}};

int main(int argc, char **argv)
{
    loop = ev_default_loop(EVBACKEND_EPOLL);
    return peer_main(workloads, argc, argv);
}
