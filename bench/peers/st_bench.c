/*
 * State Threads: stackful, without guard pages. st-bench WORKLOAD
 */
#include "peer.h"

#include <errno.h>
#include <st.h>
#include <unistd.h>

#define PEER "st"

enum { STACK = 32768, N_GATHERED = 10000, N_LOCKERS = 100, N_LOCKS = 10000 };

static long n_run;

/* Yields by a sleep of 0: State Threads has no yield. */
static void *yield(void *n)
{
    for (long i = 0; i < (long)n; i++)
        st_usleep(0);
    return NULL;
}

static void switching(const char *workload)
{
    const long n = 2000000;
    uint64_t began = bench_now();
    st_thread_t a = st_thread_create(yield, (void *)n, 1, STACK),
                b = st_thread_create(yield, (void *)n, 1, STACK);

    st_thread_join(a, NULL);
    st_thread_join(b, NULL);
    peer_print_each(PEER, workload, began, 2.0 * (double)n, "ns");
}

static void *trivial(void *unused)
{
    n_run++;
    return NULL;
}

static void spawn_join(const char *workload)
{
    const long n = 1000000;
    uint64_t began = bench_now();

    for (long i = 0; i < n; i++)
        st_thread_join(st_thread_create(trivial, NULL, 1, STACK), NULL);
    peer_print_each(PEER, workload, began, (double)n, "ns");
}

static void spawn_gather(const char *workload)
{
    static st_thread_t threads[N_GATHERED];
    const int rounds = 50;
    uint64_t began = 0;

    for (int round = -1; round < rounds; round++) {
        if (round == 0) /* the first round has allocated the memory */
            began = bench_now();
        for (int i = 0; i < N_GATHERED; i++)
            threads[i] = st_thread_create(trivial, NULL, 1, STACK);
        for (int i = 0; i < N_GATHERED; i++)
            st_thread_join(threads[i], NULL);
    }
    peer_print_each(PEER, workload, began, (double)rounds * N_GATHERED, "ns/task");
}

static void *sleep_long(void *unused)
{
    n_run++;
    st_usleep(ST_UTIME_NO_TIMEOUT);
    return NULL;
}

static void memory(const char *workload)
{
    long n = strstr(workload, "1m") ? 1000000 : 100000;
    double before = peer_memory();

    for (long i = 0; i < n; i++) {
        if (!st_thread_create(sleep_long, NULL, 0, STACK)) {
            printf("%s %s FAILED at %ld: %s\n", PEER, workload, i, strerror(errno));
            fflush(stdout);
            _exit(1);
        }
    }
    st_usleep(1);
    peer_print(PEER, workload, (peer_memory() - before) / (double)n, "B/task");
    _exit(0);
}

static void *sleeper(void *i)
{
    uint64_t random = (uint64_t)(long)i * 2654435761u + BENCH_SEED;

    sleepers_begun();
    for (;;) {
        /* its clock has microseconds */
        uint64_t delay = bench_random(&random) % 100000, began = bench_now();

        if (sleepers_over(began))
            return NULL;
        st_usleep(delay);
        sleepers_woke(began + delay * 1000, bench_now());
    }
}

static void sleepers(const char *workload)
{
    long n = peer_sleepers(workload);
    st_thread_t *threads = calloc((size_t)n, sizeof *threads);

    sleepers_begin(n, 3);
    for (long i = 0; i < n; i++) {
        threads[i] = st_thread_create(sleeper, (void *)i, 1, STACK);
        if (!threads[i]) {
            printf("%s %s FAILED at %ld: %s\n", PEER, workload, i, strerror(errno));
            exit(1);
        }
    }
    for (long i = 0; i < n; i++)
        st_thread_join(threads[i], NULL);
    peer_print_sleepers(PEER, workload);
}

/* A channel of capacity 1 with a condition variable: State Threads has no queue. */
struct channel {
    bool full;
    long value;
    st_cond_t changed;
};
static struct channel questions, answers;

static void put(struct channel *c, long value)
{
    while (c->full)
        st_cond_wait(c->changed);
    c->value = value;
    c->full = true;
    st_cond_signal(c->changed);
}

static long get(struct channel *c)
{
    while (!c->full)
        st_cond_wait(c->changed);
    c->full = false;
    st_cond_signal(c->changed);
    return c->value;
}

static void *answer(void *unused)
{
    for (;;)
        put(&answers, get(&questions));
    return NULL;
}

static void queue(const char *workload)
{
    const long n = 2000000;
    uint64_t began;

    questions.changed = st_cond_new();
    answers.changed = st_cond_new();
    st_thread_create(answer, NULL, 0, STACK);
    began = bench_now();
    for (long i = 0; i < n; i++) {
        put(&questions, i);
        get(&answers);
    }
    peer_print_each(PEER, workload, began, 2.0 * (double)n, "ns/msg");
    _exit(0);
}

static st_mutex_t mutex;

static void *lock_and_yield(void *unused)
{
    for (long i = 0; i < N_LOCKS; i++) {
        st_mutex_lock(mutex);
        st_usleep(0);
        st_mutex_unlock(mutex);
    }
    return NULL;
}

static void lock(const char *workload)
{
    st_thread_t threads[N_LOCKERS];
    uint64_t began = bench_now();

    mutex = st_mutex_new();
    for (int i = 0; i < N_LOCKERS; i++)
        threads[i] = st_thread_create(lock_and_yield, NULL, 1, STACK);
    for (int i = 0; i < N_LOCKERS; i++)
        st_thread_join(threads[i], NULL);
    peer_print_each(PEER, workload, began, (double)N_LOCKERS * N_LOCKS, "ns/acquire");
}

static const struct peer_workload workloads[] = {{"switch", switching},
                                                 {"spawn_join", spawn_join},
                                                 {"spawn_gather", spawn_gather},
                                                 {"memory_100k", memory},
                                                 {"memory_1m", memory},
                                                 {"sleepers", sleepers},
                                                 {"sleepers_10k", sleepers},
                                                 {"queue", queue},
                                                 {"lock", lock},
                                                 {NULL, NULL}};

int main(int argc, char **argv)
{
    st_set_eventsys(ST_EVENTSYS_ALT);
    st_init();
    return peer_main(workloads, argc, argv);
}
