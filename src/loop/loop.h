/*
 * The loop: what is ready, what is due later, and the turn that runs it.
 *
 * One turn: wait for the backend (not at all if something is ready) and let it complete operations;
 * put matured timers on the ready queue; take what the queue holds now and run that, in order. What
 * is scheduled meanwhile waits for the next turn, so no chain of callbacks can starve I/O (rules 1
 * to 8). While there is work, turns of less than a microsecond share one look at the backend and
 * the clock: see share_poll() in turn.c.
 *
 * Everything that can become ready begins with a struct eddyi_ready: callbacks, task steps,
 * done-callbacks. The loop knows callbacks and time; it knows nothing of sockets, and of tasks only
 * which one runs.
 */
#ifndef EDDYI_LOOP_H
#define EDDYI_LOOP_H

#include "backend/backend.h"
#include "base/direct.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/thread.h"
#include "contextvars/contextvars.h"
#include "eddy/loop.h"
#include "fiber/fiber.h"
#include "loop/handle.h"
#include "loop/part.h"
#include "loop/ready.h"
#include "loop/tasks.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * Looks on as the loop runs: the test kit, which cancels tasks at chosen moments and puts what is
 * ready in another order.
 */
enum eddyi_sight {
    EDDYI_SEES_TURN, /* a turn begins; it has not looked for events yet */
    /* loop->schedule.batch has the items that the turn will run, and may be reordered */
    EDDYI_SEES_BATCH,
    /* @item is the first of the batch, and runs next unless it is now taken out of it */
    EDDYI_SEES_NEXT,
    EDDYI_SEES_ITEM, /* @item is off the batch and about to run */
};

struct eddyi_observer {
    void (*see)(struct eddyi_observer *o, eddy_loop *loop, enum eddyi_sight sight,
                struct eddyi_ready *item);
};

/* What has its turn, and when. */
struct eddyi_schedule {
    struct eddyi_list ready;  /* waits for the next turn */
    struct eddyi_list batch;  /* what this turn still has to run */
    struct eddyi_ready *item; /* taken from the batch, and running; NULL: the loop polls */
    struct eddyi_heap timers;
    uint64_t turns;
    int64_t clock;           /* the time as of its latest reading, once in a poll */
    int64_t polled_at;       /* the clock at the latest poll of the backend */
    unsigned turns_per_poll; /* at least 1 */
    unsigned turns_left;     /* turns that may still begin without a poll */
};

/* What other threads write to. */
struct eddyi_inbox {
    pthread_mutex_t mutex; /* guards the slots, and closed while other threads may look */
    struct eddyi_handle_depot slots;
    char apart[64]; /* what follows is written by other threads than what precedes */
    _Atomic(struct eddyi_list *) newest; /* ready items, the latest first: see post.c */
};

/* Spinning before a sleep: see turn.c. */
struct eddyi_spin {
    bool enabled;         /* there is more than one processor, and time is real */
    unsigned char budget; /* so many more waits begin with it: posts came lately */
};

struct eddyi_loop_signal {
    atomic_bool came;                            /* a signal handler asks for the next turn */
    void (*handler)(eddy_loop *loop, void *arg); /* called then; NULL: nothing */
    void *handler_arg;
    struct eddyi_signals *subscriptions; /* of signal.c: NULL until there was one */
};

struct eddyi_loop_report {
    double slow_callback_duration;
    eddy_exception_handler *handler;
    void *handler_arg;
};

/* For debuggers, other processes, the dump signal: loop/registry.h. */
struct eddyi_loop_introspection {
    _Atomic(eddy_loop *) next;
    atomic_bool dump_wanted; /* the dump signal came */
    atomic_bool asleep;      /* it waits in the kernel */
    unsigned number;         /* 1 is the process's first */
    /* the kernel's number of the thread that runs it, or ran it last; 0: never run */
    atomic_int tid;
    const char *stack_base; /* its frames on that thread's stack are below */
};

struct eddy_loop {
    atomic_uint refs; /* the users'; with the last the loop is closed */
    /* what keeps the struct: futures and their kind, all users together */
    atomic_uint holds;
    /* what its thread took, less what it released, since it runs the loop */
    unsigned holds_here;
    atomic_bool running, closed; /* read by other threads, to refuse them */
    atomic_bool stopping;        /* other threads may ask for it */
    bool debug;
    /* closed, and what was queued was dropped: nothing may be queued any more */
    bool drained;
    pthread_t thread; /* the one that made it, or the latest that ran it */
    /* eddyi_fork_number when it was made; another value means a forked child */
    unsigned fork_number;

