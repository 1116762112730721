/*
 * Timers, and one turn of the loop after the other.
 */
#include "base/sys.h"
#include "context/overflow.h"
#include "eddy/error.h"
#include "loop/loop.h"

#include <stdio.h>

/* The longest that a backend is asked to wait; the loop then looks again (rule 6). */
static const int64_t MAX_WAIT = 24 * 3600 * INT64_C(1000000000);

EDDYI_THREAD_LOCAL eddy_loop *eddyi_loop_running;

int64_t eddyi_loop_now(const eddy_loop *loop)
{
    return loop->backend->ops->now(loop->backend);
}

int64_t eddyi_nanoseconds(double seconds)
{
    double ns = seconds * 1e9;

    if (ns >= 9.2e18)
        return EDDYI_NEVER;
    if (ns <= -9.2e18)
        return -EDDYI_NEVER;
    return (int64_t)(ns < 0 ? ns - 0.5 : ns + 0.5);
}

int64_t eddyi_deadline(const eddy_loop *loop, double delay)
{
    int64_t ns = eddyi_nanoseconds(delay), now = eddyi_loop_now(loop);

    return ns > EDDYI_NEVER - now ? EDDYI_NEVER : now + ns;
}

int eddyi_timer_start(eddy_loop *loop, struct eddyi_timer *t, int64_t when)
{
    return eddyi_heap_insert(&loop->timers, &t->node, when);
}

void eddyi_timer_stop(eddy_loop *loop, struct eddyi_timer *t)
{
    eddyi_heap_remove(&loop->timers, &t->node);
    eddyi_ready_cancel(&t->ready);
}

/* How long the backend may wait: 0 if there is work, < 0 if only the outside world can bring some. */
static int64_t wait_time(const eddy_loop *loop)
{
    const struct eddyi_heap_node *first = eddyi_heap_first(&loop->timers);
    int64_t left;

    if (!eddyi_list_empty(&loop->ready) || loop->stopping || atomic_load(&loop->any_posted) ||
        atomic_load(&loop->signalled))
        return 0;
    if (!first || first->when == EDDYI_NEVER)
        return -1;
    left = first->when - eddyi_loop_now(loop);
    return left < 0 ? 0 : left < MAX_WAIT ? left : MAX_WAIT;
}

static void take_posted(eddy_loop *loop)
{
    if (!atomic_load_explicit(&loop->any_posted, memory_order_acquire))
        return;
    pthread_mutex_lock(&loop->mutex);
    eddyi_list_move_all(&loop->ready, &loop->posted);
    atomic_store_explicit(&loop->any_posted, false, memory_order_relaxed);
    loop->wake_sent = false;
    pthread_mutex_unlock(&loop->mutex);
}

/* The clock is read once: a timer made meanwhile waits for the next turn (rule 21). */
static void take_matured(eddy_loop *loop)
{
    struct eddyi_heap_node *first = eddyi_heap_first(&loop->timers);
    int64_t now;

    if (!first)
        return;
    now = eddyi_loop_now(loop);
    for (; first && first->when <= now; first = eddyi_heap_first(&loop->timers)) {
        eddyi_heap_remove(&loop->timers, first);
        eddyi_loop_ready(loop, &eddyi_container(first, struct eddyi_timer, node)->ready);
    }
}

static void wait_for_events(eddy_loop *loop)
{
    int rc = loop->backend->ops->wait(loop->backend, wait_time(loop));

    take_posted(loop);
    if (atomic_exchange(&loop->signalled, false) && loop->on_signal)
        loop->on_signal(loop, loop->on_signal_arg);
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
        fprintf(stderr, "eddy: executing %s took %.3f seconds\n", what, (double)took * 1e-9);
}

void eddyi_loop_turn(eddy_loop *loop)
{
    struct eddyi_list *l;

    wait_for_events(loop);
    eddyi_list_move_all(&loop->batch, &loop->ready);
    while ((l = eddyi_list_pop(&loop->batch)) != NULL) {
        if (loop->debug)
            run_and_time(loop, EDDYI_READY(l));
        else
            EDDYI_READY(l)->run(EDDYI_READY(l));
    }
}

void eddyi_loop_signal(eddy_loop *loop)
{
    atomic_store(&loop->signalled, true);
    loop->backend->ops->wake(loop->backend);
}

static int run(eddy_loop *loop)
{
    void *overflow = eddyi_overflow_enter();

    loop->thread = pthread_self();
    loop->running = true;
    loop->run_error = 0;
    eddyi_loop_running = loop;
    eddyi_fiber_init_thread(&loop->fiber);
    do
        eddyi_loop_turn(loop);
    while (!loop->stopping);
    loop->stopping = false;
    eddyi_loop_running = NULL;
    loop->running = false;
    eddyi_overflow_leave(overflow);
    return loop->run_error;
}

int eddy_loop_run_forever(eddy_loop *loop)
{
    struct eddyi_var_scope *vars = eddyi_vars_current;
    int rc;

    if (eddyi_loop_running || (loop && loop->running))
        return eddy_raise(EDDY_ERUNNING, "cannot run the event loop while another loop is running");
    rc = eddyi_loop_check(loop);
    if (rc < 0)
        return rc;

    eddyi_vars_current = NULL;
    rc = run(loop);
    eddyi_vars_current = vars;

    if (rc == -EDEADLK && loop->task_hooks)
        return loop->task_hooks->explain_deadlock(loop);
    return rc < 0 ? eddy_raise(rc, "waiting for events failed") : 0;
}

void eddy_loop_stop(eddy_loop *loop)
{
    loop->stopping = true;
}
