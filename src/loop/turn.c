/*
 * Timers, and one turn of the loop after the other.
 */
#include "base/log.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/error.h"
#include "fiber/overflow.h"
#include "loop/loop.h"
#include "loop/signal.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest that a backend is asked to wait; the loop then looks again (rule 6). */
static const int64_t MAX_WAIT = 24 * 3600 * INT64_C(1000000000);

EDDYI_THREAD_LOCAL eddy_loop *eddyi_loop_running;

int64_t eddyi_loop_now(const eddy_loop *loop)
{
    return loop->backend->ops->now(loop->backend);
}

EDDYI_DIRECT int64_t eddyi_nanoseconds(double seconds)
{
    double ns = seconds * 1e9;

    if (ns >= 9.2e18)
        return EDDYI_NEVER;
    if (ns <= -9.2e18)
        return -EDDYI_NEVER;
    return (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5);
}

EDDYI_DIRECT int64_t eddyi_deadline(eddy_loop *loop, double delay)
{
    int64_t ns = eddyi_nanoseconds(delay), now = eddyi_loop_now(loop);

    loop->clock = now;
    return ns > EDDYI_NEVER - now ? EDDYI_NEVER : now + ns;
}

EDDYI_DIRECT int eddyi_timer_start(eddy_loop *loop, struct eddyi_timer *t, int64_t when)
{
    if (when <= loop->clock)
        loop->skips = 0; /* due already: the next turn runs it */
    return eddyi_heap_insert(&loop->timers, &t->node, when);
}

EDDYI_DIRECT void eddyi_timer_stop(eddy_loop *loop, struct eddyi_timer *t)
{
    eddyi_heap_remove(&loop->timers, &t->node);
    eddyi_ready_cancel(&t->ready);
}

/* How long the backend may wait: 0 if there is work, < 0 if only the outside world can bring
 * some. */
static int64_t wait_time(const eddy_loop *loop)
{
    int64_t first = eddyi_heap_first_when(&loop->timers), left;

    if (!eddyi_list_empty(&loop->ready) || loop->stopping || eddyi_loop_posted(loop) ||
        atomic_load(&loop->signalled))
        return 0;
    if (first == EDDYI_NEVER)
        return -1;
    left = first - eddyi_loop_now(loop);
    return left < 0 ? 0 : left < MAX_WAIT ? left : MAX_WAIT;
}

/* So many timers are taken at a time. */
enum { MANY_TIMERS = 64 };

/*
 * Puts timers that are due at *until on the ready queue. Each may be the first thing in a long time
 * to be touched of its page, that of the task that sleeps. So they are touched one after the other,
 * which the processor overlaps, and not in between moves of the heap: with 100 000 tasks that
 * sleep, a wake-up costs 0.7 us instead of 0.95. Whether there may be more; *until is the deadline
 * of the last then.
 */
static bool take_some(eddy_loop *loop, int64_t *until)
{
    struct eddyi_heap *timers = &loop->timers;
    struct eddyi_heap_node *due[MANY_TIMERS];
    int64_t when, last = *until;
    size_t n = 0;

    while (n < MANY_TIMERS && (when = eddyi_heap_first_when(timers)) <= *until) {
        last = when;
        due[n++] = eddyi_heap_first(timers);
        eddyi_heap_remove_first(timers);
    }
    for (size_t i = 0; i < n; i++) {
        due[i]->place = 0;
        eddyi_loop_ready(loop, &eddyi_container(due[i], struct eddyi_timer, node)->ready);
    }
    *until = last;
    return n == MANY_TIMERS;
}

/*
 * As of one reading of the clock: a timer made meanwhile waits for the next turn (rule 21). Where
 * very many are due, it is as if the clock had been read a little earlier, so that what one turn
 * has touched is still in the cache when the next, which runs the tasks, needs it: once that made
 * 1.0 us of 1.6. Equal deadlines are not parted.
 */
static void take_matured(eddy_loop *loop)
{
    int64_t until = loop->clock;

    if (eddyi_heap_first_when(&loop->timers) > until)
        return;
    while (take_some(loop, &until))
        continue;
    if (eddyi_heap_first_when(&loop->timers) <= loop->clock)
        loop->skips = 0; /* the next turn looks again */
}

static int sleep_until_woken(eddy_loop *loop, int64_t timeout)
{
    const struct eddyi_backend_ops *ops = loop->backend->ops;
    int rc;

    if (!eddyi_loop_fall_asleep(loop))
        return ops->wait(loop->backend, 0);
    atomic_store_explicit(&loop->asleep, true, memory_order_relaxed);
    if (loop->expected > 0 && ops->wait_for_wake)
        rc = ops->wait_for_wake(loop->backend);
    else
        rc = ops->wait(loop->backend, timeout);
    atomic_store_explicit(&loop->asleep, false, memory_order_relaxed);
    eddyi_loop_wake_up(loop);
    return rc;
}

