#include "loop/handle.h"

#include "base/assert.h"
#include "base/libc.h"
#include "base/sys.h"
#include "eddy/error.h"
#include "loop/loop.h"

/*
 * A slot's state: the state of its callback in the lowest bits; a bit that is set permanently in a
 * timer's slot; and the generation. A handle's generation is all of it except the first.
 *
 * A timer that is cancelled by another thread (ELSEWHERE) cannot be removed from the heap there:
 * the slot's other item is posted, and it frees the slot, whether or not the deadline comes first.
 */
enum {
    FREE,
    PENDING,
    CANCELLED,
    ELSEWHERE,
    WHAT = 3,
    WHAT_BITS = 2,
    TIMER = 4,
    ONE_GENERATION = 8
};

static uint64_t pack(uint64_t generation, unsigned what)
{
    return generation << WHAT_BITS | what;
}

/*
 * Fills in a free slot, which is then pending, except for its context variables, and returns its
 * handle.
 */
static inline eddy_handle fill(struct eddyi_handle *h, unsigned timer, eddy_callback_fn *fn,
                               void *arg)
{
    uint64_t state = atomic_load_explicit(&h->state, memory_order_relaxed) | timer | PENDING;

    EDDYI_ASSERT((state & WHAT) == PENDING && "the slot was free");
    h->fn = fn;
    h->arg = arg;
    atomic_store_explicit(&h->state, state, memory_order_release);
    return (eddy_handle){h, state >> WHAT_BITS};
}

/* Returns the state of the slot when it is free again; cancelling does not change that. */
static inline uint64_t next_state(uint64_t state)
{
    return (state & ~(uint64_t)WHAT) + ONE_GENERATION;
}

/*
 * Makes the handle stale and the slot free, unless it is a @timer that is ELSEWHERE. Returns the
 * former state of the callback.
 */
static inline unsigned retire(struct eddyi_handle *h, bool timer)
{
    uint64_t state = atomic_load_explicit(&h->state, memory_order_relaxed);
    uint64_t next = next_state(state);

    EDDYI_ASSERT((state & WHAT) != FREE);
    /* No other thread can cancel it: this saves the 5 ns of a locked bus. */
    if (__builtin_expect(__libc_single_threaded, 1)) {
        atomic_store_explicit(&h->state, next, memory_order_relaxed);
        return state & WHAT;
    }
    if (!timer)
        return atomic_exchange(&h->state, next) & WHAT;
    while ((state & WHAT) != ELSEWHERE && !atomic_compare_exchange_weak(&h->state, &state, next))
        continue;
    return state & WHAT;
}

/* Runs the callback. Returns false if the slot must not be freed. */
static inline bool call(struct eddyi_handle *h, bool timer)
{
    eddy_callback_fn *fn = h->fn;
    void *arg = h->arg;
    unsigned was = retire(h, timer);

    if (timer && __builtin_expect(was == ELSEWHERE, 0))
        return false;
    if (was == PENDING) {
        eddyi_vars_current = &h->vars;
        fn(arg);
        eddyi_vars_current = NULL;
    }
    eddyi_vars_fini(&h->vars);
    return true;
}

static struct eddyi_handle_soon *soon_of(struct eddyi_ready *r)
{
    return eddyi_container(r, struct eddyi_handle_soon, ready);
}

static struct eddyi_handle_later *later_of(struct eddyi_ready *r)
{
    return eddyi_container(r, struct eddyi_handle_later, timer.ready);
}

static void run_soon(struct eddyi_ready *r)
{
    call(&soon_of(r)->handle, false);
    /* not in a child that the callback forked */
    if (__builtin_expect(eddyi_loop_running != NULL, 1))
        eddyi_handle_give_back(&eddyi_loop_running->soon, &soon_of(r)->handle);
}

static void run_shared(struct eddyi_ready *r)
{
    call(&soon_of(r)->handle, false);
    if (eddyi_loop_running)
        eddyi_handle_return_shared(eddyi_loop_running, soon_of(r));
}

void eddyi_handle_run_later(struct eddyi_ready *r)
{
    bool free = call(&later_of(r)->handle, true);

    if (free && __builtin_expect(eddyi_loop_running != NULL, 1))
        eddyi_handle_give_back(&eddyi_loop_running->later, &later_of(r)->handle);
}

bool eddyi_handle_left(struct eddyi_ready *r)
{
    bool later = r->run == eddyi_handle_run_later;

    if (!later && r->run != run_soon && r->run != run_shared)
        return false;
    eddyi_vars_current = NULL;
    eddyi_vars_fini(later ? &later_of(r)->handle.vars : &soon_of(r)->handle.vars);
    if (!eddyi_loop_running) /* in a child that the callback forked */
        return true;
    if (later)
        eddyi_handle_give_back(&eddyi_loop_running->later, &later_of(r)->handle);
    else if (r->run == run_soon)
        eddyi_handle_give_back(&eddyi_loop_running->soon, &soon_of(r)->handle);
    else
        eddyi_handle_return_shared(eddyi_loop_running, soon_of(r));
    return true;
}

