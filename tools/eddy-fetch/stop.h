/*
 * SIGTERM and SIGHUP end the program as Ctrl-C does: everything is cancelled, and no unfinished
 * file is left.
 */
#ifndef STOP_H
#define STOP_H

#include <eddy/defs.h>

struct stop {
    int fd; /* a signalfd */
    eddy_loop *loop;
    eddy_task *task; /* to cancel, borrowed */
    int *ret_signal;
};

/* Blocks the signals; from then on they wait for stop_watch(). Must be called before the first
 * thread starts. */
void stop_block_signals(void);

/* Waits for a signal: puts its number into *ret_signal and cancels the current task. Returns 0 or a
 * raised -errno. */
int stop_watch(struct stop *s, int *ret_signal);
void stop_unwatch(struct stop *s);

#endif
