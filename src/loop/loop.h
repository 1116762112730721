/*
 * The loop: the ready items, the timers, and the turn that runs them.
 *
 * One turn: wait for the backend (not at all if an item is ready) and let it complete operations;
 * put matured timers on the ready queue; take the items that the queue holds now and run them, in
 * order. Items that are scheduled meanwhile wait for the next turn, so no chain of callbacks can
 * starve I/O (rules 1 to 8). While there is work, turns of less than a microsecond share one poll
 * of the backend and one reading of the clock: see share_poll() in turn.c.
 *
 * Every item begins with a struct eddyi_ready: callbacks, task steps, done-callbacks. The loop
 * knows callbacks and time; it knows nothing of sockets, and of tasks only which one runs.
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
 * The events that an observer of the loop sees: the test kit, which cancels tasks at chosen moments
 * and reorders the ready items.
 */
enum eddyi_sight {
    EDDYI_SEES_TURN, /* a turn begins; it has not polled yet */
    /* loop->schedule.batch has the items that the turn will run, and may be reordered */
    EDDYI_SEES_BATCH,
    /*
     * @item is the first of the batch, and runs next unless it is now removed
     */
    EDDYI_SEES_NEXT,
    EDDYI_SEES_ITEM, /* @item is off the batch and about to run */
};

struct eddyi_observer {
    void (*see)(struct eddyi_observer *o, eddy_loop *loop, enum eddyi_sight sight,
                struct eddyi_ready *item);
};

/* The items to run, and their times. */
struct eddyi_schedule {
    struct eddyi_list ready;   /* items that wait for the next turn */
    struct eddyi_list batch;   /* items that this turn still has to run */
    struct eddyi_list last;    /* items that run at the end of this turn, before the next poll */
    struct eddyi_ready *item;  /* taken from the batch, and running; NULL: the loop polls */
    struct eddyi_ready breaks; /* breaks off the run, at the head of the queue */
    struct eddyi_heap timers;
    uint64_t turns;
    int64_t clock;           /* the time at its latest reading, once in a poll */
    int64_t polled_at;       /* the clock at the latest poll of the backend */
    unsigned turns_per_poll; /* at least 1 after a poll */
    unsigned turns_left;     /* turns that may still begin without a poll or a look at the clock */
    uint64_t shared_until; /* before that turn, a look at the clock can take the place of a poll */
};

/* The fields that other threads write. */
struct eddyi_inbox {
    pthread_mutex_t mutex; /* guards the slots, and closed while other threads may read it */
    struct eddyi_handle_depot slots;
    char apart[64]; /* separates the fields before and after, which different threads write */
    _Atomic(struct eddyi_list *) newest; /* posted ready items, the latest first: see post.c */
};

/* Spinning before a sleep: see turn.c. */
struct eddyi_spin {
    bool enabled; /* there is more than one processor, and time is real */
    /* number of further waits that begin with spinning, since posts came lately */
    unsigned char budget;
};

struct eddyi_loop_signal {
    atomic_bool came;                            /* a signal handler requests the next turn */
    void (*handler)(eddy_loop *loop, void *arg); /* called then; NULL: nothing is */
    void *handler_arg;
    struct eddyi_signals *subscriptions; /* of signal.c; NULL until the first subscription */
};

struct eddyi_loop_report {
    double slow_callback_duration;
    eddy_exception_handler *handler;
    void *handler_arg;
};

/* For debuggers, other processes and the dump signal: loop/registry.h. */
struct eddyi_loop_introspection {
    _Atomic(eddy_loop *) next;
    atomic_bool dump_wanted; /* the dump signal arrived */
    atomic_bool asleep;      /* the loop waits in the kernel */
    unsigned number;         /* 1 for the first loop of the process */
    /* the kernel's number of the thread that runs the loop, or ran it last; 0: it never ran */
    atomic_int tid;
    const char *stack_base; /* its frames on that thread's stack are below */
};

