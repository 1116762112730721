/*
 * The memory of tasks: structs in consecutive memory, a chunk of them at a time.
 *
 * Tasks that are made one after another lie one after another, so that code which goes through many
 * of them reads memory in order. A task that was freed is spare, and the latest is taken first; the
 * pool keeps 65 536 spare tasks, 16 MiB. Further ones go back to their chunks, and a chunk without
 * tasks goes back to the kernel.
 *
 * A pool belongs to a loop and is used from its thread only. It is freed when it is closed and the
 * last task has been given back.
 */
#ifndef EDDYI_TASK_POOL_H
#define EDDYI_TASK_POOL_H

#include "task/task.h"

struct eddyi_task_pool {
    eddy_task *spare; /* linked by future.value */
    unsigned room;    /* how many more tasks may become spare; 0 in a closed pool */
    bool closed;
    struct eddyi_list open; /* chunks with free tasks: see pool.c */
    size_t n_chunks;
};

/* A chunk; each of its tasks knows it. */
struct eddyi_task_chunk {
    struct eddyi_list link; /* in pool->open, while it has a free task */
    struct eddyi_task_pool *pool;
    eddy_task *free;    /* not spare; linked by future.value */
    unsigned n_taken;   /* spare ones included */
    unsigned n_fresh;   /* tasks at the end that were never taken */
    uint64_t unused[3]; /* so that tasks begin with a cache line */
    eddy_task tasks[];  /* TASKS_OF_A_CHUNK */
};

/* Makes a pool. The caller owns *ret. Returns 0 or -ENOMEM. */
int eddyi_task_pool_new(struct eddyi_task_pool **ret);

/* Closes @pool: no more tasks may be taken. */
void eddyi_task_pool_close(struct eddyi_task_pool *pool);

/* Slow paths of eddyi_task_take() and eddyi_task_give(): without a spare task, or room for one. */
EDDYI_DIRECT eddy_task *eddyi_task_take_slow(struct eddyi_task_pool *pool);
EDDYI_DIRECT void eddyi_task_give_slow(eddy_task *t);

/* Takes a task, of whose fields only `chunk` is valid. Returns NULL when memory is short. */
static inline eddy_task *eddyi_task_take(struct eddyi_task_pool *pool)
{
    eddy_task *t = pool->spare;

    if (__builtin_expect(t != NULL, 1)) {
        pool->spare = t->future.value;
        pool->room++;
    } else {
        t = eddyi_task_take_slow(pool);
    }
    return t;
}

/* Gives @t back. Its kind, and the place where it was made, stay readable until it is taken
 * again. */
static inline void eddyi_task_give(eddy_task *t)
{
    struct eddyi_task_pool *pool = t->chunk->pool;

    if (__builtin_expect(pool->room == 0, 0)) {
        eddyi_task_give_slow(t);
        return;
    }
    EDDYI_ASSERT(pool->spare != t && "a task is given back once");
    t->future.value = pool->spare;
    pool->spare = t;
    pool->room--;
}

#endif
