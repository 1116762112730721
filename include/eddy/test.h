/*
 * Testing programs that use eddy: virtual time, failing calls, shuffled tasks, and cancellation at
 * every suspension.
 *
 *     // a scenario: a coroutine that starts concurrent work
 *     static int transfer(void *arg)
 *     {
 *         eddy_task *other = eddy_create_task(deposit(arg, 10));
 *         int rc = eddy_await(withdraw(arg, 10));
 *         int rc_of_other = eddy_await(other);
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
 * This header is not part of eddy.h, and its functions are not part of the library: link tests with
 * eddy_test in place of eddy (pkg-config eddy-test). That archive contains this kit and the whole
 * library, built so that its system calls and its allocations can be made to fail.
 *
 * Use the kit from one thread at a time, and outside of tasks unless a comment says otherwise.
 */
#ifndef EDDY_TEST_H
#define EDDY_TEST_H

#include "coroutine.h"
#include "defs.h"
#include "loop.h"

EDDY_BEGIN_DECLS

/* Time. */

/*
 * Makes a loop with the virtual clock; can be used as a loop_factory. With EDDY_SHUFFLE=seed in the
 * environment this loop, and those of scenarios, are shuffled (see eddy_test_loop_shuffle()). The
 * caller owns the result. Returns NULL as eddy_loop_new() does.
 */
EDDY_NODISCARD eddy_loop *eddy_test_loop(void);

/*
 * Runs @coro as eddy_run() does, on a loop with the virtual clock: a sleep takes no time, and a
 * deadlock gives -EDEADLK at once.
 */
int eddy_test_run(eddy_coroutine *coro);

/*
 * Runs all that is ready, and all that becomes ready by it, until only the clock or an outside
 * event could make progress. @loop NULL means the running loop. In a task of the loop the call
 * suspends; outside of any loop it runs the loop. Only one task may be in this call: two would
 * never find each other idle.
 *
 * Returns 0; in a task -ECANCELED; outside of a loop the errors of eddy_loop_run_forever();
 * EDDY_EMISUSE in a callback; EDDY_ENOLOOP.
 */
EDDY_AWAITS int eddy_test_run_until_idle(eddy_loop *loop);

/*
 * Advances the loop's clock by @seconds, running all that becomes due at its time, and then runs
 * until idle. Under a real clock this takes @seconds. Returns as eddy_test_run_until_idle(), and
 * EDDY_ESTOPPED if the loop was stopped meanwhile, -EINVAL for NaN, or -ENOMEM.
 */
EDDY_AWAITS int eddy_test_advance(eddy_loop *loop, double seconds);

/* Order. */

/*
 * Shuffles what is ready in each turn of the loop, from now on, in an order that follows from
 * @seed; 0 restores first-come order. This finds code that is right in one order only. Returns 0 or
 * -ENOMEM.
 */
int eddy_test_loop_shuffle(eddy_loop *loop, unsigned long seed);

/* Failures. */

/*
 * Makes the @nth call named @call that the library makes from now on fail with @error, a positive
 * errno; 0 makes every such call fail. Names are those of the C library and the kernel: "malloc",
 * "mmap", "accept4", "recv", "pthread_create", …. Up to eight such plans can be active. Calls by
 * the program itself never fail.
 */
void eddy_test_fail_call(const char *call, unsigned long nth, int error);

/*
 * Removes all plans of eddy_test_fail_call(). Returns the number of calls that failed since the
 * last call of this function.
 */
unsigned long eddy_test_fail_nothing(void);

/* Scenarios: coroutines to be run repeatedly, each time with another accident. */

/* The backends that a scenario runs on; can be combined with |. REAL means both real ones. */
enum { EDDY_TEST_VIRTUAL = 1, EDDY_TEST_EPOLL = 2, EDDY_TEST_IO_URING = 4, EDDY_TEST_REAL = 6 };

/* One run of a scenario, as the argument of its check. */
typedef struct eddy_test_trial {
    const char *accident; /* a description of the accident; "" in a run without one */
    int status;           /* the status of the scenario */
    const char *task;     /* the name of the task that was cancelled; NULL: none */
    int task_status;      /* the status of that task */
    const char *call;     /* the call that was made to fail; NULL: none */
} eddy_test_trial;