/* Makes the handle stale and releases its resources, in any state. */
static void drop(struct eddyi_handle *h)
{
    uint64_t state = atomic_load_explicit(&h->state, memory_order_relaxed);

    atomic_store(&h->state, next_state(state));
    eddyi_vars_fini(&h->vars);
}

/*
 * Frees the slot of a timer that is ELSEWHERE. When the loop closes, the timer may have been
 * dropped before.
 */
static void let_go(struct eddyi_ready *r)
{
    struct eddyi_handle_later *slot = eddyi_container(r, struct eddyi_handle_later, let_go);

    if ((atomic_load(&slot->handle.state) & WHAT) != ELSEWHERE)
        return;
    eddyi_timer_stop(slot->loop, &slot->timer);
    drop(&slot->handle);
    eddyi_handle_give_back(&slot->loop->later, &slot->handle);
}

/* Makes the handles on @list stale; their slots are not used again. */
void eddyi_handles_drop(struct eddyi_list *list)
{
    for (struct eddyi_list *l = list->next, *next; l != list; l = next) {
        struct eddyi_ready *r = EDDYI_READY(l);

        next = l->next;
        if (r->run != eddyi_handle_run_later && r->run != run_soon && r->run != run_shared)
            continue;
        eddyi_list_remove(l);
        drop(r->run == eddyi_handle_run_later ? &later_of(r)->handle : &soon_of(r)->handle);
    }
}

EDDY_COLD static int refuse(eddy_callback_fn *fn, const char *call, const char *what)
{
    return fn ? eddy_raise(-EINVAL, "%s: the %s is not a number", call, what)
              : eddy_raise(-EINVAL, "%s: there is no callback", call);
}

/* Returns the handle of a callback that could not be scheduled; the error has been raised. */
static eddy_handle failed(int raised)
{
    (void)raised;
    return (eddy_handle){0};
}

static inline eddy_handle make_ready(eddy_loop *loop, struct eddyi_handle_soon *slot,
                                     eddy_callback_fn *fn, void *arg)
{
    slot->ready.run = run_soon;
    eddyi_loop_ready(loop, &slot->ready);
    return fill(&slot->handle, 0, fn, arg);
}

/* Slow path of eddy_loop_call_soon_in(): without a free slot, with context variables, or after
 * posts of other threads, which have their turn first. */
EDDY_COLD static eddy_handle call_soon_slow(eddy_loop *loop, eddy_callback_fn *fn, void *arg,
                                            eddy_context *context)
{
    struct eddyi_handle_soon *slot;
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return failed(rc);
    if (!fn)
        return failed(refuse(fn, "call_soon", NULL));
    if (eddyi_loop_posted(loop))
        eddyi_loop_take_posted(loop);
    slot = (void *)eddyi_handle_take(&loop->soon, sizeof *slot);
    if (!slot)
        return failed(eddy_raise(-ENOMEM, NULL));
    eddyi_vars_init(&slot->handle.vars, context);
    return make_ready(loop, slot, fn, arg);
}

/*
 * Takes the fast path if there is a free slot and there are no variables, which is nearly always
 * so: it calls no function, so no register has to be saved.
 */
eddy_handle eddy_loop_call_soon_in(eddy_loop *loop, eddy_callback_fn *fn, void *arg,
                                   eddy_context *context)
{
    struct eddyi_handle_soon *slot;

    if (!fn || !eddyi_loop_is_here_alone(loop) || !loop->soon.free || !eddyi_vars_none(context))
        return call_soon_slow(loop, fn, arg, context);
    slot = (void *)eddyi_handle_take(&loop->soon, sizeof *slot);
    slot->handle.vars = (struct eddyi_var_scope){0};
    return make_ready(loop, slot, fn, arg);
}

static eddy_handle call_at(eddy_loop *loop, int64_t when, eddy_callback_fn *fn, void *arg,
                           eddy_context *context)
{
    struct eddyi_handle_later *slot = (void *)eddyi_handle_take(&loop->later, sizeof *slot);
    eddy_handle h;

    if (!slot)
        return failed(eddy_raise(-ENOMEM, NULL));
    eddyi_vars_init(&slot->handle.vars, context);
    h = fill(&slot->handle, TIMER, fn, arg);
    if (!slot->loop) /* permanently: threads that cancel may read it */
        slot->loop = loop;
    eddyi_ready_init(&slot->timer.ready, eddyi_handle_run_later);
    if (eddyi_timer_start(loop, &slot->timer, when) < 0) {
        drop(&slot->handle);
        eddyi_handle_give_back(&loop->later, &slot->handle);
        return failed(eddy_raise(-ENOMEM, NULL));
    }
    return h;
}

