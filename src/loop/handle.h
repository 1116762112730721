/*
 * Handles: scheduled callbacks in slots that are used again, told apart by a generation.
 *
 * A slot's state is one word, generation and what became of it, so that a stale handle is recognised and any
 * thread may cancel. Slots stay in memory until the loop is freed.
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

struct eddyi_handle_slot {
    struct eddyi_timer timer; /* its ready item runs the callback; its heap node is for call_at */
    atomic_uint_fast64_t state;
    eddy_loop *loop;
    struct eddyi_handle_pool *pool;
    struct eddyi_handle_slot *next_free;
    eddy_callback_fn *fn;
    void *arg;
    struct eddyi_var_scope vars;
};

struct eddyi_handle_pool {
    struct eddyi_handle_slot *free;
    struct eddyi_handle_slot *fresh, *fresh_end; /* never used yet, in the latest chunk */
    struct eddyi_handle_chunk *chunks;
    size_t n_slots; /* in all chunks */
    /* Of a pool that other threads take from: slots that have run, still the loop thread's own. The loop hands them back together, when it
     * has the mutex anyway; with one lock for each, a flood of posts was half as fast. */
    struct eddyi_handle_slot *returned, *last_returned;
};

/* Frees all slots. */
void eddyi_handle_pool_fini(struct eddyi_handle_pool *pool);

/* Hands back the slots that have run. With the loop's mutex held. */
void eddyi_handles_return(struct eddyi_handle_pool *pool);

/* Makes every callback that is still scheduled on @list stale, without running it. */
void eddyi_handles_drop(struct eddyi_list *list);

/* The ready item of a slot: calls the callback, unless it was cancelled, and frees the slot. */
void eddyi_handle_run(struct eddyi_ready *r);

#endif
