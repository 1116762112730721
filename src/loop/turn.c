/*
 * Timers, and the turns of the loop.
 */
#include "base/log.h"
#include "base/sys.h"
#include "base/unguarded.h"
#include "eddy/binding.h"
#include "eddy/error.h"
#include "fiber/overflow.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "loop/urgent.h"

#include <stdio.h>
#include <stdlib.h>

/* The longest wait that is requested of a backend, in nanoseconds; the loop then looks again (rule
 * 6). */
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

EDDYI_DIRECT int eddyi_timer_start(eddy_loop *loop, struct eddyi_timer *t, int64_t when)
{
    loop->schedule.turns_left = 0; /* from now on each turn looks at the clock */
    return eddyi_heap_insert(&loop->schedule.timers, &t->node, when);
}

EDDYI_DIRECT int eddyi_timer_start_after(eddy_loop *loop, struct eddyi_timer *t, int64_t delay)
{
    return eddyi_timer_start(loop, t, eddyi_time_after(eddyi_loop_now(loop), delay));
}

EDDYI_DIRECT void eddyi_timer_stop(eddy_loop *loop, struct eddyi_timer *t)
{
    eddyi_heap_remove(&loop->schedule.timers, &t->node);
    eddyi_ready_cancel(&t->ready);
}

/* Returns how long the backend may wait: 0 if there is work, < 0 if only the outside world can
 * bring some. */
static int64_t wait_time(const eddy_loop *loop)
{
    int64_t first = eddyi_heap_first_when(&loop->schedule.timers), left;

    if (!eddyi_list_empty(&loop->schedule.ready) || loop->stopping || eddyi_loop_posted(loop) ||
        atomic_load(&loop->signal.came))
        return 0;
    if (first == EDDYI_NEVER)
        return -1;
    left = first - eddyi_loop_now(loop);
    return left < 0 ? 0 : left < MAX_WAIT ? left : MAX_WAIT;
}

/* The number of timers that are taken at a time. */
enum { MANY_TIMERS = 64 };

/*
 * Puts timers that are due at *until on the ready queue. Returns whether there may be more; then
 * *until is the deadline of the last one taken.
 *
 * Each timer may lie on a page that has not been touched for a long time, that of the sleeping
 * task. So the timers are touched one after the other, which the processor overlaps, and not
 * between moves of the heap: with 100 000 sleeping tasks, a wake-up costs 0.7 us instead of 0.95
 * us.
 */