struct eddy_loop {
    atomic_uint refs; /* references of users; the last one closes the loop */
    /* references that keep only the struct: those of futures and the like, and one for all users */
    atomic_uint holds;
    /* references that the loop's thread took, minus those it dropped, in the present run */
    unsigned holds_here;
    atomic_bool running, closed; /* read by other threads, to refuse their calls */
    atomic_bool stopping;        /* other threads may set it */
    bool broken;                 /* eddy_loop_break() has ended the run */
    bool debug;
    bool no_fault_handler; /* an option */
    /* closed, and the queued items were dropped: no item may be queued any more */
    bool drained;
    pthread_t thread; /* the thread that made the loop, or the latest that ran it */
    /* eddyi_fork_number when the loop was made; another value means a forked child */
    unsigned fork_number;

    struct eddyi_schedule schedule;
    int run_error; /* the error that ends the run early, < 0; 0: none */

    struct eddyi_backend *backend;
    char backend_reason[160];

    struct eddyi_observer *observer; /* NULL: there is no observer */
    /* debug mode, or an observer: each item is run by the loop itself */
    bool watched;
    struct eddyi_fiber fiber; /* the loop's own flow of control, while a task runs */

    struct eddyi_loop_tasks tasks;
    struct eddyi_list parts;

    struct eddyi_handle_pool soon, later; /* free slots of the loop's thread */
    struct eddyi_inbox inbox;
    struct eddyi_spin spin;
    /*
     * completions that other threads still have to deliver; virtual time does not advance meanwhile
     */
    unsigned expected;
    /*
     * Once a run is over: the time for which its connections may wait for their peers, in
     * nanoseconds; 0 before.
     */
    int64_t patience;

    struct eddyi_loop_signal signal;
    struct eddyi_loop_report report;
    struct eddyi_loop_introspection introspection;
};

/* Set once any loop of this process has been in debug mode. */
extern atomic_bool eddyi_loop_debugged;

static inline bool eddyi_loop_any_debugged(void)
{
    return __builtin_expect(atomic_load_explicit(&eddyi_loop_debugged, memory_order_relaxed), 0);
}

/* Makes a loop, as eddy_loop_new() documents. */
eddy_loop *eddyi_loop_new(const eddy_loop_options *options);

/* Returns whether any loop of this process keeps awaitables that were freed; in the tests' library
 * all do. */
static inline bool eddyi_loop_any_keeps(void)
{
#ifdef EDDY_FAULTS
    return true;
#else
    return eddyi_loop_any_debugged();
#endif
}

static inline bool eddyi_loop_keeps(const eddy_loop *loop)
{
    return loop->debug || loop->tasks.keeps;
}

void eddyi_loop_set_observer(eddy_loop *loop, struct eddyi_observer *observer);

/* Calls the observer, if there is one. */
static inline void eddyi_loop_observe(eddy_loop *loop, enum eddyi_sight sight,
                                      struct eddyi_ready *item)
{
    if (loop->observer)
        loop->observer->see(loop->observer, loop, sight, item);
}

/* The loop that runs in this thread; NULL: none. */
extern EDDYI_THREAD_LOCAL eddy_loop *eddyi_loop_running;

/* Returns whether the loop runs in another thread, so that this one must not touch it. */
static inline bool eddyi_loop_elsewhere(const eddy_loop *loop)
{
    return loop->running && eddyi_loop_running != loop;
}

/* Appends @r to the ready queue. Only for the loop's thread. */
static inline void eddyi_loop_ready(eddy_loop *loop, struct eddyi_ready *r)
{
    EDDYI_ASSERT(!eddyi_loop_elsewhere(loop) && "only the thread that runs the loop queues");
    eddyi_list_append(&loop->schedule.ready, &r->link);
}

/* Has the next turn poll. */
static inline void eddyi_loop_poll_next(eddy_loop *loop)
{
    loop->schedule.turns_left = 0;
    loop->schedule.shared_until = 0;
}

/*
 * Has @r run at the end of the present turn, after all items of the turn and before the loop polls
 * the backend again: what many calls of a turn have to do can be done there once. An item that
 * calls this for itself when it runs has its turn at the end of the next turn. Only for the loop's
 * thread. The next turn polls, also if this is called from the poll, which decides that later.
 */
