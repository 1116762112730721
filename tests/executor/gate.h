/*
 * A gate that jobs wait at until the test opens it, so that no test depends on how fast anything
 * is.
 */
#ifndef TEST_GATE_H
#define TEST_GATE_H

#include <semaphore.h>

struct gate {
    sem_t arrived; /* one for each job that has come to the gate */
    sem_t open;
};

static inline void gate_init(struct gate *g)
{
    sem_init(&g->arrived, 0, 0);
    sem_init(&g->open, 0, 0);
}

/* In a job: says that it runs, and waits. */
static inline void gate_pass(struct gate *g)
{
    sem_post(&g->arrived);
    while (sem_wait(&g->open) < 0) {
    }
}

/* In the test: blocks until a job has come. */
static inline void gate_await(struct gate *g)
{
    while (sem_wait(&g->arrived) < 0) {
    }
}

/* Lets @n jobs through, now or whenever they come. */
static inline void gate_open(struct gate *g, int n)
{
    while (n-- > 0)
        sem_post(&g->open);
}

#endif
