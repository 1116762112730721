/* The allocation of slots. */
#include "base/sys.h"
#include "base/thread.h"
#include "loop/loop.h"

enum { LINE = 64, BATCH = 32, CHUNK_SLOTS_MIN = BATCH, CHUNK_SLOTS_MAX = 64 * 1024 };

_Static_assert(sizeof(struct eddyi_handle_soon) == LINE || sizeof(void *) < 8,
               "a slot is a cache line");

struct eddyi_handle_chunk {
    struct eddyi_handle_chunk *next;
    char memory[]; /* slots, from the first cache line boundary */
};

/* Adds a chunk with as many slots as there are already: a million slots take few calls. */
static int add_chunk(struct eddyi_handle_pool *pool, size_t size)
{
    size_t n = pool->n_slots < CHUNK_SLOTS_MIN   ? CHUNK_SLOTS_MIN
               : pool->n_slots < CHUNK_SLOTS_MAX ? pool->n_slots
                                                 : CHUNK_SLOTS_MAX;
    struct eddyi_handle_chunk *chunk = eddyi_zalloc(sizeof *chunk + LINE + n * size);

    if (!chunk)
        return -ENOMEM;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->n_slots += n;
    pool->fresh = chunk->memory + (LINE - (uintptr_t)chunk->memory % LINE);
    pool->fresh_end = pool->fresh + n * size;
    return 0;
}

struct eddyi_handle *eddyi_handle_fresh(struct eddyi_handle_pool *pool, size_t size)
{
    char *slot;

    if (pool->fresh == pool->fresh_end && add_chunk(pool, size) < 0)
        return NULL;
    slot = pool->fresh;
    pool->fresh += size;
    return (struct eddyi_handle *)(void *)slot;
}

void eddyi_handle_pool_fini(struct eddyi_handle_pool *pool)
{
    struct eddyi_handle_chunk *next;

    for (struct eddyi_handle_chunk *chunk = pool->chunks; chunk; chunk = next) {
        next = chunk->next;
        eddyi_free(chunk);
    }
    *pool = (struct eddyi_handle_pool){0};
}

static struct eddyi_handle_soon *soon_of(struct eddyi_handle *h)
{
    return eddyi_container(h, struct eddyi_handle_soon, handle);
}

static void put_batch(eddy_loop *loop, struct eddyi_handle *first)
{
    struct eddyi_handle_soon *batch = soon_of(first);

    pthread_mutex_lock(&loop->inbox.mutex);
    batch->ready.link.next = (void *)loop->inbox.slots.batches;
    loop->inbox.slots.batches = batch;
    pthread_mutex_unlock(&loop->inbox.mutex);
}

/*
 * Takes a batch of slots. Fresh slots are taken by the batch too; a chunk has a whole number of
 * batches.
 */
static struct eddyi_handle_soon *take_batch(struct eddyi_handle_depot *d, bool *ret_fresh)
{
    struct eddyi_handle_soon *batch = d->batches;

    *ret_fresh = !batch;
    if (batch) {
        d->batches = (void *)batch->ready.link.next;
        return batch;
    }
    if (d->pool.fresh == d->pool.fresh_end && add_chunk(&d->pool, sizeof *batch) < 0)
        return NULL;
    batch = (struct eddyi_handle_soon *)(void *)d->pool.fresh;
    d->pool.fresh += BATCH * sizeof *batch;
    return batch;
}

/* The rest of the latest batch that this thread took. */
static EDDYI_THREAD_LOCAL struct {
    eddy_loop *loop; /* the loop of the slots, held; NULL: none so far */
    struct eddyi_handle *free;
} stash;

static void give_up_stash(void)
{
    eddy_loop *loop = stash.loop;
    struct eddyi_handle *rest = stash.free;

    stash.loop = NULL;
    stash.free = NULL;
    if (!loop || eddyi_loop_forked(loop))
        return; /* in a forked child the copy of the mutex may be locked forever */
    if (rest)
        put_batch(loop, rest);
    eddyi_loop_release(loop);
}

/*
 * Fills the stash of this thread. The pages of a fresh batch are touched without the mutex, since
 * this may take the kernel longer than all the rest.
 */
static void fill_stash(eddy_loop *loop)
{
    struct eddyi_handle_soon *batch;
    bool fresh;

    if (stash.loop != loop) {
        give_up_stash();
        stash.loop = eddyi_loop_hold(loop);
        eddyi_thread_at_exit(give_up_stash);
    }
    pthread_mutex_lock(&loop->inbox.mutex);
    batch = take_batch(&loop->inbox.slots, &fresh);
    pthread_mutex_unlock(&loop->inbox.mutex);

    for (int i = 0; batch && fresh && i < BATCH - 1; i++)
        batch[i].handle.arg = &batch[i + 1].handle;
    stash.free = batch ? &batch->handle : NULL;
}

struct eddyi_handle_soon *eddyi_handle_take_shared(eddy_loop *loop)
{
    struct eddyi_handle *h;

    if (stash.loop != loop || !stash.free)
        fill_stash(loop);
    h = stash.free;
    if (!h)
        return NULL;
    stash.free = h->arg;
    return soon_of(h);
}

void eddyi_handle_untake_shared(struct eddyi_handle_soon *slot)
{
    slot->handle.arg = stash.free;
    stash.free = &slot->handle;
}

void eddyi_handle_return_shared(eddy_loop *loop, struct eddyi_handle_soon *slot)
{
    struct eddyi_handle_depot *d = &loop->inbox.slots;

    slot->handle.arg = d->ran;
    d->ran = &slot->handle;
    if (++d->n_ran < BATCH)
        return;
    put_batch(loop, d->ran);
    d->ran = NULL;
    d->n_ran = 0;
}