/* A coroutine to be run repeatedly, with preparations and a check. Only .fn is required. */
typedef struct eddy_test_scenario {
    const char *name;
    int (*fn)(void *arg); /* the coroutine to run */
    void *arg;
    void (*begin)(void *arg); /* called before each run, to set everything up; may be NULL */
    /*
     * Called after each run, when its loop is closed: returns 0 if all is as expected, else a
     * negative status with a message by eddy_raise(). Frees the objects that begin() made. May be
     * NULL.
     */
    int (*check)(void *arg, const eddy_test_trial *trial);
    /* EDDY_TEST_…; backends that the kernel refuses are skipped. 0: the virtual clock */
    unsigned backends;
    /*
     * Only tasks of the name @task are cancelled (NULL: all), and tasks of the name @spare are not.
     * A task without a name has that of its coroutine, the scenario's own task that of the
     * scenario.
     */
    const char *task, *spare;
    /* a cancelled task may still succeed: it ignores the cancellation, or is shielded */
    bool survives;
    /* called with each line of the report; NULL: standard error */
    void (*say)(const char *line, void *arg);
} eddy_test_scenario;

/* The counts of a call that ran a scenario repeatedly. */
typedef struct eddy_test_result {
    size_t suspensions; /* number of suspensions found, on all backends together */
    size_t trials;      /* runs with an accident */
    /* runs that took another course before the accident; none under the virtual clock */
    size_t unreached;
    size_t failures;
} eddy_test_result;

/*
 * Runs the scenario once without an accident, and counts its suspensions, including those of all
 * tasks that it makes. Then, for each suspension and each moment, runs it again and cancels the
 * task there. The moments:
 *
 *   suspended     as soon as the task has suspended
 *   later         a turn of the loop later: the kernel has the operation by now
 *   before-event  just before the awaited event, which then happens to a cancelled task
 *   after-event   after the event, before the task has run
 *   with-result   when the kernel has completed the operation (bytes received, a connection
 *                 accepted), before the loop knows it: the result follows the cancellation, and
 *                 must not be lost
 *   late-result   as with-result, but the result arrives only after the kernel's answer to the
 *                 request to cancel
 *
 * At each moment the task is cancelled in each of these ways, and once before its first step:
 *
 *   cancel, cancel-twice
 *   cancel-again        and again at the task's next suspension, which is in its clean-up
 *   timeout             by the deadline of a timeout around the task's coroutine
 *   timeout-and-cancel, cancel-and-timeout  by both, in this order, in the same turn
 *
 * Each run must satisfy these conditions, besides those of check():
 *
 *   - it ends: no task waits forever because the cancelled task did not pass its wake-up on
 *   - a suspended task continues only when its wait is over, and only once
 *   - it continues only when the kernel no longer uses the buffers of its call; a violation ends
 *     the process with a message, since its effects would be random
 *   - a cancelled task does not succeed (unless .survives)
 *   - a timeout gives -ETIMEDOUT, and together with a cancellation -ECANCELED
 *   - nothing is left: no task, no timer of a task that has ended, no coroutine that is never
 *     awaited, no descriptor, no memory of the library
 *
 * Returns the number of runs that failed. Each is reported in one line, which names the task, the
 * suspension and the object that it waited for, and ends with a setting: with EDDY_TEST_ONLY='…' in
 * the environment only that run is made, for use in a debugger. EDDY_TEST_VERBOSE=1 prints each run
 * before it is made.
 *
 * Returns a negative number if the scenario cannot be run: the scenario's own status if it fails
 * without an accident; it must end by itself.
 */
int eddy_test_cancel_everywhere(const eddy_test_scenario *s, eddy_test_result *ret_result);

/*
 * Runs the scenario repeatedly, and makes each system call and allocation of the library fail: one
 * after another, first once, then that call and all later ones. A run may fail, but must end and
 * leave nothing behind. Returns as eddy_test_cancel_everywhere().
 */
int eddy_test_fail_everywhere(const eddy_test_scenario *s, eddy_test_result *ret_result);

/*
 * Runs the scenario @n times, shuffled by the seeds from @seed on. Every run must succeed and leave
 * nothing behind. Returns as eddy_test_cancel_everywhere().
 */
int eddy_test_shuffle(const eddy_test_scenario *s, unsigned long seed, size_t n,
                      eddy_test_result *ret_result);

EDDY_END_DECLS

#endif
