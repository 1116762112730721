/*
 * SIGTERM and SIGHUP end the program as Ctrl-C does: everything is cancelled, no unfinished file
 * stays.
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

/* To be called before the first thread is started: from then on the signals wait for
 * stop_watch(). */
void stop_block_signals(void);

/* When one comes, puts its number in *ret_signal and cancels the current task. Returns 0 or -errno
 * as a raised error. */
int stop_watch(struct stop *s, int *ret_signal);
void stop_unwatch(struct stop *s);

#endif
