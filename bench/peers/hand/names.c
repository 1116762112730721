/*
 * Threads that call getaddrinfo: $NAMES_THREADS of them.
 */
#include "hand.h"

#include <netdb.h>
#include <pthread.h>

static long n_threads, next_name;

static long take(void)
{
    return __atomic_fetch_add(&next_name, 1, __ATOMIC_RELAXED);
}

static void *look_up(void *unused)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

    for (long i = take(); i < N_LOOKUPS; i = take()) {
        struct addrinfo *list;
        char name[32];

        name_of(i, name);
        if (getaddrinfo(name, NULL, &hints, &list) != 0 ||
            ntohl(((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr.s_addr) !=
                name_address(i)) {
            fprintf(stderr, "%s has no address, or another's\n", name);
            exit(1);
        }
        freeaddrinfo(list);
    }
    return NULL;
}

void hand_names(const char *workload)
{
    const char *threads = getenv("NAMES_THREADS");
    pthread_t *all;
    uint64_t began;

    n_threads = threads ? atol(threads) : 32;
    all = calloc((size_t)n_threads, sizeof *all);
    began = bench_now();
    for (long i = 0; i < n_threads; i++)
        check(-pthread_create(&all[i], NULL, look_up, NULL), "pthread_create");
    for (long i = 0; i < n_threads; i++)
        pthread_join(all[i], NULL);
    peer_print(PEER, workload, (double)(bench_now() - began) / N_LOOKUPS / 1e3, "us");
    peer_print(PEER, "names_cpu", (double)cpu_now() / N_LOOKUPS, "ns");
}