static int wait(eddy_loop *loop)
{
    int64_t begin, timeout = wait_time(loop);
    int rc = 0;

    if (timeout == 0)
        return loop->backend->ops->wait(loop->backend, 0);
    begin = eddyi_loop_now(loop);
    if (eddyi_loop_would_linger(loop, timeout)) {
        rc = eddyi_loop_linger(loop, begin, timeout);
        timeout = rc == 0 ? wait_time(loop) : 0;
    }
    if (timeout != 0) {
        rc = sleep_until_woken(loop, timeout);
        eddyi_loop_waited(loop, begin);
    }
    return rc;
}

/*
 * How many turns may share the look that was just taken. A look costs 150 ns (a system call and the
 * clock), a switch between two tasks 8 ns; so as many turns as were done in QUICK, at that pace, do
 * without. Where turns take longer than that each one looks, as in asyncio. Should they suddenly
 * become slow, PACE_MAX of them pass before that is noticed.
 */
enum { QUICK = 2000 /* nanoseconds */, PACE_MAX = 64 };

static void pace(eddy_loop *loop)
{
    int64_t took = loop->clock - loop->looked;

    loop->looked = loop->clock;
    if (took < QUICK)
        loop->pace = loop->pace < PACE_MAX ? 2 * loop->pace : PACE_MAX;
    else
        loop->pace = (unsigned)(loop->pace * (uint64_t)QUICK / (uint64_t)took);
    if (loop->pace == 0 || loop->watched ||
        loop->backend->ops->wait_for_wake) /* virtual time must not stand */
        loop->pace = 1;
    loop->skips = loop->pace - 1;
}

EDDYI_THREAD_LOCAL const struct eddyi_ready *eddyi_cleaned_up;

/*
 * An exception, or pthread_exit(), has left @r, the item that runs, or NULL: a completion. What has
 * cleaned up after itself may be gone by now.
 */
static void left_early(struct eddyi_ready *r)
{
    bool clean = r && (r == eddyi_cleaned_up || eddyi_handle_left(r));

    eddyi_cleaned_up = NULL;
    if (!clean && eddyi_fiber_exception_passes()) {
        eddyi_log_fatal("a C++ exception has left a function that cannot end by one, such as a "
                        "method of a protocol; docs/cxx.md says which can");
        abort();
    }
}

static void wait_for_events(eddy_loop *loop)
{
    int rc = wait(loop);

    loop->turns++;
    loop->clock = eddyi_loop_now(loop);
    pace(loop);
    if (eddyi_loop_posted(loop))
        eddyi_loop_take_posted(loop);
    if (atomic_load_explicit(&loop->signalled, memory_order_relaxed) &&
        atomic_exchange(&loop->signalled, false))
        eddyi_signals_notice(loop);
    take_matured(loop);

    if (rc == -EDEADLK && !eddyi_list_empty(&loop->ready))
        return;
    if (rc < 0 && rc != -EINTR) {
        loop->run_error = rc;
        loop->stopping = true;
    }
}

static void run_and_time(eddy_loop *loop, struct eddyi_ready *r)
{
    int64_t begin = eddyi_sys_now(), took;
    char what[160] = "a callback";

    if (loop->task_hooks)
        loop->task_hooks->describe_ready(r, what, sizeof what);
    r->run(r);
    took = eddyi_sys_now() - begin;
    if ((double)took * 1e-9 >= loop->slow_callback_duration)
        eddyi_log(EDDY_LOG_INFO, "executing %s took %.3f seconds", what, (double)took * 1e-9);
}

static void run_watched(eddy_loop *loop, struct eddyi_ready *r)
{
    eddyi_loop_observe(loop, EDDYI_SEES_ITEM, r);
    if (loop->debug)
        run_and_time(loop, r);
    else
        r->run(r);
}

/* The observer may take it out of the batch, as the callback before could have; then it is the one
 * after it. */
static struct eddyi_ready *next_of_batch(eddy_loop *loop)
{
    struct eddyi_list *l;

    if (loop->observer && !eddyi_list_empty(&loop->batch))
        eddyi_loop_observe(loop, EDDYI_SEES_NEXT, EDDYI_READY(loop->batch.next));
    l = eddyi_list_pop(&loop->batch);
    return l ? EDDYI_READY(l) : NULL;
}

