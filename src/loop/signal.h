/*
 * Signals as events of a loop.
 *
 *   signal handler, any thread --fifo--> look(), an item of the ready queue --deliver()-->
 *   subscribers
 *
 * One handler serves the whole process. It stores the signal's number in the loop that subscribed
 * to it latest, and wakes that loop. In the loop's thread every delivery then goes to every
 * subscriber, in the order of arrival (rule 190). The first subscription to a signal installs the
 * handler, the end of the last one restores the former action. Only the main thread may subscribe,
 * as in asyncio.
 *
 * No delivery is lost: if more than 512 wait at once, the later ones are only counted for each
 * signal, so that only their order is lost.
 */
#ifndef EDDYI_LOOP_SIGNAL_H
#define EDDYI_LOOP_SIGNAL_H

#include "base/list.h"
#include "eddy/defs.h"

#include <signal.h>
#include <stdatomic.h>

/* Signals are numbered from 1 to below this. */
#define EDDYI_SIGNALS 65

/*
 * A queue of signal numbers, first in, first out, with any number of writers, signal handlers among
 * them, and one reader.
 */
struct eddyi_signal_fifo {
    atomic_uint head, tail; /* written up to here, read up to here */
    /* 0: reserved by a writer that has not stored its number yet, or already read */
    atomic_uchar numbers[512];
    atomic_bool any_extra;            /* extra is not all 0 */
    atomic_uint extra[EDDYI_SIGNALS]; /* deliveries that found no room */
};

void eddyi_signal_fifo_put(struct eddyi_signal_fifo *f, int signo);
int eddyi_signal_fifo_take(struct eddyi_signal_fifo *f); /* 0: empty */

/* A subscription to one signal. */
struct eddyi_signal_subscriber {
    struct eddyi_list link; /* among its loop's; to itself: there is no subscription */
    eddy_loop *loop;
    int signo;
    /*
     * Called in the loop's thread, from its ready queue, once for each delivery. Must not end any
     * subscription.
     */
    void (*deliver)(struct eddyi_signal_subscriber *s);
};

/*
 * Subscribes @s to the signal @signo. Returns 0, or raises -EINVAL for a number that is not a
 * signal, or for a signal that cannot be caught or (a fault of the program) not be survived;
 * EDDY_ETHREAD outside of the main thread; -ENOMEM; the errors of eddyi_loop_check().
 */
int eddyi_signal_subscribe(eddy_loop *loop, struct eddyi_signal_subscriber *s, int signo);

/*
 * Ends the subscription @s. Harmless after the loop was closed, which ends all subscriptions.
 * Signals that have arrived are delivered to the other subscribers.
 */
void eddyi_signal_unsubscribe(struct eddyi_signal_subscriber *s);

/* Returns whether there is a subscription to @signo, in any loop. */
bool eddyi_signal_is_subscribed(int signo);

/* Delivers at once the signals that have arrived. Called in the loop's thread. */
void eddyi_signal_look(eddy_loop *loop);

/*
 * Raises -EINVAL or EDDY_ETHREAD as eddyi_signal_subscribe() does; returns 0 if @signo can be
 * subscribed to here.
 */
int eddyi_signal_check(int signo);

/*
 * A function that gets a signal while there is no subscription to it. It is called in the signal
 * handler, so it may only use atomics and eddyi_loop_signal().
 */
struct eddyi_signal_fallback {
    int signo;
    void (*strike)(struct eddyi_signal_fallback *f);
};

/*
 * Installs a fallback for a signal that the program does not use (SIG_DFL, no subscription, no
 * fallback), in the main thread. Returns false otherwise.
 */
bool eddyi_signal_fallback_begin(struct eddyi_signal_fallback *f, int signo);
void eddyi_signal_fallback_end(struct eddyi_signal_fallback *f);

/* Applies the default action of @signo to the process, in a signal handler. */
void eddyi_signal_by_default(int signo);

/*
 * Mark the part of a signal handler that uses loops. A thread that frees a loop unlinks it, and
 * then calls eddyi_signal_handlers_wait(), which waits until no handler is in such a part.
 */
void eddyi_signal_handler_enter(void);
void eddyi_signal_handler_leave(void);
void eddyi_signal_handlers_wait(void);

/*
 * Called around fork(): in the child no loop is left, so signals have their former actions there.
 */
void eddyi_signals_before_fork(void);
void eddyi_signals_after_fork(bool in_child);

/* Handles the request that a signal handler made with eddyi_loop_signal(); called by turn.c. */
void eddyi_signals_notice(eddy_loop *loop);

#endif
