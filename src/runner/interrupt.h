/*
 * Ctrl-C for a running program: the first cancels the main task, the second ends the process.
 */
#ifndef EDDYI_INTERRUPT_H
#define EDDYI_INTERRUPT_H

#include "eddy/defs.h"
#include "loop/signal.h"

/* The signals of one run; lies in the storage of the code that runs the loop. */
struct eddyi_interrupt {
    struct eddyi_interrupting_signal {
        struct eddyi_signal_fallback fallback;
        struct eddyi_interrupt *interrupt;
        bool taken;
    } signals[2];
    eddy_task *task;
    atomic_uint count; /* how many have come */
    atomic_int signo;  /* the first of them */
    bool told;         /* the task was cancelled because of it */
};

/*
 * Takes SIGINT if @sigint, and SIGTERM if @sigterm, for @task until _end. Has no effect outside the
 * main thread, nor on a signal that is handled or ignored already.
 */
void eddyi_interrupt_begin(struct eddyi_interrupt *interrupt, eddy_task *task, bool sigint,
                           bool sigterm);
void eddyi_interrupt_end(struct eddyi_interrupt *interrupt);

#endif