    struct eddyi_schedule schedule;
    int run_error; /* why the run ends early, < 0; 0 otherwise */

    struct eddyi_backend *backend;
    char backend_reason[160];

    struct eddyi_observer *observer; /* NULL: nobody looks on */
    /* debug mode, or an observer: each item goes through the loop */
    bool watched;
    struct eddyi_fiber fiber; /* the loop's own flow of control, while a task runs */

    struct eddyi_loop_tasks tasks;
    struct eddyi_list parts;

    struct eddyi_handle_pool soon, later; /* free slots, of the loop's thread */
    struct eddyi_inbox inbox;
    struct eddyi_spin spin;
    /* completions that other threads owe; meanwhile virtual time stands still */
    unsigned expected;
    /* Once a run is over: how long its connections may wait for their peers, in nanoseconds; 0
     * before. */
    int64_t patience;

    struct eddyi_loop_signal signal;
    struct eddyi_loop_report report;
    struct eddyi_loop_introspection introspection;
};

/* Whether a loop of this process is, or was, in debug mode. */
extern atomic_bool eddyi_loop_debugged;

static inline bool eddyi_loop_any_debugged(void)
{
    return __builtin_expect(atomic_load_explicit(&eddyi_loop_debugged, memory_order_relaxed), 0);
}

/* Makes a loop, as eddy_loop_new() documents. */
eddy_loop *eddyi_loop_new(const eddy_loop_options *options);

void eddyi_loop_set_observer(eddy_loop *loop, struct eddyi_observer *observer);

/* Shows the observer, if there is one, what happens. */
static inline void eddyi_loop_observe(eddy_loop *loop, enum eddyi_sight sight,
                                      struct eddyi_ready *item)
{
    if (loop->observer)
        loop->observer->see(loop->observer, loop, sight, item);
}

/* The loop that runs in this thread. */
extern EDDYI_THREAD_LOCAL eddy_loop *eddyi_loop_running;

/* Whether it runs in another thread, so that nothing of it may be touched here. */
static inline bool eddyi_loop_elsewhere(const eddy_loop *loop)
{
    return loop->running && eddyi_loop_running != loop;
}

/* Appends to the ready queue. Only from the loop's thread. */
static inline void eddyi_loop_ready(eddy_loop *loop, struct eddyi_ready *r)
{
    EDDYI_ASSERT(!eddyi_loop_elsewhere(loop) && "only the thread that runs the loop queues");
    eddyi_list_append(&loop->schedule.ready, &r->link);
}

/*
 * The same from any thread; wakes the loop if it sleeps. 0, or EDDY_ECLOSED, EDDY_EFORKED without a
 * word raised: then the item was not taken. An item that was taken runs even if the loop is closed
 * first, while closing. The second is for a thread that does not run the loop, after no fork.
 */
int eddyi_loop_post(eddy_loop *loop, struct eddyi_ready *r);
int eddyi_loop_post_elsewhere(eddy_loop *loop, struct eddyi_ready *r);

/* Whether there are items that were posted and not taken. This and what follows: only from the
 * loop's thread, while it is awake. */
static inline bool eddyi_loop_posted(const eddy_loop *loop)
{
    return atomic_load_explicit(&loop->inbox.newest, memory_order_relaxed) != NULL;
}

/* Takes what was posted onto the ready queue; the second for the last time: the loop is closed
 * then. */
void eddyi_loop_take_posted(eddy_loop *loop);
void eddyi_loop_close_inbox(eddy_loop *loop);

/* Between the two, who posts wakes the loop. False: something was posted, so it is not asleep. */
EDDYI_DIRECT bool eddyi_loop_fall_asleep(eddy_loop *loop);
EDDYI_DIRECT void eddyi_loop_wake_up(eddy_loop *loop);

#define EDDYI_NEVER INT64_MAX

/* Reads the loop's clock, in nanoseconds. */
int64_t eddyi_loop_now(const eddy_loop *loop);

/* Converts seconds to nanoseconds, saturated. NaN is the caller's to refuse. */
EDDYI_DIRECT int64_t eddyi_nanoseconds(double seconds);

/* Adds nanoseconds to a time, saturated. */
static inline int64_t eddyi_time_after(int64_t now, int64_t delay)
{
    return delay > EDDYI_NEVER - now ? EDDYI_NEVER : now + delay;
}

/*
 * Start a timer: its ready item is queued at @when, or @delay nanoseconds from now. @now is the
 * caller's latest reading of the clock: a timer that is due by then runs in the next turn, though
 * that one might have shared a poll. Return 0 or -ENOMEM (the heap has to grow). The struct lives
 * in the storage of its user.
 */
