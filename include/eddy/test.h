/*
 * Testing programs that use eddy: time that obeys, calls that fail, tasks that run in another
 * order, and cancellation everywhere.
 *
 *     static int transfer(void *arg) // a scenario: a coroutine that sets something going {
 *     eddy_task *other = eddy_create_task(deposit(arg, 10)); int rc = eddy_await(withdraw(arg,
 *     10)); int rc_of_other = eddy_await(other);
 *
 *         return rc < 0 ? rc : rc_of_other;
 *     }
 *
 *     static int no_money_is_lost(void *arg, const eddy_test_trial *trial);
 *
 *     int main(void)
 *     {
 *         struct bank bank;
 *         eddy_test_scenario s = {.name = "transfer", .fn = transfer, .arg = &bank,
 *                                 .begin = open_bank, .check = no_money_is_lost};
 *
 *         return eddy_test_cancel_everywhere(&s, NULL) != 0;
 *     }
 *
 * Not part of eddy.h, nor of the library: link tests with eddy_test instead of eddy (pkg-config
 * eddy-test). That archive has the whole library, built so that its calls to the kernel and for
 * memory can be made to fail, and this kit.
 *
 * Everything here is for one thread at a time, and outside of tasks unless it says otherwise.
 */
#ifndef EDDY_TEST_H
#define EDDY_TEST_H

#include "coroutine.h"
#include "defs.h"
#include "loop.h"

EDDY_BEGIN_DECLS

/* Time. */

/*
 * A new loop with the virtual clock; NULL as eddy_loop_new(). Good as a loop_factory. With
 * EDDY_SHUFFLE=seed in the environment this loop, and those of scenarios, are shuffled (see below).
 */
EDDY_NODISCARD eddy_loop *eddy_test_loop(void);

/* eddy_run() on such a loop. A sleep takes no time, and a deadlock is -EDEADLK at once. */
int eddy_test_run(eddy_coroutine *coro);

/*
 * Runs whatever is ready, and whatever gets ready by that, until only time or the outside world
 * could go on. One task at a time: two would never find each other idle.
 *
 * @loop  NULL: the running one. In a task of the loop this suspends; outside of any loop it runs
 *        the loop.
 *
 * Returns 0; in a task -ECANCELED; outside what eddy_loop_run_forever() returns; EDDY_EMISUSE in a
 * callback, EDDY_ENOLOOP.
 */
EDDY_AWAITS int eddy_test_run_until_idle(eddy_loop *loop);

/*
 * Lets @seconds pass on the loop's clock, with all that becomes due meanwhile, each at its time,
 * and then runs until idle. Under a real clock it does take that long. Returns as above,
 * EDDY_ESTOPPED if somebody stopped the loop meanwhile, -EINVAL for NaN, -ENOMEM.
 */
EDDY_AWAITS int eddy_test_advance(eddy_loop *loop, double seconds);

/* Order. */

/*
 * From now on what is ready in a turn of the loop runs in an order that follows from @seed, instead
 * of first come, first served; 0 puts it back. What is right only in one order is found so. 0 or
 * -ENOMEM.
 */
int eddy_test_loop_shuffle(eddy_loop *loop, unsigned long seed);

/* Failures. */

/*
 * Has the @nth call of that name that the library makes from now on fail with @error, a positive
 * errno; each one if @nth is 0. Names are those of the C library and the kernel: "malloc", "mmap",
 * "accept4", "recv", "pthread_create"… Up to eight such plans stand side by side. Calls that the
 * program makes itself never fail by this.
 */
void eddy_test_fail_call(const char *call, unsigned long nth, int error);

/* Makes no call fail any more; returns how many did since the last time. */
unsigned long eddy_test_fail_nothing(void);

/* Scenarios: something to be run again and again, each time with another accident. */

enum { EDDY_TEST_VIRTUAL = 1, EDDY_TEST_EPOLL = 2, EDDY_TEST_IO_URING = 4, EDDY_TEST_REAL = 6 };

/* One run of a scenario, for its check. */
typedef struct eddy_test_trial {
    const char *accident; /* what was done, in words; "" in a run without */
    int status;           /* how the scenario ended */
    const char *task;     /* the name of the task that was cancelled; NULL: none was */
    int task_status;      /* how that one ended */
    const char *call;     /* the call that was made to fail; NULL: none was */
} eddy_test_trial;