static bool take_some(eddy_loop *loop, int64_t *until)
{
    struct eddyi_heap *timers = &loop->schedule.timers;
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
 * Puts the timers that are due on the ready queue.
 *
 * All are compared to one reading of the clock: a timer made meanwhile waits for the next turn
 * (rule 21). If very many are due, the rest is left to the next turn, as if the clock had been read
 * a little earlier, so that the memory that one turn has touched is still in the cache when the
 * next turn runs the tasks: this once saved 1.0 us of 1.6 us a wake-up. Timers with equal deadlines
 * stay together.
 */
static void take_matured(eddy_loop *loop)
{
    int64_t until = loop->schedule.clock, first = eddyi_heap_first_when(&loop->schedule.timers);

    if (first == EDDYI_NEVER)
        return;
    loop->schedule.turns_left = 0; /* each turn looks at the clock */
    if (first > until)
        return;
    while (take_some(loop, &until))
        continue;
    if (eddyi_heap_first_when(&loop->schedule.timers) <= loop->schedule.clock)
        eddyi_loop_poll_next(loop);
}

/*
 * Spinning: a loop that will soon have work again looks for it instead of going to sleep.
 *
 * To put a thread to sleep and wake it takes 20 to 40 us on an idle processor of a virtual machine,
 * and the thread that wakes it pays for a system call. So
 *
 *   - while posts of other threads come in quick succession, the loop spins for the next one for
 *     about the time that a sleep takes; it then sees a post in less than a microsecond. After a
 *     few waits in a row that spin in vain it stops, so a loop without posts never spins; nor does
 *     a loop on the only processor, which the poster needs;
 *   - the loop waits awake for a timer that is due before a sleep could be over, unless time is
 *     virtual.
 */
enum {
    SPIN_FOR_POSTS = 50000,   /* nanoseconds */
    SPIN_FOR_A_TIMER = 20000, /* nanoseconds */
    SPIN_BUDGET = 4,          /* successive waits that may spin in vain */
    LOOKS_PER_POLL = 64       /* looks at the inbox between two polls of the kernel: 1 to 2 us */
};

static bool has_news(eddy_loop *loop)
{
    return eddyi_loop_posted(loop) ||
           atomic_load_explicit(&loop->signal.came, memory_order_relaxed);
}

/* Returns whether a wait of @timeout nanoseconds begins with spinning. */
static bool would_spin(const eddy_loop *loop, int64_t timeout)
{
    bool brief = timeout >= 0 && timeout < SPIN_FOR_A_TIMER;

    return loop->spin.budget > 0 || (brief && !eddyi_backend_is_virtual(loop->backend));
}

static void look_for_news(eddy_loop *loop)
{
    eddyi_backend_before_wait(loop->backend);
    for (int i = 0; i < LOOKS_PER_POLL && !has_news(loop); i++)
        eddyi_sys_relax();
    eddyi_backend_after_wait(loop->backend);
}

/* Polls until there is work, for @timeout nanoseconds or SPIN_FOR_POSTS at most. @begin is the
 * present time. Returns the result of ops->wait(). */
static int spin(eddy_loop *loop, int64_t begin, int64_t timeout)
{
    int64_t end = begin + (timeout >= 0 && timeout < SPIN_FOR_POSTS ? timeout : SPIN_FOR_POSTS);
    int rc = 0;

    if (loop->spin.budget > 0)
        loop->spin.budget--;
    do {
        look_for_news(loop);
        if (!has_news(loop))
            rc = loop->backend->ops->wait(loop->backend, 0);
    } while (rc == 0 && !has_news(loop) && eddyi_list_empty(&loop->schedule.ready) &&
             eddyi_loop_now(loop) < end);
    if (has_news(loop))
        loop->spin.budget = SPIN_BUDGET;
    return rc;
}

/* Renews the budget if posts ended the sleep begun at @since, which spinning would have avoided. */
static void slept(eddy_loop *loop, int64_t since)
{
    if (loop->spin.enabled && eddyi_loop_posted(loop) &&
        eddyi_loop_now(loop) - since < SPIN_FOR_POSTS)
        loop->spin.budget = SPIN_BUDGET;
}

static int sleep_until_woken(eddy_loop *loop, int64_t timeout)
{
    const struct eddyi_backend_ops *ops = loop->backend->ops;
    int rc;

    if (!eddyi_loop_fall_asleep(loop))
        return ops->wait(loop->backend, 0);
    atomic_store_explicit(&loop->introspection.asleep, true, memory_order_relaxed);
    if (loop->expected > 0 && eddyi_backend_is_virtual(loop->backend))
        rc = ops->wait_for_wake(loop->backend);
    else
        rc = ops->wait(loop->backend, timeout);
    atomic_store_explicit(&loop->introspection.asleep, false, memory_order_relaxed);
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
    if (would_spin(loop, timeout)) {
        rc = spin(loop, begin, timeout);
        timeout = rc == 0 ? wait_time(loop) : 0;
    }
    if (timeout != 0) {
        rc = sleep_until_woken(loop, timeout);
        slept(loop, begin);
    }
    return rc;
}

/*
 * Decides how many turns share the poll that was just made. A poll costs 150 ns (a system call and
 * the clock), a switch between two tasks 8 ns; so one poll serves as many turns as fit into QUICK,
 * at the present pace. Longer turns poll once each, as in asyncio. If turns suddenly become slow,
 * MAX_TURNS of them pass before the loop notices. While there are timers, each turn without a poll
 * reads the clock (25 ns), so that a timer that became due during a long callback is not late.
 */
enum { QUICK = 2000 /* nanoseconds */, MAX_TURNS = 64 };

static void share_poll(eddy_loop *loop)
{
    struct eddyi_schedule *s = &loop->schedule;
    int64_t took = s->clock - s->polled_at;

    s->polled_at = s->clock;
    if (took < QUICK)
        s->turns_per_poll = s->turns_per_poll < MAX_TURNS ? 2 * s->turns_per_poll : MAX_TURNS;
    else
        s->turns_per_poll = (unsigned)(s->turns_per_poll * (uint64_t)QUICK / (uint64_t)took);
    if (s->turns_per_poll == 0 || loop->watched ||
        eddyi_backend_is_virtual(loop->backend)) /* virtual time must not stand still */
        s->turns_per_poll = 1;
    s->turns_left = s->turns_per_poll - 1;
    s->shared_until = s->turns + s->turns_per_poll;
}

/* Slow path of may_turn_timed(). */
EDDY_COLD __attribute__((noinline)) static bool look_at_clock(eddy_loop *loop)
{
    struct eddyi_schedule *s = &loop->schedule;
    int64_t first = eddyi_heap_first_when(&s->timers);

    if (first != EDDYI_NEVER) {
        s->clock = eddyi_loop_now(loop);
        if (s->clock >= first)
            return false;
    }
    s->turns_left = first == EDDYI_NEVER ? (unsigned)(s->shared_until - s->turns) - 1 : 1;
    if (eddyi_loop_may_turn_quickly(loop))
        return true;
    s->turns_left = 0;
    return false;
}

/* Returns whether the next turn has an item to run and needs no poll, since no timer is due. */
static inline bool may_turn_timed(eddy_loop *loop)
{
    return loop->schedule.turns + 1 < loop->schedule.shared_until && look_at_clock(loop);
}

EDDYI_THREAD_LOCAL const struct eddyi_ready *eddyi_cleaned_up;

/* Handles an exception, or pthread_exit(), that has left the running item @r (NULL: a completion).
 * An item that has cleaned up after itself may be freed by now. */
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

    loop->schedule.turns++;
    loop->schedule.clock = eddyi_loop_now(loop);
    share_poll(loop);
    if (eddyi_loop_posted(loop))
        eddyi_loop_take_posted(loop);
    if (atomic_load_explicit(&loop->signal.came, memory_order_relaxed) &&
        atomic_exchange(&loop->signal.came, false))
        eddyi_signals_notice(loop);
    take_matured(loop);

    if (rc == -EDEADLK && !eddyi_list_empty(&loop->schedule.ready))
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

    if (loop->tasks.hooks)
        loop->tasks.hooks->describe_ready(r, what, sizeof what);
    r->run(r);
    took = eddyi_sys_now() - begin;
    if ((double)took * 1e-9 >= loop->report.slow_callback_duration)
        eddyi_log(EDDY_LOG_INFO, "executing %s took %.3f seconds", what, (double)took * 1e-9);
}

