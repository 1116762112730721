#include "loop/handle.h"

#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"

#include <sys/single_threaded.h>

/* The low bits of a slot's state; the generation is above them. */
enum { FREE, PENDING, CANCELLED, STATE_BITS = 2 };

enum { CHUNK_SLOTS_MIN = 32, CHUNK_SLOTS_MAX = 64 * 1024 };

struct eddyi_handle_chunk {
    struct eddyi_handle_chunk *next;
    struct eddyi_handle_slot slots[];
};

static uint64_t pack(uint64_t generation, unsigned what)
{
    return generation << STATE_BITS | what;
}

/* Each chunk has as many slots as there are already: a million come from few calls. */
static int add_chunk(struct eddyi_handle_pool *pool)
{
    size_t n = pool->n_slots < CHUNK_SLOTS_MIN   ? CHUNK_SLOTS_MIN
               : pool->n_slots < CHUNK_SLOTS_MAX ? pool->n_slots
                                                 : CHUNK_SLOTS_MAX;
    struct eddyi_handle_chunk *chunk = eddyi_zalloc(sizeof *chunk + n * sizeof chunk->slots[0]);

    if (!chunk)
        return -ENOMEM;
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->n_slots += n;
    pool->fresh = chunk->slots;
    pool->fresh_end = chunk->slots + n;
    return 0;
}

/* One that nobody has had yet. Out of line, for the registers it needs would be saved by every take(). */
__attribute__((cold, noinline)) static struct eddyi_handle_slot *take_fresh(struct eddyi_handle_pool *pool,
                                                                            eddy_loop *loop)
{
    struct eddyi_handle_slot *slot;

    if (pool->fresh == pool->fresh_end && add_chunk(pool) < 0)
        return NULL;
    slot = pool->fresh++;
    eddyi_ready_init(&slot->timer.ready, eddyi_handle_run);
    slot->loop = loop;
    slot->pool = pool;
    return slot;
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

/* A slot out of the pool, pending, with its callback; NULL without memory. */
static inline struct eddyi_handle_slot *take(struct eddyi_handle_pool *pool, eddy_loop *loop,
                                             eddy_callback_fn *fn, void *arg, eddy_context *context)
{
    struct eddyi_handle_slot *slot = pool->free;
    uint64_t state;

    if (slot)
        pool->free = slot->next_free;
    else if (!(slot = take_fresh(pool, loop)))
        return NULL;
    slot->fn = fn;
    slot->arg = arg;
    eddyi_vars_init(&slot->vars, context);
    state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    atomic_store_explicit(&slot->state, state | PENDING, memory_order_release);
    return slot;
}

/* Makes the handle stale and the slot free. Returns what it was: PENDING or CANCELLED. */
static inline unsigned retire(struct eddyi_handle_slot *slot)
{
    uint64_t state = atomic_load(&slot->state);

    if (__libc_single_threaded) { /* nobody else to cancel it: spares the 5 ns of the bus lock */
        atomic_store_explicit(&slot->state, pack((state >> STATE_BITS) + 1, FREE), memory_order_relaxed);
        return state & (pack(1, 0) - 1);
    }
    while (!atomic_compare_exchange_weak(&slot->state, &state, pack((state >> STATE_BITS) + 1, FREE)))
        ;
    return state & (pack(1, 0) - 1);
}

static inline void give_back(struct eddyi_handle_slot *slot)
{
    struct eddyi_handle_pool *pool = slot->pool;

    eddyi_vars_fini(&slot->vars);
    if (pool != &slot->loop->shared_handles) {
        slot->next_free = pool->free;
        pool->free = slot;
        return;
    }
    if (!pool->returned)
        pool->last_returned = slot;
    slot->next_free = pool->returned;
    pool->returned = slot;
}

void eddyi_handles_return(struct eddyi_handle_pool *pool)
{
    if (!pool->returned)
        return;
    pool->last_returned->next_free = pool->free;
    pool->free = pool->returned;
    pool->returned = NULL;
}

void eddyi_handle_run(struct eddyi_ready *r)
{
    struct eddyi_handle_slot *slot = eddyi_container(r, struct eddyi_handle_slot, timer.ready);
    eddy_callback_fn *fn = slot->fn;
    void *arg = slot->arg;

    if (retire(slot) == PENDING) {
        eddyi_vars_current = &slot->vars;
        fn(arg);
        eddyi_vars_current = NULL;
    }
    give_back(slot);
}

void eddyi_handles_drop(struct eddyi_list *list)
{
    for (struct eddyi_list *l = list->next, *next; l != list; l = next) {
        struct eddyi_ready *r = EDDYI_READY(l);

        next = l->next;
        if (r->run != eddyi_handle_run)
            continue;
        eddyi_list_remove(l);
        retire(eddyi_container(r, struct eddyi_handle_slot, timer.ready));
        give_back(eddyi_container(r, struct eddyi_handle_slot, timer.ready));
    }
}

static eddy_handle handle_of(const struct eddyi_handle_slot *slot)
{
    return (eddy_handle){(void *)slot,
                         atomic_load_explicit(&slot->state, memory_order_relaxed) >> STATE_BITS};
}

/* The handle of a callback that could not be scheduled; the error has been raised. */
static eddy_handle failed(int raised)
{
    (void)raised;
    return (eddy_handle){0};
}

eddy_handle eddy_loop_call_soon_in(eddy_loop *loop, eddy_callback_fn *fn, void *arg, eddy_context *context)
{
    struct eddyi_handle_slot *slot;
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return failed(rc);
    slot = take(&loop->handles, loop, fn, arg, context);
    if (!slot)
        return failed(eddy_raise(-ENOMEM, NULL));
    eddyi_loop_ready(loop, &slot->timer.ready);
    return handle_of(slot);
}

static eddy_handle call_at(eddy_loop *loop, int64_t when, eddy_callback_fn *fn, void *arg,
                           eddy_context *context)
{
    struct eddyi_handle_slot *slot = take(&loop->handles, loop, fn, arg, context);

    if (!slot)
        return failed(eddy_raise(-ENOMEM, NULL));
    if (eddyi_timer_start(loop, &slot->timer, when) < 0) {
        retire(slot);
        give_back(slot);
        return failed(eddy_raise(-ENOMEM, NULL));
    }
    return handle_of(slot);
}

eddy_handle eddy_loop_call_later_in(eddy_loop *loop, double delay, eddy_callback_fn *fn, void *arg,
                                    eddy_context *context)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return failed(rc);
    if (delay != delay)
        return failed(eddy_raise(-EINVAL, "call_later: the delay is not a number"));
    return call_at(loop, eddyi_deadline(loop, delay), fn, arg, context);
}