typedef struct eddy_test_scenario {
    const char *name;
    int (*fn)(void *arg); /* the coroutine to run */
    void *arg;
    void (*begin)(void *arg); /* before each run: makes everything new; may be NULL */
    /*
     * After each run, when its loop is closed: 0 if all is as it should be, else a negative status,
     * with a word to it by eddy_raise(). It frees what begin() made. May be NULL.
     */
    int (*check)(void *arg, const eddy_test_trial *trial);
    /* EDDY_TEST_…; those that the kernel refuses are left out. 0: the virtual clock */
    unsigned backends;
    /*
     * Only tasks of this name are cancelled (NULL: all), and those of that name are not. One that
     * was given no name goes by that of its coroutine, the scenario's own by that of the scenario.
     */
    const char *task, *spare;
    /* a task that is cancelled may succeed all the same: it goes on, or is shielded */
    bool survives;
    /* gets the report, line by line; NULL: standard error */
    void (*say)(const char *line, void *arg);
} eddy_test_scenario;

typedef struct eddy_test_result {
    size_t suspensions; /* that were found, on all backends together */
    size_t trials;      /* runs with an accident */
    size_t unreached;   /* those that took another course before it; none under the virtual clock */
    size_t failures;
} eddy_test_result;

/*
 * Runs the scenario once as it is, counting its suspensions, those of all tasks that it makes
 * included. Then, for each of them and each moment, it is run again and the task is cancelled
 * there:
 *
 *   suspended as soon as it has suspended later a turn of the loop later: the kernel has the
 *   operation by now before-event just before what it waits for comes about, which then happens to
 *   a cancelled task after-event when that has come about, but the task has not run yet with-result
 *   when the kernel has done what was asked of it (bytes received, a connection accepted), but the
 *   loop does not know yet: the result comes after the cancellation, and may not be lost
 *   late-result the same, and the result comes only after the kernel's answer to the request to
 *   cancel
 *
 * at each of these in one of these ways:
 *
 *   cancel, cancel-twice
 *   cancel-again        and once more at the task's next suspension, which is its clean-up
 *   timeout             the deadline of a timeout around the task's coroutine strikes instead
 *   timeout-and-cancel, cancel-and-timeout   both, in this order, in the same turn
 *
 * and also before its first step. Each run must hold to this, besides what check() wants:
 *
 *   - it comes to an end: nobody waits for ever because the cancelled task did not pass its wake-up
 *     on
 *   - a suspended task goes on only when its wait is over, and only once
 *   - it goes on only when the kernel has let go of the buffers of its call; where it had not,
 *     chance would decide what comes of it, so the process ends with a message
 *   - a cancelled task does not succeed (unless .survives)
 *   - a timeout gives -ETIMEDOUT, and together with a cancellation -ECANCELED
 *   - nothing is left: no task, no timer of one that has ended, no coroutine that nobody awaits, no
 *     descriptor, no memory of the library
 *
 * Returns how many runs did not. Each is reported in a line that names the task, the suspension and
 * what it waited for, and ends with a setting: with EDDY_TEST_ONLY='…' in the environment only that
 * run is made, for a debugger. EDDY_TEST_VERBOSE=1 says each run before it is made.
 *
 * Negative if the scenario cannot be run: its own status, if it fails without an accident; it must
 * end by itself.
 */
int eddy_test_cancel_everywhere(const eddy_test_scenario *s, eddy_test_result *ret_result);

/*
 * Runs the scenario again and again, and makes each call of the library to the kernel, or for
 * memory, fail: one after the other, once, and then it and all later ones. The runs may fail, but
 * must come to an end and leave nothing behind. Returns as above.
 */
int eddy_test_fail_everywhere(const eddy_test_scenario *s, eddy_test_result *ret_result);

/*
 * Runs the scenario @n times, shuffled by the seeds from @seed on. The runs must succeed and leave
 * nothing behind. Returns as above.
 */
int eddy_test_shuffle(const eddy_test_scenario *s, unsigned long seed, size_t n,
                      eddy_test_result *ret_result);

EDDY_END_DECLS

#endif
