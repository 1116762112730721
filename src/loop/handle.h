/*
 * Handles: scheduled callbacks in reusable slots, distinguished by a generation.
 *
 * A slot's state is one word, its generation and the state of its callback, so a stale handle is
 * recognized and any thread may cancel. Slots stay in memory until the loop is freed.
 */
#ifndef EDDYI_HANDLE_H
#define EDDYI_HANDLE_H

#include "base/heap.h"
#include "base/list.h"
#include "contextvars/contextvars.h"
#include "eddy/loop.h"
#include "loop/ready.h"

#include <stdatomic.h>

struct eddyi_timer {
    struct eddyi_ready ready;
    struct eddyi_heap_node node;
};

/* The first member of every slot. */
struct eddyi_handle {
    atomic_uint_fast64_t state;
    eddy_callback_fn *fn;
    void *arg; /* in a free slot: the next free one */
    struct eddyi_var_scope vars;
};

/* A slot of call_soon() and call_soon_threadsafe(): one cache line. */
struct eddyi_handle_soon {
    struct eddyi_handle handle;
    struct eddyi_ready ready;
};

/* A slot of call_later() and call_at(). */
struct eddyi_handle_later {
    struct eddyi_handle handle;
    struct eddyi_timer timer;
    struct eddyi_ready let_go; /* posted by another thread that cancels the timer */
    eddy_loop *loop;
};

/* The free slots of one size. */
struct eddyi_handle_pool {
    struct eddyi_handle *free;
    char *fresh, *fresh_end; /* never used so far, in the latest chunk */
    struct eddyi_handle_chunk *chunks;
    size_t n_slots; /* in all chunks */
};

/* Returns a slot that was never used, and is all zeros; NULL when memory is short. */
struct eddyi_handle *eddyi_handle_fresh(struct eddyi_handle_pool *pool, size_t size);

static inline struct eddyi_handle *eddyi_handle_take(struct eddyi_handle_pool *pool, size_t size)
{
    struct eddyi_handle *h = pool->free;

    if (!h)
        return eddyi_handle_fresh(pool, size);
    pool->free = h->arg;
    return h;
}

static inline void eddyi_handle_give_back(struct eddyi_handle_pool *pool, struct eddyi_handle *h)
{
    EDDYI_ASSERT(pool->free != h && "a slot is free once");
    h->arg = pool->free;
    pool->free = h;
}

/*
 * The slots of call_soon_threadsafe(). Posters take a batch of slots at a time, and the loop
 * returns a batch at a time, so the mutex is taken once per batch: with one for each slot a flood
 * of posts was half as fast. A thread keeps the rest of its batch, and with it the loop's memory,
 * until it posts to another loop or ends.
 */
struct eddyi_handle_depot {
    /* only its fresh slots are used; guarded by the loop's mutex, as is the next */
    struct eddyi_handle_pool pool;
    struct eddyi_handle_soon *batches; /* linked by ready.link.next of the first slot of each */
    struct eddyi_handle *ran;          /* the loop thread's own: a batch that is being filled */
    unsigned n_ran;
};

/* Takes a slot, in another thread than the loop's. Returns NULL when memory is short. */
struct eddyi_handle_soon *eddyi_handle_take_shared(eddy_loop *loop);

/* Returns the slot that this thread took last, and did not use. */
void eddyi_handle_untake_shared(struct eddyi_handle_soon *slot);

/* Returns a slot whose callback has run, in the loop's thread. */
void eddyi_handle_return_shared(eddy_loop *loop, struct eddyi_handle_soon *slot);

/* Frees all slots of @pool. */
void eddyi_handle_pool_fini(struct eddyi_handle_pool *pool);

/*
 * Makes every callback that is still scheduled on @list stale, without running it, when the loop is
 * closed.
 */
void eddyi_handles_drop(struct eddyi_list *list);

/*
 * Runs the ready item of a timer's slot: calls the callback, unless it was cancelled, and frees the
 * slot.
 */
void eddyi_handle_run_later(struct eddyi_ready *r);

/*
 * Completes the item that runs, when a C++ exception or pthread_exit() has left its callback.
 * Returns false if the item is not a callback's.
 */
bool eddyi_handle_left(struct eddyi_ready *r);

#endif
