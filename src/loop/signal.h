/*
 * Signals as events of a loop.
 *
 *   signal handler, any thread --fifo--> look(), an item of the ready queue --deliver()-->
 *   subscribers
 *
 * One handler serves the whole process. It notes the signal's number with the loop that subscribed
 * to it latest, and wakes that loop; in the loop's thread every subscriber then hears of every
 * delivery, in the order of arrival (rule 190). A signal's first subscription installs the handler,
 * its last one puts back what was there before. Only the main thread may subscribe, as in asyncio.
 *
 * Nothing here is lost: of more than 512 deliveries that wait at once, those behind are counted for
 * each signal, so that only their order suffers.
 */
#ifndef EDDYI_LOOP_SIGNAL_H
#define EDDYI_LOOP_SIGNAL_H

#include "base/list.h"
#include "eddy/defs.h"

#include <signal.h>
#include <stdatomic.h>

/* Signals are numbered from 1 to below this. */
#define EDDYI_SIGNALS 65

/* Numbers of signals, first in, first out. Any number of writers, signal handlers among them; one
 * reader. */
struct eddyi_signal_fifo {
    atomic_uint head, tail; /* written up to here, read up to here */
    /* 0: reserved by a writer that has not got there yet, or read */
    atomic_uchar numbers[512];
    atomic_bool any_extra;            /* extra is not all 0 */
    atomic_uint extra[EDDYI_SIGNALS]; /* that found no room */
};

void eddyi_signal_fifo_put(struct eddyi_signal_fifo *f, int signo);
int eddyi_signal_fifo_take(struct eddyi_signal_fifo *f); /* 0: nothing there */

/* One who wants to hear of one signal. */
struct eddyi_signal_subscriber {
    struct eddyi_list link; /* among its loop's; to itself: it subscribes to nothing */
    eddy_loop *loop;
    int signo;
    /*
     * In the loop's thread, from its ready queue, once for each delivery. It must not end any
     * subscription.
     */
    void (*deliver)(struct eddyi_signal_subscriber *s);
};

/*
 * 0, or as a raised error: -EINVAL for what is no signal, or one that cannot be caught or, being a
 * fault of the program, not be survived; EDDY_ETHREAD outside of the main thread; -ENOMEM; what
 * eddyi_loop_check() says.
 */
int eddyi_signal_subscribe(eddy_loop *loop, struct eddyi_signal_subscriber *s, int signo);

/*
 * Harmless after the loop was closed, which ends all subscriptions. What has arrived is delivered
 * to those left.
 */
void eddyi_signal_unsubscribe(struct eddyi_signal_subscriber *s);

/* Whether anybody does, in any loop. */
bool eddyi_signal_is_subscribed(int signo);

/* Delivers at once what has arrived. In the loop's thread. */
void eddyi_signal_look(eddy_loop *loop);

/* Raises -EINVAL or EDDY_ETHREAD as above; 0 if one may subscribe to it here. */
int eddyi_signal_check(int signo);

/*
 * Who gets a signal as long as nobody subscribes to it. Told in the signal handler, and so with its
 * means: it may use atomics and eddyi_loop_signal().
 */
struct eddyi_signal_fallback {
    int signo;
    void (*strike)(struct eddyi_signal_fallback *f);
};

/*
 * Takes a signal that the program leaves alone (SIG_DFL, no subscriber, no fallback), in the main
 * thread; else false.
 */
bool eddyi_signal_fallback_begin(struct eddyi_signal_fallback *f, int signo);
void eddyi_signal_fallback_end(struct eddyi_signal_fallback *f);

/* In a signal handler: does to the process what the signal does where nobody handles it. */
void eddyi_signal_by_default(int signo);

/*
 * Signal handlers that look at loops are between _enter and _leave; whoever takes a loop away from
 * them waits until none is, after it has unlinked it.
 */
void eddyi_signal_handler_enter(void);
void eddyi_signal_handler_leave(void);
void eddyi_signal_handlers_wait(void);

/* Around fork(): in the child no loop is left, so signals do there what they did before. */
void eddyi_signals_before_fork(void);
void eddyi_signals_after_fork(bool in_child);

/* A signal handler called eddyi_loop_signal(): sees to what it left. For turn.c. */
void eddyi_signals_notice(eddy_loop *loop);

#endif