/* The age, in nanoseconds, at which an urgent item no longer waits for the end of the turn. */
enum { URGENT_AGE = 50000 };

/* The urgent item of the loop that runs in this thread. Meanwhile the loop is watched, so it runs
 * each item itself; the turns of other loops need not look. */
static EDDYI_THREAD_LOCAL struct {
    struct eddyi_ready *item; /* NULL: none */
    int64_t since;            /* when it was added, in the system's time */
} urgent;

static void no_longer_urgent(eddy_loop *loop)
{
    urgent.item = NULL;
    loop->watched = loop->debug || loop->observer;
}

void eddyi_loop_soon_in_turn(eddy_loop *loop, struct eddyi_ready *r)
{
    EDDYI_ASSERT(loop == eddyi_loop_running && !urgent.item);
    eddyi_loop_at_turn_end(loop, r);
    urgent.item = r;
    urgent.since = eddyi_sys_now();
    loop->watched = true;
}

void eddyi_loop_not_in_turn(eddy_loop *loop, struct eddyi_ready *r)
{
    eddyi_ready_cancel(r);
    if (urgent.item == r)
        no_longer_urgent(loop);
}

static void run_urgent(eddy_loop *loop)
{
    struct eddyi_ready *r = urgent.item;

    no_longer_urgent(loop);
    eddyi_ready_cancel(r);
    loop->schedule.item = r;
    r->run(r);
    loop->schedule.item = NULL;
}