static inline void eddyi_loop_at_turn_end(eddy_loop *loop, struct eddyi_ready *r)
{
    eddyi_loop_poll_next(loop);
    if (!loop->schedule.item)
        loop->schedule.turns_per_poll = 0;
    eddyi_list_append(&loop->schedule.last, &r->link);
}

/*
 * Post @r to the loop, and wake the loop if it sleeps. May be called from any thread;
 * eddyi_loop_post_elsewhere() only from a thread that does not run the loop, and not in a forked
 * child. Return 0, EDDY_ECLOSED or EDDY_EFORKED, without a message; on an error @r was not
 * accepted. An accepted item runs even if the loop is closed first, while closing.
 */
int eddyi_loop_post(eddy_loop *loop, struct eddyi_ready *r);
int eddyi_loop_post_elsewhere(eddy_loop *loop, struct eddyi_ready *r);

/*
 * Returns whether there are posted items that were not taken. This function and the following are
 * only for the loop's thread, while it is awake.
 */
static inline bool eddyi_loop_posted(const eddy_loop *loop)
{
    return atomic_load_explicit(&loop->inbox.newest, memory_order_relaxed) != NULL;
}

/*
 * Move the posted items to the ready queue; eddyi_loop_close_inbox() does so for the last time,
 * when the loop is closed.
 */
void eddyi_loop_take_posted(eddy_loop *loop);
void eddyi_loop_close_inbox(eddy_loop *loop);

/*
 * Mark the loop asleep and awake; in between, a post wakes it. Falling asleep returns false, and
 * does nothing, if an item was posted.
 */
EDDYI_DIRECT bool eddyi_loop_fall_asleep(eddy_loop *loop);
EDDYI_DIRECT void eddyi_loop_wake_up(eddy_loop *loop);

#define EDDYI_NEVER INT64_MAX

/* Reads the loop's clock, in nanoseconds. */
int64_t eddyi_loop_now(const eddy_loop *loop);

/* Converts seconds to nanoseconds, saturated. The caller has to refuse NaN. */
EDDYI_DIRECT int64_t eddyi_nanoseconds(double seconds);

/* Adds nanoseconds to a time, saturated. */
static inline int64_t eddyi_time_after(int64_t now, int64_t delay)
{
    return delay > EDDYI_NEVER - now ? EDDYI_NEVER : now + delay;
}

/*
 * Start a timer: its ready item is queued at @when, or @delay nanoseconds from now; if it is due
 * already, in the next turn. Return 0, or -ENOMEM if the heap cannot grow. The caller provides the
 * storage.
 */
EDDYI_DIRECT int eddyi_timer_start(eddy_loop *loop, struct eddyi_timer *t, int64_t when);
EDDYI_DIRECT int eddyi_timer_start_after(eddy_loop *loop, struct eddyi_timer *t, int64_t delay);

/* Stops a timer; harmless if it is not started. */
EDDYI_DIRECT void eddyi_timer_stop(eddy_loop *loop, struct eddyi_timer *t);

/* The number of forks, since the first process, of processes that had loops: 0 in the first. */
extern unsigned eddyi_fork_number;
void eddyi_watch_forks(void); /* starts counting */

/*
 * For children of fork(): where this thread was when it forked, until the run of the parent's loop
 * has ended here. A run of the child's own keeps it for the time after.
 */
struct eddyi_forked {
    bool in_run;     /* in a task or callback */
    eddy_task *task; /* the task that forked, or NULL */
};
extern EDDYI_THREAD_LOCAL struct eddyi_forked eddyi_forked;

/* Returns whether this thread has no loop because the run that it is in is the parent's. */
bool eddyi_loop_is_behind(void);

/* Detaches a loop of the parent, in such a child. */
void eddyi_loop_leave_behind(eddy_loop *loop);

/*
 * Returns whether this is a child of fork() and @loop its parent's: no object of the loop may then
 * be changed.
 */
static inline bool eddyi_loop_forked(const eddy_loop *loop)
{
    return loop->fork_number != eddyi_fork_number;
}