eddy_handle eddy_loop_call_at_in(eddy_loop *loop, double when, eddy_callback_fn *fn, void *arg,
                                 eddy_context *context)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return failed(rc);
    if (when != when)
        return failed(eddy_raise(-EINVAL, "call_at: the time is not a number"));
    loop->clock = eddyi_loop_now(loop); /* by which the timer may be due already */
    return call_at(loop, eddyi_nanoseconds(when), fn, arg, context);
}

static eddy_handle post(eddy_loop *loop, eddy_callback_fn *fn, void *arg, eddy_context *context)
{
    struct eddyi_handle_slot *slot = take(&loop->shared_handles, loop, fn, arg, context);

    if (!slot)
        return failed(eddy_raise(-ENOMEM, NULL));
    eddyi_loop_post_locked(loop, &slot->timer.ready);
    return handle_of(slot);
}

eddy_handle eddy_loop_call_soon_threadsafe_in(eddy_loop *loop, eddy_callback_fn *fn, void *arg,
                                              eddy_context *context)
{
    eddy_handle h;

    /* In the loop's own thread it is call_soon, so that the two keep their order (rule 196). */
    if (eddyi_loop_running == loop)
        return eddy_loop_call_soon_in(loop, fn, arg, context);
    if (loop->fork_number != eddyi_fork_number)
        return failed(eddy_raise(EDDY_EFORKED, NULL));

    pthread_mutex_lock(&loop->mutex);
    if (loop->closed)
        h = failed(eddy_raise(EDDY_ECLOSED, NULL));
    else
        h = post(loop, fn, arg, context);
    pthread_mutex_unlock(&loop->mutex);
    return h;
}

eddy_handle eddy_loop_call_soon(eddy_loop *loop, eddy_callback_fn *fn, void *arg)
{
    return eddy_loop_call_soon_in(loop, fn, arg, NULL);
}

eddy_handle eddy_loop_call_soon_threadsafe(eddy_loop *loop, eddy_callback_fn *fn, void *arg)
{
    return eddy_loop_call_soon_threadsafe_in(loop, fn, arg, NULL);
}

eddy_handle eddy_loop_call_later(eddy_loop *loop, double delay, eddy_callback_fn *fn, void *arg)
{
    return eddy_loop_call_later_in(loop, delay, fn, arg, NULL);
}

eddy_handle eddy_loop_call_at(eddy_loop *loop, double when, eddy_callback_fn *fn, void *arg)
{
    return eddy_loop_call_at_in(loop, when, fn, arg, NULL);
}

/*
 * A cancelled timer's turn would be its deadline: lets it have it now, that nothing piles up until then. The heap is the loop
 * thread's; cancelled from elsewhere, a timer stays where it is.
 */
static void bring_forward(struct eddyi_handle_slot *slot)
{
    if (!slot->timer.node.place)
        return;
    eddyi_timer_stop(slot->loop, &slot->timer);
    eddyi_loop_ready(slot->loop, &slot->timer.ready);
}

void eddy_handle_cancel(eddy_handle h)
{
    struct eddyi_handle_slot *slot = h.slot;
    uint64_t expected = pack(h.generation, PENDING);

    if (!slot || !atomic_compare_exchange_strong(&slot->state, &expected, pack(h.generation, CANCELLED)))
        return;
    if (eddyi_loop_running == slot->loop) {
        bring_forward(slot);
        return;
    }
    /* While the loop does not run, its heap is still that of the thread that had it last; the mutex keeps others from running it. */
    pthread_mutex_lock(&slot->loop->mutex);
    if (!slot->loop->running && pthread_equal(slot->loop->thread, pthread_self()))
        bring_forward(slot);
    pthread_mutex_unlock(&slot->loop->mutex);
}

bool eddy_handle_cancelled(eddy_handle h)
{
    struct eddyi_handle_slot *slot = h.slot;

    return slot && atomic_load(&slot->state) == pack(h.generation, CANCELLED);
}

double eddy_handle_when(eddy_handle h)
{
    struct eddyi_handle_slot *slot = h.slot;

    if (!slot || atomic_load(&slot->state) != pack(h.generation, PENDING) || !slot->timer.node.place)
        return EDDY_FOREVER;
    return (double)slot->timer.node.when * 1e-9;
}
