/*
 * The chunks of tasks.
 *
 * A chunk knows its free tasks; chunks that have any are in the list `open`. A chunk is a mapping
 * of its own, so that memory freed between the making of two chunks does not become a hole between
 * them. With AddressSanitizer each task is an allocation of its own, and none is spare, so that it
 * sees uses after free.
 */
#include "task/pool.h"

#include "base/sys.h"

enum { CHUNK_MAX = 65536 };
#ifdef EDDYI_FIBER_ASAN
enum { TASKS_OF_A_CHUNK = 1, SPARE_MAX = 0 };
#else
enum {
    TASKS_OF_A_CHUNK = (CHUNK_MAX - sizeof(struct eddyi_task_chunk)) / sizeof(eddy_task),
    SPARE_MAX = 65536,
};
#endif

enum { CHUNK_SIZE = sizeof(struct eddyi_task_chunk) + TASKS_OF_A_CHUNK * sizeof(eddy_task) };

int eddyi_task_pool_new(struct eddyi_task_pool **ret)
{
    struct eddyi_task_pool *pool = eddyi_zalloc(sizeof *pool);

    if (!pool)
        return -ENOMEM;
    eddyi_list_init(&pool->open);
    pool->room = SPARE_MAX;
    *ret = pool;
    return 0;
}

static struct eddyi_task_chunk *alloc_chunk(void)
{
    void *p = NULL;

    if (TASKS_OF_A_CHUNK == 1)
        p = eddyi_alloc(CHUNK_SIZE);
    else if (eddyi_sys_map(CHUNK_SIZE, false, &p) < 0)
        return NULL;
    return p;
}

static void free_chunk(struct eddyi_task_chunk *c)
{
    c->pool->n_chunks--;
    eddyi_list_remove(&c->link);
    if (TASKS_OF_A_CHUNK == 1)
        eddyi_free(c);
    else
        eddyi_sys_unmap(c, CHUNK_SIZE);
}

EDDY_COLD static struct eddyi_task_chunk *new_chunk(struct eddyi_task_pool *pool)
{
    struct eddyi_task_chunk *c = alloc_chunk();

    if (!c)
        return NULL;
    c->pool = pool;
    c->free = NULL;
    c->n_taken = 0;
    c->n_fresh = TASKS_OF_A_CHUNK;
    eddyi_list_append(&pool->open, &c->link);
    pool->n_chunks++;
    return c;
}

/* Takes a task that was never taken before. */
static eddy_task *take_fresh(struct eddyi_task_chunk *c)
{
    eddy_task *t = &c->tasks[TASKS_OF_A_CHUNK - c->n_fresh--];

    t->chunk = c;
    return t;
}

EDDYI_DIRECT eddy_task *eddyi_task_take_slow(struct eddyi_task_pool *pool)
{
    struct eddyi_task_chunk *c =
        eddyi_list_empty(&pool->open)
            ? new_chunk(pool)
            : eddyi_container(pool->open.next, struct eddyi_task_chunk, link);
    eddy_task *t;

    if (!c)
        return NULL;
    t = c->free;
    if (t)
        c->free = t->future.value;
    else
        t = take_fresh(c);
    c->n_taken++;
    if (!c->free && !c->n_fresh)
        eddyi_list_remove(&c->link);
    return t;
}

/* Gives @t back to its chunk. */
EDDYI_DIRECT void eddyi_task_give_slow(eddy_task *t)
{
    struct eddyi_task_chunk *c = t->chunk;
    struct eddyi_task_pool *pool = c->pool;

    EDDYI_ASSERT_ALWAYS(c->n_taken > 0);
    if (!c->free && !c->n_fresh)
        eddyi_list_append(&pool->open, &c->link);
    t->future.value = c->free;
    c->free = t;
    if (--c->n_taken > 0)
        return;
    free_chunk(c);
    if (pool->closed && pool->n_chunks == 0)
        eddyi_free(pool);
}

void eddyi_task_pool_close(struct eddyi_task_pool *pool)
{
    eddy_task *t, *next;

    pool->room = 0;
    for (t = pool->spare; t; t = next) {
        next = t->future.value;
        eddyi_task_give(t);
    }
    pool->spare = NULL;
    pool->closed = true;
    if (pool->n_chunks == 0)
        eddyi_free(pool);
}