EDDYI_DIRECT int eddyi_timer_start(eddy_loop *loop, struct eddyi_timer *t, int64_t when,
                                   int64_t now);
EDDYI_DIRECT int eddyi_timer_start_after(eddy_loop *loop, struct eddyi_timer *t, int64_t delay);

/* Stops a timer; harmless if it does not run. */
EDDYI_DIRECT void eddyi_timer_stop(eddy_loop *loop, struct eddyi_timer *t);

/* How often this process forked from one that had loops: 0 in the first. */
extern unsigned eddyi_fork_number;
void eddyi_watch_forks(void); /* has it counted from now on */

/* In a child of fork(), until the run of its parent's loop has ended here: the task that forked, if
 * it was one. */
extern EDDYI_THREAD_LOCAL eddy_task *eddyi_loop_forked_task;

/* In such a child, for each loop of the parent's. */
void eddyi_loop_leave_behind(eddy_loop *loop);

/* Whether this is a child of fork(), and the loop its parent's: nothing may be done to what belongs
 * to it. */
static inline bool eddyi_loop_forked(const eddy_loop *loop)
{
    return loop->fork_number != eddyi_fork_number;
}

/* Slow path of eddyi_loop_check(). */
int eddyi_loop_check_slow(const eddy_loop *loop);

/*
 * Whether it is the one that runs here, and may be used. In a child of fork() none runs that was
 * made before it, see after_fork_in_child().
 */
static inline bool eddyi_loop_is_here(const eddy_loop *loop)
{
    return loop && loop == eddyi_loop_running && !loop->closed;
}

/*
 * 0 if the loop may be used here; else EDDY_ECLOSED, EDDY_EFORKED, EDDY_ETHREAD, as a raised error.
 * NULL is EDDY_ENOLOOP.
 */
static inline int eddyi_loop_check(const eddy_loop *loop)
{
    return eddyi_loop_is_here(loop) ? 0 : eddyi_loop_check_slow(loop);
}

/*
 * Exceptions of C++ (docs/cxx.md). One that leaves a callback ends the run and reaches its caller:
 * the callback of a handle, or of an item whose clean-up has noted here that it was done. Any other
 * ends the process, for what it passes through would be left as it is.
 */
extern EDDYI_THREAD_LOCAL const struct eddyi_ready *eddyi_cleaned_up;

/* One turn, as described above. */
EDDYI_DIRECT void eddyi_loop_turn(eddy_loop *loop);

/* Whether the next turn has something to run and needs no look at the backend. */
static inline bool eddyi_loop_may_turn_quickly(const eddy_loop *loop)
{
    return loop->schedule.turns_left > 0 && !eddyi_list_empty(&loop->schedule.ready) &&
           !loop->stopping && !eddyi_loop_posted(loop) &&
           !atomic_load_explicit(&loop->signal.came, memory_order_relaxed);
}

/* Counts such a turn. */
static inline void eddyi_loop_skip_look(eddy_loop *loop)
{
    loop->schedule.turns_left--;
    loop->schedule.turns++;
}

/*
 * Begins such a turn by taking the first item off the ready queue; the rest becomes the batch,
 * which was empty. Where two tasks alternate there is no rest, and what was moved would have to be
 * read back.
 */
static inline void eddyi_loop_begin_quick_turn(eddy_loop *loop)
{
    eddyi_loop_skip_look(loop);
    eddyi_list_move_rest(&loop->schedule.batch, &loop->schedule.ready);
}

/* Has on_signal() called at the start of the next turn. For signal handlers, from any thread. */
void eddyi_loop_signal(eddy_loop *loop);

/*
 * Keeps the loop in memory, not open: what belongs to the loop holds it so, or tasks that never end
 * would keep their own loop from closing. The thread that runs it counts apart, without the 5 ns of
 * an atomic operation; who runs it has a reference, so that the struct stays. When the run is over
 * both counts are added up.
 */
static inline eddy_loop *eddyi_loop_hold(eddy_loop *loop)
{
    if (eddyi_loop_running == loop)
        loop->holds_here++;
    else
        atomic_fetch_add_explicit(&loop->holds, 1, memory_order_relaxed);
    return loop;
}

/* Slow path of eddyi_loop_release(): for another thread than the loop's. */
void eddyi_loop_release_slow(eddy_loop *loop);

static inline void eddyi_loop_release(eddy_loop *loop)
{
    if (eddyi_loop_running == loop)
        loop->holds_here--;
    else
        eddyi_loop_release_slow(loop);
}

/* Says which loop runs in this thread from now on, or NULL: none. */
void eddyi_loop_set_running(eddy_loop *loop);

#endif