eddy_handle eddy_loop_call_later_in(eddy_loop *loop, double delay, eddy_callback_fn *fn, void *arg,
                                    eddy_context *context)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return failed(rc);
    if (!fn || delay != delay)
        return failed(refuse(fn, "call_later", "delay"));
    return call_at(loop, eddyi_time_after(eddyi_loop_now(loop), eddyi_nanoseconds(delay)), fn, arg,
                   context);
}

eddy_handle eddy_loop_call_at_in(eddy_loop *loop, double when, eddy_callback_fn *fn, void *arg,
                                 eddy_context *context)
{
    int rc = eddyi_loop_check(loop);

    if (rc < 0)
        return failed(rc);
    if (!fn || when != when)
        return failed(refuse(fn, "call_at", "time"));
    return call_at(loop, eddyi_nanoseconds(when), fn, arg, context);
}

static eddy_handle post(eddy_loop *loop, eddy_callback_fn *fn, void *arg, eddy_context *context)
{
    struct eddyi_handle_soon *slot = eddyi_handle_take_shared(loop);
    eddy_handle h;

    if (!slot)
        return failed(eddy_raise(-ENOMEM, NULL));
    eddyi_vars_init(&slot->handle.vars, context);
    slot->ready.run = run_shared;
    /* read before the post: the callback may have run before the post returns */
    h = fill(&slot->handle, 0, fn, arg);
    if (eddyi_loop_post_elsewhere(loop, &slot->ready) == 0)
        return h;
    drop(&slot->handle);
    eddyi_handle_untake_shared(slot);
    return failed(eddy_raise(EDDY_ECLOSED, NULL));
}

eddy_handle eddy_loop_call_soon_threadsafe_in(eddy_loop *loop, eddy_callback_fn *fn, void *arg,
                                              eddy_context *context)
{
    /* In the loop's own thread this is call_soon, so that the two keep their order (rule 196). */
    if (eddyi_loop_running == loop)
        return eddy_loop_call_soon_in(loop, fn, arg, context);
    if (!loop)
        return failed(eddyi_raise_no_loop());
    if (!fn)
        return failed(refuse(fn, "call_soon_threadsafe", NULL));
    if (eddyi_loop_forked(loop))
        return failed(eddy_raise(EDDY_EFORKED, NULL));
    if (loop->closed)
        return failed(eddy_raise(EDDY_ECLOSED, NULL));
    return post(loop, fn, arg, context);
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
 * Makes a cancelled timer due now, so that cancelled timers do not accumulate until their
 * deadlines.
 */
static void bring_forward(struct eddyi_handle_later *slot)
{
    if (!slot->timer.node.place)
        return;
    eddyi_timer_stop(slot->loop, &slot->timer);
    eddyi_loop_ready(slot->loop, &slot->timer.ready);
}

/*
 * Posts the item that frees the slot of a cancelled timer, in a thread that does not run the loop.
 */
static void post_let_go(struct eddyi_handle_later *slot)
{
    eddyi_ready_init(&slot->let_go, let_go);
    /* a closed loop drops all its handles */
    (void)eddyi_loop_post_elsewhere(slot->loop, &slot->let_go);
}

static void cancel_timer(struct eddyi_handle_later *slot, uint64_t generation)
{
    bool here = eddyi_loop_running == slot->loop;
    uint64_t pending = pack(generation, PENDING),
             cancelled = pack(generation, here ? CANCELLED : ELSEWHERE);

    if (!atomic_compare_exchange_strong(&slot->handle.state, &pending, cancelled))
        return;
    if (here)
        bring_forward(slot);
    else
        post_let_go(slot);
}

void eddy_handle_cancel(eddy_handle h)
{
    struct eddyi_handle *handle = h.slot;
    uint64_t pending = pack(h.generation, PENDING);

    if (!handle)
        return;
    if (pending & TIMER)
        cancel_timer(eddyi_container(handle, struct eddyi_handle_later, handle), h.generation);
    else
        atomic_compare_exchange_strong(&handle->state, &pending, pack(h.generation, CANCELLED));
}

bool eddy_handle_cancelled(eddy_handle h)
{
    struct eddyi_handle *handle = h.slot;

    uint64_t state = handle ? atomic_load(&handle->state) : 0;

    return handle &&
           (state == pack(h.generation, CANCELLED) || state == pack(h.generation, ELSEWHERE));
}

double eddy_handle_when(eddy_handle h)
{
    struct eddyi_handle *handle = h.slot;
    uint64_t pending = pack(h.generation, PENDING);
    const struct eddyi_handle_later *slot;

    if (!handle || !(pending & TIMER) || atomic_load(&handle->state) != pending)
        return EDDY_FOREVER;
    slot = eddyi_container(handle, struct eddyi_handle_later, handle);
    return slot->timer.node.place ? (double)slot->timer.node.when / 1e9 : EDDY_FOREVER;
}