static void run_watched(eddy_loop *loop, struct eddyi_ready *r)
{
    eddyi_loop_observe(loop, EDDYI_SEES_ITEM, r);
    if (loop->debug)
        run_and_time(loop, r);
    else
        r->run(r);
    if (urgent.item && eddyi_sys_now() - urgent.since >= URGENT_AGE)
        run_urgent(loop);
}

/* Takes the next item of the batch. The observer may take the first one out, as an earlier callback
 * could have; then the one after it is next. */
__attribute__((always_inline)) static inline struct eddyi_ready *next_of_batch(eddy_loop *loop)
{
    struct eddyi_list *l;

    if (loop->observer && !eddyi_list_empty(&loop->schedule.batch))
        eddyi_loop_observe(loop, EDDYI_SEES_NEXT, EDDYI_READY(loop->schedule.batch.next));
    l = eddyi_list_pop(&loop->schedule.batch);
    return l ? EDDYI_READY(l) : NULL;
}

/* Runs the items of the end of a turn. Returns whether the run goes on. */
EDDY_COLD static bool end_turn(eddy_loop *loop)
{
    bool stopping = loop->stopping;
    struct eddyi_ready *r;

    no_longer_urgent(loop);
    eddyi_list_move_all(&loop->schedule.batch, &loop->schedule.last);
    while ((r = next_of_batch(loop)) != NULL) {
        loop->schedule.item = r;
        if (loop->watched)
            run_watched(loop, r);
        else
            r->run(r);
    }
    loop->schedule.item = NULL;
    if (loop->stopping != stopping)
        loop->broken = true; /* this was the end of the last turn */
    return loop->stopping == stopping && eddyi_loop_running == loop;
}

EDDYI_UNGUARDED __attribute__((noinline)) static void loop_turn(eddy_loop *loop)
{
    struct eddyi_ready *r;

    eddyi_loop_observe(loop, EDDYI_SEES_TURN, NULL);
    if (!eddyi_list_empty(&loop->schedule.ready) &&
        (eddyi_loop_may_turn_quickly(loop) || may_turn_timed(loop))) {
        eddyi_loop_skip_look(loop);
    } else {
        if (__builtin_expect(!eddyi_list_empty(&loop->schedule.last), false) && !end_turn(loop))
            return;
        wait_for_events(loop);
        if (eddyi_loop_running != loop) /* this is a child that a signal handler forked */
            return;
    }
    eddyi_list_move_all(&loop->schedule.batch, &loop->schedule.ready);
    eddyi_loop_observe(loop, EDDYI_SEES_BATCH, NULL);
    while ((r = next_of_batch(loop)) != NULL) {
        loop->schedule.item = r;
        if (loop->watched)
            run_watched(loop, r);
        else
            r->run(r);
    }
    loop->schedule.item = NULL;
}

void eddyi_loop_signal(eddy_loop *loop)
{
    atomic_store(&loop->signal.came, true);
    loop->backend->ops->wake(loop->backend);
}

struct run {
    eddy_loop *loop;
    void *overflow;
    bool in_order;              /* the run has ended without an exception */
    struct eddyi_forked forked; /* from before it */
};

/* Ends the run, also when an exception or pthread_exit() has left it. */
static void run_ended(struct run *r)
{
    eddy_loop *loop = r->loop;

    if (!r->in_order)
        left_early(loop->schedule.item);
    loop->schedule.item = NULL;
    if (loop->backend->ops->leave)
        loop->backend->ops->leave(loop->backend);
    loop->tasks.current = NULL;
    loop->stopping = loop->broken = false;
    eddyi_loop_poll_next(loop);
    eddyi_loop_set_running(NULL);
    eddyi_forked = r->forked;
    loop->running = false;
    eddyi_overflow_leave(r->overflow);
}