/* Raises EDDY_ENOLOOP, or EDDY_EFORKED if eddyi_loop_is_behind(). */
EDDY_COLD int eddyi_raise_no_loop(void);

/* Slow path of eddyi_loop_check(). */
int eddyi_loop_check_slow(const eddy_loop *loop);

/*
 * Returns whether @loop runs in this thread, and may be used. In a child of fork() no loop made
 * before the fork runs; see after_fork_in_child().
 */
static inline bool eddyi_loop_is_here(const eddy_loop *loop)
{
    return loop && loop == eddyi_loop_running && !loop->closed;
}

/*
 * Returns whether eddyi_loop_is_here() holds and no posts wait in the inbox, with one comparison
 * for both of the latter: the inbox of a closed loop is not NULL either.
 */
static inline bool eddyi_loop_is_here_alone(const eddy_loop *loop)
{
    return loop && loop == eddyi_loop_running && !eddyi_loop_posted(loop);
}

/*
 * Checks that @loop may be used in this thread. Returns 0, or raises EDDY_ECLOSED, EDDY_EFORKED,
 * EDDY_ETHREAD, or EDDY_ENOLOOP for NULL.
 */
static inline int eddyi_loop_check(const eddy_loop *loop)
{
    return eddyi_loop_is_here(loop) ? 0 : eddyi_loop_check_slow(loop);
}

/*
 * The item whose clean-up has reported that it ran, for C++ exceptions (docs/cxx.md). An exception
 * that leaves a callback ends the run and reaches its caller; this is possible for the callback of
 * a handle, and for an item recorded here. Any other exception ends the process, since the code
 * that it passes through would not be cleaned up.
 */
extern EDDYI_THREAD_LOCAL const struct eddyi_ready *eddyi_cleaned_up;

/* Returns whether the next turn has an item to run and needs no poll. */
static inline bool eddyi_loop_may_turn_quickly(const eddy_loop *loop)
{
    return loop->schedule.turns_left > 0 && !eddyi_list_empty(&loop->schedule.ready) &&
           !loop->stopping && !eddyi_loop_posted(loop) &&
           !atomic_load_explicit(&loop->signal.came, memory_order_relaxed);
}

/* Counts a turn without a poll. */
static inline void eddyi_loop_skip_look(eddy_loop *loop)
{
    EDDYI_ASSERT(loop->schedule.turns_left > 0);
    loop->schedule.turns_left--;
    loop->schedule.turns++;
}

/*
 * Begins a turn without a poll: takes the first item off the ready queue; the others become the
 * batch, which was empty. If two tasks alternate there are no others, and moving the item to the
 * batch would mean to read it back.
 */
static inline void eddyi_loop_begin_quick_turn(eddy_loop *loop)
{
    eddyi_loop_skip_look(loop);
    eddyi_list_move_rest(&loop->schedule.batch, &loop->schedule.ready);
}

/*
 * Requests that on_signal() be called at the start of the next turn. For signal handlers. May be
 * called from any thread.
 */
void eddyi_loop_signal(eddy_loop *loop);

/*
 * Keeps the loop in memory, but not open: objects of the loop hold it this way, since otherwise
 * tasks that never end would keep their own loop from closing. The thread that runs the loop counts
 * separately, without the 5 ns of an atomic operation; the caller of the run has a reference, so
 * the struct remains. When the run is over, both counts are added up.
 */
static inline eddy_loop *eddyi_loop_hold(eddy_loop *loop)
{
    if (eddyi_loop_running == loop)
        loop->holds_here++;
    else
        atomic_fetch_add_explicit(&loop->holds, 1, memory_order_relaxed);
    return loop;
}

/* Slow path of eddyi_loop_release(): called in another thread than the loop's. */
void eddyi_loop_release_slow(eddy_loop *loop);

static inline void eddyi_loop_release(eddy_loop *loop)
{
    if (eddyi_loop_running == loop)
        loop->holds_here--;
    else
        eddyi_loop_release_slow(loop);
}

/* Sets the loop that runs in this thread; NULL: none. */
void eddyi_loop_set_running(eddy_loop *loop);

#endif
