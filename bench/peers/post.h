/*
 * Callbacks from another thread, for loops that only know how to be woken: a list behind a mutex. A
 * program includes this after it has defined wake_loop(), calls run_posted() when woken, and starts
 * post_from_thread().
 */
#include "peer.h"

#include <pthread.h>
#include <semaphore.h>

enum { N_ROUND_TRIPS = 50000, N_FLOOD = 2000000 };

struct job {
    struct job *next;
    bool answer; /* else it is one of the flood */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct job *first, **last = &first;
static sem_t answered;
static long n_flooded;
static volatile bool finished;

static void run_posted(void)
{
    struct job *job, *next;

    pthread_mutex_lock(&mutex);
    job = first;
    first = NULL;
    last = &first;
    pthread_mutex_unlock(&mutex);
    for (; job; job = next) {
        bool answer = job->answer;

        next = job->next;
        if (!answer)
            free(job);
        if (answer || ++n_flooded == N_FLOOD)
            sem_post(&answered);
    }
}

static void post(struct job *job)
{
    pthread_mutex_lock(&mutex);
    job->next = NULL;
    *last = job;
    last = &job->next;
    pthread_mutex_unlock(&mutex);
    wake_loop();
}

static void *post_from_thread(void *workload)
{
    struct job question = {.answer = true};
    uint64_t began = bench_now();

    sem_init(&answered, 0, 0);
    if (strcmp(workload, "post_rt") == 0) {
        for (long i = 0; i < N_ROUND_TRIPS; i++) {
            post(&question);
            sem_wait(&answered);
        }
        peer_print(PEER, "post_rt", (double)(bench_now() - began) / N_ROUND_TRIPS / 1e3, "us");
    } else {
        for (long i = 0; i < N_FLOOD; i++)
            post(calloc(1, sizeof(struct job)));
        sem_wait(&answered);
        peer_print_rate(PEER, "post_flood", began, N_FLOOD, "posts/s");
    }
    finished = true;
    wake_loop();
    return NULL;
}