EDDYI_DIRECT EDDYI_UNGUARDED void eddyi_loop_turn(eddy_loop *loop)
{
    struct eddyi_ready *r;

    eddyi_loop_observe(loop, EDDYI_SEES_TURN, NULL);
    if (eddyi_loop_may_turn_quickly(loop)) {
        eddyi_loop_skip_look(loop);
    } else {
        wait_for_events(loop);
        if (eddyi_loop_running != loop) /* this is a child that a signal handler forked meanwhile */
            return;
    }
    eddyi_list_move_all(&loop->batch, &loop->ready);
    eddyi_loop_observe(loop, EDDYI_SEES_BATCH, NULL);
    while ((r = next_of_batch(loop)) != NULL) {
        loop->item = r;
        if (loop->watched)
            run_watched(loop, r);
        else
            r->run(r);
    }
    loop->item = NULL;
}

void eddyi_loop_signal(eddy_loop *loop)
{
    atomic_store(&loop->signalled, true);
    loop->backend->ops->wake(loop->backend);
}

struct run {
    eddy_loop *loop;
    void *overflow;
    bool in_order; /* it came to its end */
};

/* Also when an exception or pthread_exit() ends it. */
static void run_ended(struct run *r)
{
    eddy_loop *loop = r->loop;

    if (!r->in_order)
        left_early(loop->item);
    loop->item = NULL;
    if (loop->backend->ops->leave)
        loop->backend->ops->leave(loop->backend);
    loop->current = NULL;
    loop->stopping = false;
    loop->skips = 0;
    eddyi_loop_set_running(NULL);
    eddyi_loop_forked_task = NULL;
    loop->running = false;
    eddyi_overflow_leave(r->overflow);
}

static int run(eddy_loop *loop)
{
    EDDY_CLEANUP(run_ended) struct run r = {loop, eddyi_overflow_enter(), false};

    pthread_mutex_lock(&loop->mutex); /* see eddy_handle_cancel() */
    loop->thread = pthread_self();
    loop->running = true;
    pthread_mutex_unlock(&loop->mutex);
    loop->run_error = 0;
    loop->tid = (int)eddyi_sys_tid();
    loop->base = __builtin_frame_address(0);
    loop->clock = eddyi_loop_now(loop);
    eddyi_loop_set_running(loop);
    if (eddyi_loop_forked(loop)) /* a signal handler did that just before */
        eddyi_loop_set_running(NULL);
    eddyi_fiber_init_thread(&loop->fiber);
    do
        eddyi_loop_turn(loop);
    while (!loop->stopping);
    r.in_order = true;
    return loop->run_error;
}

struct outside {
    eddy_loop *loop; /* NULL until the run begins */
    struct eddyi_var_scope *vars;
    int cancellable; /* the thread's state of cancellation */
};

static void go_outside(struct outside *o)
{
    int unused;

    if (o->loop)
        pthread_setcancelstate(o->cancellable, &unused);
    eddyi_vars_current = o->vars;
    eddy_loop_unref(o->loop);
}

int eddy_loop_run_forever(eddy_loop *loop)
{
    EDDY_CLEANUP(go_outside) struct outside outside = {NULL, eddyi_vars_current, 0};
    int rc;

    if (eddyi_loop_running || (loop && loop->running))
        return eddy_raise(EDDY_ERUNNING, "cannot run the event loop while another loop is running");
    rc = eddyi_loop_check(loop);
    if (rc < 0)
        return rc;

    outside.loop = eddy_loop_ref(loop); /* a callback may give up the caller's */
    eddyi_vars_current = NULL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &outside.cancellable);
    rc = run(loop);
    eddyi_vars_current = outside.vars;

    if (rc == -EDEADLK && loop->task_hooks)
        rc = loop->task_hooks->explain_deadlock(loop);
    else if (rc == EDDY_EFORKED)
        rc = eddy_raise(
            rc,
            "this process was forked by a task or callback, and has returned to the event loop of "
            "its parent");
    else if (rc < 0)
        rc = eddy_raise(rc, "waiting for events failed");
    return rc;
}

/* Another thread's word wakes a loop that sleeps. */
void eddy_loop_stop(eddy_loop *loop)
{
    atomic_store(&loop->stopping, true);
    if (loop == eddyi_loop_running)
        return;
    pthread_mutex_lock(&loop->mutex); /* one that is being closed keeps its backend meanwhile */
    if (loop->running && !loop->closed)
        loop->backend->ops->wake(loop->backend);
    pthread_mutex_unlock(&loop->mutex);
}