static int run(eddy_loop *loop)
{
    EDDY_CLEANUP(run_ended)
    struct run r = {loop, loop->no_fault_handler ? NULL : eddyi_overflow_enter(), false,
                    eddyi_forked};

    /* eddy_loop_stop() reads `running` with the mutex held */
    pthread_mutex_lock(&loop->inbox.mutex);
    loop->thread = pthread_self();
    loop->running = true;
    pthread_mutex_unlock(&loop->inbox.mutex);
    loop->run_error = 0;
    urgent.item = NULL; /* that of a run that an exception has left */
    loop->introspection.tid = (int)eddyi_sys_tid();
    loop->introspection.stack_base = __builtin_frame_address(0);
    loop->schedule.clock = eddyi_loop_now(loop);
    eddyi_loop_set_running(loop);
    if (eddyi_loop_forked(loop)) /* a signal handler has forked just before */
        eddyi_loop_set_running(NULL);
    eddyi_fiber_init_thread(&loop->fiber);
    do
        loop_turn(loop);
    while (!loop->stopping);
    if (urgent.item)
        run_urgent(loop);
    if (!eddyi_list_empty(&loop->schedule.last) && !loop->broken)
        end_turn(loop);
    r.in_order = true;
    return loop->run_error;
}

struct outside {
    eddy_loop *loop; /* NULL until the run begins */
    struct eddyi_var_scope *vars;
    int cancellable; /* the thread's former cancel state */
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

    outside.loop = eddy_loop_ref(loop); /* a callback may drop the caller's reference */
    eddyi_vars_current = NULL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &outside.cancellable);
    rc = run(loop);
    eddyi_vars_current = outside.vars;

    if (rc == -EDEADLK && loop->tasks.hooks)
        rc = loop->tasks.hooks->explain_deadlock(loop);
    else if (rc == EDDY_EFORKED)
        rc = eddy_raise(
            rc,
            "this process was forked by a task or callback, and has returned to the event loop of "
            "its parent");
    else if (rc < 0)
        rc = eddy_raise(rc, "waiting for events failed");
    return rc;
}

static void break_off(eddy_loop *loop)
{
    struct eddyi_schedule *s = &loop->schedule;

    eddyi_list_move_all(&s->batch, &s->ready);
    eddyi_list_move_all(&s->ready, &s->batch);
    loop->broken = true;
    loop->stopping = true;
}

static void run_break(struct eddyi_ready *r)
{
    break_off(eddyi_container(r, eddy_loop, schedule.breaks));
}

/* Called from a completion, in the middle of a poll, it takes effect before the next item. */
int eddy_loop_break(eddy_loop *loop)
{
    struct eddyi_ready *breaks;

    if (!loop || loop != eddyi_loop_running) {
        int rc = eddyi_loop_check(loop);

        return rc < 0 ? rc : eddy_raise(EDDY_EMISUSE, "the loop does not run");
    }
    breaks = &loop->schedule.breaks;
    if (loop->schedule.item) {
        break_off(loop);
    } else if (eddyi_list_empty(&breaks->link)) {
        breaks->run = run_break;
        eddyi_list_append(loop->schedule.ready.next, &breaks->link);
    }
    return 0;
}

/* Stops the loop. A call from another thread wakes a loop that sleeps. */
void eddy_loop_stop(eddy_loop *loop)
{
    atomic_store(&loop->stopping, true);
    if (loop == eddyi_loop_running)
        return;
    pthread_mutex_lock(&loop->inbox.mutex); /* keeps the backend of a loop that is being closed */
    if (loop->running && !loop->closed)
        loop->backend->ops->wake(loop->backend);
    pthread_mutex_unlock(&loop->inbox.mutex);
}
