/*
 * Random programs: coroutines that call what the library has, in an order and with arguments that
 * follow from a seed, share all their objects, and are ended at a random moment.
 *
 * Each program is valid, so whatever its calls return, it must not crash, hang, or leave anything.
 */
#ifndef EDDY_TESTS_RANDOM_H
#define EDDY_TESTS_RANDOM_H

#include <eddy.h>

#include <stdbool.h>

enum { N_SHARED = 2, N_LIVE = 32 };

/* The program that runs. Tasks outlive its main coroutine, so no frame holds it. */
extern struct program {
    uint64_t state; /* of the random numbers */
    int budget;     /* actions that are left; none: whatever still runs comes to its end */
    bool threads;   /* a real clock, threads and sockets; else the virtual clock */
    bool closing;   /* the main coroutine has ended: a cancellation is not swallowed any more */

    eddy_lock locks[N_SHARED];
    eddy_semaphore semaphores[N_SHARED];
    eddy_event events[N_SHARED];
    eddy_condition conditions[N_SHARED];
    eddy_barrier barrier;
    eddy_queue queues[N_SHARED];
    eddy_future *futures[N_SHARED]; /* owned; NULL: none yet */
    /* any of them, to cancel, wait for or await; owned; NULL: none */
    eddy_task *live[N_LIVE];
    unsigned live_depth[N_LIVE]; /* at which its actor began */
} program;

/* A random number below @n. */
unsigned draw(unsigned n);

/* A random delay: none, short, or long under the virtual clock; seconds. */
double draw_delay(void);

/* Actions, some of them; each may call act() for what is within it. @depth bounds that. Returns a
 * status. */
int act(unsigned depth);

/* A coroutine that acts. */
eddy_async_declare(actor, (unsigned, depth));

/* The kinds of actions of each file. */
typedef int action_fn(unsigned depth);
extern action_fn *const task_actions[], *const sync_actions[], *const stream_actions[],
                                                                   *const thread_actions[];
extern const unsigned n_task_actions, n_sync_actions, n_stream_actions, n_thread_actions;

#endif
